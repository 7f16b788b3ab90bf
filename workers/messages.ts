/** What the supervisor and its children say to each other over the IPC channel Node gives a forked process. The one file
 *  both sides import. A child starts, waits for `start`, answers `ready` or `failed`, and lives until it is told `stop`
 *  or the channel closes, which means that the supervisor is gone: then it ends by itself as after `stop`. */

import type { InspectedEntry } from '../src/cache/inspect.ts'
import type { LmdbFileStats } from '../src/cache/lmdb-file.ts'
import type { Config } from '../src/config/schema.ts'
import type { LogLevel } from '../src/io/log.ts'
import type { Frequent, FrequentTable } from '../src/metrics/frequent.ts'
import type { StepFacts } from '../src/trace-steps.ts'

/** To the keeper, first of all. */
export interface StartKeeper {
  kind: 'start'
  config: Config
  /** Path of the unix stream socket on which workers hand over what they learnt. */
  socketPath: string
}

/** A TCP socket that the supervisor opened, so that connections waiting to be accepted outlive any worker. */
export interface ListeningSocket {
  address: string
  port: number
  /** In the process that is told. */
  fd: number
}

/** To a worker, first of all. The keeper is ready by then. */
export interface StartWorker {
  kind: 'start'
  config: Config
  /** 1 for the first; kept over restarts. */
  index: number
  socketPath: string
  /** No other worker runs yet: look first whether any other program has the addresses. Workers share them, and would
   *  share them with a second service as well, unnoticed. */
  alone: boolean
  /** To accept connections from. */
  listening?: readonly ListeningSocket[]
  /** Open files handed over that are not for this worker. */
  notOurs?: readonly number[]
  /** The file in which the last questions are kept, in case that one of them is the end of this process. */
  questionsPath?: string
  /** To be taken before it begins, by all its threads (getpriority(2)); undefined: what it has. */
  priority?: number
  /** To stay on, with all its threads; undefined: where the system puts it. */
  cpus?: readonly number[]
  /** Nobody else is at its place: no time for more preparation than it had. */
  urgent: boolean
  /** What clients ask others most: packets, each behind its length (RFC 1035 §4.2.2). It asks itself before clients can. */
  questions?: Uint8Array
  /** The unix socket on which this worker takes over connections of others. */
  inheritancePath?: string
}

/** To a process that takes a zone into the cache, the only thing it is told. Answered by a PrefillOutcome, the only thing
 *  it says. */
export interface StartPrefill {
  kind: 'start'
  config: Config
  zone: Config['cache']['prefill'][number]
  /** Where the keeper takes what is to be written. */
  socketPath: string
}

export type PrefillOutcome = Prefilled | { kind: 'not-prefilled'; reason: string }

export interface Prefilled {
  kind: 'prefilled'
  serial: number
  /** In the zone. */
  records: number
  /** Verified. */
  signatures: number
  /** Whether the zone has a digest (RFC 8976) that could be checked; if it has and it is wrong, nothing is taken. */
  digest: 'verified' | 'none'
  /** Entries of the cache. */
  written: number
  unchanged: number
  removed: number
  tookMs: number
  /** For so long the parent vouches for the zone; undefined: it has none, or an anchor of its own. */
  leaseMs?: number
}

/** Finish what is in flight, for at most `timeoutMs`, then exit 0. */
export interface Stop {
  kind: 'stop'
  timeoutMs: number
  /** Go on accepting connections for so long: nobody else will accept what is on its way to our sockets. */
  acceptMs?: number
  /** Workers that take over the connections which are open, by their inheritancePath. */
  heirs?: readonly string[]
}

/** Log from now on as this says. */
export interface SetLogging {
  kind: 'set-logging'
  level: LogLevel
  groups: readonly string[]
}

/** Run on these CPUs from now on. */
export interface SetCpus {
  kind: 'set-cpus'
  cpus: readonly number[]
}

/** Answered by `counters` with the same id. */
export interface AskCounters {
  kind: 'ask-counters'
  id: number
}

/** Trust anchors have changed: read them again. */
export interface AnchorsChanged {
  kind: 'anchors-changed'
}

