import { expect } from 'chai'
import { Cache } from '../src/cache/cache.ts'
import { MemoryStore } from '../src/cache/memory-store.ts'
import { Rank } from '../src/cache/rank.ts'
import type { Store } from '../src/cache/store.ts'
import { Core } from '../src/resolve.ts'
import { defaultSettings, type Settings } from '../src/settings.ts'
import { nameFromText, nameToText, ROOT } from '../src/wire/name.ts'
import { rrset } from '../src/wire/rrset.ts'
import { Class, Rcode, Type } from '../src/wire/types.ts'
import { type ImportCounts, importZone } from '../src/zone-import.ts'
import { LocalKeeper } from './cache/local-keeper.ts'
import type { StoreUnderTest } from './cache/store-suite.ts'
import { ManualClock } from './support/clock.ts'
import { SeededRandom } from './support/random.ts'
import { exhaust, WholeZone, type WholeZoneOptions } from './support/whole-zone.ts'

const DS = `1 15 2 ${'00'.repeat(32)}`
const BODY = `
. 86400 IN SOA a.root. admin.root. 7 3600 600 86400 3600
. 86400 IN NS a.root.
a.root. 86400 IN A 192.0.2.1
com. 7200 IN NS ns.com.
com. 7200 IN NS ns.org.
com. 3600 IN DS ${DS}
ns.com. 7200 IN A 192.0.2.2
ns.com. 3600 IN AAAA 2001:db8::2
org. 172800 IN NS ns.org.
ns.org. 172800 IN A 192.0.2.3
www.root. 300 IN A 192.0.2.9
`
const name = nameFromText
const stores: Record<string, () => StoreUnderTest> = {
  memory: () => {
    const store = new MemoryStore()
    return { store, settle: async () => {}, close: () => store.close() }
  },
  LMDB: () => new LocalKeeper({ clock }),
}
let clock = new ManualClock()

