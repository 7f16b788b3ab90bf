/** Is a client's packet a question to pursue, and what is it told if not? RFC 1035 §4.1.1 (header), RFC 6891 §6.1.3
 *  (EDNS versions), RFC 8914 (why). */

import { composeRefusal } from '../answer.ts'
import type { Wishes } from '../request.ts'
import type { Settings } from '../settings.ts'
import { WireError } from '../wire/error.ts'
import { type ClientQuery, HEADER_OCTETS, parseQuery, type Question } from '../wire/message.ts'
import { Class, Ede, Flag, Opcode, Rcode } from '../wire/types.ts'

/** A query about a name, of a class we serve. */
export type QueryToPursue = ClientQuery & { question: Question }

/** The query in `packet`; or, for what is none, the length of the refusal composed into `refusal`, 0 for silence.
 *  `onFault` hears of mistakes of ours; a packet that cannot be read is none. */
export function readQuery(
  packet: Uint8Array,
  refusal: Uint8Array,
  settings: Settings,
  onFault: (error: unknown) => void,
): QueryToPursue | number {
  if (packet.length < HEADER_OCTETS || (packet[2] << 8) & Flag.QR) return 0 // no query; answering responses would make loops
  let query: ClientQuery
  try {
    query = parseQuery(packet)
  } catch (error) {
    if (!(error instanceof WireError)) onFault(error)
    const header = { id: (packet[0] << 8) | packet[1], flags: (packet[2] << 8) | packet[3] }
    const damaged = { ...header, opcode: (packet[2] >> 3) & 15, question: undefined, edns: undefined }
    return composeRefusal(refusal, damaged as Parameters<typeof composeRefusal>[1], Rcode.FORMERR, settings)
  }
  const { question, edns } = query
  if (query.opcode !== Opcode.QUERY) return composeRefusal(refusal, query, Rcode.NOTIMP, settings, Ede.NOT_SUPPORTED)
  if (edns !== undefined && edns.version > 0) return composeRefusal(refusal, query, Rcode.BADVERS, settings) // RFC 6891 §6.1.3
  if (question === undefined) return composeRefusal(refusal, query, Rcode.FORMERR, settings)
  if (question.class !== Class.IN && question.class !== Class.CH) {
    const rcode = question.class === Class.ANY ? Rcode.NOTIMP : Rcode.REFUSED
    return composeRefusal(refusal, query, rcode, settings, Ede.NOT_SUPPORTED)
  }
  return query as QueryToPursue
}

/** What the client wants, by its flags and by EDNS. */
export function wishesOf({ flags, edns }: ClientQuery): Wishes {
  return {
    rd: (flags & Flag.RD) !== 0,
    cd: (flags & Flag.CD) !== 0,
    ad: (flags & Flag.AD) !== 0,
    do: edns?.do ?? false,
  }
}
