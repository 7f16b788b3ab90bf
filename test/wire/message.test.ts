import { expect } from 'chai'
import { Message, parseQuery, parseReply } from '../../src/wire/message.ts'
import { nameFromText, nameToText } from '../../src/wire/name.ts'
import type { RRset } from '../../src/wire/rrset.ts'
import { Class, Flag, Opcode, Rcode, Type } from '../../src/wire/types.ts'
import { hex, octets, wireErrorOf } from './octets.ts'

// A question for www.example.org A at offset 12, 21 octets; c00c points at the name, c010 at example.org.
const QUESTION = '<www.example.org> 0001 0001'
const OPT = '00 0029 04d0 00008000 0000'
const RRSIG_A = '0001 0d 03 0000012c 60000000 5f000000 abcd <example.org> 0102'
const RRSIG_NS = '0002 0d 03 0000012c 60000000 5f000000 abcd <example.org> 0102'

interface Parts {
  flags?: string
  counts: string
  body: string
}

function message({ flags = '8400', counts, body }: Parts): Uint8Array {
  return octets(`1234 ${flags} ${counts} ${body}`)
}

/** A record with its length counted. */
function record(owner: string, type: string, ttl: string, rdata: string, recordClass = '0001'): string {
  return `${owner} ${type} ${recordClass} ${ttl} ${octets(rdata).length.toString(16).padStart(4, '0')} ${rdata}`
}

function a(owner: string, address: string, ttl = '0000012c'): string {
  return record(owner, '0001', ttl, address)
}

/** RRsets in short: owner, type, TTL, records, signatures. */
function brief(rrsets: RRset[]): [string, number, number, string[], number][] {
  return rrsets.map(({ owner, type, ttl, rdatas, signatures }) => [
    nameToText(owner),
    type,
    ttl,
    rdatas.map(hex),
    signatures.length,
  ])
}

/** What parseReply makes of an answer section with these records. */
function answerOf(...records: string[]): RRset[] {
  const counts = `0001 ${records.length.toString(16).padStart(4, '0')} 0000 0000`
  return parseReply(message({ counts, body: QUESTION + records.join('') })).answer
}

