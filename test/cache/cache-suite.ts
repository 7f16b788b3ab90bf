/** What the cache promises, whatever store it stands on, on a clock that only the test moves. */

import { expect } from 'chai'
import { Cache, type CacheEntry, type CacheOptions, type Delegation } from '../../src/cache/cache.ts'
import { inspectName } from '../../src/cache/inspect.ts'
import { Kind, subtreeRange } from '../../src/cache/keys.ts'
import { Rank } from '../../src/cache/rank.ts'
import { ServerAddress } from '../../src/io/address.ts'
import { equalNames, nameFromText, nameToText, ROOT } from '../../src/wire/name.ts'
import { type RRset, rrset } from '../../src/wire/rrset.ts'
import { Ede, Type } from '../../src/wire/types.ts'
import { ManualClock } from '../support/clock.ts'
import type { StoreUnderTest } from './store-suite.ts'

const SECOND = 1000
const options: CacheOptions = { ttlMin: 5, ttlMax: 86_400, negativeTtlMax: 3600 }

const name = nameFromText
const address = (last: number) => Uint8Array.of(192, 0, 2, last)
const a = (owner: string, ttl: number, ...last: number[]) => rrset(name(owner), Type.A, ttl, last.map(address))
const soa = (zone: string, ttl = 3600): RRset => {
  const rdata = [...name(`ns.${zone}`), ...name(`hostmaster.${zone}`), ...new Array(20).fill(1)]
  return rrset(name(zone), Type.SOA, ttl, [Uint8Array.from(rdata)], [new Uint8Array(90).fill(3)])
}
const answer = { rank: Rank.ANSWER, security: 'insecure' } as const
const denial = { security: 'insecure', ttl: 600 } as const

