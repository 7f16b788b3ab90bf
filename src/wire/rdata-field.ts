/**
 * What is a field of RDATA? How long it is on the wire, how it prints and how it is read back from text: each kind says all
 * three in one place. Here are the kinds that many RR types share; rdata-layouts.ts strings them together.
 */

import { WireError } from './error.ts'
import { type Name, nameFromText, nameToText } from './name.ts'
import type { Octets } from './octets.ts'
import { escapeOctets, fail, quotedText, type Scanner, unescapeOctets } from './scanner.ts'
import {
  base64Octets,
  base64Text,
  hexOctets,
  hexText,
  numberFromText,
  readNumber,
  secondsFromText,
  timestampFromText,
  timestampText,
} from './text-values.ts'
import { typeFromText, typeText } from './types.ts'

export interface Field {
  /** How domain names are treated when this field is one. */
  readonly name?: NameRules
  /** The field holds plain names only now and then, or several. */
  readonly holdsNames?: true
  /**
   * Octets the field takes at `offset` of an RDATA that spans `start` to `end`; more than are left when it is cut short,
   * which is for the caller to notice. Throws 'bad-rdata' when the octets break the field's own format.
   */
  measure(octets: Uint8Array, offset: number, end: number, start: number): number
  /** The field's octets, `offset` to `end`, as words of presentation form; '' when there is nothing to write. */
  print(rdata: Uint8Array, offset: number, end: number): string
  /** Takes the field's words and appends its octets to `out`, the RDATA so far. Throws 'bad-text'. */
  parse(words: Scanner, out: Octets): void
}

/** A field that is a number of fixed size. */
export interface NumberField extends Field {
  append(value: number, out: Octets): void
}

/** What the RFCs allow a domain name inside RDATA. */
export interface NameRules {
  /** We may compress it: the types of RFC 1035 alone, which everybody knows (RFC 3597 §4). */
  readonly compresses: boolean
  /** Others may have compressed it, and we are to understand that (RFC 3597 §4). */
  readonly decompresses: boolean
  /** Canonical form has it in lower case (RFC 4034 §6.2, as corrected by RFC 6840 §5.1). */
  readonly folds: boolean
}

/** A name in one of the types of RFC 1035. */
export const name: Field = nameField({ compresses: true, decompresses: true, folds: true })
/** A name in a type from the days when compression was still thought harmless: accepted compressed, never sent so. */
export const legacyName: Field = nameField({ compresses: false, decompresses: true, folds: true })
/** A name that is never compressed, but lower-cased before it is signed. */
export const foldedName: Field = nameField({ compresses: false, decompresses: false, folds: true })
/** A name that is never compressed and signed in the case it has: the rule for every type since RFC 3597. */
export const plainName: Field = nameField({ compresses: false, decompresses: false, folds: false })

/** Plain names to the end of the RDATA. */
export const plainNames: Field = {
  holdsNames: true,
  measure: (octets, offset, end) => measureEach(octets, offset, end, measureName),
  print: (rdata, offset, end) => printEach(rdata, offset, end, plainName).join(' '),
  parse(words, out) {
    while (words.peek() !== undefined) plainName.parse(words, out)
  },
}

/** Whole numbers of 8, 16 and 32 bits, in decimal. */
export const u8: NumberField = numberField(1)
export const u16: NumberField = numberField(2)
export const u32: NumberField = numberField(4)
/** A time of 48 bits, as in TSIG: seconds since 1970 (RFC 8945 §4.2). */
export const u48: NumberField = numberField(6)

/** A 64-bit number in decimal. */
export const u64: Field = {
  measure: () => 8,
  print: (rdata, offset) => viewOf(rdata).getBigUint64(offset).toString(),
  parse(words, out) {
    const { text } = words.take('a number')
    if (!/^\d{1,20}$/.test(text) || BigInt(text) >= 1n << 64n) fail(`"${text}" is not a number below 2^64`)
    out.u32(Number(BigInt(text) >> 32n))
    out.u32(Number(BigInt(text) & 0xffffffffn))
  },
}

/** Seconds, which text may give as `1h30m` (as BIND made customary for RFC 1035 §5.1). */
export const seconds: Field = {
  measure: u32.measure,
  print: u32.print,
  parse(words, out) {
    const { text } = words.take('a number of seconds')
    out.u32(secondsFromText(text) ?? fail(`"${text}" is not a number of seconds`))
  },
}

/** Absolute time as YYYYMMDDHHmmSS in UTC, or in seconds since 1970 (RFC 4034 §3.2). */
export const timestamp: Field = {
  measure: () => 4,
  print: (rdata, offset) => timestampText(viewOf(rdata).getUint32(offset)),
  parse(words, out) {
    const { text } = words.take('a time')
    out.u32(timestampFromText(text) ?? fail(`"${text}" is not a time`))
  },
}

