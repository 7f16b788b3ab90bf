/** What the parts of a worker have counted, each in its own way, in the one form the supervisor takes (src/metrics). */

import type { LmdbStore } from '../src/cache/lmdb-store.ts'
import type { CoreCounters } from '../src/driver/counters.ts'
import type { SystemTransport } from '../src/io/transport.ts'
import type { Resource } from '../src/ledger.ts'
import { Counter, type Counters } from '../src/metrics/counters.ts'
import { Gauge } from '../src/metrics/gauges.ts'
import type { RuleHits } from '../src/metrics/rule-hits.ts'
import {
  ALGORITHMS,
  CHECKS,
  Histograms,
  MISMATCHES,
  OTHER_QTYPES,
  RESOURCES,
  RETRY_CAUSES,
  Tables,
} from '../src/metrics/tables.ts'
import type { RunningModule } from '../src/modules/module.ts'
import type { Setback } from '../src/request.ts'
import type { Core } from '../src/resolve.ts'
import type { AnswerIndex } from './answer-index.ts'
import type { KeeperLink } from './keeper-link.ts'
import type { MeasuredTransport } from './measured-transport.ts'
import type { ModuleCount } from './messages.ts'

export interface Parts {
  core: { readonly counters: CoreCounters; readonly inFlight: number; readonly cores: readonly Core[] }
  store: LmdbStore
  transport: SystemTransport
  measured: MeasuredTransport
  index: AnswerIndex
  link: KeeperLink
  ruleHits: RuleHits
}

type Mismatch = keyof CoreCounters['exchanges']['mismatch']
const MISMATCH_OF: Record<Mismatch, (typeof MISMATCHES)[number]> = {
  'mismatch-id': 'id',
  'mismatch-name': 'name',
  'mismatch-case': 'case',
  'mismatch-opcode': 'opcode',
  'not-a-response': 'not-a-response',
  malformed: 'malformed',
}

/** Adds what the parts of a resolver have counted since the start to `counters`, a copy of those that all count in. */
export function reportCounters({ core, store, transport, measured, index, link }: Parts, counters: Counters): void {
  const { cache, iterator, signatures, exchanges, ...requests } = core.counters
  counters.set(Counter.INDEX_HITS, index.hits)
  counters.set(Counter.INDEX_MISSES, index.misses)
  counters.set(Counter.CACHE_HITS, cache.hits)
  counters.set(Counter.CACHE_MISSES, cache.misses)
  counters.set(Counter.SYNTHESISED_NXDOMAIN, cache.synthesisedNxdomain)
  counters.set(Counter.SYNTHESISED_NODATA, cache.synthesisedNodata)
  counters.set(Counter.SYNTHESISED_WILDCARD, cache.synthesisedWildcard)
  counters.set(Counter.STALE_AFTER_FAILURE, cache.staleAfterFailure)
  counters.set(Counter.STALE_AFTER_TIMEOUT, cache.staleAfterTimeout)
  counters.set(Counter.PREFETCHES, cache.prefetches)
  counters.set(Counter.PREFETCHES_PUT_OFF, cache.prefetchesPutOff)
  counters.set(Counter.OWN_REQUESTS, requests.ownRequests)
  counters.set(Counter.SUB_REQUESTS, requests.subRequests)
  counters.set(Counter.JOINED, requests.joined)
  counters.set(Counter.REFUSED_JOINS, requests.refusedJoins)
  counters.set(Counter.REFUSED_RECURSIONS, requests.refusedRecursions)
  counters.set(Counter.FAULTS, requests.faults)
  counters.set(Counter.PAUSES, requests.pauses)
  counters.set(Counter.BOGUS_REPLIES, requests.bogus)
  counters.set(Counter.MINIMISED, iterator.minimised)
  counters.set(Counter.MINIMISING_GIVEN_UP, iterator.minimisingGivenUp)
  counters.set(Counter.LOOPS, requests.loops)
  counters.set(Counter.UPSTREAM_SHARED, exchanges.shared)
  counters.set(Counter.UPSTREAM_UNREADABLE, exchanges.malformed)
  counters.set(Counter.COOKIES_FORGED, exchanges.cookies.forged)
  counters.set(Counter.COOKIES_MISSING, exchanges.cookies.missing)
  counters.set(Counter.COOKIES_RENEWED, exchanges.cookies.renewed)
  counters.set(Counter.COOKIES_REFUSED, exchanges.cookies.refused)
  const { udp, tcp, tls, handshakes } = transport.counters
  counters.set(Counter.UPSTREAM_PORT_COLLISIONS, udp.portCollisions)
  counters.set(Counter.UPSTREAM_TCP_CONNECTS, tcp.connects)
  counters.set(Counter.UPSTREAM_TCP_CONNECT_FAILURES, tcp.connectFailures)
  counters.set(Counter.UPSTREAM_TCP_RESENT, tcp.resent + tls.resent)
  counters.set(Counter.UPSTREAM_TCP_VIOLATIONS, tcp.violations + tls.violations)
  counters.set(Counter.UPSTREAM_TLS_CONNECTS, tls.connects)
  counters.set(Counter.UPSTREAM_TLS_CONNECT_FAILURES, tls.connectFailures)
  counters.set(Counter.UPSTREAM_TLS_UNTRUSTED, handshakes.untrusted)
  counters.set(Counter.UPSTREAM_TLS_RESUMED, handshakes.resumed)
  counters.set(Counter.KEEPER_REFUSED, link.counted.refused)
  counters.set(Counter.CACHE_READ_ERRORS, store.stats().readErrors)
  counters.set(Counter.KEEPER_LOST, link.counted.lost)
  const { values } = counters
  for (const [kind, count] of Object.entries(exchanges.mismatch))
    values[Tables.MISMATCHES.start + MISMATCHES.indexOf(MISMATCH_OF[kind as Mismatch])] = count
  values[Tables.MISMATCHES.start + MISMATCHES.indexOf('cookie')] = exchanges.cookies.forged
  for (const [which, algorithm] of ALGORITHMS.entries())
    for (const [result, check] of CHECKS.entries())
      values[Tables.SIGNATURES.start + which * CHECKS.length + result] = signatures[check][algorithm] ?? 0
  for (const [cause, count] of Object.entries(iterator.retries))
    values[Tables.RETRIES.start + RETRY_CAUSES.indexOf(cause as Setback)] = count
  values[Tables.RETRIES.start + RETRY_CAUSES.indexOf('cookie')] = exchanges.again
  for (const [resource, count] of Object.entries(requests.exceeded))
    values[Tables.BUDGETS.start + RESOURCES.indexOf(resource as Resource)] = count
  for (const { start, length } of [Tables.UPSTREAM, Histograms.UPSTREAM])
    values.set(measured.values.subarray(start, start + length), start)
  for (let type = 0; type <= OTHER_QTYPES; type++) values[Tables.QTYPES.start + type] += index.types[type]
}

