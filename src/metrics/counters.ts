/** What a worker counts. Counting is one increment in a typed array; names and helps are only read when scraped. */

/** Every counter's place in Counters.values. Add at the end: a scrape adds up the arrays of workers of one version only,
 *  but people compare logs across versions. */
export const Counter = {
  UDP_PACKETS: 0,
  UDP_ANSWERS: 1,
  UDP_SEND_ERRORS: 2,
  TCP_CONNECTIONS: 3,
  TCP_QUERIES: 4,
  TCP_ANSWERS: 5,
  TCP_CLOSED_IDLE: 6,
  TCP_CLOSED_FOR_ROOM: 7,
  TCP_REFUSED_SOURCE: 8,
  DROPPED_MALFORMED: 9,
  DROPPED_RESPONSE: 10,
  DROPPED_PORT_ZERO: 11,
  DROPPED_TOO_OLD: 12,
  REFUSED_CLIENT: 13,
  REFUSED_WAITING: 14,
  ANSWERS_PACED: 15,
  NO_ANSWER: 16,
  ANSWERED_AT_ONCE: 17,
  SERVFAIL: 18,
  UDP_OVERFLOW: 19,
  UDP_TOO_LONG: 20,
  UDP_SOCKETS_LIBC: 21,
  UDP_SOCKETS_DGRAM: 22,
  INDEX_HITS: 23,
  INDEX_MISSES: 24,
  CACHE_HITS: 25,
  CACHE_MISSES: 26,
  SYNTHESISED_NXDOMAIN: 27,
  SYNTHESISED_NODATA: 28,
  SYNTHESISED_WILDCARD: 29,
  STALE_AFTER_FAILURE: 30,
  STALE_AFTER_TIMEOUT: 31,
  PREFETCHES: 32,
  PREFETCHES_PUT_OFF: 33,
  RATE_DROPPED: 34,
  RATE_TRUNCATED: 35,
  RATE_COOKIE: 36,
  RATE_DRY_RUN: 37,
} as const
export type Counter = (typeof Counter)[keyof typeof Counter]

