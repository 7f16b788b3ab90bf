import { expect } from 'chai'
import { composeQuery } from '../../src/wire/compose.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { hasOptAt, optionIn, questionEnd } from '../../src/wire/peek.ts'
import { Class, Flag, Type } from '../../src/wire/types.ts'
import { SeededRandom } from '../support/random.ts'

function query(options?: { code: number; data: Uint8Array }[]): Uint8Array {
  const buffer = new Uint8Array(512)
  const question = { name: nameFromText('www.example.org'), type: Type.A, class: Class.IN }
  const edns = options && { udpSize: 1232, do: false, options }
  return buffer.slice(0, composeQuery(buffer, { id: 1, flags: Flag.RD, question, edns }))
}
const option = (code: number, ...data: number[]) => ({ code, data: Uint8Array.from(data) })

describe('a look at a query', () => {
  it('finds the end of its question', () => {
    expect(questionEnd(query())).to.equal(query().length)
    expect(questionEnd(query([]))).to.equal(query().length)
  })

  it('finds OPT behind it, and options in that', () => {
    expect(hasOptAt(query(), query().length)).to.equal(false)
    expect(hasOptAt(query([]), query().length)).to.equal(true)
    const packet = query([option(10, 1, 2), option(12), option(3, 9)])
    expect([...optionIn(packet, 10)!]).to.deep.equal([1, 2])
    expect([...optionIn(packet, 12)!]).to.deep.equal([])
    expect([...optionIn(packet, 3)!]).to.deep.equal([9])
    expect(optionIn(packet, 8)).to.equal(undefined)
    expect(optionIn(query(), 10)).to.equal(undefined)
  })

  it('finds nothing past the end of a packet', () => {
    const packet = query([option(10, 1, 2, 3, 4)])
    for (let octets = 0; octets < packet.length; octets++)
      expect(optionIn(packet.subarray(0, octets), 10), `${octets}`).to.equal(undefined)
    for (let octets = 0; octets < query().length; octets++)
      expect(questionEnd(packet.subarray(0, octets)), `${octets}`).to.equal(0)
  })

  it('stays within the packet, whatever that is', () => {
    const random = new SeededRandom(4)
    for (let i = 0; i < 20_000; i++) {
      const packet = query([option(10, 1, 2, 3, 4), option(12, 5)])
      for (let n = 0; n < 3; n++) packet[random.below(packet.length)] = random.below(256)
      const end = questionEnd(packet)
      expect(end).to.be.at.most(packet.length)
      const found = optionIn(packet, 10)
      if (found !== undefined) expect(found.byteOffset + found.length).to.be.at.most(packet.length)
    }
  })
})
