import { expect } from 'chai'
import { MemoryStore } from '../../src/cache/memory-store.ts'
import { describeStore, octets, textOf } from './store-suite.ts'

describeStore('MemoryStore', async () => {
  const store = new MemoryStore()
  return { store, settle: async () => {}, close: () => store.close() }
})

describe('MemoryStore: keeping within its size', () => {
  it('never holds more than it may', () => {
    const store = new MemoryStore({ maxBytes: 10_000 })
    for (let i = 0; i < 1000; i++) {
      store.put(octets(`key ${i}`), new Uint8Array(i % 300))
      expect(store.stats().bytes).to.be.at.most(10_000)
    }
    expect(store.stats().entries).to.be.greaterThan(20)
  })

  it('lets go of what nobody reads before what somebody does', () => {
    const store = new MemoryStore({ maxBytes: 10_000 })
    store.put(octets('popular'), octets('here'))
    for (let i = 0; i < 1000; i++) {
      store.put(octets(`key ${i}`), new Uint8Array(100))
      expect(textOf(store.get(octets('popular')))).to.equal('here')
    }
    expect(store.get(octets('key 3'))).to.equal(undefined)
  })

  it('refuses a value that could never fit, and keeps the rest', () => {
    const store = new MemoryStore({ maxBytes: 1000 })
    store.put(octets('a'), octets('1'))
    store.put(octets('b'), new Uint8Array(2000))
    expect(textOf(store.get(octets('a')))).to.equal('1')
    expect(store.stats().dropped).to.equal(1)
  })

  it('makes room when a value grows', () => {
    const store = new MemoryStore({ maxBytes: 2000 })
    for (const key of ['a', 'b', 'c']) store.put(octets(key), new Uint8Array(200))
    store.put(octets('c'), new Uint8Array(1500))
    expect(store.stats().bytes).to.be.at.most(2000)
    expect(store.get(octets('c'))?.length).to.equal(1500)
  })

  it('orders tens of thousands of keys', () => {
    const store = new MemoryStore()
    const keys = Array.from({ length: 20_000 }, (_, i) => ((i * 7919) % 20_011).toString().padStart(6, '0'))
    for (const key of keys) store.put(octets(key), octets(key))
    for (const key of keys.filter((_, i) => i % 3 === 0)) store.remove(octets(key))
    const expected = keys.filter((_, i) => i % 3 !== 0).sort()
    const found = [...store.range(octets('0'), octets('9'))].map(({ key }) => textOf(key))
    expect(found).to.deep.equal(expected)
    const backwards = [...store.range(octets('0'), octets('9'), { reverse: true })].map(({ key }) => textOf(key))
    expect(backwards).to.deep.equal(expected.reverse())
  })
})
