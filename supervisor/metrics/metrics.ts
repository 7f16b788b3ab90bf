/** Every metric with the prefix `bowline_`: what it is called, what it means, and where its value stands. docs/metrics.md is
 *  made from this list (`npm run docs:metrics`). Totals never go back: what those have counted that left is in them. */

import { COUNTER_NAMES, Counter } from '../../src/metrics/counters.ts'
import { Gauge, SUMMED_GAUGE_NAMES, WORKER_GAUGE_NAMES } from '../../src/metrics/gauges.ts'
import {
  KEEPER_COUNTER_NAMES,
  KEEPER_GAUGE_NAMES,
  type KeeperCounter,
  type KeeperGauge,
  KeeperHistograms,
} from '../../src/metrics/keeper.ts'
import type { MetricName } from '../../src/metrics/naming.ts'
import {
  BUCKETS,
  Histograms,
  type HistogramTable,
  histogramAt,
  readHistogram,
  type Table,
  Tables,
} from '../../src/metrics/tables.ts'
import { KNOT_METRICS } from './knot-metrics.ts'
import { labelledSamples, type Metric, type Sample, type Snapshot } from './metric.ts'
import { OWN_COUNTER_NAMES, type OwnCounter } from './own-counters.ts'

/** Each answer with TC is counted in one of these. */
const TRUNCATED = [Counter.ANSWERS_TC, Counter.UDP_TOO_LONG, Counter.RATE_TRUNCATED]

const WORKER = { worker: 'number of the worker' }

/** What the supervisor knows without asking anybody. */
const OWN_NAMES = new Set(Object.values(OWN_COUNTER_NAMES).map(({ name }) => name))
const OWN =
  /^bowline_(build_info|start_time_|ready$|config_|trust_anchor_|nta_|tls_certificate_|supervisor_|workers$|worker_uptime_|worker_last_crash_)/

