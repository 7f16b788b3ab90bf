/** Our codec against another one: dns-packet has its own idea of every record, written by other people. */

import { expect } from 'chai'
import dnsPacket, { type Answer, type Packet } from 'dns-packet'
import fc from 'fast-check'
import { composeMessage } from '../../src/wire/compose.ts'
import { Message, parseReply } from '../../src/wire/message.ts'
import { equalNames, nameFromText, nameToText } from '../../src/wire/name.ts'
import { decodeRdata } from '../../src/wire/rdata.ts'
import { Reader } from '../../src/wire/reader.ts'
import { MAX_RECORDS, type RRset } from '../../src/wire/rrset.ts'
import { typeFromText, typeText } from '../../src/wire/types.ts'
import { hex } from './octets.ts'

const seeded = { seed: 1035, numRuns: 400 }

// Names without dots or escapes inside labels: dns-packet cannot tell those apart.
const label = fc.string({ unit: fc.constantFrom(...'abABzZ09-_'), minLength: 1, maxLength: 5 })
const nameText = fc
  .tuple(fc.array(label, { maxLength: 3 }), fc.constantFrom('org', 'example.org', 'Example.ORG', 'a.b.example.org'))
  .map(([labels, ending]) => [...labels, ending].join('.'))
const octets = (minLength: number, maxLength: number) =>
  fc.uint8Array({ minLength, maxLength }).map((value) => Buffer.from(value))
const u8 = fc.nat(0xff)
const u16 = fc.nat(0xffff)
const u32 = fc.nat(0xffffffff)
const ipv4 = fc.ipV4()
const ipv6 = fc.constantFrom('2001:db8::1', '::', 'fe80::1:2:3', '2001:db8:1:2:3:4:5:6')

/** DATA of each type as dns-packet has it. */
const data: Record<string, fc.Arbitrary<unknown>> = {
  A: ipv4,
  AAAA: ipv6,
  NS: nameText,
  CNAME: nameText,
  DNAME: nameText,
  PTR: nameText,
  TXT: fc.array(octets(0, 255), { minLength: 1, maxLength: 3 }),
  HINFO: fc.record({ cpu: label, os: label }),
  MX: fc.record({ preference: u16, exchange: nameText }),
  SRV: fc.record({ priority: u16, weight: u16, port: u16, target: nameText }),
  SOA: fc.record({
    mname: nameText,
    rname: nameText,
    serial: u32,
    refresh: u32,
    retry: u32,
    expire: u32,
    minimum: u32,
  }),
  CAA: fc.record({ flags: fc.constantFrom(0, 128), tag: fc.constantFrom('issue', 'iodef'), value: label }),
  RP: fc.record({ mbox: nameText, txt: nameText }),
  DS: fc.record({ keyTag: u16, algorithm: u8, digestType: u8, digest: octets(20, 48) }),
  DNSKEY: fc.record({ flags: fc.constantFrom(256, 257), algorithm: u8, key: octets(32, 100) }),
  NSEC: fc.record({ nextDomain: nameText, rrtypes: fc.constantFrom(['A', 'RRSIG', 'NSEC'], ['NS', 'CAA']) }),
  SSHFP: fc.record({
    algorithm: fc.constantFrom(1, 4),
    hash: fc.constant(1),
    fingerprint: fc.constant('ab'.repeat(20)),
  }),
  TLSA: fc.record({ usage: u8, selector: u8, matchingType: u8, certificate: octets(1, 64) }),
  NULL: octets(0, 40),
}

const answer: fc.Arbitrary<Answer> = fc
  .constantFrom(...Object.keys(data))
  .chain((type) => fc.record({ type: fc.constant(type), name: nameText, ttl: fc.nat(0x7fffffff), data: data[type] }))
  .map((record) => record as Answer)

const section = fc.array(answer, { maxLength: 12 })
const packet: fc.Arbitrary<Packet> = fc.record({
  id: u16,
  type: fc.constant('response' as const),
  flags: fc.nat(0xffff).map((flags) => flags & 0x05b0), // neither TC nor the opcode; dns-packet adds QR
  questions: fc.record({ type: fc.constantFrom('A' as const, 'MX' as const), name: nameText }).map((one) => [one]),
  answers: section,
  authorities: section,
  additionals: section,
})

