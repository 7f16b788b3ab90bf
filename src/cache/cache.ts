/** What is known about a name, for how much longer, and may this new piece of data replace it? DNS in terms of a store:
 *  RFC 2181 §5 (RRsets, TTLs, ranks), RFC 2308 (denials), RFC 4035 §4.3 and §4.5 (security), RFC 9520 (failures).
 *
 *  What may replace what:
 *  - New data replaces old when the old has expired or is not trusted more (rank.ts). Secure data is above everything
 *    else; bogus data is below everything else, so it only ever fills a gap.
 *  - An RRset and the proof of its absence (nodata) hold one place; one replaces the other by the same rule.
 *  - Whatever exists at a name contradicts a name error there, and the other way round (RFC 2308 §5). So storing an
 *    RRset or nodata removes the owner's name error, and storing a name error removes all that the owner has, unless
 *    what stands there is trusted more: then the new data is refused. An answered denial counts as much as an answer.
 *  - A delegation comes from the parent only, in a place of its own. A new one from the parent replaces it; nothing a
 *    child says about itself prolongs it, or a zone taken away from its owner could live on for ever ("ghost domains").
 *
 *  All times are absolute, so entries age while nobody runs. An entry stamped later than now was stored before the
 *  clock was set back: how old it is nobody knows, and it is ignored. */

import type { ServerAddress } from '../io/address.ts'
import type { Clock } from '../io/interfaces.ts'
import type { Name } from '../wire/name.ts'
import { type RRset, rrsigFields } from '../wire/rrset.ts'
import { Class, Type } from '../wire/types.ts'
import { type Ancestor, Ancestors, Below, type Sight } from './ancestors.ts'
import type { Delegation, Failure, ServerMemory } from './delegation.ts'
import {
  decodeBelow,
  decodeDelegation,
  decodeDenial,
  decodeExpansion,
  decodeFailure,
  decodeRRset,
  decodeServer,
  type EntryHead,
  encodeBelow,
  encodeClaim,
  encodeDelegation,
  encodeDenial,
  encodeFailure,
  encodeRRset,
  encodeServer,
  expiresMsOf,
  rankOf,
  Shape,
  securityOf,
  shapeOf,
  storedMsOf,
} from './entry.ts'
import { KeyMaker, Kind, MAX_PARTITION, ownerRange } from './keys.ts'
import { ProofCache, type Surroundings } from './proof-cache.ts'
import { type PurgeOptions, planPurge } from './purge.ts'
import { Rank, type Security, trustOf } from './rank.ts'
import type { Store } from './store.ts'
import { isLive, isStale, secondsLeft } from './time.ts'

export type { Delegation, Failure, Nameserver, ServerMemory } from './delegation.ts'
export type { PurgeOptions } from './purge.ts'

export interface CacheOptions {
  /** Seconds. TTLs below are raised to it, also 0. */
  ttlMin: number
  /** Seconds. TTLs above are lowered to it. */
  ttlMax: number
  /** Seconds. The same for denials (RFC 2308 §5). */
  negativeTtlMax: number
  /** Views that must not see each other's data use different partitions, 0 to MAX_PARTITION. */
  partition?: number
}

export type CacheEntry =
  | {
      kind: 'rrset'
      rrset: RRset
      rank: Rank
      security: Security
      /** NSEC and NSEC3 sets: that an answer made from a wildcard had nothing closer (RFC 4035 §5.3.4). */
      proofs: RRset[]
      storedMs: number
      expiresMs: number
    }
  | {
      kind: 'nodata' | 'nxdomain'
      /** SOA and proofs. */
      authority: RRset[]
      security: Security
      storedMs: number
      expiresMs: number
    }

export interface InsertMeta {
  rank: Rank
  security: Security
  /** Nothing learned through a zone cut outlives what its parent said of it (wall clock ms). */
  leaseUntilMs?: number
  /** What proves an answer made from a wildcard. */
  proofs?: readonly RRset[]
  /** Another such limit: when the signatures that made it secure expire (RFC 4035 §5.3.3). */
  notAfterMs?: number
}