export const METRICS: readonly Metric[] = [
  gauge(
    'bowline_build_info',
    'Always 1; the version is in the label',
    { version: 'of Bowline', node: 'of Node.js' },
    (s) => [{ labels: { version: s.version, node: process.versions.node }, value: 1 }],
  ),
  gauge('bowline_start_time_seconds', 'When this supervisor was started, in seconds since 1970', {}, (s) =>
    one(s.startedMs / 1000),
  ),
  gauge('bowline_ready', '1: queries are answered; 0: not yet, or not any more', {}, (s) => one(s.isReady ? 1 : 0)),
  gauge('bowline_config_generation', 'How often the configuration was changed since the start, plus one', {}, (s) =>
    one(s.config.generation),
  ),
  gauge('bowline_config_last_reload_success', '1 unless the last change of the configuration failed', {}, (s) =>
    one(s.config.lastReloadWorked ? 1 : 0),
  ),
  gauge(
    'bowline_config_last_reload_timestamp_seconds',
    'When the configuration was last changed, or tried to',
    {},
    ({ config }) => (config.lastReloadMs === undefined ? [] : one(config.lastReloadMs / 1000)),
  ),
  gauge(
    'bowline_config_reload_seconds',
    'How long it took until all followed the last change of the configuration, or it was given up',
    {},
    ({ config }) => (config.lastReloadTookMs === undefined ? [] : one(config.lastReloadTookMs / 1000)),
  ),
  gauge(
    'bowline_trust_anchor_state',
    'Always 1; the keys of zones whose trust anchors are followed, and what RFC 5011 makes of each',
    { zone: 'the zone', keytag: 'of the key', state: 'valid, add-pending, missing, revoked, removed' },
    (s) => anchorSamples(s.anchors),
  ),
  gauge('bowline_nta_active', 'Names at and below which nothing is validated', {}, (s) => one(s.negativeAnchors)),
  gauge(
    'bowline_tls_certificate_expiry_timestamp_seconds',
    'Until when a certificate of ours is valid, in seconds since 1970',
    { use: 'management' },
    (s) => s.certificates.map(({ use, expiresMs }) => ({ labels: { use }, value: expiresMs / 1000 })),
  ),
  gauge('bowline_supervisor_rss_bytes', 'Memory of the supervisor that is in RAM', {}, (s) =>
    one(s.supervisor.rssOctets),
  ),
  counter('bowline_supervisor_cpu_seconds_total', 'Processor time of this supervisor, user and system', {}, (s) =>
    one(s.supervisor.cpuSeconds),
  ),
  gauge(
    'bowline_workers',
    'Workers by what they are doing',
    { state: 'starting, running, resting (waits to be started again), stopping, leaving (finishes what it has)' },
    workersByState,
  ),
  gauge(
    'bowline_worker_up',
    '1: the worker runs and has answered this scrape; 0: its figures are the last it told',
    WORKER,
    (s) => s.workers.map(({ id, isUp }) => ({ labels: { worker: id }, value: isUp ? 1 : 0 })),
  ),
  gauge('bowline_worker_uptime_seconds', 'Since the process of this worker was started', WORKER, (s) =>
    s.workers.map(({ id, uptimeMs }) => ({ labels: { worker: id }, value: uptimeMs / 1000 })),
  ),
  gauge(
    'bowline_worker_load_share_ratio',
    'Share of the queries of the last seconds that came to this worker, 0 to 1',
    WORKER,
    loadShares,
  ),
  gauge(
    'bowline_worker_last_crash_timestamp_seconds',
    'When a process of this worker ended unasked the last time',
    WORKER,
    (s) =>
      s.workers.flatMap(({ id, lastCrashMs }) =>
        lastCrashMs === undefined ? [] : [{ labels: { worker: id }, value: lastCrashMs / 1000 }],
      ),
  ),
  gauge(
    'bowline_worker_udp_info',
    'Always 1; how UDP comes in and how it goes out',
    { ...WORKER, listener: 'libc or dgram', upstream: 'libc or dgram' },
    (s) =>
      s.workers.flatMap(({ id, udp }) =>
        udp === undefined
          ? []
          : [{ labels: { worker: id, listener: udp.listener, upstream: udp.upstream.split(':')[0] }, value: 1 }],
      ),
  ),
  counter('bowline_worker_queries_total', 'Queries that came to the workers of this number', WORKER, (s) =>
    ofWorkers(s, (counters) => (counters[Counter.UDP_PACKETS] ?? 0) + (counters[Counter.TCP_QUERIES] ?? 0)),
  ),
  counter(
    'bowline_worker_udp_kernel_drops_total',
    'Packets over UDP that the kernel dropped since the queues of the workers of this number were full',
    WORKER,
    (s) => ofWorkers(s, (counters) => counters[Counter.DROPPED_KERNEL_QUEUE] ?? 0),
  ),
  counter(
    'bowline_worker_cpu_seconds_total',
    'Processor time of the workers of this number, user and system',
    WORKER,
    (s) => ofWorkers(s, (counters) => counters[Counter.CPU_SECONDS] ?? 0),
  ),
  ...workerGauges(),
  ...counters(OWN_COUNTER_NAMES, (s, place) => s.totals.own[place as OwnCounter]),
  ...Object.values(Tables).map((table) => (table === Tables.QUERIES ? queriesMetric() : tableMetric(table))),
  ...Object.values(Histograms).map((table) => histogram(table, (s) => s.sum.counters)),
  ...counters(COUNTER_NAMES, (s, place) => s.sum.counters[place as Counter]),
  counter(
    'bowline_truncated_total',
    'Answers with TC, to make the client ask over TCP: too long for it or for the link, or over the rate limit',
    {},
    ({ sum: { counters } }) => one(TRUNCATED.reduce((sum, place) => sum + (counters[place] ?? 0), 0)),
  ),
  counter(
    'bowline_rule_hits_total',
    'Questions that met a rule of the operator, by what was done; forward: times that its servers were turned to',
    {
      list: 'local-data (addresses and records), local-data/rules/ and the place of the rule, forward/ and its subtree',
      action:
        'data, block, empty, nxdomain, redirect, refused, servfail, drop, truncate, pass, log; forward or stub (authoritative servers)',
    },
    (s) => labelledSamples(s, 'rules', 'hits'),
  ),
  gauge(
    'bowline_rules',
    'Names that local data has rules or records for; rules of forward',
    { list: 'local-data, forward' },
    (s) => [
      { labels: { list: 'local-data' }, value: largest(s, Gauge.LOCAL_NAMES) },
      { labels: { list: 'forward' }, value: largest(s, Gauge.FORWARD_RULES) },
    ],
  ),
  ...gauges(SUMMED_GAUGE_NAMES, (s, place) =>
    s.workers.reduce((sum, { gauges }) => sum + (gauges[place as Gauge] ?? 0), 0),
  ),
  gauge('bowline_keeper_up', '1: the keeper runs and has answered this scrape', {}, (s) => one(s.keeper.isUp ? 1 : 0)),
  ...gauges(KEEPER_GAUGE_NAMES, (s, place) => s.keeper.gauges[place as KeeperGauge]),
  ...counters(KEEPER_COUNTER_NAMES, (s, place) => s.totals.keeper[place as KeeperCounter]),
  ...Object.values(KeeperHistograms).map((table) => histogram(table, (s) => s.totals.keeper)),
  counter(
    'bowline_prefill_total',
    'Times a zone of cache/prefill was to be fetched and taken into the cache',
    { origin: 'the zone', result: 'filled, failed' },
    (s) => s.prefill.filter(({ name }) => name === 'bowline_prefill_total'),
  ),
  ...KNOT_METRICS,
].map(hideWhenOwnOnly)

