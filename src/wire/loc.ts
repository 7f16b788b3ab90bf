/** Where on Earth an owner is: the LOC record, all of whose RDATA is one field (RFC 1876 §2 wire, §3 text). */

import { WireError } from './error.ts'
import type { Field } from './rdata-field.ts'
import { fail, type Scanner } from './scanner.ts'
import { readNumber } from './text-values.ts'

/** The equator and the prime meridian, in thousandths of a second of arc. */
const ZERO_ANGLE = 2 ** 31
/** Altitudes count up from 100,000 m below the WGS 84 spheroid, in centimetres. */
const ZERO_ALTITUDE = 10_000_000

/** Latitude, longitude and altitude, with how exactly they are known. */
export const location: Field = {
  measure(octets, offset, end) {
    if (offset < end && octets[offset] !== 0) throw new WireError('bad-rdata', 'a LOC record is of an unknown version')
    return 16
  },

  print(rdata, offset) {
    const [size, horizontal, vertical] = rdata.subarray(offset + 1, offset + 4)
    return [
      angleText(readNumber(rdata, offset + 4, 4), 'N', 'S', 90),
      angleText(readNumber(rdata, offset + 8, 4), 'E', 'W', 180),
      `${((readNumber(rdata, offset + 12, 4) - ZERO_ALTITUDE) / 100).toFixed(2)}m`,
      ...[size, horizontal, vertical].map(precisionText),
    ].join(' ')
  },

  parse(words, out) {
    const latitude = parseAngle(words, 'N', 'S', 90)
    const longitude = parseAngle(words, 'E', 'W', 180)
    const altitude = parseCentimetres(words, 'an altitude') + ZERO_ALTITUDE
    if (altitude < 0 || altitude > 0xffffffff) fail('an altitude is out of range')
    out.u8(0)
    for (const standard of [100, 1_000_000, 1000]) // §3: 1 m, 10,000 m and 10 m unless said otherwise
      out.u8(precisionOctet(words.peek() === undefined ? standard : parseCentimetres(words, 'a precision')))
    out.u32(latitude)
    out.u32(longitude)
    out.u32(altitude)
  },
}

/** Degrees, minutes, seconds and the half of the globe. */
function angleText(wire: number, above: string, below: string, limit: number): string {
  const thousandths = Math.abs(wire - ZERO_ANGLE)
  if (thousandths > limit * 3_600_000) throw new WireError('bad-rdata', 'a LOC record points off the globe')
  const degrees = Math.floor(thousandths / 3_600_000)
  const minutes = Math.floor(thousandths / 60_000) % 60
  const seconds = ((thousandths % 60_000) / 1000).toFixed(3)
  return `${degrees} ${minutes} ${seconds} ${wire >= ZERO_ANGLE ? above : below}`
}

/** `d [m [s]] N`, as 32 bits of wire form. */
function parseAngle(words: Scanner, above: string, below: string, limit: number): number {
  let thousandths = 0
  for (const [unit, most] of [
    [3_600_000, limit],
    [60_000, 59],
    [1000, 59.999],
    [0, 0],
  ]) {
    const { text } = words.take('a latitude or longitude')
    if (unit < 3_600_000 && text.toUpperCase() === above) return ZERO_ANGLE + bounded(thousandths, limit)
    if (unit < 3_600_000 && text.toUpperCase() === below) return ZERO_ANGLE - bounded(thousandths, limit)
    const isWritten = unit === 1000 ? /^\d+(\.\d{1,3})?$/ : /^\d+$/
    if (unit === 0 || !isWritten.test(text) || Number(text) > most)
      fail(`"${text}" is no part of a latitude or longitude`)
    thousandths += Math.round(Number(text) * unit)
  }
  return fail('a latitude or longitude does not end')
}

function bounded(thousandths: number, limit: number): number {
  return thousandths <= limit * 3_600_000 ? thousandths : fail(`an angle is more than ${limit} degrees`)
}

/** `-24m`, `10.50m`, `30`: metres, as centimetres. */
function parseCentimetres(words: Scanner, what: string): number {
  const { text } = words.take(what)
  const [, metres] = /^(-?\d{1,8}(?:\.\d{1,2})?)m?$/i.exec(text) ?? fail(`"${text}" is not ${what} in metres`)
  return Math.round(Number(metres) * 100)
}

/** Two digits of four bits: mantissa and power of ten, in centimetres. */
function precisionText(octet: number): string {
  const mantissa = octet >> 4
  const exponent = octet & 15
  if (mantissa > 9 || exponent > 9) throw new WireError('bad-rdata', 'a precision of a LOC record is no decimal number')
  const centimetres = mantissa * 10 ** exponent
  return centimetres >= 100 ? `${centimetres / 100}m` : `${(centimetres / 100).toFixed(2)}m`
}

/** The octet nearest below: only the first digit is kept. */
function precisionOctet(centimetres: number): number {
  if (centimetres < 0 || centimetres > 9e9) fail('a precision is out of range')
  const exponent = Math.max(0, String(centimetres).length - 1)
  return (Math.floor(centimetres / 10 ** exponent) << 4) | exponent
}
