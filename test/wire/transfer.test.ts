import { expect } from 'chai'
import fc from 'fast-check'
import { WireError } from '../../src/wire/error.ts'
import { parseQuery } from '../../src/wire/message.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { parseZoneText, type ZoneRecord } from '../../src/wire/text.ts'
import { composeTransferQuery, TransferReader } from '../../src/wire/transfer.ts'
import { Class, Flag, Rcode, Type } from '../../src/wire/types.ts'
import { composeScript } from '../scenarios/message.ts'

const origin = nameFromText('example.org')
const records = parseZoneText(
  `example.org. 60 IN SOA ns admin 1 2 3 4 5
www.example.org. 60 IN A 192.0.2.1
example.org. 60 IN MX 10 www.example.org.
other.example. 4294967295 IN TXT "not of the zone, which is for others to see"`,
  origin,
)
const [soa, ...others] = records
const message = (answer: ZoneRecord[], { id = 7, flags = Flag.QR as number, rcode = 0, question = true } = {}) =>
  composeScript({
    id,
    flags,
    rcode,
    question: question ? { name: origin, type: Type.AXFR, class: Class.IN } : undefined,
    answer,
    authority: [],
    additional: [],
    edns: undefined,
  })

describe('a request for a whole zone (RFC 5936 §2.1)', () => {
  it('is a plain query', () => {
    const { id, flags, question, edns } = parseQuery(composeTransferQuery(origin, 0xabcd))
    expect({ id, flags, question, edns }).to.deep.equal({
      id: 0xabcd,
      flags: 0,
      question: { name: origin, type: Type.AXFR, class: Class.IN },
      edns: undefined,
    })
  })
})

describe('the answer to it (RFC 5936 §2.2)', () => {
  it('ends with the SOA record it begins with, which counts once', () => {
    const reader = new TransferReader(origin, 7)
    expect(reader.take(message([soa, others[0]]))).to.equal('more')
    expect(reader.take(message([others[1], others[2]], { question: false }))).to.equal('more')
    expect(reader.take(message([soa]))).to.equal('done')
    expect(reader.records).to.deep.equal(
      records.map((record) => ({ ...record, ttl: record.ttl > 60 ? 0 : record.ttl })),
    )
  })

  it('may begin with a message that has nothing yet', () => {
    const reader = new TransferReader(origin, 7)
    expect(reader.take(message([]))).to.equal('more')
    expect(reader.take(message([soa, soa]))).to.equal('done')
  })

  const wrong: [string, Uint8Array][] = [
    ['of another id', message([soa], { id: 8 })],
    ['that is a query', message([soa], { flags: 0 })],
    ['that refuses', message([], { rcode: Rcode.REFUSED })],
    ['that is truncated', message([soa], { flags: Flag.QR | Flag.TC })],
    ['that begins with something else', message([others[0], soa])],
    ['that is cut off', message([soa]).subarray(0, 40)],
  ]
  for (const [what, octets] of wrong)
    it(`is not taken from a message ${what}`, () =>
      expect(() => new TransferReader(origin, 7).take(octets)).to.throw(WireError))

  it('throws nothing but WireError, whatever comes', () => {
    const sound = message([soa, ...others, soa])
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
        const damaged = sound.slice()
        for (const [at, octet] of changes) damaged[at] = octet
        try {
          new TransferReader(origin, 7).take(damaged)
        } catch (error) {
          expect(error).to.be.instanceOf(WireError)
        }
      }),
    )
  })
})
