/** The store that all workers share: an LMDB file of which every worker is a reader, and the keeper the only writer.
 *  What is put goes to the keeper in one batch a turn of the event loop, fire and forget; until the keeper says that it
 *  is in the file, this process finds it in an overlay.
 *
 *  A read sees the file as of the start of this turn, about: `lmdb` lets go of its snapshot by a timer once the turn
 *  is over, so no old snapshot keeps the keeper from using pages again, and the next turn's reads see what is new. */

import { open, type RootDatabase } from 'lmdb'
import type { Clock } from '../io/interfaces.ts'
import { copyOctets } from '../wire/pool.ts'
import { BatchWriter, Operation } from './batch.ts'
import { WHOLE_STORE } from './keys.ts'
import { readerOptions, readFileId } from './lmdb-file.ts'
import { keyFromText, keyText } from './ordered-keys.ts'
import { Overlay, type OverlayLimits, REMOVED } from './overlay.ts'
import { MAX_KEY, type RangeOptions, type Store, type StoredPair, type StoreStats } from './store.ts'

/** The way to the keeper. */
export interface Outlet {
  /** Hands a batch over, to keep; acknowledge() tells later that it, and all before it, is in the file. False: it cannot
   *  be taken now. */
  send(sequence: number, batch: Uint8Array): boolean
  /** Calls `flush` once, when the work of this turn of the event loop is done. */
  schedule(flush: () => void): void
}

export interface LmdbStoreOptions {
  /** Of the file `data.mdb`. */
  path: string
  clock: Clock
  outlet: Outlet
  /** Octets the keeper lets the file grow to. */
  sizeMax: number
  overlay?: Partial<OverlayLimits>
}

export interface LmdbStoreStats extends StoreStats {
  /** Entries that only this process knows of yet. */
  pending: number
  /** Reads that failed, with the last reason. The file is damaged, or there is none. */
  readErrors: number
  lastError: string | undefined
}

/** While nobody takes batches the overlay has to do; it is sized for a keeper that is away for some seconds, and for one
 *  that comes back late if little is learnt meanwhile. */
const DEFAULT_OVERLAY: OverlayLimits = { entries: 65_536, bytes: 16 * 1024 * 1024, ageMs: 60_000 }

export class LmdbStore implements Store {
  private readonly options: LmdbStoreOptions
  private readonly overlay: Overlay
  private readonly batch = new BatchWriter()
  private db: RootDatabase<Uint8Array, Uint8Array> | undefined
  /** Which file is open: the keeper gives each one it makes an id of its own. Until connected() names one, none is: the
   *  one that lies there may be torn or damaged, which the keeper finds out. */
  private fileId: string | undefined
  private sequence = 1
  private isScheduled = false
  private isClosed = false
  /** Writes that no store could take. */
  private refused = 0
  private readErrors = 0
  private lastError: string | undefined

  constructor(options: LmdbStoreOptions) {
    this.options = options
    this.overlay = new Overlay({ ...DEFAULT_OVERLAY, ...options.overlay })
  }

  get(key: Uint8Array): Uint8Array | undefined {
    if (!this.overlay.isEmpty) {
      const pending = this.overlay.get(key, this.options.clock)
      if (pending !== undefined) return pending === REMOVED ? undefined : pending
    }
    const { db } = this
    if (db === undefined) return undefined
    try {
      const found = db.getBinaryFast(key) as (Uint8Array & { length: number }) | undefined
      // `lmdb` gives its own buffer, of which only the first `lastSize` octets are the value.
      return found?.subarray(0, (db as unknown as { lastSize: number }).lastSize)
    } catch (error) {
      return this.readFailed(error)
    }
  }

  *range(from: Uint8Array, to: Uint8Array, options: RangeOptions = {}): Generator<StoredPair> {
    const reverse = options.reverse === true
    const first = keyText(from)
    const end = keyText(to)
    let left = options.limit ?? Number.POSITIVE_INFINITY
    const file = this.fileRange(from, to, reverse)
    try {
      let stored = file.next()
      let own = this.pendingFrom(reverse ? end : first, reverse, true, first, end)
      while (left > 0) {
        const storedText = stored.done === true ? undefined : keyText(stored.value.key)
        if (own === undefined && storedText === undefined) return
        const ownIsNext =
          storedText === undefined || (own !== undefined && (reverse ? own >= storedText : own <= storedText))
        if (ownIsNext && own !== undefined) {
          if (own === storedText) stored = file.next() // what is pending counts
          const value = this.overlay.valueAt(own)
          if (value !== undefined) {
            left--
            yield { key: keyFromText(own), value }
          }
          own = this.pendingFrom(own, reverse, false, first, end)
        } else {
          const pair = stored.value as StoredPair
          if (!this.overlay.isInRange(storedText!)) {
            left--
            yield pair
          }
          stored = file.next()
        }
      }
    } finally {
      file.return?.(undefined)
    }
  }

  put(key: Uint8Array, value: Uint8Array): void {
    if (this.isClosed || key.length === 0 || key.length > MAX_KEY) {
      this.refused++
      return
    }
    this.overlay.set(key, copyOctets(value, 0, value.length), this.sequence, this.options.clock.monotonicMs())
    this.add(Operation.PUT, key, value)
  }

  remove(key: Uint8Array): void {
    if (this.isClosed || key.length === 0 || key.length > MAX_KEY) return
    this.overlay.set(key, undefined, this.sequence, this.options.clock.monotonicMs())
    this.add(Operation.REMOVE, key, NOTHING)
  }

  touch(key: Uint8Array): void {
    if (!this.isClosed && key.length <= MAX_KEY) this.add(Operation.TOUCH, key, NOTHING)
  }

