/** HOT: what does a received message say? RFC 1035 §4.1, RFC 2181 §5 and §9, RFC 6891, RFC 9619.
 *  Three readers for three needs: parseQuery for what clients ask, parseReply for what servers answer, both one pass
 *  that copies out what it gives, and Message, which parses nothing before it is asked.
 *  Twin: dns-packet, in test/wire/dns-packet.test.ts. Bench: test/bench/wire.ts. */

import { type Edns, readOpt } from './edns.ts'
import { WireError } from './error.ts'
import { Grouping } from './grouping.ts'
import type { Name } from './name.ts'
import { decodeRdata } from './rdata.ts'
import { Reader } from './reader.ts'
import type { RRset } from './rrset.ts'
import { Flag, Opcode, Type } from './types.ts'

export type { Edns, EdnsOptionValue } from './edns.ts'

/** Octets of the header. */
export const HEADER_OCTETS = 12

/** What is asked. */
export interface Question {
  name: Name
  type: number
  class: number
}

/** All that a client's query says. */
export interface ClientQuery {
  id: number
  /** The second 16-bit word of the header; see Flag. */
  flags: number
  opcode: number
  /** The first question; undefined when there is none. */
  question: Question | undefined
  edns: Edns | undefined
  /** The query is signed with a TSIG (RFC 8945), which was not looked at. */
  tsig: boolean
}

/** All that a server's reply says. Names and RDATA are copies. */
export interface Reply {
  id: number
  /** The second 16-bit word of the header; see Flag. */
  flags: number
  /** All 12 bits, those in the OPT record included. */
  rcode: number
  /** The first question; undefined when there is none. */
  question: Question | undefined
  answer: RRset[]
  authority: RRset[]
  /** Without the OPT record. */
  additional: RRset[]
  edns: Edns | undefined
  /** Length of the message. */
  octets: number
}

export type Section = 'answer' | 'authority' | 'additional'

/** The header's 16-bit word at `offset`. */
function headerWord(packet: Uint8Array, offset: number): number {
  return (packet[offset] << 8) | packet[offset + 1]
}

function opcodeOf(flags: number): number {
  return (flags >>> 11) & 0xf
}

/** A Reader that stands at the first question. Throws WireError 'short' when there is no complete header. */
function openMessage(packet: Uint8Array): Reader {
  if (packet.length < HEADER_OCTETS) throw new WireError('short', 'the packet is shorter than a header')
  return new Reader(packet, HEADER_OCTETS)
}

function readQuestion(reader: Reader, asked?: Name): Question {
  const name = asked !== undefined && reader.hasName(asked) ? asked : reader.name()
  return { name, type: reader.u16(), class: reader.u16() }
}

function skipQuestions(reader: Reader, questions: number): void {
  for (let i = 0; i < questions; i++) {
    reader.skipName()
    reader.skip(4)
  }
}

/** Reads the OPT record whose TYPE was read last, its owner at `ownerAt`. RFC 6891 §6.1.1: there may be only one, in
 *  the additional section, owned by the root. */
function readOnlyOpt(reader: Reader, ownerAt: number, known: Edns | undefined, section: Section): Edns {
  if (section !== 'additional') throw new WireError('bad-rdata', 'an OPT record is not in the additional section')
  if (known !== undefined) throw new WireError('bad-rdata', 'there is more than one OPT record')
  if (reader.packet[ownerAt] !== 0) throw new WireError('bad-name', 'the owner of the OPT record is not the root')
  return readOpt(reader, reader.u16(), reader.u32(), reader.u16())
}

/** What a client asks. Throws WireError: 'short' for less than a header (12 octets), which nobody can answer; else for
 *  any damage, two OPT records or more than one question (RFC 9619), which are answered FORMERR. Records other than OPT
 *  are stepped over, octets behind the last one ignored. */
export function parseQuery(packet: Uint8Array): ClientQuery {
  const reader = openMessage(packet)
  const flags = headerWord(packet, 2)
  const opcode = opcodeOf(flags)
  const questions = headerWord(packet, 4)
  if (questions > 1 && opcode === Opcode.QUERY) throw new WireError('limit', 'a query asks more than one question')
  let question: Question | undefined
  if (questions > 0) {
    question = readQuestion(reader)
    skipQuestions(reader, questions - 1)
  }
  let edns: Edns | undefined
  let tsig = false
  const additionalFrom = headerWord(packet, 6) + headerWord(packet, 8)
  const records = additionalFrom + headerWord(packet, 10)
  for (let i = 0; i < records; i++) {
    const ownerAt = reader.offset
    reader.skipName()
    const type = reader.u16()
    if (type === Type.OPT) {
      edns = readOnlyOpt(reader, ownerAt, edns, i < additionalFrom ? 'answer' : 'additional')
      continue
    }
    if (type === Type.TSIG && i === records - 1) tsig = true // RFC 8945 §5.1: nothing comes after it
    reader.skip(6)
    reader.skip(reader.u16())
  }
  return { id: headerWord(packet, 0), flags, opcode, question, edns, tsig }
}

/** What a server answers, its records grouped into RRsets and decoded. Each section by itself: records with the same
 *  owner, type and class form one RRset, in order of first appearance, and RRSIGs join the set they cover.
 *  Throws WireError for anything malformed or beyond our limits. When TC is set, a record that is cut off ends the
 *  message without complaint, as such a reply only says to ask again over TCP (RFC 2181 §9). Octets behind the last
 *  record are ignored. `asked`: the name that was asked for; where it comes back as it was, it is not copied. */
