import { expect } from 'chai'
import fc from 'fast-check'
import { compareCanonical, foldName, isAtOrBelow, nameFromText, ROOT } from '../../src/wire/name.ts'
import { MAX_REVERSED, nameFromReversed, reversedName, writeReversed } from '../../src/wire/reversed.ts'
import { anyName } from './arbitraries.ts'
import { hex, octets, wireErrorOf } from './octets.ts'

const seeded = { seed: 4034, numRuns: 1000 }

describe('reversedName', () => {
  it('goes from the root down, folded, each label ended by a zero', () => {
    expect(hex(reversedName(nameFromText('www.Example.ORG')))).to.equal(hex(octets('"org" 00 "example" 00 "www" 00')))
  })
  it('is empty for the root', () => expect(reversedName(ROOT)).to.have.length(0))
  it('keeps zeros out of labels', () => {
    expect(hex(reversedName(nameFromText('\\000\\001\\002')))).to.equal('01010102' + '0200')
  })
  it('has the canonical order as the order of its octets (RFC 4034 §6.1)', () => {
    fc.assert(
      fc.property(anyName, anyName, (a, b) => {
        const order = Buffer.compare(reversedName(a), reversedName(b))
        expect(order).to.equal(Math.sign(compareCanonical(a, b)))
      }),
      seeded,
    )
  })
  it('begins with the reversed form of every ancestor, and of no other name', () => {
    fc.assert(
      fc.property(anyName, anyName, (name, zone) => {
        const begins = hex(reversedName(name)).startsWith(hex(reversedName(zone)))
        expect(begins).to.equal(isAtOrBelow(name, zone))
      }),
      seeded,
    )
  })
  it('is at most MAX_REVERSED long', () => {
    const label = `${'\\000'.repeat(63)}.`
    expect(reversedName(nameFromText(label.repeat(3) + '\\001'.repeat(61))).length).to.be.at.most(MAX_REVERSED)
  })
})

describe('writeReversed', () => {
  it('writes at the offset and gives the octets written', () => {
    const target = new Uint8Array(MAX_REVERSED + 2).fill(0xee)
    expect(writeReversed(nameFromText('a.b'), target, 2)).to.equal(4)
    expect(hex(target.subarray(0, 8))).to.equal(hex(octets('eeee "b" 00 "a" 00 eeee')))
  })
})

describe('nameFromReversed', () => {
  it('gives back the folded name', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        expect(nameFromReversed(reversedName(name))).to.deep.equal(foldName(name))
      }),
      seeded,
    )
  })
  for (const [why, key] of [
    ['ends inside a label', '"org"'],
    ['has an empty label', '"org" 00 00'],
    ['has an escape of nothing', '01 03 00'],
    ['ends inside an escape', '"a" 01 00'],
    ['has a label of 64 octets', `${'61'.repeat(64)} 00`],
    ['has more than 255 octets', `${`${'61'.repeat(63)}00`.repeat(4)}`],
  ]) {
    it(`refuses a key that ${why}`, () => {
      expect(wireErrorOf(() => nameFromReversed(octets(key)))).to.equal('bad-name')
    })
  }
})
