/** The OPT record: what the other side can do, and what it tells besides. RFC 6891 (EDNS), RFC 7830 (padding),
 *  RFC 8914 (Extended DNS Errors); all other options are carried as opaque octets. */

import { WireError } from './error.ts'
import type { Reader } from './reader.ts'
import { Ede, EdnsOption, Type } from './types.ts'
import type { Writer } from './writer.ts'

/** One option: its IANA code and its data, a copy. Padding is kept without its octets: that it is there is all it says. */
export interface EdnsOptionValue {
  code: number
  data: Uint8Array
}

/** What an OPT record says. */
export interface Edns {
  /** The largest UDP message its sender takes, in octets, as it came: 0 to 65535. */
  udpSize: number
  /** The upper 8 of 12 bits of the response code. */
  extendedRcode: number
  version: number
  /** DNSSEC OK (RFC 3225). */
  do: boolean
  /** In order of arrival, at most MAX_OPTIONS and MAX_OPTION_OCTETS. Empty when the version is not 0. */
  options: readonly EdnsOptionValue[]
}

/** The EDNS part of a message to be composed. */
export interface OutgoingEdns {
  udpSize: number
  do: boolean
  version?: number
  options?: readonly EdnsOptionValue[]
}

/** Options kept of one OPT record; the rest is ignored. */
export const MAX_OPTIONS = 16
/** Octets of options kept, four octets of code and length each included; what passes that is ignored. */
export const MAX_OPTION_OCTETS = 512

const DO = 0x8000
const NO_DATA = new Uint8Array(0)
/** All that have none share it. */
const NO_OPTIONS: readonly EdnsOptionValue[] = Object.freeze([])

/** Reads the RDATA of an OPT record whose `udpSize` (the CLASS field), `ttl` (the TTL field) and `rdlength` were read
 *  before. Throws WireError 'bad-rdata' when an option runs past the record's end. RFC 6891 §6.1.2 and §6.1.3. */
export function readOpt(reader: Reader, udpSize: number, ttl: number, rdlength: number): Edns {
  const version = (ttl >>> 16) & 0xff
  let options = NO_OPTIONS
  if (version !== 0)
    reader.skip(rdlength) // RFC 6891 §6.1.3: its format is not ours to know; BADVERS will do
  else if (rdlength !== 0) options = readOptions(reader, reader.offset + rdlength)
  return { udpSize, extendedRcode: ttl >>> 24, version, do: (ttl & DO) !== 0, options }
}

function readOptions(reader: Reader, end: number): EdnsOptionValue[] {
  const options: EdnsOptionValue[] = []
  let kept = 0
  while (reader.offset < end) {
    if (end - reader.offset < 4) throw new WireError('bad-rdata', 'an EDNS option is cut short')
    const code = reader.u16()
    const length = reader.u16()
    if (length > end - reader.offset) throw new WireError('bad-rdata', 'an EDNS option runs past its record')
    const octets = code === EdnsOption.PADDING ? 4 : 4 + length
    const wanted = options.length < MAX_OPTIONS && kept + octets <= MAX_OPTION_OCTETS
    if (!wanted || isSecond(code, options) || (code === EdnsOption.EDE && length < 2)) {
      reader.skip(length)
      continue
    }
    kept += octets
    if (code === EdnsOption.PADDING) reader.skip(length)
    options.push({ code, data: code === EdnsOption.PADDING ? NO_DATA : reader.copy(length) })
  }
  return options
}

/** True for the repetition of an option of which only the first counts (as RFC 7873 §5.2 says for cookies). */
function isSecond(code: number, options: readonly EdnsOptionValue[]): boolean {
  switch (code) {
    case EdnsOption.NSID:
    case EdnsOption.CLIENT_SUBNET:
    case EdnsOption.COOKIE:
    case EdnsOption.KEEPALIVE:
    case EdnsOption.PADDING:
      return findOption(options, code) !== undefined
    default:
      return false // Extended DNS Errors may come in numbers (RFC 8914 §2)
  }
}

/** The first option of this code. */
export function findOption(options: readonly EdnsOptionValue[], code: number): EdnsOptionValue | undefined {
  for (let i = 0; i < options.length; i++) if (options[i].code === code) return options[i]
  return undefined
}

/** Octets the OPT record of `edns` takes in a message. */
export function optOctets(edns: OutgoingEdns): number {
  let octets = 11
  if (edns.options !== undefined) for (const { data } of edns.options) octets += 4 + data.length
  return octets
}

/** Writes the OPT record of `edns`, with the upper bits of the 12-bit `rcode`. `padding`: octets of data of a padding
 *  option to be added at the end, -1 for none. RFC 6891 §6.1.2, RFC 7830 §3. */
export function writeOpt(writer: Writer, edns: OutgoingEdns, rcode: number, padding = -1): void {
  writer.u8(0) // owner: the root
  writer.u16(Type.OPT)
  writer.u16(edns.udpSize)
  writer.u8(rcode >>> 4)
  writer.u8(edns.version ?? 0)
  writer.u16(edns.do ? DO : 0)
  writer.u16(optOctets(edns) - 11 + (padding < 0 ? 0 : 4 + padding))
  if (edns.options !== undefined) {
    for (const { code, data } of edns.options) {
      writer.u16(code)
      writer.u16(data.length)
      writer.octets(data)
    }
  }
  if (padding < 0) return
  writer.u16(EdnsOption.PADDING)
  writer.u16(padding)
  writer.octets(new Uint8Array(padding))
}

/** Octets of padding data that bring a message of `octets` (without the padding option) to the next multiple of
 *  `block`, or as near as `limit` allows; -1 when not even an empty option fits. RFC 8467 §4.1. */
export function paddingOctets(octets: number, block: number, limit: number): number {
  const padded = Math.min(Math.ceil((octets + 4) / block) * block, limit)
  return padded < octets + 4 ? -1 : padded - octets - 4
}

const utf8 = new TextDecoder()

/** An Extended DNS Error option. RFC 8914 §2. */
export function edeOption(code: number, text = ''): EdnsOptionValue {
  const extra = Buffer.from(text, 'utf8')
  const data = new Uint8Array(2 + extra.length)
  data[0] = code >>> 8
  data[1] = code
  data.set(extra, 2)
  return { code: EdnsOption.EDE, data }
}

/** What an Extended DNS Error option says; code 0, Other, when it is too short to say anything. `text` is what an
 *  outsider wrote: escape it before printing. RFC 8914 §2. */
export function parseEde(option: EdnsOptionValue): { code: number; text: string } {
  const { data } = option
  if (data.length < 2) return { code: Ede.OTHER, text: '' }
  // RFC 8914 §2: EXTRA-TEXT is not null-terminated, but take it in your stride when it is.
  const end = data[data.length - 1] === 0 ? data.length - 1 : data.length
  return { code: (data[0] << 8) | data[1], text: end > 2 ? utf8.decode(data.subarray(2, end)) : '' }
}