/** Name and help of each, as Prometheus will see them. */
export const COUNTER_NAMES: Record<Counter, { name: string; labels?: Record<string, string>; help: string }> = {
  [Counter.UDP_PACKETS]: { name: 'bowline_udp_packets_total', help: 'Packets received from clients over UDP' },
  [Counter.UDP_ANSWERS]: { name: 'bowline_udp_answers_total', help: 'Answers sent to clients over UDP' },
  [Counter.UDP_SEND_ERRORS]: { name: 'bowline_udp_send_errors_total', help: 'Answers the kernel would not send' },
  [Counter.TCP_CONNECTIONS]: { name: 'bowline_tcp_connections_total', help: 'Connections accepted from clients' },
  [Counter.TCP_QUERIES]: { name: 'bowline_tcp_queries_total', help: 'Messages received from clients over TCP' },
  [Counter.TCP_ANSWERS]: { name: 'bowline_tcp_answers_total', help: 'Answers sent to clients over TCP' },
  [Counter.TCP_CLOSED_IDLE]: {
    name: 'bowline_tcp_closed_total',
    labels: { reason: 'idle' },
    help: 'Client connections closed by us',
  },
  [Counter.TCP_CLOSED_FOR_ROOM]: {
    name: 'bowline_tcp_closed_total',
    labels: { reason: 'buffer-budget' },
    help: 'Client connections closed by us',
  },
  [Counter.TCP_REFUSED_SOURCE]: {
    name: 'bowline_tcp_closed_total',
    labels: { reason: 'source-limit' },
    help: 'Client connections closed by us',
  },
  [Counter.DROPPED_MALFORMED]: dropped('malformed'),
  [Counter.DROPPED_RESPONSE]: dropped('response'),
  [Counter.DROPPED_PORT_ZERO]: dropped('port-zero'),
  [Counter.DROPPED_TOO_OLD]: dropped('too-old'),
  [Counter.REFUSED_CLIENT]: {
    name: 'bowline_refused_total',
    labels: { reason: 'acl' },
    help: 'Queries refused without resolving',
  },
  [Counter.REFUSED_WAITING]: {
    name: 'bowline_refused_total',
    labels: { reason: 'client-limit' },
    help: 'Queries refused without resolving',
  },
  [Counter.ANSWERS_PACED]: {
    name: 'bowline_answers_paced_total',
    help: 'Answers held back to keep them from bunching',
  },
  [Counter.NO_ANSWER]: dropped('noanswer'),
  [Counter.SERVFAIL]: { name: 'bowline_servfail_total', help: 'Answers with rcode SERVFAIL (RFC 1035 §4.1.1)' },
  [Counter.ANSWERED_AT_ONCE]: {
    name: 'bowline_answered_at_once_total',
    help: 'Queries answered from the index of ready answers',
  },
  [Counter.UDP_OVERFLOW]: dropped('udp-overflow'),
  [Counter.UDP_TOO_LONG]: {
    name: 'bowline_udp_too_long_total',
    help: 'Answers over UDP truncated because the link would have fragmented them',
  },
  [Counter.UDP_SOCKETS_LIBC]: udpSockets('libc'),
  [Counter.UDP_SOCKETS_DGRAM]: udpSockets('dgram'),
  [Counter.INDEX_HITS]: lookups('answer-index', 'hit'),
  [Counter.INDEX_MISSES]: lookups('answer-index', 'miss'),
  [Counter.CACHE_HITS]: lookups('cache', 'hit'),
  [Counter.CACHE_MISSES]: lookups('cache', 'miss'),
  [Counter.SYNTHESISED_NXDOMAIN]: synthesised('nxdomain'),
  [Counter.SYNTHESISED_NODATA]: synthesised('nodata'),
  [Counter.SYNTHESISED_WILDCARD]: synthesised('wildcard'),
  [Counter.STALE_AFTER_FAILURE]: stale('failure'),
  [Counter.STALE_AFTER_TIMEOUT]: stale('timeout'),
  [Counter.PREFETCHES]: prefetch('asked'),
  [Counter.PREFETCHES_PUT_OFF]: prefetch('put-off'),
  [Counter.RATE_DROPPED]: overLimit('dropped'),
  [Counter.RATE_TRUNCATED]: overLimit('truncated'),
  [Counter.RATE_COOKIE]: overLimit('admitted-cookie'),
  [Counter.RATE_DRY_RUN]: overLimit('admitted-dry-run'),
}

function dropped(reason: string) {
  return { name: 'bowline_dropped_total', labels: { reason }, help: 'Client packets that got no answer' }
}

function udpSockets(kind: string) {
  return { name: 'bowline_udp_sockets_total', labels: { by: kind }, help: 'Sockets opened to take queries over UDP' }
}

function lookups(layer: string, result: string) {
  return { name: 'bowline_cache_lookups_total', labels: { layer, result }, help: 'Questions looked up in a cache' }
}

function synthesised(kind: string) {
  return {
    name: 'bowline_aggressive_synth_total',
    labels: { kind },
    help: 'Answers made of proofs that came with other answers (RFC 8198)',
  }
}

function stale(reason: string) {
  return { name: 'bowline_stale_total', labels: { reason }, help: 'Old answers given (RFC 8767)' }
}

function prefetch(result: string) {
  return { name: 'bowline_prefetch_total', labels: { result }, help: 'Names about to expire that were asked for' }
}

function overLimit(action: string) {
  return { name: 'bowline_rate_limited_total', labels: { action }, help: 'Queries over the rate limits' }
}

export class Counters {
  /** Doubles count exactly up to 2^53. */
  readonly values = new Float64Array(Object.keys(Counter).length)

  add(counter: Counter, amount = 1): void {
    this.values[counter] += amount
  }

  /** For what is counted elsewhere. */
  set(counter: Counter, value: number): void {
    this.values[counter] = value
  }

  get(counter: Counter): number {
    return this.values[counter]
  }
}