export interface DenialMeta {
  security: Security
  /** Seconds: the lower of the SOA's TTL and MINIMUM field (RFC 2308 §5). */
  ttl: number
  /** Where it stood; that of an authoritative answer unless told otherwise. */
  rank?: Rank
  leaseUntilMs?: number
  notAfterMs?: number
}

/** RFC 9520 §3.2: a failure is remembered for 5 s at first, twice as long each time, and at most for 5 minutes. */
const FAILURE_FIRST_MS = 5_000
const FAILURE_MAX_MS = 300_000
/** How long after its end a failure still counts as the one before the next. */
const FAILURE_MEMORY_MS = 300_000
/** One use in so many is told to the store. */
const TOUCH_EVERY = 16
/** Who said that he asks for something again has so long to get it. */
const CLAIM_MS = 10_000
/** What is known of a server is forgotten after so long without news. */
const SERVER_MEMORY_MS = 15 * 60_000

export class Cache implements Surroundings {
  private readonly store: Store
  private readonly clock: Clock
  private readonly options: CacheOptions
  private readonly partition: number
  private readonly keys: KeyMaker
  private lookups = 0
  readonly ancestors: Ancestors
  /** What zones have proven not to be there. */
  readonly proofs: ProofCache

  constructor(store: Store, clock: Clock, options: CacheOptions) {
    this.store = store
    this.clock = clock
    this.options = options
    this.partition = options.partition ?? 0
    if (!(this.partition >= 0 && this.partition <= MAX_PARTITION))
      throw new RangeError(`cache partition ${this.partition} is not in 0 to ${MAX_PARTITION}`)
    this.keys = new KeyMaker(this.partition)
    const ttlMax = Math.min(options.negativeTtlMax, options.ttlMax)
    this.ancestors = new Ancestors((name, nowMs, before) => this.sightOf(name, nowMs, before))
    this.proofs = new ProofCache(store, clock, this, { ttlMax, partition: this.partition })
  }

  // ---- RRsets and denials ---------------------------------------------------------------------------------------------

  /** The RRset of exactly this owner and type, or the proof that there is none; undefined when neither is known or its
   *  time is over. The RRset's owner is `owner` itself, its TTL what is left of it, at least 1. */
  lookup(owner: Name, type: number): CacheEntry | undefined {
    const nowMs = this.clock.wallMs()
    const entry = this.live(this.keys.typed(Kind.RRSET, owner, type), nowMs)
    if (entry === undefined) return undefined
    if (++this.lookups % TOUCH_EVERY === 0) this.store.touch?.(this.keys.typed(Kind.RRSET, owner, type))
    if (shapeOf(entry) === Shape.NODATA) return denialFrom('nodata', entry, nowMs)
    return rrsetFrom(entry, owner, type, nowMs)
  }

  /** The CNAME of exactly this owner, as lookup() gives it. */
  lookupAlias(owner: Name): CacheEntry | undefined {
    return this.isMarked(owner, Below.ALIASES, this.clock.wallMs()) ? this.lookup(owner, Type.CNAME) : undefined
  }

  /** The name error stored for exactly this owner. */
  lookupNxdomain(owner: Name): CacheEntry | undefined {
    const nowMs = this.clock.wallMs()
    if (!this.isMarked(owner, Below.NAME_ERRORS, nowMs)) return undefined
    const entry = this.live(this.keys.named(Kind.NXDOMAIN, owner), nowMs)
    return entry === undefined ? undefined : denialFrom('nxdomain', entry, nowMs)
  }

