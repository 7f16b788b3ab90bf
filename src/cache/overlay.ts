/** What this process has written but not yet seen in the shared file: its own reads look here first. Bounded in number,
 *  octets and age, because the keeper may be gone for a while. */

import { type BatchWriter, Operation } from './batch.ts'
import { keyFromText, keyText, OrderedKeys } from './ordered-keys.ts'

export interface OverlayLimits {
  entries: number
  bytes: number
  /** An entry nobody has acknowledged for so long was probably never taken. */
  ageMs: number
}

interface Pending {
  /** Undefined: removed. */
  value: Uint8Array | undefined
  /** Of the batch it went with. */
  sequence: number
  sinceMs: number
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
  /** In the order of sequence: what is written again moves to the end. */
  private readonly pending = new Map<string, Pending>()
  private readonly order = new OrderedKeys()
  /** Ranges removed; what was put into one of them later stands in `pending`. */
  private ranges: PendingRange[] = []
  private bytes = 0

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
  get(key: Uint8Array, nowMs: number): Uint8Array | typeof REMOVED | undefined {
    const text = keyText(key)
    const found = this.pending.get(text)
    if (found !== undefined) {
      if (nowMs - found.sinceMs <= this.limits.ageMs) return found.value ?? REMOVED
      this.expire(nowMs)
    }
    return this.ranges.length > 0 && this.isInRange(text) ? REMOVED : undefined
  }

  /** Takes note of a write; `value` undefined: removed. Keeps `value`. */
  set(key: Uint8Array, value: Uint8Array | undefined, sequence: number, nowMs: number): void {
    const text = keyText(key)
    const old = this.pending.get(text)
    if (old === undefined) this.order.add(text)
    else {
      this.pending.delete(text)
      this.bytes -= text.length + (old.value?.length ?? 0)
    }
    this.pending.set(text, { value, sequence, sinceMs: nowMs })
    this.bytes += text.length + (value?.length ?? 0)
    while (this.pending.size > this.limits.entries || this.bytes > this.limits.bytes) {
      const oldest = this.pending.keys().next().value
      if (oldest === undefined) break
      this.drop(oldest)
    }
  }

  setRange(from: Uint8Array, to: Uint8Array, sequence: number, nowMs: number): void {
    const first = keyText(from)
    const end = keyText(to)
    for (let at = this.order.after(first, true); at !== undefined && at < end; at = this.order.after(first, true))
      this.drop(at)
    this.ranges.push({ from: first, to: end, sequence, sinceMs: nowMs })
    if (this.ranges.length > MAX_RANGES) this.ranges.shift()
  }

  /** Batches up to this one can be seen in the file now. */
  acknowledge(sequence: number): void {
    for (const [text, entry] of this.pending) {
      if (entry.sequence > sequence) break
      this.drop(text)
    }
    if (this.ranges.length > 0) this.ranges = this.ranges.filter((range) => range.sequence > sequence)
  }

  /** Lets go of what has waited too long. */
  expire(nowMs: number): void {
    const sinceMs = nowMs - this.limits.ageMs
    for (const [text, entry] of this.pending) {
      if (entry.sinceMs >= sinceMs) break
      this.drop(text)
    }
    if (this.ranges.length > 0) this.ranges = this.ranges.filter((range) => range.sinceMs >= sinceMs)
  }

  /** Writes all that is pending once more, as part of batch `sequence`. Ranges go first: an entry that is still here
   *  was put after them. */
  writeAll(batch: BatchWriter, sequence: number): void {
    for (const range of this.ranges) {
      range.sequence = sequence
      batch.add(Operation.REMOVE_RANGE, keyFromText(range.from), keyFromText(range.to))
    }
    for (const [text, entry] of this.pending) {
      entry.sequence = sequence
      if (entry.value === undefined) batch.add(Operation.REMOVE, keyFromText(text), NOTHING)
      else batch.add(Operation.PUT, keyFromText(text), entry.value)
    }
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
    return this.pending.get(text)?.value
  }

  isInRange(text: string): boolean {
    return this.ranges.some((range) => text >= range.from && text < range.to)
  }

  private drop(text: string): void {
    const entry = this.pending.get(text)
    if (entry === undefined) return
    this.pending.delete(text)
    this.order.delete(text)
    this.bytes -= text.length + (entry.value?.length ?? 0)
  }
}

/** More purges than this at a time: the oldest is trusted to have been carried out. */
const MAX_RANGES = 64
const NOTHING = new Uint8Array(0)
