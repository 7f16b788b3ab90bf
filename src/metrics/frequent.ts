/** Which things happen most often, out of more than could be counted one by one? The Space-Saving sketch (Metwally,
 *  Agrawal and El Abbadi, 2005): as many counters as there is room for; who has none takes the lowest one over, with its
 *  count as the possible error. Whatever happens in more than one of `room` cases is in the table for certain. */

/** What a running service keeps such tables of. */
export const FREQUENT_TABLES = ['bogus', 'names', 'clients', 'servfail'] as const
export type FrequentTable = (typeof FREQUENT_TABLES)[number]

export interface Frequent {
  key: string
  /** How often it happened, at most; at least `count - error`. */
  count: number
  error: number
}

export class FrequentKeys {
  readonly #room: number
  /** A binary heap, the lowest count on top, and where in it each key is. */
  readonly #heap: Frequent[] = []
  readonly #places = new Map<string, number>()

  constructor(room: number) {
    this.#room = room
  }

  add(key: string, amount = 1): void {
    const place = this.#places.get(key)
    if (place !== undefined) {
      this.#heap[place].count += amount
      this.#sink(place)
    } else if (this.#heap.length < this.#room) {
      this.#put({ key, count: amount, error: 0 }, this.#heap.length)
      this.#rise(this.#heap.length - 1)
    } else {
      const lowest = this.#heap[0]
      this.#places.delete(lowest.key)
      this.#put({ key, count: lowest.count + amount, error: lowest.count }, 0)
      this.#sink(0)
    }
  }

  /** The most frequent first. */
  top(limit: number): Frequent[] {
    return sorted(this.#heap.map((entry) => ({ ...entry }))).slice(0, limit)
  }

  clear(): void {
    this.#heap.length = 0
    this.#places.clear()
  }

  #put(entry: Frequent, place: number): void {
    this.#heap[place] = entry
    this.#places.set(entry.key, place)
  }

  #rise(from: number): void {
    const entry = this.#heap[from]
    let place = from
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (this.#heap[parent].count <= entry.count) break
      this.#put(this.#heap[parent], place)
      place = parent
    }
    this.#put(entry, place)
  }

  #sink(from: number): void {
    const entry = this.#heap[from]
    let place = from
    for (;;) {
      let child = 2 * place + 1
      if (child >= this.#heap.length) break
      if (child + 1 < this.#heap.length && this.#heap[child + 1].count < this.#heap[child].count) child++
      if (this.#heap[child].count >= entry.count) break
      this.#put(this.#heap[child], place)
      place = child
    }
    this.#put(entry, place)
  }
}

/** One table out of several, as of several workers. */
export function mergeFrequent(tables: readonly (readonly Frequent[])[], limit: number): Frequent[] {
  const merged = new Map<string, Frequent>()
  for (const { key, count, error } of tables.flat()) {
    const known = merged.get(key) ?? { key, count: 0, error: 0 }
    merged.set(key, { key, count: known.count + count, error: known.error + error })
  }
  return sorted([...merged.values()]).slice(0, limit)
}

function sorted(entries: Frequent[]): Frequent[] {
  return entries.sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1))
}
