import { expect } from 'chai'
import { Hooks } from '../../src/driver/hooks.ts'
import type { Layer } from '../../src/request.ts'
import { requestFor } from '../support/stepping.ts'

describe('Hooks', () => {
  const calls: string[] = []
  /** It says whose hook was called, by `this`. */
  const layer = (name: string, ...hooks: string[]): Layer => ({
    name,
    ...Object.fromEntries(
      hooks.map((hook) => [
        hook,
        function (this: Layer) {
          calls.push(this.name)
          return 'pass'
        },
      ]),
    ),
  })
  const all = ['begin', 'produce', 'checkout', 'consume', 'answer', 'rescue', 'finish'] as const
  const called = (hooks: Hooks, hook: (typeof all)[number]): string[] => {
    calls.length = 0
    const request = requestFor('www.example.org.')
    for (const call of hooks[hook]) (call as (...given: unknown[]) => unknown)(request, undefined, undefined)
    return [...calls]
  }

  it('go down the list towards the network, and up it towards the client', () => {
    const hooks = new Hooks([layer('outer', ...all), layer('inner', ...all)])
    for (const hook of ['begin', 'produce', 'checkout', 'rescue'] as const)
      expect(called(hooks, hook), hook).to.deep.equal(['outer', 'inner'])
    for (const hook of ['consume', 'answer', 'finish'] as const)
      expect(called(hooks, hook), hook).to.deep.equal(['inner', 'outer'])
  })

  it('pass over layers that do not have them', () => {
    const hooks = new Hooks([layer('one', 'begin'), layer('two'), layer('three', 'begin', 'answer')])
    expect(called(hooks, 'begin')).to.deep.equal(['one', 'three'])
    expect(called(hooks, 'answer')).to.deep.equal(['three'])
    expect(called(hooks, 'produce')).to.deep.equal([])
  })

  it('are those that layers had when they were taken', () => {
    const changing = layer('changing', 'begin')
    const hooks = new Hooks([changing])
    changing.begin = undefined
    changing.answer = () => 'pass'
    expect([hooks.begin.length, hooks.answer.length]).to.deep.equal([1, 0])
  })

  it('tell whether one of the layers has to see what is answered from the cache', () => {
    expect(new Hooks([{ name: 'one' }, { name: 'two' }]).seesCached).to.equal(false)
    expect(new Hooks([{ name: 'one' }, { name: 'two', seesCached: true }]).seesCached).to.equal(true)
  })
})
