/** How are single values written? Numbers, spans and points of time, hex and base 64, as presentation form has them. */

import { fail } from './scanner.ts'

/** The whole number `text`, 0 to `max`. Throws 'bad-text'. */
export function numberFromText(text: string, max: number): number {
  if (!/^\d{1,15}$/.test(text) || Number(text) > max) fail(`"${text}" is not a number from 0 to ${max}`)
  return Number(text)
}

/** Big-endian number of `size` octets, up to 6. */
export function readNumber(octets: Uint8Array, offset: number, size: number): number {
  let value = 0
  for (let i = 0; i < size; i++) value = value * 256 + octets[offset + i]
  return value
}

/** Lower-case hex. */
export function hexText(octets: Uint8Array): string {
  return bufferOf(octets).toString('hex')
}

/** Octets of hex digits in either case. Throws 'bad-text'. */
export function hexOctets(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) fail(`"${text}" is not hex`)
  return Uint8Array.from(Buffer.from(text, 'hex'))
}

/** Base 64 with its padding, in one piece (RFC 4648 §4). */
export function base64Text(octets: Uint8Array): string {
  return bufferOf(octets).toString('base64')
}

/** Octets of base 64 with its padding (RFC 4648 §4). Throws 'bad-text'. */
export function base64Octets(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) fail(`"${text}" is not base 64`)
  return Uint8Array.from(Buffer.from(text, 'base64'))
}

/** Seconds of `3600`, `1h`, `1w2d3h4m5s`; undefined when `text` is no such thing or passes 32 bits. */
export function secondsFromText(text: string): number | undefined {
  if (!/^(?:\d+[smhdw])*(?:\d+[smhdw]?)$/i.test(text)) return undefined
  const units: Record<string, number> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
  let total = 0
  for (const [, digits, unit] of text.matchAll(/(\d+)([smhdw]?)/gi)) total += Number(digits) * units[unit.toLowerCase()]
  return total <= 0xffffffff ? total : undefined
}

/** YYYYMMDDHHmmSS of a time in seconds since 1970, which RRSIGs bear modulo 2^32: the years 1970 to 2106. */
export function timestampText(time: number): string {
  const day = Math.floor(time / 86_400)
  const second = time % 86_400
  let year = 1970
  while (firstDayOf(year + 1, 1) <= day) year++
  let month = 1
  while (month < 12 && firstDayOf(year, month + 1) <= day) month++
  const parts = [
    month,
    day - firstDayOf(year, month) + 1,
    Math.floor(second / 3600),
    Math.floor(second / 60) % 60,
    second % 60,
  ]
  return year + parts.map((part) => String(part).padStart(2, '0')).join('')
}

/** Seconds since 1970, modulo 2^32, of YYYYMMDDHHmmSS or of a plain number; undefined when `text` is neither. */
export function timestampFromText(text: string): number | undefined {
  if (/^\d{1,10}$/.test(text)) return Number(text) <= 0xffffffff ? Number(text) : undefined
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text)
  if (parts === null) return undefined
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number)
  if (year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60) return undefined
  const days = firstDayOf(year, month) + day - 1
  if (days >= firstDayOf(month === 12 ? year + 1 : year, (month % 12) + 1)) return undefined
  return (days * 86_400 + hour * 3600 + minute * 60 + second) % 2 ** 32
}

const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]

/** Days from 1 January 1970 to the first of a month of the Gregorian calendar. */
function firstDayOf(year: number, month: number): number {
  const leapYearsBefore = (y: number) => Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400)
  const isLeap = leapYearsBefore(year) > leapYearsBefore(year - 1)
  const leapDays = leapYearsBefore(year - 1) - leapYearsBefore(1969) + (isLeap && month > 2 ? 1 : 0)
  return (year - 1970) * 365 + leapDays + DAYS_BEFORE_MONTH[month - 1]
}

function bufferOf(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length)
}
