import { expect } from 'chai'
import { AutoScale, GROW_AFTER_MS, SHRINK_AFTER_MS } from '../../supervisor/auto-scale.ts'

/** Asks once a second what to do with workers that are all `load` busy; the first decision and when it came. */
function decisionAfter(scale: AutoScale, workers: number, load: number, seconds: number, fromMs = 0) {
  for (let ms = fromMs; ms <= fromMs + 1000 * seconds; ms += 1000) {
    const decision = scale.decide(Array(workers).fill(load), ms)
    if (decision !== undefined) return { ...decision, afterMs: ms - fromMs }
  }
  return undefined
}

describe('AutoScale', () => {
  it('grows when workers are busy for a while, to where they are not', () => {
    const decision = decisionAfter(new AutoScale({ min: 1, max: 8 }), 2, 0.9, 10)
    expect(decision).to.include({ workers: 4, afterMs: GROW_AFTER_MS })
    expect(decision?.reason).to.equal('2 workers were 90 % busy for 3 s')
  })

  it('never grows beyond the most, nor at all when there are that many', () => {
    expect(decisionAfter(new AutoScale({ min: 1, max: 3 }), 2, 1, 10)?.workers).to.equal(3)
    expect(decisionAfter(new AutoScale({ min: 1, max: 2 }), 2, 1, 600)).to.equal(undefined)
  })

  it('does not mind a peak', () => {
    const scale = new AutoScale({ min: 1, max: 8 })
    expect(decisionAfter(scale, 2, 0.95, 2)).to.equal(undefined)
    expect(scale.decide([0.5, 0.5], 3000)).to.equal(undefined)
    expect(decisionAfter(scale, 2, 0.95, 2, 4000)).to.equal(undefined)
  })

  it('shrinks by one when one less would be idle, too, for a long while', () => {
    const decision = decisionAfter(new AutoScale({ min: 1, max: 8 }), 4, 0.1, 600)
    expect(decision).to.include({ workers: 3, afterMs: SHRINK_AFTER_MS })
    expect(decision?.reason).to.equal('3 would have been 13 % busy at most for 60 s')
  })

  it('never shrinks below the least, nor to what would be busy', () => {
    expect(decisionAfter(new AutoScale({ min: 2, max: 8 }), 2, 0, 600)).to.equal(undefined)
    expect(decisionAfter(new AutoScale({ min: 1, max: 8 }), 2, 0.3, 600)).to.equal(undefined)
  })

  it('does not swing: after growing it stays, and after shrinking too', () => {
    for (let total = 0.05; total < 8; total += 0.05) {
      const scale = new AutoScale({ min: 1, max: 32 })
      let workers = 8
      const sizes = [workers]
      for (let ms = 0; ms < 3_600_000; ms += 1000) {
        const decision = scale.decide(Array(workers).fill(Math.min(1, total / workers)), ms)
        if (decision === undefined) continue
        workers = decision.workers
        sizes.push(workers)
      }
      const turns = sizes.filter((size, at) => at > 1 && size - sizes[at - 1] > 0 !== sizes[at - 1] - sizes[at - 2] > 0)
      expect(turns, `load ${total}: ${sizes}`).to.deep.equal([])
    }
  })

  it('goes to its bounds at once', () => {
    expect(new AutoScale({ min: 4, max: 8 }).decide([0.5], 0)?.workers).to.equal(4)
    expect(new AutoScale({ min: 1, max: 2 }).decide([0.5, 0.5, 0.5], 0)?.workers).to.equal(2)
  })
})
