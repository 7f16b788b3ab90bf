import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import { Counters } from '../../src/metrics/counters.ts'
import { COLLECTIONS, Histograms, histogramAt, readHistogram } from '../../src/metrics/tables.ts'
import { countPauses } from '../../workers/gc-pauses.ts'

describe('countPauses', () => {
  it('counts collections of garbage by kind, and how long they took', async () => {
    const counters = new Counters()
    countPauses(counters)
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc')
    const major = () =>
      readHistogram(counters.values, histogramAt(Histograms.COLLECTIONS, COLLECTIONS.indexOf('major')))
    collect()
    while (major().count === 0) await pause(1)
    expect(major().sum).to.be.above(0)
  })
})
