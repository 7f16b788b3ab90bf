/** SvcParams: what SVCB and HTTPS records say about an endpoint (RFC 9460 §2.1 text, §2.2 wire, §7 and §8 the keys). */

import { WireError } from './error.ts'
import { addressFromText, addressText } from './ip-address.ts'
import { Octets } from './octets.ts'
import type { Field } from './rdata-field.ts'
import { escapeOctets, fail, quotedText, unescapeOctets, type Word } from './scanner.ts'
import { base64Octets, base64Text, numberFromText, readNumber } from './text-values.ts'

/** Keys of the registry "Service Parameter Keys (SvcParamKeys)". */
export const SvcParamKey = {
  mandatory: 0, // RFC 9460 §8
  alpn: 1, // RFC 9460 §7.1
  'no-default-alpn': 2, // RFC 9460 §7.1
  port: 3, // RFC 9460 §7.2
  ipv4hint: 4, // RFC 9460 §7.3
  ech: 5, // RFC 9848
  ipv6hint: 6, // RFC 9460 §7.3
  dohpath: 7, // RFC 9461 §5
  ohttp: 8, // RFC 9540 §4
  'tls-supported-groups': 9, // draft-ietf-tls-key-share-prediction
  docpath: 10, // RFC 9953
} as const
export type SvcParamKey = (typeof SvcParamKey)[keyof typeof SvcParamKey]

/** How the value of a key reads as text. Both throw when it cannot: `print` WireError 'bad-rdata', `parse` 'bad-text'. */
interface ValueForm {
  /** The text behind the equals sign; undefined when the key stands alone. */
  print(value: Uint8Array): string | undefined
  parse(text: string | undefined): Uint8Array
}

/** To the end of the RDATA: `key, length, value`, keys strictly ascending. What the values say is not judged. */
export const svcParams: Field = {
  measure(octets, offset, end) {
    let at = offset
    for (let lastKey = -1; at + 4 <= end; at += 4 + readNumber(octets, at + 2, 2)) {
      const key = readNumber(octets, at, 2)
      if (key <= lastKey) throw new WireError('bad-rdata', 'SvcParamKeys are not in strictly increasing order')
      lastKey = key
    }
    if (at !== end) throw new WireError('bad-rdata', 'a SvcParam is cut short')
    return end - offset
  },

  print(rdata, offset, end) {
    const texts: string[] = []
    for (let at = offset; at < end; ) {
      const key = readNumber(rdata, at, 2)
      const next = at + 4 + readNumber(rdata, at + 2, 2)
      const value = formOf(key).print(rdata.subarray(at + 4, next))
      texts.push(value === undefined ? keyText(key) : `${keyText(key)}=${value}`)
      at = next
    }
    return texts.join(' ')
  },

  parse(words, out) {
    const params = new Map<number, Uint8Array>()
    for (let word = words.nextPair(); word !== undefined; word = words.nextPair()) {
      const { key, value } = readPair(word)
      if (params.has(key)) fail(`the SvcParamKey ${keyText(key)} appears twice`)
      params.set(key, value)
    }
    checkTogether(params)
    for (const [key, value] of [...params].sort(([a], [b]) => a - b)) {
      out.u16(key)
      out.u16(value.length)
      out.append(value)
    }
  },
}

/** Values that hold each other to account (RFC 9460 §8 for `mandatory`, §7.1.1 for `no-default-alpn`). */
function checkTogether(params: Map<number, Uint8Array>): void {
  for (const key of numbersOf(params.get(SvcParamKey.mandatory) ?? new Uint8Array(0)))
    if (!params.has(key)) fail(`${keyText(key)} is called mandatory and is missing`)
  if (params.has(SvcParamKey['no-default-alpn']) && !params.has(SvcParamKey.alpn)) fail('no-default-alpn needs alpn')
}

function readPair({ text }: Word): { key: number; value: Uint8Array } {
  const [, name, value] = /^([a-z0-9-]+)(?:=(.*))?$/s.exec(text) ?? fail(`"${text}" is no SvcParam`)
  const key = keyFromText(name) ?? fail(`"${name}" is no SvcParamKey`)
  const octets = formOf(key).parse(value)
  if (octets.length > 0xffff) fail(`the value of ${name} is too long`)
  return { key, value: octets }
}

function keyText(key: number): string {
  return Object.keys(SvcParamKey).find((text) => SvcParamKey[text as keyof typeof SvcParamKey] === key) ?? `key${key}`
}

function keyFromText(text: string): number | undefined {
  if (Object.hasOwn(SvcParamKey, text)) return SvcParamKey[text as keyof typeof SvcParamKey]
  const digits = /^key(0|[1-9]\d{0,4})$/.exec(text)?.[1]
  return digits !== undefined && Number(digits) < 0xffff ? Number(digits) : undefined // 65535 is "Invalid key"
}

/** No value at all. */
const noValue: ValueForm = {
  print: (value) => (value.length === 0 ? undefined : misfit('a key that takes no value has one')),
  parse: (text) => (text === undefined ? new Uint8Array(0) : fail('a key that takes no value is given one')),
}

