/** What a worker counts. Counting is one increment in a typed array; names and helps are only read when scraped. */

import { labelled, type MetricName } from './naming.ts'
import { ALL_COUNTERS, FIRST_TABLE } from './tables.ts'

/** Every single counter's place in Counters.values; those of kinds come after them (tables.ts). Add at the end: while one
 *  version takes another's place, arrays of both are added up. */
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
  ANSWERS_AA: 38,
  ANSWERS_TC: 39,
  ANSWERS_RD: 40,
  ANSWERS_RA: 41,
  ANSWERS_AD: 42,
  ANSWERS_CD: 43,
  ANSWERS_EDNS: 44,
  ANSWERS_DO: 45,
  ANSWERS_NODATA: 46,
  OWN_REQUESTS: 47,
  SUB_REQUESTS: 48,
  JOINED: 49,
  REFUSED_JOINS: 50,
  REFUSED_RECURSIONS: 51,
  FAULTS: 52,
  PAUSES: 53,
  BOGUS_REPLIES: 54,
  UPSTREAM_SHARED: 55,
  UPSTREAM_UNREADABLE: 56,
  UPSTREAM_PORT_COLLISIONS: 57,
  UPSTREAM_TCP_CONNECTS: 58,
  UPSTREAM_TCP_CONNECT_FAILURES: 59,
  UPSTREAM_TCP_RESENT: 60,
  UPSTREAM_TCP_VIOLATIONS: 61,
  KEEPER_REFUSED: 62,
  KEEPER_LOST: 63,
  CPU_SECONDS: 64,
  COOKIES_FORGED: 65,
  COOKIES_MISSING: 66,
  COOKIES_RENEWED: 67,
  COOKIES_REFUSED: 68,
  DROPPED_KERNEL_QUEUE: 69,
  // 70 and 71 were signatures good and failed; Tables.SIGNATURES has them by algorithm
  NSEC3_HASHES: 72,
  UPSTREAM_TLS_CONNECTS: 73,
  UPSTREAM_TLS_CONNECT_FAILURES: 74,
  UPSTREAM_TLS_UNTRUSTED: 75,
  UPSTREAM_TLS_RESUMED: 76,
  CACHE_READ_ERRORS: 77,
  MINIMISED: 78,
  MINIMISING_GIVEN_UP: 79,
  LOOPS: 80,
  DROPPED_SHUTDOWN: 81,
} as const
export type Counter = (typeof Counter)[keyof typeof Counter]

// metrics of several counters, told apart by one label
const tcpClosed = labelled('bowline_tcp_closed_total', 'reason', 'Client connections closed by us')
const dropped = labelled('bowline_dropped_total', 'reason', 'Client packets that got no answer')
const refused = labelled('bowline_refused_total', 'reason', 'Queries refused without resolving')
const udpSockets = labelled('bowline_udp_sockets_total', 'by', 'Sockets opened to take queries over UDP')
const synthesised = labelled(
  'bowline_aggressive_synth_total',
  'kind',
  'Answers made of proofs that came with other answers (RFC 8198)',
)
const stale = labelled('bowline_stale_total', 'reason', 'Old answers given (RFC 8767)')
const prefetch = labelled('bowline_prefetch_total', 'result', 'Names about to expire that were asked for')
const overLimit = labelled('bowline_rate_limited_total', 'action', 'Queries over the rate limits')
const flag = labelled('bowline_response_flags_total', 'flag', 'Answers with this flag set')
const refusedWork = labelled(
  'bowline_overload_refused_total',
  'what',
  'Questions not pursued because too many were on their way, or too many clients waited for the same answer',
)
const upstreamTcp = labelled(
  'bowline_upstream_tcp_connections_total',
  'result',
  'Connections opened to other servers, or tried to',
)
const upstreamTls = labelled(
  'bowline_upstream_tls_connections_total',
  'result',
  'Connections over TLS tried to servers; of these, those that failed, those that failed because the server did not show to be ' +
    'the one that is meant, and those that took up a former session',
)
const upstreamCookies = labelled(
  'bowline_upstream_cookies_total',
  'kind',
  'Replies whose DNS cookie was not as it should be (RFC 7873): another client’s, none where there were some, one to be renewed, or the option refused',
)

