/** What runs on the unix stream socket between a worker and the keeper, as octets.
 *
 *    worker → keeper    length u32 · sequence f64 · batch                    length counts what comes after it
 *    keeper → worker    length u32 · kind u8 · payload
 *                         hello          version u8 · id of the file         first of all, and when the file is another
 *                         acknowledge    sequence f64                        it, and all before it, can be read */

/** Counted up when anything here or in a batch changes; keeper and workers of one supervisor are of one version. */
export const STREAM_VERSION = 1

/** A longer frame is none of ours. */
export const MAX_FRAME = 16 * 1024 * 1024

const HELLO = 0
const ACKNOWLEDGE = 1

export type KeeperSays = { kind: 'hello'; version: number; fileId: string } | { kind: 'acknowledge'; sequence: number }

export function composeBatch(sequence: number, batch: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafeSlow(12 + batch.length)
  frame.writeUInt32BE(8 + batch.length, 0)
  frame.writeDoubleBE(sequence, 4)
  frame.set(batch, 12)
  return frame
}

export function parseBatch(frame: Buffer): { sequence: number; batch: Uint8Array } | undefined {
  return frame.length < 8 ? undefined : { sequence: frame.readDoubleBE(0), batch: frame.subarray(8) }
}

export function composeHello(fileId: string): Buffer {
  const id = Buffer.from(fileId)
  const frame = Buffer.alloc(6 + id.length)
  frame.writeUInt32BE(2 + id.length, 0)
  frame[4] = HELLO
  frame[5] = STREAM_VERSION
  frame.set(id, 6)
  return frame
}

export function composeAcknowledge(sequence: number): Buffer {
  const frame = Buffer.alloc(13)
  frame.writeUInt32BE(9, 0)
  frame[4] = ACKNOWLEDGE
  frame.writeDoubleBE(sequence, 5)
  return frame
}

export function parseKeeperSays(frame: Buffer): KeeperSays | undefined {
  if (frame[0] === HELLO && frame.length >= 2)
    return { kind: 'hello', version: frame[1], fileId: frame.subarray(2).toString() }
  if (frame[0] === ACKNOWLEDGE && frame.length === 9) return { kind: 'acknowledge', sequence: frame.readDoubleBE(1) }
  return undefined
}

/** Cuts a stream into the frames that were put in at its other end. */
export class StreamFrames {
  private chunks: Buffer[] = []
  private octets = 0

  /** Takes what arrived; gives the frames that are whole now, without their length. Undefined: this is no such stream. */
  push(chunk: Buffer): Buffer[] | undefined {
    this.chunks.push(chunk)
    this.octets += chunk.length
    const frames: Buffer[] = []
    for (;;) {
      if (this.octets < 4) return frames
      if (this.chunks[0].length < 4) this.chunks = [Buffer.concat(this.chunks)]
      const needed = 4 + this.chunks[0].readUInt32BE(0)
      if (needed > MAX_FRAME) return undefined
      if (this.octets < needed) return frames
      if (this.chunks[0].length < needed) this.chunks = [Buffer.concat(this.chunks)]
      const [first] = this.chunks
      frames.push(first.subarray(4, needed))
      this.octets -= needed
      if (needed < first.length) this.chunks[0] = first.subarray(needed)
      else this.chunks.shift()
    }
  }
}
