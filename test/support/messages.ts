/** Messages from text, for tests: records as in a zone file, one section each. */

import type { Question, Reply } from '../../src/wire/message.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { type RRset, rrset } from '../../src/wire/rrset.ts'
import { parseZoneText } from '../../src/wire/text.ts'
import { Class, Flag, Rcode, Type } from '../../src/wire/types.ts'

/** RRsets from lines of zone text; TTL 3600 where none is written. Records of one owner and type form one set. */
export function sets(text: string): RRset[] {
  const found: RRset[] = []
  for (const record of parseZoneText(`$TTL 3600\n${text}\n`)) {
    const same = found.find((set) => set.type === record.type && Buffer.compare(set.owner, record.owner) === 0)
    if (same === undefined) found.push(rrset(record.owner, record.type, record.ttl, [record.rdata]))
    else same.rdatas.push(record.rdata)
  }
  return found
}

export function question(nameText: string, type: number = Type.A): Question {
  return { name: nameFromText(nameText), type, class: Class.IN }
}

export interface ReplyText {
  /** Authoritative unless told otherwise. */
  aa?: boolean
  tc?: boolean
  ra?: boolean
  rcode?: Rcode
  answer?: string
  authority?: string
  additional?: string
  edns?: boolean
}

/** A reply as parseReply() would give it. */
export function reply(asked: Question, parts: ReplyText = {}): Reply {
  const flags = Flag.QR | (parts.aa === false ? 0 : Flag.AA) | (parts.tc ? Flag.TC : 0) | (parts.ra ? Flag.RA : 0)
  return {
    id: 1,
    flags,
    rcode: parts.rcode ?? Rcode.NOERROR,
    question: asked,
    answer: sets(parts.answer ?? ''),
    authority: sets(parts.authority ?? ''),
    additional: sets(parts.additional ?? ''),
    edns: parts.edns === false ? undefined : { udpSize: 1232, extendedRcode: 0, version: 0, do: true, options: [] },
    octets: 100,
  }
}