function hideWhenOwnOnly(metric: Metric): Metric {
  if (OWN.test(metric.name) || OWN_NAMES.has(metric.name)) return metric
  return { ...metric, read: (snapshot) => (snapshot.ownOnly ? [] : metric.read(snapshot)) }
}

function gauge(name: string, help: string, labels: Metric['labels'], read: Metric['read']): Metric {
  return { name, type: 'gauge', help, labels, read }
}

function counter(name: string, help: string, labels: Metric['labels'], read: Metric['read']): Metric {
  return { name, type: 'counter', help, labels, read }
}

/** Where all workers have the same. */
function largest({ workers }: Snapshot, gauge: Gauge): number {
  return workers.reduce((most, { gauges }) => Math.max(most, gauges[gauge] ?? 0), 0)
}

function one(value: number): Sample[] {
  return [{ labels: {}, value }]
}

type Value = (snapshot: Snapshot, place: number) => number | undefined

/** Places that share a name are one metric, told apart by their labels. */
function named(
  type: 'counter' | 'gauge',
  names: Readonly<Record<number, MetricName | undefined>>,
  value: Value,
): Metric[] {
  const byName = new Map<string, { place: number; labels: Record<string, string>; help: string }[]>()
  for (const [place, name] of Object.entries(names))
    if (name !== undefined)
      byName.set(name.name, [
        ...(byName.get(name.name) ?? []),
        { place: Number(place), labels: name.labels ?? {}, help: name.help },
      ])
  return [...byName].map(([name, cells]) => ({
    name,
    type,
    help: cells[0].help,
    labels: valuesOf(cells.map(({ labels }) => labels)),
    read: (snapshot) =>
      cells.flatMap(({ place, labels }) => {
        const found = value(snapshot, place)
        return found === undefined ? [] : [{ labels, value: found }]
      }),
  }))
}

function counters(names: Readonly<Record<number, MetricName | undefined>>, value: Value): Metric[] {
  return named('counter', names, (snapshot, place) => value(snapshot, place) ?? 0)
}

function gauges(names: Readonly<Record<number, MetricName | undefined>>, value: Value): Metric[] {
  return named('gauge', names, value)
}

function workerGauges(): Metric[] {
  return Object.entries(WORKER_GAUGE_NAMES).map(([place, { name, help }]) =>
    gauge(name, help, WORKER, (snapshot) =>
      snapshot.workers.flatMap(({ id, gauges }) =>
        gauges.length === 0 ? [] : [{ labels: { worker: id }, value: gauges[Number(place)] ?? 0 }],
      ),
    ),
  )
}

