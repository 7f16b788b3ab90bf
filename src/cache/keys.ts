/** Where in the store is what? Every key begins with partition and kind, then comes the name from the root down, so that
 *  all there is of one kind at or below a name is one range, in the canonical order of names (RFC 4034 §6.1).
 *
 *    rrset        partition  'r'  reversed name 00  type        an RRset, or the proof that there is none
 *    nxdomain     partition  'x'  reversed name 00
 *    delegation   partition  'd'  reversed name 00
 *    failure      partition  'f'  reversed name 00  type
 *    server       partition  's'  address  port
 *
 *  The 00 after the name keeps what belongs to an owner before everything below it: labels of names below begin
 *  with 01 at least (wire/reversed.ts). */

import type { ServerAddress } from '../io/address.ts'
import type { Name } from '../wire/name.ts'
import { MAX_REVERSED, writeReversed } from '../wire/reversed.ts'

export const Kind = { RRSET: 0x72, NXDOMAIN: 0x78, DELEGATION: 0x64, FAILURE: 0x66, SERVER: 0x73 } as const
export type Kind = (typeof Kind)[keyof typeof Kind]

/** The kinds whose entries belong to a name. */
const namedKinds: readonly Kind[] = [Kind.RRSET, Kind.NXDOMAIN, Kind.DELEGATION, Kind.FAILURE]

/** From here (inclusive) to there (exclusive). */
export type KeyRange = readonly [from: Uint8Array, to: Uint8Array]

/** Every key there can be. */
export const WHOLE_STORE: KeyRange = [Uint8Array.of(0), Uint8Array.of(255, 255)]

/** Partitions are told apart by one octet; 255 is kept back, so that WHOLE_STORE has an end. */
export const MAX_PARTITION = 254

/** Composes keys in one buffer of its own: each key is good until the next is made. */
export class KeyMaker {
  private readonly buffer = new Uint8Array(MAX_REVERSED + 8)

  constructor(partition: number) {
    this.buffer[0] = partition
  }

  /** Of what is stored once an owner. */
  named(kind: Kind, name: Name): Uint8Array {
    return this.buffer.subarray(0, this.write(kind, name))
  }

  /** Of what is stored by owner and type. */
  typed(kind: Kind, name: Name, type: number): Uint8Array {
    const end = this.write(kind, name)
    this.buffer[end] = type >> 8
    this.buffer[end + 1] = type
    return this.buffer.subarray(0, end + 2)
  }

  server(address: ServerAddress): Uint8Array {
    const end = 2 + address.octets.length
    this.buffer[1] = Kind.SERVER
    this.buffer.set(address.octets, 2)
    this.buffer[end] = address.port >> 8
    this.buffer[end + 1] = address.port
    return this.buffer.subarray(0, end + 2)
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

export interface PurgeOptions {
  /** Only what belongs to the very name; else also everything below it. */
  exact?: boolean
  /** Only RRsets (and proofs of absence) and failures of this type, and nothing else; goes with `exact`. */
  type?: number
}

/** The ranges of keys that a purge of `name` empties. */
export function purgeRanges(partition: number, name: Name, options: PurgeOptions = {}): KeyRange[] {
  if (options.type !== undefined) {
    const { type } = options
    return [Kind.RRSET, Kind.FAILURE].map((kind) => {
      const from = new KeyMaker(partition).typed(kind, name, type)
      return [from, Uint8Array.of(...from, 0)]
    })
  }
  const rangeOf = options.exact === true ? ownerRange : subtreeRange
  return namedKinds.map((kind) => rangeOf(partition, kind, name))
}
