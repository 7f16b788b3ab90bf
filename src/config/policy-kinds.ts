/** Kinds of settings that rules about names and clients are made of: domain names, subnets, servers, tags. Like those of
 *  settings.ts; modules may use both. */

import ipaddr from 'ipaddr.js'
import * as z from 'zod'
import { familyOf, parseInterface } from './listen.ts'
import { settingInfo } from './settings.ts'
import { parseTimeUs, TIME_PATTERN, timeText } from './units.ts'

const FATAL = { abort: true }

interface Described {
  about: string
  otherwise?: string
  example?: string
}

interface TextKind {
  /** One of them, to follow "allowed:". */
  what: string
  remedy: string
  isRight(text: string): boolean
}

const NAME: TextKind = {
  what: 'a domain name',
  remedy: 'write a name of letters, digits, hyphens and dots, as in example.org; for others, their A-label or \\DDD',
  isRight: (text) =>
    text === '.' ||
    (/^[!-~]+$/.test(text) &&
      text.length <= 1004 &&
      text
        .replace(/\.$/, '')
        .split('.')
        .every((label) => label !== '')),
}

const SUBNET: TextKind = {
  what: 'a subnet or an address, as in 192.0.2.0/24 or 2001:db8::1',
  remedy: 'write the address in numbers and the length of the prefix after a slash, bits after it all 0',
  isRight: (text) => parseSubnet(text) !== undefined,
}

const ADDRESS: TextKind = {
  what: 'an IP address',
  remedy: 'write the address in numbers',
  isRight: (text) => familyOf(text) !== undefined && !text.includes('%'),
}

const SERVER: TextKind = {
  what: 'an IP address, with a port after an @ if it is not 53',
  remedy: 'write the address in numbers, as in 192.0.2.53 or 2001:db8::53@5353; host names are not looked up',
  isRight: (text) => familyOf(parseInterface(text)?.host ?? '') !== undefined,
}

const PIN: TextKind = {
  what: 'a SHA-256 of a public key in base64, 44 characters',
  remedy: 'write it as RFC 7858 §4.2 has it; docs/running.md tells how to find it out',
  isRight: (text) => {
    const octets = Buffer.from(text, 'base64')
    return octets.length === 32 && octets.toString('base64') === text
  },
}

const TAG: TextKind = {
  what: 'a tag of letters, digits, hyphens and underscores',
  remedy: 'write a short word, as in malware',
  isRight: (text) => /^[\w-]{1,64}$/.test(text),
}

/** As in zone files; which mnemonics there are, src/wire knows. */
const RR_TYPE: TextKind = {
  what: 'a record type',
  remedy: 'write it as in a zone file, as AAAA or TYPE65',
  isRight: (text) => /^[a-z][a-z0-9-]{0,15}$/i.test(text),
}

const FILE: TextKind = {
  what: 'a path',
  remedy: 'write a path, in quotes if it looks like a number',
  isRight: (text) => text !== '',
}

export const names = (described: Described) => several(NAME, described)
export const subnets = (described: Described) => several(SUBNET, described)
export const addresses = (described: Described) => several(ADDRESS, described)
export const servers = (described: Described) => several(SERVER, described)
export const pins = (described: Described) => several(PIN, described)
export const tags = (described: Described) => several(TAG, described)
export const rrTypes = (described: Described) => several(RR_TYPE, described)
export const files = (described: Described) => several(FILE, described)

/** One of them, which must be given. */
export const neededSubnet = (described: Described) => needed(SUBNET, described)
export const neededAddress = (described: Described) => needed(ADDRESS, described)
export const neededText = (described: Described) => needed(FILE, described)

