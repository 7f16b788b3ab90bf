/** What the keeper counts and measures, told as workers tell theirs. */

import { labelled, type MetricName } from './naming.ts'
import { histograms } from './tables.ts'

/** Every counter's place in the keeper's array. Add at the end. */
export const KeeperCounter = {
  COMMITS: 0,
  COMMITS_FAILED: 1,
  COMMITS_REPEATED: 2,
  EVICTED_EXPIRED: 3,
  EVICTED_LIVE: 4,
  CLEARED_READERS: 5,
  EVICTIONS: 6,
  // 7 was the time of all evictions; KeeperHistograms.EVICTIONS has it
  LONG_EVICTIONS: 8,
  CPU_SECONDS: 9,
  BATCHES: 10,
  BATCH_OCTETS: 11,
  COMMITS_REFUSED: 12,
  REOPENINGS: 13,
  FULL: 14,
  /** From here on in the order of WRITE_KINDS. */
  WRITES: 15,
} as const
export type KeeperCounter = (typeof KeeperCounter)[keyof typeof KeeperCounter]

export const KeeperHistograms = {
  WAITS: histograms(32, 1, {
    name: 'bowline_cache_write_wait_seconds',
    help: 'Time from the arrival of a batch of entries at the keeper until it is stored',
    values: ['all'],
  }),
  TRANSACTIONS: histograms(56, 1, {
    name: 'bowline_cache_txn_seconds',
    help: 'Time that storing batches of entries took, a transaction each',
    values: ['all'],
  }),
  EVICTIONS: histograms(80, 1, {
    name: 'bowline_gc_duration_seconds',
    help: 'Time that steps of eviction took',
    values: ['all'],
  }),
} as const

/** What entries are, in the order of Shape (src/cache/entry.ts); claims and marks (`below`) are about others. */
export const WRITE_KINDS = [
  ...['rrset', 'nodata', 'nxdomain', 'delegation', 'failure', 'server', 'wildcard-answer', 'zone', 'claim', 'below'],
]

export const KEEPER_COUNTERS = 104

const commits = labelled('bowline_cache_commits_total', 'result', 'Transactions of the cache file')
const writes = labelled('bowline_cache_writes_total', 'kind', 'Entries stored in the cache, by what they are')
const evicted = labelled('bowline_gc_deleted_total', 'class', 'Entries removed from the cache to make room')

export const KEEPER_COUNTER_NAMES: Readonly<Record<number, MetricName>> = {
  [KeeperCounter.COMMITS]: commits('done'),
  [KeeperCounter.COMMITS_FAILED]: commits('failed'),
  [KeeperCounter.COMMITS_REPEATED]: {
    name: 'bowline_cache_commits_repeated_total',
    help: 'Transactions that came about at the second attempt',
  },
  [KeeperCounter.COMMITS_REFUSED]: {
    name: 'bowline_cache_commits_refused_total',
    help: 'Transactions, of the failed ones, not tried because a reader held old pages and the file would have outgrown its limit',
  },
  [KeeperCounter.REOPENINGS]: {
    name: 'bowline_cache_reopened_total',
    help: 'Times that the cache file was closed, checked and opened again while running',
  },
  [KeeperCounter.EVICTED_EXPIRED]: evicted('expired'),
  [KeeperCounter.EVICTED_LIVE]: evicted('live'),
  [KeeperCounter.CLEARED_READERS]: {
    name: 'bowline_cache_readers_cleared_total',
    help: 'Processes that died and whose place among the readers of the cache file was cleared',
  },
  [KeeperCounter.EVICTIONS]: { name: 'bowline_gc_runs_total', help: 'Steps of eviction' },
  [KeeperCounter.LONG_EVICTIONS]: {
    name: 'bowline_gc_long_runs_total',
    help: 'Steps of eviction that took more than a millisecond: storing waits so long behind them',
  },
  [KeeperCounter.CPU_SECONDS]: {
    name: 'bowline_keeper_cpu_seconds_total',
    help: 'Processor time of the keeper, user and system',
  },
  [KeeperCounter.BATCHES]: { name: 'bowline_cache_batches_total', help: 'Batches of entries that workers handed over' },
  [KeeperCounter.BATCH_OCTETS]: {
    name: 'bowline_cache_batches_bytes_total',
    help: 'Octets of these batches',
  },
  [KeeperCounter.FULL]: {
    name: 'bowline_cache_full_total',
    help: 'Times that there was no room for a transaction: on the disk, or in the file before eviction had made some',
  },
  ...Object.fromEntries(WRITE_KINDS.map((kind, which) => [KeeperCounter.WRITES + which, writes(kind)])),
}

export const KeeperGauge = {
  ENTRIES: 0,
  USED_OCTETS: 1,
  FILE_OCTETS: 2,
  SIZE_MAX_OCTETS: 3,
  WORKERS: 4,
  QUEUED_OCTETS: 5,
  RSS_OCTETS: 6,
  LONGEST_EVICTION_SECONDS: 7,
  LONGEST_EVICTION_WAIT_SECONDS: 8,
} as const
export type KeeperGauge = (typeof KeeperGauge)[keyof typeof KeeperGauge]

export const KEEPER_GAUGES = Object.keys(KeeperGauge).length

export const KEEPER_GAUGE_NAMES: Record<KeeperGauge, MetricName> = {
  [KeeperGauge.ENTRIES]: { name: 'bowline_cache_entries', help: 'Entries in the cache' },
  [KeeperGauge.USED_OCTETS]: { name: 'bowline_cache_bytes', help: 'Octets of the pages that hold entries' },
  [KeeperGauge.FILE_OCTETS]: {
    name: 'bowline_cache_file_bytes',
    help: 'Size of the cache file; pages given back stay part of it, for the next entries',
  },
  [KeeperGauge.SIZE_MAX_OCTETS]: { name: 'bowline_cache_size_bytes', help: 'Octets that the cache file may have' },
  [KeeperGauge.WORKERS]: { name: 'bowline_cache_readers', help: 'Workers connected to the keeper' },
  [KeeperGauge.QUEUED_OCTETS]: {
    name: 'bowline_cache_queue_bytes',
    help: 'Octets that workers handed over and that are not stored yet',
  },
  [KeeperGauge.RSS_OCTETS]: {
    name: 'bowline_keeper_rss_bytes',
    help: 'Memory of the keeper that is in RAM, the pages of the cache file that it has looked at included',
  },
  [KeeperGauge.LONGEST_EVICTION_SECONDS]: {
    name: 'bowline_gc_longest_run_seconds',
    help: 'The longest step of eviction since the keeper started',
  },
  [KeeperGauge.LONGEST_EVICTION_WAIT_SECONDS]: {
    name: 'bowline_gc_longest_wait_seconds',
    help: 'How long what is to be stored has waited behind eviction at most, since the keeper started',
  },
}
