/** What does the cache layer count? */

/** What the cache answered, and out of what. */
export interface CacheCounters {
  hits: number
  misses: number
  /** Answers nobody had asked for yet, from proofs: RFC 8198. */
  synthesisedNxdomain: number
  synthesisedNodata: number
  synthesisedWildcard: number
  /** Old answers: because there was no new one at all, or not in time. */
  staleAfterFailure: number
  staleAfterTimeout: number
  /** Asked again before their time was over; and those that were too many at once. */
  prefetches: number
  prefetchesPutOff: number
}

export function cacheCounters(): CacheCounters {
  return {
    hits: 0,
    misses: 0,
    synthesisedNxdomain: 0,
    synthesisedNodata: 0,
    synthesisedWildcard: 0,
    staleAfterFailure: 0,
    staleAfterTimeout: 0,
    prefetches: 0,
    prefetchesPutOff: 0,
  }
}
