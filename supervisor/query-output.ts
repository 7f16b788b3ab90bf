/** A response in the form that `dig` made familiar, or as JSON. Whatever an outsider wrote is escaped. */

import { parseEde } from '../src/wire/compose.ts'
import { type Edns, type EdnsOptionValue, Message, type RecordView, type Section } from '../src/wire/message.ts'
import { nameToText } from '../src/wire/name.ts'
import { decodeRdata } from '../src/wire/rdata.ts'
import { Reader } from '../src/wire/reader.ts'
import { rdataToText, recordToText } from '../src/wire/text.ts'
import { classText, EdnsOption, edeText, Flag, opcodeText, rcodeText, Type, typeText } from '../src/wire/types.ts'

const SECTIONS: readonly Section[] = ['answer', 'authority', 'additional']

export interface QueryFacts {
  /** How long the answer took, in milliseconds. */
  elapsedMs: number
  /** RFC 4035 §4.3: secure, insecure, bogus or indeterminate. */
  security: string
  /** Where the answer came from: cache, recursion, local or failure. */
  source: string
}

/** The whole response on several lines, the last of them ended. */
export function responseText(packet: Uint8Array, facts: QueryFacts): string {
  const message = new Message(packet)
  const edns = message.edns()
  const lines = [
    `;; ->>HEADER<<- opcode: ${opcodeText(message.opcode)}, status: ${rcodeText(wholeRcode(message, edns))}, id: ${message.id}`,
    `;; flags: ${flagNames(message.flags).join(' ')}; QUERY: ${message.qdcount}, ANSWER: ${message.ancount}, ` +
      `AUTHORITY: ${message.nscount}, ADDITIONAL: ${message.arcount}`,
    '',
  ]
  if (edns !== undefined) lines.push(...ednsLines(edns), '')
  const question = message.question()
  if (question !== undefined) {
    const { name, type, class: qclass } = question
    lines.push(';; QUESTION SECTION:', `;${nameToText(name)}\t\t${classText(qclass)}\t${typeText(type)}`, '')
  }
  for (const section of SECTIONS) {
    const records = shownRecords(message, section)
    if (records.length === 0) continue
    lines.push(`;; ${section.toUpperCase()} SECTION:`, ...records.map((record) => recordLine(message, record)), '')
  }
  lines.push(
    `;; Query time: ${Math.round(facts.elapsedMs)} msec`,
    `;; SOURCE: ${facts.source}, ${facts.security}`,
    `;; MSG SIZE  rcvd: ${packet.length}`,
    '',
  )
  return lines.join('\n')
}

/** The response as plain data. */
export function responseJson(packet: Uint8Array, facts: QueryFacts) {
  const message = new Message(packet)
  const edns = message.edns()
  const question = message.question()
  const records = (section: Section) => shownRecords(message, section).map((record) => recordJson(message, record))
  return {
    status: rcodeText(wholeRcode(message, edns)),
    flags: flagNames(message.flags),
    question: question && {
      name: nameToText(question.name),
      class: classText(question.class),
      type: typeText(question.type),
    },
    answer: records('answer'),
    authority: records('authority'),
    additional: records('additional'),
    edns: edns && { version: edns.version, do: edns.do, udpSize: edns.udpSize },
    errors: (edns?.options ?? []).filter((option) => option.code === EdnsOption.EDE).map(edeJson),
    ...facts,
    octets: packet.length,
  }
}

export type ResponseJson = ReturnType<typeof responseJson>

/** RFC 6891 §6.1.3: the OPT record holds the upper eight bits. */
function wholeRcode(message: Message, edns: Edns | undefined): number {
  return ((edns?.extendedRcode ?? 0) << 4) | message.rcode
}

function flagNames(flags: number): string[] {
  const names = ['QR', 'AA', 'TC', 'RD', 'RA', 'AD', 'CD'] as const
  return names.filter((name) => flags & Flag[name]).map((name) => name.toLowerCase())
}

/** OPT is no record like the others: it has lines of its own. */
function shownRecords(message: Message, section: Section): RecordView[] {
  return [...message.records(section)].filter((record) => record.type !== Type.OPT)
}

function ednsLines(edns: Edns): string[] {
  return [
    ';; OPT PSEUDOSECTION:',
    `; EDNS: version: ${edns.version}, flags:${edns.do ? ' do' : ''}; udp: ${edns.udpSize}`,
    ...edns.options.map(optionLine),
  ]
}

function optionLine(option: EdnsOptionValue): string {
  if (option.code === EdnsOption.EDE) {
    const { code, text } = parseEde(option)
    return `; EDE: ${code} (${edeText(code)})${text === '' ? '' : `: (${printable(text)})`}`
  }
  const hex = Buffer.from(option.data)
    .toString('hex')
    .replace(/..(?=.)/g, '$& ')
  if (option.code === EdnsOption.NSID)
    return `; NSID: ${hex} ("${printable(Buffer.from(option.data).toString('latin1'))}")`
  return `; OPT=${option.code}: ${hex}`
}

function edeJson(option: EdnsOptionValue) {
  const { code, text } = parseEde(option)
  return { code, meaning: edeText(code), text }
}

/** `text` without what could steer a terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '.')
}

function recordLine(message: Message, record: RecordView): string {
  return recordToText(record.owner, record.ttl, record.class, record.type, wholeRdata(message, record))
}

function recordJson(message: Message, record: RecordView) {
  return {
    name: nameToText(record.owner),
    ttl: record.ttl,
    class: classText(record.class),
    type: typeText(record.type),
    data: rdataToText(record.type, wholeRdata(message, record)),
  }
}

function wholeRdata(message: Message, { type, rdata, rdataOffset }: RecordView): Uint8Array {
  return decodeRdata(new Reader(message.packet, rdataOffset), type, rdata.length)
}