describe('parseReply', () => {
  it('gives header, question and sections', () => {
    const reply = parseReply(
      message({
        flags: '8583',
        counts: '0001 0001 0001 0001',
        body:
          QUESTION + a('c00c', 'c0000201') + record('c010', '0002', '00000e10', '026e73 c010') + a('<ns>', 'c0000202'),
      }),
    )
    expect(reply).to.include({ id: 0x1234, flags: 0x8583, rcode: Rcode.NXDOMAIN, edns: undefined })
    expect(reply.question).to.deep.equal({ name: nameFromText('www.example.org'), type: Type.A, class: Class.IN })
    expect(brief(reply.answer)).to.deep.equal([['www.example.org.', Type.A, 300, ['c0000201'], 0]])
    expect(brief(reply.authority)).to.deep.equal([
      ['example.org.', Type.NS, 3600, [hex(octets('<ns.example.org>'))], 0],
    ])
    expect(brief(reply.additional)).to.deep.equal([['ns.', Type.A, 300, ['c0000202'], 0]])
  })
  it('says how long the message was', () => {
    expect(parseReply(message({ counts: '0001 0000 0000 0000', body: QUESTION })).octets).to.equal(33)
  })
  it('does without a question', () => {
    expect(parseReply(message({ counts: '0000 0000 0000 0000', body: '' })).question).to.equal(undefined)
  })
  it('keeps the case of the question', () => {
    const { question } = parseReply(message({ counts: '0001 0000 0000 0000', body: '<wWw.Org> 0001 0001' }))
    expect(nameToText(question!.name)).to.equal('wWw.Org.')
  })
  it('keeps nothing of the packet, which may be used again', () => {
    const packet = message({
      counts: '0001 0001 0000 0001',
      body: QUESTION + record('c00c', '0010', '0000012c', `46 ${'61'.repeat(70)}`) + OPT,
    })
    const reply = parseReply(packet)
    const before = JSON.stringify(reply)
    packet.fill(0xff)
    expect(JSON.stringify(reply)).to.equal(before)
  })
  it('ignores octets behind the last record', () => {
    expect(parseReply(message({ counts: '0001 0000 0000 0000', body: `${QUESTION} ffffff` })).rcode).to.equal(0)
  })
  it('refuses a packet shorter than a header', () => {
    expect(wireErrorOf(() => parseReply(new Uint8Array(11)))).to.equal('short')
    expect(wireErrorOf(() => parseReply(new Uint8Array(0)))).to.equal('short')
  })
  it('refuses any packet that is cut off', () => {
    const whole = message({
      counts: '0001 0001 0000 0001',
      body: QUESTION + record('c00c', '002e', '0000012c', RRSIG_A) + OPT,
    })
    for (let length = 0; length < whole.length; length++) {
      expect(
        wireErrorOf(() => parseReply(whole.subarray(0, length))),
        `${length} octets`,
      ).to.be.oneOf(['short', 'bad-rdata'])
    }
  })
  it('takes what there is of a packet that is cut off and says so (RFC 2181 §9)', () => {
    const counts = '0001 0002 0000 0001'
    const cut = message({ flags: '8600', counts, body: `${QUESTION} ${a('c00c', 'c0000201')} c00c 0001 0001` })
    expect(brief(parseReply(cut).answer)).to.deep.equal([['www.example.org.', Type.A, 300, ['c0000201'], 0]])
    const damaged = message({ flags: '8600', counts, body: QUESTION + a('ffff', 'c0000201') })
    expect(wireErrorOf(() => parseReply(damaged))).to.equal('bad-name')
  })
  it('refuses RDATA that does not fit its type', () => {
    expect(wireErrorOf(() => answerOf(a('c00c', 'c00002')))).to.equal('bad-rdata')
    expect(wireErrorOf(() => answerOf(record('c00c', '0005', '00000000', '0161 00 00')))).to.equal('bad-rdata')
  })
  it('takes unknown types as octets (RFC 3597)', () => {
    expect(brief(answerOf(record('c00c', 'ff01', '00000001', 'c00cff')))).to.deep.equal([
      ['www.example.org.', 0xff01, 1, ['c00cff'], 0],
    ])
  })
})

