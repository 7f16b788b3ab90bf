import { expect } from 'chai'
import { copyOctets, freshOctets } from '../../src/wire/pool.ts'

describe('freshOctets', () => {
  it('never gives the same octets twice, and always zeros', () => {
    const given: Uint8Array[] = []
    for (const length of [0, 1, 64, 65, 100, 2048, 2049, 9000, ...new Array(300).fill(90)]) {
      const fresh = freshOctets(length)
      expect(fresh).to.have.length(length)
      expect(fresh.every((octet) => octet === 0)).to.equal(true)
      fresh.fill(given.length + 1)
      given.push(fresh)
    }
    given.forEach((octets, i) => {
      expect(octets.every((octet) => octet === ((i + 1) & 0xff))).to.equal(true)
    })
  })
})

describe('copyOctets', () => {
  const source = Uint8Array.from({ length: 3000 }, (_, i) => i)
  for (const length of [0, 1, 64, 65, 2000, 2999]) {
    it(`copies ${length} octets`, () => {
      expect(copyOctets(source, 1, 1 + length)).to.deep.equal(source.slice(1, 1 + length))
    })
  }
})
