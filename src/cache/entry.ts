/** HOT: entries as octets. How is what the cache knows written into a store, and read back?
 *
 *    head        shape u8 · security and rank u8 · stored u48 · expires u48 · lease u32     ms since 1970; the lease: s
 *    rrset       records u16 · signatures u16 · (length u16 · octets)…
 *    expanded    rrset, then sets as in a denial: an answer made from a wildcard, and the proofs that it was right
 *    denial      sets u16 · (owner · type u16 · ttl u32 · records u16 · signatures u16 · (length u16 · octets)…)…
 *    delegation  signed u8 · servers u8 · (name · addresses u8 · (until u48 · length u8 · octets)…)…
 *    failure     until u48 · count u16 · ede u16 · text
 *    server      srtt u32 · rttvar u32 (µs) · timeouts u16 · dead until u48 · flags u8
 *    zone        nsec u8 · chains u8 · (iterations u16 · length u8 · salt)… · rrset: the zone's SOA, or no records
 *
 *  Numbers are big-endian, names are in wire form behind a length octet. Whatever the octets, decoding gives a value or
 *  undefined and never throws: a store may hold anything. An RRset's owner is not in its entry but in the key, so it
 *  comes back spelled as it was asked for. Change a layout: count STORE_FORMAT up. */

import type { Name } from '../wire/name.ts'
import { Beginnings } from '../wire/pool.ts'
import type { RRset } from '../wire/rrset.ts'
import { Class, Type } from '../wire/types.ts'
import type { Delegation, Failure, Nameserver, ServerMemory } from './delegation.ts'
import type { HashParameters } from './keys.ts'
import type { Rank, Security } from './rank.ts'

/** Version of all that is laid out here and in keys.ts; a store of another version is not read. A new kind of entry needs no
 *  new version where doing without it is right: claims and marks (Kind.BELOW) came within this one. A program from before
 *  them lets them lie and evicts them as any entry; what it has stored without a mark counts as unknown until it is told
 *  again. */
export const STORE_FORMAT = 2

export const Shape = {
  RRSET: 1,
  NODATA: 2,
  NXDOMAIN: 3,
  DELEGATION: 4,
  FAILURE: 5,
  SERVER: 6,
  EXPANDED: 7,
  ZONE: 8,
  CLAIM: 9,
  BELOW: 10,
} as const
export type Shape = (typeof Shape)[keyof typeof Shape]

/** What every entry has. */
export interface EntryHead {
  security: Security
  rank: Rank | 0
  storedMs: number
  expiresMs: number
  /** Not even as stale data is it good for longer; undefined: there is no such limit. */
  leaseUntilMs?: number
}

const HEAD_OCTETS = 18
const NO_LEASE = 0xffff_ffff
/** What the proofs of a zone have in common. */
export interface ZoneProofs {
  /** Undefined: none has been seen yet, so nothing can be denied, but wildcards may be made use of. */
  soa: RRset | undefined
  /** Whether there are NSEC records. */
  nsec: boolean
  /** Parameters of its chains of NSEC3. */
  chains: readonly HashParameters[]
}

const NO_OWNER: Name = Uint8Array.of(0)
const NO_RECORDS = { rdatas: [], signatures: [] }
const securities: readonly Security[] = ['indeterminate', 'insecure', 'secure', 'bogus']
/** Larger entries are not stored: a response has at most 64 KiB. */
const MAX_ENTRY = 160 * 1024

// ---- head -------------------------------------------------------------------------------------------------------------

/** What kind of entry this is; 0 when it is too short to be one. */
export function shapeOf(entry: Uint8Array): number {
  return entry.length < HEAD_OCTETS ? 0 : entry[0]
}

export function securityOf(entry: Uint8Array): Security {
  return securities[entry[1] >> 4] ?? 'bogus'
}

export function rankOf(entry: Uint8Array): Rank {
  return (entry[1] & 15) as Rank
}

export function storedMsOf(entry: Uint8Array): number {
  return u48At(entry, 2)
}

/** When the entry ends to be true, in ms since 1970; 0 when it is too short to be an entry. */
export function expiresMsOf(entry: Uint8Array): number {
  return entry.length < HEAD_OCTETS ? 0 : u48At(entry, 8)
}

/** What an entry says, without when it was stored and how long it is good for: a view. */
export function bodyOf(entry: Uint8Array): Uint8Array {
  return entry.subarray(HEAD_OCTETS)
}

/** Until when its parent lets the entry be known at all, in ms since 1970. */
export function leaseUntilMsOf(entry: Uint8Array): number {
  const seconds = ((entry[14] << 24) | (entry[15] << 16) | (entry[16] << 8) | entry[17]) >>> 0
  return seconds === NO_LEASE ? Number.POSITIVE_INFINITY : seconds * 1000
}

