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
    if (at + HEAD_OCTETS > batch.length) return false
    const operation = batch[at]
    const keyAt = at + HEAD_OCTETS
    const valueAt = keyAt + ((batch[at + 1] << 8) | batch[at + 2])
    at = valueAt + batch[at + 3] * 0x100_0000 + ((batch[at + 4] << 16) | (batch[at + 5] << 8) | batch[at + 6])
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
