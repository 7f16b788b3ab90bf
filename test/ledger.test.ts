import { expect } from 'chai'
import { DEFAULT_LIMITS, Ledger, type Resource } from '../src/ledger.ts'

const limits = { ...DEFAULT_LIMITS, 'upstream-queries': 2, depth: 3, time: 1000 }

describe('Ledger', () => {
  it('grants work up to the limit and refuses what goes beyond', () => {
    const ledger = new Ledger(limits, 'enforce', 0)
    expect([1, 2, 3].map(() => ledger.charge('upstream-queries'))).to.deep.equal([true, true, false])
    expect(ledger.exceeded).to.equal('upstream-queries')
  })

  it('remembers the first limit that was passed', () => {
    const ledger = new Ledger(limits, 'enforce', 0)
    ledger.charge('received', limits.received + 1)
    ledger.charge('upstream-queries', 10)
    expect(ledger.exceeded).to.equal('received')
  })

  it('reports excess in shadow mode, once, and lets it pass', () => {
    const reported: Resource[] = []
    const ledger = new Ledger(limits, 'shadow', 0, (resource) => reported.push(resource))
    expect([1, 2, 3, 4].every(() => ledger.charge('upstream-queries'))).to.equal(true)
    expect(reported).to.deep.equal(['upstream-queries'])
  })

  it('neither limits nor reports when off', () => {
    const ledger = new Ledger(limits, 'off', 0)
    expect(ledger.charge('upstream-queries', 100)).to.equal(true)
    expect(ledger.exceeded).to.equal(undefined)
  })

  it('takes depth as a level, not as a sum', () => {
    const ledger = new Ledger(limits, 'enforce', 0)
    expect([1, 2, 3, 2, 3].every((level) => ledger.reach('depth', level))).to.equal(true)
    expect(ledger.reach('depth', 4)).to.equal(false)
  })

  it('bounds time from the moment it was opened, in every mode', () => {
    for (const mode of ['off', 'shadow', 'enforce'] as const) {
      const ledger = new Ledger(limits, mode, 500)
      expect(ledger.isLate(1499)).to.equal(false)
      expect(ledger.isLate(1500)).to.equal(true)
    }
  })
})
