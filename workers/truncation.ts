/** Makes an answer that turned out too long for UDP as short as can be: a reason to ask again over TCP. */

import { Message } from '../src/wire/message.ts'
import { Reader } from '../src/wire/reader.ts'
import { Flag, Type } from '../src/wire/types.ts'

const HEADER_OCTETS = 12
/** Owner, type, class, TTL and RDATA length of an OPT record (RFC 6891 §6.1.2). */
const OPT_HEADER_OCTETS = 11

/** Leaves header, question and OPT record (RFC 6891 §6.1.1 wants it in any answer to a query with one) of `answer`, and
 *  sets TC (RFC 2181 §9). Works in place; gives the octets left, 0 when `answer` is no message. */
export function cutToQuestion(answer: Uint8Array): number {
  try {
    const message = new Message(answer)
    const reader = new Reader(answer, HEADER_OCTETS)
    for (let i = 0; i < message.qdcount; i++) {
      reader.skipName()
      reader.u32() // type and class
    }
    const end = reader.offset
    const opt = [...message.records('additional')].find(({ type }) => type === Type.OPT)
    answer[2] |= Flag.TC >> 8
    answer.fill(0, 6, HEADER_OCTETS)
    if (opt === undefined) return end
    answer[11] = 1
    const from = opt.rdataOffset - OPT_HEADER_OCTETS
    const to = opt.rdataOffset + opt.rdata.length
    answer.copyWithin(end, from, to)
    return end + to - from
  } catch {
    return 0
  }
}
