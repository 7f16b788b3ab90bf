/** What a server sends in answer to a request for a whole zone: AXFR, RFC 5936. */

import { WireError } from './error.ts'
import { HEADER_OCTETS } from './message.ts'
import { equalNames, type Name } from './name.ts'
import { decodeRdata } from './rdata.ts'
import { Reader } from './reader.ts'
import type { ZoneRecord } from './text.ts'
import { Class, Flag, Opcode, Rcode, rcodeText, Type } from './types.ts'

/** The request, without the length that goes before it in a stream. RFC 5936 §2.1. */
export function composeTransferQuery(origin: Name, id: number): Uint8Array {
  const query = new Uint8Array(HEADER_OCTETS + origin.length + 4)
  query[0] = id >> 8
  query[1] = id
  query[5] = 1
  query.set(origin, HEADER_OCTETS)
  query[HEADER_OCTETS + origin.length + 1] = Type.AXFR
  query[HEADER_OCTETS + origin.length + 3] = Class.IN
  return query
}

/** A whole zone repeats names in ways that no reply to a question does. */
const HOPS = 0x10000
const EXPANSION = 1 << 21

/** Takes the messages of one transfer, in order. */
export class TransferReader {
  readonly records: ZoneRecord[] = []
  private readonly origin: Name
  private readonly id: number
  private started = false

  constructor(origin: Name, id: number) {
    this.origin = origin
    this.id = id
  }

  /** `done`: that was the last message. Throws WireError for what is no part of this transfer. */
  take(message: Uint8Array): 'more' | 'done' {
    const reader = this.open(message)
    let questions = (message[4] << 8) | message[5]
    for (; questions > 0; questions--) {
      reader.skipName()
      reader.skip(4)
    }
    for (let left = (message[6] << 8) | message[7]; left > 0; left--) {
      const record = takeRecord(reader)
      const isSoa = record.type === Type.SOA && equalNames(record.owner, this.origin)
      // RFC 5936 §2.2: the SOA record comes first, and once more at the end.
      if (!this.started && !isSoa) throw new WireError('bad-rdata', 'the transfer does not begin with the SOA record')
      if (this.started && isSoa) {
        if (Buffer.compare(record.rdata, this.records[0].rdata) !== 0)
          throw new WireError('bad-rdata', 'the zone changed while it was transferred')
        return 'done'
      }
      this.started = true
      this.records.push(record)
    }
    return 'more'
  }

  private open(message: Uint8Array): Reader {
    if (message.length < HEADER_OCTETS) throw new WireError('short', 'a message is shorter than a header')
    const flags = (message[2] << 8) | message[3]
    const opcode = (flags >>> 11) & 15
    if (((message[0] << 8) | message[1]) !== this.id || (flags & Flag.QR) === 0 || opcode !== Opcode.QUERY)
      throw new WireError('bad-rdata', 'a message is not a reply to the request')
    const rcode = flags & 15
    if (rcode !== Rcode.NOERROR) throw new WireError('bad-rdata', `the server says ${rcodeText(rcode)}`)
    if ((flags & Flag.TC) !== 0) throw new WireError('bad-rdata', 'a message is truncated')
    const reader = new Reader(message, HEADER_OCTETS)
    reader.hopsLeft = HOPS
    reader.expansionLeft = EXPANSION
    return reader
  }
}

function takeRecord(reader: Reader): ZoneRecord {
  const owner = reader.name()
  const type = reader.u16()
  const klass = reader.u16()
  const ttl = reader.u32()
  const rdata = decodeRdata(reader, type, reader.u16())
  return { owner, ttl: ttl > 0x7fffffff ? 0 : ttl, class: klass, type, rdata } // RFC 2181 §8
}