export function parseReply(packet: Uint8Array, asked?: Name): Reply {
  const reader = openMessage(packet)
  const flags = headerWord(packet, 2)
  const reply: Reply = {
    id: headerWord(packet, 0),
    flags,
    rcode: flags & 0xf,
    question: undefined,
    answer: [],
    authority: [],
    additional: [],
    edns: undefined,
    octets: packet.length,
  }
  const questions = headerWord(packet, 4)
  if (questions > 0) {
    reply.question = readQuestion(reader, asked)
    skipQuestions(reader, questions - 1)
  }
  if ((flags & Flag.TC) === 0) readSections(reader, reply)
  else {
    try {
      readSections(reader, reply)
    } catch (error) {
      if (!(error instanceof WireError) || error.code !== 'short') throw error
    }
  }
  if (reply.edns !== undefined) reply.rcode |= reply.edns.extendedRcode << 4 // RFC 6891 §6.1.3
  return reply
}

function readSections(reader: Reader, reply: Reply): void {
  readRecords(reader, headerWord(reader.packet, 6), 'answer', reply)
  readRecords(reader, headerWord(reader.packet, 8), 'authority', reply)
  readRecords(reader, headerWord(reader.packet, 10), 'additional', reply)
}

function readRecords(reader: Reader, records: number, section: Section, reply: Reply): void {
  if (records === 0) return
  let grouping: Grouping | undefined
  for (let i = 0; i < records; i++) {
    const ownerAt = reader.offset
    const owner = reader.name()
    const type = reader.u16()
    if (type === Type.OPT) {
      reply.edns = readOnlyOpt(reader, ownerAt, reply.edns, section)
      continue
    }
    const recordClass = reader.u16()
    const ttl = reader.u32()
    const rdlength = reader.u16()
    if (grouping === undefined) {
      grouping = new Grouping()
      reply[section] = grouping.rrsets
    }
    grouping.add(owner, type, recordClass, ttl, decodeRdata(reader, type, rdlength))
  }
}

/** One record of a Message, its RDATA not decoded. */
export interface RecordView {
  owner: Name
  type: number
  class: number
  ttl: number
  /** Where the RDATA begins, in octets from the start of the message. */
  rdataOffset: number
  /** RDATA as it stands in the packet, names in it perhaps compressed: a view. */
  rdata: Uint8Array
}

/** A message that is parsed as far as it is asked about. Every method may throw WireError. Views share the packet's
 *  memory. */
export class Message {
  readonly packet: Uint8Array

  /** Throws WireError 'short' for less than a header. */
  constructor(packet: Uint8Array) {
    if (packet.length < HEADER_OCTETS) throw new WireError('short', 'the packet is shorter than a header')
    this.packet = packet
  }

  get id(): number {
    return headerWord(this.packet, 0)
  }

  /** The second 16-bit word of the header; see Flag. */
  get flags(): number {
    return headerWord(this.packet, 2)
  }

  get opcode(): number {
    return opcodeOf(this.flags)
  }

  /** The four bits in the header; the rest is in the OPT record. */
  get rcode(): number {
    return this.packet[3] & 0xf
  }

  get qdcount(): number {
    return headerWord(this.packet, 4)
  }

  get ancount(): number {
    return headerWord(this.packet, 6)
  }

  get nscount(): number {
    return headerWord(this.packet, 8)
  }

  get arcount(): number {
    return headerWord(this.packet, 10)
  }

  /** The first question; undefined when there is none. */
  question(): Question | undefined {
    return this.qdcount === 0 ? undefined : readQuestion(openMessage(this.packet))
  }

  /** The records of a section, OPT and RRSIG like any other, in order. */
  *records(section: Section): Generator<RecordView, void, undefined> {
    const reader = openMessage(this.packet)
    skipQuestions(reader, this.qdcount)
    if (section !== 'answer') skipRecords(reader, this.ancount)
    if (section === 'additional') skipRecords(reader, this.nscount)
    const records = section === 'answer' ? this.ancount : section === 'authority' ? this.nscount : this.arcount
    for (let i = 0; i < records; i++) {
      const owner = reader.name()
      const type = reader.u16()
      const recordClass = reader.u16()
      const ttl = reader.u32()
      const rdlength = reader.u16()
      const rdataOffset = reader.offset
      yield { owner, type, class: recordClass, ttl, rdataOffset, rdata: reader.view(rdlength) }
    }
  }

  /** What the OPT record says; undefined when there is none. */
  edns(): Edns | undefined {
    let edns: Edns | undefined
    for (const record of this.records('additional')) {
      if (record.type !== Type.OPT) continue
      if (edns !== undefined) throw new WireError('bad-rdata', 'there is more than one OPT record')
      if (record.owner.length !== 1) throw new WireError('bad-name', 'the owner of the OPT record is not the root')
      const reader = new Reader(record.rdata)
      edns = readOpt(reader, record.class, record.ttl, record.rdata.length)
    }
    return edns
  }
}

function skipRecords(reader: Reader, records: number): void {
  for (let i = 0; i < records; i++) {
    reader.skipName()
    reader.skip(8)
    reader.skip(reader.u16())
  }
}
