/** Takes a verified copy of a zone into the cache, as a difference to what is there: its data, its delegations with their
 *  leases, its proofs of what does not exist. What the zone no longer has is removed. RFC 8806 in spirit: a local copy of
 *  the root answers what its servers would be asked. Nothing is taken that is not the zone's own to say. */

import { Cache, type CacheOptions } from './cache/cache.ts'
import { DifferenceStore } from './cache/difference.ts'
import { decodeRRset, Shape, securityOf, shapeOf } from './cache/entry.ts'
import { afterAll, justAfter, KeyMaker, type KeyRange, Kind, ownerRange, subtreeRange } from './cache/keys.ts'
import { Rank } from './cache/rank.ts'
import type { Store } from './cache/store.ts'
import { usableDs } from './dnssec/ds.ts'
import { nsecHas, readNsec } from './dnssec/nsec.ts'
import { readNsec3 } from './dnssec/nsec3.ts'
import { findSet, isOwnSet, type Verified, type ZoneCopy, type ZoneNode } from './dnssec/zone-copy.ts'
import type { Clock } from './io/interfaces.ts'
import { keepProofs } from './layers/denial-synthesis.ts'
import { delegationFrom } from './layers/zone-cut.ts'
import type { Settings } from './settings.ts'
import { equalNames, isBelow, type Name, nameKey, parentName } from './wire/name.ts'
import { nameFromReversed, reversedName } from './wire/reversed.ts'
import { nsName, type RRset, rrsigFields } from './wire/rrset.ts'
import { Type } from './wire/types.ts'

export interface ImportOptions {
  store: Store
  clock: Clock
  cache: CacheOptions
  settings: Pick<Settings, 'glueChecking' | 'aggressiveNsec' | 'sha1' | 'forward'>
  /** NS sets and glue carry no signatures: whether something else vouches for them. */
  withDelegations: boolean
  /** Nothing outlives what the parent says of the zone; Infinity: the root. */
  leaseUntilMs: number
}

/** Entries of the cache. */
export interface ImportCounts {
  written: number
  unchanged: number
  removed: number
}

/** Nodes, or entries looked at, in one step. */
const SLICE = 64

/** A step is some dozens of entries, so that others have their turn and the keeper keeps up. */
export function* importZone(
  copy: ZoneCopy,
  verified: Verified,
  options: ImportOptions,
): Generator<void, ImportCounts, void> {
  const store = new DifferenceStore(options.store)
  const job = new Import(copy, verified, options, store)
  yield* job.insertData()
  if (options.settings.aggressiveNsec) yield* job.insertProofs()
  yield* job.removeVanished()
  return store.counted
}

class Import {
  readonly #copy: ZoneCopy
  readonly #verified: Verified
  readonly #options: ImportOptions
  readonly #store: DifferenceStore
  readonly #cache: Cache
  readonly #partition: number
  readonly #keys: KeyMaker
  readonly #nodes: ReadonlyMap<string, ZoneNode>
  /** Names at and below which others speak: delegations, and what the operator has sent elsewhere. */
  readonly #cuts: ReadonlySet<string>

  constructor(copy: ZoneCopy, verified: Verified, options: ImportOptions, store: DifferenceStore) {
    this.#copy = copy
    this.#verified = verified
    this.#options = options
    this.#store = store
    this.#cache = new Cache(store, options.clock, options.cache)
    this.#partition = options.cache.partition ?? 0
    this.#keys = new KeyMaker(this.#partition)
    this.#nodes = new Map(copy.nodes.map((node) => [nameKey(node.name), node]))
    const elsewhere = options.settings.forward
      .map(({ subtree }) => subtree)
      .filter((name) => isBelow(name, copy.origin))
    const cuts = copy.nodes.filter(({ place }) => place === 'cut').map(({ name }) => name)
    this.#cuts = new Set([...cuts, ...elsewhere].map(nameKey))
  }