/** A number with names for some values; text may use either. `prints` says which of them we write. */
export function mnemonic(
  number: NumberField,
  registry: Record<string, number>,
  prints: 'name' | 'number' = 'number',
): Field {
  const names = new Map(Object.entries(registry).map(([text, value]) => [String(value), text]))
  return {
    measure: number.measure,
    print(rdata, offset, end) {
      const digits = number.print(rdata, offset, end)
      return prints === 'number' ? digits : (names.get(digits) ?? digits)
    },
    parse(words, out) {
      const value = registry[words.peek()?.text.toUpperCase() ?? '']
      if (value === undefined) return number.parse(words, out)
      words.next()
      number.append(value, out)
    },
  }
}

/** An RR type, written as its mnemonic or TYPEnnn. */
export const rrType: Field = {
  measure: () => 2,
  print: (rdata, offset) => typeText((rdata[offset] << 8) | rdata[offset + 1]),
  parse(words, out) {
    const { text } = words.take('an RR type')
    out.u16(typeFromText(text) ?? (/^\d+$/.test(text) ? numberFromText(text, 0xffff) : fail(`"${text}" is no RR type`)))
  },
}

/** A character-string: up to 255 octets behind a length octet (RFC 1035 §3.3). */
export const characterString: Field = stringField(quotedText)
/** A character-string that is written without quotes, like the tag of CAA (RFC 8659 §4.1.1). */
export const bareString: Field = stringField((octets) => {
  if (octets.length === 0) throw new WireError('bad-rdata', 'a string that is written without quotes is empty')
  return escapeOctets(octets, '"\\();@$ ')
})

/** Character-strings to the end of the RDATA, at least one of them. */
export const characterStrings: Field = {
  measure: (octets, offset, end) => Math.max(1, measureEach(octets, offset, end, measureString)),
  print: (rdata, offset, end) => printEach(rdata, offset, end, characterString).join(' '),
  parse(words, out) {
    do characterString.parse(words, out)
    while (words.peek() !== undefined)
  },
}

/** A character-string that may be missing, at the end of the RDATA. */
export const optionalString: Field = {
  measure: (octets, offset, end) => (offset === end ? 0 : measureString(octets, offset)),
  print: (rdata, offset, end) => (offset === end ? '' : characterString.print(rdata, offset, end)),
  parse(words, out) {
    if (words.peek() !== undefined) characterString.parse(words, out)
  },
}

/** All the rest as one quoted string, which may be longer than 255 octets (RFC 8659 §4.1, RFC 7553 §4.4). */
export const quotedRest: Field = {
  measure: toTheEnd,
  print: (rdata, offset, end) => quotedText(rdata.subarray(offset, end)),
  parse(words, out) {
    out.append(unescapeOctets(words.take('a string').text))
  },
}

/** All the rest in hex; blanks may break it up. */
export const hexRest: Field = {
  measure: toTheEnd,
  print: (rdata, offset, end) => hexText(rdata.subarray(offset, end)).toUpperCase(),
  parse: (words, out) => out.append(hexOctets(words.rest())),
}

/** All the rest in base 64; blanks may break it up. */
export const base64Rest: Field = {
  measure: toTheEnd,
  print: (rdata, offset, end) => base64Text(rdata.subarray(offset, end)),
  parse: (words, out) => out.append(base64Octets(words.rest())),
}

/** `octets` octets as hex numbers of `groupOctets` each, with `separator` between them; leading zeros may be left out. */
export function hexGroups(octets: number, groupOctets: number, separator: string): Field {
  const digits = groupOctets * 2
  const group = new RegExp(`^[0-9a-f]{1,${digits}}$`, 'i')
  return {
    measure: () => octets,
    print: (rdata, offset, end) => {
      const groups: string[] = []
      for (let at = offset; at < end; at += groupOctets) groups.push(hexText(rdata.subarray(at, at + groupOctets)))
      return groups.join(separator)
    },
    parse(words, out) {
      const { text } = words.take('a number in hex')
      const groups = text.split(separator)
      if (groups.length !== octets / groupOctets || !groups.every((part) => group.test(part)))
        fail(`"${text}" is not ${octets} octets in hex with "${separator}" between`)
      for (const part of groups) out.append(hexOctets(part.padStart(digits, '0')))
    },
  }
}

