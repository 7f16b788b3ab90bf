import { expect } from 'chai'
import { RuleHits } from '../../src/metrics/rule-hits.ts'

describe('RuleHits', () => {
  it('counts by list, and by what was done', () => {
    const hits = new RuleHits()
    for (const action of ['nxdomain', 'pass', 'nxdomain']) hits.count('local-data/rules/0', action)
    hits.count('forward/corp.org.', 'forward')
    expect(hits.all()).to.deep.equal([
      { list: 'local-data/rules/0', action: 'nxdomain', times: 2 },
      { list: 'local-data/rules/0', action: 'pass', times: 1 },
      { list: 'forward/corp.org.', action: 'forward', times: 1 },
    ])
  })
})