/** Any octets: how keys nobody here knows are written (RFC 9460 §2.1). */
const opaque: ValueForm = {
  print: (value) => (value.length === 0 ? undefined : quotedText(value)),
  parse: (text) => unescapeOctets(text ?? ''),
}

const port: ValueForm = {
  print: (value) => (value.length === 2 ? String(readNumber(value, 0, 2)) : misfit('a port is not 2 octets')),
  parse: (text) => octetsOfNumbers([numberFromText(given(text), 0xffff)]),
}

const base64: ValueForm = {
  print: (value) => (value.length > 0 ? base64Text(value) : misfit('a value is missing')),
  parse: (text) => base64Octets(given(text)),
}

const utf8: ValueForm = { print: quotedText, parse: (text) => unescapeOctets(given(text)) }

/** Keys by name, without repeats, ascending on the wire (RFC 9460 §8). */
const keys: ValueForm = {
  print: (value) => numbersOf(value).map(keyText).join(','),
  parse(text) {
    const numbers = given(text)
      .split(',')
      .map((item) => keyFromText(item) ?? fail(`"${item}" is no SvcParamKey`))
    if (new Set(numbers).size < numbers.length) fail('a key is called mandatory twice')
    if (numbers.includes(SvcParamKey.mandatory)) fail('the key mandatory is never mandatory itself')
    return octetsOfNumbers(numbers.sort((a, b) => a - b))
  },
}

/** 16-bit numbers. */
const numbers: ValueForm = {
  print: (value) => numbersOf(value).join(','),
  parse: (text) =>
    octetsOfNumbers(
      given(text)
        .split(',')
        .map((item) => numberFromText(item, 0xffff)),
    ),
}

/**
 * Octet strings, each behind a length octet. As text they are a comma-separated list inside a character-string, so
 * that a comma or a backslash of an item is escaped twice over (RFC 9460 appendix A.1).
 */
function strings(mayBeEmpty: boolean): ValueForm {
  return {
    print(value) {
      const items: string[] = []
      let at = 0
      for (; at < value.length; at += 1 + value[at])
        items.push(escapeOctets(value.subarray(at + 1, at + 1 + value[at]), ',\\'))
      if (at !== value.length || (items.length === 0 && !mayBeEmpty)) misfit('a list of strings is cut short')
      return `"${items.join(',').replace(/\\(?!\d{3})|"/g, '\\$&')}"`
    },
    parse(text) {
      const out = new Octets()
      for (const item of splitList(unescapeOctets(mayBeEmpty ? (text ?? '') : given(text)))) {
        if (item.length < 1 || item.length > 255) fail(`an item of "${text}" is not 1 to 255 octets long`)
        out.u8(item.length)
        out.append(item)
      }
      return out.toUint8Array()
    },
  }
}

/** Addresses of `size` octets each. */
function addresses(size: 4 | 16): ValueForm {
  return {
    print(value) {
      const items: string[] = []
      for (let at = 0; at < value.length; at += size) items.push(addressText(value.subarray(at, at + size)))
      return value.length > 0 && value.length % size === 0
        ? items.join(',')
        : misfit('a list of addresses is cut short')
    },
    parse(text) {
      const out = new Octets()
      for (const item of given(text).split(',')) {
        const octets = addressFromText(item)
        if (octets?.length !== size) return fail(`"${item}" is not an IPv${size === 4 ? 4 : 6} address`)
        out.append(octets)
      }
      return out.toUint8Array()
    },
  }
}

const FORMS: Record<number, ValueForm> = {
  [SvcParamKey.mandatory]: keys,
  [SvcParamKey.alpn]: strings(false),
  [SvcParamKey['no-default-alpn']]: noValue,
  [SvcParamKey.port]: port,
  [SvcParamKey.ipv4hint]: addresses(4),
  [SvcParamKey.ech]: base64,
  [SvcParamKey.ipv6hint]: addresses(16),
  [SvcParamKey.dohpath]: utf8,
  [SvcParamKey.ohttp]: noValue,
  [SvcParamKey['tls-supported-groups']]: numbers,
  [SvcParamKey.docpath]: strings(true),
}

function formOf(key: number): ValueForm {
  return FORMS[key] ?? opaque
}

/** Items between commas, the commas and backslashes a backslash precedes being part of an item. None if it is empty. */
function splitList(octets: Uint8Array): number[][] {
  if (octets.length === 0) return []
  const items: number[][] = [[]]
  for (let at = 0; at < octets.length; at++) {
    if (octets[at] === COMMA) items.push([])
    else {
      if (octets[at] === BACKSLASH && ++at === octets.length) fail('a list ends in a backslash')
      items[items.length - 1].push(octets[at])
    }
  }
  return items
}

function numbersOf(value: Uint8Array): number[] {
  if (value.length % 2 !== 0) misfit('a list of numbers is cut short')
  return Array.from({ length: value.length / 2 }, (_, index) => readNumber(value, index * 2, 2))
}

function octetsOfNumbers(values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value >> 8, value & 0xff]))
}

function given(text: string | undefined): string {
  return text === undefined || text === '' ? fail('a SvcParam lacks its value') : text
}

function misfit(message: string): never {
  throw new WireError('bad-rdata', message)
}

const COMMA = 0x2c
const BACKSLASH = 0x5c
