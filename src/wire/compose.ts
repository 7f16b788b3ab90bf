/** HOT: how does a message we send look on the wire? RFC 1035 §4.1, RFC 2181 §9 (truncation), RFC 6891 (EDNS),
 *  RFC 7830 and RFC 8467 (padding), RFC 8914 §3 (Extended DNS Errors yield to data).
 *  Twin: dns-packet, in test/wire/dns-packet.test.ts. Bench: test/bench/wire.ts. */

import { type EdnsOptionValue, type OutgoingEdns, optOctets, paddingOctets, writeOpt } from './edns.ts'
import { WireError } from './error.ts'
import { HEADER_OCTETS, type Question } from './message.ts'
import { writeRdata } from './rdata.ts'
import type { RRset } from './rrset.ts'
import { EdnsOption, Flag, Rcode, Type } from './types.ts'
import { Writer } from './writer.ts'

export { edeOption, parseEde } from './edns.ts'

/** A message to be sent. */
export interface Outgoing {
  id: number
  /** The second 16-bit word of the header without the response code; see Flag. TC is added when it is needed. */
  flags: number
  /** Up to 12 bits; what needs more than four becomes SERVFAIL in a message without EDNS. */
  rcode: number
  question?: Question
  answer?: readonly RRset[]
  authority?: readonly RRset[]
  additional?: readonly RRset[]
  edns?: OutgoingEdns
}

export interface ComposeOptions {
  /** Octets the message may have at most. */
  limit: number
  /** Signatures go with their sets. Otherwise only when the question is for RRSIG or ANY. */
  dnssec: boolean
  /** When answer or authority do not fit, leave off what does not and set TC. Otherwise that is an error. */
  truncate: boolean
  /** Pad to a multiple of this many octets, if there is an OPT record: for encrypted transports (RFC 8467 §4.1). */
  padBlock?: number
}

/** A query to be sent. */
export interface OutgoingQuery {
  id: number
  flags: number
  question: Question
  edns?: OutgoingEdns
}

const ASK: ComposeOptions = { limit: 65535, dnssec: false, truncate: false }

/** The TCP length prefix has 16 bits (RFC 1035 §4.2.2). */
const MAX_MESSAGE = 65535
/** TC as it stands in the header's third octet. */
const TC_OCTET = Flag.TC >>> 8

// One writer serves all messages: composing never waits for anything, so two never overlap.
const writer = new Writer(new Uint8Array(0))

/** Writes `query` at the start of `buffer`. Gives its octets; throws WireError 'no-room' when the buffer is too small. */
export function composeQuery(buffer: Uint8Array, query: OutgoingQuery): number {
  const { id, flags, question, edns } = query
  return composeMessage(buffer, { id, flags, rcode: Rcode.NOERROR, question, edns }, ASK)
}

/** Writes `message` at the start of `buffer`. Gives its octets.
 *  What does not fit is left off by whole RRsets: from the additional section silently; from answer or authority, and
 *  all after it, with TC set, or with a WireError 'no-room' if `truncate` is false. Also throws that when not even
 *  header, question and a bare OPT record fit. RFC 2181 §9. */
export function composeMessage(buffer: Uint8Array, message: Outgoing, options: ComposeOptions): number {
  const limit = Math.min(options.limit, buffer.length, MAX_MESSAGE)
  const edns = withFittingOptions(message, limit)
  const octets = compose(buffer, message, edns, 0, limit, options)
  const cut = (buffer[2] & ~(message.flags >>> 8) & TC_OCTET) !== 0
  if (!cut || edns?.options === undefined || !edns.options.some(isEde)) return octets
  // RFC 8914 §3: Extended DNS Errors go before any data does, and TC tells that they went.
  const plainer = { ...edns, options: edns.options.filter((option) => !isEde(option)) }
  return compose(buffer, message, plainer, Flag.TC, limit, options)
}

