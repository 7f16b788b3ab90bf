/** The set of RR types an owner has, as NSEC, NSEC3 and CSYNC tell it (RFC 4034 §4.1.2), and as NXT did (RFC 2535 §5.2). */

import { WireError } from './error.ts'
import type { Field } from './rdata-field.ts'
import { fail, type Scanner } from './scanner.ts'
import { typeFromText, typeText } from './types.ts'

/** To the end of the RDATA: windows of up to 256 types, each `window, octets, bits`. */
export const typeBitmap: Field = {
  measure(octets, offset, end) {
    for (let at = offset, lastWindow = -1; at < end; at += 2 + octets[at + 1]) {
      const length = octets[at + 1]
      if (octets[at] <= lastWindow) throw new WireError('bad-rdata', 'the windows of a type bitmap are out of order')
      if (at + 2 > end || length < 1 || length > 32 || at + 2 + length > end)
        throw new WireError('bad-rdata', 'a window of a type bitmap has a wrong length')
      lastWindow = octets[at]
    }
    return end - offset
  },
  print: (rdata, offset, end) => typesInBitmap(rdata.subarray(offset, end)).map(typeText).join(' '),
  parse(words, out) {
    out.append(bitmapOfTypes(parseTypes(words)))
  },
}

/** To the end of the RDATA: one bit for each of the types 0 to 127, of which 0 must be clear. */
export const nxtBitmap: Field = {
  measure(octets, offset, end) {
    const length = end - offset
    if (length > 16 || (length > 0 && (octets[offset] & 0x80) !== 0))
      throw new WireError('bad-rdata', 'the bitmap of an NXT record is none')
    return length
  },
  print(rdata, offset, end) {
    const types: number[] = []
    for (let type = 0; type < (end - offset) * 8; type++) if (isBitSet(rdata, offset, type)) types.push(type)
    return types.map(typeText).join(' ')
  },
  parse(words, out) {
    const types = parseTypes(words)
    if (types.some((type) => type === 0 || type > 127)) fail('an NXT record knows the types 1 to 127 only')
    if (types.length > 0) out.append(bits(types))
  },
}

/** Is the bit of `type` set in a type bitmap? Allocates nothing; `bitmap` may be a view. */
export function bitmapHas(bitmap: Uint8Array, type: number): boolean {
  for (let at = 0; at + 2 <= bitmap.length; at += 2 + bitmap[at + 1]) {
    if (bitmap[at] !== type >> 8) continue
    const octet = (type & 0xff) >> 3
    return octet < bitmap[at + 1] && isBitSet(bitmap, at + 2, type & 0xff)
  }
  return false
}

/** All types of a type bitmap, ascending. */
export function typesInBitmap(bitmap: Uint8Array): number[] {
  const types: number[] = []
  for (let at = 0; at + 2 <= bitmap.length; at += 2 + bitmap[at + 1]) {
    for (let low = 0; low < bitmap[at + 1] * 8; low++)
      if (isBitSet(bitmap, at + 2, low)) types.push((bitmap[at] << 8) | low)
  }
  return types
}

/** The type bitmap of a set of types, in any order. */
export function bitmapOfTypes(types: Iterable<number>): Uint8Array {
  const windows = new Map<number, number[]>()
  for (const type of [...types].sort((a, b) => a - b)) {
    const window = windows.get(type >> 8) ?? []
    windows.set(type >> 8, window)
    window.push(type & 0xff)
  }
  const octets: number[] = []
  for (const [window, types] of windows) {
    const map = bits(types)
    octets.push(window, map.length, ...map)
  }
  return Uint8Array.from(octets)
}

/** One bit for each of `numbers`, the most significant of the first octet being number 0; no longer than it must be. */
function bits(numbers: number[]): Uint8Array {
  const octets = new Uint8Array((Math.max(...numbers) >> 3) + 1)
  for (const number of numbers) octets[number >> 3] |= 0x80 >> (number & 7)
  return octets
}

function isBitSet(octets: Uint8Array, offset: number, number: number): boolean {
  return (octets[offset + (number >> 3)] & (0x80 >> (number & 7))) !== 0
}

function parseTypes(words: Scanner): number[] {
  const types: number[] = []
  for (let word = words.next(); word !== undefined; word = words.next())
    types.push(typeFromText(word.text) ?? fail(`"${word.text}" is no RR type`))
  return types
}