/** RDATA of a record as dns-packet writes it. */
function rdataOf(record: Answer): Uint8Array {
  const codec = (dnsPacket as unknown as { record(type: string): { encode(data: unknown): Buffer } }).record(
    record.type,
  )
  return Uint8Array.from(codec.encode((record as { data: unknown }).data).subarray(2))
}

/** The plain twin of Grouping: one RRset after another, by comparing everything with everything, as text. */
function groupPlainly(records: Answer[]): string[] {
  const sets: { owner: string; type: string; ttl: number; rdatas: string[] }[] = []
  for (const record of records) {
    const owner = `${record.name.toLowerCase()}.`
    let set = sets.find((one) => one.owner === owner && one.type === record.type)
    if (set === undefined) {
      set = { owner, type: record.type, ttl: Number.POSITIVE_INFINITY, rdatas: [] }
      sets.push(set)
    }
    const { ttl = 0 } = record as { ttl?: number }
    const rdata = hex(rdataOf(record))
    set.ttl = Math.min(set.ttl, ttl)
    if (!set.rdatas.includes(rdata)) set.rdatas.push(rdata)
  }
  return sets.map((set) => JSON.stringify(set))
}

function asText(rrsets: RRset[]): string[] {
  return rrsets.map(({ owner, type, ttl, rdatas }) =>
    JSON.stringify({ owner: nameToText(owner).toLowerCase(), type: typeText(type), ttl, rdatas: rdatas.map(hex) }),
  )
}

/** Without records that differ from an earlier one in the case of names only: parseReply keeps the first of those. */
function withoutCaseTwins(records: Answer[]): Answer[] {
  const seen = new Map<string, string>()
  return records.filter((record) => {
    const exact = JSON.stringify([record.name.toLowerCase(), record.type, (record as { data: unknown }).data])
    const before = seen.get(exact.toLowerCase())
    seen.set(exact.toLowerCase(), before ?? exact)
    return before === undefined || before === exact
  })
}

describe('parseReply reads what dns-packet writes', () => {
  it('header, question and RRsets', () => {
    fc.assert(
      fc.property(packet, (sent) => {
        const sections = [sent.answers!, sent.authorities!, sent.additionals!].map(withoutCaseTwins)
        const [answers, authorities, additionals] = sections
        const reply = parseReply(dnsPacket.encode({ ...sent, answers, authorities, additionals }))
        expect(reply.id).to.equal(sent.id)
        expect(reply.flags & 0x05b0).to.equal(sent.flags)
        const [{ name, type }] = sent.questions!
        expect(equalNames(reply.question!.name, nameFromText(name))).to.equal(true)
        expect(reply.question!.type).to.equal(typeFromText(type))
        expect(asText(reply.answer)).to.deep.equal(groupPlainly(answers))
        expect(asText(reply.authority)).to.deep.equal(groupPlainly(authorities))
        expect(asText(reply.additional)).to.deep.equal(groupPlainly(additionals))
      }),
      seeded,
    )
  })
  it('large sections too', () => {
    const address = fc.tuple(fc.nat(40), fc.nat(20)).map(([owner, last]): Answer => {
      return { type: 'A', name: `n${owner}.example.org`, ttl: owner + last, data: `192.0.2.${last}` }
    })
    fc.assert(
      fc.property(fc.array(address, { maxLength: 1000, size: 'max' }), (answers) => {
        const reply = parseReply(dnsPacket.encode({ type: 'response', answers }))
        expect(asText(reply.answer)).to.deep.equal(groupPlainly(answers))
        for (const set of reply.answer) expect(set.rdatas.length).to.be.at.most(MAX_RECORDS)
      }),
      { seed: 2181, numRuns: 10 },
    )
  })
  it('EDNS', () => {
    const option = fc.record({ code: fc.integer({ min: 65001, max: 65534 }), data: octets(0, 20) })
    const opt = fc.record({
      size: fc.integer({ min: 1, max: 0xffff }),
      wantsDnssec: fc.boolean(),
      options: fc.array(option, { maxLength: 10 }),
    })
    fc.assert(
      fc.property(opt, ({ size, wantsDnssec, options }) => {
        const additionals = [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: size,
            flags: wantsDnssec ? 0x8000 : 0,
            options,
          } as unknown as Answer,
        ]
        const { edns } = parseReply(dnsPacket.encode({ type: 'response', additionals }))
        expect(edns).to.include({ udpSize: size, do: wantsDnssec, version: 0, extendedRcode: 0 })
        expect(edns!.options.map(({ code, data }) => [code, hex(data)])).to.deep.equal(
          options.map(({ code, data }) => [code, hex(data)]),
        )
      }),
      seeded,
    )
  })
})

