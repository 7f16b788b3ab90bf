/** The plain twin of workers/answer-index.ts: the same answers by the simplest means, a map of parsed messages. */

import { composeMessage } from '../../src/wire/compose.ts'
import { type ClientQuery, parseQuery, parseReply, type Reply } from '../../src/wire/message.ts'
import { nameKey } from '../../src/wire/name.ts'
import type { RRset } from '../../src/wire/rrset.ts'
import { Class, EdnsOption, Flag, Rcode } from '../../src/wire/types.ts'

interface Kept {
  reply: Reply
  secure: boolean
  storedSeconds: number
  leastTtl: number
}

export class PlainIndex {
  readonly #kept = new Map<string, Kept>()
  readonly #udpSize: number

  constructor(udpSize: number) {
    this.#udpSize = udpSize
  }

  insert(packet: Uint8Array, response: Uint8Array, secure: boolean, wallMs: number, policy: string): void {
    const query = simpleQuery(packet)
    const reply = parseReply(response)
    if (query === undefined || reply.flags & Flag.TC) return
    if (reply.rcode !== Rcode.NOERROR && reply.rcode !== Rcode.NXDOMAIN) return
    const sets = [...reply.answer, ...reply.authority, ...reply.additional]
    const leastTtl = Math.min(...sets.map((set) => set.ttl))
    if (sets.length === 0 || leastTtl === 0) return
    this.#kept.set(keyOf(query, policy), { reply, secure, storedSeconds: Math.floor(wallMs / 1000), leastTtl })
  }

  answer(packet: Uint8Array, overUdp: boolean, wallMs: number, policy: string): Uint8Array | undefined {
    const query = simpleQuery(packet)
    const kept = query && this.#kept.get(keyOf(query, policy))
    if (query === undefined || kept === undefined) return undefined
    const age = Math.floor(wallMs / 1000) - kept.storedSeconds
    if (age >= kept.leastTtl - Math.floor(kept.leastTtl / 10)) return undefined
    const wantsDnssec = query.edns?.do ?? false
    const maySee = wantsDnssec || (query.flags & Flag.AD) !== 0
    const isSecure = kept.secure && maySee && !(query.flags & Flag.CD)
    const aged = (sets: RRset[]) => sets.map((set) => ({ ...set, ttl: set.ttl - age }))
    const buffer = new Uint8Array(65_535)
    const octets = composeMessage(
      buffer,
      {
        id: query.id,
        flags: Flag.QR | Flag.RA | (query.flags & (Flag.RD | Flag.CD)) | (isSecure ? Flag.AD : 0),
        rcode: kept.reply.rcode,
        question: query.question,
        answer: aged(kept.reply.answer),
        authority: aged(kept.reply.authority),
        additional: aged(kept.reply.additional),
        edns: query.edns && { udpSize: this.#udpSize, do: wantsDnssec },
      },
      { limit: 65_535, dnssec: wantsDnssec, truncate: false },
    )
    const size = query.edns === undefined ? 512 : Math.max(512, Math.min(query.edns.udpSize, this.#udpSize))
    return overUdp && octets > size ? undefined : buffer.slice(0, octets)
  }
}

/** The query, if it is one question of class IN with RD and no option that wants an answer. */
function simpleQuery(packet: Uint8Array): ClientQuery | undefined {
  const query = parseQuery(packet)
  if (query.opcode !== 0 || query.question?.class !== Class.IN || !(query.flags & Flag.RD)) return undefined
  const plain = [EdnsOption.PADDING, EdnsOption.CLIENT_SUBNET] as number[]
  if (query.edns?.options.some((option) => !plain.includes(option.code))) return undefined
  return query
}

function keyOf({ question, flags, edns }: ClientQuery, policy: string): string {
  return `${policy} ${question?.type} ${flags & Flag.CD} ${edns?.do ?? false} ${question && nameKey(question.name)}`
}
