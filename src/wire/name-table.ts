/** HOT: finds, by a name and whatever else, what is under way at the moment. A Map would do, but for this: when many
 *  things come and go, V8 makes a new table for a Map every so often, and from each old one there is a way to the next.
 *  Once one of them has grown old, all that was in later ones is kept until the next full collection: then nearly every
 *  request outlives its end, and collecting costs as much as resolving. Here what is taken out leaves nothing behind. */

import type { Random } from '../io/interfaces.ts'
import { FOLD, type Name } from './name.ts'

/** What a table holds: at most one table at a time. */
export interface Filed {
  /** hashName() of its name, mixed with the rest of what it is found by; always the same. */
  readonly hash: number
  /** The table's own. */
  nextFiled: this | undefined
}

const LEAST_BUCKETS = 64

export class NameTable<Item extends Filed> {
  #buckets: (Item | undefined)[] = new Array(LEAST_BUCKETS).fill(undefined)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The first with this hash; the others follow in `nextFiled`, among items of other hashes. */
  first(hash: number): Item | undefined {
    return this.#buckets[hash & (this.#buckets.length - 1)]
  }

  add(item: Item): void {
    if (this.#size === this.#buckets.length) this.#grow()
    const at = item.hash & (this.#buckets.length - 1)
    item.nextFiled = this.#buckets[at]
    this.#buckets[at] = item
    this.#size++
  }

  /** False when it was not there. */
  remove(item: Item): boolean {
    const at = item.hash & (this.#buckets.length - 1)
    let before: Item | undefined
    for (let other = this.#buckets[at]; other !== undefined; before = other, other = other.nextFiled) {
      if (other !== item) continue
      if (before === undefined) this.#buckets[at] = item.nextFiled
      else before.nextFiled = item.nextFiled
      item.nextFiled = undefined
      this.#size--
      return true
    }
    return false
  }

  /** All of them, in no order. */
  all(): Item[] {
    const items: Item[] = []
    for (const first of this.#buckets)
      for (let item = first; item !== undefined; item = item.nextFiled) items.push(item)
    return items
  }

  #grow(): void {
    const items = this.all()
    this.#buckets = new Array(this.#buckets.length * 2).fill(undefined)
    this.#size = 0
    for (const item of items) this.add(item)
  }
}

/** Where all hashes begin. */
let basis = 0x811c9dc5

/** From now on nobody outside can tell which names meet in one bucket, and ask for thousands of them. For a process to call as
 *  it begins: what was filed before is not found any more. */
export function keepHashesSecret(random: Random): void {
  basis = (random.u16() << 16) | random.u16()
}

/** The same for equal names, whatever their case; of what begins at the label at `from`. 32 bits, mixed with `seed`. */
export function hashName(name: Name, seed = 0, from = 0): number {
  let hash = basis ^ seed
  for (let i = from; i < name.length; i++) hash = Math.imul(hash ^ FOLD[name[i]], 0x01000193)
  return hash ^ (hash >>> 15)
}

/** The same for other octets. */
export function hashOctets(octets: Uint8Array): number {
  let hash = basis
  for (let i = 0; i < octets.length; i++) hash = Math.imul(hash ^ octets[i], 0x01000193)
  return hash ^ (hash >>> 15)
}