describe('RRsets in parseReply (RFC 2181 §5)', () => {
  it('are records of one owner, type and class, in order of first appearance', () => {
    const sets = answerOf(
      a('c00c', 'c0000201'),
      a('<b.org>', 'c0000202'),
      record('c00c', '0010', '0000012c', '0161'),
      record('c00c', '0010', '0000012c', '0162', '0003'),
      a('<WWW.example.ORG>', 'c0000203'),
    )
    expect(brief(sets)).to.deep.equal([
      ['www.example.org.', Type.A, 300, ['c0000201', 'c0000203'], 0],
      ['b.org.', Type.A, 300, ['c0000202'], 0],
      ['www.example.org.', Type.TXT, 300, ['0161'], 0],
      ['www.example.org.', Type.TXT, 300, ['0162'], 0],
    ])
    expect(sets.map((set) => set.class)).to.deep.equal([1, 1, 1, 3])
  })
  it('do not reach over sections', () => {
    const body = QUESTION + a('c00c', 'c0000201') + a('c00c', 'c0000202') + a('c00c', 'c0000203')
    const { answer, authority, additional } = parseReply(message({ counts: '0001 0001 0001 0001', body }))
    expect([answer, authority, additional].map((sets) => sets[0].rdatas.length)).to.deep.equal([1, 1, 1])
  })
  it('have no record twice, the case of names in RDATA aside (RFC 4034 §6.3)', () => {
    expect(answerOf(a('c00c', 'c0000201'), a('c00c', 'c0000201'))[0].rdatas).to.have.length(1)
    const ns = (target: string) => record('c00c', '0002', '0000012c', target)
    expect(brief(answerOf(ns('<Ns.org>'), ns('<nS.org>')))[0][3]).to.deep.equal([hex(octets('<Ns.org>'))])
    const txt = (text: string) => record('c00c', '0010', '0000012c', text)
    expect(answerOf(txt('01 "a"'), txt('01 "A"'))[0].rdatas).to.have.length(2)
  })
  it('have no record twice when there are many either', () => {
    const many = Array.from({ length: 100 }, (_, i) => a('c00c', `c00002${i.toString(16).padStart(2, '0')}`))
    expect(answerOf(...many, ...many)[0].rdatas).to.have.length(100)
    const ns = Array.from({ length: 40 }, (_, i) => record('c00c', '0002', '0000012c', `<N${i % 20}.org>`))
    const folded = ns.map((text) => text.replace('<N', '<n'))
    expect(answerOf(...ns, ...folded)[0].rdatas).to.have.length(20)
  })
  it('have the lowest TTL of their records (RFC 2181 §5.2)', () => {
    const sets = answerOf(a('c00c', 'c0000201', '00000bb8'), a('c00c', 'c0000202', '00000064'))
    expect(sets[0].ttl).to.equal(100)
  })
  it('have TTL 0 when the top bit is set (RFC 2181 §8)', () => {
    expect(answerOf(a('c00c', 'c0000201', '80000000'))[0].ttl).to.equal(0)
    expect(answerOf(a('c00c', 'c0000201', 'ffffffff'))[0].ttl).to.equal(0)
    expect(answerOf(a('c00c', 'c0000201', '7fffffff'))[0].ttl).to.equal(0x7fffffff)
  })
  it('have the signatures that cover them, wherever those stand in the section', () => {
    const rrsig = record('c00c', '002e', '0000012c', RRSIG_A)
    const address = a('c00c', 'c0000201')
    for (const records of [
      [rrsig, address],
      [address, rrsig],
    ]) {
      expect(brief(answerOf(...records))).to.deep.equal([['www.example.org.', Type.A, 300, ['c0000201'], 1]])
    }
  })
  it('are without records when only their signatures came', () => {
    expect(brief(answerOf(record('c00c', '002e', '0000012c', RRSIG_NS), a('c00c', 'c0000201')))).to.deep.equal([
      ['www.example.org.', Type.NS, 300, [], 1],
      ['www.example.org.', Type.A, 300, ['c0000201'], 0],
    ])
  })
  it('take the TTL of their signatures into account', () => {
    const sets = answerOf(a('c00c', 'c0000201'), record('c00c', '002e', '00000010', RRSIG_A))
    expect(sets[0].ttl).to.equal(16)
  })
  it('have up to 256 records and no more', () => {
    const many = Array.from({ length: 257 }, (_, i) => a('c00c', `c000${i.toString(16).padStart(4, '0')}`))
    expect(answerOf(...many.slice(1))[0].rdatas).to.have.length(256)
    expect(wireErrorOf(() => answerOf(...many))).to.equal('limit')
  })
  it('have up to 64 KiB of RDATA and no more', () => {
    // TXT is not expanded, so only packets longer than DNS allows can hold that much.
    const txt = (i: number) =>
      record('c00c', '0010', '00000000', `ff ${i.toString(16).padStart(2, '0')} ${'61'.repeat(254)}`)
    const many = Array.from({ length: 256 }, (_, i) => txt(i))
    expect(answerOf(...many)[0].rdatas).to.have.length(256)
    expect(
      wireErrorOf(() => answerOf(...many, record('c00c', '002e', '00000000', `0010 ${RRSIG_A.slice(5)}`))),
    ).to.equal('limit')
    const other = record('<other>', '0010', '00000000', '0161')
    expect(answerOf(...many, other)).to.have.length(2)
  })
  it('are told apart when there are thousands', () => {
    const records = Array.from({ length: 3000 }, (_, i) => a(`<n${i % 1500}>`, 'c0000201'))
    const sets = answerOf(...records)
    expect(sets.map((set) => nameToText(set.owner))).to.deep.equal(Array.from({ length: 1500 }, (_, i) => `n${i}.`))
  })
})

