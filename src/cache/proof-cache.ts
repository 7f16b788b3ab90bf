/** What have signed zones proven not to be there? The NSEC and NSEC3 records of verified denials, each by itself, so that
 *  the one in whose gap a name lies is found by a search in order: RFC 8198 (aggressive use), RFC 9077 (their TTL).
 *  Whoever stores has seen to it that a record is secure, belongs to its zone, and may deny what it denies. */

import type { Clock } from '../io/interfaces.ts'
import { base32HexText } from '../wire/base32.ts'
import { type Name, prependLabel } from '../wire/name.ts'
import { nameFromReversed, reversedName } from '../wire/reversed.ts'
import { parseSoa, type RRset } from '../wire/rrset.ts'
import { Type } from '../wire/types.ts'
import { type Ancestors, Below } from './ancestors.ts'
import {
  decodeRRset,
  decodeZone,
  type EntryHead,
  encodeRRset,
  encodeZone,
  expiresMsOf,
  type ZoneProofs,
} from './entry.ts'
import { type HashParameters, justAfter, KeyMaker, type KeyRange, Kind, MAX_SALT, nsecRange } from './keys.ts'
import { Rank } from './rank.ts'
import type { Store, StoredPair } from './store.ts'
import { isLive, secondsLeft } from './time.ts'

/** What is known of the names above a name, and below them. */
export interface Surroundings {
  readonly ancestors: Ancestors
  isMarked(name: Name, kind: number, nowMs: number): boolean
  mark(name: Name, kind: number, untilMs: number, nowMs: number): void
}

export interface ProofCacheOptions {
  /** Seconds no proof is kept beyond. */
  ttlMax: number
  partition: number
}

/** A zone whose proofs are known. */
export interface KnownZone extends ZoneProofs {
  zone: Name
}

export interface ProofMeta {
  leaseUntilMs: number
  /** Of the same reply, secure too. Without it, proofs are stored for the time when one is known. */
  soa: RRset | undefined
}

/** Chains of NSEC3 a zone may have at a time: two while it changes their parameters. */
const MAX_CHAINS = 2
const HASH_OCTETS = 20

export class ProofCache {
  private readonly store: Store
  private readonly clock: Clock
  private readonly options: ProofCacheOptions
  private readonly around: Surroundings
  private readonly keys: KeyMaker

  constructor(store: Store, clock: Clock, around: Surroundings, options: ProofCacheOptions) {
    this.store = store
    this.clock = clock
    this.options = options
    this.around = around
    this.keys = new KeyMaker(options.partition)
  }

  /** The deepest zone at or above `name` whose proofs are known, or above it only. */
  closestZone(name: Name, atMost: 'at-or-above' | 'strictly-above'): KnownZone | undefined {
    const nowMs = this.clock.wallMs()
    const mayHaveOwn = atMost === 'at-or-above' && this.around.isMarked(name, Below.CUTS, nowMs)
    const own = mayHaveOwn ? this.zoneAt(name, nowMs) : undefined
    if (own !== undefined) return own
    for (let place = this.around.ancestors.above(name, nowMs); place !== undefined; place = place.parent) {
      const found = place.hasProofs ? this.zoneAt(place.name, nowMs) : undefined
      if (found !== undefined) return found
    }
    return undefined
  }

  private zoneAt(zone: Name, nowMs: number): KnownZone | undefined {
    const entry = this.store.get(this.keys.named(Kind.ZONE, zone))
    if (entry === undefined || !isLive(entry, nowMs)) return undefined
    const found = decodeZone(entry, zone, secondsLeft(expiresMsOf(entry), nowMs))
    return found && { zone, ...found }
  }

  /** The NSEC of `zone` at `name`, or else the one before it, with what is left of its TTL. */
  lookupNsec(zone: Name, name: Name): RRset | undefined {
    const range = nsecRange(this.keys, zone, name)
    const zoneOctets = range[0].length
    return this.last(range, Type.NSEC, (key) => {
      const rest = key.subarray(zoneOctets)
      return nameFromReversed(Buffer.concat([reversedName(zone), rest]))
    })
  }

  /** The NSEC3 of a chain with this hash, or else the one before it; before the first comes the last. */
  lookupNsec3(zone: Name, parameters: HashParameters, hash: Uint8Array): RRset | undefined {
    const chain = this.keys.nsec3(zone, parameters).slice()
    const ownerOf = (key: Uint8Array) => {
      const label = Buffer.from(base32HexText(key.subarray(chain.length)), 'latin1')
      return prependLabel(label, zone) ?? zone
    }
    const before: KeyRange = [chain, justAfter(this.keys.nsec3(zone, parameters, hash))]
    const end = this.keys.nsec3(zone, parameters, LAST_HASH)
    return this.last(before, Type.NSEC3, ownerOf) ?? this.last([chain, justAfter(end)], Type.NSEC3, ownerOf)
  }

  insertNsec(zone: Name, nsec: RRset, meta: ProofMeta): void {
    this.insert(() => this.keys.nsec(zone, nsec.owner), nsec, meta)
  }