  /** As lookup(), or lookupNxdomain() without a type, for what ended up to `maxAgeMs` ago (RFC 8767). Nothing is stale
   *  but true that is bogus, that its parent no longer vouches for, or whose signatures have expired. */
  lookupStale(owner: Name, type: number | undefined, maxAgeMs: number): CacheEntry | undefined {
    const nowMs = this.clock.wallMs()
    const key = type === undefined ? this.keys.named(Kind.NXDOMAIN, owner) : this.keys.typed(Kind.RRSET, owner, type)
    const entry = this.store.get(key)
    if (entry === undefined || !isStale(entry, nowMs, maxAgeMs) || securityOf(entry) === 'bogus') return undefined
    const endedMs = expiresMsOf(entry)
    const found =
      shapeOf(entry) === Shape.NXDOMAIN || shapeOf(entry) === Shape.NODATA
        ? denialFrom(type === undefined ? 'nxdomain' : 'nodata', entry, endedMs)
        : rrsetFrom(entry, owner, type ?? 0, endedMs)
    if (found?.security === 'secure' && !setsOf(found).every((set) => isSignedAt(set, nowMs))) return undefined
    return found
  }

  /** The TTL, in seconds, that data with this TTL gets here: within the limits, never beyond the lease; 0: none at all. */
  clampTtl(ttl: number, leaseUntilMs?: number): number {
    const clamped = Math.min(Math.max(ttl, this.options.ttlMin), this.options.ttlMax)
    if (leaseUntilMs === undefined) return clamped
    return Math.max(0, Math.min(clamped, Math.floor((leaseUntilMs - this.clock.wallMs()) / 1000)))
  }

  /** Stores an RRset. False when it is not: its time is over already, or something trusted more stands in its place. */
  insert(rrset: RRset, meta: InsertMeta): boolean {
    if (rrset.class !== Class.IN) return false
    const nowMs = this.clock.wallMs()
    const expiresMs = this.endOf(rrset.ttl, this.options.ttlMax, nowMs, meta)
    if (expiresMs - nowMs < 1000) return false
    const { security, rank, leaseUntilMs } = meta
    const head: EntryHead = { security, rank, storedMs: nowMs, expiresMs, leaseUntilMs }
    if (!this.makeWay(rrset.owner, rrset.type, head)) return false
    const entry = encodeRRset(head, rrset, meta.proofs)
    if (entry === undefined) return false
    this.store.put(this.keys.typed(Kind.RRSET, rrset.owner, rrset.type), entry)
    if (rrset.type === Type.DNAME) this.ancestors.changed(rrset.owner)
    if (rrset.type === Type.CNAME) this.mark(rrset.owner, Below.ALIASES, expiresMs, nowMs)
    return true
  }

  /** Stores that there is no `type` at `owner`, or no `owner` at all; `type` does not matter then. False as for insert. */
  insertDenial(kind: 'nodata' | 'nxdomain', owner: Name, type: number, authority: RRset[], meta: DenialMeta): boolean {
    const nowMs = this.clock.wallMs()
    const ttlMax = Math.min(this.options.negativeTtlMax, this.options.ttlMax)
    const expiresMs = this.endOf(meta.ttl, ttlMax, nowMs, meta)
    if (expiresMs - nowMs < 1000) return false
    const { security, rank = Rank.ANSWER, leaseUntilMs } = meta
    const head: EntryHead = { security, rank, storedMs: nowMs, expiresMs, leaseUntilMs }
    if (!(kind === 'nodata' ? this.makeWay(owner, type, head) : this.makeWayForNameError(owner, head))) return false
    const entry = encodeDenial(kind, head, authority)
    if (entry === undefined) return false
    const key = kind === 'nodata' ? this.keys.typed(Kind.RRSET, owner, type) : this.keys.named(Kind.NXDOMAIN, owner)
    this.store.put(key, entry)
    if (kind === 'nxdomain') {
      this.ancestors.changed(owner)
      this.mark(owner, Below.NAME_ERRORS, expiresMs, nowMs)
    }
    return true
  }

  // ---- names above ----------------------------------------------------------------------------------------------------

  /** The name above `name` and, from there, all up to the root, with what is known there; as of this second. */
  above(name: Name): Ancestor | undefined {
    return this.ancestors.above(name, this.clock.wallMs())
  }

  /** Others have removed what they liked. */
  forgetAncestors(): void {
    this.ancestors.forget()
  }

  /** Whether there may be something of these kinds at `name`. */
  isMarked(name: Name, kind: number, nowMs: number): boolean {
    const place = this.ancestors.above(name, nowMs)
    return place === undefined || (place.below & kind) !== 0
  }