/** Name and help of each, as Prometheus will see them; of those that are told one by one. */
export const COUNTER_NAMES: Partial<Record<Counter, MetricName>> = {
  [Counter.UDP_ANSWERS]: { name: 'bowline_udp_answers_total', help: 'Answers sent to clients over UDP' },
  [Counter.UDP_SEND_ERRORS]: { name: 'bowline_udp_send_errors_total', help: 'Answers the kernel would not send' },
  [Counter.TCP_CONNECTIONS]: { name: 'bowline_tcp_connections_total', help: 'Connections accepted from clients' },
  [Counter.TCP_ANSWERS]: { name: 'bowline_tcp_answers_total', help: 'Answers sent to clients over TCP' },
  [Counter.TCP_CLOSED_IDLE]: tcpClosed('idle'),
  [Counter.TCP_CLOSED_FOR_ROOM]: tcpClosed('buffer-budget'),
  [Counter.TCP_REFUSED_SOURCE]: tcpClosed('source-limit'),
  [Counter.DROPPED_MALFORMED]: dropped('malformed'),
  [Counter.DROPPED_RESPONSE]: dropped('response'),
  [Counter.DROPPED_PORT_ZERO]: dropped('port-zero'),
  [Counter.DROPPED_TOO_OLD]: dropped('too-old'),
  [Counter.REFUSED_CLIENT]: refused('acl'),
  [Counter.REFUSED_WAITING]: refused('client-limit'),
  [Counter.ANSWERS_PACED]: {
    name: 'bowline_answers_paced_total',
    help: 'Answers held back to keep them from bunching',
  },
  [Counter.NO_ANSWER]: dropped('noanswer'),
  [Counter.UDP_OVERFLOW]: dropped('udp-overflow'),
  [Counter.DROPPED_SHUTDOWN]: dropped('shutdown'),
  [Counter.DROPPED_KERNEL_QUEUE]: dropped('kernel-queue'),
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
  [Counter.ANSWERS_AA]: flag('aa'),
  [Counter.ANSWERS_TC]: flag('tc'),
  [Counter.ANSWERS_RD]: flag('rd'),
  [Counter.ANSWERS_RA]: flag('ra'),
  [Counter.ANSWERS_AD]: flag('ad'),
  [Counter.ANSWERS_CD]: flag('cd'),
  [Counter.ANSWERS_DO]: flag('do'),
  [Counter.ANSWERS_EDNS]: { name: 'bowline_responses_edns_total', help: 'Answers with an OPT record (RFC 6891)' },
  [Counter.ANSWERS_NODATA]: {
    name: 'bowline_responses_nodata_total',
    help: 'Answers with rcode NOERROR and no record in the answer section (RFC 2308 §2.2)',
  },
  [Counter.OWN_REQUESTS]: {
    name: 'bowline_own_requests_total',
    help: 'Questions nobody asked but ourselves: names before they expire, root servers, tests at the start',
  },
  [Counter.SUB_REQUESTS]: {
    name: 'bowline_sub_requests_total',
    help: 'Questions that others depend on: addresses of servers, keys and DS records',
  },
  [Counter.JOINED]: {
    name: 'bowline_aggregated_queries_total',
    help: 'Questions that waited for the answer to the same question of somebody else',
  },
  [Counter.REFUSED_JOINS]: refusedWork('joins'),
  [Counter.REFUSED_RECURSIONS]: refusedWork('recursions'),
  [Counter.FAULTS]: {
    name: 'bowline_faults_total',
    help: 'Requests that failed by a mistake in Bowline; the log has the stack',
  },
  [Counter.PAUSES]: {
    name: 'bowline_validation_pauses_total',
    help: 'Times a request with many signatures let others have their turn',
  },
  [Counter.BOGUS_REPLIES]: {
    name: 'bowline_bogus_replies_total',
    help: 'Replies of servers that failed validation; another server may have had a better one',
  },
  [Counter.UPSTREAM_SHARED]: {
    name: 'bowline_upstream_shared_total',
    help: 'Queries not sent because the same one was under way',
  },
  [Counter.UPSTREAM_UNREADABLE]: {
    name: 'bowline_upstream_unreadable_total',
    help: 'Replies that are no well-formed DNS message',
  },
  [Counter.UPSTREAM_PORT_COLLISIONS]: {
    name: 'bowline_upstream_port_collisions_total',
    help: 'Ports drawn for a query that somebody else had',
  },
  [Counter.UPSTREAM_TCP_CONNECTS]: upstreamTcp('tried'),
  [Counter.UPSTREAM_TCP_CONNECT_FAILURES]: upstreamTcp('failed'),
  [Counter.UPSTREAM_TLS_CONNECTS]: upstreamTls('tried'),
  [Counter.UPSTREAM_TLS_CONNECT_FAILURES]: upstreamTls('failed'),
  [Counter.UPSTREAM_TLS_UNTRUSTED]: upstreamTls('untrusted'),
  [Counter.UPSTREAM_TLS_RESUMED]: upstreamTls('resumed'),
  [Counter.UPSTREAM_TCP_RESENT]: {
    name: 'bowline_upstream_tcp_resent_total',
    help: 'Queries sent again because a kept connection, over TCP or TLS, was closed under them',
  },
  [Counter.UPSTREAM_TCP_VIOLATIONS]: {
    name: 'bowline_upstream_tcp_violations_total',
    help: 'Connections to servers, over TCP or TLS, ended because of what they sent',
  },
  [Counter.COOKIES_FORGED]: upstreamCookies('forged'),
  [Counter.COOKIES_MISSING]: upstreamCookies('missing'),
  [Counter.COOKIES_RENEWED]: upstreamCookies('renewed'),
  [Counter.COOKIES_REFUSED]: upstreamCookies('refused'),
  [Counter.NSEC3_HASHES]: {
    name: 'bowline_nsec3_hashes_total',
    help: 'Blocks of SHA-1 computed for NSEC3 on behalf of questions of clients, one for each iteration at least',
  },
  [Counter.MINIMISED]: {
    name: 'bowline_qname_min_steps_total',
    help: 'Queries that showed a server no more of the name than it had to see (RFC 9156)',
  },
  [Counter.MINIMISING_GIVEN_UP]: {
    name: 'bowline_qname_min_fallback_total',
    help: 'Times that servers were shown the whole name because of what they said to a shortened one (RFC 9156 §2.3)',
  },
  [Counter.LOOPS]: {
    name: 'bowline_loop_detected_total',
    help: 'Questions found to depend on themselves: by aliases, or by the names of servers',
  },
  [Counter.CACHE_READ_ERRORS]: {
    name: 'bowline_cache_read_errors_total',
    help: 'Times that the cache file could not be read; what was looked for counted as unknown then',
  },
  [Counter.KEEPER_REFUSED]: {
    name: 'bowline_cache_batches_dropped_total',
    help: 'Batches of entries lost because the keeper was away or too slow',
  },
  [Counter.KEEPER_LOST]: {
    name: 'bowline_keeper_connections_lost_total',
    help: 'Times a worker lost its connection to the keeper',
  },
}

function lookups(layer: string, result: string): MetricName {
  return { name: 'bowline_cache_lookups_total', labels: { layer, result }, help: 'Questions looked up in a cache' }
}

if (Object.keys(Counter).length > FIRST_TABLE) throw new Error('single counters have outgrown their room')

export class Counters {
  /** Doubles count exactly up to 2^53. */
  readonly values = new Float64Array(ALL_COUNTERS)

  add(counter: Counter, amount = 1): void {
    this.values[counter] += amount
  }

  /** For what is counted elsewhere. */
  set(counter: Counter, value: number): void {
    this.values[counter] = value
  }

  copy(): Counters {
    const copy = new Counters()
    copy.values.set(this.values)
    return copy
  }

  get(counter: Counter): number {
    return this.values[counter]
  }
}
