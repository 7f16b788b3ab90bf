/** From a finished request to the octets its client gets: header, sections, EDNS. RFC 1035 §4, RFC 2308 §3, RFC 4035
 *  §3.2, RFC 6840 §5.7, RFC 6891, RFC 8914. Minimal answers: nothing the client did not ask for. */

import type { Request } from './request.ts'
import type { Settings } from './settings.ts'
import { composeMessage, edeOption } from './wire/compose.ts'
import type { ClientQuery, EdnsOptionValue } from './wire/message.ts'
import type { RRset } from './wire/rrset.ts'
import { type Ede, Flag, Rcode, Type } from './wire/types.ts'

/** EXTRA-TEXT that is worth its octets, RFC 8914 §2; longer is cut. */
const MAX_EDE_TEXT = 120
const MAX_EDES = 4

export interface ResponseFrame {
  query: ClientQuery
  overUdp: boolean
  settings: Settings
}

/** Composes the response to `frame.query` at the start of `buffer` and returns its length in octets. */
export function composeResponse(buffer: Uint8Array, request: Request, frame: ResponseFrame): number {
  const { query } = frame
  const wantsDnssec = query.edns?.do ?? false
  let flags = Flag.QR | Flag.RA | (query.flags & (Flag.RD | Flag.CD))
  if (request.authoritative) flags |= Flag.AA
  if (request.truncated && frame.overUdp) flags |= Flag.TC
  // AD only for who can read it: DO or AD in the query, RFC 6840 §5.8.
  const mayHaveAd = wantsDnssec || (query.flags & Flag.AD) !== 0
  const isData = request.rcode !== Rcode.SERVFAIL
  if (mayHaveAd && isData && request.security === 'secure' && !(query.flags & Flag.CD)) flags |= Flag.AD
  const message = {
    id: query.id,
    flags,
    rcode: request.rcode,
    question: query.question,
    answer: request.answer,
    authority: wantsDnssec ? request.authority : withoutProofs(request.authority, request.qtype),
    additional: request.additional,
    edns: query.edns === undefined ? undefined : responseEdns(request, frame),
  }
  return composeMessage(buffer, message, {
    limit: Math.min(buffer.length, responseLimit(frame)),
    dnssec: wantsDnssec,
    truncate: frame.overUdp,
  })
}

/** A response without data: FORMERR, NOTIMP, REFUSED, BADVERS … straight from the query, as far as that could be read. */
export function composeRefusal(
  buffer: Uint8Array,
  query: Pick<ClientQuery, 'id' | 'flags' | 'opcode' | 'question' | 'edns'>,
  rcode: Rcode,
  settings: Settings,
  ede?: Ede,
): number {
  const flags = Flag.QR | Flag.RA | (query.opcode << 11) | (query.flags & (Flag.RD | Flag.CD))
  const options = ede === undefined ? [] : [edeOption(ede)]
  const { downstream: udpSize } = settings.ednsBufferSize
  const edns = query.edns === undefined ? undefined : { udpSize, do: query.edns.do, options }
  const message = { id: query.id, flags, rcode, question: query.question, edns }
  return composeMessage(buffer, message, { limit: Math.min(buffer.length, 512), dnssec: false, truncate: true })
}

function responseEdns(request: Request, { query, settings }: ResponseFrame) {
  const notes = request.edes.slice(0, MAX_EDES)
  const edes = notes.map((note) => edeOption(note.code, note.text.slice(0, MAX_EDE_TEXT)))
  const options: EdnsOptionValue[] = edes.length === 0 ? request.options : [...edes, ...request.options]
  return { udpSize: settings.ednsBufferSize.downstream, do: query.edns?.do ?? false, options }
}

/** How many octets the client can take: 512 without EDNS (RFC 1035 §4.2.1), else the lower of its size and ours. */
function responseLimit({ query, overUdp, settings }: ResponseFrame): number {
  if (!overUdp) return 65_535
  if (query.edns === undefined) return 512
  return Math.max(512, Math.min(query.edns.udpSize, settings.ednsBufferSize.downstream)) // RFC 6891 §6.2.3
}

/** NSEC and NSEC3 are for those who set DO, RFC 4035 §3.2.1. */
function withoutProofs(authority: RRset[], qtype: number): RRset[] {
  if (authority.length === 0) return authority
  return authority.filter((set) => set.type === qtype || (set.type !== Type.NSEC && set.type !== Type.NSEC3))
}
