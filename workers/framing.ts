/** Cuts a TCP stream into DNS messages: each has its length before it, two octets (RFC 1035 §4.2.2). Segments may end
 *  anywhere, also inside the length (RFC 7766 §8). */

const LENGTH_OCTETS = 2
const EMPTY = Buffer.alloc(0)

/** A message with its length before it, to be written at once (RFC 7766 §8). */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(LENGTH_OCTETS + message.length)
  frame.writeUInt16BE(message.length)
  frame.set(message, LENGTH_OCTETS)
  return frame
}

export class FrameReader {
  #buffer: Buffer = EMPTY
  #start = 0
  #end = 0
  /** Whether #buffer is our own and not the chunk last given. */
  #own = true

  /** Octets of memory this reader holds between two chunks. */
  get held(): number {
    return this.#buffer.length
  }

  /** Takes the next octets of the stream. `chunk` is referred to until settle(). */
  push(chunk: Buffer): void {
    const left = this.#end - this.#start
    if (left === 0) {
      this.#adopt(chunk, 0, chunk.length, false)
      return
    }
    if (!this.#own || this.#start + left + chunk.length > this.#buffer.length) {
      // doubling keeps the copying linear, however small the segments are
      const grown = Buffer.allocUnsafeSlow(Math.max(left + chunk.length, Math.min(2 * left, LENGTH_OCTETS + 65_535)))
      this.#buffer.copy(grown, 0, this.#start, this.#end)
      this.#adopt(grown, 0, left, true)
    }
    chunk.copy(this.#buffer, this.#end)
    this.#end += chunk.length
  }

  /** The next whole message, a view good until the next push(); undefined when there is none yet. */
  next(): Uint8Array | undefined {
    const left = this.#end - this.#start
    if (left < LENGTH_OCTETS) return undefined
    const length = this.#buffer.readUInt16BE(this.#start)
    if (left < LENGTH_OCTETS + length) return undefined
    const begin = this.#start + LENGTH_OCTETS
    this.#start = begin + length
    return this.#buffer.subarray(begin, this.#start)
  }

  /** Whether next() would give a message. */
  get hasNext(): boolean {
    const left = this.#end - this.#start
    return left >= LENGTH_OCTETS && left >= LENGTH_OCTETS + this.#buffer.readUInt16BE(this.#start)
  }

  /** All that was pushed and not taken by next(), a view good until the next push(). */
  rest(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end)
  }

  /** Lets go of the chunk last pushed; keeps what is left of it as a small copy. */
  settle(): void {
    const left = this.#end - this.#start
    if (this.#own && left > 0) return
    this.#adopt(left === 0 ? EMPTY : Buffer.from(this.#buffer.subarray(this.#start, this.#end)), 0, left, true)
  }

  #adopt(buffer: Buffer, start: number, end: number, own: boolean): void {
    this.#buffer = buffer
    this.#start = start
    this.#end = end
    this.#own = own
  }
}
