/** What does the iterator count? */

import type { Setback } from '../request.ts'

export interface IteratorCounters {
  /** Queries with a shortened name; and times that the whole one was shown because of what came of them (RFC 9156 §2.3). */
  minimised: number
  minimisingGivenUp: number
  /** Queries sent because the one before, at the same zone cut, brought nothing to go on with. */
  retries: Partial<Record<Setback, number>>
}

export function iteratorCounters(): IteratorCounters {
  return { minimised: 0, minimisingGivenUp: 0, retries: {} }
}