/** Answered by `frequent` with the same id. */
export interface AskFrequent {
  kind: 'ask-frequent'
  id: number
  table: FrequentTable
}

/** To a worker: something it is to do. Answered by `done` with the same id. */
export interface AskWorker {
  kind: 'ask-worker'
  id: number
  order: WorkerOrder
}

export type WorkerOrder =
  /** So many workers have their sockets open and none leaves: from now on the ids of queries over UDP decide who gets them. */
  | { kind: 'spread-by-query'; workers: number }
  /** Resolve this, and tell how. Answered by Traced. */
  | { kind: 'trace'; name: string; type: number; cd: boolean; dnssec: boolean }
  /** Which questions wait, `limit` at most? Answered by WaitingFacts[], those that began first. */
  | { kind: 'waiting'; limit: number }
  /** What is remembered of other servers? Answered by ServersAnswer. */
  | ({ kind: 'servers' } & ServersOrder)
  /** What do clients ask most, `limit` questions at most? Answered as StartWorker.questions. */
  | { kind: 'frequent-questions'; limit: number }
  /** Which modules run? Answered by ModuleFacts[]. */
  | { kind: 'modules' }
  /** Have a module do something. Answered by VerbOutcome. */
  | { kind: 'module-verb'; module: string; verb: string; words: readonly string[] }

/** A question that waits for something. */
export interface WaitingFacts {
  name: string
  type: string
  /** Since the client's question came that this one serves. */
  ageMs: number
  /** `reply`: for a server's; `others`: for what it depends on; `turn`: for other questions to have theirs. */
  waitsFor: 'reply' | 'others' | 'turn'
  /** Asked for its own sake, for the address of a server, as a link of a chain of trust, or about the root's servers. */
  purpose: string
  /** 0: a client's, or one of our own; else so many questions depend on it, one above the other. */
  depth: number
  /** The network of the client for whom it is asked (IPv4 /24, IPv6 /56); undefined: nobody but ourselves. */
  client?: string
  /** The name it has come to by aliases. */
  sname?: string
  zoneCut?: string
  /** Whom it was asked of last. */
  server?: string
  protocol?: string
  /** Clients and questions that wait for the same answer. */
  joined: number
  /** Nobody waits for it any more: it goes on for the cache. */
  background: boolean
  /** Queries sent to servers for the client's question so far, and octets received. */
  queries: number
  octets: number
}

/** What a worker remembers of another server. */
export interface ServerFacts {
  /** `192.0.2.1@53`. */
  address: string
  /** Smoothed round-trip time; 0: never measured. */
  srttMs: number
  rttvarMs: number
  /** In a row, up to now. */
  timeouts: number
  /** It is not asked for so long. */
  deadForMs?: number
  /** It does not understand EDNS, loses the case of names, is reached over TCP only. */
  ednsBroken: boolean
  caseBroken: boolean
  tcpOnly: boolean
  /** Since it last taught this worker something; undefined: others have told what is known. */
  learnedAgoMs?: number
  /** Of those asked about a name: what the zone calls it. */
  name?: string
}

export interface ServersAnswer {
  servers: ServerFacts[]
  /** Where a name was given: the zone, or the subtree of a forward rule, whose servers these are. */
  zoneCut?: string
}

export interface ServersOrder {
  /** An address, with or without port, or a domain name; undefined: all. */
  of?: string
  /** Only those with something wrong. */
  troubled?: boolean
  limit: number
}

export interface ModuleFacts {
  name: string
  about: string
  /** False: switched off for its faults. */
  isOn: boolean
  /** What each verb does, by name. */
  verbs: Readonly<Record<string, string>>
}

/** What a verb gave, or a BowlineError's code and message. */
export type VerbOutcome = { value: unknown } | { code: string; message: string }

export interface Traced {
  steps: StepFacts[]
  /** The response, as it would go over the wire. */
  message: Uint8Array
  elapsedMs: number
  security: string
  source: string
}

/** To the keeper: something an operator wants of the cache. Answered by `cache` with the same id. */
export interface AskCache {
  kind: 'ask-cache'
  id: number
  order: CacheOrder
}