  *insertData(): Generator<void> {
    const { leaseUntilMs, withDelegations } = this.#options
    for (const [index, node] of this.#copy.nodes.entries()) {
      if (index % SLICE === 0) yield
      if (node.place === 'below-cut') continue
      this.#dropNameErrors(node)
      if (withDelegations && (node.place === 'cut' || node.order.length === 0)) this.#insertDelegation(node)
      for (const set of node.sets) {
        if (!isOwnSet(node, set) || isProof(set)) continue
        this.#cache.insert(this.#timed(set), { rank: Rank.ANSWER, security: 'secure', leaseUntilMs })
      }
    }
  }

  *insertProofs(): Generator<void> {
    const { leaseUntilMs } = this.#options
    const { nodes, origin } = this.#copy
    const soa = this.#timed(findSet(nodes[0], Type.SOA)!)
    let sets: RRset[] = []
    const keep = () => {
      if (sets.length > 0)
        keepProofs(this.#cache, { learnedProofs: { zone: origin, sets, soa }, learnedLeaseMs: leaseUntilMs })
      sets = []
    }
    for (const node of nodes) {
      for (const set of node.sets) if (isProof(set) && isOwnSet(node, set)) sets.push(this.#timed(set))
      if (sets.length < SLICE) continue
      keep()
      yield
    }
    keep()
  }

  *removeVanished(): Generator<void> {
    for (const { key, name, cut } of this.#entries(Kind.DELEGATION, 0)) {
      yield
      if (cut === undefined && !equalNames(name, this.#copy.origin)) this.#removeAll(name, key)
    }
    for (const { key, value, name, cut } of this.#entries(Kind.RRSET, 2)) {
      yield
      const type = (key[key.length - 2] << 8) | key[key.length - 1]
      if (cut !== undefined && type !== Type.DS) continue // the child's
      if (this.#isSignedHere(value, name, type) && findSet(this.#nodes.get(nameKey(name)), type) === undefined)
        this.#store.remove(key)
    }
    if (this.#options.settings.aggressiveNsec) yield* this.#removeVanishedProofs()
  }

  // ---- one node -----------------------------------------------------------------------------------------------------------

  /** With the TTL that its signature allows. */
  #timed(set: RRset): RRset {
    return { ...set, ttl: this.#verified.ttls.get(set) ?? 0 }
  }

  #insertDelegation(node: ZoneNode): void {
    const { origin } = this.#copy
    const nsSet = findSet(node, Type.NS)
    if (nsSet === undefined) return
    const { clock, settings, leaseUntilMs } = this.#options
    const glue = nsSet.rdatas.flatMap((rdata) => {
      const server = this.#nodes.get(nameKey(nsName(rdata)))
      return [findSet(server, Type.A), findSet(server, Type.AAAA)].filter((set) => set !== undefined)
    })
    const parent = { zone: origin, leaseUntilMs, nameservers: [] }
    const delegation = delegationFrom(node.name, nsSet, glue, parent, settings.glueChecking, clock.wallMs())
    // Servers of the root that nobody has an address of would lead nowhere.
    if (node.place !== 'cut' && delegation.nameservers.every(({ addresses }) => addresses.length === 0)) return
    if (node.place === 'cut') delegation.signed = this.#isSigned(node)
    this.#cache.insertDelegation(delegation)
  }

  /** RFC 4035 §5.2. Without a digest over the whole zone, what is missing may have been taken out. */
  #isSigned(node: ZoneNode): 'yes' | 'no' | 'unknown' {
    const ds = findSet(node, Type.DS)
    if (ds !== undefined) return usableDs(ds.rdatas, this.#options.settings).length > 0 ? 'yes' : 'unknown'
    if (this.#verified.digest.kind === 'verified') return 'no'
    const set = findSet(node, Type.NSEC)
    const nsec = set === undefined ? undefined : readNsec(set, this.#copy.origin)
    return nsec !== undefined && nsecHas(nsec, Type.NS) && !nsecHas(nsec, Type.DS) ? 'no' : 'unknown'
  }

  /** The name exists, and so does all above it; below a cut that nobody knew, nothing was ever said. */
  #dropNameErrors(node: ZoneNode): void {
    const { origin } = this.#copy
    for (let name = node.name; isBelow(name, origin); name = parentName(name))
      this.#store.remove(this.#keys.named(Kind.NXDOMAIN, name))
    const isNew =
      node.place === 'cut' && !equalNames(this.#cache.closestDelegation(node.name)?.zone ?? origin, node.name)
    if (isNew && this.#options.withDelegations)
      this.#store.removeRange(...subtreeRange(this.#partition, Kind.NXDOMAIN, node.name))
  }

  // ---- what is in the cache -------------------------------------------------------------------------------------------------

  /** Entries of one kind that the zone has a say in, `tail` octets of their keys being no name; `cut`: what stands at a cut
   *  itself. Below cuts nothing is looked at. */
  *#entries(kind: Kind, tail: number): Generator<{ key: Uint8Array; value: Uint8Array; name: Name; cut?: Name }> {
    let [from, to] = subtreeRange(this.#partition, kind, this.#copy.origin)
    for (;;) {
      const pair = first(this.#store, [from, to])
      if (pair === undefined) return
      const { key, value } = pair
      from = justAfter(key)
      const name = nameFromReversed(key.subarray(2, key.length - 1 - tail))
      const cut = this.#cutAbove(name)
      if (cut === undefined || equalNames(cut, name)) yield { key, value, name, cut }
      else from = subtreeRange(this.#partition, kind, cut)[1]
    }
  }

  #cutAbove(name: Name): Name | undefined {
    let found: Name | undefined
    for (let above = name; isBelow(above, this.#copy.origin); above = parentName(above))
      if (this.#cuts.has(nameKey(above))) found = above
    return found
  }

  /** A delegation that is no more takes with it all that was learned through it. */
  #removeAll(name: Name, key: Uint8Array): void {
    for (const kind of belowCuts) this.#store.removeRange(...subtreeRange(this.#partition, kind, name))
    this.#store.remove(key)
  }

  #isSignedHere(value: Uint8Array, name: Name, type: number): boolean {
    if (shapeOf(value) !== Shape.RRSET || securityOf(value) !== 'secure') return false
    const signatures = decodeRRset(value, name, type, 0)?.signatures ?? []
    return signatures.some((rdata) => equalNames(rrsigFields(rdata).signer, this.#copy.origin))
  }

  *#removeVanishedProofs(): Generator<void> {
    const { origin, nodes } = this.#copy
    const chains = this.#keys.nsec(origin, origin).slice()
    const nsecs = [chains, afterAll(chains)] as const
    const apex = reversedName(origin)
    yield* this.#removeUnless(nsecs, (key) => {
      const owner = nameFromReversed(Buffer.concat([apex, key.subarray(chains.length)]))
      return findSet(this.#nodes.get(nameKey(owner)), Type.NSEC) !== undefined
    })
    const hashed = new Set<string>()
    for (const node of nodes) {
      const set = findSet(node, Type.NSEC3)
      const nsec3 = set === undefined ? undefined : readNsec3(set, origin)
      if (nsec3 !== undefined) hashed.add(hexOf(this.#keys.nsec3(origin, nsec3, nsec3.hash)))
    }
    yield* this.#removeUnless(ownerRange(this.#partition, Kind.NSEC3, origin), (key) => hashed.has(hexOf(key)))
  }

  *#removeUnless([from, to]: KeyRange, isRight: (key: Uint8Array) => boolean): Generator<void> {
    let at = from
    for (;;) {
      const keys: Uint8Array[] = []
      for (const { key } of this.#store.range(at, to, { limit: SLICE })) keys.push(key.slice())
      for (const key of keys) if (!isRight(key)) this.#store.remove(key)
      if (keys.length < SLICE) return
      at = justAfter(keys[keys.length - 1])
      yield
    }
  }
}

const belowCuts: readonly Kind[] = [
  Kind.RRSET,
  Kind.NXDOMAIN,
  Kind.DELEGATION,
  Kind.FAILURE,
  Kind.ZONE,
  Kind.NSEC,
  Kind.NSEC3,
]

function first(store: Store, [from, to]: KeyRange) {
  for (const { key, value } of store.range(from, to, { limit: 1 })) return { key: key.slice(), value: value.slice() }
  return undefined
}

function isProof({ type }: RRset): boolean {
  return type === Type.NSEC || type === Type.NSEC3
}

function hexOf(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex')
}
