/**
 * What exactly do we ask a server, and is this packet its reply? The two halves of not being fooled: a query holding as
 * much chance as it can carry (RFC 5452 §9.2, draft-vixie-dnsext-dns0x20), and a reply that must give all of it back
 * (RFC 5452 §9.1). Pure: only the header and the question of a reply are looked at, and nothing is decompressed.
 */

import type { Protocol, Random } from '../io/interfaces.ts'
import type { Name } from '../wire/name.ts'
import { copyOctets } from '../wire/pool.ts'
import { Class, EdnsOption, Flag, Opcode, Rcode, Type } from '../wire/types.ts'

/** UDP payload size offered upstream, in octets: fits one packet on any path, so nothing needs fragments (RFC 9715 §3.2). */
export const UPSTREAM_UDP_SIZE = 1232

/** Replies to one query that may be wrong before it is asked again over TCP: someone is guessing, or the path garbles. */
export const MAX_BAD_REPLIES = 10

const HEADER = 12
/** The least a record can take: root owner, type, class, TTL, RDLENGTH. */
const LEAST_RECORD = 11
/** OPT without options (RFC 6891 §6.1.2). */
const EMPTY_OPT = 11
const EDNS_DO = 0x8000
/** Code and length of an EDNS option. */
const OPTION_HEADER = 4

export interface UpstreamQuery {
  qname: Name
  qtype: number
  qclass?: number
  /** As server selection wants it: no OPT for servers that cannot bear one, no mixed case for those that lose it. */
  choice: { edns: boolean; mixCase: boolean }
  random: Random
  /** Sets RD: for forwarding only, as authoritative servers are asked with RD=0. */
  recursionDesired?: boolean
  /** Sets CD, so that a validating forwarder hands over what it finds bogus and we judge by ourselves (RFC 4035 §3.2.2). */
  checkingDisabled?: boolean
  /** Sets DO (RFC 3225); true unless told otherwise. */
  dnssecOk?: boolean
  udpSize?: number
  options?: readonly { code: number; data: Uint8Array }[]
  /** Data of a COOKIE option to send beside them, RFC 7873 §4. */
  cookie?: Uint8Array | undefined
  /** Pads the message with EDNS to a multiple of so many octets, RFC 7830; undefined: it stays as long as it is. */
  padTo?: number | undefined
}

export interface SentQuery {
  /** The whole message: a view of the caller's buffer, good until that is written again. */
  readonly octets: Uint8Array
  readonly id: number
  /** The question as sent, mixed case included: name, type, class. A copy. */
  readonly question: Uint8Array
  readonly mixedCase: boolean
  readonly edns: boolean
}

/** Composes `query` at the start of `buffer`, with an ID and, if wished, a case pattern drawn from `query.random`. */
export function composeUpstream(buffer: Uint8Array, query: UpstreamQuery): SentQuery {
  const { qname, choice, random } = query
  const id = random.u16()
  let flags = 0 // QR=0, opcode QUERY
  if (query.recursionDesired) flags |= Flag.RD
  if (query.checkingDisabled) flags |= Flag.CD
  putU16(buffer, 0, id)
  putU16(buffer, 2, flags)
  putU16(buffer, 4, 1)
  putU16(buffer, 6, 0)
  putU16(buffer, 8, 0)
  putU16(buffer, 10, choice.edns ? 1 : 0)
  buffer.set(qname, HEADER)
  let offset = HEADER + qname.length
  if (choice.mixCase) mixCase(buffer, HEADER, offset, random)
  putU16(buffer, offset, query.qtype)
  putU16(buffer, offset + 2, query.qclass ?? Class.IN)
  offset += 4
  const question = copyOctets(buffer, HEADER, offset)
  if (choice.edns) offset = putOpt(buffer, offset, query)
  return { octets: buffer.subarray(0, offset), id, question, mixedCase: choice.mixCase, edns: choice.edns }
}

function putOpt(buffer: Uint8Array, start: number, query: UpstreamQuery): number {
  buffer[start] = 0
  putU16(buffer, start + 1, Type.OPT)
  putU16(buffer, start + 3, query.udpSize ?? UPSTREAM_UDP_SIZE)
  putU16(buffer, start + 5, 0) // extended RCODE 0, version 0
  putU16(buffer, start + 7, query.dnssecOk === false ? 0 : EDNS_DO)
  let offset = start + EMPTY_OPT
  for (const { code, data } of query.options ?? []) {
    offset = putOption(buffer, offset, code, data)
  }
  if (query.cookie !== undefined) offset = putOption(buffer, offset, EdnsOption.COOKIE, query.cookie)
  if (query.padTo !== undefined) offset = putPadding(buffer, offset, query.padTo)
  putU16(buffer, start + 9, offset - start - EMPTY_OPT)
  return offset
}

function putOption(buffer: Uint8Array, offset: number, code: number, data: Uint8Array): number {
  putU16(buffer, offset, code)
  putU16(buffer, offset + 2, data.length)
  for (let i = 0; i < data.length; i++) buffer[offset + 4 + i] = data[i]
  return offset + 4 + data.length
}

