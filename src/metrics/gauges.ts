/** What a worker and the keeper measure: how things are at the moment. Told with the counters; names and helps are only read
 *  when scraped. */

import { labelled, type MetricName } from './naming.ts'

/** Places in a worker's array. */
export const Gauge = {
  IN_FLIGHT: 0,
  IN_FLIGHT_UPSTREAM: 1,
  CLIENTS_WAITING: 2,
  TCP_CONNECTIONS: 3,
  TCP_BUFFER_OCTETS: 4,
  UPSTREAM_UDP_SOCKETS: 5,
  UPSTREAM_TCP_CONNECTIONS: 6,
  INDEX_OCTETS: 7,
  UTILISATION: 8,
  LAG_SECONDS: 9,
  RSS_OCTETS: 10,
  HEAP_OCTETS: 11,
  KEEPER_CONNECTED: 12,
  UPSTREAM_TLS_CONNECTIONS: 13,
  CACHE_PENDING: 14,
  SERVERS: 15,
  LOCAL_NAMES: 16,
  FORWARD_RULES: 17,
} as const
export type Gauge = (typeof Gauge)[keyof typeof Gauge]

/** Told for each worker, with its number. */
export const WORKER_GAUGE_NAMES: Partial<Record<Gauge, MetricName>> = {
  [Gauge.UTILISATION]: {
    name: 'bowline_worker_event_loop_utilisation_ratio',
    help: 'Share of the last second in which the worker was busy, 0 to 1',
  },
  [Gauge.LAG_SECONDS]: {
    name: 'bowline_worker_event_loop_lag_seconds',
    help: 'How much too late the worker came to what it does each second, the last time',
  },
  [Gauge.RSS_OCTETS]: { name: 'bowline_worker_rss_bytes', help: 'Memory of the worker that is in RAM' },
  [Gauge.HEAP_OCTETS]: { name: 'bowline_worker_heap_bytes', help: 'Memory of JavaScript objects in the worker' },
  [Gauge.IN_FLIGHT]: {
    name: 'bowline_inflight_requests',
    help: 'Questions that have no answer yet, of clients and our own',
  },
  [Gauge.KEEPER_CONNECTED]: {
    name: 'bowline_worker_keeper_connected',
    help: '1: what this worker learns is stored in the cache; 0: the keeper is away',
  },
}

const upstreamSockets = labelled('bowline_upstream_sockets', 'transport', 'Sockets open to other servers')

/** Told as sums over all workers. */
export const SUMMED_GAUGE_NAMES: Partial<Record<Gauge, MetricName>> = {
  [Gauge.IN_FLIGHT_UPSTREAM]: {
    name: 'bowline_inflight_upstream_queries',
    help: 'Queries to other servers that have no reply yet',
  },
  [Gauge.CLIENTS_WAITING]: {
    name: 'bowline_clients_waiting',
    help: 'Clients, but our own machine, with a question unanswered',
  },
  [Gauge.TCP_CONNECTIONS]: {
    name: 'bowline_connections',
    labels: { transport: 'tcp' },
    help: 'Connections of clients that are open',
  },
  [Gauge.TCP_BUFFER_OCTETS]: {
    name: 'bowline_transport_buffer_bytes',
    labels: { transport: 'tcp' },
    help: 'Memory that connections of clients hold',
  },
  [Gauge.UPSTREAM_UDP_SOCKETS]: upstreamSockets('udp'),
  [Gauge.UPSTREAM_TCP_CONNECTIONS]: upstreamSockets('tcp'),
  [Gauge.UPSTREAM_TLS_CONNECTIONS]: upstreamSockets('tls'),
  [Gauge.CACHE_PENDING]: {
    name: 'bowline_cache_pending_entries',
    help: 'Entries that workers keep in memory until the cache file has them',
  },
  [Gauge.SERVERS]: {
    name: 'bowline_servers_remembered',
    help: 'Addresses of other servers of which workers remember how fast they are; each worker counts its own',
  },
  [Gauge.INDEX_OCTETS]: {
    name: 'bowline_answer_index_bytes',
    help: 'Memory set aside for ready answers; it is taken as it is filled',
  },
}

export const GAUGES = Object.keys(Gauge).length
