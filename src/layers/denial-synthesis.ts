/** Can what zones have proven answer a question nobody asked yet? RFC 8020, RFC 8198: a name in the gap of a known NSEC or NSEC3 does
 *  not exist, and a name without a type in its record has no such data; a known wildcard answers for a name shown not to
 *  be there. The proofs are those of the validator, run again on records from the cache, and go to the client. */

import type { Cache } from '../cache/cache.ts'
import { type HashParameters, MAX_SALT } from '../cache/keys.ts'
import type { KnownZone } from '../cache/proof-cache.ts'
import { Rank } from '../cache/rank.ts'
import { type Proofs, proveExpansion, proveNoData, proveNoName, readProofs } from '../dnssec/denial.ts'
import { closestEncloserBy, type Nsec, nsecAt, readNsec } from '../dnssec/nsec.ts'
import { hashBlocks, type Nsec3, Nsec3Chain, nsec3Hash, readNsec3 } from '../dnssec/nsec3.ts'
import { signedLabels, wildcardOf } from '../dnssec/wildcard.ts'
import type { Learned, Request } from '../request.ts'
import { ancestorWith, countLabels, equalNames, isAtOrBelow, type Name, nameKey } from '../wire/name.ts'
import { type RRset, rrsigFields } from '../wire/rrset.ts'
import { isMetaType, Type } from '../wire/types.ts'

export type Synthesis =
  | { kind: 'nxdomain' | 'nodata'; authority: RRset[] }
  /** What the wildcard has, under the name asked for: the type itself, or an alias. */
  | { kind: 'wildcard'; rrset: RRset; proofs: RRset[] }

/** SHA-1 blocks one look-up may cost (CVE-2023-50868). */
const MAX_BLOCKS = 250
/** Chains that ask for more blocks a name are not used. */
const MAX_BLOCKS_PER_NAME = 60
/** A typical name, for the price of a chain. */
const TYPICAL_NAME = 40

// ---- keeping --------------------------------------------------------------------------------------------------------------

/** Keeps the proofs of the last reply. Their place in the zone is checked again: a record that could deny what is not its
 *  zone's must not get in. Opt-out records deny nothing (RFC 5155 §6), those for just one name nothing else. */
export function keepProofs(cache: Cache, request: Pick<Request, 'learnedProofs' | 'learnedLeaseMs'>): void {
  const { learnedProofs, learnedLeaseMs: leaseUntilMs } = request
  if (learnedProofs === undefined) return
  const { zone, sets, soa } = learnedProofs
  const meta = { leaseUntilMs, soa }
  const chains: HashParameters[] = []
  let hasNsec = false
  for (const set of sets) {
    if (set.type === Type.NSEC) {
      const nsec = readNsec(set, zone)
      if (nsec === undefined || isForOneName(nsec)) continue
      cache.proofs.insertNsec(zone, set, meta)
      hasNsec = true
    } else if (set.type === Type.NSEC3) {
      const nsec3 = readNsec3(set, zone)
      if (nsec3 === undefined || nsec3.optOut || isTooCostly(nsec3)) continue
      if (cache.proofs.insertNsec3(zone, nsec3, nsec3.hash, set, meta)) chains.push(nsec3)
    }
  }
  const distinct = chains.filter((chain, i) => chains.findIndex((other) => isOneChain(chain, other)) === i)
  if (!hasNsec && distinct.length === 0) return
  const ttl = Math.min(...sets.map((set) => set.ttl))
  cache.proofs.insertZone({ zone, soa, nsec: hasNsec, chains: distinct }, ttl, leaseUntilMs)
}

/** Keeps what a secure answer was made from, in its own place: the wildcard answers for other names, too. */
export function keepWildcard(cache: Cache, { rrset, rank, security, proofs }: Learned, leaseUntilMs: number): void {
  if (security !== 'secure' || proofs === undefined || proofs.length === 0 || rrset.signatures.length === 0) return
  const { labels } = rrsigFields(rrset.signatures[0])
  if (labels >= signedLabels(rrset.owner)) return
  const owner = wildcardOf(ancestorWith(rrset.owner, labels))
  cache.insert({ ...rrset, owner }, { rank, security, leaseUntilMs })
}

/** The gap has no name in it but those that nobody will ask for: compact denial, RFC 9824 §3. */
function isForOneName({ owner, next }: Nsec): boolean {
  return next.length === owner.length + 2 && next[0] === 1 && next[1] === 0
}

function isTooCostly({ iterations, salt }: HashParameters): boolean {
  return salt.length > MAX_SALT || hashBlocks(TYPICAL_NAME, salt.length, iterations) > MAX_BLOCKS_PER_NAME
}

