/** What is counted by kind: answers by rcode, queries to servers by what came of them, times by how long they took. Each
 *  table is a part of the one array a worker counts in (counters.ts), so that counting stays one increment and a copy of
 *  the array tells everything. The names of labels and their values are only read when scraped.
 *
 *  Supervisor and workers may be of different versions while one replaces the other: positions never change, and a new
 *  value goes to the end of a table's first list, within its room. */

/** Where an answer came from. `answer-index`: it was ready in the worker's memory; `refused`: nobody looked for one. */
export const SOURCES = [
  'answer-index',
  'cache',
  'stale',
  'local',
  'recursion',
  'failure',
  'refused',
  'forward',
  'fallback',
] as const
export type Source = (typeof SOURCES)[number]

/** The four bits of the header (IANA DNS RCODEs), and the one that is told by OPT. */
const RCODES = [
  ...['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED', 'YXDOMAIN', 'YXRRSET', 'NXRRSET', 'NOTAUTH'],
  ...['NOTZONE', 'DSOTYPENI', 'RCODE12', 'RCODE13', 'RCODE14', 'RCODE15', 'BADVERS'],
]
export const BADVERS_COLUMN = 16

/** Of clients, and of queries to servers. */
export const TRANSPORTS = ['udp', 'tcp'] as const
export const UPSTREAM_TRANSPORTS = ['udp', 'tcp', 'tls'] as const
export const FAMILIES = ['ipv4', 'ipv6'] as const
export const RESULTS = [
  'reply',
  'timeout',
  'refused',
  'unreachable',
  'closed',
  'no-socket',
  'cancelled', // somebody else's reply was quicker, or what came was not to be believed
] as const
export const VALIDATIONS = ['secure', 'insecure', 'bogus', 'indeterminate'] as const
export const MISMATCHES = ['id', 'name', 'case', 'opcode', 'not-a-response', 'malformed', 'cookie'] as const
/** Of signatures; those that can be verified, by their numbers (IANA DNS Security Algorithm Numbers). */
export const ALGORITHMS = [5, 7, 8, 10, 13, 14, 15, 16] as const
const ALGORITHM_NAMES = [
  ...['RSASHA1', 'RSASHA1-NSEC3-SHA1', 'RSASHA256', 'RSASHA512'],
  ...['ECDSAP256SHA256', 'ECDSAP384SHA384', 'ED25519', 'ED448'],
]
export const CHECKS = ['good', 'failed'] as const
export const RETRY_CAUSES = [
  'timeout',
  'refused',
  'unreachable',
  'closed',
  'no-socket',
  'untrusted',
  'spoofed',
  'miscased',
  'malformed',
  'unproven', // by a cookie
  'cookie', // one that the server wants to be renewed, or refuses
  'truncated',
  'edns',
  'rcode',
  'lame',
  'bogus',
] as const
export const RESOURCES = [
  'upstream-queries',
  'received',
  'address-lookups',
  'failed-lookups',
  'aliases',
  'depth',
  'signatures',
  'failed-signatures',
  'hashes',
  'time',
] as const
export const BOGUS_REASONS = [
  'signature missing',
  'signature expired',
  'signature not yet valid',
  'signature expired before valid',
  'signature wrong',
  'no key for signature',
  'key is no zone key',
  'key set not vouched for',
  'denial missing',
  'signer outside the zone',
  'too many labels in signature',
  'too few labels in signature',
  'limit reached',
  'delegation unproven',
  'trust anchor unusable',
] as const

/** Of these, questions are counted one by one, those people look for; the rest together. */
const QTYPES: Readonly<Record<number, string>> = {
  ...{ 1: 'A', 2: 'NS', 5: 'CNAME', 6: 'SOA', 10: 'NULL', 12: 'PTR', 13: 'HINFO', 15: 'MX', 16: 'TXT', 24: 'SIG' },
  ...{ 25: 'KEY', 28: 'AAAA', 29: 'LOC', 33: 'SRV', 35: 'NAPTR', 39: 'DNAME', 43: 'DS', 44: 'SSHFP', 46: 'RRSIG' },
  ...{ 47: 'NSEC', 48: 'DNSKEY', 50: 'NSEC3', 52: 'TLSA', 53: 'SMIMEA', 59: 'CDS', 60: 'CDNSKEY', 61: 'OPENPGPKEY' },
  ...{ 64: 'SVCB', 65: 'HTTPS', 99: 'SPF', 255: 'ANY' },
}
/** Where types above 255 are counted. */
export const OTHER_QTYPES = 256

