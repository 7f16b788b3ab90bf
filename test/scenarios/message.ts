/** A DNS message as scenario files see it: single records in order, duplicates and all, nothing merged, set or cut.
 *  It has its own small writer so that what is scripted is what is sent; src/wire would tidy it up. */

import { parseEde } from '../../src/wire/edns.ts'
import { foldName, type Name, nameToText } from '../../src/wire/name.ts'
import { canonicalRdata, decodeRdata } from '../../src/wire/rdata.ts'
import { Reader } from '../../src/wire/reader.ts'
import { rdataToText } from '../../src/wire/text.ts'
import { EdnsOption, edeText, Flag, rcodeText, Type, typeText } from '../../src/wire/types.ts'

export interface ScriptQuestion {
  name: Name
  type: number
  class: number
}

export interface ScriptRecord {
  owner: Name
  ttl: number
  class: number
  type: number
  rdata: Uint8Array
}

export const SECTIONS = ['answer', 'authority', 'additional'] as const
export type Section = (typeof SECTIONS)[number]

export interface ScriptMessage extends Record<Section, ScriptRecord[]> {
  id: number
  /** The header's second word without the RCODE: QR, opcode, AA, TC, RD, RA, Z, AD, CD. */
  flags: number
  /** 12 bits, the extended ones included. */
  rcode: number
  question: ScriptQuestion | undefined
  edns: { udpSize: number; version: number; do: boolean } | undefined
  /** Extended DNS Errors of a received message; only for people to read. */
  edes?: string[]
}

const DO = 0x8000 // RFC 3225 §3, in the low half of the OPT record's TTL field

/** The message in wire form, names never compressed. */
export function composeScript(message: ScriptMessage): Uint8Array {
  const octets: number[] = []
  const u16 = (value: number) => octets.push((value >> 8) & 0xff, value & 0xff)
  u16(message.id)
  u16(message.flags | (message.rcode & 0xf))
  u16(message.question ? 1 : 0)
  u16(message.answer.length)
  u16(message.authority.length)
  u16(message.additional.length + (message.edns ? 1 : 0))
  if (message.question) {
    octets.push(...message.question.name)
    u16(message.question.type)
    u16(message.question.class)
  }
  for (const section of SECTIONS) {
    for (const record of message[section]) {
      octets.push(...record.owner)
      u16(record.type)
      u16(record.class)
      u16(record.ttl >>> 16)
      u16(record.ttl)
      u16(record.rdata.length)
      octets.push(...record.rdata)
    }
  }
  if (message.edns) {
    octets.push(0) // RFC 6891 §6.1.2: owned by the root
    u16(Type.OPT)
    u16(message.edns.udpSize)
    octets.push(message.rcode >> 4, message.edns.version)
    u16(message.edns.do ? DO : 0)
    u16(0)
  }
  return Uint8Array.from(octets)
}

/** Everything in `packet` but OPT's options and TSIG, which no scenario compares. Throws WireError. */
export function readScript(packet: Uint8Array): ScriptMessage {
  const reader = new Reader(packet)
  const id = reader.u16()
  const word = reader.u16()
  const questions = reader.u16()
  const counts = [reader.u16(), reader.u16(), reader.u16()]
  const message: ScriptMessage = {
    id,
    flags: word & 0xfff0,
    rcode: word & 0xf,
    question: undefined,
    answer: [],
    authority: [],
    additional: [],
    edns: undefined,
  }
  for (let i = 0; i < questions; i++) {
    const question = { name: reader.name(), type: reader.u16(), class: reader.u16() }
    message.question ??= question
  }
  for (const [index, section] of SECTIONS.entries()) {
    for (let i = 0; i < counts[index]; i++) {
      const owner = reader.name()
      const type = reader.u16()
      const recordClass = reader.u16()
      const ttl = reader.u32()
      const rdlength = reader.u16()
      if (type === Type.OPT) {
        message.edes = readEdes(reader, rdlength)
        message.rcode |= (ttl >>> 24) << 4
        message.edns = { udpSize: recordClass, version: (ttl >>> 16) & 0xff, do: (ttl & DO) !== 0 }
      } else if (type === Type.TSIG) {
        reader.view(rdlength)
      } else {
        const rdata = decodeRdata(reader, type, rdlength)
        message[section].push({ owner, ttl, class: recordClass, type, rdata })
      }
    }
  }
  return message
}

function readEdes(reader: Reader, rdlength: number): string[] {
  const edes: string[] = []
  const end = reader.offset + rdlength
  while (reader.offset < end) {
    const option = { code: reader.u16(), data: reader.view(reader.u16()) }
    if (option.code !== EdnsOption.EDE) continue
    const { code, text } = parseEde(option)
    edes.push(`${edeText(code)}: ${text}`)
  }
  return edes
}

/** Equal for records that scenarios call equal: owner (in any case), class, type, canonical RDATA; never the TTL. */
export function recordKey(record: ScriptRecord): string {
  return [
    latin1(foldName(record.owner)),
    record.class,
    record.type,
    latin1(canonicalRdata(record.rdata, record.type)),
  ].join('/')
}

export function recordText(record: ScriptRecord): string {
  return `${nameToText(record.owner)} ${record.ttl} ${typeText(record.type)} ${rdataToText(record.type, record.rdata)}`
}

export function questionText(question: ScriptQuestion | undefined): string {
  return question ? `${nameToText(question.name)} ${typeText(question.type)}` : '(no question)'
}

export function flagsText(flags: number): string {
  const names = (['QR', 'AA', 'TC', 'RD', 'RA', 'AD', 'CD'] as const).filter((name) => flags & Flag[name])
  return names.join(' ') || '-'
}

/** A message on one line of header and one indented line for each record. */
export function messageText(message: ScriptMessage): string {
  const lines = [`${rcodeText(message.rcode)} [${flagsText(message.flags)}] ${questionText(message.question)}`]
  for (const ede of message.edes ?? []) lines.push(`    EDE ${ede}`)
  for (const section of SECTIONS) {
    for (const record of message[section]) lines.push(`    ${section.padEnd(10)} ${shortened(recordText(record))}`)
  }
  return lines.join('\n')
}

/** Keys and signatures are long, and nobody reads them. */
function shortened(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)} …` : text
}

function latin1(octets: Uint8Array): string {
  return Buffer.from(octets).toString('latin1')
}
