/** What must hold for any octets whatever: the codec throws nothing but WireError, what it gives is not larger than its
 *  limits allow, its ways to read a packet agree, and what it reads it can write and read again. */

import { composeMessage } from '../../src/wire/compose.ts'
import { WireError } from '../../src/wire/error.ts'
import { isSameRdata } from '../../src/wire/grouping.ts'
import { Message, parseQuery, parseReply, type Reply, type Section } from '../../src/wire/message.ts'
import { equalNames, MAX_NAME, nameFromText, nameToText } from '../../src/wire/name.ts'
import { MAX_EXPANSION, Reader } from '../../src/wire/reader.ts'
import { nameFromReversed, reversedName } from '../../src/wire/reversed.ts'
import { MAX_RECORDS, MAX_RRSET_OCTETS, type RRset } from '../../src/wire/rrset.ts'
import { rdataToText } from '../../src/wire/text.ts'
import { Flag, Type } from '../../src/wire/types.ts'

const SECTIONS: readonly Section[] = ['answer', 'authority', 'additional']
const MAX_MESSAGE = 65535
const buffer = new Uint8Array(MAX_MESSAGE)
const again = new Uint8Array(MAX_MESSAGE)

/** Checks one packet. Gives, in a few words, what became of it: equal words, equal paths through the codec, roughly.
 *  Throws an Error that says what does not hold. */
export function checkPacket(packet: Uint8Array): string {
  const query = attempt(() => parseQuery(packet))
  const reply = attempt(() => parseReply(packet))
  const walk = attempt(() => walkMessage(packet))
  const names = attempt(() => readNames(packet))
  if (query.value !== undefined && reply.value !== undefined) checkAgreement(query.value, reply.value)
  if (reply.value !== undefined) {
    checkLimits(packet, reply.value)
    const whole = (reply.value.flags & Flag.TC) === 0
    if (whole) expectThat(walk.value !== undefined, `parseReply reads what Message does not: ${walk.outcome}`)
    if (whole) expectThat(countRecords(reply.value) <= walk.value!, 'parseReply finds more records than Message')
    checkRdata(reply.value)
    checkStability(reply.value)
    checkTruncation(reply.value)
  }
  return [query.outcome, reply.outcome, walk.outcome, names.outcome].join(' / ')
}

interface Attempt<T> {
  value: T | undefined
  outcome: string
}

/** Runs `action`, in which WireError is allowed. */
function attempt<T>(action: () => T): Attempt<T> {
  try {
    return { value: action(), outcome: 'fine' }
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    return { value: undefined, outcome: error.message }
  }
}

function expectThat(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}

/** Reads all of the packet through Message. Gives the number of records, OPT records not counted. */
function walkMessage(packet: Uint8Array): number {
  const message = new Message(packet)
  message.question()
  let records = 0
  for (const section of SECTIONS) {
    for (const record of message.records(section)) {
      expectThat(record.rdataOffset + record.rdata.length <= packet.length, 'a record passes the end of the packet')
      if (record.type !== Type.OPT) records++
    }
  }
  message.edns()
  return records
}

/** Reads names at some hundred offsets, as damaged counts and lengths would have us do, with one Reader's limits. */
function readNames(packet: Uint8Array): void {
  const reader = new Reader(packet)
  const step = 1 + (packet.length >> 7)
  for (let offset = 0; offset < packet.length; offset += step) {
    reader.offset = offset
    const { value: name } = attempt(() => reader.name())
    if (name === undefined) continue
    expectThat(name.length <= MAX_NAME, 'a name is too long')
    expectThat(reader.offset > offset && reader.offset <= packet.length, 'a name leaves the packet')
    const after = reader.offset
    reader.offset = offset
    reader.skipName()
    expectThat(reader.offset === after, 'name and skipName end in different places')
    if (offset % 8 !== 0) continue
    expectThat(equalNames(nameFromText(nameToText(name)), name), 'a name does not survive its text form')
    expectThat(equalNames(nameFromReversed(reversedName(name)), name), 'a name does not survive being reversed')
  }
}

function checkAgreement(query: ReturnType<typeof parseQuery>, reply: Reply): void {
  expectThat(query.id === reply.id && query.flags === reply.flags, 'query and reply have different headers')
  expectThat(JSON.stringify(query.question) === JSON.stringify(reply.question), 'query and reply ask different things')
  if (reply.flags & Flag.TC) return
  expectThat(JSON.stringify(query.edns) === JSON.stringify(reply.edns), 'query and reply have different EDNS')
}

