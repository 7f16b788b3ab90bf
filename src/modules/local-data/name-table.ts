/** HOT: finds what is said of a name or the names above it; runs for each question. Millions of names, few objects.
 *
 *    slots    Uint32Array   | place of an entry + 1 |        0 = free; linear probing
 *    octets   Uint8Array    entries back to back: value u32 · hash u32 · octets of the name u8 · the name, folded
 *
 *  A name's hash goes from its end to its start, so that one walk gives those of all names above it.
 *  Twin: a Map by nameKey(), in test/modules/local-data/name-table.test.ts. */

import { FOLD, type Name } from '../../wire/name.ts'

const HEAD = 9
const FIRST_SLOTS = 1024
const FIRST_OCTETS = 32 * 1024
const MAX_LABELS = 128
const HASH_START = 0x811c9dc5
const HASH_FACTOR = 0x01000193

export class NameTable {
  #slots = new Uint32Array(FIRST_SLOTS)
  #octets = new Uint8Array(FIRST_OCTETS)
  #view = new DataView(this.#octets.buffer)
  #end = 0
  #size = 0
  // What #walk() found: where labels start, from the last to the first, and the hashes of the names from there on.
  readonly #starts = new Uint8Array(MAX_LABELS)
  readonly #hashes = new Uint32Array(MAX_LABELS)
  readonly #lengths = new Uint8Array(MAX_LABELS)

  get size(): number {
    return this.#size
  }

  /** Octets of memory. */
  get octets(): number {
    return this.#slots.byteLength + this.#octets.byteLength
  }

  /** Says `value` (32 bits) of `name`, in place of what was said before. */
  set(name: Name, value: number): void {
    const labels = this.#walk(name)
    const hash = this.#hashes[labels - 1]
    const known = this.#find(name, 0, hash)
    if (known >= 0) {
      this.#view.setUint32(known, value)
      return
    }
    if ((this.#size + 1) * 2 > this.#slots.length) this.#growSlots()
    const place = this.#append(name, value, hash)
    this.#occupy(hash, place)
    this.#size++
  }

  /** Gives room back that was kept for more names. */
  trim(): void {
    this.#octets = this.#octets.slice(0, this.#end)
    this.#view = new DataView(this.#octets.buffer)
  }

  /** What is said of exactly this name; -1: nothing. */
  get(name: Name): number {
    const place = this.#find(name, 0, this.#hashes[this.#walk(name) - 1])
    return place < 0 ? -1 : this.#view.getUint32(place)
  }

  /** Calls `accept` for what is said of the name, then of those above it, up to the root, until it returns true. */
  findUp(name: Name, accept: (value: number) => boolean): boolean {
    if (this.#size === 0) return false
    for (let label = this.#walk(name) - 1; label >= 0; label--) {
      const place = this.#find(name, this.#starts[label], this.#hashes[label])
      if (place >= 0 && accept(this.#view.getUint32(place))) return true
    }
    return false
  }

  /** Number of names from `name` up to the root, both included. */
  #walk(name: Name): number {
    const { length } = name
    let count = 0
    for (let at = 0; at < length; at += name[at] + 1) this.#lengths[count++] = at
    let hash = HASH_START
    let to = length
    for (let label = 0; label < count; label++) {
      const from = this.#lengths[count - 1 - label]
      for (let at = to - 1; at >= from; at--) hash = Math.imul(hash ^ FOLD[name[at]], HASH_FACTOR)
      this.#starts[label] = from
      this.#hashes[label] = hash
      to = from
    }
    return count
  }

  /** The place of the entry for the name that starts at `from`; -1 when there is none. */
  #find(name: Name, from: number, hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let slot = mix(hash) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const place = slots[slot] - 1
      if (this.#view.getUint32(place + 4) === hash && this.#isAt(place, name, from)) return place
    }
    return -1
  }

  #isAt(place: number, name: Name, from: number): boolean {
    const octets = this.#octets
    const length = name.length - from
    if (octets[place + 8] !== length) return false
    for (let at = 0; at < length; at++) if (octets[place + HEAD + at] !== FOLD[name[from + at]]) return false
    return true
  }

  #append(name: Name, value: number, hash: number): number {
    const place = this.#end
    this.#end += HEAD + name.length
    if (this.#end > this.#octets.length) this.#growOctets()
    this.#view.setUint32(place, value)
    this.#view.setUint32(place + 4, hash)
    this.#octets[place + 8] = name.length
    for (let at = 0; at < name.length; at++) this.#octets[place + HEAD + at] = FOLD[name[at]]
    return place
  }

  #occupy(hash: number, place: number): void {
    const mask = this.#slots.length - 1
    let slot = mix(hash) & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = place + 1
  }

  #growSlots(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2)
    for (let place = 0; place < this.#end; place += HEAD + this.#octets[place + 8])
      this.#occupy(this.#view.getUint32(place + 4), place)
  }

  #growOctets(): void {
    const grown = new Uint8Array(Math.max(this.#end, Math.ceil(this.#octets.length * 1.5)))
    grown.set(this.#octets)
    this.#octets = grown
    this.#view = new DataView(grown.buffer)
  }
}

/** Spreads what FNV leaves in the low bits. */
function mix(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return mixed ^ (mixed >>> 12)
}