/** EDE codes from here on are counted together (RFC 8914 §4 has 0 to 24, the registry a few more). */
export const OTHER_EDES = 31

export interface Table {
  readonly start: number
  readonly length: number
  readonly name: string
  readonly help: string
  /** Of the cell at `start` + n. */
  labelsOf(cell: number): Record<string, string>
  /** Cells that nothing was counted in are not told. */
  readonly sparse: boolean
}

/** Scalars have the places before this one. */
export const FIRST_TABLE = 128

export const Tables = {
  QUERIES: table(128, 8, {
    name: 'bowline_queries_total',
    help: 'Queries received from clients',
    labels: { transport: TRANSPORTS, family: FAMILIES },
  }),
  ANSWERS: table(144, 272, {
    name: 'bowline_responses_total',
    help: 'Answers given to clients, by where they came from',
    labels: { source: SOURCES, rcode: RCODES },
    sparse: true,
  }),
  EDES: table(416, 32, {
    name: 'bowline_responses_ede_total',
    help: 'Answers with this Extended DNS Error (RFC 8914)',
    labels: { code: [...Array.from({ length: OTHER_EDES }, (_, code) => `${code}`), 'other'] },
    sparse: true,
  }),
  UPSTREAM: table(448, 64, {
    name: 'bowline_upstream_queries_total',
    help: 'Queries to other servers, by what came of them',
    labels: { transport: UPSTREAM_TRANSPORTS, family: FAMILIES, result: RESULTS },
  }),
  MISMATCHES: table(512, 16, {
    name: 'bowline_upstream_mismatch_total',
    help: 'Packets from servers that were not the reply to the query sent: forged, late or broken',
    labels: { kind: MISMATCHES },
  }),
  BUDGETS: table(528, 32, {
    name: 'bowline_budget_exceeded_total',
    help: 'Requests that came to a limit of options/request-budget',
    labels: { resource: RESOURCES },
  }),
  VALIDATIONS: table(560, 8, {
    name: 'bowline_validations_total',
    help: 'Answers found or tried to find for clients, by what validation makes of them (RFC 4035 §4.3)',
    labels: { result: VALIDATIONS },
  }),
  BOGUS: table(568, 40, {
    name: 'bowline_bogus_total',
    help: 'Answers that failed validation, by what was wrong',
    labels: { reason: BOGUS_REASONS },
    sparse: true,
  }),
  QTYPES: table(608, 257, {
    name: 'bowline_query_types_total',
    help: 'Questions of clients, by type; the rare ones together',
    labels: { qtype: Array.from({ length: 257 }, (_, type) => QTYPES[type] ?? 'other') },
    sparse: true,
  }),
  RETRIES: table(1448, 24, {
    name: 'bowline_upstream_retries_total',
    help: 'Queries sent because the one before brought nothing to go on with, by why: to the same server, or to another of the zone',
    labels: { cause: RETRY_CAUSES },
  }),
  SIGNATURES: table(1472, 32, {
    name: 'bowline_signature_checks_total',
    help: 'Signatures verified, by algorithm and by what came of it',
    labels: { algorithm: ALGORITHM_NAMES, result: CHECKS },
  }),
} as const

/** Upper bounds of the times told apart, in seconds; 50 µs is an answer from memory, 10 s longer than anybody waits. */
export const BUCKETS = [
  ...[0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05],
  ...[0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10],
]
/** Upper bounds of the parts of a limit told apart. */
const PARTS = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1]
/** Of the sizes of messages, in octets: 512 is what every client takes (RFC 1035 §4.2.1), 1232 what fits every link. All are
 *  multiples of SIZE_STEP. */
export const SIZES = [64, 128, 256, 512, 1024, 1232, 2048, 4096, 16_384, 65_536]
export const SIZE_STEP = 16
/** How V8 collects garbage: what died young; all there is, at once or bit by bit; and what is done for weak references. */
export const COLLECTIONS = ['minor', 'major', 'incremental', 'weak'] as const

export interface HistogramTable {
  readonly start: number
  readonly length: number
  readonly name: string
  readonly help: string
  readonly label?: string
  /** One histogram each, one after the other. */
  readonly values: readonly string[]
  /** Upper bounds; else those of times. */
  readonly buckets?: readonly number[]
}

