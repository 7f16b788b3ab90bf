/** What a module is: declared once, kept in order, and unable to take the worker with it. */

import { expect } from 'chai'
import { whole } from '../../src/config/settings.ts'
import { isBlamed } from '../../src/io/blame.ts'
import type { OutsideModule } from '../../src/modules/index.ts'
import { arrange, defineModule, type Module, type RunningModule } from '../../src/modules/module.ts'
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
      begin(_request, { resolve }) {
        resolve(nameFromText('other.'), Type.A, (ended) => void (rcode = ended.rcode))
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

describe('the moments of a module', () => {
  it('come in the order of a request, and of the life of a worker', () => {
    const moments: string[] = []
    const note = (moment: string): Step => {
      moments.push(moment)
      return 'pass'
    }
    const module = defineModule({
      name: 'noting',
      start: () => void moments.push('start'),
      stop: () => void moments.push('stop'),
      begin: () => note('begin'),
      produce: () => note('produce'),
      checkout: (_request, query) => note(`checkout ${query.server.hostText}`),
      consume: (_request, _query, arrival) => note(`consume ${arrival.kind}`),
      answer: () => note('answer'),
      finish: () => void note('finish'),
    })
    const story = tell(module)
    story.ask('www.')
    story.modules.stop()
    const all = ['start', 'begin', 'produce', `checkout ${ROOT_ADDRESS}`, 'consume reply', 'answer', 'finish', 'stop']
    expect(moments).to.deep.equal(all)
  })

  it('include every so often, until it stops', () => {
    let times = 0
    const timers = { sweep: { everyMs: 1000, run: () => void times++ } }
    const story = tell(defineModule({ name: 'sweeping', timers }))
    story.elapse(3.5)
    expect(times).to.equal(3)
    story.modules.stop()
    story.elapse(10)
    expect(times).to.equal(3)
  })

  it('include an arrival from a server it has asked itself', () => {
    const heard: string[] = []
    const module = defineModule({
      name: 'asking-servers',
      finish(request, { ask }) {
        const query = request.query
        if (query !== undefined && heard.length === 0) ask(query, (arrival) => void heard.push(arrival.kind))
      },
    })
    const story = tell(module)
    story.ask('www.')
    story.elapse(5)
    expect(heard).to.deep.equal(['reply'])
    expect(story.asked.length).to.equal(2)
  })
})

describe('a verb of a module', () => {
  const module = defineModule({
    name: 'telling',
    metrics: { asked: 'Times it was asked' },
    start: () => ({ word: 'nothing' }),
    verbs: {
      say: {
        about: 'Says it.',
        run([word = ''], { state, count }) {
          count('asked')
          return `${state.word} ${word}`
        },
      },
      fail: { about: 'Fails.', run: () => Promise.reject(new Error('no such thing')) },
    },
  })
  const running = () => tell(module).modules.running.find(({ name }) => name === 'telling') as RunningModule

  it('is run with words, and what start() gave', async () => {
    const telling = running()
    expect(await telling.runVerb('say', ['more'])).to.equal('nothing more')
    expect(telling.counts.asked).to.equal(1)
    expect(telling.verbs).to.deep.equal({ say: 'Says it.', fail: 'Fails.' })
  })

  it('says what is wrong', async () => {
    const messageOf = (verb: string) =>
      running()
        .runVerb(verb, [])
        .then(String, (error: Error) => error.message)
    expect(await messageOf('fail')).to.equal('telling fail: no such thing')
    expect(await messageOf('sing')).to.contain(
      'sing is nothing that the module telling can be told; write one of say, fail',
    )
  })

  it('has a name that can be typed', () =>
    expect(() => defineModule({ name: 'x', verbs: { 'Do It': { about: '', run() {} } } })).to.throw(TypeError, 'kebab'))
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

  const eventsOf = (story: Story) => story.events.map(({ event, hook }) => `${event} ${hook}`)

  it('is asynchronous where it may not be passes, and says what to do instead', async () => {
    const story = tell(defineModule({ name: 'eager', begin: (async () => 'done') as unknown as () => Step }))
    expect(gist(story.ask('www.'))[0]).to.equal('NOERROR')
    expect(story.events[0].error).to.contain('begin() gives a promise, and not a step; to wait, hold the request')
  })

  it('gives what is no step passes', () => {
    const story = tell(defineModule({ name: 'odd', begin: () => 'maybe' as Step }))
    expect(gist(story.ask('www.'))[0]).to.equal('NOERROR')
    expect(story.events[0].error).to.contain('begin() gives "maybe", and not a step')
  })

  it('throws while nobody waits takes nobody with it', async () => {
    const throwNow = () => {
      throw new Error('a slip')
    }
    const module = defineModule({
      name: 'late',
      timers: { tick: { everyMs: 1000, run: throwNow } },
      begin(_request, { clock, resolve }) {
        clock.soon(throwNow)
        resolve(nameFromText('other.'), Type.A, throwNow)
        return 'pass'
      },
      stop: throwNow,
    })
    const story = tell(module)
    story.ask('www.')
    expect(eventsOf(story).sort()).to.deep.equal(['module-fault end', 'module-fault timer'])
    story.elapse(2)
    expect(eventsOf(story).slice(2)).to.deep.equal(['module-fault tick', 'module-switched-off undefined'])
    story.modules.stop()
    expect(eventsOf(story).at(-1)).to.equal('module-fault stop')
  })

  it('rejects a promise of its own is blamed for it', async () => {
    const module = defineModule({
      name: 'promising',
      begin() {
        setTimeout(() => {
          throw new Error('much later')
        })
        void Promise.reject(new Error('later'))
        return 'pass'
      },
    })
    const story = tell(module)
    const events = ['unhandledRejection', 'uncaughtException'] as const
    const others = events.map((event) => process.rawListeners(event))
    for (const event of events) process.removeAllListeners(event).on(event, isBlamed)
    story.ask('www.')
    await new Promise((resolve) => setTimeout(resolve, 20))
    for (const [at, event] of events.entries()) {
      process.removeAllListeners(event)
      for (const listener of others[at]) process.on(event, listener as () => void)
    }
    expect(eventsOf(story)).to.deep.equal(['module-fault its own', 'module-fault its own'])
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
