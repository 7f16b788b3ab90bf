import { expect } from 'chai'
import { median, quantile, seededChance, zipf } from './numbers.ts'

describe('numbers of a benchmark', () => {
  it('takes the middle one, or the mean of the two in the middle', () => {
    expect(median([3, 1, 20])).to.equal(3)
    expect(median([4, 1, 2, 9])).to.equal(3)
    expect(median([])).to.be.NaN
  })

  it('finds where the tail begins', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
    expect(quantile(hundred, 0.99)).to.equal(99)
    expect(quantile(hundred, 0.999)).to.equal(100)
    expect(quantile(hundred, 0)).to.equal(1)
    expect(quantile([], 0.5)).to.be.NaN
  })

  it("draws the k-th with a probability in proportion to 1/k: Zipf's law", () => {
    const draw = zipf(1000, seededChance(7))
    const counts = new Array(1000).fill(0)
    for (let i = 0; i < 100_000; i++) counts[draw()]++
    expect(counts[0] / counts[1]).to.be.within(1.8, 2.2)
    expect(counts[0] / counts[9]).to.be.within(8.5, 11.5)
    expect(counts.reduce((sum, count) => sum + count, 0)).to.equal(100_000)
  })

  it('repeats its chance', () => {
    const [a, b] = [seededChance(3), seededChance(3)]
    for (let i = 0; i < 10; i++) expect(a()).to.equal(b())
  })
})
