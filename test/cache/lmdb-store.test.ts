import { expect } from 'chai'
import { ManualClock } from '../support/clock.ts'
import { LocalKeeper } from './local-keeper.ts'
import { describeStore, octets, textOf } from './store-suite.ts'

describeStore('LmdbStore with a keeper in this process', async () => new LocalKeeper())

describe('LmdbStore: between put and the keeper’s word', () => {
  let clock: ManualClock
  let keeper: LocalKeeper
  beforeEach(() => {
    clock = new ManualClock()
    keeper = new LocalKeeper({ clock, store: { overlay: { entries: 10, bytes: 10_000, ageMs: 5000 } } })
  })
  afterEach(() => keeper.close())

  const get = (key: string) => textOf(keeper.store.get(octets(key)))
  const put = (key: string, value = `=${key}`) => keeper.store.put(octets(key), octets(value))

  it('finds its own entries although nobody took them', async () => {
    keeper.isThere = false
    put('a')
    await keeper.settle()
    expect(get('a')).to.equal('=a')
    expect(keeper.store.stats().dropped).to.equal(1)
    expect(keeper.file.stats().entries).to.equal(1) // the mark
  })

  it('lets them go when they have waited too long', async () => {
    keeper.isThere = false
    put('a')
    keeper.store.removeRange(octets('x'), octets('y'))
    await keeper.settle()
    clock.advance(5001)
    expect(get('a')).to.equal(undefined)
    expect(keeper.store.stats().pending).to.equal(0)
  })

  it('sends them again to a keeper that is back, removals too', async () => {
    put('old')
    put('gone')
    await keeper.settle()
    keeper.isThere = false
    put('a')
    keeper.store.remove(octets('gone'))
    keeper.store.removeRange(octets('o'), octets('p'))
    await keeper.settle()
    keeper.isThere = true
    keeper.store.connected(keeper.file.fileId)
    await keeper.settle()
    expect(keeper.store.stats().pending).to.equal(0)
    expect([get('a'), get('gone'), get('old')]).to.deep.equal(['=a', undefined, undefined])
  })

  it('keeps only so many, the newest', async () => {
    keeper.isThere = false
    for (let i = 0; i < 30; i++) put(`key ${i}`)
    expect(keeper.store.stats().pending).to.equal(10)
    expect(get('key 29')).to.equal('=key 29')
    expect(get('key 0')).to.equal(undefined)
    put('large', 'x'.repeat(9_950))
    expect(keeper.store.stats().pending).to.be.lessThan(10)
    expect(get('large')).to.have.length(9_950)
  })

  it('does not lose a second value to the word about the first', async () => {
    keeper.held = []
    put('a', 'first')
    await keeper.settle()
    put('a', 'second')
    keeper.store.acknowledge(keeper.held[0])
    expect(get('a')).to.equal('second')
    await keeper.settle()
    keeper.store.acknowledge(keeper.held[1])
    expect(keeper.store.stats().pending).to.equal(0)
    expect(get('a')).to.equal('second')
  })

  it('sees in the same turn what has just been acknowledged', async () => {
    expect(get('a')).to.equal(undefined) // now there is a snapshot without it
    put('a')
    await keeper.settle()
    expect(keeper.store.stats().pending).to.equal(0)
    expect(get('a')).to.equal('=a')
  })

  it('reads the new file when the keeper has begun one', async () => {
    put('a')
    await keeper.settle()
    expect(get('a')).to.equal('=a')
    keeper.store.connected('another file') // as it would say; the path leads to the same one here
    expect(get('a')).to.equal('=a')
    expect(keeper.store.stats().readErrors).to.equal(0)
  })

  it('takes nothing once closed, and does not mind', async () => {
    await keeper.store.close()
    put('a')
    keeper.store.remove(octets('a'))
    keeper.store.acknowledge(7)
    expect(get('a')).to.equal(undefined)
    expect([...keeper.store.range(octets('a'), octets('z'))]).to.deep.equal([])
  })
})
