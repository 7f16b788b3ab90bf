/** What a scrape tells: metrics with name, help and labels, each with a way to read it off a snapshot of the service. */

import { moduleMetric } from '../../src/metrics/naming.ts'
import type { ModuleCount } from '../../workers/messages.ts'
import type { WorkerMeasure } from '../fleet.ts'
import type { FleetTotals, Totals } from '../sums.ts'
import type { AnchorState } from '../trust-anchor-keeper.ts'

/** The service at one moment. */
export interface Snapshot {
  version: string
  /** Counted by all that ever belonged to it. */
  totals: FleetTotals
  /** By all workers together. */
  sum: Totals
  workers: readonly WorkerMeasure[]
  /** Workers that finish what they have. */
  leaving: number
  keeper: { isUp: boolean; gauges: Float64Array }
  startedMs: number
  isReady: boolean
  config: {
    generation: number
    lastReloadWorked: boolean
    lastReloadMs: number | undefined
    lastReloadTookMs: number | undefined
  }
  supervisor: { rssOctets: number; cpuSeconds: number }
  anchors: readonly AnchorState[]
  /** Names below which nothing is validated. */
  negativeAnchors: number
  /** Until when our own certificates hold, by what they are for. */
  certificates: readonly { use: string; expiresMs: number }[]
  /** Copies of zones fetched into the cache (supervisor/prefill.ts). */
  prefill: readonly (Sample & { name: string })[]
  /** Only what the supervisor knows by itself is told. */
  ownOnly: boolean
}

export type MetricType = 'counter' | 'gauge' | 'histogram'

export interface Sample {
  labels: Record<string, string | number>
  value: number
  /** Of a histogram: with `_bucket`, `_sum` or `_count`. */
  metricName?: string
}

export interface Metric {
  name: string
  type: MetricType
  help: string
  /** What the labels may be, for the manual. */
  labels: Readonly<Record<string, string>>
  read(snapshot: Snapshot): Sample[]
}

export interface Family {
  name: string
  type: MetricType
  help: string
  samples: readonly Sample[]
}

/** All that is told of a snapshot. */
export function familiesOf(metrics: readonly Metric[], snapshot: Snapshot): Family[] {
  const families = metrics.map(({ name, type, help, read }) => ({ name, type, help, samples: read(snapshot) }))
  return [...families, ...moduleFamilies(snapshot.sum.modules)].filter(({ samples }) => samples.length > 0)
}

/** Of a metric with labels by what the configuration names. */
export function labelledSamples({ sum }: Snapshot, module: string, metric: string): Sample[] {
  return sum.modules.flatMap((count) =>
    count.module === module && count.metric === metric && count.labels !== undefined
      ? [{ labels: count.labels, value: count.value }]
      : [],
  )
}

function moduleFamilies(counts: readonly ModuleCount[]): Family[] {
  const byName = new Map<string, ModuleCount[]>()
  for (const count of counts) {
    if (count.labels !== undefined) continue
    const name = moduleMetric(count.metric)
    byName.set(name, [...(byName.get(name) ?? []), count])
  }
  return [...byName].map(([name, same]) => ({
    name,
    type: 'counter',
    help: [...new Set(same.map(({ module, help }) => `${module}: ${help}`))].join('; '),
    samples: same.map(({ module, value }) => ({ labels: { module }, value })),
  }))
}
