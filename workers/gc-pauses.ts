/** How long does this process stand still to collect its garbage? V8 tells after each collection. */

import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import type { Counters } from '../src/metrics/counters.ts'
import { COLLECTIONS, Histograms, histogramAt, observe } from '../src/metrics/tables.ts'

const KINDS: Readonly<Record<number, (typeof COLLECTIONS)[number]>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weak',
}

/** Counts them from now on. */
export function countPauses(counters: Counters): void {
  const observer = new PerformanceObserver((list) => {
    for (const { detail, duration } of list.getEntries() as (PerformanceEntry & { detail: { kind: number } })[]) {
      const kind = KINDS[detail.kind]
      if (kind !== undefined)
        observe(counters.values, histogramAt(Histograms.COLLECTIONS, COLLECTIONS.indexOf(kind)), duration)
    }
  })
  observer.observe({ entryTypes: ['gc'] })
}