/** The last option, zeros, up to the next multiple of `block` from the start of the message (RFC 7830 §3). */
function putPadding(buffer: Uint8Array, offset: number, block: number): number {
  const end = Math.ceil((offset + OPTION_HEADER) / block) * block
  putU16(buffer, offset, EdnsOption.PADDING)
  putU16(buffer, offset + 2, end - offset - OPTION_HEADER)
  buffer.fill(0, offset + OPTION_HEADER, end)
  return end
}

/** Gives each letter of the name in `octets` between `from` and `to` a case by the toss of a coin
 *  (draft-vixie-dnsext-dns0x20 §4). */
function mixCase(octets: Uint8Array, from: number, to: number, random: Random): void {
  let coins = 0
  let left = 0
  for (let i = from; i < to; i++) {
    if (!isLetter(octets[i])) continue // length octets are at most 63, below any letter
    if (left === 0) {
      coins = random.u16()
      left = 16
    }
    octets[i] = coins & 1 ? octets[i] | 0x20 : octets[i] & ~0x20
    coins >>= 1
    left--
  }
}

/**
 * - `match`: the reply. What it says is still to be parsed, and may still be malformed or lame.
 * - `mismatch-case`: right in everything but the question's case. Over UDP a near miss, to be ignored while waiting: a
 *   forger who does not know our case, or a server that loses it. Over TCP it proves the latter (see `isReply`).
 * - all others: not the reply; the wait goes on, since RFC 5452 §9.1 has us discard and TuDoor's early packets must
 *   not end a resolution.
 */
export type Verdict =
  | 'match'
  | 'mismatch-id'
  | 'mismatch-name'
  | 'mismatch-case'
  | 'mismatch-opcode'
  | 'not-a-response'
  | 'malformed'

/** What `packet`, come from the address and port that were asked, is to the query `sent`. */
export function judgePacket(sent: SentQuery, packet: Uint8Array): Verdict {
  if (packet.length < HEADER) return 'malformed'
  if (u16(packet, 0) !== sent.id) return 'mismatch-id'
  const flags = u16(packet, 2)
  if ((flags & Flag.QR) === 0) return 'not-a-response'
  if (((flags >> 11) & 0xf) !== Opcode.QUERY) return 'mismatch-opcode'
  const qdcount = u16(packet, 4)
  if (qdcount === 0) return judgeBareHeader(flags, packet)
  if (qdcount !== 1) return 'malformed'
  const verdict = compareQuestion(sent, packet)
  if (verdict === 'mismatch-name') return verdict
  return hasSaneCounts(packet, HEADER + sent.question.length, flags) ? verdict : 'malformed'
}

/** Whether the exchange is over. Connections can't be forged from off the path, so there lost case is the server's own doing. */
export function isReply(verdict: Verdict, protocol: Protocol): boolean {
  return verdict === 'match' || (verdict === 'mismatch-case' && protocol !== 'udp')
}

/**
 * A reply without the question. Some servers send one with FORMERR, NOTIMP, SERVFAIL or REFUSED, having given up before
 * they parsed it; waiting for more would cost a timeout each. It has shown our port and ID (32 bits) but not the
 * question's case, so it may be a forger's. Therefore it counts only when it carries no data: all that a forged one
 * can do is to make us ask another server, or this one once more without EDNS, as a forged ICMP error could too.
 * It never proves a server EDNS-broken, since for that a plain query has to be answered in full.
 */
function judgeBareHeader(flags: number, packet: Uint8Array): Verdict {
  const rcode = flags & 0xf
  const givesUp =
    rcode === Rcode.FORMERR || rcode === Rcode.NOTIMP || rcode === Rcode.SERVFAIL || rcode === Rcode.REFUSED
  const hasNoData = u16(packet, 6) === 0 && u16(packet, 8) === 0 && u16(packet, 10) <= 1 // at most an OPT
  return givesUp && hasNoData && hasSaneCounts(packet, HEADER, flags) ? 'match' : 'mismatch-name'
}

/** Whether the packet has room for as many records as its header claims. Truncated ones may claim more (RFC 2181 §9). */
function hasSaneCounts(packet: Uint8Array, offset: number, flags: number): boolean {
  const records = u16(packet, 6) + u16(packet, 8) + u16(packet, 10)
  const room = packet.length - offset
  return (flags & Flag.TC) !== 0 ? room >= 0 : room >= records * LEAST_RECORD
}

/** The question must come back octet for octet; nothing precedes it, so it has nothing to be compressed with. */
function compareQuestion(sent: SentQuery, packet: Uint8Array): Verdict {
  const { question } = sent
  if (packet.length < HEADER + question.length) return 'mismatch-name'
  const nameEnd = question.length - 4
  let sameCase = true
  for (let i = 0; i < question.length; i++) {
    const ours = question[i]
    const theirs = packet[HEADER + i]
    if (ours === theirs) continue
    if (i >= nameEnd || (ours ^ theirs) !== 0x20 || !isLetter(ours)) return 'mismatch-name'
    sameCase = false
  }
  return sameCase || !sent.mixedCase ? 'match' : 'mismatch-case'
}

function isLetter(octet: number): boolean {
  const folded = octet | 0x20
  return folded >= 0x61 && folded <= 0x7a
}

function u16(octets: Uint8Array, offset: number): number {
  return (octets[offset] << 8) | octets[offset + 1]
}

function putU16(octets: Uint8Array, offset: number, value: number): void {
  octets[offset] = value >> 8
  octets[offset + 1] = value
}