// ---- encoding -----------------------------------------------------------------------------------------------------------

const scratch = new Uint8Array(MAX_ENTRY)
const beginnings = new Beginnings(scratch)
let end = 0

/** An RRset's entry, as a view good until the next entry is encoded; undefined when it is too large. So do all the
 *  functions of this name. The set's own TTL is not kept: it lives from `storedMs` to `expiresMs`. */
export function encodeRRset(head: EntryHead, set: RRset, proofs: readonly RRset[] = []): Uint8Array | undefined {
  begin(proofs.length === 0 ? Shape.RRSET : Shape.EXPANDED, head)
  if (!putSet(set)) return undefined
  return proofs.length === 0 || putSets(proofs) ? finish() : undefined
}

export function encodeDenial(kind: 'nodata' | 'nxdomain', head: EntryHead, authority: RRset[]): Uint8Array | undefined {
  begin(kind === 'nodata' ? Shape.NODATA : Shape.NXDOMAIN, head)
  return putSets(authority) ? finish() : undefined
}

export function encodeDelegation(head: EntryHead, delegation: Delegation): Uint8Array | undefined {
  begin(Shape.DELEGATION, head)
  const { nameservers, signed } = delegation
  if (nameservers.length > 255) return undefined
  scratch[end++] = signed === 'yes' ? 1 : signed === 'no' ? 2 : 0
  scratch[end++] = nameservers.length
  for (const { name, addresses } of nameservers) {
    if (addresses.length > 255) return undefined
    putBlock8(name)
    scratch[end++] = addresses.length
    for (const { octets, untilMs } of addresses) {
      if (end + 512 > MAX_ENTRY) return undefined
      putU48(untilMs)
      putBlock8(octets)
    }
  }
  return finish()
}

export function encodeFailure(head: EntryHead, failure: Failure): Uint8Array {
  begin(Shape.FAILURE, head)
  putU48(failure.expiresMs)
  putU16(failure.count)
  putU16(failure.ede)
  end += utf8Encoder.encodeInto(failure.text.slice(0, 255), scratch.subarray(end)).written
  return finish()
}

export function encodeServer(head: EntryHead, memory: ServerMemory): Uint8Array {
  begin(Shape.SERVER, head)
  putU32(Math.min(memory.srttMs * 1000, 0xffffffff))
  putU32(Math.min(memory.rttvarMs * 1000, 0xffffffff))
  putU16(Math.min(memory.timeouts, 0xffff))
  putU48(Math.max(0, memory.deadUntilMs))
  scratch[end++] = (memory.ednsBroken ? 1 : 0) | (memory.caseBroken ? 2 : 0) | (memory.tcpOnly === true ? 4 : 0)
  return finish()
}

/** Only a head: that it is there says all. */
export function encodeClaim(head: EntryHead): Uint8Array {
  begin(Shape.CLAIM, head)
  return finish()
}

/** `kinds`: of Below. */
export function encodeBelow(head: EntryHead, kinds: number): Uint8Array {
  begin(Shape.BELOW, head)
  scratch[end++] = kinds
  return finish()
}

export function decodeBelow(entry: Uint8Array): number {
  return shapeOf(entry) === Shape.BELOW && entry.length > HEAD_OCTETS ? entry[HEAD_OCTETS] : 0
}

export function encodeZone(head: EntryHead, { soa, nsec, chains }: ZoneProofs): Uint8Array | undefined {
  begin(Shape.ZONE, head)
  scratch[end++] = nsec ? 1 : 0
  scratch[end++] = chains.length
  for (const { iterations, salt } of chains) {
    putU16(iterations)
    putBlock8(salt)
  }
  return putSet(soa ?? NO_RECORDS) ? finish() : undefined
}

const utf8Encoder = new TextEncoder()

function begin(shape: Shape, head: EntryHead): void {
  scratch[0] = shape
  scratch[1] = (securities.indexOf(head.security) << 4) | head.rank
  end = 2
  putU48(head.storedMs)
  putU48(head.expiresMs)
  putU32(Math.min(Math.floor((head.leaseUntilMs ?? Number.POSITIVE_INFINITY) / 1000), NO_LEASE))
}

function finish(): Uint8Array {
  return beginnings.of(end)
}

function putSets(sets: readonly RRset[]): boolean {
  putU16(sets.length)
  for (const set of sets) {
    putBlock8(set.owner)
    putU16(set.type)
    putU32(set.ttl)
    if (!putSet(set)) return false
  }
  return true
}

/** False when there is no room for this set and the fields of another. */
function putSet({ rdatas, signatures }: Pick<RRset, 'rdatas' | 'signatures'>): boolean {
  putU16(rdatas.length)
  putU16(signatures.length)
  for (const rdata of rdatas) if (!putBlock16(rdata)) return false
  for (const signature of signatures) if (!putBlock16(signature)) return false
  return true
}