/** Two DS records may be of the same key. */
function anchorSamples(anchors: Snapshot['anchors']): Sample[] {
  const byKey = new Map(anchors.map((anchor) => [`${anchor.zone} ${anchor.keyTag} ${anchor.state}`, anchor]))
  return [...byKey.values()].map(({ zone, keyTag, state }) => ({ labels: { zone, keytag: keyTag, state }, value: 1 }))
}

function ofWorkers({ totals }: Snapshot, value: (counters: Float64Array) => number): Sample[] {
  return totals.workers.map(([id, { counters }]) => ({ labels: { worker: id }, value: value(counters) }))
}

function workersByState({ workers, leaving }: Snapshot): Sample[] {
  const states = ['starting', 'running', 'resting', 'stopping']
  const samples = states.map((state) => ({
    labels: { state },
    value: workers.filter((worker) => worker.state === state).length,
  }))
  return [...samples, { labels: { state: 'leaving' }, value: leaving }]
}

function loadShares({ workers }: Snapshot): Sample[] {
  const all = workers.reduce((sum, { queriesPerSecond }) => sum + queriesPerSecond, 0)
  return workers.map(({ id, queriesPerSecond }) => ({
    labels: { worker: id },
    value: all === 0 ? 0 : queriesPerSecond / all,
  }))
}

function tableMetric({ start, length, name, help, sparse, labelsOf }: Table): Metric {
  const cells = Array.from({ length }, (_, cell) => labelsOf(cell))
  return counter(name, help, valuesOf(cells), ({ sum: { counters } }) =>
    cells.flatMap((labels, cell) => {
      const value = counters[start + cell] ?? 0
      return sparse && value === 0 ? [] : [{ labels, value }]
    }),
  )
}

/** Of clients of a view, with its place in the configuration. What is dropped before anybody looks whose it is has none. */
function queriesMetric(): Metric {
  const all = tableMetric(Tables.QUERIES)
  return {
    ...all,
    labels: { ...all.labels, view: 'of the client, its place in `views`, from 0; none for those of no view' },
    read: (snapshot) => {
      const ofViews = labelledSamples(snapshot, 'views', 'queries')
      const others = all.read(snapshot).map(({ labels, value }) => {
        const same = ofViews.filter((sample) => Object.entries(labels).every(([key, is]) => sample.labels[key] === is))
        return { labels, value: same.reduce((rest, sample) => rest - sample.value, value) }
      })
      return [...others, ...ofViews]
    },
  }
}

function histogram(table: HistogramTable, counters: (snapshot: Snapshot) => Float64Array): Metric {
  const { name, help, label, values, buckets } = table
  return {
    name,
    type: 'histogram',
    help,
    labels: label === undefined ? {} : { [label]: values.join(', ') },
    read: (snapshot) =>
      values.flatMap((value, which) =>
        bucketSamples(
          name,
          label === undefined ? {} : { [label]: value },
          readHistogram(counters(snapshot), histogramAt(table, which), buckets),
          buckets,
        ),
      ),
  }
}

/** The lines of one histogram, as Prometheus wants them. */
export function bucketSamples(
  name: string,
  labels: Record<string, string>,
  { atMost, count, sum }: ReturnType<typeof readHistogram>,
  buckets: readonly number[] = BUCKETS,
): Sample[] {
  const bucket = (le: number | string, value: number) => ({
    labels: { ...labels, le },
    value,
    metricName: `${name}_bucket`,
  })
  return [
    ...atMost.map((value, index) => bucket(buckets[index], value)),
    bucket('+Inf', count),
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: count, metricName: `${name}_count` },
  ]
}

/** Of each label, the values it takes. */
function valuesOf(cells: readonly Record<string, string>[]): Record<string, string> {
  const found = new Map<string, Set<string>>()
  for (const labels of cells)
    for (const [label, value] of Object.entries(labels)) found.set(label, (found.get(label) ?? new Set()).add(value))
  return Object.fromEntries([...found].map(([label, values]) => [label, [...values].join(', ')]))
}
