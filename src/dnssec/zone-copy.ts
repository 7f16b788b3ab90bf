/** A whole zone, as a file or a transfer brought it: which of its data are its own, and are they what its owner signed?
 *  RFC 4035 §2 (what is signed in a zone), RFC 5936 §3 (what belongs to a zone), RFC 8976 §4 (with ZONEMD). */

import { equalNames, isAtOrBelow, isBelow, type Name, nameKey, nameToText } from '../wire/name.ts'
import { canonicalRdata } from '../wire/rdata.ts'
import { reversedName } from '../wire/reversed.ts'
import { parseSoa, type RRset } from '../wire/rrset.ts'
import type { ZoneRecord } from '../wire/text.ts'
import { Class, Type, typeText } from '../wire/types.ts'
import { type AlgorithmPolicy, type DnsKey, parseDnsKey } from './keys.ts'
import { nsecHas, readNsec } from './nsec.ts'
import { readNsec3 } from './nsec3.ts'
import { type Price, verifyRRset } from './signature.ts'
import { type CanonicalRecord, checkZoneDigest, type DigestFinding } from './zonemd.ts'

/** One name of the zone. `inside`: the zone's own data; `cut`: a delegation, of which NS and glue are the child's;
 *  `below-cut`: glue, and whatever else is hidden behind a cut. */
export interface ZoneNode {
  name: Name
  /** What sorts names: wire/reversed.ts. */
  order: Uint8Array
  place: 'inside' | 'cut' | 'below-cut'
  /** By type, RDATA in canonical order, none twice. */
  sets: RRset[]
}

export interface ZoneCopy {
  origin: Name
  serial: number
  /** In canonical order, the apex first. */
  nodes: ZoneNode[]
  /** Records left out because they are not of the zone. */
  strangers: number
  /** All records of the zone, in canonical order, none twice, with TTLs as they came. */
  records: CanonicalRecord[]
}

/** Why a copy of a zone is not to be used. */
export interface Unfit {
  kind: 'unfit'
  reason: string
}

export interface Verified {
  kind: 'verified'
  digest: DigestFinding
  /** Seconds the data may be kept, which is no longer than their signatures hold; by set. */
  ttls: ReadonlyMap<RRset, number>
  /** Signatures that were verified. */
  signatures: number
}

/** The records of the zone `origin`, put in order. What lies outside of it is left out. */
export function arrangeZone(records: readonly ZoneRecord[], origin: Name): ZoneCopy | Unfit {
  const byName = new Map<string, { name: Name; records: CanonicalRecord[] }>()
  let strangers = 0
  for (const record of records) {
    if (record.class !== Class.IN || !isAtOrBelow(record.owner, origin)) {
      strangers++
      continue
    }
    const key = nameKey(record.owner)
    let node = byName.get(key)
    if (node === undefined) {
      node = { name: record.owner, records: [] }
      byName.set(key, node)
    }
    node.records.push({ ...record, canonical: canonicalRdata(record.rdata, record.type) })
  }
  const apex = byName.get(nameKey(origin))
  const soas = apex?.records.filter(({ type }) => type === Type.SOA) ?? []
  if (soas.length === 0) return unfit(`there is no SOA record of ${nameToText(origin)}`)
  const ordered = [...byName.values()]
    .map((node) => ({ ...node, order: reversedName(node.name) }))
    .sort((a, b) => Buffer.compare(a.order, b.order))
  const nodes: ZoneNode[] = []
  const all: CanonicalRecord[] = []
  let cut: Name | undefined
  for (const node of ordered) {
    const own = withoutRepeats(node.records)
    for (const record of own) all.push(record)
    if (cut !== undefined && !isBelow(node.name, cut)) cut = undefined
    const isCut = cut === undefined && node.order.length > 0 && isDelegated(own) && !equalNames(node.name, origin)
    nodes.push({
      name: node.name,
      order: node.order,
      place: cut !== undefined ? 'below-cut' : isCut ? 'cut' : 'inside',
      sets: setsOf(node.name, own),
    })
    if (isCut) cut = node.name
  }
  const soa = findSet(nodes[0], Type.SOA)
  if (soa?.rdatas.length !== 1) return unfit(`there is more than one SOA record of ${nameToText(origin)}`)
  return { origin, serial: parseSoa(soa.rdatas[0]).serial, nodes, strangers, records: all }
}

function isDelegated(records: readonly CanonicalRecord[]): boolean {
  return records.some(({ type }) => type === Type.NS)
}

/** By type, then by data, each once (RFC 4034 §6.3). */
function withoutRepeats(records: CanonicalRecord[]): CanonicalRecord[] {
  records.sort((a, b) => a.type - b.type || Buffer.compare(a.canonical, b.canonical))
  return records.filter(
    (record, i) =>
      i === 0 ||
      record.type !== records[i - 1].type ||
      Buffer.compare(record.canonical, records[i - 1].canonical) !== 0,
  )
}

