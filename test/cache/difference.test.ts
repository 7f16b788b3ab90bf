import { expect } from 'chai'
import { Cache } from '../../src/cache/cache.ts'
import { DifferenceStore } from '../../src/cache/difference.ts'
import { MemoryStore } from '../../src/cache/memory-store.ts'
import { Rank } from '../../src/cache/rank.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { rrset } from '../../src/wire/rrset.ts'
import { Type } from '../../src/wire/types.ts'
import { ManualClock } from '../support/clock.ts'

const name = nameFromText('www.example.org')
const secure = { rank: Rank.ANSWER, security: 'secure' } as const

describe('a store that passes on only what changes', () => {
  let clock: ManualClock
  let store: DifferenceStore
  let cache: Cache

  beforeEach(() => {
    clock = new ManualClock()
    store = new DifferenceStore(new MemoryStore())
    cache = new Cache(store, clock, { ttlMin: 0, ttlMax: 86_400, negativeTtlMax: 3600 })
  })

  const insert = (ttl: number, last = 1, meta: Parameters<Cache['insert']>[1] = secure) =>
    cache.insert(rrset(name, Type.A, ttl, [Uint8Array.of(192, 0, 2, last)]), meta)
  const written = () => store.counted.written
  const ttl = () => {
    const found = cache.lookup(name, Type.A)
    return found?.kind === 'rrset' ? found.rrset.ttl : undefined
  }

  it('writes what is new, and what says something else', () => {
    insert(1000)
    insert(1000)
    expect(store.counted).to.deep.equal({ written: 1, unchanged: 1, removed: 0 })
    insert(1000, 2)
    expect(written()).to.equal(2)
    cache.insertDenial('nodata', name, Type.A, [], { security: 'secure', ttl: 600 })
    expect(written()).to.equal(3)
  })

  it('writes the same again when it is trusted otherwise', () => {
    insert(1000, 1, { rank: Rank.ANSWER, security: 'insecure' })
    insert(1000)
    expect(written()).to.equal(2)
  })

  it('writes the same again when a quarter of its time, or more, is to be gained or lost', () => {
    insert(1000)
    clock.advance(249_000)
    insert(1000)
    expect([written(), ttl()]).to.deep.equal([1, 751])
    clock.advance(2_000)
    insert(1000)
    expect([written(), ttl()]).to.deep.equal([2, 1000])
    insert(10)
    expect([written(), ttl()]).to.deep.equal([3, 10])
  })

  it('sees a delegation as the same whatever the times of its addresses', () => {
    const delegation = (last: number) => ({
      zone: name,
      leaseUntilMs: clock.wallMs() + 1_000_000,
      nameservers: [{ name, addresses: [{ octets: Uint8Array.of(192, 0, 2, last), untilMs: clock.wallMs() + 5000 }] }],
    })
    cache.insertDelegation(delegation(1))
    clock.advance(1000)
    cache.insertDelegation(delegation(1))
    expect(written()).to.equal(1)
    cache.insertDelegation(delegation(2))
    expect(written()).to.equal(2)
  })

  it('counts what it removes, if it was there', () => {
    insert(1000)
    const [entry] = store.range(Uint8Array.of(0), Uint8Array.of(255))
    store.remove(entry.key.slice())
    store.remove(entry.key.slice())
    expect(store.counted.removed).to.equal(1)
    insert(1000)
    store.removeRange(Uint8Array.of(0), Uint8Array.of(255))
    expect(store.counted.removed).to.equal(2)
    expect(store.stats().entries).to.equal(0)
  })
})