function checkLimits(packet: Uint8Array, reply: Reply): void {
  let total = 0
  for (const section of SECTIONS) {
    for (const rrset of reply[section]) {
      expectThat(rrset.ttl >= 0 && rrset.ttl < 2 ** 31, 'a TTL is out of range')
      expectThat(rrset.rdatas.length + rrset.signatures.length > 0, 'an RRset is empty')
      expectThat(rrset.rdatas.length <= MAX_RECORDS && rrset.signatures.length <= MAX_RECORDS, 'an RRset is too long')
      let octets = 0
      for (const rdata of [...rrset.rdatas, ...rrset.signatures]) octets += rdata.length
      expectThat(octets <= MAX_RRSET_OCTETS, 'an RRset has too many octets')
      total += octets
    }
  }
  // Lone pointers to one and the same name share a copy, at two octets each; so 255 octets may come of two.
  expectThat(total <= packet.length * 128 + MAX_EXPANSION, 'a reply has grown too much')
  expectThat((reply.edns?.options.length ?? 0) <= 16, 'there are too many options')
}

function countRecords(reply: Reply): number {
  let records = 0
  for (const section of SECTIONS) {
    for (const { rdatas, signatures } of reply[section]) records += rdatas.length + signatures.length
  }
  return records
}

/** Any RDATA can be printed, or is refused with a WireError. */
function checkRdata(reply: Reply): void {
  for (const section of SECTIONS) {
    for (const { type, rdatas } of reply[section]) for (const rdata of rdatas) attempt(() => rdataToText(type, rdata))
  }
}

/** A reply composed and parsed says the same, and composed again is the same octet for octet. */
function checkStability(reply: Reply): void {
  const options = { limit: MAX_MESSAGE, dnssec: true, truncate: false }
  const first = attempt(() => composeMessage(buffer, reply, options))
  if (first.value === undefined || sizeOf(reply) > MAX_MESSAGE) return // it may not fit, or just beyond our limits
  const packet = buffer.subarray(0, first.value)
  const read = attempt(() => parseReply(packet))
  if (read.value === undefined) throw new Error(`what we composed we cannot parse: ${read.outcome}`)
  expectThat(isSameReply(reply, read.value), 'what we composed says something else')
  const length = composeMessage(again, read.value, options)
  expectThat(Buffer.compare(packet, again.subarray(0, length)) === 0, 'composed twice, a reply differs')
}

/** A reply cut down to a UDP size keeps to it, and what is left is a part of it; TC is set if that matters. */
function checkTruncation(reply: Reply): void {
  const limit = 300 + (reply.id % 1000)
  const options = { limit, dnssec: true, truncate: true }
  const cut = attempt(() => composeMessage(buffer, reply, options))
  if (cut.value === undefined || sizeOf(reply) > MAX_MESSAGE) return // question and options alone may be too much
  expectThat(cut.value <= limit, 'a message passes its limit')
  const left = parseReply(buffer.subarray(0, cut.value))
  const isPart = (section: Section) => isSameSection(reply[section].slice(0, left[section].length), left[section])
  expectThat(isPart('answer') && isPart('authority'), 'what is left of a reply is not its beginning')
  const lost = left.answer.length < reply.answer.length || left.authority.length < reply.authority.length
  expectThat((left.flags & Flag.TC) !== 0 || !lost, 'a reply was cut without TC')
}

/** Octets of the reply without compression, more or less. */
function sizeOf(reply: Reply): number {
  let octets = 12 + MAX_NAME + 1024
  for (const section of SECTIONS) {
    for (const { owner, rdatas, signatures } of reply[section]) {
      for (const rdata of rdatas) octets += owner.length + 10 + rdata.length
      for (const rdata of signatures) octets += owner.length + 10 + rdata.length
    }
  }
  return octets
}

function isSameReply(a: Reply, b: Reply): boolean {
  return (
    a.id === b.id &&
    a.rcode === b.rcode &&
    (a.flags & 0xfff0) === (b.flags & 0xfff0) &&
    JSON.stringify(a.question) === JSON.stringify(b.question) &&
    JSON.stringify(a.edns) === JSON.stringify(b.edns) &&
    SECTIONS.every((section) => isSameSection(a[section], b[section]))
  )
}

/** The case of names aside, which compression may change. */
function isSameSection(a: RRset[], b: RRset[]): boolean {
  return (
    a.length === b.length &&
    a.every((set, i) => {
      const other = b[i]
      return (
        equalNames(set.owner, other.owner) &&
        set.type === other.type &&
        set.class === other.class &&
        set.ttl === other.ttl &&
        isSameRecords(set.rdatas, other.rdatas, set.type) &&
        isSameRecords(set.signatures, other.signatures, Type.RRSIG)
      )
    })
  )
}

function isSameRecords(a: Uint8Array[], b: Uint8Array[], type: number): boolean {
  return a.length === b.length && a.every((rdata, i) => isSameRdata(rdata, b[i], type))
}
