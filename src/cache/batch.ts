/** What a worker tells the keeper to write, as octets. Operations one after another:
 *
 *    operation u8 · key length u16 · value length u32 · key · value          removeRange: from, and to as its value;
 *                                                                            touch: no value, the key was asked for */

export const Operation = { PUT: 1, REMOVE: 2, REMOVE_RANGE: 3, TOUCH: 4 } as const
export type Operation = (typeof Operation)[keyof typeof Operation]

const HEAD_OCTETS = 7

/** Gathers operations until they are taken. */
export class BatchWriter {
  private buffer = new Uint8Array(4096)
  private end = 0
  /** Operations gathered. */
  operations = 0

  /** Octets gathered. */
  get octets(): number {
    return this.end
  }

  add(operation: Operation, key: Uint8Array, value: Uint8Array): void {
    const octets = HEAD_OCTETS + key.length + value.length
    if (this.end + octets > this.buffer.length) this.grow(octets)
    const { buffer } = this
    let to = this.end
    buffer[to++] = operation
    buffer[to++] = key.length >> 8
    buffer[to++] = key.length
    buffer[to++] = value.length >>> 24
    buffer[to++] = value.length >>> 16
    buffer[to++] = value.length >>> 8
    buffer[to++] = value.length
    buffer.set(key, to)
    buffer.set(value, to + key.length)
    this.end += octets
    this.operations++
  }

  /** What was gathered, the caller's to keep; gathering begins anew. */
  take(): Uint8Array {
    const taken = this.buffer.slice(0, this.end)
    this.end = 0
    this.operations = 0
    return taken
  }

  private grow(octets: number): void {
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.end + octets))
    larger.set(this.buffer.subarray(0, this.end))
    this.buffer = larger
  }
}

/** Operations, in order, that one transaction carries out. */
export interface Portion {
  /** Whole batches, and pieces of them; views. */
  batches: Uint8Array[]
  octets: number
  /** Operations that change entries, one each; */
  writes: number
  /** and those that change any number. */
  ranges: { from: Uint8Array; to: Uint8Array }[]
  /** Of the value, if it is too long for one page. */
  longOctets: number
}

const KNOWN = new Set<number>(Object.values(Operation))
/** A page holds no longer value. */
const LONG_VALUE = 4000

/** Batches cut into portions of at most so many octets and writes, or one operation; a long value is by itself. What is damaged is part of a portion: to
 *  be refused when it is carried out. */
export function* portionsOf(
  batches: readonly Uint8Array[],
  most: { octets: number; writes: number },
): Generator<Portion> {
  let portion = emptyPortion()
  for (const batch of batches) {
    let start = 0
    let next = 0
    for (let at = 0; at < batch.length; at = next) {
      const { operation, keyAt, valueAt, end } = headAt(batch, at)
      next = end <= batch.length && keyAt < valueAt && KNOWN.has(operation) ? end : batch.length
      const isLong = next - valueAt > LONG_VALUE
      const isFull = portion.octets + next - at > most.octets || portion.writes + portion.ranges.length >= most.writes
      if ((isFull || isLong || portion.longOctets > 0) && portion.octets > 0) {
        if (at > start) portion.batches.push(batch.subarray(start, at))
        start = at
        yield portion
        portion = emptyPortion()
      }
      portion.octets += next - at
      if (operation === Operation.REMOVE_RANGE)
        portion.ranges.push({ from: batch.subarray(keyAt, valueAt), to: batch.subarray(valueAt, next) })
      else if (operation !== Operation.TOUCH) portion.writes++
      if (isLong) portion.longOctets = next - valueAt
    }
    if (next > start) portion.batches.push(batch.subarray(start))
  }
  if (portion.octets > 0) yield portion
}

function emptyPortion(): Portion {
  return { batches: [], octets: 0, writes: 0, ranges: [], longOctets: 0 }
}

/** The operation that begins at `at`: its kind, and where its key and value are. `end` may be beyond the batch, which is damaged
 *  then. */
function headAt(batch: Uint8Array, at: number): { operation: number; keyAt: number; valueAt: number; end: number } {
  const keyAt = at + HEAD_OCTETS
  const valueAt = keyAt + ((batch[at + 1] << 8) | batch[at + 2])
  const valueOctets = batch[at + 3] * 0x100_0000 + ((batch[at + 4] << 16) | (batch[at + 5] << 8) | batch[at + 6])
  const isWhole = keyAt <= batch.length
  return { operation: batch[at], keyAt, valueAt, end: isWhole ? valueAt + valueOctets : batch.length + 1 }
}

/** What a batch is carried out on. */
export interface BatchTarget {
  put(key: Uint8Array, value: Uint8Array): void
  remove(key: Uint8Array): void
  removeRange(from: Uint8Array, to: Uint8Array): void
  touch?(key: Uint8Array): void
}

/** Carries out a batch; keys and values are views of it. False when it is damaged; what came before the damage is done. */
export function applyBatch(batch: Uint8Array, target: BatchTarget): boolean {
  let at = 0
  while (at < batch.length) {
    const { operation, keyAt, valueAt, end } = headAt(batch, at)
    at = end
    if (at > batch.length || keyAt === valueAt) return false
    const key = batch.subarray(keyAt, valueAt)
    const value = batch.subarray(valueAt, at)
    if (operation === Operation.PUT) target.put(key, value)
    else if (operation === Operation.REMOVE) target.remove(key)
    else if (operation === Operation.REMOVE_RANGE) target.removeRange(key, value)
    else if (operation === Operation.TOUCH) target.touch?.(key)
    else return false
  }
  return true
}