/** The message with this OPT record and these flags set besides its own. */
function compose(
  buffer: Uint8Array,
  message: Outgoing,
  edns: OutgoingEdns | undefined,
  moreFlags: number,
  limit: number,
  options: ComposeOptions,
): number {
  const { question, rcode } = message
  const opt = edns === undefined ? 0 : optOctets(edns)
  writer.reset(buffer, limit - opt)
  writer.u16(message.id)
  writer.u16(0) // flags and counts are known at the end
  writer.u32(0)
  writer.u32(0)
  if (question !== undefined) {
    writer.name(question.name)
    writer.u16(question.type)
    writer.u16(question.class)
  }
  const asksForSignatures = question !== undefined && (question.type === Type.RRSIG || question.type === Type.ANY)
  const signatures = options.dnssec || asksForSignatures // RFC 4035 §3.2.1

  let flags = (message.flags & 0xfff0) | moreFlags
  let answers = 0
  let authorities = 0
  let additionals = 0
  if (message.answer !== undefined) answers = writeSection(message.answer, signatures, options.truncate)
  if (answers < 0) flags |= Flag.TC
  else if (message.authority !== undefined) {
    authorities = writeSection(message.authority, signatures, options.truncate)
    if (authorities < 0) flags |= Flag.TC
  }
  if (answers >= 0 && authorities >= 0 && message.additional !== undefined) {
    additionals = writeAdditional(message.additional, signatures)
  }
  writer.limit = limit
  if (edns !== undefined) {
    const { padBlock } = options
    writeOpt(writer, edns, rcode, padBlock === undefined ? -1 : paddingOctets(writer.offset + opt, padBlock, limit))
    additionals++
  }
  // RFC 6891 §6.1.3: without an OPT record there is no place for more than four bits.
  writer.patchU16(2, flags | (rcode > 0xf && edns === undefined ? Rcode.SERVFAIL : rcode & 0xf))
  writer.patchU16(4, question === undefined ? 0 : 1)
  writer.patchU16(6, answers < 0 ? ~answers : answers)
  writer.patchU16(8, authorities < 0 ? ~authorities : authorities)
  writer.patchU16(10, additionals)
  return writer.offset
}

/** Writes RRsets up to the first that does not fit. Gives the records written: n when all fit, ~n when not. */
function writeSection(rrsets: readonly RRset[], signatures: boolean, truncate: boolean): number {
  let records = 0
  for (let i = 0; i < rrsets.length; i++) {
    const written = truncate ? tryRRset(rrsets[i], signatures) : writeRRset(rrsets[i], signatures)
    if (written < 0) return ~records
    records += written
  }
  return records
}

/** Writes those RRsets that fit. Gives the records written. */
function writeAdditional(rrsets: readonly RRset[], signatures: boolean): number {
  let records = 0
  for (let i = 0; i < rrsets.length; i++) {
    const written = tryRRset(rrsets[i], signatures)
    if (written > 0) records += written
  }
  return records
}

/** Writes all of an RRset, or, when it does not fit, nothing. Gives the records written, -1 when it does not fit. */
function tryRRset(rrset: RRset, signatures: boolean): number {
  const before = writer.mark()
  try {
    return writeRRset(rrset, signatures)
  } catch (error) {
    if (!(error instanceof WireError) || error.code !== 'no-room') throw error
    writer.rollback(before)
    return -1
  }
}

/** Writes the records of an RRset and, if wished, its signatures. Gives their number. */
function writeRRset(rrset: RRset, signatures: boolean): number {
  const { rdatas } = rrset
  for (let i = 0; i < rdatas.length; i++) writeRecord(rrset, rrset.type, rdatas[i])
  if (!signatures) return rdatas.length
  for (let i = 0; i < rrset.signatures.length; i++) writeRecord(rrset, Type.RRSIG, rrset.signatures[i])
  return rdatas.length + rrset.signatures.length
}

function writeRecord(rrset: RRset, type: number, rdata: Uint8Array): void {
  writer.name(rrset.owner)
  writer.u16(type)
  writer.u16(rrset.class)
  writer.u32(rrset.ttl)
  const start = writer.offset
  writer.u16(0)
  writeRdata(writer, type, rdata)
  writer.patchU16(start, writer.offset - start - 2)
}

/** The OPT record of `message`, less its last options if header, question and it could not fit otherwise. */
function withFittingOptions(message: Outgoing, limit: number): OutgoingEdns | undefined {
  const { edns, question } = message
  if (edns?.options === undefined) return edns
  const room = limit - HEADER_OCTETS - (question === undefined ? 0 : question.name.length + 4)
  if (optOctets(edns) <= room) return edns
  const fitting = { ...edns, options: [...edns.options] }
  while (fitting.options.length > 0 && optOctets(fitting) > room) fitting.options.pop()
  return fitting
}

function isEde(option: EdnsOptionValue): boolean {
  return option.code === EdnsOption.EDE
}
