/** The keeper process: the cache file's only writer. It stores what workers hand over, keeps the file within its size,
 *  and clears up after readers that died. It sees no DNS traffic. */

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LmdbFile } from '../src/cache/lmdb-file.ts'
import { BowlineError } from '../src/config/error.ts'
import { systemClock } from '../src/io/clock.ts'
import { createLog, groupLog, type Log, setLogging } from '../src/io/log.ts'
import { KEEPER_GAUGES, KeeperCounter, KeeperGauge, KeeperHistograms } from '../src/metrics/keeper.ts'
import { carryOut } from './keeper-orders.ts'
import { KeeperServer } from './keeper-server.ts'
import {
  ALIVE_INTERVAL_MS,
  type CacheOrder,
  type FromChild,
  type Report,
  type StartKeeper,
  type ToKeeper,
} from './messages.ts'
import { lockStorage } from './storage-lock.ts'

/** Name of the cache file inside `cache/storage`. */
export const CACHE_FILE = 'data.mdb'

/** A keeper whose supervisor was killed may still be closing its file. */
const PREDECESSOR_MS = 3000
/** How long a keeper that was told to end waits for its workers: somewhat longer than they may take. */
const LINGER_MS = 12_000
const LOOK_MS = 50
/** Eviction goes on, a step at a time, even while nothing is written. */
const TEND_INTERVAL_MS = 100
const TIDY_EVERY = 50 // of these
const EVICTION_STEPS = 8

/** sysexits.h's "internal software error": a fault of ours, and a reason to start again. */
const EX_SOFTWARE = 70

export class Keeper {
  readonly file: LmdbFile
  private readonly server: KeeperServer
  private readonly sizeMax: number
  private readonly timer: NodeJS.Timeout
  private readonly evictionLog: Log
  private ticks = 0
  /** When eviction was last told of. */
  private told: ReturnType<LmdbFile['stats']> | undefined

  /** Throws BowlineError 'cache-storage' when no file can be made there. */
  constructor(storage: string, sizeMax: number, log: Log, evictionLog = log) {
    const path = join(storage, CACHE_FILE)
    try {
      this.file = new LmdbFile({
        path,
        sizeMax,
        clock: systemClock,
        bootId: bootId(),
        newFileId: randomUUID,
        log: (event, fields, sentence) => log.warning({ event, ...fields }, sentence),
      })
    } catch (error) {
      throw unusable(storage, error)
    }
    this.sizeMax = sizeMax
    this.evictionLog = evictionLog
    this.server = new KeeperServer(this.file, systemClock)
    this.timer = setInterval(() => this.tend(), TEND_INTERVAL_MS)
  }

  async listen(socketPath: string): Promise<void> {
    await this.server.listen(socketPath)
  }

  async close(): Promise<void> {
    clearInterval(this.timer)
    await this.server.close()
    await this.file.close()
  }

  /** Workers that are connected. */
  get links(): number {
    return this.server.connections
  }

  report(): Report {
    const stats = this.file.stats()
    const counters = this.server.counted.slice()
    counters[KeeperCounter.COMMITS] = stats.commits
    counters[KeeperCounter.COMMITS_FAILED] = stats.failedCommits
    counters[KeeperCounter.COMMITS_REPEATED] = stats.repeatedCommits
    counters[KeeperCounter.COMMITS_REFUSED] = stats.refusedCommits
    counters[KeeperCounter.REOPENINGS] = stats.reopenings
    counters[KeeperCounter.EVICTED_EXPIRED] = stats.evictedExpired
    counters[KeeperCounter.EVICTED_LIVE] = stats.evictedLive
    counters[KeeperCounter.CLEARED_READERS] = stats.clearedReaders
    counters[KeeperCounter.EVICTIONS] = stats.evictions
    counters[KeeperCounter.FULL] = stats.full
    counters.set(this.file.written.subarray(1), KeeperCounter.WRITES)
    counters.set(this.file.evictionTimes, KeeperHistograms.EVICTIONS.start)
    counters[KeeperCounter.LONG_EVICTIONS] = stats.longEvictions
    const { user, system } = process.cpuUsage()
    counters[KeeperCounter.CPU_SECONDS] = (user + system) / 1e6
    const gauges = new Float64Array(KEEPER_GAUGES)
    gauges[KeeperGauge.ENTRIES] = stats.entries
    gauges[KeeperGauge.USED_OCTETS] = stats.usedBytes
    gauges[KeeperGauge.FILE_OCTETS] = stats.fileBytes
    gauges[KeeperGauge.SIZE_MAX_OCTETS] = this.sizeMax
    gauges[KeeperGauge.WORKERS] = this.links
    gauges[KeeperGauge.QUEUED_OCTETS] = this.server.queued
    gauges[KeeperGauge.RSS_OCTETS] = process.memoryUsage.rss()
    gauges[KeeperGauge.LONGEST_EVICTION_SECONDS] = stats.longestEvictionMs / 1000
    gauges[KeeperGauge.LONGEST_EVICTION_WAIT_SECONDS] = stats.longestWaitMs / 1000
    return { counters, gauges }
  }

