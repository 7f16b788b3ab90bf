import { expect } from 'chai'
import * as fc from 'fast-check'
import { nameFromText } from '../../src/wire/name.ts'
import { type Filed, hashName, keepHashesSecret, NameTable } from '../../src/wire/name-table.ts'
import { SeededRandom } from '../support/random.ts'

class Item implements Filed {
  readonly hash: number
  nextFiled: this | undefined = undefined

  constructor(hash: number) {
    this.hash = hash
  }
}

describe('NameTable', () => {
  it('holds what was added and not removed, however many have the same hash', () => {
    const steps = fc.array(fc.record({ hash: fc.integer({ min: -8, max: 300 }), removes: fc.boolean() }), {
      maxLength: 400,
    })
    fc.assert(
      fc.property(steps, (commands) => {
        const table = new NameTable<Item>()
        const plain = new Set<Item>()
        for (const { hash, removes } of commands) {
          const known = [...plain].find((item) => item.hash === hash)
          if (removes && known !== undefined) {
            expect(table.remove(known)).to.equal(true)
            expect(table.remove(known)).to.equal(false)
            expect(known.nextFiled).to.equal(undefined)
            plain.delete(known)
          } else {
            const item = new Item(hash)
            table.add(item)
            plain.add(item)
          }
          expect(table.size).to.equal(plain.size)
        }
        expect(new Set(table.all()).size).to.equal(plain.size)
        expect(table.all().every((item) => plain.has(item))).to.equal(true)
        for (const item of plain) {
          let found = table.first(item.hash)
          while (found !== undefined && found !== item) found = found.nextFiled
          expect(found).to.equal(item)
        }
      }),
    )
  })
})

describe('hashName', () => {
  it('is the same for equal names, and for a name and the end of a longer one', () => {
    expect(hashName(nameFromText('WWW.Example.org.'))).to.equal(hashName(nameFromText('www.example.ORG.')))
    expect(hashName(nameFromText('www.example.org.'), 7, 4)).to.equal(hashName(nameFromText('example.org.'), 7))
    expect(hashName(nameFromText('example.org.'), 1)).to.not.equal(hashName(nameFromText('example.org.'), 28))
  })

  it('meets with that of other names as chance has it, once it is kept secret, however the names were chosen', () => {
    const buckets = 256
    keepHashesSecret(new SeededRandom(1000)) // by which they are chosen
    const chosen: Uint8Array[] = []
    for (let i = 0; chosen.length < 200; i++) {
      const name = nameFromText(`n${i}.example.org.`)
      if ((hashName(name, 1) & (buckets - 1)) === 77) chosen.push(name)
    }
    for (let seed = 0; seed < 20; seed++) {
      keepHashesSecret(new SeededRandom(seed))
      const met = new Map<number, number>()
      for (const name of chosen) {
        const bucket = hashName(name, 1) & (buckets - 1)
        met.set(bucket, (met.get(bucket) ?? 0) + 1)
      }
      expect(Math.max(...met.values()), `seed ${seed}`).to.be.below(20)
    }
  })
})