/** Each with its signatures and the lowest TTL among its records. */
function setsOf(owner: Name, records: readonly CanonicalRecord[]): RRset[] {
  const sets = new Map<number, RRset>()
  for (const { type, ttl, rdata } of records) {
    const signs = type === Type.RRSIG && rdata.length > 18
    const covered = signs ? (rdata[0] << 8) | rdata[1] : type
    let set = sets.get(covered)
    if (set === undefined) {
      set = { owner, type: covered, class: Class.IN, ttl, rdatas: [], signatures: [] }
      sets.set(covered, set)
    }
    set.ttl = Math.min(set.ttl, ttl)
    if (signs) set.signatures.push(rdata)
    else set.rdatas.push(rdata)
  }
  return [...sets.values()]
}

export function findSet(node: ZoneNode | undefined, type: number): RRset | undefined {
  return node?.sets.find((set) => set.type === type && set.rdatas.length > 0)
}

/** Whether the zone itself, and no child of it, speaks for this set: then its keys have signed it (RFC 4035 §2.2). */
export function isOwnSet(node: ZoneNode, set: RRset): boolean {
  if (set.rdatas.length === 0) return false
  if (node.place === 'inside') return true
  return node.place === 'cut' && (set.type === Type.DS || set.type === Type.NSEC)
}

export interface VerifyOptions {
  nowSeconds: number
  policy: AlgorithmPolicy
  /** The keys that the parent, or a trust anchor, vouches for among those of the copy. */
  vouched(keys: readonly DnsKey[]): readonly DnsKey[]
}

/** A step is a few signatures, so that others have their turn. Anything that is not as signed spoils the whole copy. */
export function* verifyZone(copy: ZoneCopy, options: VerifyOptions): Generator<void, Verified | Unfit> {
  const { origin, nodes } = copy
  const { nowSeconds, policy } = options
  const keySet = findSet(nodes[0], Type.DNSKEY)
  if (keySet === undefined) return unfit(`${nameToText(origin)} has no keys: the zone is not signed`)
  const keys = keySet.rdatas.map(parseDnsKey).filter((key) => key !== undefined)
  const vouched = options.vouched(keys)
  if (vouched.length === 0) return unfit('DNSKEY: no key is one that is trusted')
  const ttls = new Map<RRset, number>()
  const check = (set: RRset, by: readonly DnsKey[]): Unfit | undefined => {
    const outcome = verifyRRset(set, origin, by, nowSeconds, policy, FREE)
    if (outcome.security === 'bogus') return unfit(`${nameToText(set.owner)} ${typeText(set.type)}: ${outcome.reason}`)
    // In a whole zone every name stands where it is: nothing is expanded.
    if (outcome.wildcard !== undefined)
      return unfit(`${nameToText(set.owner)} ${typeText(set.type)}: signed for a wildcard`)
    ttls.set(set, outcome.ttl)
    return undefined
  }
  const spoiled = check(keySet, vouched)
  if (spoiled !== undefined) return spoiled
  // RFC 8976 §4 step 3: SOA and ZONEMD have to hold before the digest is looked at.
  for (const type of [Type.SOA, Type.ZONEMD]) {
    const set = findSet(nodes[0], type)
    const failure = set && check(set, keys)
    if (failure !== undefined) return failure
  }
  yield
  const zonemd = findSet(nodes[0], Type.ZONEMD)
  if (zonemd === undefined && !deniesDigest(copy)) return unfit('ZONEMD: there is none, though the zone says there is')
  const digest = checkZoneDigest(copy, zonemd)
  if (digest.kind === 'wrong') return unfit(`ZONEMD: ${digest.reason}`)
  for (const node of nodes) {
    for (const set of node.sets) {
      if (ttls.has(set) || !isOwnSet(node, set)) continue
      const failure = check(set, keys)
      if (failure !== undefined) return failure
      if (ttls.size % SLICE === 0) yield
    }
  }
  return { kind: 'verified', digest, ttls, signatures: ttls.size }
}

/** Whether the denial at the apex says that there is no ZONEMD (RFC 8976 §4 step 2); its signature is verified with all the
 *  others. Of NSEC3 records it is the one that has a SOA. */
function deniesDigest({ nodes, origin }: ZoneCopy): boolean {
  const nsec = findSet(nodes[0], Type.NSEC)
  const atApex = nsec === undefined ? undefined : readNsec(nsec, origin)
  if (atApex !== undefined) return !nsecHas(atApex, Type.ZONEMD)
  for (const node of nodes) {
    const set = findSet(node, Type.NSEC3)
    const nsec3 = set === undefined ? undefined : readNsec3(set, origin)
    if (nsec3 !== undefined && nsecHas(nsec3, Type.SOA)) return !nsecHas(nsec3, Type.ZONEMD)
  }
  return false
}

const FREE: Price = { verification: () => true, failure: () => true }
/** Signatures verified in one step. */
const SLICE = 64

export function unfit(reason: string): Unfit {
  return { kind: 'unfit', reason }
}
