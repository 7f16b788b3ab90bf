/** What does a core count? The driver's own events, and beside them what layers and exchanges count. */

import { type CacheCounters, cacheCounters } from '../layers/cache-counters.ts'
import { type IteratorCounters, iteratorCounters } from '../layers/iterator-counters.ts'
import type { SignatureChecks } from '../layers/signatures.ts'
import type { Resource } from '../ledger.ts'
import type { ExchangeCounters } from '../upstream/exchange.ts'

export interface CoreCounters {
  cache: CacheCounters
  iterator: IteratorCounters
  signatures: SignatureChecks
  /** What was asked of servers, and what came of it. */
  exchanges: ExchangeCounters
  requests: number
  /** Those of them that no client asked for. */
  ownRequests: number
  subRequests: number
  joined: number
  refusedJoins: number
  refusedRecursions: number
  failures: number
  faults: number
  bogus: number
  /** Times that a request let others have their turn between signatures. */
  pauses: number
  /** Times that a question turned out to depend on itself. */
  loops: number
  exceeded: Partial<Record<Resource, number>>
}

export function coreCounters(exchanges: ExchangeCounters): CoreCounters {
  return {
    cache: cacheCounters(),
    iterator: iteratorCounters(),
    signatures: { good: {}, failed: {} },
    exchanges,
    requests: 0,
    ownRequests: 0,
    subRequests: 0,
    joined: 0,
    refusedJoins: 0,
    refusedRecursions: 0,
    failures: 0,
    faults: 0,
    bogus: 0,
    pauses: 0,
    loops: 0,
    exceeded: {},
  }
}
