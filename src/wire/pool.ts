/** HOT: where do small copies live? Up to 64 octets V8 keeps a typed array inside its own heap, for some 35 ns. A longer
 *  one gets memory of its own from the C library, for 600 to 1000 ns: more than parsing the record it is for. So the
 *  longer ones are cut from a common piece, which is given up when it is full and never used twice.
 *    piece   | copy | copy | copy |  free ...  |      PIECE octets, all zero where free
 *  The price: a copy that is kept keeps its whole piece. */

const PIECE = 8192
/** Longest copy cut from a piece, in octets. */
const LONGEST = PIECE / 4
/** Longest array V8 keeps in its heap, in octets. */
const IN_HEAP = 64

let piece = new Uint8Array(PIECE)
let used = 0

/** Views of the beginning of one buffer, each made once and given again for the same length: a view takes as much memory
 *  as what most of them show. For those who hand a view out for the time of a call. */
export class Beginnings {
  readonly #buffer: Uint8Array
  readonly #views: (Uint8Array | undefined)[] = []

  constructor(buffer: Uint8Array) {
    this.#buffer = buffer
  }

  /** The first `length` octets. */
  of(length: number): Uint8Array {
    if (length >= MOST_BEGINNINGS) return this.#buffer.subarray(0, length)
    return (this.#views[length] ??= this.#buffer.subarray(0, length))
  }
}

const MOST_BEGINNINGS = 1024

/** `length` octets, all zero, that nobody else has. Its `buffer` is shared with others. */
export function freshOctets(length: number): Uint8Array {
  if (length <= IN_HEAP || length > LONGEST) return new Uint8Array(length)
  if (used + length > PIECE) {
    piece = new Uint8Array(PIECE)
    used = 0
  }
  const fresh = piece.subarray(used, used + length)
  used += length
  return fresh
}

/** A copy of the octets of `source` from `start` to `end`, which must lie within it. */
export function copyOctets(source: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start
  if (length > IN_HEAP) {
    const long = freshOctets(length)
    long.set(source.subarray(start, end))
    return long
  }
  const short = new Uint8Array(length)
  for (let i = 0; i < length; i++) short[i] = source[start + i]
  return short
}