function several(kind: TextKind, { about, otherwise = 'none', example }: Described) {
  const one = z
    .string()
    .refine(kind.isRight, FATAL)
    .register(settingInfo, { about, allowed: kind.what, remedy: () => kind.remedy })
  return z
    .union([one, z.array(one)])
    .transform((value) => (typeof value === 'string' ? [value] : value))
    .prefault([])
    .register(settingInfo, {
      about,
      otherwise,
      example,
      allowed: `${kind.what}, or a list of them`,
      remedy: () => kind.remedy,
    })
}

function needed(kind: TextKind, { about, example }: Described) {
  return z
    .string()
    .refine(kind.isRight, FATAL)
    .register(settingInfo, {
      about,
      example,
      otherwise: 'none: it must be given',
      allowed: kind.what,
      remedy: () => kind.remedy,
    })
}

/** One of `values`, or left out. */
export function choiceOrNone<const Values extends readonly [string, ...string[]]>(
  values: Values,
  { about, otherwise = 'none' }: Described,
) {
  return z
    .enum(values)
    .optional()
    .register(settingInfo, {
      about,
      otherwise,
      allowed: values.join(', '),
      remedy: () => `write ${values.slice(0, -1).join(', ')} or ${values.at(-1)}`,
    })
}

/** Several of `values`, or one of them. */
export function choicesOf<const Values extends readonly [string, ...string[]]>(
  values: Values,
  { about, otherwise = 'none' }: Described,
) {
  const one = z
    .enum(values)
    .register(settingInfo, { about, allowed: values.join(', '), remedy: () => `write one of ${values.join(', ')}` })
  return z
    .union([one, z.array(one)])
    .transform((value): Values[number][] => (Array.isArray(value) ? value : [value]))
    .prefault([])
    .register(settingInfo, {
      about,
      otherwise,
      allowed: `${values.join(', ')}, or a list of them`,
      remedy: () => `write one of ${values.join(', ')}; a list begins each of them with "- "`,
    })
}

/** True, false, or left out to mean something else. */
export function flagOrNone({ about, otherwise = 'none' }: Described) {
  return z
    .boolean()
    .optional()
    .register(settingInfo, {
      about,
      otherwise,
      allowed: 'true or false',
      remedy: () => 'write true or false, without quotes',
    })
}

/** One domain name; undefined when left out. */
export function domainNameOrNone({ about, otherwise = 'none', example }: Described) {
  return z
    .string()
    .refine(NAME.isRight, FATAL)
    .optional()
    .register(settingInfo, { about, otherwise, example, allowed: NAME.what, remedy: () => NAME.remedy })
}

/** One domain name, which must be given. */
export function domainName({ about, example }: { about: string; example: string }) {
  return z
    .string()
    .refine(NAME.isRight, FATAL)
    .register(settingInfo, {
      about,
      example,
      otherwise: 'none: it must be given',
      allowed: NAME.what,
      remedy: () => NAME.remedy,
    })
}

/** Where a zone is to be had, which must be given. */
export function zoneUrl({ about, example }: { about: string; example: string }) {
  const isRight = (text: string) => {
    if (text.startsWith('https:') || text.startsWith('file:')) return URL.canParse(text)
    if (text.startsWith('axfr:')) return SERVER.isRight(text.replace(/^axfr:(\/\/)?/, ''))
    return text !== '' && !/^[\w+-]+:/.test(text)
  }
  return z
    .string()
    .refine(isRight, FATAL)
    .register(settingInfo, {
      about,
      example,
      otherwise: 'none: it must be given',
      allowed: 'https: or file: and the rest of a URL, axfr:// and an address, or a path',
      remedy: () => `write it as in ${example}, axfr://192.0.2.1@53 or /var/lib/bowline/root.zone`,
    })
}

/** A number from `min` to `max`, with or without a fraction. */
export function number({ about, fallback, min, max }: { about: string; fallback: number; min: number; max: number }) {
  return z
    .number()
    .min(min)
    .max(max)
    .default(fallback)
    .register(settingInfo, {
      about,
      allowed: `a number from ${min} to ${max}`,
      remedy: () => `write a number from ${min} to ${max}, without quotes`,
    })
}

