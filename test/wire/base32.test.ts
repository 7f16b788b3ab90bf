import { expect } from 'chai'
import fc from 'fast-check'
import { base32HexOctets, base32HexText } from '../../src/wire/base32.ts'
import { hexOf, wireError } from './support.ts'

describe('base 32 with the extended hex alphabet (RFC 4648 §7)', () => {
  // RFC 4648 §10, padding taken off
  for (const [plain, encoded] of Object.entries({
    '': '',
    f: 'co',
    fo: 'cpng',
    foo: 'cpnmu',
    foob: 'cpnmuog',
    fooba: 'cpnmuoj1',
    foobar: 'cpnmuoj1e8',
  })) {
    it(`encodes "${plain}"`, () => {
      expect(base32HexText(Buffer.from(plain))).to.equal(encoded)
      expect(Buffer.from(base32HexOctets(encoded.toUpperCase())).toString()).to.equal(plain)
    })
  }

  it('gives back what it was given', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 64 }), (octets) => {
      expect(hexOf(base32HexOctets(base32HexText(octets)))).to.equal(hexOf(octets))
    })
    fc.assert(property, { seed: 1 })
  })

  it('refuses foreign digits, lengths nothing encodes to, and pad bits that are set', () => {
    for (const text of ['w0', 'c=', 'c', 'cpn', 'cpnmuo', 'cp', 'c1', 'é0'])
      expect(
        wireError(() => base32HexOctets(text)),
        text,
      ).to.equal('bad-text')
  })
})