function isOneChain(a: HashParameters, b: HashParameters): boolean {
  return a.iterations === b.iterations && Buffer.compare(a.salt, b.salt) === 0
}

// ---- answering ------------------------------------------------------------------------------------------------------------

/** Where an operator sends questions elsewhere, zones above the boundary have no say. */
function isWithin(zone: Name, boundary: Name | undefined): boolean {
  return boundary === undefined || isAtOrBelow(zone, boundary)
}

/** What is known of `sname` by proofs of zones at or below `boundary`; undefined when they say nothing. */
export function synthesise(cache: Cache, request: Request, boundary?: Name): Synthesis | undefined {
  const { sname, qtype } = request
  if (isMetaType(qtype) || unsuited.has(qtype)) return undefined
  const known = cache.proofs.closestZone(sname, qtype === Type.DS ? 'strictly-above' : 'at-or-above')
  if (known === undefined || !isWithin(known.zone, boundary)) return undefined
  let found = known.nsec ? byNsec(cache, known, request) : undefined
  for (const chain of known.chains) found ??= byNsec3(cache, known, chain, request)
  return found
}

/** RFC 8020 §2: where a name does not exist, there is nothing below it. Only where that is proven, since some servers deny
 *  names that have others below them; and only by proofs that hold for the name below as well, which those of compact
 *  denial (RFC 9824) do not. */
export function deniedAbove(cache: Cache, request: Request, boundary?: Name): Synthesis | undefined {
  const { sname } = request
  for (let place = cache.above(sname); place !== undefined; place = place.parent) {
    if (!place.hasNameError) continue
    const known = cache.lookupNxdomain(place.name)
    if (known?.kind !== 'nxdomain' || known.security !== 'secure') continue
    const zone = known.authority.find((set) => set.type === Type.SOA)?.owner
    if (zone === undefined || !isWithin(zone, boundary)) return undefined
    const proofs = readProofs(known.authority, zone, MAX_BLOCKS_PER_NAME, allowance(request))
    const isProven = proveNoName(proofs, sname).security === 'secure'
    return isProven ? { kind: 'nxdomain', authority: known.authority } : undefined
  }
  return undefined
}

/** Their bits are set wherever there is a proof, or they are only asked for to look at the proofs. */
const unsuited: ReadonlySet<number> = new Set([Type.RRSIG, Type.NSEC, Type.NSEC3, Type.SIG, Type.NXNAME])

function byNsec(cache: Cache, known: KnownZone, { sname, qtype }: Request): Synthesis | undefined {
  const { zone } = known
  const at = (name: Name): { set: RRset; nsec: Nsec } | undefined => {
    const set = cache.proofs.lookupNsec(zone, name)
    const nsec = set && readNsec(set, zone)
    return set && nsec && { set, nsec }
  }
  const first = at(sname)
  if (first === undefined) return undefined
  const alone = [first.nsec]
  const fromFirst = denial(known, proofsOf(zone, alone), [first.set], sname, qtype)
  if (fromFirst !== undefined || nsecAt(alone, sname) !== undefined) return fromFirst
  const encloser = closestEncloserBy(first.nsec, sname)
  const expansion = proveExpansion(proofsOf(zone, alone), sname, encloser)
  if (expansion.security !== 'secure') return undefined
  const rrset = wildcardFor(cache, encloser, qtype)
  if (rrset !== undefined) return expand(rrset, [first.set], sname)
  const second = at(wildcardOf(encloser))
  if (second === undefined) return undefined
  const sets = isAt(first.set, second.set) ? [first.set] : [first.set, second.set]
  return denial(known, proofsOf(zone, [first.nsec, second.nsec]), sets, sname, qtype)
}

