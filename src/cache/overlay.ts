/** What this process has written but not yet seen in the shared file: its own reads look here first. Bounded in number,
 *  octets and age, because the keeper may be gone for a while. */

import type { Clock } from '../io/interfaces.ts'
import { type Filed, hashOctets, NameTable } from '../wire/name-table.ts'
import { type BatchWriter, Operation } from './batch.ts'
import { keyFromText, keyText, OrderedKeys } from './ordered-keys.ts'

export interface OverlayLimits {
  entries: number
  bytes: number
  /** An entry nobody has acknowledged for so long was probably never taken. */
  ageMs: number
}

/** One write, between those written before and after it. */
class Pending implements Filed {
  readonly text: string
  readonly hash: number
  nextFiled: this | undefined = undefined
  /** Undefined: removed. */
  value: Uint8Array | undefined
  /** Of the batch it went with. */
  sequence: number
  sinceMs: number
  older: Pending | undefined = undefined
  newer: Pending | undefined = undefined

  constructor(text: string, hash: number, value: Uint8Array | undefined, sequence: number, sinceMs: number) {
    this.text = text
    this.hash = hash
    this.value = value
    this.sequence = sequence
    this.sinceMs = sinceMs
  }

  get octets(): number {
    return this.text.length + (this.value?.length ?? 0)
  }
}

interface PendingRange {
  from: string
  to: string
  sequence: number
  sinceMs: number
}

/** Removed here, whatever the file says. */
export const REMOVED = Symbol('removed')

export class Overlay {
  private readonly limits: OverlayLimits
  private readonly pending = new NameTable<Pending>()
  /** In the order of sequence: what is written again is the newest. */
  private oldest: Pending | undefined
  private newest: Pending | undefined
  private readonly order = new OrderedKeys()
  /** Ranges removed; what was put into one of them later stands in `pending`. */
  private ranges: PendingRange[] = []
  private bytes = 0
  /** Entries let go of that were never handed over. */
  lost = 0
  /** The first batch that could not be handed over; Infinity: there is none. */
  unsentFrom = Number.POSITIVE_INFINITY

  constructor(limits: OverlayLimits) {
    this.limits = limits
  }

  get isEmpty(): boolean {
    return this.pending.size === 0 && this.ranges.length === 0
  }

  get size(): number {
    return this.pending.size
  }

  /** The value put at this key, REMOVED, or undefined: the file knows. */
  get(key: Uint8Array, clock: Clock): Uint8Array | typeof REMOVED | undefined {
    const found = this.find(key, hashOctets(key))
    if (found !== undefined) {
      const nowMs = clock.monotonicMs()
      if (nowMs - found.sinceMs <= this.limits.ageMs) return found.value ?? REMOVED
      this.expire(nowMs)
    }
    return this.ranges.length > 0 && this.isInRange(keyText(key)) ? REMOVED : undefined
  }

  /** Takes note of a write; `value` undefined: removed. Keeps `value`. */
  set(key: Uint8Array, value: Uint8Array | undefined, sequence: number, nowMs: number): void {
    const hash = hashOctets(key)
    const old = this.find(key, hash)
    let text: string
    if (old === undefined) {
      text = keyText(key)
      this.order.add(text)
    } else {
      text = old.text
      this.unlink(old)
    }
    const entry = new Pending(text, hash, value, sequence, nowMs)
    this.pending.add(entry)
    entry.older = this.newest
    if (this.newest === undefined) this.oldest = entry
    else this.newest.newer = entry
    this.newest = entry
    this.bytes += entry.octets
    while (this.pending.size > this.limits.entries || this.bytes > this.limits.bytes) {
      if (this.oldest === undefined) break
      this.letGo(this.oldest)
    }
  }

