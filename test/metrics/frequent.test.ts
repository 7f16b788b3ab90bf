import { expect } from 'chai'
import fc from 'fast-check'
import { type Frequent, FrequentKeys, mergeFrequent } from '../../src/metrics/frequent.ts'

function tableOf(keys: Iterable<string>, room: number): FrequentKeys {
  const table = new FrequentKeys(room)
  for (const key of keys) table.add(key)
  return table
}

function countsOf(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

describe('FrequentKeys', () => {
  it('counts exactly while there is room', () => {
    expect(tableOf('abacab', 3).top(9)).to.deep.equal([
      { key: 'a', count: 3, error: 0 },
      { key: 'b', count: 2, error: 0 },
      { key: 'c', count: 1, error: 0 },
    ])
  })

  it('shows no more than asked for', () => expect(tableOf('abacab', 3).top(1)).to.have.length(1))

  it('gives the lowest counter to a newcomer, and says how far it may be wrong', () => {
    expect(tableOf('aaabbc', 2).top(9)).to.deep.equal([
      { key: 'a', count: 3, error: 0 },
      { key: 'c', count: 3, error: 2 },
    ])
  })

  it('never holds more than it has room for, has all that is frequent, and is right within its error', () => {
    const keys = fc.array(fc.constantFrom(...'aaaaaaabbbbcdefghijklmnopqrstuvwxyz'), { maxLength: 400 })
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 12 }), (stream, room) => {
        const top = tableOf(stream, room).top(1000)
        const truth = countsOf(stream)
        expect(top.length).to.be.at.most(room)
        for (const { key, count, error } of top) {
          expect(count).to.be.at.least(truth.get(key)!)
          expect(count - error).to.be.at.most(truth.get(key)!)
        }
        const shown = new Set(top.map(({ key }) => key))
        for (const [key, count] of truth) if (count > stream.length / room) expect(shown.has(key), key).to.equal(true)
        expect(top.map(({ count }) => count)).to.deep.equal(top.map(({ count }) => count).sort((a, b) => b - a))
      }),
    )
  })

  it('begins anew when cleared', () => {
    const table = tableOf('aab', 2)
    table.clear()
    table.add('c')
    expect(table.top(9)).to.deep.equal([{ key: 'c', count: 1, error: 0 }])
  })
})

describe('mergeFrequent', () => {
  it('adds up counts and errors', () => {
    const one: Frequent[] = [
      { key: 'a', count: 5, error: 1 },
      { key: 'b', count: 4, error: 0 },
    ]
    const other: Frequent[] = [{ key: 'b', count: 3, error: 2 }]
    expect(mergeFrequent([one, other], 9)).to.deep.equal([
      { key: 'b', count: 7, error: 2 },
      { key: 'a', count: 5, error: 1 },
    ])
    expect(mergeFrequent([one, other], 1)).to.have.length(1)
    expect(mergeFrequent([], 1)).to.deep.equal([])
  })
})

describe('FrequentKeys with amounts', () => {
  it('counts each as many', () => {
    const table = new FrequentKeys(2)
    table.add('a', 5)
    table.add('b', 16)
    table.add('a', 16)
    table.add('c', 2)
    expect(table.top(9)).to.deep.equal([
      { key: 'a', count: 21, error: 0 },
      { key: 'c', count: 18, error: 16 },
    ])
  })
})
