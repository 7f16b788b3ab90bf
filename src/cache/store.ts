/** What a cache stands on: octets to octets, in octet order. The stores are interchangeable, and one suite of tests
 *  (test/cache/store-suite.ts) runs on each: memory (memory-store.ts) and the LMDB file all workers share (lmdb-store.ts). */

/** One entry of a range: views, good until the next step. */
export interface StoredPair {
  key: Uint8Array
  value: Uint8Array
}

export interface RangeOptions {
  /** From the last key down to the first. */
  reverse?: boolean
  /** At most so many entries. */
  limit?: number
}

export interface StoreStats {
  entries: number
  /** Octets held, as well as the store can tell: keys, values and its own bookkeeping. */
  bytes: number
  /** Writes this store had to give up since it was made: no room, too long a key, nobody to take them. */
  dropped: number
}

export interface Store {
  /** The value stored at `key`: a view, good until the next call on this store. */
  get(key: Uint8Array): Uint8Array | undefined
  /** Entries with from ≤ key < to, in order. What is put or removed meanwhile may or may not be seen. */
  range(from: Uint8Array, to: Uint8Array, options?: RangeOptions): Iterable<StoredPair>
  /** Stores a copy of `value`, visible to this store's reads at once and to other processes soon. It is a cache: an
   *  entry may be gone at any later time, and one whose key is longer than MAX_KEY is not taken at all. Keys that begin
   *  with octet 255 are a store's own. */
  put(key: Uint8Array, value: Uint8Array): void
  remove(key: Uint8Array): void
  /** The entry at `key` was of use: one of many such times, told now and then so that it is kept rather than others. */
  touch?(key: Uint8Array): void
  /** Removes every entry with from ≤ key < to. */
  removeRange(from: Uint8Array, to: Uint8Array): void
  /** Removes every entry. */
  clear(): void
  /** Ends the use of this store; what was put before is handed on first, where there is somebody to hand it to. */
  close(): Promise<void>
  stats(): StoreStats
}

/** Longest key a store takes, in octets. A name's reversed form has at most 510, and a key adds a few of its own. */
export const MAX_KEY = 528
