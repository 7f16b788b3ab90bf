/** The keeper's side of the shared file: the one writer's view of `data.mdb`. How is it opened so that nothing damaged,
 *  torn or foreign is ever served, and how is it kept within its size?
 *
 *  Writes are never flushed to disk one by one. LMDB keeps the file whole when any process dies at any moment, because
 *  the kernel still holds what was written; but a machine that goes down may leave it torn. So beside the file stands
 *  its state, `data.mdb-state`: under which boot of the machine it was opened, and whether it was closed in order.
 *  A file that neither was closed nor is of this boot is not trusted, and a fresh one takes its place. */

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { open, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb'
import type { Clock } from '../io/interfaces.ts'
import { BUCKETS, observe } from '../metrics/tables.ts'
import { applyBatch, type BatchTarget, type Portion, portionsOf } from './batch.ts'
import { Shape, STORE_FORMAT, shapeOf } from './entry.ts'
import { type Candidate, candidateOf, chooseEvicted, EVICTED_SHARE, LARGEST_SHARE, UseSketch } from './evict.ts'
import { justAfter, WHOLE_STORE } from './keys.ts'
import { findDamage } from './lmdb-check.ts'
import { type FileStats, PageBudget, pagesFor, removalOf, usedPages, type Work } from './page-budget.ts'
import type { PurgeTask } from './purge.ts'
import { MAX_KEY, type RangeOptions, type StoredPair } from './store.ts'

type Database = RootDatabase<Uint8Array, Uint8Array>

/** Something worth a line in the log: a stable name, fields, and a sentence. */
export type LogEvent = (event: string, fields: Record<string, unknown>, sentence: string) => void

export interface LmdbFileOptions {
  path: string
  /** Octets the file may grow to. */
  sizeMax: number
  clock: Clock
  /** Identifies this boot of the machine; on Linux /proc/sys/kernel/random/boot_id. */
  bootId: string
  /** A new unique text for each file made. */
  newFileId: () => string
  log: LogEvent
}

export interface LmdbFileStats {
  entries: number
  /** Octets of the pages that hold entries. */
  usedBytes: number
  /** Size of the file; pages given back are used again but stay part of it. */
  fileBytes: number
  commits: number
  /** Transactions that did not come about, nearly always because the disk is full; their writes are lost. */
  failedCommits: number
  /** Of these, those not even tried: the file would have grown beyond its limit, nearly always as a reader holds on to old
   *  pages. */
  refusedCommits: number
  /** Transactions that came about at the second attempt, and times that the file was closed, checked and opened again. */
  repeatedCommits: number
  reopenings: number
  /** Transactions for which there was no room. */
  full: number
  /** Entries removed to make room: those whose time was over, and others. */
  evictedExpired: number
  evictedLive: number
  /** Dead processes whose read slots were cleared. */
  clearedReaders: number
  /** Steps of eviction, each a transaction, the time they took together, the longest, and how many took longer than a
   *  millisecond. */
  evictions: number
  evictionMs: number
  longestEvictionMs: number
  longEvictions: number
  /** How long what is to be stored has waited behind eviction at most: for one step, or more of them in a flood. */
  longestWaitMs: number
  /** Time of the transactions that store, and of the longest. */
  commitMs: number
  longestCommitMs: number
}

/** Readers, and with them read transactions, that can be open at a time: workers old and new, and tools. */
const MAX_READERS = 1024
/** The keeper died so many times while opening this file: it must be the file. */
const MAX_OPENING_ATTEMPTS = 3
/** Entries looked at in one step of eviction, at first and at most; and at least: smaller steps, each a transaction, would
 *  not keep up with what comes in. */
const EVICTION_STEP = 512
const SMALLEST_STEP = 128
const STEP_GROWTH = 32
/** What is to be stored never waits longer behind one step of eviction: the next is smaller when one took longer. */
const EVICTION_MS = 1
/** While the disk is full, eviction itself has to do with the few pages that are free: neighbours are removed, all of
 *  them, so that few pages change; and if there is no room for that, fewer. */
const NARROW_STEP = 64
/** Eviction starts when pages for this part of the limit are in use, and ends at the lower one. What is above is for pages
 *  that wait to be used again: every transaction writes to fresh ones and gives back the old when no reader needs them.
 *  The two are close together because removing makes room inside pages long before it makes whole pages free. */
const HIGH_WATER = 0.75
const LOW_WATER = 0.73
/** So many entries are evicted for each one put while there are too many. */
const EVICTED_PER_PUT = 1.25
/** What has to be evicted may wait until it is worth a step, but no longer than until it is so much of what there is. */
const MOST_OWED = 1 / 100
/** An entry takes about so many octets in the file, with its key and with the room that is free in pages. */
const ENTRY_OCTETS = 192
/** One transaction writes to no more than so much of the pages. */
const LARGEST_TRANSACTION = 1 / 64
/** This much is kept for eviction, which needs room itself before it can make some; */
const KEPT_FOR_EVICTION = 1 / 32
/** and so many steps of it are taken, at most, before something is refused. */
const STEPS_FOR_ROOM = 8
/** Workers tell one use in so many. */
const USES_PER_TOUCH = 16
/** How long eviction takes to come round, until it has; and at least. */
const FIRST_LAP_MS = 3_600_000
const SHORTEST_LAP_MS = 1000
/** After a failed commit, writes are dropped for so long before the next is tried; twice as long the next time. */
const FIRST_REST_MS = 200
const LONGEST_REST_MS = 10_000
/** Where the disk is full before the limit is reached, the limit becomes so much of the file; later it grows again. */
const SHRINK = 0.95
const REGROW = 1.02
const SMALLEST_LIMIT = 512 * 1024
/** Failures in a row, other than for want of space, after which the file counts as damaged. */
const MAX_ODD_FAILURES = 3
/** Entries removed at a time when a range is. */
const REMOVAL_STEP = 500

/** One more than the last of them. */
const SHAPES = Math.max(...Object.values(Shape)) + 1

export class LmdbFile implements BatchTarget {
  private readonly options: LmdbFileOptions
  private db: Database
  /** Where eviction goes on. */
  private hand: Uint8Array = WHOLE_STORE[0]
  private isEvicting = false
  private readonly uses: UseSketch
  private lapMs = FIRST_LAP_MS
  private lapBeganMs: number | undefined
  /** Entries that are to go for those that came. */
  private owed = 0
  private narrowStep = NARROW_STEP
  private step = EVICTION_STEP
  private restUntilMs = 0
  private restMs = FIRST_REST_MS
  private oddFailures = 0
  /** The limit in force: sizeMax, or less while the disk is full. */
  private limit: number
  /** As of the last transaction: there is no other writer. */
  private pages: FileStats
  /** The snapshot that was in the way when a transaction was refused. */
  private heldTransaction = -1
  private putsInCommit = 0
  /** Entries put in the transaction under way, and in all that came about, by Shape. */
  private readonly putNow = new Float64Array(SHAPES)
  readonly written = new Float64Array(SHAPES)
  /** A histogram of how long steps of eviction took, by BUCKETS. */
  readonly evictionTimes = new Float64Array(BUCKETS.length + 2)
  private budget = new PageBudget()
  private readonly counted = {
    commits: 0,
    failedCommits: 0,
    refusedCommits: 0,
    repeatedCommits: 0,
    reopenings: 0,
    full: 0,
    evictedExpired: 0,
    evictedLive: 0,
    clearedReaders: 0,
    evictions: 0,
    evictionMs: 0,
    longestEvictionMs: 0,
    longEvictions: 0,
    longestWaitMs: 0,
    commitMs: 0,
    longestCommitMs: 0,
  }

  /** Differs from that of any other file there ever was: readers see by it that they hold an old one. */
  fileId: string

  /** Octets that are best written at a time: more at once would make the file larger for good. */
  get transactionOctets(): number {
    return Math.min(64 * 1024, Math.max(4 * 1024, this.limit / 4096))
  }

  /** Opens the file, or makes a fresh one where there is none that can be trusted. Throws only when no file can be made. */
  constructor(options: LmdbFileOptions) {
    this.options = options
    this.limit = options.sizeMax
    this.uses = new UseSketch(options.sizeMax / ENTRY_OCTETS)
    const opened = openTrusted(options)
    this.db = opened.db
    this.fileId = opened.fileId
    this.pages = statsOf(opened.db)
  }

  /** Carries out batches, in one transaction or, if they are much for this file, several. False when not all came about: the
   *  writes of those that did not are lost. */
  write(batches: readonly Uint8Array[]): boolean {
    const most = { octets: this.transactionOctets, writes: this.pagesMax * LARGEST_TRANSACTION }
    let isDone = true
    let holder: Snapshot | undefined
    for (const portion of portionsOf(batches, most)) {
      const isHopeless = this.isResting || holder !== undefined
      const obstacle = isHopeless ? undefined : this.obstacleToWriting(portion)
      if (!isHopeless && obstacle === undefined) isDone = this.writePortion(portion) && isDone
      else {
        isDone = false
        this.counted.failedCommits++
        if (obstacle !== undefined) this.counted.refusedCommits++
        if (obstacle === 'full') this.counted.full++
        else holder ??= obstacle
      }
    }
    if (holder !== undefined) this.heldUpBy(holder)
    return isDone
  }

  private writePortion(portion: Portion): boolean {
    if (this.restMs > FIRST_REST_MS) this.evictStep() // there was trouble; see first whether there is room now
    const startMs = this.options.clock.monotonicMs()
    const done = this.commit(portion, () => {
      this.putsInCommit = 0
      this.putNow.fill(0)
      for (const batch of portion.batches) applyBatch(batch, this)
    })
    if (!done) return false
    for (let shape = 1; shape < SHAPES; shape++) this.written[shape] += this.putNow[shape]
    this.restMs = FIRST_REST_MS
    const tookMs = this.options.clock.monotonicMs() - startMs
    this.counted.commitMs += tookMs
    this.counted.longestCommitMs = Math.max(this.counted.longestCommitMs, tookMs)
    this.makeRoom(this.putsInCommit)
    return true
  }

  /** Removes what the tasks say, each step in one short transaction, so that others can write in between. The number of
   *  entries removed; undefined when some could not be. */
  *purging(tasks: readonly PurgeTask[]): Generator<void, number | undefined> {
    let removed = 0
    for (const { range, last, only } of tasks) {
      let from = range[0]
      for (;;) {
        const keys: Uint8Array[] = []
        let seen: Uint8Array | undefined
        let looked = 0
        const step = last ? { reverse: true, limit: 1 } : { limit: REMOVAL_STEP }
        for (const { key, value } of this.range(from, range[1], step)) {
          seen = key
          looked++
          if (only?.(key, value) ?? true) keys.push(key)
        }
        if (keys.length > 0 && !this.removeAll(keys, looked)) return undefined
        removed += keys.length
        yield
        if (last || looked < REMOVAL_STEP || seen === undefined) break
        from = justAfter(seen)
      }
    }
    return removed
  }

  /** Counts up each time something was cleared: who holds older data in memory lets go of it. */
  get generation(): number {
    const found = this.db.getBinary(GENERATION_KEY)
    return found?.length === 4 ? Buffer.from(found).readUInt32BE() : 0
  }

  countGeneration(): boolean {
    const next = Buffer.alloc(4)
    next.writeUInt32BE((this.generation + 1) >>> 0)
    const work = { writes: 1, octets: GENERATION_KEY.length + next.length, longOctets: 0 }
    return this.commit(work, () => void this.db.put(GENERATION_KEY, next))
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.db.getBinary(key)
  }

  /** As Store.range() does; keys and values are the caller's. */
  range(from: Uint8Array, to: Uint8Array, { reverse = false, limit }: RangeOptions = {}): StoredPair[] {
    const ends = reverse ? { start: to, end: from, reverse, inclusiveEnd: true } : { start: from, end: to }
    const found: StoredPair[] = []
    for (const { key, value } of this.db.getRange(ends)) {
      if (reverse && Buffer.compare(key, to) >= 0) continue // `lmdb` takes the start in
      if (found.length === limit) break
      found.push({ key: key.slice(), value: value.slice() })
    }
    return found
  }

  /** Partitions that have an entry. */
  partitions(): number[] {
    const found: number[] = []
    for (let next = 0; next < META_PARTITION; ) {
      const [first] = this.range(Uint8Array.of(next), WHOLE_STORE[1], { limit: 1 })
      if (first === undefined || first.key[0] >= META_PARTITION) break
      found.push(first.key[0])
      next = first.key[0] + 1
    }
    return found
  }

  /** To be called every few seconds: clears what dead readers left, and sees whether the disk has room again. */
  tidy(): void {
    this.limit = Math.min(this.options.sizeMax, this.limit * REGROW)
    this.clearReaders()
  }

  /** Clears the slots of readers that died, whose snapshots would keep pages from being used again. Gives their number;
   *  best called when a process is known to be gone. */
  clearReaders(): number {
    try {
      const cleared = this.db.readerCheck()
      this.counted.clearedReaders += cleared
      return cleared
    } catch (error) {
      this.failed(error)
      return 0
    }
  }

  /** One step of eviction if there is too much in the file. True when another is needed. */
  evictStep(): boolean {
    return !this.isResting && this.isOverLimit() && this.evict() > 0 && this.isOverLimit()
  }

  /** Gives the number of entries evicted. */
  private evict(): number {
    const isNarrow = this.limit < this.options.sizeMax
    let step = isNarrow ? this.narrowStep : Math.min(this.step, Math.max(NARROW_STEP, this.pages.entryCount >> 5))
    let obstacle = this.obstacleTo(removalOf(step, this.pages))
    for (; obstacle === 'full' && step > NARROW_STEP; obstacle = this.obstacleTo(removalOf(step, this.pages)))
      step >>= 1
    if (obstacle !== undefined && obstacle !== 'full') return 0
    const startMs = this.options.clock.monotonicMs()
    const chunk: Candidate[] = []
    try {
      for (const { key, value } of this.db.getRange({ start: this.hand, end: WHOLE_STORE[1], limit: step }))
        chunk.push(candidateOf(key, value, this.uses.of(key)))
    } catch (error) {
      this.failed(error)
      return 0
    }
    const last = chunk.at(-1)
    if (last === undefined || chunk.length < step) this.beginLap(startMs)
    else this.hand = justAfter(last.key)
    const { keys, expired } = chooseEvicted(chunk, {
      nowMs: this.options.clock.wallMs(),
      share: isNarrow ? 1 : Math.min(LARGEST_SHARE, Math.max(EVICTED_SHARE, this.owed / chunk.length)),
      lapMs: this.lapMs,
    })
    const done = this.removeAll(keys, chunk.length)
    if (isNarrow)
      this.narrowStep = Math.min(NARROW_STEP, Math.max(2, done ? this.narrowStep * 2 : this.narrowStep >> 1))
    this.timeEviction(this.options.clock.monotonicMs() - startMs)
    if (!done) return 0
    this.counted.evictedExpired += expired
    this.counted.evictedLive += keys.length - expired
    this.owed = Math.max(0, this.owed - keys.length)
    return keys.length
  }

  /** `keys` are among so many that are next to each other. */
  private removeAll(keys: readonly Uint8Array[], among: number): boolean {
    return this.commit(removalOf(among, this.pages), () => {
      for (const key of keys) this.db.remove(key)
    })
  }

  private beginLap(nowMs: number): void {
    if (this.lapBeganMs !== undefined) this.lapMs = Math.max(SHORTEST_LAP_MS, nowMs - this.lapBeganMs)
    this.lapBeganMs = nowMs
    this.hand = WHOLE_STORE[0]
  }

  private timeEviction(tookMs: number): void {
    this.counted.evictions++
    this.counted.evictionMs += tookMs
    observe(this.evictionTimes, 0, tookMs)
    this.counted.longestEvictionMs = Math.max(this.counted.longestEvictionMs, tookMs)
    if (tookMs > EVICTION_MS) {
      this.counted.longEvictions++
      this.step = Math.max(SMALLEST_STEP, this.step >> 1)
    } else if (tookMs < EVICTION_MS / 2) this.step = Math.min(EVICTION_STEP, this.step + STEP_GROWTH)
  }

  stats(): LmdbFileStats {
    const stats = statsOf(this.db)
    return {
      entries: stats.entryCount,
      usedBytes: usedPages(stats) * stats.pageSize,
      fileBytes: (stats.lastPageNumber + 1) * stats.pageSize,
      ...this.counted,
    }
  }

  /** Closes the file in order, flushed to disk, so that it is trusted after any restart. */
  async close(): Promise<void> {
    const { path, bootId } = this.options
    await this.db.close()
    try {
      flushToDisk(path)
      writeState(path, { phase: 'clean', bootId, attempts: 0 })
    } catch (error) {
      this.options.log('cache-not-flushed', { path, error: String(error) }, 'The cache could not be flushed to disk.')
    }
  }

  // ---- the operations of a batch; only inside a transaction -------------------------------------------------------------

  put(key: Uint8Array, value: Uint8Array): void {
    this.putsInCommit++
    if (key.length > MAX_KEY || key[0] === META_PARTITION) return
    this.db.put(key, value)
    const shape = shapeOf(value)
    if (shape < SHAPES) this.putNow[shape]++
    this.uses.note(key, 1)
  }

  remove(key: Uint8Array): void {
    if (key.length <= MAX_KEY && key[0] !== META_PARTITION) this.db.remove(key)
  }

  touch(key: Uint8Array): void {
    this.uses.note(key, USES_PER_TOUCH)
  }

  /** Gives the number of entries removed. */
  removeRange(from: Uint8Array, to: Uint8Array): number {
    const end = Buffer.compare(to, WHOLE_STORE[1]) < 0 ? to : WHOLE_STORE[1]
    if (from.length === 0 || from.length > MAX_KEY || end.length > MAX_KEY) return 0
    let removed = 0
    for (;;) {
      const keys = [...this.db.getKeys({ start: from, end, limit: REMOVAL_STEP })]
      for (const key of keys) this.db.remove(key)
      removed += keys.length
      if (keys.length < REMOVAL_STEP) return removed
    }
  }

  // ---- inside -----------------------------------------------------------------------------------------------------------

  /** LMDB now and then refuses a transaction although nothing is wrong ("reserved freelist had a data entry with
   *  zero-size": it looks at a record of free pages that need not be there). Nothing has been written then, and it has
   *  forgotten the list in memory that misled it, so the next attempt comes about. If not, the file is opened anew. */
  private commit(work: Work, action: () => void): boolean {
    const attempts = [
      () => {},
      () => void this.counted.repeatedCommits++,
      () => {
        this.options.log(
          'cache-reopened',
          { path: this.options.path },
          'The cache is closed, checked and opened again.',
        )
        this.reopen()
      },
    ]
    for (const [index, prepare] of attempts.entries()) {
      try {
        prepare()
        const before = this.pages
        this.db.transactionSync(action)
        this.pages = statsOf(this.db)
        this.budget.note(pagesFor(work, before), before, this.pages)
        this.counted.commits++
        this.oddFailures = 0
        return true
      } catch (error) {
        if (!isWantOfSpace(error) && index + 1 < attempts.length) continue
        this.failed(error)
        return false
      }
    }
    return false
  }

  /** Evicts faster than is put, so that a flood of new entries does not outrun it: at most one step as long as that is
   *  enough, of which more goes the more there is to be made up for. */
  private makeRoom(puts: number): void {
    if (!this.isOverLimit()) {
      this.owed = 0
      return
    }
    this.owed += puts * EVICTED_PER_PUT
    const most = Math.max(EVICTION_STEP, (this.limit / ENTRY_OCTETS) * MOST_OWED)
    if (this.owed < this.step * EVICTED_SHARE) return
    const startMs = this.options.clock.monotonicMs()
    while (this.evict() > 0 && this.owed > most && this.isOverLimit());
    this.counted.longestWaitMs = Math.max(this.counted.longestWaitMs, this.options.clock.monotonicMs() - startMs)
  }

  /** What might take the file beyond its limit; makes room if that helps. */
  private obstacleToWriting(portion: Portion): Obstacle | undefined {
    const work = { ...portion, writes: portion.writes + this.entriesIn(portion.ranges) }
    const kept = this.pagesMax * KEPT_FOR_EVICTION
    let obstacle = this.obstacleTo(work, kept)
    for (let steps = STEPS_FOR_ROOM; obstacle === 'full' && steps > 0 && this.evict() > 0; steps--)
      obstacle = this.obstacleTo(work, kept)
    return obstacle
  }

  private entriesIn(ranges: Portion['ranges']): number {
    return ranges.reduce((sum, { from, to }) => sum + this.db.getKeysCount({ start: from, end: to }), 0)
  }

  private heldUpBy(holder: Snapshot): void {
    const { path, sizeMax } = this.options
    const isHungUp = holder.transaction === this.heldTransaction // others let go within milliseconds
    this.heldTransaction = holder.transaction
    if (!isHungUp) return
    if (this.restMs === FIRST_REST_MS)
      this.options.log(
        'cache-held',
        { path, fileBytes: this.stats().fileBytes, sizeMax, holder: holder.pid },
        `Nothing can be stored while process ${holder.pid} holds on to old pages of the cache: the file would outgrow its limit.`,
      )
    this.rest()
  }

  /** What might take the file beyond its limit if the work, and `kept` pages more, were done. A reader, perhaps a stopped
   *  process, that holds an old snapshot: pages that were given back are not used again then, and each transaction makes the
   *  file grow, those that evict no less than others. Or that it is full. */
  private obstacleTo(work: Work, kept = 0): Obstacle | undefined {
    const { pages } = this
    const wanted = pagesFor(work, pages) + kept
    const left = this.pagesMax - (pages.lastPageNumber + 1)
    if (wanted <= left) return undefined
    const oldest = oldestSnapshot(this.db.readerList())
    const growth = this.budget.growth(wanted, work, pages, oldest?.transaction)
    if (growth === 0 || growth <= left) return undefined
    const isOld = oldest !== undefined && pages.lastTxnId - oldest.transaction >= 2
    if (!isOld) return 'full'
    return this.clearReaders() > 0 ? this.obstacleTo(work, kept) : oldest
  }

  /** Pages the file may have. */
  private get pagesMax(): number {
    return Math.floor(this.options.sizeMax / this.pages.pageSize)
  }

  private get isResting(): boolean {
    return this.options.clock.monotonicMs() < this.restUntilMs
  }

  private rest(): void {
    this.restUntilMs = this.options.clock.monotonicMs() + this.restMs
    this.restMs = Math.min(this.restMs * 2, LONGEST_REST_MS)
  }

  private isOverLimit(): boolean {
    const used = usedPages(this.pages) * this.pages.pageSize
    this.isEvicting = used > this.limit * (this.isEvicting ? LOW_WATER : HIGH_WATER)
    return this.isEvicting
  }

  /** A transaction or a read failed. Want of space passes, or eviction mends it; anything else that stays means that the
   *  file is damaged. */
  private failed(error: unknown): void {
    const { path, log } = this.options
    const isFirst = this.restMs === FIRST_REST_MS
    this.counted.failedCommits++
    this.rest()
    const message = error instanceof Error ? error.message : String(error)
    if (isWantOfSpace(error)) {
      this.counted.full++
      if (isFirst)
        log('cache-no-space', { path, error: message }, 'The cache file cannot grow: there is no space left.')
      this.limit = Math.min(
        this.limit,
        Math.max((this.pages.lastPageNumber + 1) * this.pages.pageSize * SHRINK, SMALLEST_LIMIT),
      )
      return
    }
    log('cache-write-failed', { path, error: message }, 'The cache could not be written.')
    if (++this.oddFailures >= MAX_ODD_FAILURES) this.replace(message)
  }

  /** Closes the file and opens it again if it is whole; else sets it aside. */
  private reopen(): void {
    this.counted.reopenings++
    void this.db.close()
    const opened = openExisting(this.options)
    if (typeof opened === 'string') setAside(this.options, opened)
    this.use(typeof opened === 'string' ? openFresh(this.options) : opened)
  }

  /** Sets the damaged file aside while running; readers learn of it by the new file's id. */
  private replace(reason: string): void {
    void this.db.close()
    setAside(this.options, reason)
    this.use(openFresh(this.options))
  }

  private use(opened: Opened): void {
    this.db = opened.db
    this.fileId = opened.fileId
    this.oddFailures = 0
    this.hand = WHOLE_STORE[0]
    this.pages = statsOf(opened.db)
    this.budget = new PageBudget()
  }
}

type Obstacle = Snapshot | 'full'

interface Snapshot {
  pid: number
  transaction: number
}

/** The oldest of the snapshots that readers hold, from LMDB's table of them: lines of process, thread and transaction, which
 *  is `-` where there is none now. */
function oldestSnapshot(table: string): Snapshot | undefined {
  let oldest: Snapshot | undefined
  for (const [, pid, transaction] of table.matchAll(/^\s*(\d+)\s+\S+\s+(\d+)\s*$/gm))
    if (oldest === undefined || Number(transaction) < oldest.transaction)
      oldest = { pid: Number(pid), transaction: Number(transaction) }
  return oldest
}

// ---- opening --------------------------------------------------------------------------------------------------------------

interface Opened {
  db: Database
  fileId: string
}

/** How a worker opens the file. */
export function readerOptions(path: string, sizeMax: number): RootDatabaseOptionsWithPath {
  return { ...commonOptions(path, sizeMax), readOnly: true }
}

function writerOptions(path: string, sizeMax: number): RootDatabaseOptionsWithPath {
  return { ...commonOptions(path, sizeMax), noSync: true, overlappingSync: false, noMemInit: true }
}

function commonOptions(path: string, sizeMax: number): RootDatabaseOptionsWithPath {
  return {
    path,
    noSubdir: true,
    keyEncoding: 'binary',
    encoding: 'binary',
    maxReaders: MAX_READERS,
    // Only address space. `lmdb` makes the map larger by itself when it must; better that it need not.
    mapSize: Math.ceil(Math.max(sizeMax * 4, 256 * 1024 * 1024) / 0x10000) * 0x10000,
  }
}

/** The file as it was left, if it can be trusted; else a fresh one. */
function openTrusted(options: LmdbFileOptions): Opened {
  const { path, bootId, log } = options
  mkdirSync(dirname(path), { recursive: true })
  const state = readState(path)
  if (fileSize(path) > 0) {
    const wasKilled = state !== undefined && state.phase !== 'clean'
    if (state === undefined || (wasKilled && state.bootId !== bootId)) {
      const reason = state === undefined ? 'its state is unknown' : 'the machine went down while it was open'
      removeFile(path)
      log('cache-discarded', { path, reason }, `The cache may be torn and is begun anew: ${reason}.`)
    } else if (wasKilled && state.attempts >= MAX_OPENING_ATTEMPTS) {
      setAside(options, `the keeper died ${state.attempts} times while opening it`)
    }
  }
  if (fileSize(path) === 0) return openFresh(options)
  const attempts = state?.phase === 'opening' ? state.attempts + 1 : 1
  writeState(path, { phase: 'opening', bootId, attempts })
  const opened = openExisting(options)
  if (typeof opened === 'string') {
    setAside(options, opened)
    return openFresh(options)
  }
  writeState(path, { phase: 'open', bootId, attempts: 0 })
  return opened
}

/** The file opened, or what is wrong with it. */
function openExisting({ path, sizeMax, newFileId }: LmdbFileOptions): Opened | string {
  let db: Database | undefined
  try {
    const damage = findDamage(path)
    if (damage !== undefined) return damage
    db = open<Uint8Array, Uint8Array>(writerOptions(path, sizeMax))
    const stats = db.getStats() as { [field: string]: number }
    if (stats.entryCount === 0) return { db, fileId: mark(db, newFileId()) } // made, but never written to
    const fileId = readFileId(db)
    if (fileId === undefined) throw new Error(`it is not of format ${STORE_FORMAT} and this byte order`)
    return { db, fileId }
  } catch (error) {
    void db?.close()
    return error instanceof Error ? error.message : String(error)
  }
}

function openFresh({ path, sizeMax, bootId, newFileId }: LmdbFileOptions): Opened {
  removeFile(path)
  writeState(path, { phase: 'opening', bootId, attempts: 1 })
  const db = open<Uint8Array, Uint8Array>(writerOptions(path, sizeMax))
  const fileId = mark(db, newFileId())
  writeState(path, { phase: 'open', bootId, attempts: 0 })
  return { db, fileId }
}

/** Out of the way, but there to be looked at; only the last such file is kept. */
function setAside({ path, log }: LmdbFileOptions, reason: string): void {
  const aside = `${path}.damaged`
  rmSync(aside, { force: true })
  renameSync(path, aside)
  removeFile(path)
  log('cache-set-aside', { path, aside, reason }, `The cache is set aside and begun anew: ${reason}.`)
}

/** The lock file goes, too: it belongs to that one data file, and old readers of it keep theirs. */
function removeFile(path: string): void {
  rmSync(path, { force: true })
  rmSync(`${path}-lock`, { force: true })
}

function fileSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function statsOf(db: Database): FileStats {
  return db.getStats() as FileStats
}

// ---- the mark every file bears ----------------------------------------------------------------------------------------------

/** No cache partition has this number; here stands what the file says of itself. */
const META_PARTITION = 255
const GENERATION_KEY = Uint8Array.of(META_PARTITION, META_PARTITION, ...Buffer.from('generation'))
const MARK_KEY = Uint8Array.of(META_PARTITION, META_PARTITION, ...Buffer.from('bowline'))
/** Format, byte order (LMDB's own pages are in that of the machine), and what follows is the file's id. */
const MARK = Uint8Array.of(STORE_FORMAT, ...new Uint8Array(Uint32Array.of(0x01020304).buffer))

function mark(db: Database, fileId: string): string {
  db.transactionSync(() => void db.put(MARK_KEY, Buffer.concat([MARK, Buffer.from(fileId)])))
  return fileId
}

/** The id of a file of this format and byte order; undefined when it is not one. */
export function readFileId(db: Database): string | undefined {
  const found = db.getBinary(MARK_KEY)
  if (found === undefined || found.length <= MARK.length || !MARK.every((octet, i) => found[i] === octet))
    return undefined
  return Buffer.from(found.subarray(MARK.length)).toString()
}

// ---- the state beside the file ------------------------------------------------------------------------------------------------

interface FileState {
  /** `opening` and `open`: whoever wrote this has died since, if nobody has the file open. */
  phase: 'opening' | 'open' | 'clean'
  bootId: string
  /** Times in a row that opening it was begun. */
  attempts: number
}

function readState(path: string): FileState | undefined {
  try {
    const state = JSON.parse(readFileSync(`${path}-state`, 'utf8')) as FileState
    const isWhole = typeof state.phase === 'string' && typeof state.bootId === 'string'
    return isWhole && typeof state.attempts === 'number' ? state : undefined
  } catch {
    return undefined // absent or damaged: nothing is known
  }
}

/** On disk before anything else is done. */
function writeState(path: string, state: FileState): void {
  const temporary = `${path}-state.new`
  const file = openSync(temporary, 'w', 0o640)
  try {
    writeSync(file, `${JSON.stringify(state)}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, `${path}-state`)
  flushToDisk(dirname(path))
}

function flushToDisk(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** ENOSPC, EDQUOT, EFBIG, EIO (what a short write becomes), MDB_MAP_FULL. */
function isWantOfSpace(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: string }
  return (
    [28, 122, 27, 5, -30792, 'ENOSPC', 'EDQUOT'].includes(code as number) || /No space|MAP_FULL/.test(message ?? '')
  )
}