  /** Something of these kinds is at `name` until then: said above it, where it is seen by whoever looks for another name. */
  mark(name: Name, kind: number, untilMs: number, nowMs: number): void {
    const place = this.ancestors.above(name, nowMs)
    if (place === undefined || ((place.below & kind) !== 0 && place.belowUntilMs >= untilMs)) return
    const expiresMs = Math.max(place.belowUntilMs, nowMs + 2 * (untilMs - nowMs)) // not to be written each time
    const entry = encodeBelow({ ...plainHead, storedMs: nowMs, expiresMs }, place.below | kind)
    this.store.put(this.keys.named(Kind.BELOW, place.name), entry)
    this.ancestors.changed(place.name)
  }

  private sightOf(name: Name, nowMs: number, before: Sight | undefined): Sight {
    const below = this.live(this.keys.named(Kind.BELOW, name), nowMs)
    return {
      below: below === undefined ? 0 : decodeBelow(below),
      belowUntilMs: below === undefined ? 0 : expiresMsOf(below),
      delegation: this.delegationAt(name, nowMs, before?.delegation),
      hasDname: this.store.get(this.keys.typed(Kind.RRSET, name, Type.DNAME)) !== undefined,
      hasNameError: this.store.get(this.keys.named(Kind.NXDOMAIN, name)) !== undefined,
      hasProofs: this.store.get(this.keys.named(Kind.ZONE, name)) !== undefined,
    }
  }

  // ---- delegations ----------------------------------------------------------------------------------------------------

  /** The deepest zone cut known at or above `name`, or above it only: what a query for a DS needs (RFC 4035 §3.1.4.1). */
  closestDelegation(name: Name, atMost: 'at-or-above' | 'strictly-above' = 'at-or-above'): Delegation | undefined {
    const nowMs = this.clock.wallMs()
    const mayHaveOwn = atMost === 'at-or-above' && this.isMarked(name, Below.CUTS, nowMs)
    const own = mayHaveOwn ? this.delegationAt(name, nowMs) : undefined
    if (own !== undefined) return own
    for (let place = this.ancestors.above(name, nowMs); place !== undefined; place = place.parent) {
      const { delegation } = place
      if (delegation !== undefined && delegation.leaseUntilMs > nowMs) return delegation
    }
    return undefined
  }

  /** `before`: what was found the last time; it is given again if nothing was written since. */
  private delegationAt(zone: Name, nowMs: number, before?: Delegation): Delegation | undefined {
    const entry = this.live(this.keys.named(Kind.DELEGATION, zone), nowMs)
    if (entry === undefined) return undefined
    const storedMs = storedMsOf(entry)
    if (before?.storedMs === storedMs && before.leaseUntilMs === expiresMsOf(entry)) return before
    const delegation = decodeDelegation(entry, zone.slice())
    if (delegation !== undefined) delegation.storedMs = storedMs
    return delegation
  }

  /** Stores what a parent says of a zone, in place of what it said before. Only replies of the parent's servers may be
   *  the source. The lease is kept within ttlMin and ttlMax from now. */
  insertDelegation(delegation: Delegation): void {
    const nowMs = this.clock.wallMs()
    const { ttlMin, ttlMax } = this.options
    const expiresMs = Math.min(Math.max(delegation.leaseUntilMs, nowMs + ttlMin * 1000), nowMs + ttlMax * 1000)
    if (expiresMs <= nowMs) return
    const entry = encodeDelegation({ ...plainHead, storedMs: nowMs, expiresMs }, delegation)
    if (entry === undefined) return
    this.store.put(this.keys.named(Kind.DELEGATION, delegation.zone), entry)
    this.mark(delegation.zone, Below.CUTS, expiresMs, nowMs)
    this.ancestors.changed(delegation.zone)
  }

  // ---- failures -------------------------------------------------------------------------------------------------------