  carryOut(order: CacheOrder): ReturnType<typeof carryOut> {
    return carryOut(order, { file: this.file, server: this.server, clock: systemClock, sizeMax: this.sizeMax })
  }

  private tend(): void {
    for (let steps = EVICTION_STEPS; steps > 0 && this.file.evictStep(); steps--);
    if (++this.ticks % TIDY_EVERY === 0) {
      this.file.tidy()
      this.tellOfEviction()
    }
    this.server.checkFile()
  }

  /** What was removed since the last time. */
  private tellOfEviction(): void {
    const now = this.file.stats()
    const before = this.told ?? { evictions: 0, evictedExpired: 0, evictedLive: 0, evictionMs: 0 }
    this.told = now
    const [expired, live] = [now.evictedExpired - before.evictedExpired, now.evictedLive - before.evictedLive]
    if (expired + live === 0) return
    const tookMs = Math.round(now.evictionMs - before.evictionMs)
    this.evictionLog.debug(
      { event: 'evicted', expired, live, steps: now.evictions - before.evictions, tookMs, usedBytes: now.usedBytes },
      `${expired} expired and ${live} live entries removed to make room`,
    )
  }
}

function unusable(storage: string, error: unknown): BowlineError {
  const reason = error instanceof Error ? error.message : String(error)
  return new BowlineError(
    'cache-storage',
    `cache/storage: no cache file can be kept in ${storage} (${reason}); name a folder that this user may write to and that has room`,
    { cause: error },
  )
}

/** Differs each time the machine has started. Where the system does not tell, no file outlives its keeper's death. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return randomUUID()
  }
}

export function runKeeper(): void {
  let log = createLog({ level: 'notice', process: 'keeper' })
  let keeper: Keeper | undefined
  let isStopping = false
  const stop = () => {
    if (isStopping) return
    isStopping = true
    void (keeper?.close() ?? Promise.resolve()).then(() => process.exit(0))
  }
  // Workers that were told to end with us still hand over what they learn until then.
  const linger = () => {
    const sinceMs = systemClock.monotonicMs()
    const look = () => {
      if (keeper === undefined || keeper.links === 0 || systemClock.monotonicMs() - sinceMs > LINGER_MS) stop()
      else systemClock.after(LOOK_MS, look)
    }
    look()
  }
  const fatal = (error: unknown) => {
    const err = error instanceof Error ? error : new Error(String(error))
    log.crit({ event: 'fatal', err }, `ending because of a fault in Bowline: ${err.message}`)
    process.exit(EX_SOFTWARE)
  }
  process.on('uncaughtException', fatal)
  process.on('unhandledRejection', fatal)
  process.on('SIGINT', () => {}) // Ctrl-C reaches every process of the terminal; the supervisor tells us what to do
  process.on('SIGTERM', linger)
  process.on('disconnect', linger)
  process.on('SIGUSR2', () => {
    if (!process.connected) stop() // our supervisor is gone, and the keeper of the next service asks for the file
  })

  process.on('message', async (message) => {
    const order = message as ToKeeper
    if (order.kind === 'stop') return stop()
    if (order.kind === 'set-logging') return setLogging(log, order)
    if (order.kind === 'ask-counters')
      return tell({ kind: 'counters', id: order.id, ...(keeper?.report() ?? { counters: new Float64Array() }) })
    if (order.kind === 'ask-cache') {
      const answer = await keeper?.carryOut(order.order)
      return tell({ kind: 'cache', id: order.id, answer })
    }
    log = createLog({ ...order.config.logging, process: 'keeper' })
    try {
      keeper = await start(order, log)
      const running = keeper
      const alive = () => tell({ kind: 'alive', inFlight: 0, ...running.report() })
      tell({ kind: 'ready' })
      alive()
      setInterval(alive, ALIVE_INTERVAL_MS).unref()
    } catch (error) {
      if (!(error instanceof BowlineError)) throw error
      tell({ kind: 'failed', code: error.code, message: error.message }, () => process.exit(1))
    }
  })
}

async function start(order: StartKeeper, log: Log): Promise<Keeper> {
  const { cache } = order.config
  try {
    await lockStorage(cache.storage, PREDECESSOR_MS)
  } catch (error) {
    throw error instanceof BowlineError ? error : unusable(cache.storage, error)
  }
  const keeper = new Keeper(cache.storage, cache['size-max'], groupLog(log, 'cache'), groupLog(log, 'cache-gc'))
  await keeper.listen(order.socketPath)
  return keeper
}

function tell(message: FromChild, sent: () => void = () => {}): void {
  if (process.connected) process.send?.(message, sent)
  else sent()
}

if (import.meta.main) runKeeper()
