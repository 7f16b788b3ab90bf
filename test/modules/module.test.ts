/** What a module is: declared once, kept in order, and unable to take the worker with it. */

import { expect } from 'chai'
import { whole } from '../../src/config/settings.ts'
import type { OutsideModule } from '../../src/modules/index.ts'
import { arrange, defineModule, type Module } from '../../src/modules/module.ts'
import type { Step } from '../../src/request.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { Rcode, Type } from '../../src/wire/types.ts'
import { authority, gist, ROOT_ADDRESS, Story } from '../scenarios/own/story.ts'

const WORLD = { [ROOT_ADDRESS]: authority({ '.': 'www A 192.0.2.1\nother A 192.0.2.2' }) }

function tell(module: Module, config: unknown = {}): Story {
  const outside: OutsideModule[] = [{ module, config, budget: { callMs: 10, waitMs: 100, faults: 3 } }]
  return new Story(WORLD, { outside })
}

describe('defineModule', () => {
  it('gives hooks the settings, typed and with their defaults', () => {
    const module = defineModule({
      name: 'counting',
      config: { times: whole({ about: 'How often.', fallback: 2, min: 1, max: 9 }) },
      metrics: { seen: 'Queries seen' },
      start: ({ config }) => ({ left: config.times }),
      begin(_request, { state, config, count }) {
        count('seen', config.times)
        state.left--
        return 'pass'
      },
    })
    expect(module.settings.safeParse({ times: 10 }).success).to.equal(false)
    const story = tell(module, module.settings.parse({}))
    story.ask('www.')
    expect(story.modules.running.find(({ name }) => name === 'counting')?.counts).to.deep.equal({ seen: 2 })
  })

  it('takes no name that could not be a folder', () =>
    expect(() => defineModule({ name: 'Big Module' })).to.throw(TypeError, 'kebab case'))

  it('lets a module ask other questions, and wait', () => {
    const module = defineModule({
      name: 'asking',
      answer(request) {
        const finding = request.need(nameFromText('other.'), Type.A)
        if (finding === undefined) return 'wait'
        request.answer = finding.answer
        return 'pass'
      },
    })
    expect(gist(tell(module).ask('www.'))).to.deep.equal(['NOERROR', 'other. A 192.0.2.2'])
  })

  it('lets a module wait for something else, while others are served', () => {
    const released: (() => void)[] = []
    const module = defineModule({
      name: 'holding',
      begin(request, { clock }) {
        if (released.includes(request.wake as () => void)) return 'pass'
        const release = request.hold()
        clock.after(50, () => {
          released.push(request.wake as () => void)
          release()
        })
        return 'wait'
      },
    })
    const story = tell(module)
    const answers = story.send('www.')
    expect(answers).to.deep.equal([])
    story.settle()
    expect(gist(answers[0])[0]).to.equal('NOERROR')
  })

  it('resolves questions of its own', () => {
    let rcode: number | undefined
    const module = defineModule({
      name: 'curious',
      begin(request, { resolve }) {
        if (request.client !== undefined) resolve(nameFromText('other.'), Type.A, (ended) => void (rcode = ended.rcode))
        return 'pass'
      },
    })
    tell(module).ask('www.')
    expect(rcode).to.equal(Rcode.NOERROR)
  })

  it('is only asked about the questions of clients, unless it wants more', () => {
    const heard: number[] = []
    const listen = (subRequests: boolean) =>
      defineModule({
        name: 'listening',
        subRequests,
        begin(request) {
          heard.push(request.depth)
          return 'pass'
        },
        answer: (request): Step => (request.need(nameFromText('other.'), Type.A) === undefined ? 'wait' : 'pass'),
      })
    tell(listen(false)).ask('www.')
    expect(heard.splice(0)).to.deep.equal([0])
    tell(listen(true)).ask('www.')
    expect(heard).to.deep.equal([0, 1])
  })
})

describe('a module from outside that', () => {
  const throwing = (whenFaulty: 'pass' | 'fail') =>
    defineModule({
      name: 'throwing',
      whenFaulty,
      begin() {
        throw new Error('a slip')
      },
    })

  it('throws costs its request nothing, or an answer, as it declares', () => {
    expect(gist(tell(throwing('pass')).ask('www.'))[0]).to.equal('NOERROR')
    expect(gist(tell(throwing('fail')).ask('www.'))[0]).to.equal('SERVFAIL')
  })

  it('throws again and again is switched off, and says so', () => {
    const story = tell(throwing('fail'))
    const rcodes = [1, 2, 3, 4].map(() => gist(story.ask('www.'))[0])
    expect(rcodes).to.deep.equal(['SERVFAIL', 'SERVFAIL', 'SERVFAIL', 'NOERROR'])
    expect(story.events.map(({ event }) => event)).to.include('module-switched-off')
    expect(story.modules.running.find(({ name }) => name === 'throwing')?.isOn).to.equal(false)
  })

  it('holds up the worker is switched off', () => {
    let story: Story | undefined
    const slow = defineModule({
      name: 'slow',
      begin() {
        story?.clock.advance(11)
        return 'pass'
      },
    })
    story = tell(slow)
    for (let i = 0; i < 4; i++) story.ask('www.')
    expect(story.modules.running.find(({ name }) => name === 'slow')?.isOn).to.equal(false)
  })

  it('never comes back is not waited for', () => {
    const stalled = defineModule({
      name: 'stalled',
      begin(request) {
        request.hold()
        return 'wait'
      },
    })
    const story = tell(stalled)
    const startMs = story.clock.monotonicMs()
    expect(gist(story.ask('www.'))[0]).to.equal('NOERROR')
    expect(story.clock.monotonicMs() - startMs).to.be.within(100, 1000)
    expect(story.events.map(({ event }) => event)).to.include('module-stalled')
  })
})

describe('the order of modules', () => {
  const module = (name: string, wishes: { before?: string[]; after?: string[] } = {}) => ({
    module: defineModule({ name, ...wishes }),
  })
  const names = (items: { module: Module }[]) => items.map((item) => item.module.name).join(' ')
  const base = [module('a'), module('b'), module('c')]

  it('is that of the list, with others where they want to be', () => {
    expect(names(arrange(base, [module('x')], 1))).to.equal('a x b c')
    expect(names(arrange(base, [module('x', { after: ['c'] })], 1))).to.equal('a b c x')
    expect(names(arrange(base, [module('x', { before: ['a'] })], 1))).to.equal('x a b c')
    expect(names(arrange(base, [module('x', { after: ['y'] }), module('y', { before: ['x'] })], 1))).to.equal(
      'a y x b c',
    )
    expect(names(arrange(base, [module('x', { after: ['gone'] })], 3))).to.equal('a b c x')
  })

  it('cannot be had for wishes against it', () => {
    const torn = module('x', { before: ['a'], after: ['c'] })
    expect(() => arrange(base, [torn], 1)).to.throw('x cannot stand behind c and in front of a')
    expect(() => arrange(base, [module('b')], 1)).to.throw('there are two called b')
  })
})