  /** The failure that forbids trying this question again yet. */
  lookupFailure(name: Name, type: number): Failure | undefined {
    const nowMs = this.clock.wallMs()
    if (!this.isMarked(name, Below.FAILURES, nowMs)) return undefined
    const failure = this.lastFailure(name, type, nowMs)
    return failure !== undefined && failure.expiresMs > nowMs ? failure : undefined
  }

  /** Remembers that a question failed: for 5 s, or twice as long as the time before, `longestMs` at most. While it is
   *  still remembered nothing changes: requests that were under way together failed together. */
  insertFailure(name: Name, type: number, ede: number, text: string, longestMs = FAILURE_MAX_MS): void {
    const nowMs = this.clock.wallMs()
    const last = this.lastFailure(name, type, nowMs)
    if (last !== undefined && last.expiresMs > nowMs) {
      this.mark(name, Below.FAILURES, last.expiresMs, nowMs) // others that marked this place meanwhile may not have seen it
      return
    }
    const count = (last?.count ?? 0) + 1
    const until = nowMs + Math.min(FAILURE_FIRST_MS * 2 ** Math.min(count - 1, 16), longestMs)
    const head = { ...plainHead, storedMs: nowMs, expiresMs: until + FAILURE_MEMORY_MS }
    const entry = encodeFailure(head, { ede, text, expiresMs: until, count })
    this.store.put(this.keys.typed(Kind.FAILURE, name, type), entry)
    this.mark(name, Below.FAILURES, head.expiresMs, nowMs)
  }

  /** Forgets that a question failed, because it no longer does. */
  clearFailure(name: Name, type: number): void {
    const key = this.keys.typed(Kind.FAILURE, name, type)
    if (this.store.get(key) !== undefined) this.store.remove(key)
  }

  private lastFailure(name: Name, type: number, nowMs: number): Failure | undefined {
    const entry = this.live(this.keys.typed(Kind.FAILURE, name, type), nowMs)
    return entry && decodeFailure(entry)
  }

  /** Whether nobody has said within the last seconds that he will ask this again; says so then. */
  claimRefresh(name: Name, type: number): boolean {
    const nowMs = this.clock.wallMs()
    const key = this.keys.typed(Kind.CLAIM, name, type)
    if (this.live(key, nowMs) !== undefined) return false
    this.store.put(key, encodeClaim({ ...plainHead, storedMs: nowMs, expiresMs: nowMs + CLAIM_MS }))
    return true
  }

  // ---- servers --------------------------------------------------------------------------------------------------------

  /** What was last learned about a server, by any worker. */
  lookupServer(address: ServerAddress): ServerMemory | undefined {
    const entry = this.live(this.keys.server(address), this.clock.wallMs())
    return entry && decodeServer(entry)
  }

  insertServer(address: ServerAddress, memory: ServerMemory): void {
    const nowMs = this.clock.wallMs()
    const entry = encodeServer({ ...plainHead, storedMs: nowMs, expiresMs: nowMs + SERVER_MEMORY_MS }, memory)
    this.store.put(this.keys.server(address), entry)
  }

  // ---- all together ---------------------------------------------------------------------------------------------------

  /** Removes all that is known at and below `name`, or what `options` narrow it down to, and every proof that there is
   *  nothing. */
  purge(name: Name, options: PurgeOptions = {}): void {
    for (const { range, last, only } of planPurge(this.partition, name, options)) {
      if (!last && only === undefined) this.store.removeRange(...range)
      else {
        const keys: Uint8Array[] = []
        for (const { key, value } of this.store.range(...range, last ? { reverse: true, limit: 1 } : {}))
          if (only?.(key, value) ?? true) keys.push(key.slice())
        for (const key of keys) this.store.remove(key)
      }
    }
    this.ancestors.forget()
  }

  // ---- the rules ------------------------------------------------------------------------------------------------------

  /** The entry at `key` if it counts now: not expired, and not from the future. A view, good until the next store call. */
  private live(key: Uint8Array, nowMs: number): Uint8Array | undefined {
    const entry = this.store.get(key)
    return entry !== undefined && isLive(entry, nowMs) ? entry : undefined
  }

