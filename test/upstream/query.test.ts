import { expect } from 'chai'
import fc from 'fast-check'
import { composeUpstream, isReply, judgePacket, type SentQuery } from '../../src/upstream/query.ts'
import { equalNames, nameFromText } from '../../src/wire/name.ts'
import { Class, Flag, Rcode, Type } from '../../src/wire/types.ts'
import { SeededRandom } from '../support/random.ts'

const QNAME = nameFromText('www.example.org.')
const HEADER = 12

function compose(options: Partial<Parameters<typeof composeUpstream>[1]> = {}, seed = 1): SentQuery {
  return composeUpstream(new Uint8Array(512), {
    qname: QNAME,
    qtype: Type.A,
    choice: { edns: true, mixCase: true },
    random: new SeededRandom(seed),
    ...options,
  })
}

/** A reply to `sent`, as an honest server would begin it; `changes` to its 16-bit header fields, by offset. */
function replyTo(
  sent: SentQuery,
  changes: Record<number, number> = {},
  tail: Uint8Array = new Uint8Array(),
): Uint8Array {
  const packet = new Uint8Array(HEADER + sent.question.length + tail.length)
  packet.set(sent.octets.subarray(0, HEADER))
  packet.set(sent.question, HEADER)
  packet.set(tail, HEADER + sent.question.length)
  const view = new DataView(packet.buffer)
  view.setUint16(2, Flag.QR)
  view.setUint16(10, 0)
  for (const [offset, value] of Object.entries(changes)) view.setUint16(Number(offset), value)
  return packet
}

function bareHeader(sent: SentQuery, rcode: number, changes: Record<number, number> = {}): Uint8Array {
  return replyTo(sent, { 2: Flag.QR | rcode, 4: 0, ...changes }).subarray(0, HEADER)
}

describe('composeUpstream', () => {
  it('asks with RD=0, one question and, by default, DO and 1232 octets (RFC 6891 §6.1.2)', () => {
    const { octets, question } = compose()
    const view = new DataView(octets.buffer, octets.byteOffset)
    expect(view.getUint16(2)).to.equal(0)
    expect([4, 6, 8, 10].map((offset) => view.getUint16(offset))).to.deep.equal([1, 0, 0, 1])
    const opt = octets.subarray(HEADER + question.length)
    expect([...opt]).to.deep.equal([0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0])
  })

  it('sets RD and CD for forwarding when told to', () => {
    const { octets } = compose({ recursionDesired: true, checkingDisabled: true })
    expect((octets[2] << 8) | octets[3]).to.equal(Flag.RD | Flag.CD)
  })

  it('leaves OPT and mixed case away for servers that cannot bear them', () => {
    const { octets, question } = compose({ choice: { edns: false, mixCase: false } })
    expect(octets.length).to.equal(HEADER + question.length)
    expect(octets[11]).to.equal(0)
    expect([...question.subarray(0, QNAME.length)]).to.deep.equal([...QNAME])
  })

  it('carries EDNS options', () => {
    const { octets, question } = compose({ options: [{ code: 10, data: Uint8Array.of(1, 2, 3) }] })
    const opt = octets.subarray(HEADER + question.length)
    expect([...opt.subarray(9)]).to.deep.equal([0, 7, 0, 10, 0, 3, 1, 2, 3])
  })

  it('is padded to blocks of 128 octets when told to, and not without OPT (RFC 7830, RFC 8467 §4.1)', () => {
    const lengths = new Set<number>()
    for (let labels = 1; labels <= 120; labels++) {
      const { octets, question } = compose({ qname: nameFromText('a.'.repeat(labels)), padTo: 128 })
      lengths.add(octets.length)
      const options = octets.subarray(HEADER + question.length + 11)
      const view = new DataView(options.buffer, options.byteOffset)
      expect([view.getUint16(0), view.getUint16(2)]).to.deep.equal([12, options.length - 4])
      expect(options.subarray(4).every((octet) => octet === 0)).to.equal(true)
      expect(new DataView(octets.buffer, octets.byteOffset + HEADER + question.length).getUint16(9)).to.equal(
        options.length,
      )
    }
    expect([...lengths]).to.deep.equal([128, 256, 384])
    const plain = compose({ choice: { edns: false, mixCase: false }, padTo: 128 })
    expect(plain.octets.length).to.equal(HEADER + plain.question.length)
  })

  it('mixes the case of letters and of nothing else (draft-vixie-dnsext-dns0x20)', () => {
    const octetsOfName = fc.uint8Array({ minLength: 1, maxLength: 63 })
    fc.assert(
      fc.property(octetsOfName, fc.nat(), (label, seed) => {
        const qname = Uint8Array.of(label.length, ...label, 0)
        const { question } = compose({ qname }, seed)
        expect(equalNames(question.subarray(0, qname.length), qname)).to.equal(true)
        for (let i = 0; i < qname.length; i++) {
          const isLetter = /[a-z]/i.test(String.fromCharCode(qname[i])) && qname[i] < 0x80
          if (!isLetter) expect(question[i]).to.equal(qname[i])
        }
      }),
    )
  })

  it('gives every letter either case about as often, and IDs over the full range', () => {
    const random = new SeededRandom(7)
    const upper = new Array<number>(QNAME.length).fill(0)
    const idBits = new Array<number>(16).fill(0)
    for (let i = 0; i < 4000; i++) {
      const { question, id } = compose({ random })
      for (let at = 0; at < QNAME.length; at++) if (question[at] >= 0x41 && question[at] <= 0x5a) upper[at]++
      for (let bit = 0; bit < 16; bit++) idBits[bit] += (id >> bit) & 1
    }
    const letters = [...QNAME.keys()].filter((at) => QNAME[at] >= 0x61)
    for (const at of letters) expect(upper[at]).to.be.within(1800, 2200)
    for (const count of idBits) expect(count).to.be.within(1800, 2200)
  })

  it('keeps a question of its own when the buffer is used again', () => {
    const buffer = new Uint8Array(512)
    const sent = composeUpstream(buffer, {
      qname: QNAME,
      qtype: Type.A,
      choice: { edns: true, mixCase: true },
      random: new SeededRandom(),
    })
    const reply = replyTo(sent)
    buffer.fill(0)
    expect(judgePacket(sent, reply)).to.equal('match')
  })
})

