import { expect } from 'chai'
import { type ComposeOptions, composeMessage, composeQuery, edeOption, type Outgoing } from '../../src/wire/compose.ts'
import { Message, parseReply, type Question } from '../../src/wire/message.ts'
import { nameFromText, nameToText } from '../../src/wire/name.ts'
import { type RRset, rrset } from '../../src/wire/rrset.ts'
import { Class, EdnsOption, Flag, Rcode, Type } from '../../src/wire/types.ts'
import { hex, octets, wireErrorOf } from './octets.ts'

const name = nameFromText
const question: Question = { name: name('www.example.org'), type: Type.A, class: Class.IN }
const rrsig = octets('0001 0d 03 0000012c 60000000 5f000000 abcd <example.org> 0102')
const address = (last: number) => Uint8Array.from([192, 0, 2, last])
const addresses = (owner: string, count: number, signatures: Uint8Array[] = []) =>
  rrset(
    name(owner),
    Type.A,
    300,
    Array.from({ length: count }, (_, i) => address(i)),
    signatures,
  )
const edns = { udpSize: 1232, do: true }
const OPT = 11

function compose(message: Partial<Outgoing>, options: Partial<ComposeOptions> = {}): Uint8Array {
  const buffer = new Uint8Array(70_000)
  const whole = { id: 0x1234, flags: Flag.QR, rcode: Rcode.NOERROR, question, ...message }
  const length = composeMessage(buffer, whole, { limit: 1232, dnssec: false, truncate: true, ...options })
  return buffer.subarray(0, length)
}

const truncated = (packet: Uint8Array) => (new Message(packet).flags & Flag.TC) !== 0
const owners = (rrsets: RRset[]) => rrsets.map(({ owner }) => nameToText(owner))

describe('composeMessage', () => {
  it('writes header, question and records, names compressed (RFC 1035 §4.1)', () => {
    const answer = [
      rrset(question.name, Type.CNAME, 60, [name('web.example.org')]),
      rrset(name('web.example.org'), Type.A, 300, [address(1), address(2)]),
    ]
    const authority = [rrset(name('example.org'), Type.NS, 3600, [name('ns.example.org')])]
    const additional = [rrset(name('ns.example.org'), Type.A, 3600, [address(3)])]
    const packet = compose({ flags: Flag.QR | Flag.AA | Flag.RD, rcode: Rcode.NXDOMAIN, answer, authority, additional })
    expect(hex(packet)).to.equal(
      hex(
        octets(`
          1234 8503 0001 0003 0001 0001
          <www.example.org> 0001 0001
          c00c 0005 0001 0000003c 0006 03 "web" c010
          c02d 0001 0001 0000012c 0004 c0000201
          c02d 0001 0001 0000012c 0004 c0000202
          c010 0002 0001 00000e10 0005 02 "ns" c010
          c05f 0001 0001 00000e10 0004 c0000203`),
      ),
    )
  })
  it('does without a question', () =>
    expect(hex(compose({ question: undefined }))).to.equal(`12348000${'0'.repeat(16)}`))
  it('takes the response code from rcode alone', () => {
    expect(new Message(compose({ flags: Flag.QR | 0xf, rcode: Rcode.REFUSED })).flags).to.equal(Flag.QR | Rcode.REFUSED)
  })
  it('does not compress names in types younger than RFC 1035 (RFC 3597 §4)', () => {
    const answer = [rrset(question.name, Type.SRV, 60, [octets('0001 0002 0035 <www.example.org>')])]
    expect(hex(compose({ answer }))).to.contain(hex(octets('0017 0001 0002 0035 <www.example.org>')))
  })
  it('writes signatures behind their set when they are wanted', () => {
    const answer = [addresses('www.example.org', 2, [rrsig])]
    expect(new Message(compose({ answer })).ancount).to.equal(2)
    const records = [...new Message(compose({ answer }, { dnssec: true })).records('answer')]
    expect(records.map(({ type }) => type)).to.deep.equal([Type.A, Type.A, Type.RRSIG])
    expect(records.map(({ ttl }) => ttl)).to.deep.equal([300, 300, 300])
  })
  it('writes signatures to those who ask for them by type (RFC 4035 §3.2.1)', () => {
    const answer = [rrset(question.name, Type.A, 300, [], [rrsig])]
    for (const [type, count] of [
      [Type.A, 0],
      [Type.RRSIG, 1],
      [Type.ANY, 1],
    ]) {
      expect(new Message(compose({ question: { ...question, type }, answer })).ancount).to.equal(count)
    }
  })
  it('keeps messages apart', () => {
    const first = hex(compose({ answer: [addresses('www.example.org', 3)] }))
    compose({ question: { ...question, name: name('org') }, answer: [addresses('example.org', 100)] })
    expect(hex(compose({ answer: [addresses('www.example.org', 3)] }))).to.equal(first)
  })
})

