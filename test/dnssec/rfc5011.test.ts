import { expect } from 'chai'
import { DEFAULT_ALGORITHM_POLICY, parseDnsKey } from '../../src/dnssec/keys.ts'
import {
  anchorOf,
  HOLD_DOWN_MS,
  type ManagedZone,
  type Observation,
  observeKeys,
  unmanaged,
} from '../../src/dnssec/rfc5011.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { type RRset, rrset } from '../../src/wire/rrset.ts'
import { Type } from '../../src/wire/types.ts'
import { TEST_EPOCH_MS } from '../support/clock.ts'
import { SignedZone, type ZoneKey, zoneKey } from '../support/signed-zone.ts'

const DAY_MS = 86_400_000
const TTL = 3600
const apex = nameFromText('example.')
const [old, next, other] = ['old', 'next', 'other'].map((secret) => zoneKey(secret))
const zsk = zoneKey('zsk', { flags: 256 })

/** The key as its owner has revoked it: another flag, another tag. */
function revoked(key: ZoneKey): ZoneKey {
  const rdata = Buffer.from(key.rdata)
  rdata[1] |= 0x80
  return { ...key, rdata, tag: parseDnsKey(rdata)!.tag }
}

/** A key set with `keys`, signed by `signers` from a day before `nowMs` on, for 21 days. */
function keySet(nowMs: number, keys: ZoneKey[], signers: ZoneKey[]): RRset {
  const now = nowMs / 1000
  const zone = new SignedZone('example.', '', {
    alter: (draft) => ({ ...draft, inception: now - 86_400, expiration: now + 20 * 86_400 }),
  })
  const rdatas = keys.map((key) => key.rdata)
  const set = rrset(apex, Type.DNSKEY, TTL, rdatas)
  set.signatures = signers.map((key) => zone.signature(set, key))
  return set
}

class History {
  zone: ManagedZone
  nowMs = TEST_EPOCH_MS
  last: Observation | undefined

  constructor(keys: ZoneKey[] = [old]) {
    this.zone = unmanaged({ zone: apex, ds: [], keys: keys.map((key) => key.rdata) }, this.nowMs)
  }

  /** What a look at these keys changes, `days` later. */
  see(days: number, keys: ZoneKey[], signers: ZoneKey[]): string[] {
    this.nowMs += days * DAY_MS
    this.last = observeKeys(this.zone, keySet(this.nowMs, keys, signers), this.nowMs, DEFAULT_ALGORITHM_POLICY)
    this.zone = this.last.zone
    return this.last.changes.map(({ rdata, from, to }) => `${nameOf(rdata)}: ${from} → ${to}`)
  }

  get trusted(): string[] {
    return anchorOf(this.zone)?.keys.map(nameOf) ?? []
  }
}

function nameOf(rdata: Uint8Array): string {
  const keys = { old, next, other, zsk }
  return Object.entries(keys).find(([, key]) => Buffer.compare(key.rdata, rdata) === 0)?.[0] ?? '?'
}