export const Histograms = {
  REQUESTS: histograms(880, 10, {
    name: 'bowline_request_duration_seconds',
    help: 'Time from reading a query to giving its answer, by where that came from; answer-index: no measurable time',
    label: 'source',
    values: SOURCES,
  }),
  UPSTREAM: histograms(1080, 4, {
    name: 'bowline_upstream_duration_seconds',
    help: 'Time from sending a query to another server to its reply',
    label: 'transport',
    values: UPSTREAM_TRANSPORTS,
  }),
  BUDGET_PARTS: histograms(1160, 12, {
    name: 'bowline_budget_used_ratio',
    help: 'Part of each limit of options/request-budget that a question which had to be put to servers has used; more than 1: over it',
    label: 'resource',
    values: RESOURCES.filter((resource) => resource !== 'time'), // which bowline_request_duration_seconds tells
    buckets: PARTS,
  }),
  SIZES: histograms(1280, 4, {
    name: 'bowline_response_size_bytes',
    help: 'Octets of the answers given to clients, as they were before what is too long for UDP was cut',
    label: 'transport',
    values: TRANSPORTS,
    buckets: SIZES,
  }),
  REQUEST_SIZES: histograms(1504, 4, {
    name: 'bowline_request_size_bytes',
    help: 'Octets of the packets of clients',
    label: 'transport',
    values: TRANSPORTS,
    buckets: SIZES,
  }),
  COLLECTIONS: histograms(1328, 6, {
    name: 'bowline_worker_gc_pause_seconds',
    help: 'Time for which a worker stood still to collect garbage, by kind',
    label: 'kind',
    values: COLLECTIONS,
  }),
} as const

/** Length of an array that has room for all. */
export const ALL_COUNTERS = 1552

function table(
  start: number,
  room: number,
  {
    labels,
    sparse = false,
    ...named
  }: { name: string; help: string; labels: Record<string, readonly string[]>; sparse?: boolean },
): Table {
  const lists = Object.entries(labels)
  const length = lists.reduce((product, [, values]) => product * values.length, 1)
  if (length > room) throw new Error(`${named.name} has outgrown its room`)
  return {
    start,
    length,
    ...named,
    sparse,
    labelsOf(cell) {
      const found: [string, string][] = []
      let rest = cell
      for (const [label, values] of lists.toReversed()) {
        found.unshift([label, values[rest % values.length]])
        rest = Math.floor(rest / values.length)
      }
      return Object.fromEntries(found)
    },
  }
}

/** A table that begins at `start`, where there is room for `room` histograms. */
export function histograms(
  start: number,
  room: number,
  named: Omit<HistogramTable, 'start' | 'length'>,
): HistogramTable {
  if (named.values.length > room) throw new Error(`${named.name} has outgrown its room`)
  return { start, length: named.values.length * lengthOf(named), ...named }
}

/** A histogram: how many fell into each bucket, how many were beyond the last, and their sum in thousandths. */
function lengthOf({ buckets = BUCKETS }: Pick<HistogramTable, 'buckets'>): number {
  return buckets.length + 2
}

/** Where in the array histogram number `which` of the table begins. */
export function histogramAt(table: Pick<HistogramTable, 'start' | 'buckets'>, which: number): number {
  return table.start + which * lengthOf(table)
}

/** Counts one time, in milliseconds, in the histogram that begins at `at`. */
export function observe(values: Float64Array, at: number, tookMs: number): void {
  observeOthers(values, at, BUCKETS, tookMs / 1000)
}

/** Counts something else than a time. */
export function observeOthers(values: Float64Array, at: number, buckets: readonly number[], value: number): void {
  let bucket = 0
  while (bucket < buckets.length && value > buckets[bucket]) bucket++
  values[at + bucket]++
  values[at + buckets.length + 1] += 1000 * value
}

/** Counts `times` that took no measurable time. */
export function observeNoTime(values: Float64Array, at: number, times: number): void {
  values[at] += times
}

/** As Prometheus wants it: how many were at most buckets[i] (seconds), how many there were, and their sum. */
export function readHistogram(
  values: Float64Array,
  at: number,
  buckets: readonly number[] = BUCKETS,
): { atMost: number[]; count: number; sum: number } {
  const atMost: number[] = []
  let count = 0
  for (let bucket = 0; bucket < buckets.length; bucket++) atMost.push((count += values[at + bucket] ?? 0))
  count += values[at + buckets.length] ?? 0
  return { atMost, count, sum: (values[at + buckets.length + 1] ?? 0) / 1000 }
}