function putBlock16(octets: Uint8Array): boolean {
  if (end + octets.length + 512 > MAX_ENTRY) return false
  putU16(octets.length)
  if (octets.length <= SHORT) for (let i = 0; i < octets.length; i++) scratch[end + i] = octets[i]
  else scratch.set(octets, end)
  end += octets.length
  return true
}

/** Up to this length, a loop copies quicker than set(). */
const SHORT = 32

function putBlock8(octets: Uint8Array): void {
  scratch[end++] = octets.length
  scratch.set(octets, end)
  end += octets.length
}

function putU16(value: number): void {
  scratch[end++] = value >> 8
  scratch[end++] = value
}

function putU32(value: number): void {
  scratch[end++] = value >>> 24
  scratch[end++] = value >>> 16
  scratch[end++] = value >>> 8
  scratch[end++] = value
}

function putU48(value: number): void {
  putU16(Math.floor(value / 0x1_0000_0000))
  putU32(value % 0x1_0000_0000)
}

// ---- decoding -----------------------------------------------------------------------------------------------------------

/** The RRset in `entry`; its records are copies. `ttl` is what is left of its time, in seconds. */
export function decodeRRset(entry: Uint8Array, owner: Name, type: number, ttl: number): RRset | undefined {
  const shape = shapeOf(entry)
  if (shape !== Shape.RRSET && shape !== Shape.EXPANDED) return undefined
  const own = adopt(entry)
  const set = takeSet(own, owner, type, ttl)
  return set !== undefined && (shape === Shape.EXPANDED || at === stop) ? set : undefined
}

/** The proofs stored with an answer made from a wildcard; none for other entries. As for decodeDenial. */
export function decodeExpansion(entry: Uint8Array, ttl: number, ageSeconds: number): RRset[] {
  if (shapeOf(entry) !== Shape.EXPANDED) return []
  const own = adopt(entry)
  if (takeSet(own, NO_OWNER, 0, 0) === undefined) return []
  return takeSets(own, ttl, ageSeconds) ?? []
}

/** The RRsets that prove a denial, SOA first; each TTL is what is left of it, but no more than `ttl` and at least 1. */
export function decodeDenial(entry: Uint8Array, ttl: number, ageSeconds: number): RRset[] | undefined {
  const shape = shapeOf(entry)
  if (shape !== Shape.NODATA && shape !== Shape.NXDOMAIN) return undefined
  const own = adopt(entry)
  return takeSets(own, ttl, ageSeconds)
}

/** The sets that fill the rest of `own`. */
function takeSets(own: Uint8Array, ttl: number, ageSeconds: number): RRset[] | undefined {
  if (stop < at + 2) return undefined
  const sets: RRset[] = []
  for (let left = takeU16(own); left > 0; left--) {
    const owner = takeName(own)
    if (owner === undefined || at + 6 > stop) return undefined
    const type = takeU16(own)
    const left = takeU32(own) - ageSeconds
    const set = takeSet(own, owner, type, Math.max(1, Math.min(ttl, left)))
    if (set === undefined) return undefined
    sets.push(set)
  }
  return at === stop ? sets : undefined
}

export function decodeDelegation(entry: Uint8Array, zone: Name): Delegation | undefined {
  if (shapeOf(entry) !== Shape.DELEGATION || entry.length < HEAD_OCTETS + 2) return undefined
  const own = adopt(entry)
  const signed = own[at++]
  const nameservers: Nameserver[] = []
  for (let left = own[at++]; left > 0; left--) {
    const name = takeName(own)
    if (name === undefined || at >= stop) return undefined
    const addresses: Nameserver['addresses'] = []
    for (let more = own[at++]; more > 0; more--) {
      if (at + 7 > stop) return undefined
      const untilMs = u48At(own, at)
      const octets = own[at + 6]
      at += 7
      if ((octets !== 4 && octets !== 16) || at + octets > stop) return undefined
      addresses.push({ octets: own.subarray(at, at + octets), untilMs })
      at += octets
    }
    nameservers.push({ name, addresses })
  }
  if (at !== stop) return undefined
  const state = signed === 1 ? 'yes' : signed === 2 ? 'no' : 'unknown'
  return { zone, leaseUntilMs: expiresMsOf(entry), nameservers, signed: state }
}

export function decodeFailure(entry: Uint8Array): Failure | undefined {
  if (shapeOf(entry) !== Shape.FAILURE || entry.length < HEAD_OCTETS + 10) return undefined
  at = HEAD_OCTETS + 6
  const count = takeU16(entry)
  const ede = takeU16(entry)
  return { ede, text: utf8Decoder.decode(entry.subarray(at)), expiresMs: u48At(entry, HEAD_OCTETS), count }
}