describe('observeKeys (RFC 5011 §4)', () => {
  it('changes nothing when nothing has changed; keys that only sign are none of its business', () => {
    const history = new History()
    expect(history.see(1, [old, zsk], [old])).to.deep.equal([])
    expect(history.trusted).to.deep.equal(['old'])
  })

  it('trusts a new key that was there for 30 days, and not before', () => {
    const history = new History()
    expect(history.see(0, [old, next], [old])).to.deep.equal(['next: unknown → add-pending'])
    expect(history.see(29, [old, next], [old])).to.deep.equal([])
    expect(history.trusted).to.deep.equal(['old'])
    expect(history.see(1, [old, next], [old])).to.deep.equal(['next: add-pending → valid'])
    expect(history.trusted).to.deep.equal(['old', 'next'])
    expect(history.see(1, [next], [next])).to.deep.equal(['old: valid → missing'])
  })

  it('begins to count anew when the new key was gone in between', () => {
    const history = new History()
    history.see(0, [old, next], [old])
    expect(history.see(20, [old], [old])).to.deep.equal(['next: add-pending → unknown'])
    history.see(1, [old, next], [old])
    expect(history.see(20, [old, next], [old])).to.deep.equal([])
    expect(history.trusted).to.deep.equal(['old'])
  })

  it('believes no set that no trusted key has signed', () => {
    const history = new History()
    expect(history.see(1, [old, next], [next])).to.deep.equal([])
    expect(history.last).to.include({ kind: 'refused' })
    expect(history.zone.keys).to.have.length(1)
  })

  it('says by how much a signature is out of time', () => {
    const history = new History()
    const set = keySet(history.nowMs, [old], [old])
    const late = observeKeys(history.zone, set, history.nowMs + 20 * DAY_MS + 60_000, DEFAULT_ALGORITHM_POLICY)
    expect(late.kind === 'refused' && late.why).to.include({ reason: 'signature expired', offBySeconds: 60 })
  })

  it('still trusts a key that is not in the zone for a while', () => {
    const history = new History([old, next])
    expect(history.see(1, [next], [next])).to.deep.equal(['old: valid → missing'])
    expect(history.trusted).to.deep.equal(['old', 'next'])
    expect(history.see(1, [old, next], [old])).to.deep.equal(['old: missing → valid'])
  })

  it('never again trusts a key that has revoked itself', () => {
    const history = new History([old, next])
    expect(history.see(1, [revoked(old), next], [revoked(old), next])).to.deep.equal(['old: valid → revoked'])
    expect(history.trusted).to.deep.equal(['next'])
    expect(history.see(1, [old, next], [old, next])).to.deep.equal([])
    expect(history.see(30, [next], [next])).to.deep.equal(['old: revoked → removed'])
    expect(history.see(40, [old, next], [next])).to.deep.equal([])
    expect(history.trusted).to.deep.equal(['next'])
  })

  it('takes nobody else’s word for a revocation', () => {
    const history = new History([old, next])
    expect(history.see(1, [revoked(old), next], [next])).to.deep.equal(['old: valid → missing'])
    expect(history.trusted).to.deep.equal(['old', 'next'])
  })

  it('loses all trust when the last key is revoked (RFC 5011 §5)', () => {
    const history = new History()
    expect(history.see(1, [revoked(old)], [revoked(old)])).to.deep.equal(['old: valid → revoked'])
    expect(anchorOf(history.zone)).to.equal(undefined)
  })

  it('ignores new keys of algorithms it cannot check', () => {
    const history = new History()
    expect(history.see(0, [old, zoneKey('strange', { algorithm: 253 })], [old])).to.deep.equal([])
  })

  it('begins with DS records: the key they are about is trusted at once, a revoked one never', () => {
    const zone = new SignedZone('example.', '')
    const begin = unmanaged(zone.anchor(), TEST_EPOCH_MS)
    const seen = observeKeys(begin, keySet(TEST_EPOCH_MS, [zone.key], [zone.key]), TEST_EPOCH_MS, { sha1: true })
    expect(seen.changes.map(({ from, to }) => `${from} → ${to}`)).to.deep.equal(['unknown → valid'])
    expect(seen.zone.ds).to.deep.equal([])
    const gone = revoked(zone.key)
    const dead = observeKeys(begin, keySet(TEST_EPOCH_MS, [gone], [gone]), TEST_EPOCH_MS, { sha1: true })
    expect(anchorOf(dead.zone)).to.equal(undefined)
  })

  it('keeps DS records of keys that are not there yet', () => {
    const now = new SignedZone('example.', '')
    const future = zoneKey('future')
    const begin = unmanaged(now.anchor(), TEST_EPOCH_MS)
    const later = {
      ...begin,
      ds: [...begin.ds, Buffer.from([future.tag >> 8, future.tag & 255, 15, 2, ...Buffer.alloc(32)])],
    }
    const seen = observeKeys(later, keySet(TEST_EPOCH_MS, [now.key], [now.key]), TEST_EPOCH_MS, { sha1: true })
    expect(seen.zone.ds).to.have.length(1)
  })

  it('asks again after half the TTL, but within an hour at the earliest; after a failure after a tenth (RFC 5011 §2.3)', () => {
    const history = new History()
    history.see(0, [old], [old])
    expect(history.last).to.include({ refreshMs: 3_600_000, retryMs: 3_600_000 })
    const set = keySet(history.nowMs, [old], [old])
    const zone = new SignedZone('example.', '', { alter: (draft) => ({ ...draft, originalTtl: 172_800 }) })
    set.signatures = [zone.signature({ ...set, ttl: 172_800 }, old)]
    const seen = observeKeys(history.zone, set, history.nowMs, DEFAULT_ALGORITHM_POLICY)
    expect(seen).to.include({ refreshMs: DAY_MS, retryMs: 17_280_000 })
  })

  it('waits longer than 30 days where the keys live longer', () => {
    expect(HOLD_DOWN_MS).to.equal(30 * DAY_MS)
    const history = new History()
    const set = keySet(history.nowMs, [old, next], [old])
    const zone = new SignedZone('example.', '', {
      alter: (draft) => ({ ...draft, originalTtl: 40 * 86_400, expiration: draft.expiration + 90 * 86_400 }),
    })
    set.signatures = [zone.signature({ ...set, ttl: 40 * 86_400 }, old)]
    const seen = observeKeys(history.zone, set, history.nowMs, DEFAULT_ALGORITHM_POLICY)
    expect(seen.zone.keys[1].untilMs).to.equal(history.nowMs + 40 * DAY_MS)
  })

  it('refuses the keys of another zone', () => {
    const elsewhere = { ...keySet(TEST_EPOCH_MS, [old], [old]), owner: nameFromText('example.org.') }
    expect(observeKeys(new History().zone, elsewhere, TEST_EPOCH_MS, { sha1: true }).kind).to.equal('refused')
  })
})
