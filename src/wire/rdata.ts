/**
 * HOT: RDATA between packet and memory. In memory it is always the wire form with its names whole, in the case they came in;
 * this file takes compression off and puts it on (RFC 1035 §4.1.4, RFC 3597 §4) and makes canonical form (RFC 4034 §6.2,
 * RFC 6840 §5.1). Types met on every cache miss have a line of their own; rdata-layouts.ts decides for the rest, and
 * is what those lines are tested against.
 */

import { WireError } from './error.ts'
import { FOLD, type Name } from './name.ts'
import { freshOctets } from './pool.ts'
import { type Layout, layoutFor } from './rdata-layouts.ts'
import type { Reader } from './reader.ts'
import { Type } from './types.ts'
import type { Writer } from './writer.ts'

/**
 * The RDATA of `rdlength` octets that begins at the reader, as a copy without compression; the reader is then behind it.
 * What the resolver itself looks into is checked: addresses, types with names and those of DNSSEC. Other RDATA is passed on
 * as it came, for its users to judge. Throws WireError: 'bad-rdata' when it does not fit its type, has octets left over or
 * a compression pointer where RFC 3597 §4 tells nobody to expect one; 'short' when the packet ends within it.
 */
export function decodeRdata(reader: Reader, type: number, rdlength: number): Uint8Array {
  switch (type) {
    case Type.A:
      return takeAddress(reader, rdlength, 4)
    case Type.AAAA:
      return takeAddress(reader, rdlength, 16)
    case Type.NS:
    case Type.CNAME:
    case Type.PTR:
      return takeName(reader, rdlength)
    case Type.TXT:
    case Type.HINFO:
      return reader.copy(rdlength)
  }
  const layout = layoutFor(type)
  if (layout?.decompresses) return decompress(reader, layout, rdlength)
  if (layout === undefined || !(layout.hasNames || READ_BY_VALIDATOR.has(type))) return reader.copy(rdlength)
  const start = reader.offset
  const rdata = reader.copy(rdlength)
  checkFields(reader.packet, layout, start, start + rdlength)
  return rdata
}

/** Types without names whose fields DNSSEC reads by offset. */
const READ_BY_VALIDATOR: ReadonlySet<number> = new Set([
  Type.DS,
  Type.CDS,
  Type.DNSKEY,
  Type.CDNSKEY,
  Type.NSEC3,
  Type.NSEC3PARAM,
])

/** Writes RDATA, its names compressed where everybody understands that: in the types of RFC 1035 (RFC 3597 §4). */
export function writeRdata(writer: Writer, type: number, rdata: Uint8Array): void {
  switch (type) {
    case Type.A:
    case Type.AAAA:
    case Type.RRSIG:
      writer.octets(rdata)
      return
    case Type.NS:
    case Type.CNAME:
    case Type.PTR:
      writer.name(rdata)
      return
  }
  const layout = layoutFor(type)
  if (!layout?.compresses) {
    writer.octets(rdata)
    return
  }
  let offset = 0
  for (const field of layout.fields) {
    const octets = rdata.subarray(offset, offset + field.measure(rdata, offset, rdata.length, 0))
    if (field.name?.compresses) writer.name(octets)
    else writer.octets(octets)
    offset += octets.length
  }
}

/** The form that is signed and compared: names in lower case for the types that ask for it. `rdata` itself if that is it. */
export function canonicalRdata(rdata: Uint8Array, type: number): Uint8Array {
  const layout = layoutFor(type)
  if (!layout?.folds) return rdata
  let canonical = rdata
  forEachName(rdata, layout, (offset, end, folds) => {
    for (let at = offset; folds && at < end; at++) {
      if (FOLD[canonical[at]] === canonical[at]) continue // length octets, below 'A', fold to themselves
      if (canonical === rdata) canonical = new Uint8Array(rdata)
      canonical[at] = FOLD[canonical[at]]
    }
  })
  return canonical
}

/** The names in `rdata`, as views, in order. Not those of HIP, IPSECKEY and AMTRELAY, which depend on other fields. */
export function namesIn(type: number, rdata: Uint8Array): Name[] {
  const names: Name[] = []
  const layout = layoutFor(type)
  if (layout?.hasNames) forEachName(rdata, layout, (offset, end) => names.push(rdata.subarray(offset, end)))
  return names
}

/** Throws WireError 'bad-rdata' unless `rdata` fits its type to the last octet. Types unknown to us fit always. */
export function checkRdata(type: number, rdata: Uint8Array): void {
  const layout = layoutFor(type)
  if (layout !== undefined) checkFields(rdata, layout, 0, rdata.length)
}

function takeAddress(reader: Reader, rdlength: number, size: number): Uint8Array {
  if (rdlength !== size) throw new WireError('bad-rdata', `an address has ${rdlength} octets instead of ${size}`)
  return reader.copy(size)
}

function takeName(reader: Reader, rdlength: number): Name {
  const end = reader.offset + rdlength
  if (end > reader.end) throw new WireError('short', 'the packet ends within RDATA')
  const name = reader.name()
  if (reader.offset !== end) throw misfit()
  return name
}

/** Field by field, names through the reader, which follows their pointers; what stands between them in one piece. */
function decompress(reader: Reader, layout: Layout, rdlength: number): Uint8Array {
  const { packet } = reader
  const start = reader.offset
  const end = start + rdlength
  if (end > reader.end) throw new WireError('short', 'the packet ends within RDATA')
  const parts: Uint8Array[] = []
  let octets = 0
  let copied = start // all before this is in parts
  for (const field of layout.fields) {
    const at = reader.offset
    if (field.name?.decompresses && at < end) {
      if (copied < at) parts.push(packet.subarray(copied, at))
      const name = reader.name()
      parts.push(name)
      octets += at - copied + name.length
      copied = reader.offset
    } else reader.offset = at + field.measure(packet, at, end, start)
    if (!(reader.offset <= end)) throw misfit()
  }
  if (reader.offset !== end) throw misfit()
  if (copied < end) parts.push(packet.subarray(copied, end))
  return concatenate(parts, octets + end - copied)
}

function concatenate(parts: Uint8Array[], octets: number): Uint8Array {
  const whole = freshOctets(octets)
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

function checkFields(octets: Uint8Array, layout: Layout, start: number, end: number): void {
  let at = start
  for (const field of layout.fields) {
    at += field.measure(octets, at, end, start)
    if (!(at <= end)) throw misfit() // past the end, or not a number for want of a length octet
  }
  if (at !== end) throw misfit()
}

function forEachName(
  rdata: Uint8Array,
  layout: Layout,
  visit: (offset: number, end: number, folds: boolean) => void,
): void {
  let offset = 0
  for (const field of layout.fields) {
    const end = offset + field.measure(rdata, offset, rdata.length, 0)
    if (!(end <= rdata.length)) throw misfit()
    if (field.name !== undefined && end > offset) visit(offset, end, field.name.folds)
    offset = end
  }
}

function misfit(): WireError {
  return new WireError('bad-rdata', 'RDATA does not fit its type')
}