for (const [title, make] of Object.entries(stores))
  describe(`a zone taken into the cache, on ${title}`, () => {
    const cacheOptions = { ttlMin: 5, ttlMax: 86_400, negativeTtlMax: 10_800 }
    let made: StoreUnderTest
    let store: Store
    let cache: Cache

    beforeEach(() => {
      clock = new ManualClock()
      made = make()
      store = made.store
      cache = new Cache(store, clock, cacheOptions)
    })
    afterEach(() => made.close())

    interface Wishes extends WholeZoneOptions {
      origin?: string
      withDelegations?: boolean
      leaseUntilMs?: number
      settings?: Partial<Settings>
    }

    function take(body = BODY, options: Wishes = {}): ImportCounts {
      const { origin = '.', withDelegations = true, leaseUntilMs = Number.POSITIVE_INFINITY } = options
      const zone = new WholeZone(origin, body, options)
      const copy = zone.copy
      const verified = zone.verify(copy, Math.floor(clock.wallMs() / 1000))
      if (verified.kind === 'unfit') throw new Error(verified.reason)
      const settings = { ...defaultSettings, ...options.settings }
      const job = { store, clock, cache: cacheOptions, settings, withDelegations, leaseUntilMs }
      const counts = exhaust(importZone(copy, verified, job))
      cache.forgetAncestors()
      return { ...counts }
    }

    const cut = (zone: string) => {
      const found = cache.closestDelegation(name(zone))
      return found !== undefined && nameToText(found.zone) === zone ? found : undefined
    }
    const secondsOf = (zone: string) => Math.round((cut(zone)!.leaseUntilMs - clock.wallMs()) / 1000)

    /** Answers without asking anybody. */
    async function answer(qname: string, type: number) {
      const zone = new WholeZone('.', BODY)
      const settings = { ...defaultSettings, priming: false, trustAnchors: [zone.anchor] }
      const transport = {
        exchange: () => {
          throw new Error('nobody is to be asked')
        },
        close: async () => {},
      }
      const core = new Core({ cache, transport: transport as never, clock, random: new SeededRandom(1), settings })
      const wishes = { rd: true, cd: false, ad: true, do: true }
      return new Promise<{ rcode: number; security: string; answer: number }>((resolve) => {
        core.pursue({ name: name(qname), type, class: Class.IN }, wishes, {}, ({ rcode, security, answer }) =>
          resolve({ rcode, security, answer: answer.length }),
        )
        clock.advance(10)
      })
    }

    it('brings delegations, with the leases of their TTLs', () => {
      take()
      const com = cut('com.')!
      expect(com.signed).to.equal('yes')
      expect(com.nameservers.map((server) => nameToText(server.name))).to.deep.equal(['ns.com.', 'ns.org.'])
      expect(com.nameservers.map(({ addresses }) => addresses.length)).to.deep.equal([2, 1])
      expect([secondsOf('com.'), secondsOf('org.')]).to.deep.equal([7200, 86_400]) // the latter by ttl-max
      expect(cut('org.')!.signed).to.equal('no')
      expect(cut('.')!.nameservers).to.have.length(1)
      expect(cut('root.')).to.equal(undefined)
    })

    it('brings its own data, but not what its children say', () => {
      take()
      const found = cache.lookup(name('www.root.'), Type.A)
      expect(found).to.include({ kind: 'rrset', security: 'secure', rank: Rank.ANSWER })
      expect(cache.lookup(name('com.'), Type.DS)).to.include({ kind: 'rrset', security: 'secure' })
      expect(cache.lookup(name('com.'), Type.NS)).to.equal(undefined)
      expect(cache.lookup(name('ns.com.'), Type.A)).to.equal(undefined)
    })

    it('lets names that do not exist be denied without asking anybody', async () => {
      take()
      expect(await answer('www.nothing.', Type.A)).to.deep.equal({
        rcode: Rcode.NXDOMAIN,
        security: 'secure',
        answer: 0,
      })
      expect(await answer('org.', Type.DS)).to.deep.equal({ rcode: Rcode.NOERROR, security: 'secure', answer: 0 })
      expect(await answer('www.root.', Type.A)).to.deep.equal({ rcode: Rcode.NOERROR, security: 'secure', answer: 1 })
      expect(await answer('www.root.', Type.MX)).to.deep.equal({ rcode: Rcode.NOERROR, security: 'secure', answer: 0 })
    })

    it('also by NSEC3', async () => {
      take(BODY, { denial: { kind: 'nsec3', iterations: 0, salt: new Uint8Array(), optOut: false } })
      expect((await answer('www.nothing.', Type.A)).rcode).to.equal(Rcode.NXDOMAIN)
    })

    it('is written once: a second time nothing changes', async () => {
      const first = take()
      expect(first).to.include({ unchanged: 0, removed: 0 })
      expect(first.written).to.be.greaterThan(10)
      await made.settle()
      clock.advance(60_000)
      const second = take()
      expect(second).to.include({ written: 0, removed: 0 })
      expect(second.unchanged).to.be.greaterThan(5)
    })

    it('is written again when a good part of its time is over', async () => {
      const { written } = take()
      await made.settle()
      clock.advance(80_000_000)
      expect(take()).to.deep.equal({ written, unchanged: 0, removed: 0 })
      expect(secondsOf('com.')).to.equal(7200)
    })

    it('changes what has changed, and nothing else', async () => {
      take()
      await made.settle()
      const counts = take(BODY.replace('7 3600', '8 3600').replace('192.0.2.2', '192.0.2.22'))
      expect([...cut('com.')!.nameservers[0].addresses[0].octets]).to.deep.equal([192, 0, 2, 22])
      // delegation of com, SOA and ZONEMD, the proofs' SOA
      expect(counts.written).to.equal(4)
      expect(counts.removed).to.equal(0)
    })

    it('shows a new name that was denied before', async () => {
      take(BODY.replaceAll(/^org.*\n|^ns.org.*\n|^com.*ns.org.*\n/gm, ''))
      const denial = { security: 'secure', ttl: 600 } as const
      for (const denied of ['org.', 'www.org.']) cache.insertDenial('nxdomain', name(denied), 0, [], denial)
      expect((await answer('a.org.', Type.A)).rcode).to.equal(Rcode.NXDOMAIN)
      take()
      expect(cut('org.')).to.not.equal(undefined)
      for (const denied of ['org.', 'www.org.']) expect(cache.lookupNxdomain(name(denied))).to.equal(undefined)
    })

    it('removes what has vanished, and what was learned through it', async () => {
      take()
      const insecure = { rank: Rank.ANSWER, security: 'insecure' } as const
      for (const owner of ['www.com.', 'www.org.'])
        cache.insert(rrset(name(owner), Type.A, 300, [Uint8Array.of(192, 0, 2, 7)]), insecure)
      const counts = take(BODY.replaceAll(/^org.*\n|^www.root.*\n/gm, ''))
      expect(counts.removed).to.be.greaterThan(3)
      expect(cut('org.')).to.equal(undefined)
      expect(cache.lookup(name('www.root.'), Type.A)).to.equal(undefined)
      expect(cache.lookup(name('www.org.'), Type.A)).to.equal(undefined)
      expect(cache.lookup(name('www.com.'), Type.A)).to.not.equal(undefined)
      expect((await answer('www.org.', Type.A)).rcode).to.equal(Rcode.NXDOMAIN)
    })

    it('removes a DS set that was taken out', async () => {
      take()
      take(BODY.replace(/^com.*DS.*\n/m, ''))
      expect(cache.lookup(name('com.'), Type.DS)).to.equal(undefined)
      expect(cut('com.')!.signed).to.equal('no')
      expect(await answer('com.', Type.DS)).to.deep.equal({ rcode: Rcode.NOERROR, security: 'secure', answer: 0 })
    })

    it('has no say where questions are sent elsewhere', () => {
      const settings = { forward: [{ subtree: name('corp.'), servers: [], authoritative: true, dnssec: false }] }
      const inner = { zone: name('in.corp.'), leaseUntilMs: clock.wallMs() + 600_000, nameservers: [] }
      cache.insertDelegation(inner)
      take(BODY, { settings })
      expect(cut('in.corp.')).to.not.equal(undefined)
      take(BODY, { settings: {} })
      expect(cut('in.corp.')).to.equal(undefined)
    })

    it('brings no delegations that nothing vouches for', () => {
      take(BODY, { withDelegations: false, digest: 0 })
      expect(cut('com.')).to.equal(undefined)
      expect(cache.lookup(name('com.'), Type.DS)).to.not.equal(undefined)
    })

    it('does not take a cut for unsigned because its DS set was left out, without a digest', () => {
      const zone = {
        digest: 0,
        denial: { kind: 'nsec3', iterations: 0, salt: new Uint8Array(), optOut: true } as const,
      }
      take(BODY, zone)
      expect(cut('org.')!.signed).to.equal('unknown')
      expect(cut('com.')!.signed).to.equal('yes')
    })

    it('of a zone below the root lives no longer than its delegation', () => {
      const body = `
        com. 86400 IN SOA ns.com. admin.com. 7 3600 600 86400 3600
        com. 86400 IN NS ns.com.
        ns.com. 86400 IN A 192.0.2.2
        sub.com. 86400 IN NS ns.com.
      `.replaceAll(/^ +/gm, '')
      take(body, { origin: 'com.', leaseUntilMs: clock.wallMs() + 500_000 })
      expect(secondsOf('sub.com.')).to.equal(500)
      expect(cut('com.')).to.equal(undefined) // the parent's to say
      const found = cache.lookup(name('ns.com.'), Type.A)
      expect(found?.kind === 'rrset' && found.rrset.ttl).to.equal(500)
      expect(cache.proofs.closestZone(name('x.com.'), 'at-or-above')?.zone).to.deep.equal(name('com.'))
      clock.advance(501_000)
      expect(cache.lookup(name('ns.com.'), Type.A)).to.equal(undefined)
      expect(cache.closestDelegation(ROOT)).to.equal(undefined)
    })

    it('takes no proofs where they are not to be used', () => {
      take(BODY, { settings: { aggressiveNsec: false } })
      expect(cache.proofs.closestZone(ROOT, 'at-or-above')).to.equal(undefined)
    })
  })