  setRange(from: Uint8Array, to: Uint8Array, sequence: number, nowMs: number): void {
    const first = keyText(from)
    const end = keyText(to)
    for (let at = this.order.after(first, true); at !== undefined && at < end; at = this.order.after(first, true))
      this.drop(this.at(at) as Pending)
    this.ranges.push({ from: first, to: end, sequence, sinceMs: nowMs })
    if (this.ranges.length > MAX_RANGES) this.ranges.shift()
  }

  /** Batches up to this one can be seen in the file now. */
  acknowledge(sequence: number): void {
    while (this.oldest !== undefined && this.oldest.sequence <= sequence) this.drop(this.oldest)
    if (this.ranges.length > 0) this.ranges = this.ranges.filter((range) => range.sequence > sequence)
  }

  /** Lets go of what has waited too long. */
  expire(nowMs: number): void {
    const sinceMs = nowMs - this.limits.ageMs
    while (this.oldest !== undefined && this.oldest.sinceMs < sinceMs) this.letGo(this.oldest)
    if (this.ranges.length > 0) this.ranges = this.ranges.filter((range) => range.sinceMs >= sinceMs)
  }

  /** Puts what is pending of the batches from `from` on into new ones: into `batch`, each of about `octets`, the first of
   *  number `sequence`. Gives the number of each as it is full; whoever asks for the next has taken it. Ranges go first:
   *  an entry that is still here was put after them. */
  *rewritten(from: number, sequence: number, batch: BatchWriter, octets: number): Generator<number> {
    for (const range of this.ranges) {
      if (range.sequence < from) continue
      range.sequence = sequence
      batch.add(Operation.REMOVE_RANGE, keyFromText(range.from), keyFromText(range.to))
    }
    let first = this.newest
    while (first?.older !== undefined && first.older.sequence >= from) first = first.older
    for (let entry = first; entry !== undefined; entry = entry.newer) {
      if (entry.sequence < from) continue // the only one that is older
      entry.sequence = sequence
      if (entry.value === undefined) batch.add(Operation.REMOVE, keyFromText(entry.text), NOTHING)
      else batch.add(Operation.PUT, keyFromText(entry.text), entry.value)
      if (batch.octets >= octets) yield sequence++
    }
    if (batch.operations > 0) yield sequence
  }

  /** The first pending key at or after `key` (or only after it), for range reads. */
  after(key: string, inclusive: boolean): string | undefined {
    return this.order.after(key, inclusive)
  }

  /** The last pending key before `key`. */
  before(key: string): string | undefined {
    return this.order.before(key)
  }

  /** What is pending at a key that after() or before() gave; undefined: it is removed. */
  valueAt(text: string): Uint8Array | undefined {
    return this.at(text)?.value
  }

  isInRange(text: string): boolean {
    return this.ranges.some((range) => text >= range.from && text < range.to)
  }

  private at(text: string): Pending | undefined {
    const key = keyFromText(text)
    return this.find(key, hashOctets(key))
  }

  private find(key: Uint8Array, hash: number): Pending | undefined {
    let entry = this.pending.first(hash)
    while (entry !== undefined && (entry.hash !== hash || !isText(entry.text, key))) entry = entry.nextFiled
    return entry
  }

  private letGo(entry: Pending): void {
    if (entry.sequence >= this.unsentFrom) this.lost++
    this.drop(entry)
  }

  private drop(entry: Pending): void {
    this.unlink(entry)
    this.order.delete(entry.text)
  }

  private unlink(entry: Pending): void {
    const { older, newer } = entry
    if (older === undefined) this.oldest = newer
    else older.newer = newer
    if (newer === undefined) this.newest = older
    else newer.older = older
    entry.older = entry.newer = undefined
    this.pending.remove(entry)
    this.bytes -= entry.octets
  }
}

function isText(text: string, key: Uint8Array): boolean {
  if (text.length !== key.length) return false
  for (let i = key.length - 1; i >= 0; i--) if (text.charCodeAt(i) !== key[i]) return false
  return true
}

/** More purges than this at a time: the oldest is trusted to have been carried out. */
const MAX_RANGES = 64
const NOTHING = new Uint8Array(0)