describe('EDNS in parseReply (RFC 6891 §6.1)', () => {
  const withAdditional = (...records: string[]) =>
    parseReply(
      message({ counts: `0001 0000 0000 000${records.length}`, flags: '8401', body: QUESTION + records.join('') }),
    )

  it('gives the upper bits of the response code', () => {
    const reply = withAdditional('00 0029 1000 01008000 0000')
    expect(reply.rcode).to.equal(Rcode.BADVERS + 1)
    expect(reply.edns).to.include({ udpSize: 4096, do: true, extendedRcode: 1 })
    expect(reply.additional).to.deep.equal([])
  })
  it('may stand between other records', () => {
    const reply = withAdditional(a('c00c', 'c0000201'), OPT, a('c00c', 'c0000202'))
    expect(reply.additional[0].rdatas).to.have.length(2)
    expect(reply.edns).not.to.equal(undefined)
  })
  it('refuses a second OPT record', () => expect(wireErrorOf(() => withAdditional(OPT, OPT))).to.equal('bad-rdata'))
  it('refuses an OPT record that is not owned by the root', () => {
    expect(wireErrorOf(() => withAdditional(OPT.replace('00', '<org>')))).to.equal('bad-name')
  })
  it('refuses an OPT record in another section', () => {
    for (const counts of ['0001 0001 0000 0000', '0001 0000 0001 0000']) {
      expect(wireErrorOf(() => parseReply(message({ counts, body: QUESTION + OPT })))).to.equal('bad-rdata')
    }
  })
})

describe('parseQuery', () => {
  const query = (counts: string, body: string, flags = '0120') => parseQuery(message({ flags, counts, body }))

  it('gives header, question and EDNS', () => {
    const { edns, question, ...header } = query('0001 0000 0000 0001', `<wWw.org> 001c 0003 ${OPT}`)
    expect(header).to.deep.equal({ id: 0x1234, flags: Flag.RD | Flag.AD, opcode: Opcode.QUERY, tsig: false })
    expect(question).to.deep.equal({ name: nameFromText('wWw.org'), type: Type.AAAA, class: Class.CH })
    expect(edns).to.include({ udpSize: 1232, do: true, version: 0 })
  })
  it('keeps nothing of the packet', () => {
    const packet = message({ flags: '0100', counts: '0001 0000 0000 0000', body: QUESTION })
    const parsed = parseQuery(packet)
    packet.fill(0xff)
    expect(nameToText(parsed.question!.name)).to.equal('www.example.org.')
  })
  it('does without a question', () => {
    expect(query('0000 0000 0000 0000', '').question).to.equal(undefined)
  })
  it('refuses two questions (RFC 9619), unless another opcode gives the count another meaning', () => {
    expect(wireErrorOf(() => query('0002 0000 0000 0000', QUESTION + QUESTION))).to.equal('limit')
    expect(query('0002 0000 0000 0000', QUESTION + QUESTION, '2800').opcode).to.equal(Opcode.UPDATE)
  })
  it('steps over records it has no use for, unread', () => {
    const parsed = query('0001 0001 0001 0002', QUESTION + a('c00c', '00') + a('ffff', '00') + a('c00c', '') + OPT)
    expect(parsed.edns?.udpSize).to.equal(1232)
  })
  it('sees a TSIG at the end (RFC 8945 §5.1)', () => {
    const tsig = record('<key>', '00fa', '00000000', '00', '00ff')
    expect(query('0001 0000 0000 0002', QUESTION + OPT + tsig).tsig).to.equal(true)
    expect(query('0001 0000 0000 0002', QUESTION + tsig + OPT).tsig).to.equal(false)
  })
  it('refuses a second OPT record, one with an owner, and one in another section', () => {
    expect(wireErrorOf(() => query('0001 0000 0000 0002', QUESTION + OPT + OPT))).to.equal('bad-rdata')
    expect(wireErrorOf(() => query('0001 0000 0000 0001', QUESTION + OPT.replace('00', 'c00c')))).to.equal('bad-name')
    expect(wireErrorOf(() => query('0001 0001 0000 0000', QUESTION + OPT))).to.equal('bad-rdata')
  })
  it('refuses any packet that is cut off', () => {
    const whole = message({
      flags: '0100',
      counts: '0001 0000 0000 0001',
      body: `${QUESTION} 00 0029 04d0 00008000 0004 0003 0000`,
    })
    for (let length = 0; length < whole.length; length++) {
      expect(
        wireErrorOf(() => parseQuery(whole.subarray(0, length))),
        `${length} octets`,
      ).to.be.oneOf(['short', 'bad-rdata'])
    }
  })
})