describe('dns-packet reads what composeMessage writes', () => {
  /** A section as RRsets of one record each: order and repetitions then are as they were. */
  const toRRsets = (records: Answer[]): RRset[] =>
    records.map((record) => {
      const type = typeFromText(record.type)!
      const rdata = rdataOf(record)
      const { ttl = 0 } = record as { ttl?: number }
      const decoded = decodeRdata(new Reader(rdata), type, rdata.length)
      return { owner: nameFromText(record.name), type, class: 1, ttl, rdatas: [decoded], signatures: [] }
    })
  /** What must be the same on both sides; names without their case, which compression may change. */
  const essence = (records: Answer[]) =>
    records.map((record) => {
      const { name, type, ttl } = record as { name: string; type: string; ttl?: number }
      return [name.toLowerCase(), type, ttl, hex(rdataOf(record)).length, hexOfLowerCase(record)]
    })
  const hexOfLowerCase = (record: Answer) => Buffer.from(rdataOf(record)).toString('latin1').toLowerCase()

  it('header, question and records', () => {
    fc.assert(
      fc.property(packet, (message) => {
        const { answers, authorities, additionals, questions } = message
        const buffer = new Uint8Array(65535)
        const octets = composeMessage(
          buffer,
          {
            id: message.id!,
            flags: 0x8000 | message.flags!,
            rcode: 3,
            question: { name: nameFromText(questions![0].name), type: typeFromText(questions![0].type)!, class: 1 },
            answer: toRRsets(answers!),
            authority: toRRsets(authorities!),
            additional: toRRsets(additionals!),
          },
          { limit: 65535, dnssec: true, truncate: false },
        )
        const read = dnsPacket.decode(Buffer.from(buffer.subarray(0, octets)))
        expect(read.id).to.equal(message.id)
        expect(read.type).to.equal('response')
        expect((read as unknown as { rcode: string }).rcode).to.equal('NXDOMAIN')
        expect(read.questions![0]).to.include({ name: questions![0].name, type: questions![0].type })
        expect(essence(read.answers!)).to.deep.equal(essence(answers!))
        expect(essence(read.authorities!)).to.deep.equal(essence(authorities!))
        expect(essence(read.additionals!)).to.deep.equal(essence(additionals!))
      }),
      seeded,
    )
  })
  it('and so do we, to the same RRsets', () => {
    fc.assert(
      fc.property(packet, fc.integer({ min: 300, max: 1500 }), (message, limit) => {
        const reply = parseReply(dnsPacket.encode(message))
        const buffer = new Uint8Array(65535)
        const compose = (limit: number) =>
          buffer.subarray(0, composeMessage(buffer, reply, { limit, dnssec: true, truncate: true }))
        const whole = parseReply(compose(65535))
        for (const part of ['answer', 'authority', 'additional'] as const) {
          expect(asText(whole[part]).map((set) => set.toLowerCase())).to.have.length(reply[part].length)
        }
        const cut = compose(limit)
        expect(cut.length).to.be.at.most(limit)
        const left = parseReply(cut)
        expect((left.flags & 0x0200) !== 0).to.equal(
          left.answer.length < reply.answer.length || left.authority.length < reply.authority.length,
        )
        expect(new Message(cut).qdcount).to.equal(1)
      }),
      seeded,
    )
  })
})