describe('EDNS in composeMessage (RFC 6891)', () => {
  it('comes last, with the upper bits of the response code', () => {
    const packet = compose({ edns, rcode: Rcode.BADVERS, additional: [addresses('ns.org', 1)] })
    expect(parseReply(packet).rcode).to.equal(Rcode.BADVERS)
    expect(new Message(packet).rcode).to.equal(0)
    expect(hex(packet.subarray(-OPT))).to.equal(hex(octets('00 0029 04d0 01 00 8000 0000')))
    expect(new Message(packet).arcount).to.equal(2)
  })
  it('without it, codes above 15 become SERVFAIL', () => {
    expect(parseReply(compose({ rcode: Rcode.BADVERS })).rcode).to.equal(Rcode.SERVFAIL)
  })
  it('has its room kept free', () => {
    const limit = 12 + 21 + 3 * 16 + OPT
    const whole = parseReply(compose({ edns, answer: [addresses('www.example.org', 3)] }, { limit }))
    expect(whole.answer[0].rdatas).to.have.length(3)
    expect(whole.edns).not.to.equal(undefined)
    const cut = compose({ edns, answer: [addresses('www.example.org', 3)] }, { limit: limit - 1 })
    expect(truncated(cut)).to.equal(true)
    expect(parseReply(cut).edns).not.to.equal(undefined)
  })
  it('carries options in order, opaque', () => {
    const options = [{ code: EdnsOption.COOKIE, data: octets('0102030405060708') }, edeOption(3, 'stale')]
    expect(parseReply(compose({ edns: { ...edns, options } })).edns!.options).to.deep.equal(options)
  })
  it('pads to the next multiple of a block, within the limit (RFC 8467 §4.1)', () => {
    const answer = [addresses('www.example.org', 3)]
    expect(compose({ edns, answer }, { padBlock: 468 })).to.have.length(468)
    expect(parseReply(compose({ edns, answer }, { padBlock: 468 })).edns!.options[0].code).to.equal(EdnsOption.PADDING)
    expect(compose({ edns, answer }, { padBlock: 468, limit: 300 })).to.have.length(300)
    expect(compose({ answer }, { padBlock: 468 })).to.have.length(12 + 21 + 48)
  })
  it('loses its last options when question and options alone are too long', () => {
    const options = [
      { code: EdnsOption.NSID, data: new Uint8Array(200) },
      { code: 65001, data: new Uint8Array(300) },
    ]
    const packet = compose({ edns: { ...edns, options } }, { limit: 512 })
    expect(parseReply(packet).edns!.options.map(({ code }) => code)).to.deep.equal([EdnsOption.NSID])
    expect(truncated(packet)).to.equal(false)
  })
})