export type CacheOrder =
  /** Removes what is known at and below `name`, or what is left of that by the rest. */
  | {
      kind: 'clear'
      name: string
      exact?: boolean
      type?: number
      negative?: boolean
      bogus?: boolean
      partition?: number
    }
  | { kind: 'get'; name: string; partition?: number }
  | { kind: 'stats' }

/** Now doing its work. */
export interface Ready {
  kind: 'ready'
  /** Of a worker. */
  udp?: UdpWays
}

/** How UDP comes in and how it goes out: `libc`, which costs far less, or `dgram`, where libc cannot be called. */
export interface UdpWays {
  listener: string
  upstream: string
}

/** What a process has counted since it was started, and how things are there now. */
export interface Report {
  /** A copy of Counters.values (src/metrics/counters.ts); of the keeper, by KeeperCounter. */
  counters: Float64Array
  /** By Gauge; of the keeper, by KeeperGauge. */
  gauges?: Float64Array
  modules?: readonly ModuleCount[]
}

/** One metric of a module. */
export interface ModuleCount {
  module: string
  metric: string
  help: string
  value: number
  /** Of a metric that has a name of its own (supervisor/metrics/metrics.ts), and labels by what the configuration names. */
  labels?: Readonly<Record<string, string>>
}

/** Cannot do its work, and will exit; nothing that trying again would mend. */
export interface Failed {
  kind: 'failed'
  /** A BowlineError's. */
  code: string
  /** One sentence that names setting, value and remedy. */
  message: string
}

/** The event loop still turns; sent every ALIVE_INTERVAL_MS once ready. */
export interface Alive extends Partial<Report> {
  kind: 'alive'
  /** Requests in flight. */
  inFlight: number
  /** Share of the time since the last such message in which the event loop was busy, 0 to 1. Only workers tell. */
  utilisation?: number
  rssOctets?: number
}

/** Of a worker: it lives, but its watchdog finds that it does not do its work; said again while that lasts. */
export interface Failing {
  kind: 'failing'
  /** undefined: it is well again. */
  reason: string | undefined
}

/** When asked, and once more before a worker ends. */
export interface CountersNow extends Report {
  kind: 'counters'
  id: number
}

/** The most frequent first. */
export interface FrequentNow {
  kind: 'frequent'
  id: number
  entries: Frequent[]
}

/** To each order its own answer. */
export interface Done {
  kind: 'done'
  id: number
  answer: unknown
}

/** To each order its own answer. */
export interface CacheNow {
  kind: 'cache'
  id: number
  answer: Cleared | CacheContents | CacheFacts | undefined
}

export interface Cleared {
  /** Entries removed. */
  count: number
  /** False when some could not be removed, for want of disk space, or a worker did not say that it has let go of them. */
  complete: boolean
}

export interface CacheContents {
  entries: InspectedEntry[]
}

export interface CacheFacts extends LmdbFileStats {
  /** Octets the file is allowed. */
  sizeMax: number
  /** Workers connected. */
  workers: number
}

export const ALIVE_INTERVAL_MS = 1000

/** The standard error of a child is read by the supervisor, which thus hears what Node or V8 say before they end the
 *  process. The log goes to the file of this number, which is the supervisor's own standard error. */
export const LOG_FD = 4
/** Further open files handed over begin here. */
export const FIRST_HANDED_FD = 5

export type ToKeeper = StartKeeper | Stop | SetLogging | AskCounters | AskCache
export type ToWorker =
  | StartWorker
  | Stop
  | SetLogging
  | SetCpus
  | AskCounters
  | AnchorsChanged
  | AskFrequent
  | AskWorker
export type FromChild = Ready | Failed | Alive | Failing | CountersNow | FrequentNow | CacheNow | Done

/** Layout of the file that last-questions.ts writes and the supervisor reads. */
export const QuestionFile = {
  SLOTS: 64,
  SLOT_OCTETS: 256,
  OCTETS: 65 * 256,
  /** Where in a slot the packet begins, and what of it is kept at most. */
  PACKET: 32,
  PACKET_OCTETS: 224,
  BEGUN: 1,
  DONE: 2,
} as const