describe('judgePacket (RFC 5452 §9.1)', () => {
  const sent = compose()

  it('takes the reply with our ID, opcode and question', () =>
    expect(judgePacket(sent, replyTo(sent))).to.equal('match'))

  it('refuses another ID', () => expect(judgePacket(sent, replyTo(sent, { 0: sent.id ^ 1 }))).to.equal('mismatch-id'))

  it('refuses a query', () => expect(judgePacket(sent, replyTo(sent, { 2: 0 }))).to.equal('not-a-response'))

  it('refuses another opcode', () =>
    expect(judgePacket(sent, replyTo(sent, { 2: Flag.QR | (5 << 11) }))).to.equal('mismatch-opcode'))

  it('refuses another name, type or class', () => {
    for (const offset of [sent.question.length - 3, sent.question.length - 1, 3]) {
      const reply = replyTo(sent)
      reply[HEADER + offset] ^= 2
      expect(judgePacket(sent, reply), `octet ${offset} of the question`).to.equal('mismatch-name')
    }
  })

  it('refuses two questions, and a reply shorter than its header', () => {
    expect(judgePacket(sent, replyTo(sent, { 4: 2 }))).to.equal('malformed')
    expect(judgePacket(sent, replyTo(sent).subarray(0, 11))).to.equal('malformed')
  })

  it('refuses one that has no room for the records it claims', () =>
    expect(judgePacket(sent, replyTo(sent, { 6: 5 }, new Uint8Array(54)))).to.equal('malformed'))

  it('takes a truncated one that claims more than it has (RFC 2181 §9)', () =>
    expect(judgePacket(sent, replyTo(sent, { 2: Flag.QR | Flag.TC, 6: 5 }))).to.equal('match'))

  it('calls a reply in another case a near miss', () => {
    const reply = replyTo(sent)
    reply[HEADER + 1] ^= 0x20
    expect(judgePacket(sent, reply)).to.equal('mismatch-case')
  })

  it('does not mind the case when none was mixed in', () => {
    const plain = compose({ choice: { edns: true, mixCase: false } })
    const reply = replyTo(plain)
    reply[HEADER + 1] ^= 0x20
    expect(judgePacket(plain, reply)).to.equal('match')
  })

  it('does not take [ for { or @ for `, which differ by the same bit', () => {
    const odd = compose({ qname: nameFromText('[@.example.org.'), choice: { edns: true, mixCase: false } })
    const reply = replyTo(odd)
    reply[HEADER + 1] ^= 0x20
    expect(judgePacket(odd, reply)).to.equal('mismatch-name')
  })

  it('takes lost case over TCP only, where nobody off the path can forge', () => {
    expect(isReply('mismatch-case', 'udp')).to.equal(false)
    expect(isReply('mismatch-case', 'tcp')).to.equal(true)
    expect(isReply('mismatch-name', 'tcp')).to.equal(false)
    expect(isReply('match', 'udp')).to.equal(true)
  })

  describe('a reply without question', () => {
    it('counts when the server gives up', () => {
      for (const rcode of [Rcode.FORMERR, Rcode.NOTIMP, Rcode.SERVFAIL, Rcode.REFUSED])
        expect(judgePacket(sent, bareHeader(sent, rcode))).to.equal('match')
    })

    it('does not count as an answer or a denial', () => {
      for (const rcode of [Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.YXDOMAIN])
        expect(judgePacket(sent, bareHeader(sent, rcode))).to.equal('mismatch-name')
    })

    it('does not count when it brings records along, which a forger could want us to keep', () => {
      for (const offset of [6, 8]) {
        const packet = new Uint8Array(HEADER + 11)
        packet.set(bareHeader(sent, Rcode.SERVFAIL, { [offset]: 1 }))
        expect(judgePacket(sent, packet)).to.equal('mismatch-name')
      }
    })

    it('must have our ID all the same', () =>
      expect(judgePacket(sent, bareHeader(sent, Rcode.FORMERR, { 0: sent.id ^ 1 }))).to.equal('mismatch-id'))
  })

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (packet, withId) => {
        if (withId && packet.length >= 2) packet.set(sent.octets.subarray(0, 2))
        expect(judgePacket(sent, packet)).to.be.a('string')
      }),
      { numRuns: 2000 },
    )
  })

  it('takes no packet that differs from the reply in ID, QR, opcode or question', () => {
    const reply = replyTo(sent)
    for (let octet = 0; octet < reply.length; octet++) {
      for (let bit = 0; bit < 8; bit++) {
        const mask = 1 << bit
        const judged = octet < 2 || (octet === 2 && mask >= 0x08) || (octet >= 4 && octet < 6) || octet >= HEADER
        if (!judged) continue
        const other = reply.slice()
        other[octet] ^= mask
        expect(judgePacket(sent, other), `octet ${octet} bit ${bit}`).to.not.equal('match')
      }
    }
  })

  it('asks in class IN unless told otherwise', () => {
    const { question } = compose()
    expect(question[question.length - 1]).to.equal(Class.IN)
  })
})