describe('truncation in composeMessage (RFC 2181 §9)', () => {
  const answer = [addresses('www.example.org', 3), addresses('b.org', 3), addresses('c.org', 1)]

  it('is not for what fits exactly', () => {
    const exact = compose({ answer }).length
    expect(truncated(compose({ answer }, { limit: exact }))).to.equal(false)
    expect(truncated(compose({ answer }, { limit: exact - 1 }))).to.equal(true)
  })
  it('leaves off whole RRsets of the answer, and all that follows', () => {
    const authority = [addresses('d.org', 1)]
    const additional = [addresses('e.org', 1)]
    const packet = compose({ answer, authority, additional }, { limit: 12 + 21 + 48 + 40 })
    const reply = parseReply(packet)
    expect(truncated(packet)).to.equal(true)
    expect(owners(reply.answer)).to.deep.equal(['www.example.org.'])
    expect(reply.answer[0].rdatas).to.have.length(3)
    expect(reply.authority.length + reply.additional.length).to.equal(0)
  })
  it('counts signatures with their set (RFC 4035 §3.1.1)', () => {
    const signed = [addresses('www.example.org', 1, [rrsig])]
    const whole = compose({ answer: signed }, { dnssec: true }).length
    const packet = compose({ answer: signed }, { dnssec: true, limit: whole - 1 })
    expect(truncated(packet)).to.equal(true)
    expect(new Message(packet).ancount).to.equal(0)
  })
  it('leaves off whole RRsets of authority, and keeps the answer', () => {
    const packet = compose({ answer: [answer[0]], authority: answer.slice(1) }, { limit: 12 + 21 + 48 + 60 })
    const reply = parseReply(packet)
    expect(truncated(packet)).to.equal(true)
    expect([owners(reply.answer), owners(reply.authority)]).to.deep.equal([['www.example.org.'], ['b.org.']])
  })
  it('does not set TC for the additional section, of which the sets that fit remain', () => {
    const packet = compose({ answer: [answer[0]], additional: answer.slice(1) }, { limit: 12 + 21 + 48 + 30 })
    expect(truncated(packet)).to.equal(false)
    expect(owners(parseReply(packet).additional)).to.deep.equal(['c.org.'])
  })
  it('leaves no pointers to what was taken back', () => {
    const additional = [
      rrset(name('big.net'), Type.TXT, 1, [new Uint8Array(200)]),
      rrset(name('small.big.net'), Type.A, 1, [address(1)]),
    ]
    const packet = compose({ additional }, { limit: 12 + 21 + 60 })
    expect(owners(parseReply(packet).additional)).to.deep.equal(['small.big.net.'])
  })
  it('keeps a TC that was already set', () => {
    expect(truncated(compose({ flags: Flag.QR | Flag.TC, answer }))).to.equal(true)
  })
  it('is an error when it is not allowed, but for the additional section', () => {
    const limit = 100
    expect(wireErrorOf(() => compose({ answer }, { limit, truncate: false }))).to.equal('no-room')
    expect(wireErrorOf(() => compose({ authority: answer }, { limit, truncate: false }))).to.equal('no-room')
    expect(owners(parseReply(compose({ additional: answer }, { limit, truncate: false })).additional)).to.deep.equal([
      'www.example.org.',
      'c.org.',
    ])
  })
  it('is an error when there is no room for question and OPT record', () => {
    expect(wireErrorOf(() => compose({ edns }, { limit: 12 + 21 + OPT - 1 }))).to.equal('no-room')
    expect(wireErrorOf(() => compose({}, { limit: 32 }))).to.equal('no-room')
    expect(wireErrorOf(() => compose({}, { limit: 11 }))).to.equal('no-room')
  })
  it('never passes 65535 octets', () => {
    const many = Array.from({ length: 300 }, (_, i) => rrset(name(`n${i}.org`), Type.TXT, 1, [new Uint8Array(250)]))
    const packet = compose({ answer: many }, { limit: 70_000 })
    expect(packet.length).to.be.within(65_200, 65_535)
    expect(truncated(packet)).to.equal(true)
  })
  it('drops Extended DNS Errors before data, TC set (RFC 8914 §3)', () => {
    const options = [edeOption(22, 'a text of some length'), { code: EdnsOption.NSID, data: octets('01') }]
    const packet = compose({ edns: { ...edns, options }, answer: [answer[0]] }, { limit: 12 + 21 + 48 + OPT + 10 })
    const reply = parseReply(packet)
    expect(reply.answer[0].rdatas).to.have.length(3)
    expect(reply.edns!.options.map(({ code }) => code)).to.deep.equal([EdnsOption.NSID])
    expect(truncated(packet)).to.equal(true)
  })
})

describe('composeQuery', () => {
  it('writes header, question and OPT record', () => {
    const buffer = new Uint8Array(100)
    const length = composeQuery(buffer, { id: 0xabcd, flags: Flag.RD | Flag.CD, question, edns })
    expect(hex(buffer.subarray(0, length))).to.equal(
      hex(octets('abcd 0110 0001 0000 0000 0001 <www.example.org> 0001 0001 00 0029 04d0 00 00 8000 0000')),
    )
  })
  it('does without EDNS', () => {
    const buffer = new Uint8Array(33)
    expect(composeQuery(buffer, { id: 1, flags: 0, question })).to.equal(33)
    expect(new Message(buffer).arcount).to.equal(0)
  })
  it('throws when the buffer is too small', () => {
    expect(wireErrorOf(() => composeQuery(new Uint8Array(32), { id: 1, flags: 0, question }))).to.equal('no-room')
  })
})