export function reportGauges(
  { core, store, transport, measured, index, link, ruleHits }: Parts,
  gauges: Float64Array,
): void {
  gauges[Gauge.IN_FLIGHT] = core.inFlight
  gauges[Gauge.IN_FLIGHT_UPSTREAM] = measured.inFlight
  gauges[Gauge.UPSTREAM_UDP_SOCKETS] = transport.counters.udp.socketsOpen
  gauges[Gauge.UPSTREAM_TCP_CONNECTIONS] = transport.counters.tcp.connectionsOpen
  gauges[Gauge.UPSTREAM_TLS_CONNECTIONS] = transport.counters.tls.connectionsOpen
  gauges[Gauge.INDEX_OCTETS] = index.octets
  gauges[Gauge.CACHE_PENDING] = store.stats().pending
  gauges[Gauge.SERVERS] = core.cores.reduce((sum, { servers }) => sum + servers.size, 0)
  gauges[Gauge.LOCAL_NAMES] = ruleHits.localNames
  gauges[Gauge.FORWARD_RULES] = forwardRules(core.cores)
  gauges[Gauge.KEEPER_CONNECTED] = link.isConnected ? 1 : 0
}

/** Each of those of several partitions once. */
function forwardRules(cores: readonly Core[]): number {
  return new Set(cores.flatMap(({ settings }) => settings.forward)).size
}

/** Which of the operator's rules questions have met. */
export function ruleCounts(hits: RuleHits): ModuleCount[] {
  return hits.all().map(({ list, action, times }) => ({
    module: 'rules',
    metric: 'hits',
    help: '',
    labels: { list, action },
    value: times,
  }))
}

export function moduleCounts(modules: readonly RunningModule[]): ModuleCount[] {
  return modules.flatMap(({ name, metrics, counts }) =>
    Object.entries(metrics).map(([metric, help]) => ({ module: name, metric, help, value: counts[metric] ?? 0 })),
  )
}
