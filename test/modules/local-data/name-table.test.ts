import { expect } from 'chai'
import fc from 'fast-check'
import { NameTable } from '../../../src/modules/local-data/name-table.ts'
import { nameFromText, nameKey, parentName } from '../../../src/wire/name.ts'

const label = fc.stringMatching(/^[a-cA-C]{1,2}$/)
const name = fc.array(label, { maxLength: 4 }).map((labels) => nameFromText(`${labels.join('.')}.`))

describe('NameTable', () => {
  it('says what a Map says, of names and those above them', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.nat(1000)), { maxLength: 60 }), name, (entries, asked) => {
        const table = new NameTable()
        const plain = new Map<string, number>()
        for (const [owner, value] of entries) {
          table.set(owner, value)
          plain.set(nameKey(owner), value)
        }
        expect(table.size).to.equal(plain.size)
        expect(table.get(asked)).to.equal(plain.get(nameKey(asked)) ?? -1)
        const found: number[] = []
        table.findUp(asked, (value) => {
          found.push(value)
          return false
        })
        const expected: number[] = []
        for (let at = asked; ; at = parentName(at)) {
          const value = plain.get(nameKey(at))
          if (value !== undefined) expected.push(value)
          if (at.length === 1) break
        }
        expect(found).to.deep.equal(expected)
      }),
    )
  })

  it('grows, and takes some 40 octets a name', () => {
    const table = new NameTable()
    for (let i = 0; i < 20_000; i++) table.set(nameFromText(`host${i}.example.org.`), i)
    expect(table.size).to.equal(20_000)
    for (const i of [0, 77, 19_999]) expect(table.get(nameFromText(`HOST${i}.example.org.`))).to.equal(i)
    expect(table.octets / table.size).to.be.below(64)
  })
})
