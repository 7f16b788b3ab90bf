import { expect } from 'chai'
import { composeMessage, edeOption } from '../../src/wire/compose.ts'
import { Message, parseReply } from '../../src/wire/message.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { rrset } from '../../src/wire/rrset.ts'
import { Class, Flag, Rcode, Type } from '../../src/wire/types.ts'
import { cutToQuestion } from '../../workers/truncation.ts'

const name = nameFromText('www.Example.org.')
const address = Uint8Array.of(192, 0, 2, 1)

function answer(edns: boolean): Uint8Array {
  const packet = new Uint8Array(1232)
  const octets = composeMessage(
    packet,
    {
      id: 77,
      flags: Flag.QR | Flag.RA | Flag.AD,
      rcode: Rcode.NXDOMAIN,
      question: { name, type: Type.A, class: Class.IN },
      answer: [rrset(name, Type.A, 300, [address])],
      additional: [rrset(nameFromText('ns.example.org.'), Type.A, 300, [address])],
      edns: edns ? { udpSize: 1232, do: true, options: [edeOption(4, 'why')] } : undefined,
    },
    { limit: 1232, dnssec: true, truncate: false },
  )
  return packet.slice(0, octets)
}

describe('cutToQuestion (RFC 2181 §9)', () => {
  for (const edns of [true, false])
    it(`leaves header and question, and ${edns ? 'OPT (RFC 6891 §6.1.1)' : 'nothing else'}`, () => {
      const packet = answer(edns)
      const before = parseReply(packet)
      const octets = cutToQuestion(packet)
      const after = parseReply(packet.subarray(0, octets))
      expect(after).to.deep.equal({
        ...before,
        flags: before.flags | Flag.TC,
        answer: [],
        authority: [],
        additional: [],
        octets,
      })
      expect(octets).to.be.lessThan(packet.length)
    })

  it('leaves the header of a message without a question', () => {
    const packet = Uint8Array.of(0, 1, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9)
    expect(cutToQuestion(packet)).to.equal(12)
    expect(new Message(packet.subarray(0, 12)).flags & Flag.TC).to.equal(Flag.TC)
  })

  it('gives nothing of what is no message', () => {
    const packet = answer(true)
    for (let octets = 0; octets < packet.length; octets++) expect(cutToQuestion(packet.slice(0, octets))).to.equal(0)
  })
})
