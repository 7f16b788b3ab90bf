/** The metrics of Knot Resolver's manager, by the names its Prometheus endpoint gives them, so that dashboards and alerts made
 *  for it go on working. `instance_id` is the worker. What Bowline does not have is told as 0. */

import { Counter } from '../../src/metrics/counters.ts'
import { BUCKETS, Histograms, histogramAt, readHistogram, SOURCES, Tables } from '../../src/metrics/tables.ts'
import type { Metric, Sample, Snapshot } from './metric.ts'

const INSTANCE = { instance_id: 'the worker: worker1, worker2 …' }
/** Upper bounds in seconds, as Knot Resolver writes them. */
const LATENCIES = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 1.5]

type Read = (counters: Float64Array) => number

const queries =
  (transport: 'udp' | 'tcp', ...families: number[]): Read =>
  (counters) => {
    const first = Tables.QUERIES.start + (transport === 'tcp' ? 2 : 0)
    return families.reduce((sum, family) => sum + (counters[first + family] ?? 0), 0)
  }
const [V4, V6] = [0, 1]
const RCODES = Tables.ANSWERS.length / SOURCES.length

const sumOf =
  (...reads: Read[]): Read =>
  (counters) =>
    reads.reduce((sum, read) => sum + read(counters), 0)
const at =
  (counter: Counter): Read =>
  (counters) =>
    counters[counter] ?? 0
const none: Read = () => 0

/** Answers from these places with these rcodes. */
function answers(sources: readonly (typeof SOURCES)[number][], rcode?: number): Read {
  const cells = sources.flatMap((source) => {
    const first = Tables.ANSWERS.start + SOURCES.indexOf(source) * RCODES
    return rcode === undefined ? Array.from({ length: RCODES }, (_, n) => first + n) : [first + rcode]
  })
  return (counters) => cells.reduce((sum, cell) => sum + (counters[cell] ?? 0), 0)
}

const all = sumOf(queries('udp', V4, V6), queries('tcp', V4, V6))

export const KNOT_METRICS: readonly Metric[] = [
  {
    name: 'resolver_metrics_loaded',
    type: 'gauge',
    help: '1: the worker has told its figures; 0: they are the last it told',
    labels: INSTANCE,
    read: ({ workers }) =>
      workers.map(({ id, isUp }) => ({ labels: { instance_id: `worker${id}` }, value: isUp ? 1 : 0 })),
  },
  {
    name: 'resolver_response_latency',
    type: 'histogram',
    help: 'Time it takes to answer, in seconds',
    labels: INSTANCE,
    read: (snapshot) => snapshot.totals.workers.flatMap(([id, { counters }]) => latency(`worker${id}`, counters)),
  },
  request('total', 'Requests, our own included', sumOf(all, at(Counter.OWN_REQUESTS))),
  request('total4', 'Requests of clients over IPv4', sumOf(queries('udp', V4), queries('tcp', V4))),
  request('total6', 'Requests of clients over IPv6', sumOf(queries('udp', V6), queries('tcp', V6))),
  request('internal', 'Requests nobody asked for but ourselves', at(Counter.OWN_REQUESTS)),
  request('udp', 'Requests over UDP', queries('udp', V4, V6)),
  request('udp4', 'Requests over UDP and IPv4', queries('udp', V4)),
  request('udp6', 'Requests over UDP and IPv6', queries('udp', V6)),
  request('tcp', 'Requests over TCP', queries('tcp', V4, V6)),
  request('tcp4', 'Requests over TCP and IPv4', queries('tcp', V4)),
  request('tcp6', 'Requests over TCP and IPv6', queries('tcp', V6)),
  ...['dot', 'doh', 'doq', 'xdp'].flatMap((transport) =>
    ['', '4', '6'].map((family) => request(`${transport}${family}`, `Requests over ${transport}: not offered`, none)),
  ),
  answer('total', 'Answers given', answers(SOURCES)),
  answer('cached', 'Answers from the cache', answers(['answer-index', 'cache'])),
  answer('stale', 'Answers from old data', answers(['stale'])),
  answer('rcode_noerror', 'Answers with NOERROR and data', (counters) =>
    Math.max(0, answers(SOURCES, 0)(counters) - at(Counter.ANSWERS_NODATA)(counters)),
  ),
  answer('rcode_nodata', 'Answers with NOERROR and no data', at(Counter.ANSWERS_NODATA)),
  answer('rcode_nxdomain', 'Answers with NXDOMAIN', answers(SOURCES, 3)),
  answer('rcode_servfail', 'Answers with SERVFAIL', answers(SOURCES, 2)),
  answer('flag_aa', 'Answers with AA', at(Counter.ANSWERS_AA)),
  answer('flag_tc', 'Answers with TC', at(Counter.ANSWERS_TC)),
  answer('flag_ra', 'Answers with RA', at(Counter.ANSWERS_RA)),
  answer('flags_rd', 'Answers with RD', at(Counter.ANSWERS_RD)),
  answer('flag_ad', 'Answers with AD', at(Counter.ANSWERS_AD)),
  answer('flag_cd', 'Answers with CD', at(Counter.ANSWERS_CD)),
  answer('flag_do', 'Answers with DO', at(Counter.ANSWERS_DO)),
  answer('flag_edns0', 'Answers with OPT', at(Counter.ANSWERS_EDNS)),
  // answers have OPT and DO where their queries have (RFC 6891 §6.1.1, RFC 3225)
  perWorker('resolver_query_edns', 'Queries with OPT', at(Counter.ANSWERS_EDNS)),
  perWorker('resolver_query_dnssec', 'Queries with DO', at(Counter.ANSWERS_DO)),
]

function request(name: string, help: string, read: Read): Metric {
  return perWorker(`resolver_request_${name}`, help, read)
}

function answer(name: string, help: string, read: Read): Metric {
  return perWorker(`resolver_answer_${name}`, help, read)
}

/** Its client library adds `_total` to what does not end so. */
function perWorker(name: string, help: string, value: Read): Metric {
  return {
    name: name.endsWith('_total') ? name : `${name}_total`,
    type: 'counter',
    help,
    labels: INSTANCE,
    read: ({ totals }: Snapshot) =>
      totals.workers.map(([id, { counters }]) => ({
        labels: { instance_id: `worker${id}` },
        value: value(counters),
      })),
  }
}

function latency(instance: string, counters: Float64Array): Sample[] {
  const labels = { instance_id: instance }
  const read = SOURCES.map((_, which) => readHistogram(counters, histogramAt(Histograms.REQUESTS, which)))
  const atMost = (seconds: number) => read.reduce((sum, one) => sum + one.atMost[BUCKETS.indexOf(seconds)], 0)
  const count = read.reduce((sum, one) => sum + one.count, 0)
  const name = 'resolver_response_latency'
  return [
    ...LATENCIES.map((le) => ({ labels: { ...labels, le }, value: atMost(le), metricName: `${name}_bucket` })),
    { labels: { ...labels, le: '+Inf' }, value: count, metricName: `${name}_bucket` },
    { labels, value: read.reduce((sum, one) => sum + one.sum, 0), metricName: `${name}_sum` },
    { labels, value: count, metricName: `${name}_count` },
  ]
}
