import { expect } from 'chai'
import { readQuery, wishesOf } from '../../src/driver/client-query.ts'
import { defaultSettings } from '../../src/settings.ts'
import { composeQuery } from '../../src/wire/compose.ts'
import { type ClientQuery, parseReply } from '../../src/wire/message.ts'
import { nameToText } from '../../src/wire/name.ts'
import { Class, Ede, EdnsOption, Flag, Opcode, Rcode, Type } from '../../src/wire/types.ts'
import { question } from '../support/messages.ts'

/** A query with EDNS; `change` may spoil it. */
function packet(change: (packet: Uint8Array) => Uint8Array = (same) => same): Uint8Array {
  const buffer = new Uint8Array(512)
  const query = {
    id: 0x1234,
    flags: Flag.RD,
    question: question('www.example.org.'),
    edns: { udpSize: 1232, do: false },
  }
  return change(buffer.slice(0, composeQuery(buffer, query)))
}

const set = (at: number, value: number) => (sent: Uint8Array) => {
  sent.set([value], at < 0 ? sent.length + at : at)
  return sent
}
/** From the end: the question's class stands before the OPT record of 11 octets, whose version is its seventh. */
const CLASS = -12
const VERSION = -5

const room = new Uint8Array(512)
const faults: unknown[] = []
const read = (sent: Uint8Array) => readQuery(sent, room, defaultSettings, (error) => faults.push(error))

/** What a client that sends this is told; undefined: nothing, or that it will be answered. */
function refusal(sent: Uint8Array) {
  const octets = read(sent)
  if (typeof octets !== 'number') throw new Error('it is to be pursued')
  return octets === 0 ? undefined : parseReply(room.slice(0, octets))
}

function edesOf(reply: ReturnType<typeof refusal>): number[] {
  const options = reply?.edns?.options ?? []
  return options.filter(({ code }) => code === EdnsOption.EDE).map(({ data }) => (data[0] << 8) | data[1])
}

describe('readQuery', () => {
  afterEach(() => expect(faults).to.deep.equal([]))

  it('gives the query that is to be pursued', () => {
    const query = read(packet()) as ClientQuery
    expect([query.id, query.question?.type, query.edns?.udpSize]).to.deep.equal([0x1234, Type.A, 1232])
    expect(nameToText(query.question!.name)).to.equal('www.example.org.')
  })

  it('takes questions about the server itself, too (class CH, RFC 4892)', () =>
    expect((read(packet(set(CLASS, Class.CH))) as ClientQuery).question?.class).to.equal(Class.CH))

  it('is silent to what is no query: too short, or a response, for answering those would make loops', () => {
    expect(refusal(new Uint8Array(11))).to.equal(undefined)
    expect(refusal(packet(set(2, 0x81)))).to.equal(undefined)
  })

  it('refuses with FORMERR what is damaged, as far as there is a header, or asks nothing (RFC 1035 §4.1.1)', () => {
    const damaged = refusal(packet((sent) => sent.slice(0, 20)))
    expect([damaged?.rcode, damaged?.id, damaged?.question]).to.deep.equal([Rcode.FORMERR, 0x1234, undefined])
    expect(refusal(packet(set(5, 0)))?.rcode).to.equal(Rcode.FORMERR)
  })

  it('refuses with NOTIMP opcodes it does not know, and gives them back', () => {
    const reply = refusal(packet(set(2, (Opcode.UPDATE << 3) | 1)))
    expect([reply?.rcode, ((reply?.flags ?? 0) >> 11) & 15]).to.deep.equal([Rcode.NOTIMP, Opcode.UPDATE])
    expect(edesOf(reply)).to.deep.equal([Ede.NOT_SUPPORTED])
  })

  it('refuses with BADVERS EDNS versions it does not know (RFC 6891 §6.1.3)', () =>
    expect(refusal(packet(set(VERSION, 1)))?.rcode).to.equal(Rcode.BADVERS))

  it('refuses classes it does not serve, and says why (RFC 8914)', () => {
    const hesiod = refusal(packet(set(CLASS, Class.HS)))
    expect([hesiod?.rcode, edesOf(hesiod)]).to.deep.equal([Rcode.REFUSED, [Ede.NOT_SUPPORTED]])
    expect(refusal(packet(set(CLASS, Class.ANY)))?.rcode).to.equal(Rcode.NOTIMP)
  })
})

describe('wishesOf', () => {
  it('reads the flags, and DO where there is EDNS', () => {
    const query = (flags: number, edns?: { do: boolean }) => ({ flags, edns }) as ClientQuery
    expect(wishesOf(query(0))).to.deep.equal({ rd: false, cd: false, ad: false, do: false })
    expect(wishesOf(query(Flag.RD | Flag.CD))).to.deep.equal({ rd: true, cd: true, ad: false, do: false })
    expect(wishesOf(query(Flag.AD, { do: true }))).to.deep.equal({ rd: false, cd: false, ad: true, do: true })
  })
})