export function decodeServer(entry: Uint8Array): ServerMemory | undefined {
  if (shapeOf(entry) !== Shape.SERVER || entry.length !== HEAD_OCTETS + 17) return undefined
  at = HEAD_OCTETS
  const srttMs = takeU32(entry) / 1000
  const rttvarMs = takeU32(entry) / 1000
  const timeouts = takeU16(entry)
  const deadUntilMs = u48At(entry, at)
  const flags = entry[at + 6]
  return {
    srttMs,
    rttvarMs,
    timeouts,
    deadUntilMs,
    ednsBroken: (flags & 1) !== 0,
    caseBroken: (flags & 2) !== 0,
    tcpOnly: (flags & 4) !== 0,
  }
}

export function decodeZone(entry: Uint8Array, zone: Name, ttl: number): ZoneProofs | undefined {
  if (shapeOf(entry) !== Shape.ZONE || entry.length < HEAD_OCTETS + 2) return undefined
  const own = adopt(entry)
  const nsec = own[at++] === 1
  const chains: HashParameters[] = []
  for (let left = own[at++]; left > 0; left--) {
    if (at + 3 > stop) return undefined
    const iterations = takeU16(own)
    const saltAt = at + 1
    at = saltAt + own[at]
    if (at > stop) return undefined
    chains.push({ iterations, salt: own.subarray(saltAt, at) })
  }
  const soa = takeSet(own, zone, Type.SOA, ttl)
  if (soa === undefined || at !== stop) return undefined
  return { soa: soa.rdatas.length > 0 ? soa : undefined, nsec, chains }
}

const utf8Decoder = new TextDecoder()

/** Where decoding has come to, and where the entry ends; the callers check that what they take is there. */
let at = 0
let stop = 0

/** Entries are copied into it one behind the other, and what is handed out are views of it: a view costs 30 ns, an array
 *  of more than 64 octets 300 ns. When it is full the next is begun; it lives for as long as something in it is used. */
const SLAB_OCTETS = 32 * 1024
let slab = new Uint8Array(SLAB_OCTETS)
let slabEnd = 0

/** A copy of `entry` in an array that nobody will write to again; decoding begins behind its head. */
function adopt(entry: Uint8Array): Uint8Array {
  if (entry.length > SLAB_OCTETS / 8) {
    at = HEAD_OCTETS
    stop = entry.length
    return new Uint8Array(entry)
  }
  if (slabEnd + entry.length > SLAB_OCTETS) {
    slab = new Uint8Array(SLAB_OCTETS)
    slabEnd = 0
  }
  slab.set(entry, slabEnd)
  at = slabEnd + HEAD_OCTETS
  stop = slabEnd += entry.length
  return slab
}

function takeSet(own: Uint8Array, owner: Name, type: number, ttl: number): RRset | undefined {
  if (at + 4 > stop) return undefined
  const records = takeU16(own)
  const signed = takeU16(own)
  const rdatas = takeBlocks(own, records)
  const signatures = takeBlocks(own, signed)
  if (rdatas === undefined || signatures === undefined) return undefined
  return { owner, type, class: Class.IN, ttl, rdatas, signatures }
}

function takeBlocks(own: Uint8Array, count: number): Uint8Array[] | undefined {
  if (count * 2 > stop - at) return undefined
  const blocks: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    if (at + 2 > stop) return undefined
    const from = at + 2
    at = from + ((own[at] << 8) | own[at + 1])
    if (at > stop) return undefined
    blocks.push(own.subarray(from, at))
  }
  return blocks
}

/** The name behind a length octet, if it is one: labels that end in a zero octet just where the length says. */
function takeName(own: Uint8Array): Name | undefined {
  if (at >= stop) return undefined
  const from = at + 1
  at = from + own[at]
  if (at > stop) return undefined
  let label = from
  while (label < at && own[label] !== 0 && own[label] <= 63) label += own[label] + 1
  return label === at - 1 && own[label] === 0 ? own.subarray(from, at) : undefined
}

function takeU16(own: Uint8Array): number {
  at += 2
  return (own[at - 2] << 8) | own[at - 1]
}

function takeU32(own: Uint8Array): number {
  at += 4
  return ((own[at - 4] << 24) | (own[at - 3] << 16) | (own[at - 2] << 8) | own[at - 1]) >>> 0
}

function u48At(own: Uint8Array, from: number): number {
  const high = (own[from] << 8) | own[from + 1]
  const low = (own[from + 2] << 24) | (own[from + 3] << 16) | (own[from + 4] << 8) | own[from + 5]
  return high * 0x1_0000_0000 + (low >>> 0)
}
