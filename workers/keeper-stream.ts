/** What runs on the unix stream socket between a worker and the keeper, as octets.
 *
 *    worker → keeper    length u32 · kind u8 · payload                       length counts what comes after it
 *                         batch          sequence f64 · batch
 *                         done           token u32                           what was asked with that token is done
 *    keeper → worker    length u32 · kind u8 · payload
 *                         hello          version u8 · generation u32 · id of the file
 *                                                                            first of all, and when the file is another
 *                         acknowledge    sequence f64                        it, and all before it, can be read
 *                         settle         token u32                           hand over what you have, then say done
 *                         forget         token u32 · generation u32          something was cleared: keep nothing made of
 *                                                                            it in memory, then say done */

/** Counted up when anything here or in a batch changes, but for hello, which every version understands: during an upgrade the
 *  new workers meet the keeper of the service before theirs. */
export const STREAM_VERSION = 2

/** A longer frame is none of ours. */
export const MAX_FRAME = 16 * 1024 * 1024

const HELLO = 0
const ACKNOWLEDGE = 1
const SETTLE = 2
const FORGET = 3

const BATCH = 0
const DONE = 1

export type KeeperSays =
  | { kind: 'hello'; version: number; generation: number; fileId: string }
  | { kind: 'acknowledge'; sequence: number }
  | { kind: 'settle'; token: number }
  | { kind: 'forget'; token: number; generation: number }

export type WorkerSays = { kind: 'batch'; sequence: number; batch: Uint8Array } | { kind: 'done'; token: number }

export function composeBatch(sequence: number, batch: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafeSlow(13 + batch.length)
  frame.writeUInt32BE(9 + batch.length, 0)
  frame[4] = BATCH
  frame.writeDoubleBE(sequence, 5)
  frame.set(batch, 13)
  return frame
}

export function composeDone(token: number): Buffer {
  return composeNumbers(DONE, token)
}

export function parseWorkerSays(frame: Buffer): WorkerSays | undefined {
  if (frame[0] === BATCH && frame.length >= 9)
    return { kind: 'batch', sequence: frame.readDoubleBE(1), batch: frame.subarray(9) }
  if (frame[0] === DONE && frame.length === 5) return { kind: 'done', token: frame.readUInt32BE(1) }
  return undefined
}

export function composeHello(generation: number, fileId: string): Buffer {
  const id = Buffer.from(fileId)
  const frame = Buffer.alloc(10 + id.length)
  frame.writeUInt32BE(6 + id.length, 0)
  frame[4] = HELLO
  frame[5] = STREAM_VERSION
  frame.writeUInt32BE(generation, 6)
  frame.set(id, 10)
  return frame
}

export function composeSettle(token: number): Buffer {
  return composeNumbers(SETTLE, token)
}

export function composeForget(token: number, generation: number): Buffer {
  return composeNumbers(FORGET, token, generation)
}

function composeNumbers(kind: number, ...numbers: number[]): Buffer {
  const frame = Buffer.alloc(5 + 4 * numbers.length)
  frame.writeUInt32BE(frame.length - 4, 0)
  frame[4] = kind
  for (const [i, number] of numbers.entries()) frame.writeUInt32BE(number, 5 + 4 * i)
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
  if (frame[0] === HELLO && frame.length >= 6)
    return { kind: 'hello', version: frame[1], generation: frame.readUInt32BE(2), fileId: frame.subarray(6).toString() }
  if (frame[0] === SETTLE && frame.length === 5) return { kind: 'settle', token: frame.readUInt32BE(1) }
  if (frame[0] === FORGET && frame.length === 9)
    return { kind: 'forget', token: frame.readUInt32BE(1), generation: frame.readUInt32BE(5) }
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
