/** HOT: finds what is said of a name or the names above it; runs for each question. Millions of names, few objects.
 *
 *    slots   Uint32Array   | hash | place of an entry + 1 |      0 = free; linear probing
 *    pool    Uint8Array    entries back to back: value u32 · octets of the name u8 · the name, folded
 *    depths  Uint8Array    by number of labels: whether there are such names; a look in vain costs a miss of the CPU's cache
 *
 *  A name's hash goes from its end to its start, so that one walk gives those of all names above it.
 *  Twin: a Map by nameKey(), in test/modules/local-data/name-table.test.ts. Bench: node test/bench/local-data.ts */

import { FOLD } from '../../wire/name.ts'
import { Pool } from './pool.ts'

const HEAD = 5
const FIRST_SLOTS = 1024
const MAX_LABELS = 128
const HASH_START = 0x811c9dc5
const HASH_FACTOR = 0x01000193

/** What a table consists of, for another process. */
export interface NameTableParts {
  slots: Uint32Array
  octets: Uint8Array
  depths: Uint8Array
  size: number
}

export class NameTable {
  #slots: Uint32Array
  readonly #pool: Pool
  readonly #depths: Uint8Array
  #size: number
  // What #walk() found: where labels start, from the first to the last; and from the last to the first, where names start
  // and their hashes.
  readonly #labels = new Uint8Array(MAX_LABELS)
  readonly #starts = new Uint8Array(MAX_LABELS)
  readonly #hashes = new Uint32Array(MAX_LABELS)

  constructor(parts?: NameTableParts) {
    this.#slots = parts?.slots ?? new Uint32Array(2 * FIRST_SLOTS)
    this.#pool = new Pool(parts?.octets)
    this.#depths = parts?.depths ?? new Uint8Array(MAX_LABELS)
    this.#size = parts?.size ?? 0
  }

  get size(): number {
    return this.#size
  }

  /** Octets of memory. */
  get octets(): number {
    return this.#slots.byteLength + this.#pool.octets.byteLength
  }

  get parts(): NameTableParts {
    return { slots: this.#slots, octets: this.#pool.octets, depths: this.#depths, size: this.#size }
  }

  /** Says `value` (32 bits) of the name of `length` octets in `name`, in place of what was said before. */
  set(name: Uint8Array, value: number, length = name.length): void {
    const known = this.#findWhole(name, length)
    if (known >= 0) this.#pool.view.setUint32(known, value)
    else this.#insert(name, value, length)
  }

  /** Says `value` of the name, unless something is said of it already, which is given then; else -1. */
  add(name: Uint8Array, value: number, length = name.length): number {
    const known = this.#findWhole(name, length)
    if (known >= 0) return this.#pool.view.getUint32(known)
    this.#insert(name, value, length)
    return -1
  }

  /** Gives room back that was kept for more names. */
  trim(): void {
    this.#pool.trim()
  }

  /** What is said of exactly the name that starts at `from`; -1: nothing. */
  get(name: Uint8Array, from = 0): number {
    const place = this.#findWhole(from === 0 ? name : name.subarray(from), name.length - from)
    return place < 0 ? -1 : this.#pool.view.getUint32(place)
  }

  /** Calls `accept` for what is said of the name, then of those above it, up to the root, until it returns true. `from` is
   *  where the name it is about starts. */
  findUp(name: Uint8Array, accept: (value: number, from: number) => boolean): boolean {
    if (this.#size === 0) return false
    const { length } = name
    for (let label = this.#walk(name, length) - 1; label >= 0; label--) {
      if (this.#depths[label] === 0) continue
      const from = this.#starts[label]
      const place = this.#find(name, from, length, this.#hashes[label])
      if (place >= 0 && accept(this.#pool.view.getUint32(place), from)) return true
    }
    return false
  }

  /** All names, in the order in which they came, each good until the next. */
  *names(): Iterable<Uint8Array> {
    const { octets, end } = this.#pool
    for (let place = 0; place < end; place += HEAD + octets[place + 4])
      yield octets.subarray(place + HEAD, place + HEAD + octets[place + 4])
  }

  #findWhole(name: Uint8Array, length: number): number {
    if (this.#size === 0) return -1
    const label = this.#walk(name, length) - 1
    return this.#depths[label] === 0 ? -1 : this.#find(name, 0, length, this.#hashes[label])
  }

  /** Number of names from `name` up to the root, both included. */
  #walk(name: Uint8Array, length: number): number {
    let count = 0
    for (let at = 0; at < length; at += name[at] + 1) this.#labels[count++] = at
    let hash = HASH_START
    let to = length
    for (let label = 0; label < count; label++) {
      const from = this.#labels[count - 1 - label]
      for (let at = to - 1; at >= from; at--) hash = Math.imul(hash ^ FOLD[name[at]], HASH_FACTOR)
      this.#starts[label] = from
      this.#hashes[label] = hash
      to = from
    }
    return count
  }

  /** The place of the entry for the name that starts at `from`; -1 when there is none. */
  #find(name: Uint8Array, from: number, to: number, hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 2
    for (let slot = mix(hash) & mask; slots[slot + 1] !== 0; slot = (slot + 2) & mask) {
      const place = slots[slot + 1] - 1
      if (slots[slot] === hash && this.#isAt(place, name, from, to)) return place
    }
    return -1
  }

  #isAt(place: number, name: Uint8Array, from: number, to: number): boolean {
    const { octets } = this.#pool
    if (octets[place + 4] !== to - from) return false
    const shift = place + HEAD - from
    for (let at = from; at < to; at++) if (octets[shift + at] !== FOLD[name[at]]) return false
    return true
  }

  #insert(name: Uint8Array, value: number, length: number): void {
    if ((this.#size + 1) * 4 > this.#slots.length) this.#growSlots()
    const label = this.#walk(name, length) - 1
    const place = this.#pool.take(HEAD + length)
    const { octets, view } = this.#pool
    view.setUint32(place, value)
    octets[place + 4] = length
    for (let at = 0; at < length; at++) octets[place + HEAD + at] = FOLD[name[at]]
    occupy(this.#slots, this.#hashes[label], place + 1)
    this.#depths[label] = 1
    this.#size++
  }

  #growSlots(): void {
    const grown = new Uint32Array(this.#slots.length * 2)
    for (let slot = 0; slot < this.#slots.length; slot += 2)
      if (this.#slots[slot + 1] !== 0) occupy(grown, this.#slots[slot], this.#slots[slot + 1])
    this.#slots = grown
  }
}

function occupy(slots: Uint32Array, hash: number, content: number): void {
  const mask = slots.length - 2
  let slot = mix(hash) & mask
  while (slots[slot + 1] !== 0) slot = (slot + 2) & mask
  slots[slot] = hash
  slots[slot + 1] = content
}

/** Spreads what FNV leaves in the low bits. */
function mix(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return mixed ^ (mixed >>> 12)
}