/** A whole number from `min` to `max`; undefined when left out. */
export function wholeOrNone(bounds: { about: string; otherwise: string; example: number; min: number; max: number }) {
  const { about, otherwise, example, min, max } = bounds
  return z
    .int()
    .min(min)
    .max(max)
    .optional()
    .register(settingInfo, {
      about,
      otherwise,
      example: String(example),
      allowed: `a whole number from ${min} to ${max}`,
      remedy: () => `write a whole number from ${min} to ${max}, without quotes`,
    })
}

/** Written with its unit, read as whole seconds; undefined when left out. */
export function secondsOrNone({ about, otherwise, max }: { about: string; otherwise: string; max: number }) {
  const toSeconds = (written: string) => (parseTimeUs(written) ?? Number.NaN) / 1_000_000
  const fits = (amount: number) => Number.isInteger(amount) && amount >= 0 && amount <= max
  return z
    .string()
    .regex(TIME_PATTERN, FATAL)
    .refine((written) => fits(toSeconds(written)), FATAL)
    .transform(toSeconds)
    .optional()
    .register(settingInfo, {
      about,
      otherwise,
      allowed: `a time up to ${timeText(max * 1_000_000)}, in whole seconds (units s, m, h, d)`,
      remedy: () => 'write a whole number and its unit without a space, as in 5m',
    })
}

/** Text of any length and number of lines; undefined when left out. */
export function textOrNone({ about, otherwise = 'none', example }: Described) {
  return z
    .string()
    .optional()
    .register(settingInfo, {
      about,
      otherwise,
      example,
      allowed: 'text; several lines begin with "|"',
      remedy: () => 'write text, in quotes if it looks like something else',
    })
}

/** A map from domain names to one or several addresses. */
export function addressesByName({ about, example }: { about: string; example: string }) {
  const addressText = z.string().refine(ADDRESS.isRight, FATAL)
  return z
    .record(
      z.string().refine(NAME.isRight, FATAL),
      z.union([addressText, z.array(addressText)]).transform((value) => (typeof value === 'string' ? [value] : value)),
    )
    .prefault({})
    .register(settingInfo, {
      about,
      example,
      otherwise: 'none',
      allowed: 'a map from domain names to an IP address or a list of them',
      remedy: () => 'write each name with its addresses, as in host.example.org: 192.0.2.1',
    })
}

/** Settings of something that is known only when it has been loaded. */
export function anySettings({ about }: Described) {
  return z
    .record(z.string(), z.unknown())
    .prefault({})
    .register(settingInfo, {
      about,
      otherwise: 'none',
      allowed: 'a map of settings',
      remedy: () => 'write each setting as "key: value" on a line of its own',
    })
}

export interface Subnet {
  octets: Uint8Array
  /** Leading bits that count. */
  bits: number
}

/** `192.0.2.0/24` or a single address; undefined when it is none, or has bits set behind the prefix. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address, length, more] = text.split('/')
  const family = familyOf(address)
  if (family === undefined || more !== undefined || address.includes('%')) return undefined
  const octets = Uint8Array.from(ipaddr.parse(address).toByteArray())
  if (length === undefined) return { octets, bits: octets.length * 8 }
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : 999
  if (bits > octets.length * 8) return undefined
  for (let bit = bits; bit < octets.length * 8; bit++) if ((octets[bit >> 3] >> (7 - (bit & 7))) & 1) return undefined
  return { octets, bits }
}

export function isInSubnet(address: Uint8Array, { octets, bits }: Subnet): boolean {
  if (address.length !== octets.length) return false
  const whole = bits >> 3
  for (let at = 0; at < whole; at++) if (address[at] !== octets[at]) return false
  const rest = bits & 7
  return rest === 0 || (address[whole] ^ octets[whole]) >> (8 - rest) === 0
}
