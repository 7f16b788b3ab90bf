/** A table of what happens most often, for people. */

import type { Frequent } from '../../src/metrics/frequent.ts'

/** A count may be too high by as much as stands behind it. */
export function topText(entries: readonly Frequent[]): string {
  if (entries.length === 0) return 'nothing\n'
  const width = Math.max(...entries.map(({ count }) => String(count).length))
  return entries
    .map(
      ({ key, count, error }) =>
        `${String(count).padStart(width)}  ${key}${error > 0 ? `  (up to ${error} less)` : ''}\n`,
    )
    .join('')
}
