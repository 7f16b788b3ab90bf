import { expect } from 'chai'
import fc from 'fast-check'
import { editDistance, nearest } from '../../src/config/suggest.ts'

describe('editDistance', () => {
  const examples: [string, string, number][] = [
    ['', '', 0],
    ['', 'abc', 3],
    ['workers', 'workers', 0],
    ['worker', 'workers', 1],
    ['wrokers', 'workers', 1],
    ['kitten', 'sitting', 3],
  ]
  for (const [a, b, distance] of examples)
    it(`from ${JSON.stringify(a)} to ${JSON.stringify(b)} is ${distance}`, () =>
      expect(editDistance(a, b)).to.equal(distance))

  it('is the same both ways, and no more than the longer word', () => {
    const word = fc.string({ maxLength: 12, unit: fc.constantFrom('a', 'b', 'c') })
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).to.equal(editDistance(b, a))
        expect(editDistance(a, b)).to.be.at.most(Math.max(a.length, b.length))
      }),
    )
  })
})

describe('nearest', () => {
  const names = ['ttl-min', 'ttl-max', 'size-max', 'storage']
  const examples: [string, string | undefined][] = [
    ['ttlMin', 'ttl-min'],
    ['ttl_max', 'ttl-max'],
    ['TTL-MAX', 'ttl-max'],
    ['storge', 'storage'],
    ['sotrage', 'storage'],
    ['max-size', undefined],
    ['prefetch', undefined],
    ['', undefined],
  ]
  for (const [word, name] of examples)
    it(`of ${JSON.stringify(word)} is ${name ?? 'none'}`, () => expect(nearest(word, names)).to.equal(name))
})
