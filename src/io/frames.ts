/** Where does one DNS message end and the next begin in a TCP stream? Each stands behind its length (RFC 1035 §4.2.2). */

/** A message has at least its header; a shorter frame is a sign that the two ends no longer agree on where they are. */
const LEAST_MESSAGE = 12

export class FrameReader {
  /** Octets of the length that have come: 0, 1 or 2. */
  private lengthOctets = 0
  private length = 0
  /** A message of which only a part has come. */
  private body: Uint8Array | undefined
  private filled = 0

  /**
   * Gives each message that `chunk` completes to `take`: a view of the chunk where it lies in it as a whole, else of its
   * own. Stops when `take` returns false. Returns false when the stream is broken and nothing more can be read from it.
   */
  read(chunk: Uint8Array, take: (message: Uint8Array) => boolean): boolean {
    let offset = 0
    while (offset < chunk.length) {
      if (this.body !== undefined) {
        const part = chunk.subarray(offset, offset + this.body.length - this.filled)
        this.body.set(part, this.filled)
        this.filled += part.length
        offset += part.length
        if (this.filled === this.body.length && !take(this.takeBody(this.body))) return true
        continue
      }
      this.length = (this.length << 8) | chunk[offset++]
      if (++this.lengthOctets < 2) continue
      if (this.length < LEAST_MESSAGE) return false
      if (chunk.length - offset < this.length) {
        this.body = new Uint8Array(this.length)
        this.filled = 0
        continue
      }
      const message = chunk.subarray(offset, (offset += this.length))
      this.startOver()
      if (!take(message)) return true
    }
    return true
  }

  /** Whether a message has begun and not ended. */
  get isMidway(): boolean {
    return this.lengthOctets > 0
  }

  private takeBody(body: Uint8Array): Uint8Array {
    this.startOver()
    return body
  }

  private startOver(): void {
    this.lengthOctets = 0
    this.length = 0
    this.body = undefined
  }
}

/** `message` behind its length, to be sent as one write (RFC 7766 §8). A copy. */
export function frameMessage(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(2 + message.length)
  framed[0] = message.length >> 8
  framed[1] = message.length
  framed.set(message, 2)
  return framed
}
