/** What is asked for often is asked for again shortly before its time is over, so that no client has to wait for it. Who
 *  asks in the last tenth of the time sets it off. */

import type { Cache, CacheEntry } from '../cache/cache.ts'
import type { Driver, Request } from '../request.ts'
import type { Name } from '../wire/name.ts'
import type { CacheCounters } from './cache-counters.ts'

/** Part of the time an entry had that has to be left at most. */
const LAST_PART = 0.1
/** How often it must have been asked for, as far as this worker knows. */
const LEAST_HITS = 2
/** Prefetches for each question that came here, and how many may be saved up. */
const SHARE = 0.05
const MOST_SAVED = 20
const SKETCH_SLOTS = 1 << 16

export class Prefetch {
  readonly #cache: Cache
  readonly #counters: CacheCounters
  #driver: Driver | undefined
  /** How often each question came, about; several may share a slot. */
  readonly #hits = new Uint8Array(SKETCH_SLOTS)
  #noted = 0
  #saved = MOST_SAVED

  constructor(cache: Cache, counters: CacheCounters) {
    this.#cache = cache
    this.#counters = counters
  }

  attach(driver: Driver): void {
    this.#driver = driver
  }

  /** Takes note of a question answered by `entry`, and has it asked again if that is due. */
  note(request: Request, entry: CacheEntry): void {
    if (entry.kind !== 'rrset' || request.parent !== undefined || request.wishes.cd) return
    this.#saved = Math.min(MOST_SAVED, this.#saved + SHARE)
    const { sname, qtype } = request
    const hits = this.#count(sname, qtype)
    const { ttl } = entry.rrset
    if (ttl * 1000 > (entry.expiresMs - entry.storedMs) * LAST_PART || hits < LEAST_HITS) return
    if (this.#saved < 1) {
      this.#counters.prefetchesPutOff++
      return
    }
    if (!this.#cache.claimRefresh(sname, qtype)) return // this worker or another is at it
    this.#saved--
    this.#counters.prefetches++
    this.#driver?.refresh?.(sname, qtype)
  }

  #count(name: Name, type: number): number {
    if (++this.#noted === SKETCH_SLOTS) {
      this.#noted = 0
      for (let i = 0; i < SKETCH_SLOTS; i++) this.#hits[i] >>= 1
    }
    let hash = type
    for (const octet of name) hash = Math.imul(hash ^ (octet | 0x20), 0x01000193)
    const slot = (hash ^ (hash >>> 16)) & (SKETCH_SLOTS - 1)
    return (this.#hits[slot] = Math.min(255, this.#hits[slot] + 1))
  }
}