describe('Message', () => {
  const packet = message({
    flags: '8583',
    counts: '0001 0001 0001 0002',
    body:
      QUESTION +
      a('c00c', 'c0000201') +
      record('c010', '0002', '00000e10', '026e73 c010') +
      a('<ns>', 'c0000202') +
      OPT,
  })

  it('shows the header', () => {
    const { id, flags, opcode, rcode, qdcount, ancount, nscount, arcount } = new Message(packet)
    expect({ id, flags, opcode, rcode }).to.deep.equal({ id: 0x1234, flags: 0x8583, opcode: 0, rcode: 3 })
    expect([qdcount, ancount, nscount, arcount]).to.deep.equal([1, 1, 1, 2])
    expect(new Message(message({ flags: '2800', counts: '0000 0000 0000 0000', body: '' })).opcode).to.equal(
      Opcode.UPDATE,
    )
  })
  it('gives the first question', () => {
    expect(nameToText(new Message(packet).question()!.name)).to.equal('www.example.org.')
    expect(new Message(message({ counts: '0000 0000 0000 0000', body: '' })).question()).to.equal(undefined)
  })
  it('walks each section, RDATA as views of the packet', () => {
    const sections = (['answer', 'authority', 'additional'] as const).map((section) =>
      [...new Message(packet).records(section)].map(({ owner, type, ttl, rdata }) => [
        nameToText(owner),
        type,
        ttl,
        hex(rdata),
      ]),
    )
    expect(sections).to.deep.equal([
      [['www.example.org.', Type.A, 300, 'c0000201']],
      [['example.org.', Type.NS, 3600, '026e73c010']],
      [
        ['ns.', Type.A, 300, 'c0000202'],
        ['.', Type.OPT, 0x8000, ''],
      ],
    ])
    const [address] = new Message(packet).records('answer')
    expect(address.rdata.buffer).to.equal(packet.buffer)
    expect(hex(packet.subarray(address.rdataOffset, address.rdataOffset + 4))).to.equal('c0000201')
  })
  it('gives what the OPT record says', () => {
    expect(new Message(packet).edns()).to.include({ udpSize: 1232, do: true })
    expect(new Message(message({ counts: '0001 0000 0000 0000', body: QUESTION })).edns()).to.equal(undefined)
    const twice = message({ counts: '0001 0000 0000 0002', body: QUESTION + OPT + OPT })
    expect(wireErrorOf(() => new Message(twice).edns())).to.equal('bad-rdata')
  })
  it('parses nothing before it is asked', () => {
    const damaged = new Message(message({ counts: '0001 0001 0000 0000', body: `${QUESTION} ffff` }))
    expect(damaged.question()!.type).to.equal(Type.A)
    expect(wireErrorOf(() => [...damaged.records('answer')])).to.equal('bad-name')
  })
  it('refuses a packet shorter than a header', () => {
    expect(wireErrorOf(() => new Message(new Uint8Array(11)))).to.equal('short')
  })
})