export function describeCache(title: string, make: () => Promise<StoreUnderTest>): void {
  describe(`Cache on ${title}`, () => {
    let clock: ManualClock
    let made: StoreUnderTest
    let cache: Cache

    beforeEach(async () => {
      clock = new ManualClock()
      made = await make()
      cache = new Cache(made.store, clock, options)
    })
    afterEach(() => made.close())

    const found = (owner: string, type: number = Type.A) => cache.lookup(name(owner), type)
    const lasts = (entry: CacheEntry | undefined) =>
      entry?.kind === 'rrset' ? entry.rrset.rdatas.map((rdata) => rdata[3]) : entry?.kind
    const seconds = (ms: number) => clock.advance(ms * SECOND)

    describe('an RRset', () => {
      it('comes back whole, with the owner as asked for', async () => {
        const set = rrset(name('WWW.example.org'), Type.A, 300, [address(1), address(2)], [new Uint8Array(80).fill(9)])
        expect(cache.insert(set, { rank: Rank.ANSWER, security: 'secure' })).to.equal(true)
        for (const settle of [false, true]) {
          if (settle) await made.settle()
          const owner = name('www.EXAMPLE.org')
          expect(cache.lookup(owner, Type.A)).to.deep.equal({
            kind: 'rrset',
            rrset: { ...set, owner },
            rank: Rank.ANSWER,
            security: 'secure',
            proofs: [],
            storedMs: clock.wallMs(),
            expiresMs: clock.wallMs() + 300 * SECOND,
          })
        }
      })

      it('made from a wildcard comes with the proofs that it was right (RFC 4035 §5.3.4)', async () => {
        const nsec = rrset(name('a.example.org'), Type.NSEC, 100, [Uint8Array.of(0, 0, 1, 64)], [new Uint8Array(70)])
        const set = a('b.example.org', 300, 1, 2)
        cache.insert(set, { ...answer, proofs: [nsec, nsec] })
        await made.settle()
        seconds(40)
        const entry = found('b.example.org')
        if (entry?.kind !== 'rrset') throw new Error('no RRset')
        expect(entry.rrset).to.deep.equal({ ...set, ttl: 260 })
        expect(entry.proofs).to.deep.equal([
          { ...nsec, ttl: 60 },
          { ...nsec, ttl: 60 },
        ])
      })

      it('is found by exactly its owner and type', () => {
        cache.insert(a('www.example.org', 300, 1), answer)
        for (const [owner, type] of [
          ['www.example.org', Type.AAAA],
          ['example.org', Type.A],
          ['x.www.example.org', Type.A],
          ['ww.example.org', Type.A],
        ] as const)
          expect(found(owner, type), owner).to.equal(undefined)
      })

      it('does not change when what it was made from, or what was handed out, does', () => {
        const set = a('www.example.org', 300, 1)
        cache.insert(set, answer)
        set.rdatas[0].fill(7)
        const first = found('www.example.org')
        if (first?.kind === 'rrset') first.rrset.rdatas[0].fill(8)
        expect(lasts(found('www.example.org'))).to.deep.equal([1])
      })

      it('shows what is left of its TTL, at least 1 (RFC 1035 §3.2.1)', () => {
        cache.insert(a('www.example.org', 300, 1), answer)
        const ttl = () => (found('www.example.org') as { rrset: RRset } | undefined)?.rrset.ttl
        expect(ttl()).to.equal(300)
        seconds(100)
        expect(ttl()).to.equal(200)
        clock.advance(199_999)
        expect(ttl()).to.equal(1)
        clock.advance(1)
        expect(ttl()).to.equal(undefined)
      })

      it('may be of any type, and types of one owner do not mix', () => {
        for (const type of [1, 28, 46, 255, 256, 257, 0x6100, 65_280, 65_535])
          cache.insert(rrset(name('example.org'), type, 300, [Uint8Array.of(type >> 8, type & 255)]), answer)
        for (const type of [1, 28, 46, 255, 256, 257, 0x6100, 65_280, 65_535]) {
          const entry = found('example.org', type)
          expect(entry?.kind === 'rrset' && [...entry.rrset.rdatas[0]]).to.deep.equal([type >> 8, type & 255])
        }
      })

      it('may stand at the root, and at the longest name', () => {
        const long = name([63, 63, 63, 61].map((length) => 'x'.repeat(length)).join('.'))
        const odd = Uint8Array.of(3, 0, 1, 0, 63, ...new Array(63).fill(0), 63, ...new Array(63).fill(1), 0)
        for (const owner of [ROOT, long, odd]) cache.insert(rrset(owner, Type.A, 300, [address(1)]), answer)
        for (const owner of [ROOT, long, odd]) expect(lasts(cache.lookup(owner, Type.A))).to.deep.equal([1])
      })

      it('may have hundreds of records and long signatures', () => {
        const rdatas = Array.from({ length: 256 }, (_, i) => new Uint8Array(200).fill(i))
        const signatures = [new Uint8Array(512).fill(1), new Uint8Array(600).fill(2)]
        expect(cache.insert(rrset(name('example.org'), Type.TXT, 300, rdatas, signatures), answer)).to.equal(true)
        const entry = found('example.org', Type.TXT)
        expect(entry?.kind === 'rrset' && entry.rrset.rdatas).to.deep.equal(rdatas)
        expect(entry?.kind === 'rrset' && entry.rrset.signatures).to.deep.equal(signatures)
      })

      it('is refused when it is larger than any message, or of another class', () => {
        const rdatas = Array.from({ length: 5 }, () => new Uint8Array(60_000))
        expect(cache.insert(rrset(name('example.org'), Type.TXT, 300, rdatas), answer)).to.equal(false)
        expect(cache.insert({ ...a('example.org', 300, 1), class: 3 }, answer)).to.equal(false)
      })
    })

    describe('limits of time', () => {
      const ttlOf = (owner: string) => (found(owner) as { rrset: RRset } | undefined)?.rrset.ttl

      it('raises short TTLs, 0 too, and lowers long ones', () => {
        cache.insert(a('zero.example', 0, 1), answer)
        cache.insert(a('short.example', 3, 1), answer)
        cache.insert(a('long.example', 700_000, 1), answer)
        expect([ttlOf('zero.example'), ttlOf('short.example'), ttlOf('long.example')]).to.deep.equal([5, 5, 86_400])
      })

      it('does not keep TTL 0 when no lower limit is set', () => {
        const strict = new Cache(made.store, clock, { ...options, ttlMin: 0 })
        expect(strict.insert(a('zero.example', 0, 1), answer)).to.equal(false)
        expect(strict.insertDenial('nodata', name('zero.example'), 1, [], { ...denial, ttl: 0 })).to.equal(false)
        expect(ttlOf('zero.example')).to.equal(undefined)
      })

      it('ends with the lease and with the signatures, even below the lower limit', () => {
        const now = clock.wallMs()
        cache.insert(a('leased.example', 600, 1), { ...answer, leaseUntilMs: now + 60 * SECOND })
        cache.insert(a('signed.example', 600, 1), { ...answer, notAfterMs: now + 3 * SECOND })
        expect([ttlOf('leased.example'), ttlOf('signed.example')]).to.deep.equal([60, 3])
        expect(cache.insert(a('past.example', 600, 1), { ...answer, leaseUntilMs: now - 1 })).to.equal(false)
        expect(cache.insert(a('past.example', 600, 1), { ...answer, notAfterMs: now + 999 })).to.equal(false)
      })

      it('tells the TTL that data will get', () => {
        const lease = clock.wallMs() + 60_500
        expect([0, 3, 300, 700_000].map((ttl) => cache.clampTtl(ttl))).to.deep.equal([5, 5, 300, 86_400])
        expect([3, 300].map((ttl) => cache.clampTtl(ttl, lease))).to.deep.equal([5, 60])
        expect(cache.clampTtl(300, clock.wallMs() - 5000)).to.equal(0)
      })

      it('keeps denials for a shorter time (RFC 2308 §5)', () => {
        cache.insertDenial('nodata', name('example.org'), Type.A, [soa('example.org', 90_000)], {
          ...denial,
          ttl: 90_000,
        })
        const entry = found('example.org')
        expect(entry?.expiresMs).to.equal(clock.wallMs() + 3600 * SECOND)
      })
    })

    describe('when the clock is set back', () => {
      it('ignores what was stored in the future, and nothing else', () => {
        cache.insert(a('old.example', 86_400, 1), answer)
        seconds(7200)
        cache.insert(a('new.example', 86_400, 2), answer)
        cache.insertDelegation(delegationOf('new.example', clock.wallMs() + 86_400 * SECOND))
        clock.jumpWall(-3600 * SECOND)
        expect(lasts(found('old.example'))).to.deep.equal([1])
        expect(found('new.example')).to.equal(undefined)
        expect(cache.closestDelegation(name('new.example'))).to.equal(undefined)
      })

      it('lets new data replace what it ignores', () => {
        cache.insert(a('www.example', 86_400, 1), { rank: Rank.ANSWER, security: 'secure' })
        clock.jumpWall(-3600 * SECOND)
        expect(cache.insert(a('www.example', 300, 2), answer)).to.equal(true)
        expect(lasts(found('www.example'))).to.deep.equal([2])
      })

      it('does not mind a second or so', () => {
        cache.insert(a('www.example', 300, 1), answer)
        clock.jumpWall(-1500)
        expect(lasts(found('www.example'))).to.deep.equal([1])
      })
    })

    describe('trust (RFC 2181 §5.4.1, RFC 4035 §4.3)', () => {
      const ranks = Object.values(Rank)
      const securities = ['bogus', 'indeterminate', 'insecure', 'secure'] as const
      const levels = { bogus: 0, indeterminate: 1, insecure: 2, secure: 3 }

      it('lets data replace data that is trusted no more, and refuses the rest', () => {
        for (const oldRank of ranks)
          for (const oldSecurity of securities)
            for (const newRank of ranks)
              for (const newSecurity of securities) {
                made.store.clear()
                cache.insert(a('www.example', 300, 1), { rank: oldRank, security: oldSecurity })
                const taken = cache.insert(a('www.example', 300, 2), { rank: newRank, security: newSecurity })
                const [oldLevel, newLevel] = [levels[oldSecurity], levels[newSecurity]]
                const expected = newLevel > oldLevel || (newLevel === oldLevel && newRank >= oldRank)
                expect(taken, `${newRank} ${newSecurity} over ${oldRank} ${oldSecurity}`).to.equal(expected)
                expect(lasts(found('www.example'))).to.deep.equal([expected ? 2 : 1])
              }
      })

      it('lets anything replace what has expired', () => {
        cache.insert(a('www.example', 300, 1), { rank: Rank.ANSWER, security: 'secure' })
        seconds(300)
        expect(cache.insert(a('www.example', 300, 2), { rank: Rank.GLUE, security: 'bogus' })).to.equal(true)
        expect(lasts(found('www.example'))).to.deep.equal([2])
      })

      it('tells rank and security', () => {
        cache.insert(a('www.example', 300, 1), { rank: Rank.ADDITIONAL, security: 'bogus' })
        expect(found('www.example')).to.include({ rank: Rank.ADDITIONAL, security: 'bogus' })
      })
    })

    describe('denials (RFC 2308)', () => {
      it('come back with their proofs, each with what is left of its TTL', async () => {
        const nsec = rrset(name('a.example.org'), Type.NSEC, 100, [Uint8Array.of(0, 0, 1, 64)], [new Uint8Array(70)])
        cache.insertDenial('nxdomain', name('b.example.org'), 0, [soa('example.org'), nsec], {
          security: 'secure',
          ttl: 600,
        })
        seconds(60)
        await made.settle()
        const entry = cache.lookupNxdomain(name('B.example.org'))
        if (entry?.kind !== 'nxdomain') throw new Error('no name error')
        expect(entry.security).to.equal('secure')
        expect(entry.authority.map(({ owner, type, ttl }) => [nameToText(owner), type, ttl])).to.deep.equal([
          ['example.org.', Type.SOA, 540],
          ['a.example.org.', Type.NSEC, 40],
        ])
        expect(entry.authority[1].rdatas).to.deep.equal(nsec.rdatas)
        expect(entry.authority[1].signatures).to.deep.equal(nsec.signatures)
        seconds(50)
        const later = cache.lookupNxdomain(name('b.example.org'))
        expect(later?.kind === 'nxdomain' && later.authority.map(({ ttl }) => ttl)).to.deep.equal([490, 1])
      })

      it('keep name error and absence of a type apart', () => {
        cache.insertDenial('nodata', name('a.example'), Type.A, [soa('example')], denial)
        cache.insertDenial('nxdomain', name('b.example'), Type.A, [soa('example')], denial)
        expect(found('a.example')?.kind).to.equal('nodata')
        expect(found('a.example', Type.AAAA)).to.equal(undefined)
        expect(found('b.example')).to.equal(undefined)
        expect(cache.lookupNxdomain(name('a.example'))).to.equal(undefined)
        expect(cache.lookupNxdomain(name('b.example'))?.kind).to.equal('nxdomain')
        expect(cache.lookupNxdomain(name('x.b.example'))).to.equal(undefined)
      })

      it('end at their time', () => {
        cache.insertDenial('nxdomain', name('a.example'), 0, [soa('example')], denial)
        seconds(600)
        expect(cache.lookupNxdomain(name('a.example'))).to.equal(undefined)
      })

      it('an RRset and its absence replace each other', () => {
        cache.insert(a('a.example', 300, 1), answer)
        expect(cache.insertDenial('nodata', name('a.example'), Type.A, [soa('example')], denial)).to.equal(true)
        expect(found('a.example')?.kind).to.equal('nodata')
        cache.insert(a('a.example', 300, 2), answer)
        expect(lasts(found('a.example'))).to.deep.equal([2])
      })

      it('existing data ends a name error, as does nodata', () => {
        for (const insert of [
          () => cache.insert(a('a.example', 300, 1), answer),
          () => cache.insertDenial('nodata', name('a.example'), Type.MX, [soa('example')], denial),
        ]) {
          cache.insertDenial('nxdomain', name('a.example'), 0, [soa('example')], denial)
          expect(insert()).to.equal(true)
          expect(cache.lookupNxdomain(name('a.example'))).to.equal(undefined)
        }
      })

      it('a name error ends all the owner has, and nothing of its neighbours', async () => {
        cache.insert(a('a.example', 300, 1), answer)
        cache.insert(rrset(name('a.example'), 65_280, 300, [address(2)]), answer)
        cache.insertDenial('nodata', name('a.example'), Type.MX, [soa('example')], denial)
        cache.insert(a('b.a.example', 300, 3), answer)
        cache.insert(a('aa.example', 300, 4), answer)
        await made.settle()
        expect(cache.insertDenial('nxdomain', name('A.example'), 0, [soa('example')], denial)).to.equal(true)
        for (const type of [Type.A, 65_280, Type.MX]) expect(found('a.example', type)).to.equal(undefined)
        expect(lasts(found('b.a.example'))).to.deep.equal([3])
        expect(lasts(found('aa.example'))).to.deep.equal([4])
      })

      it('trust decides between data and name error, too', () => {
        const secure = { rank: Rank.ANSWER, security: 'secure' } as const
        cache.insert(a('a.example', 300, 1), answer)
        cache.insert(rrset(name('a.example'), Type.MX, 300, [address(2)]), secure)
        expect(cache.insertDenial('nxdomain', name('a.example'), 0, [], denial)).to.equal(false)
        expect(lasts(found('a.example'))).to.deep.equal([1]) // refused as a whole
        expect(cache.insertDenial('nxdomain', name('a.example'), 0, [], { ...denial, security: 'secure' })).to.equal(
          true,
        )
        expect(cache.insert(a('a.example', 300, 1), answer)).to.equal(false)
        expect(cache.insertDenial('nodata', name('a.example'), Type.A, [], denial)).to.equal(false)
        expect(cache.insertDenial('nxdomain', name('a.example'), 0, [], denial)).to.equal(false)
        expect(cache.lookupNxdomain(name('a.example'))).to.include({ security: 'secure' })
        expect(cache.insert(a('a.example', 300, 1), secure)).to.equal(true)
        expect(cache.lookupNxdomain(name('a.example'))).to.equal(undefined)
      })

      it('expired data does not stand against a name error', () => {
        cache.insert(a('a.example', 60, 1), { rank: Rank.ANSWER, security: 'secure' })
        seconds(60)
        expect(cache.insertDenial('nxdomain', name('a.example'), 0, [], denial)).to.equal(true)
      })
    })

    describe('delegations', () => {
      const cutOf = (text: string, side?: 'strictly-above') => {
        const delegation = cache.closestDelegation(name(text), side)
        return delegation && nameToText(delegation.zone)
      }
      const delegate = (...zones: string[]) => {
        for (const zone of zones) cache.insertDelegation(delegationOf(zone, clock.wallMs() + 3600 * SECOND))
      }

      it('come back whole', async () => {
        const delegation: Delegation = {
          zone: name('example.org'),
          leaseUntilMs: clock.wallMs() + 3600 * SECOND,
          signed: 'yes',
          nameservers: [
            {
              name: name('ns1.example.org'),
              addresses: [
                { octets: address(1), untilMs: clock.wallMs() + 5 },
                { octets: new Uint8Array(16).fill(32), untilMs: clock.wallMs() + 3600 * SECOND },
              ],
            },
            { name: name('ns.elsewhere.example'), addresses: [] },
          ],
        }
        cache.insertDelegation(delegation)
        await made.settle()
        expect(cache.closestDelegation(name('example.org'))).to.deep.include(delegation)
        for (const signed of ['no', 'unknown'] as const) {
          cache.insertDelegation({ ...delegation, signed })
          expect(cache.closestDelegation(name('example.org'))?.signed).to.equal(signed)
        }
      })

      it('the deepest one at or above the name is found', () => {
        delegate('.', 'org', 'example.org', 'b.example.org', 'ample.org')
        expect(cutOf('www.example.org')).to.equal('example.org.')
        expect(cutOf('example.org')).to.equal('example.org.')
        expect(cutOf('x.y.B.example.org')).to.equal('B.example.org.') // spelled as it was asked for
        expect(cutOf('xample.org')).to.equal('org.')
        expect(cutOf('www.example.com')).to.equal('.')
        expect(cutOf('.')).to.equal('.')
      })

      it('or above it only', () => {
        delegate('.', 'org', 'example.org')
        expect(cutOf('example.org', 'strictly-above')).to.equal('org.')
        expect(cutOf('org', 'strictly-above')).to.equal('.')
        expect(cutOf('.', 'strictly-above')).to.equal(undefined)
      })

      it('none is found where none is', () => {
        delegate('org')
        expect(cutOf('www.example.com')).to.equal(undefined)
        expect(cutOf('.')).to.equal(undefined)
      })

      it('one that has ended makes way for the one above', () => {
        delegate('org')
        cache.insertDelegation(delegationOf('example.org', clock.wallMs() + 60 * SECOND))
        seconds(60)
        expect(cutOf('www.example.org')).to.equal('org.')
      })

      it('a new one from the parent takes the place of the old, shorter or longer', () => {
        for (const lease of [3600, 60, 7200]) {
          const until = clock.wallMs() + lease * SECOND
          cache.insertDelegation(delegationOf('example.org', until))
          expect(cache.closestDelegation(name('example.org'))?.leaseUntilMs).to.equal(until)
        }
      })

      it('are not prolonged by what the child says of itself', () => {
        const until = clock.wallMs() + 60 * SECOND
        cache.insertDelegation(delegationOf('example.org', until))
        cache.insert(rrset(name('example.org'), Type.NS, 86_400, [name('ns.example.org')]), answer)
        expect(cache.closestDelegation(name('example.org'))?.leaseUntilMs).to.equal(until)
        seconds(60)
        expect(cutOf('example.org')).to.equal(undefined)
      })

      it('live within the limits of TTLs', () => {
        const leased = (ms: number) => {
          cache.insertDelegation(delegationOf('example.org', clock.wallMs() + ms))
          return cache.closestDelegation(name('example.org'))!.leaseUntilMs - clock.wallMs()
        }
        expect(leased(0)).to.equal(5 * SECOND)
        expect(leased(1e9)).to.equal(86_400 * SECOND)
      })

      it('are found for the deepest of names', () => {
        const deep = name(new Array(127).fill('x').join('.'))
        delegate('x.x.x')
        expect(nameToText(cache.closestDelegation(deep)!.zone)).to.equal('x.x.x.')
      })
    })

    describe('failures (RFC 9520 §3.2)', () => {
      const fail = () => cache.insertFailure(name('a.example'), Type.A, 22, 'no reachable authority')
      const failure = () => cache.lookupFailure(name('A.example'), Type.A)

      it('come back with their reason, for 5 s at first', () => {
        fail()
        expect(failure()).to.deep.equal({
          ede: 22,
          text: 'no reachable authority',
          expiresMs: clock.wallMs() + 5 * SECOND,
          count: 1,
        })
        expect(cache.lookupFailure(name('a.example'), Type.AAAA)).to.equal(undefined)
        seconds(5)
        expect(failure()).to.equal(undefined)
      })

      it('last twice as long each time, at most 5 minutes', () => {
        const lasted: number[] = []
        for (let i = 0; i < 9; i++) {
          fail()
          const ms = failure()!.expiresMs - clock.wallMs()
          lasted.push(ms / SECOND)
          clock.advance(ms)
        }
        expect(lasted).to.deep.equal([5, 10, 20, 40, 80, 160, 300, 300, 300])
      })

      it('do not last longer because several requests failed together', () => {
        fail()
        seconds(1)
        fail()
        expect(failure()).to.include({ count: 1, expiresMs: clock.wallMs() + 4 * SECOND })
      })

      it('are found again once they are told again, when another process has overwritten the mark that they are there', () => {
        const other = new Cache(made.store, clock, options)
        other.above(name('b.example'))
        fail()
        other.insert(rrset(name('b.example'), Type.CNAME, 600, [name('c.example')]), answer) // has not seen the mark
        seconds(1)
        expect(failure()).to.equal(undefined)
        fail()
        expect(failure()).to.include({ count: 1 })
        expect(cache.lookupAlias(name('b.example'))).to.not.equal(undefined)
      })

      it('begin anew after success, and after a while', () => {
        fail()
        cache.clearFailure(name('a.example'), Type.A)
        expect(failure()).to.equal(undefined)
        fail()
        expect(failure()?.count).to.equal(1)
        seconds(5 + 300)
        fail()
        expect(failure()?.count).to.equal(1)
      })

      it('may have a text of any kind', () => {
        cache.insertFailure(name('a.example'), Type.A, 0, `ü€😀${'x'.repeat(1000)}`)
        expect(failure()?.text).to.match(/^ü€😀x{250}/)
        cache.insertFailure(name('b.example'), Type.A, 0, '')
        expect(cache.lookupFailure(name('b.example'), Type.A)?.text).to.equal('')
      })
    })

    describe('servers', () => {
      const memory = {
        srttMs: 12.345,
        rttvarMs: 3.5,
        timeouts: 2,
        deadUntilMs: 0,
        ednsBroken: true,
        caseBroken: false,
        tcpOnly: true,
      }
      it('are remembered by address and port for 15 minutes', async () => {
        for (const text of ['192.0.2.1', '192.0.2.1@5300', '2001:db8::1']) {
          const server = ServerAddress.fromText(text)!
          expect(cache.lookupServer(server)).to.equal(undefined)
          cache.insertServer(server, memory)
          await made.settle()
          expect(cache.lookupServer(server)).to.deep.equal(memory)
        }
        seconds(900)
        expect(cache.lookupServer(ServerAddress.fromText('192.0.2.1')!)).to.equal(undefined)
      })

      it('are remembered as they were seen last', () => {
        const server = ServerAddress.fromText('192.0.2.1')!
        cache.insertServer(server, memory)
        const dead = {
          ...memory,
          deadUntilMs: clock.wallMs() + 1234,
          ednsBroken: false,
          caseBroken: true,
          tcpOnly: false,
        }
        cache.insertServer(server, dead)
        expect(cache.lookupServer(server)).to.deep.equal(dead)
      })
    })

    describe('without the marks that entries are there, as in a file that a version before them has written', () => {
      const tell = () => {
        cache.insert(a('www.example', 600, 1), answer)
        cache.insert(rrset(name('alias.example'), Type.CNAME, 600, [name('www.example')]), answer)
        cache.insertDenial('nxdomain', name('none.example'), Type.A, [soa('example')], denial)
        cache.insertFailure(name('failed.example'), Type.A, Ede.NO_REACHABLE_AUTHORITY, '')
        cache.insertDelegation(delegationOf('cut.example', clock.wallMs() + 600 * SECOND))
      }
      const known = () => ({
        data: lasts(found('www.example')),
        alias: cache.lookupAlias(name('alias.example')) !== undefined,
        nameError: cache.lookupNxdomain(name('none.example')) !== undefined,
        failure: cache.lookupFailure(name('failed.example'), Type.A) !== undefined,
        cut: cache.closestDelegation(name('cut.example')) !== undefined,
        cutAbove: cache.closestDelegation(name('www.cut.example')) !== undefined,
      })

      it('they count as unknown until they are told again, and nothing contradicts them meanwhile', () => {
        tell()
        made.store.removeRange(...subtreeRange(0, Kind.BELOW, ROOT))
        cache = new Cache(made.store, clock, options)
        const unknown = { alias: false, nameError: false, failure: false, cut: false }
        expect(known()).to.deep.equal({ data: [1], ...unknown, cutAbove: true })
        cache.insert(a('none.example', 600, 2), answer)
        cache.insertDenial('nxdomain', name('alias.example'), Type.A, [soa('example')], denial)
        expect(known()).to.deep.equal({ data: [1], ...unknown, cutAbove: true })
        tell()
        const all = { alias: true, nameError: true, failure: true, cut: true }
        expect(known()).to.deep.equal({ data: [1], ...all, cutAbove: true })
        expect(cache.lookupNxdomain(name('alias.example'))).to.equal(undefined)
        expect(found('none.example')).to.equal(undefined)
      })
    })

    describe('purge', () => {
      const fill = () => {
        for (const owner of ['example.org', 'www.example.org', 'a.www.example.org', 'xexample.org', 'org']) {
          cache.insert(a(owner, 300, 1), answer)
          cache.insert(rrset(name(owner), Type.MX, 300, [address(1)]), answer)
          cache.insertDenial('nxdomain', name(`no.${owner}`), 0, [], denial)
          cache.insertDelegation(delegationOf(owner, clock.wallMs() + 3600 * SECOND))
          cache.insertFailure(name(owner), Type.A, 0, '')
        }
      }
      const all = (owner: string) => [
        found(owner) !== undefined,
        found(owner, Type.MX) !== undefined,
        cache.lookupNxdomain(name(`no.${owner}`)) !== undefined,
        equalNames(cache.closestDelegation(name(owner))?.zone ?? name('none'), name(owner)),
        cache.lookupFailure(name(owner), Type.A) !== undefined,
      ]
      const everything = [true, true, true, true, true]
      const nothing = [false, false, false, false, false]

      it('empties a subtree, and nothing beside or above', async () => {
        fill()
        await made.settle()
        cache.purge(name('Example.org'))
        for (const settle of [false, true]) {
          if (settle) await made.settle()
          for (const owner of ['example.org', 'www.example.org', 'a.www.example.org'])
            expect(all(owner), owner).to.deep.equal(nothing)
          for (const owner of ['xexample.org', 'org']) expect(all(owner), owner).to.deep.equal(everything)
        }
      })

      it('empties one name', () => {
        fill()
        cache.purge(name('www.example.org'), { exact: true })
        expect(all('www.example.org')).to.deep.equal([false, false, true, false, false])
        expect(all('a.www.example.org')).to.deep.equal(everything)
        expect(all('example.org')).to.deep.equal(everything)
      })

      it('empties one type of one name', () => {
        fill()
        cache.purge(name('www.example.org'), { type: Type.A, exact: true })
        expect(all('www.example.org')).to.deep.equal([false, true, true, true, false])
      })

      it('empties one type of a subtree', () => {
        fill()
        cache.purge(name('example.org'), { type: Type.A })
        expect(all('www.example.org')).to.deep.equal([false, true, true, true, false])
        expect(all('org')).to.deep.equal(everything)
      })

      it('takes only what denies', () => {
        fill()
        cache.insertDenial('nodata', name('www.example.org'), Type.AAAA, [], denial)
        cache.purge(name('example.org'), { negative: true })
        expect(all('www.example.org')).to.deep.equal([true, true, false, true, true])
        expect(found('www.example.org', Type.AAAA)).to.equal(undefined)
      })

      it('takes only what was found bogus', () => {
        fill()
        cache.insertFailure(name('www.example.org'), Type.TXT, Ede.DNSSEC_BOGUS, '')
        cache.purge(name('example.org'), { bogus: true })
        expect(all('www.example.org')).to.deep.equal(everything)
        expect(cache.lookupFailure(name('www.example.org'), Type.TXT)).to.equal(undefined)
      })

      it('empties everything at the root', () => {
        fill()
        cache.purge(ROOT)
        for (const owner of ['example.org', 'xexample.org', 'org']) expect(all(owner)).to.deep.equal(nothing)
      })
    })

    describe('partitions', () => {
      it('see nothing of each other', () => {
        const other = new Cache(made.store, clock, { ...options, partition: 1 })
        cache.insert(a('a.example', 300, 1), answer)
        other.insertDenial('nxdomain', name('a.example'), 0, [], denial)
        expect(lasts(found('a.example'))).to.deep.equal([1])
        other.purge(ROOT)
        expect(lasts(found('a.example'))).to.deep.equal([1])
        expect(other.lookup(name('a.example'), Type.A)).to.equal(undefined)
        expect(() => new Cache(made.store, clock, { ...options, partition: 255 })).to.throw(RangeError)
      })

      const HASH = new Uint8Array(20).fill(7)
      const chain = { iterations: 0, salt: Uint8Array.of(1) }
      const zone = name('example')
      const proof = (owner: string, type: number) =>
        rrset(name(owner), type, 300, [Uint8Array.of(0, 0, 1, 64)], [new Uint8Array(70)])
      const server = new ServerAddress(address(9))

      /** One of every kind, about the same. */
      function fill(into: Cache): void {
        const leaseUntilMs = clock.wallMs() + 600 * SECOND
        into.insert(a('a.example', 300, 1), answer)
        into.insertDenial('nodata', name('b.example'), Type.MX, [], denial)
        into.insertDenial('nxdomain', name('c.example'), 0, [], denial)
        into.insertDelegation(delegationOf('d.example', leaseUntilMs))
        into.insertFailure(name('e.example'), Type.A, Ede.NETWORK_ERROR, 'gone')
        into.claimRefresh(name('f.example'), Type.A)
        into.insertServer(server, memory)
        const meta = { leaseUntilMs, soa: soa('example') }
        into.proofs.insertNsec(zone, proof('g.example', Type.NSEC), meta)
        into.proofs.insertNsec3(zone, chain, HASH, proof('h.example', Type.NSEC3), meta)
        into.proofs.insertZone({ zone, soa: soa('example'), nsec: true, chains: [chain] }, 300, leaseUntilMs)
      }
      const memory = {
        srttMs: 5,
        rttvarMs: 1,
        timeouts: 0,
        deadUntilMs: 0,
        ednsBroken: false,
        caseBroken: false,
      }
      const keysOf = (partition: number) => {
        const kinds: string[] = []
        for (const { key } of made.store.range(Uint8Array.of(partition), Uint8Array.of(partition + 1)))
          kinds.push(String.fromCharCode(key[1]))
        return kinds.sort().join('')
      }
      /** What this cache knows of all that. */
      function knows(of: Cache): string {
        const signs: [string, unknown][] = [
          ['a', of.lookup(name('a.example'), Type.A)],
          ['b', of.lookup(name('b.example'), Type.MX)],
          ['c', of.lookupNxdomain(name('c.example'))],
          ['d', of.closestDelegation(name('d.example'))],
          ['e', of.lookupFailure(name('e.example'), Type.A)],
          ['s', of.lookupServer(server)],
          ['g', of.proofs.lookupNsec(zone, name('g.example'))],
          ['h', of.proofs.lookupNsec3(zone, chain, HASH)],
          ['z', of.proofs.closestZone(zone, 'at-or-above')],
        ]
        return signs.map(([sign, found]) => (found === undefined ? '' : sign)).join('')
      }

      it('keep every kind of entry to themselves, the last one too', () => {
        for (const partition of [1, 7, 254]) {
          const other = new Cache(made.store, clock, { ...options, partition })
          fill(other)
          expect(keysOf(partition)).to.equal('bbcdfhnrrsxz')
          expect(knows(other)).to.equal('abcdesghz')
          expect(knows(cache)).to.equal('')
          expect(knows(new Cache(made.store, clock, { ...options, partition: partition - 1 }))).to.equal('')
        }
        clock.advance(3600 * SECOND)
        expect(cache.lookupStale(name('a.example'), Type.A, 86_400_000)).to.equal(undefined)
      })

      it('are cleared and looked into by themselves', () => {
        const other = new Cache(made.store, clock, { ...options, partition: 1 })
        fill(cache)
        fill(other)
        expect(inspectName(made.store, 1, name('a.example'), clock.wallMs())).to.have.length(1)
        expect(inspectName(made.store, 2, name('a.example'), clock.wallMs())).to.deep.equal([])
        const [entry] = inspectName(made.store, 0, name('d.example'), clock.wallMs())
        expect(entry).to.include({ kind: 'delegation', partition: 0 })
        other.purge(ROOT)
        expect(knows(other)).to.equal('s')
        expect(knows(cache)).to.equal('abcdesghz')
        expect(keysOf(0)).to.equal('bbcdfhnrrsxz')
        expect(keysOf(1)).to.equal('cs')
      })
    })
  })
}

function delegationOf(zone: string, leaseUntilMs: number): Delegation {
  return {
    zone: name(zone),
    leaseUntilMs,
    nameservers: [
      { name: name(`ns.${zone === '.' ? '' : zone}`), addresses: [{ octets: address(53), untilMs: leaseUntilMs }] },
    ],
    signed: 'unknown',
  }
}
