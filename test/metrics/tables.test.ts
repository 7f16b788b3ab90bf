import { expect } from 'chai'
import { Counter } from '../../src/metrics/counters.ts'
import {
  ALL_COUNTERS,
  BUCKETS,
  FIRST_TABLE,
  Histograms,
  observe,
  readHistogram,
  Tables,
} from '../../src/metrics/tables.ts'

describe('the tables of counters', () => {
  it('have places of their own, after the single ones', () => {
    const parts = [...Object.values(Tables), ...Object.values(Histograms)].sort((a, b) => a.start - b.start)
    let end = FIRST_TABLE
    expect(Math.max(...Object.values(Counter))).to.be.below(FIRST_TABLE)
    for (const { name, start, length } of parts) {
      expect(start, name).to.be.at.least(end)
      end = start + length
    }
    expect(end).to.be.at.most(ALL_COUNTERS)
  })

  it('give each cell its labels, the first list the slowest', () => {
    expect(Tables.QUERIES.labelsOf(0)).to.deep.equal({ transport: 'udp', family: 'ipv4' })
    expect(Tables.QUERIES.labelsOf(3)).to.deep.equal({ transport: 'tcp', family: 'ipv6' })
    expect(Tables.UPSTREAM.labelsOf(8)).to.deep.equal({ transport: 'udp', family: 'ipv6', result: 'timeout' })
  })
})

describe('observe', () => {
  it('counts a time in the bucket it just fits in', () => {
    const values = new Float64Array(BUCKETS.length + 2)
    for (const seconds of BUCKETS) observe(values, 0, seconds * 1000)
    observe(values, 0, 11_000)
    expect([...values.subarray(0, BUCKETS.length + 1)]).to.deep.equal(Array(BUCKETS.length + 1).fill(1))
    const { atMost, count } = readHistogram(values, 0)
    expect([atMost[0], atMost.at(-1), count]).to.deep.equal([1, BUCKETS.length, BUCKETS.length + 1])
  })
})