  /** False: chains with such parameters are not kept. */
  insertNsec3(zone: Name, parameters: HashParameters, hash: Uint8Array, nsec3: RRset, meta: ProofMeta): boolean {
    if (parameters.salt.length > MAX_SALT || hash.length !== HASH_OCTETS) return false
    this.insert(() => this.keys.nsec3(zone, parameters, hash), nsec3, meta)
    return true
  }

  /** Takes note of what the records of one reply have in common; without a SOA for `ttl` seconds. */
  insertZone({ zone, soa, nsec, chains }: KnownZone, ttl: number, leaseUntilMs: number): void {
    const nowMs = this.clock.wallMs()
    const entry = this.store.get(this.keys.named(Kind.ZONE, zone))
    const old = entry !== undefined && isLive(entry, nowMs) ? decodeZone(entry, zone, 0) : undefined
    const head = this.head(soa === undefined ? ttl : denialTtl(soa), leaseUntilMs, nowMs)
    if (old === undefined) {
      this.putZone(zone, head, { soa, nsec, chains: chains.slice(0, MAX_CHAINS) })
      return
    }
    const news = chains.filter((chain) => !old.chains.some((known) => isSame(known, chain)))
    const isNews = news.length > 0 || (nsec && !old.nsec) || (soa !== undefined && !sameRecords(old.soa, soa))
    const expiresMs = expiresMsOf(entry!)
    const isRenewal = (soa !== undefined || old.soa === undefined) && isWorthRenewing(expiresMs, head)
    if (!isNews && !isRenewal) return
    const all = [...chains, ...old.chains.filter((known) => !chains.some((chain) => isSame(known, chain)))]
    // A SOA that is known already lasts as long as it did.
    const until = soa === undefined && old.soa !== undefined ? { ...head, expiresMs } : head
    this.putZone(zone, until, { soa: soa ?? old.soa, nsec: nsec || old.nsec, chains: all.slice(0, MAX_CHAINS) })
  }

  private putZone(zone: Name, head: EntryHead, proofs: ZoneProofs): void {
    if (head.expiresMs - head.storedMs < 1000) return
    const entry = encodeZone(head, proofs)
    if (entry === undefined) return
    this.store.put(this.keys.named(Kind.ZONE, zone), entry)
    this.around.mark(zone, Below.CUTS, head.expiresMs, head.storedMs)
    this.around.ancestors.changed(zone)
  }

  private insert(keyOf: () => Uint8Array, set: RRset, { leaseUntilMs, soa }: ProofMeta): void {
    const nowMs = this.clock.wallMs()
    // RFC 9077 §3: no longer than the denial it came with.
    const ttl = soa === undefined ? set.ttl : Math.min(set.ttl, denialTtl(soa))
    const head = this.head(ttl, leaseUntilMs, nowMs)
    if (head.expiresMs - nowMs < 1000) return
    const old = this.store.get(keyOf())
    if (old !== undefined && isLive(old, nowMs) && !isWorthRenewing(expiresMsOf(old), head)) {
      const known = decodeRRset(old, set.owner, set.type, 0)
      if (known !== undefined && sameRecords(known, set)) return
    }
    const entry = encodeRRset(head, set)
    if (entry !== undefined) this.store.put(keyOf(), entry)
  }

  private head(ttl: number, leaseUntilMs: number, nowMs: number): EntryHead {
    const expiresMs = Math.floor(Math.min(nowMs + Math.min(ttl, this.options.ttlMax) * 1000, leaseUntilMs))
    return { security: 'secure', rank: Rank.AUTHORITY, storedMs: nowMs, expiresMs, leaseUntilMs }
  }

  /** The last entry of a range, if it counts. */
  private last([from, to]: KeyRange, type: number, ownerOf: (key: Uint8Array) => Name): RRset | undefined {
    const nowMs = this.clock.wallMs()
    for (const { key, value } of this.store.range(from, to, { reverse: true, limit: 1 }) as Iterable<StoredPair>) {
      if (!isLive(value, nowMs)) return undefined
      const owner = ownerOf(key)
      return decodeRRset(value, owner, type, secondsLeft(expiresMsOf(value), nowMs))
    }
    return undefined
  }
}

/** RFC 2308 §5. */
function denialTtl(soa: RRset): number {
  return Math.min(soa.ttl, parseSoa(soa.rdatas[0]).minimum)
}

const LAST_HASH = new Uint8Array(HASH_OCTETS).fill(255)

/** Not every denial of a zone needs to be written down: only when a good part of the time has gone by. */
function isWorthRenewing(expiresMs: number, head: EntryHead): boolean {
  return head.expiresMs - expiresMs > (head.expiresMs - head.storedMs) / 4
}

function isSame(a: HashParameters, b: HashParameters): boolean {
  return a.iterations === b.iterations && Buffer.compare(a.salt, b.salt) === 0
}

function sameRecords(a: RRset | undefined, b: RRset): boolean {
  if (a?.rdatas.length !== b.rdatas.length) return false
  return a.rdatas.every((rdata, i) => Buffer.compare(rdata, b.rdatas[i]) === 0)
}
