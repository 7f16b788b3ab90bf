/** A store in the memory of one process: for the library, for tests, and for a daemon told to keep no file. */

import { keyFromText, keyText, OrderedKeys } from './ordered-keys.ts'
import { MAX_KEY, type RangeOptions, type Store, type StoredPair, type StoreStats } from './store.ts'

export interface MemoryStoreOptions {
  /** Octets to hold at most, bookkeeping included as an estimate. */
  maxBytes?: number
}

/** What an entry costs beside key and value: map slot, string, array and their headers, about. */
const OVERHEAD_BYTES = 200

interface Held {
  value: Uint8Array
  /** Read since the hand last passed. */
  visited: boolean
}

/** When full, the entry to go is found as SIEVE does: a hand walks from old to new, spares what was read since it last
 *  came by, and takes the first that was not (Zhang et al., NSDI 2024). New entries go in at the far end. */
export class MemoryStore implements Store {
  private readonly maxBytes: number
  private readonly held = new Map<string, Held>()
  private readonly order = new OrderedKeys()
  private hand: Iterator<[string, Held]> | undefined
  private bytes = 0
  private dropped = 0

  constructor(options: MemoryStoreOptions = {}) {
    this.maxBytes = options.maxBytes ?? 100 * 1024 * 1024
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const found = this.held.get(keyText(key))
    if (found === undefined) return undefined
    found.visited = true
    return found.value
  }

  *range(from: Uint8Array, to: Uint8Array, options: RangeOptions = {}): Generator<StoredPair> {
    const first = keyText(from)
    const end = keyText(to)
    let left = options.limit ?? Number.POSITIVE_INFINITY
    if (options.reverse === true) {
      for (let at = this.order.before(end); at !== undefined && at >= first && left-- > 0; at = this.order.before(at))
        yield this.pair(at)
    } else {
      let at = this.order.after(first, true)
      for (; at !== undefined && at < end && left-- > 0; at = this.order.after(at, false)) yield this.pair(at)
    }
  }

  put(key: Uint8Array, value: Uint8Array): void {
    const cost = key.length + value.length + OVERHEAD_BYTES
    if (key.length === 0 || key.length > MAX_KEY || cost > this.maxBytes) {
      this.dropped++
      return
    }
    const text = keyText(key)
    const copy = new Uint8Array(value)
    const old = this.held.get(text)
    if (old === undefined) {
      this.held.set(text, { value: copy, visited: false })
      this.order.add(text)
      this.bytes += cost
    } else {
      this.bytes += copy.length - old.value.length
      old.value = copy
    }
    while (this.bytes > this.maxBytes) this.evictOne(text)
  }

  remove(key: Uint8Array): void {
    this.delete(keyText(key))
  }

  removeRange(from: Uint8Array, to: Uint8Array): void {
    const end = keyText(to)
    let at = this.order.after(keyText(from), true)
    while (at !== undefined && at < end) {
      this.delete(at)
      at = this.order.after(at, true)
    }
  }

  clear(): void {
    this.held.clear()
    this.order.clear()
    this.hand = undefined
    this.bytes = 0
  }

  async close(): Promise<void> {
    this.clear()
  }

  stats(): StoreStats {
    return { entries: this.held.size, bytes: this.bytes, dropped: this.dropped }
  }

  private pair(text: string): StoredPair {
    return { key: keyFromText(text), value: this.held.get(text)!.value }
  }

  private delete(text: string): void {
    const old = this.held.get(text)
    if (old === undefined) return
    this.held.delete(text)
    this.order.delete(text)
    this.bytes -= text.length + old.value.length + OVERHEAD_BYTES
  }

  /** Lets one entry go, but not `spared`, which is only just being put. */
  private evictOne(spared: string): void {
    for (;;) {
      this.hand ??= this.held.entries()
      const step = this.hand.next()
      if (step.done === true) {
        this.hand = undefined
        continue
      }
      const [text, entry] = step.value
      if (text === spared) continue
      if (!entry.visited) {
        this.delete(text)
        return
      }
      entry.visited = false
    }
  }
}