  removeRange(from: Uint8Array, to: Uint8Array): void {
    if (this.isClosed || keyText(from) >= keyText(to)) return
    this.overlay.setRange(from, to, this.sequence, this.options.clock.monotonicMs())
    this.add(Operation.REMOVE_RANGE, from, to)
  }

  clear(): void {
    this.removeRange(...WHOLE_STORE)
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    this.flush()
    this.isClosed = true
    await this.closeFile()
  }

  stats(): LmdbStoreStats {
    const { readErrors, lastError } = this
    const dropped = this.refused + this.overlay.lost
    const pending = this.overlay.size
    let entries = pending
    let bytes = 0
    try {
      const stats = this.db?.getStats() as { [field: string]: number } | undefined
      if (stats !== undefined) {
        entries += stats.entryCount
        bytes = (stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages) * stats.pageSize
      }
    } catch (error) {
      this.readFailed(error)
    }
    return { entries, bytes, dropped, pending, readErrors, lastError }
  }

  // ---- what the keeper's side says ------------------------------------------------------------------------------------

  /** All batches up to `sequence` are in the file. */
  acknowledge(sequence: number): void {
    if (this.isClosed) return
    this.db?.resetReadTxn() // this turn's snapshot may be older than that
    this.overlay.acknowledge(sequence)
  }

  /** The keeper can be reached (again) and keeps the file of this id. What it may not have taken is sent once more. */
  connected(fileId: string): void {
    if (this.isClosed) return
    if (fileId !== this.fileId) {
      void this.closeFile()
      this.openFile()
    }
    this.overlay.expire(this.options.clock.monotonicMs())
    this.sendAgain(0)
  }

  /** There is room again after a batch was refused: what could not be handed over is, now. */
  resume(): void {
    if (!this.isClosed) this.sendAgain(this.overlay.unsentFrom)
  }

  /** Sends what waits for the end of the turn now. */
  handOver(): void {
    this.flush()
  }

  /** Reads from now on see the file as it is now. */
  renewView(): void {
    this.db?.resetReadTxn()
  }

  /** Something was cleared: what could not be handed over before must not come back later. */
  forgetUnsent(): void {
    if (this.overlay.unsentFrom === Number.POSITIVE_INFINITY) this.renewView()
    else this.forgetPending()
  }

  /** Lets go of what the keeper may not have taken. */
  forgetPending(): void {
    this.batch.take()
    this.overlay.acknowledge(Number.POSITIVE_INFINITY)
    this.overlay.unsentFrom = Number.POSITIVE_INFINITY
    this.renewView()
  }

  // ---- the file -------------------------------------------------------------------------------------------------------

  private openFile(): void {
    try {
      this.db = open<Uint8Array, Uint8Array>(readerOptions(this.options.path, this.options.sizeMax))
      this.fileId = readFileId(this.db)
      if (this.fileId === undefined) void this.closeFile() // not a file of the keeper's making, or of another version
    } catch (error) {
      this.db = undefined // connected() tries again
      this.readFailed(error)
    }
  }

  private async closeFile(): Promise<void> {
    const { db } = this
    this.db = undefined
    this.fileId = undefined
    await db?.close()
  }

  private *fileRange(from: Uint8Array, to: Uint8Array, reverse: boolean): Generator<StoredPair, undefined> {
    const { db } = this
    if (db === undefined) return
    try {
      const options = reverse ? { start: to, end: from, reverse, inclusiveEnd: true } : { start: from, end: to }
      for (const pair of db.getRange(options)) {
        if (reverse && Buffer.compare(pair.key, to) >= 0) continue // `lmdb` takes the start in
        yield pair
      }
    } catch (error) {
      this.readFailed(error)
    }
  }

  /** The next pending key from `text` on, in [first, end). */
  private pendingFrom(
    text: string,
    reverse: boolean,
    inclusive: boolean,
    first: string,
    end: string,
  ): string | undefined {
    const next = reverse ? this.overlay.before(text) : this.overlay.after(text, inclusive)
    return next !== undefined && next >= first && next < end ? next : undefined
  }

  private readFailed(error: unknown): undefined {
    this.readErrors++
    this.lastError = error instanceof Error ? error.message : String(error)
    return undefined
  }

  // ---- batches --------------------------------------------------------------------------------------------------------

  private add(operation: Operation, key: Uint8Array, value: Uint8Array): void {
    this.batch.add(operation, key, value)
    if (this.batch.octets >= FLUSH_OCTETS) this.flush()
    else this.scheduleFlush()
  }

  private scheduleFlush(): void {
    if (this.isScheduled) return
    this.isScheduled = true
    this.options.outlet.schedule(() => {
      this.isScheduled = false
      this.flush()
    })
  }

  private flush(): void {
    if (this.batch.operations === 0 || this.isClosed) return
    this.handOverBatch(this.sequence++)
    if (!this.overlay.isEmpty) this.overlay.expire(this.options.clock.monotonicMs())
  }

  /** After one that was refused all others have to wait, in the overlay: they are sent in order. */
  private handOverBatch(sequence: number): void {
    const batch = this.batch.take()
    if (sequence >= this.overlay.unsentFrom || this.options.outlet.send(sequence, batch)) return
    this.overlay.unsentFrom = sequence
  }

  private sendAgain(from: number): void {
    if (from === Number.POSITIVE_INFINITY) return
    this.batch.take() // all of it is in the overlay, too
    this.overlay.unsentFrom = Number.POSITIVE_INFINITY
    for (const sequence of this.overlay.rewritten(from, this.sequence, this.batch, FLUSH_OCTETS)) {
      this.sequence = sequence + 1
      this.handOverBatch(sequence)
    }
  }
}

/** A batch as large as this does not wait for the end of the turn. */
const FLUSH_OCTETS = 64 * 1024
const NOTHING = new Uint8Array(0)
