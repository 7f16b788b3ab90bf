/** Where in the store is what? Every key begins with partition and kind, then comes the name from the root down, so that
 *  all there is of one kind at or below a name is one range, in the canonical order of names (RFC 4034 §6.1).
 *
 *    rrset        partition  'r'  reversed name 00  type        an RRset, or the proof that there is none
 *    nxdomain     partition  'x'  reversed name 00
 *    delegation   partition  'd'  reversed name 00
 *    failure      partition  'f'  reversed name 00  type
 *    server       partition  's'  address  port
 *    claim        partition  'c'  reversed name 00  type         somebody is asking this again
 *    below        partition  'b'  reversed name 00               what there is one label below the name
 *    zone         partition  'z'  reversed zone 00                what is common to the proofs of a zone
 *    nsec         partition  'n'  reversed zone 00  reversed rest of the owner
 *    nsec3        partition  'h'  reversed zone 00  iterations u16  length of the salt  salt  hash of the owner
 *
 *  The 00 after the name keeps what belongs to an owner before everything below it: labels of names below begin
 *  with 01 at least (wire/reversed.ts). The proofs of a zone are neighbours, in the order of its chain: the record in
 *  whose gap a name lies is the last one before it. */

import type { ServerAddress } from '../io/address.ts'
import { ancestorWith, countLabels, type Name } from '../wire/name.ts'
import { Beginnings } from '../wire/pool.ts'
import { MAX_REVERSED, writeReversed } from '../wire/reversed.ts'

export const Kind = {
  RRSET: 0x72,
  NXDOMAIN: 0x78,
  DELEGATION: 0x64,
  FAILURE: 0x66,
  SERVER: 0x73,
  ZONE: 0x7a,
  NSEC: 0x6e,
  NSEC3: 0x68,
  CLAIM: 0x63,
  BELOW: 0x62,
} as const
export type Kind = (typeof Kind)[keyof typeof Kind]

/** What the records of a chain of NSEC3 have in common (RFC 5155 §4). */
export interface HashParameters {
  iterations: number
  salt: Uint8Array
}

/** Longer salts only make keys longer: none is best (RFC 9276 §3.1). */
export const MAX_SALT = 16

/** From here (inclusive) to there (exclusive). */
export type KeyRange = readonly [from: Uint8Array, to: Uint8Array]

/** Every key there can be. */
export const WHOLE_STORE: KeyRange = [Uint8Array.of(0), Uint8Array.of(255, 255)]

/** Partitions are told apart by one octet; 255 is kept back, so that WHOLE_STORE has an end. */
export const MAX_PARTITION = 254

const MAX_KEY_ROOM = MAX_REVERSED + 64

/** Composes keys in one buffer of its own: each key is good until the next is made. */
export class KeyMaker {
  private readonly buffer = new Uint8Array(MAX_KEY_ROOM)
  private readonly keys = new Beginnings(this.buffer)

  constructor(partition: number) {
    this.buffer[0] = partition
  }

  /** Of what is stored once an owner. */
  named(kind: Kind, name: Name): Uint8Array {
    return this.key(this.write(kind, name))
  }

  /** Of what is stored by owner and type. */
  typed(kind: Kind, name: Name, type: number): Uint8Array {
    const end = this.write(kind, name)
    this.buffer[end] = type >> 8
    this.buffer[end + 1] = type
    return this.key(end + 2)
  }

  server(address: ServerAddress): Uint8Array {
    const end = 2 + address.octets.length
    this.buffer[1] = Kind.SERVER
    this.buffer.set(address.octets, 2)
    this.buffer[end] = address.port >> 8
    this.buffer[end + 1] = address.port
    return this.key(end + 2)
  }

  /** Of the NSEC at `owner`, which is at or below `zone`. */
  nsec(zone: Name, owner: Name): Uint8Array {
    this.buffer[1] = Kind.NSEC
    const zoneEnd = 2 + writeReversed(zone, this.buffer, 2)
    const end = 2 + writeReversed(owner, this.buffer, 2) // begins as the zone does
    this.buffer.copyWithin(zoneEnd + 1, zoneEnd, end)
    this.buffer[zoneEnd] = 0
    return this.key(end + 1)
  }

  /** Of the NSEC3 whose owner has this hash; without one, what all keys of the chain begin with. */
  nsec3(zone: Name, { iterations, salt }: HashParameters, hash?: Uint8Array): Uint8Array {
    let end = this.write(Kind.NSEC3, zone)
    this.buffer[end++] = iterations >> 8
    this.buffer[end++] = iterations
    this.buffer[end++] = salt.length
    this.buffer.set(salt, end)
    end += salt.length
    if (hash === undefined) return this.key(end)
    this.buffer.set(hash, end)
    return this.key(end + hash.length)
  }

  private key(octets: number): Uint8Array {
    return this.keys.of(octets)
  }

  private write(kind: Kind, name: Name): number {
    this.buffer[1] = kind
    const end = 2 + writeReversed(name, this.buffer, 2)
    this.buffer[end] = 0
    return end + 1
  }
}

/** All of one kind that belongs to `name` itself. */
export function ownerRange(partition: number, kind: Kind, name: Name): KeyRange {
  const from = new KeyMaker(partition).named(kind, name)
  const to = from.slice()
  to[to.length - 1] = 1
  return [from, to]
}

/** All of one kind at `name` and below it. */
export function subtreeRange(partition: number, kind: Kind, name: Name): KeyRange {
  const owned = new KeyMaker(partition).named(kind, name)
  const from = owned.subarray(0, owned.length - 1)
  const to = from.slice()
  to[to.length - 1]++ // the label's end, 00, becomes 01; of the root, it is the kind that goes one up
  return [from, to]
}

/** The first key after `key` that does not begin with it. `key` does not end in 255. */
export function afterAll(key: Uint8Array): Uint8Array {
  const after = key.slice()
  after[after.length - 1]++
  return after
}

/** The first key after `key`. */
export function justAfter(key: Uint8Array): Uint8Array {
  const after = new Uint8Array(key.length + 1)
  after.set(key)
  return after
}

/** The keys of the NSEC records of `zone` up to that at `name`: the last of them is at the name, or its gap may be where
 *  the name would be. */
export function nsecRange(keys: KeyMaker, zone: Name, name: Name): KeyRange {
  const from = keys.nsec(zone, zone).slice()
  return [from, justAfter(keys.nsec(zone, name))]
}

/** The ranges that hold proofs of what is not at or below `name`. Those of the zones below it, all of them; of the zones
 *  that it is in, its NSEC records and every NSEC3, which may be that of any name. In ranges that `last` marks only the
 *  last entry counts: in its gap the name may be. */
export function proofRanges(partition: number, name: Name): { range: KeyRange; last: boolean }[] {
  const keys = new KeyMaker(partition)
  const ranges = [Kind.NSEC, Kind.NSEC3].map((kind) => ({ range: subtreeRange(partition, kind, name), last: false }))
  for (let labels = countLabels(name) - 1; labels >= 0; labels--) {
    const zone = ancestorWith(name, labels)
    const at = keys.nsec(zone, name).slice()
    ranges.push({ range: [at, afterAll(at)], last: false })
    ranges.push({ range: nsecRange(keys, zone, name), last: true })
    ranges.push({ range: ownerRange(partition, Kind.NSEC3, zone), last: false })
  }
  return ranges
}