  /** When data with this TTL ends. The lower limit does not raise it above a lease or a signature's end. */
  private endOf(
    ttl: number,
    ttlMax: number,
    nowMs: number,
    meta: { leaseUntilMs?: number; notAfterMs?: number },
  ): number {
    const clamped = Math.min(Math.max(ttl, this.options.ttlMin), ttlMax)
    const { leaseUntilMs = Number.POSITIVE_INFINITY, notAfterMs = Number.POSITIVE_INFINITY } = meta
    return Math.floor(Math.min(nowMs + clamped * 1000, leaseUntilMs, notAfterMs))
  }

  /** True when an RRset or nodata may be stored; a name error it contradicts is gone then. */
  private makeWay(owner: Name, type: number, head: EntryHead): boolean {
    const trust = trustOf(head.security, head.rank)
    const old = this.live(this.keys.typed(Kind.RRSET, owner, type), head.storedMs)
    if (old !== undefined && trustOfEntry(old) > trust) return false
    const nameErrorKey = this.keys.named(Kind.NXDOMAIN, owner)
    const nameError = this.store.get(nameErrorKey)
    if (nameError === undefined) return true
    if (isLive(nameError, head.storedMs) && trustOfEntry(nameError) > trust) return false
    this.store.remove(nameErrorKey)
    return true
  }

  /** True when a name error may be stored; whatever the owner had is gone then. */
  private makeWayForNameError(owner: Name, head: EntryHead): boolean {
    const trust = trustOf(head.security, head.rank)
    const old = this.live(this.keys.named(Kind.NXDOMAIN, owner), head.storedMs)
    if (old !== undefined && trustOfEntry(old) > trust) return false
    const contradicted: Uint8Array[] = []
    for (const { key, value } of this.store.range(...ownerRange(this.partition, Kind.RRSET, owner))) {
      if (isLive(value, head.storedMs) && trustOfEntry(value) > trust) return false
      contradicted.push(key.slice())
    }
    for (const key of contradicted) this.store.remove(key)
    return true
  }
}

/** Head of entries that no rule of trust applies to. */
const plainHead = { security: 'indeterminate', rank: 0 } as const

function trustOfEntry(entry: Uint8Array): number {
  return trustOf(securityOf(entry), rankOf(entry))
}

function rrsetFrom(entry: Uint8Array, owner: Name, type: number, nowMs: number): CacheEntry | undefined {
  const expiresMs = expiresMsOf(entry)
  const rrset = decodeRRset(entry, owner, type, secondsLeft(expiresMs, nowMs))
  if (rrset === undefined) return undefined
  const storedMs = storedMsOf(entry)
  const ageSeconds = Math.floor((nowMs - storedMs) / 1000)
  const proofs = decodeExpansion(entry, rrset.ttl, ageSeconds)
  return { kind: 'rrset', rrset, rank: rankOf(entry), security: securityOf(entry), proofs, storedMs, expiresMs }
}

function setsOf(entry: CacheEntry): readonly RRset[] {
  return entry.kind === 'rrset' ? [entry.rrset, ...entry.proofs] : entry.authority
}

/** Whether a set without signatures, or with one that has not expired: RFC 4034 §3.1.5, modulo 2^32. */
function isSignedAt({ signatures }: RRset, nowMs: number): boolean {
  const nowSeconds = Math.floor(nowMs / 1000)
  return signatures.length === 0 || signatures.some((rdata) => ((rrsigFields(rdata).expiration - nowSeconds) | 0) > 0)
}

function denialFrom(kind: 'nodata' | 'nxdomain', entry: Uint8Array, nowMs: number): CacheEntry | undefined {
  const storedMs = storedMsOf(entry)
  const expiresMs = expiresMsOf(entry)
  const security = securityOf(entry)
  const ageSeconds = Math.max(0, Math.floor((nowMs - storedMs) / 1000))
  const authority = decodeDenial(entry, secondsLeft(expiresMs, nowMs), ageSeconds)
  return authority && { kind, authority, security, storedMs, expiresMs }
}