function byNsec3(cache: Cache, known: KnownZone, chain: HashParameters, request: Request): Synthesis | undefined {
  const { zone } = known
  const { sname, qtype } = request
  const hashes = new Map<string, Uint8Array>()
  const allow = allowance(request)
  const at = (name: Name): { set: RRset; nsec3: Nsec3; isMatch: boolean } | undefined => {
    if (!allow(hashBlocks(name.length, chain.salt.length, chain.iterations))) return undefined
    const hash = nsec3Hash(name, chain.salt, chain.iterations)
    hashes.set(nameKey(name), hash)
    const set = cache.proofs.lookupNsec3(zone, chain, hash)
    const nsec3 = set && readNsec3(set, zone)
    return set && nsec3 && { set, nsec3, isMatch: Buffer.compare(nsec3.hash, hash) === 0 }
  }
  const proofs = (records: Nsec3[]): Proofs => {
    const chains = [new Nsec3Chain(records, zone, () => false, hashes)]
    return { zone, nsecs: [], chains, tooManyIterations: false }
  }
  const total = countLabels(sname)
  const apexLabels = countLabels(zone)
  for (let labels = total - 1; labels >= apexLabels; labels--) {
    // That there is a wildcard shows that there is something above it (RFC 5155 §8.8).
    const encloser = ancestorWith(sname, labels)
    const rrset = wildcardFor(cache, encloser, qtype)
    if (rrset === undefined) continue
    const next = at(ancestorWith(sname, labels + 1))
    if (next === undefined || proveExpansion(proofs([next.nsec3]), sname, encloser).security !== 'secure') break
    return expand(rrset, [next.set], sname)
  }
  if (known.soa === undefined) return undefined
  // From the apex down, for as long as names are known to exist (RFC 5155 §8.3).
  let labels = apexLabels
  let encloser = at(zone)
  if (encloser?.isMatch !== true) return undefined
  let next: ReturnType<typeof at>
  while (labels < total) {
    next = at(ancestorWith(sname, labels + 1))
    if (next?.isMatch !== true) break
    encloser = next
    labels++
  }
  if (labels === total) return denial(known, proofs([encloser.nsec3]), [encloser.set], sname, qtype)
  if (next === undefined) return undefined
  const third = at(wildcardOf(ancestorWith(sname, labels)))
  if (third === undefined) return undefined
  const found = [encloser, next, third]
  const sets = found.map(({ set }) => set).filter((set, i, all) => all.findIndex((other) => isAt(other, set)) === i)
  const records = found.map(({ nsec3 }) => nsec3)
  return denial(known, proofs(records), sets, sname, qtype)
}

function isAt(a: RRset, b: RRset): boolean {
  return equalNames(a.owner, b.owner)
}

/** Grants hashes, from half of what the request may spend: it may have to be resolved yet. */
function allowance({ ledger }: Request): (blocks: number) => boolean {
  let left = Math.min(MAX_BLOCKS, ledger.limits.hashes / 2 - ledger.used('hashes'))
  return (blocks) => {
    if (blocks > left) return false
    left -= blocks
    ledger.charge('hashes', blocks)
    return true
  }
}

function proofsOf(zone: Name, nsecs: Nsec[]): Proofs {
  return { zone, nsecs, chains: [], tooManyIterations: false }
}

/** The denial that these records prove, SOA first, all with what is left of the shortest TTL. */
function denial(
  { soa }: KnownZone,
  proofs: Proofs,
  sets: readonly RRset[],
  qname: Name,
  qtype: number,
): Synthesis | undefined {
  if (soa === undefined) return undefined
  const kind =
    proveNoName(proofs, qname).security === 'secure'
      ? 'nxdomain'
      : proveNoData(proofs, qname, qtype).security === 'secure'
        ? 'nodata'
        : undefined
  if (kind === undefined) return undefined
  const authority = [soa, ...sets]
  const ttl = Math.min(...authority.map((set) => set.ttl))
  return { kind, authority: authority.map((set) => ({ ...set, ttl })) }
}

/** What the wildcard gives `qname`, which is shown not to be there itself: RFC 8198 §5.3. */
function expand(wildcard: RRset, sets: RRset[], qname: Name): Synthesis {
  const ttl = Math.min(wildcard.ttl, ...sets.map((set) => set.ttl))
  return { kind: 'wildcard', rrset: { ...wildcard, owner: qname, ttl }, proofs: sets.map((set) => ({ ...set, ttl })) }
}

/** The type asked for, or an alias, at the wildcard below `encloser`. */
function wildcardFor(cache: Cache, encloser: Name, qtype: number): RRset | undefined {
  if (qtype === Type.DS) return undefined
  const wildcard = wildcardOf(encloser)
  return knownWildcard(cache, wildcard, qtype) ?? knownWildcard(cache, wildcard, Type.CNAME)
}

function knownWildcard(cache: Cache, wildcard: Name, type: number): RRset | undefined {
  const entry = cache.lookup(wildcard, type)
  if (entry?.kind !== 'rrset' || entry.security !== 'secure' || entry.rank < Rank.ANSWER_NONAUTH) return undefined
  const labels = signedLabels(wildcard)
  const { signatures } = entry.rrset
  // Signatures that do not say so would show the client a name that is not there.
  if (signatures.length === 0 || signatures.some((rdata) => rrsigFields(rdata).labels !== labels)) return undefined
  return entry.rrset
}
