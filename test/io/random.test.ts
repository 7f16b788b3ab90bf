import { expect } from 'chai'
import { SystemRandom } from '../../src/io/random.ts'

/** How far counts are from being equal, in standard deviations of the chi-squared distribution. */
function unevenness(counts: number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length
  const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  const freedom = counts.length - 1
  return (chiSquared - freedom) / Math.sqrt(2 * freedom)
}

describe('SystemRandom', () => {
  const random = new SystemRandom()

  it('draws all of u16 evenly', () => {
    const counts = new Array<number>(256).fill(0)
    for (let i = 0; i < 100_000; i++) {
      const value = random.u16()
      counts[value >> 8]++
    }
    expect(counts.length).to.equal(256)
    expect(unevenness(counts)).to.be.lessThan(8) // by chance once in more runs than there will be
  })

  it('draws below a bound evenly, also where the bound divides no power of two', () => {
    for (const bound of [3, 20, 64_512]) {
      const counts = new Array<number>(Math.min(bound, 100)).fill(0)
      for (let i = 0; i < 50_000; i++) {
        const value = random.below(bound)
        if (value < 0 || value >= bound) expect.fail(`${value} is not below ${bound}`)
        counts[Math.floor((value * counts.length) / bound)]++
      }
      expect(unevenness(counts), `bound ${bound}`).to.be.lessThan(8)
    }
    expect(random.below(1)).to.equal(0)
  })

  it('draws evenly below the largest bounds, where taking a remainder would favour the low numbers most', () => {
    const bound = 3 * 2 ** 29 // 2^32 is 2⅔ of it: by remainder the lower two thirds would come half as often again
    const counts = [0, 0, 0]
    for (let i = 0; i < 30_000; i++) counts[Math.floor(random.below(bound) / 2 ** 29)]++
    expect(unevenness(counts)).to.be.lessThan(8)
    expect(random.below(2 ** 31)).to.be.within(0, 2 ** 31 - 1)
  })

  it('refuses bounds that have no meaning', () => {
    for (const bound of [0, -1, 1.5, 2 ** 31 + 1, Number.NaN]) expect(() => random.below(bound)).to.throw(RangeError)
  })

  it('fills targets of any length, each anew', () => {
    for (const length of [0, 1, 16, 1000, 5000, 100_000]) {
      const one = new Uint8Array(length)
      const other = new Uint8Array(length)
      random.fill(one)
      random.fill(other)
      if (length >= 16) expect(Buffer.compare(one, other)).to.not.equal(0)
      if (length >= 1000) expect(new Set(one).size).to.be.greaterThan(200)
    }
  })
})
