import { expect } from 'chai'
import { addCounters, addFleetTotals, addTotals, NOTHING, sumOfWorkers, type Totals } from '../../supervisor/sums.ts'

const totals = (counters: number[], modules: Totals['modules'] = []): Totals => ({
  counters: Float64Array.from(counters),
  modules,
})
const count = (metric: string, value: number) => ({ module: 'hello', metric, help: '', value })

describe('adding up what processes count', () => {
  it('takes arrays of different versions, the new counters at the end', () => {
    expect([...addCounters(Float64Array.of(1, 2), Float64Array.of(3, 4, 5))]).to.deep.equal([4, 6, 5])
  })

  it('adds up metrics of modules by name, also those that one has and the other has not', () => {
    const sum = addTotals(totals([1], [count('a', 1), count('b', 2)]), totals([2], [count('b', 3), count('c', 4)]))
    expect(sum).to.deep.equal(totals([3], [count('a', 1), count('b', 5), count('c', 4)]))
    expect(addTotals(NOTHING, sum)).to.deep.equal(sum)
  })

  it('adds up what has labels by these, too', () => {
    const of = (view: string, value: number) => ({ ...count('queries', value), labels: { view } })
    const sum = addTotals(totals([], [of('0', 1), of('1', 2)]), totals([], [of('1', 3), count('queries', 4)]))
    expect(sum.modules).to.deep.equal([of('0', 1), of('1', 5), count('queries', 4)])
  })

  it('adds up two services by the numbers of their workers', () => {
    const ours = {
      workers: [[1, totals([1])] as [number, Totals]],
      keeper: Float64Array.of(5),
      own: Float64Array.of(7),
    }
    const theirs = {
      workers: [
        [1, totals([10])],
        [2, totals([20])],
      ] as [number, Totals][],
      keeper: Float64Array.of(1),
      own: Float64Array.of(1),
    }
    const sum = addFleetTotals(theirs, ours)
    expect(sum.workers).to.deep.equal([
      [1, totals([11])],
      [2, totals([20])],
    ])
    expect([[...sum.keeper], [...sum.own]]).to.deep.equal([[6], [8]])
    expect(sumOfWorkers(sum)).to.deep.equal(totals([31]))
  })
})