/** Up to 255 octets behind a length octet; one word of text through `print` and `parse`, `-` when there are none. */
export function shortOctets(print: (octets: Uint8Array) => string, parse: (text: string) => Uint8Array): Field {
  return {
    measure: measureString,
    print: (rdata, offset, end) => print(rdata.subarray(offset + 1, end)) || '-',
    parse(words, out) {
      const { text } = words.take('a value')
      const octets = text === '-' ? NOTHING : parse(text)
      if (octets.length > 255) fail(`"${text}" is longer than 255 octets`)
      out.u8(octets.length)
      out.append(octets)
    },
  }
}

/** Up to 65535 octets behind a 16-bit length; as text the length, then base 64 in one word unless the length is 0. */
export const countedBase64: Field = {
  measure: (octets, offset) => 2 + readNumber(octets, offset, 2),
  print: (rdata, offset, end) => `${end - offset - 2} ${base64Text(rdata.subarray(offset + 2, end))}`.trimEnd(),
  parse(words, out) {
    const length = parseNumber(words, 0xffff)
    const octets = length === 0 ? NOTHING : base64Octets(words.take('base 64').text)
    if (octets.length !== length) fail(`${length} octets are announced, but ${octets.length} are there`)
    out.u16(length)
    out.append(octets)
  },
}

/** Octets of the uncompressed name at `offset`. Throws 'bad-rdata' for a compression pointer, and for what is no name. */
export function measureName(octets: Uint8Array, offset: number, end: number): number {
  let at = offset
  while (at < end && octets[at] !== 0) {
    if (octets[at] > 63) throw new WireError('bad-rdata', 'a name inside RDATA is compressed where it must not be')
    at += 1 + octets[at]
  }
  if (at - offset > 254) throw new WireError('bad-rdata', 'a name inside RDATA is longer than 255 octets')
  return at + 1 - offset
}

/** The name a word stands for: `@` and names without a final dot take the origin, when there is one. */
export function parseName(words: Scanner): Name {
  const { text, quoted } = words.take('a name')
  if (text === '@' && !quoted) return words.origin ?? fail('"@" stands for an origin, and none is set')
  const read = nameFromText(text)
  if (words.origin === undefined || endsInPlainDot(text)) return read
  if (read.length - 1 + words.origin.length > 255) fail(`"${text}" with its origin is longer than 255 octets`)
  return Uint8Array.of(...read.subarray(0, -1), ...words.origin)
}

/** True when the last character is a dot that no backslash escapes. */
function endsInPlainDot(text: string): boolean {
  const backslashes = /\\*(?=\.$)/.exec(text)?.[0].length
  return backslashes !== undefined && backslashes % 2 === 0
}

/** The next word as a whole number, 0 to `max`. Throws 'bad-text'. */
export function parseNumber(words: Scanner, max: number): number {
  return numberFromText(words.take('a number').text, max)
}

function toTheEnd(_octets: Uint8Array, offset: number, end: number): number {
  return end - offset
}

function nameField(rules: NameRules): Field {
  return {
    name: rules,
    measure: measureName,
    print: (rdata, offset, end) => nameToText(rdata.subarray(offset, end)),
    parse: (words, out) => out.append(parseName(words)),
  }
}

function numberField(size: 1 | 2 | 4 | 6): NumberField {
  const append = (value: number, out: Octets) => {
    for (let i = size - 1; i >= 0; i--) out.u8(Math.floor(value / 2 ** (8 * i)) % 256)
  }
  return {
    append,
    measure: () => size,
    print: (rdata, offset) => String(readNumber(rdata, offset, size)),
    parse: (words, out) => append(parseNumber(words, 2 ** (8 * size) - 1), out),
  }
}

function stringField(print: (octets: Uint8Array) => string): Field {
  return {
    measure: measureString,
    print: (rdata, offset, end) => print(rdata.subarray(offset + 1, end)),
    parse(words, out) {
      const { text } = words.take('a string')
      const octets = unescapeOctets(text)
      if (octets.length > 255) fail(`the string that begins "${text.slice(0, 20)}" is longer than 255 octets`)
      out.u8(octets.length)
      out.append(octets)
    },
  }
}

function measureString(octets: Uint8Array, offset: number): number {
  return 1 + octets[offset]
}

type Measure = (octets: Uint8Array, offset: number, end: number) => number

/** Octets of as many fields as there are up to `end`; past it when the last one is cut short. */
function measureEach(octets: Uint8Array, offset: number, end: number, measure: Measure): number {
  let at = offset
  while (at < end) at += measure(octets, at, end)
  return at - offset
}

function printEach(rdata: Uint8Array, offset: number, end: number, field: Field): string[] {
  const texts: string[] = []
  for (let at = offset; at < end; ) {
    const next = at + field.measure(rdata, at, end, 0)
    texts.push(field.print(rdata, at, next))
    at = next
  }
  return texts
}

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.length)
}

const NOTHING = new Uint8Array(0)
