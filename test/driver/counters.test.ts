import { expect } from 'chai'
import { coreCounters } from '../../src/driver/counters.ts'
import type { ExchangeCounters } from '../../src/upstream/exchange.ts'

describe('coreCounters', () => {
  it('begin at nothing, each core with its own', () => {
    const one = coreCounters({} as ExchangeCounters)
    one.requests++
    one.cache.hits++
    one.exceeded.time = 1
    const { cache, iterator, signatures, exchanges, exceeded, ...events } = coreCounters({} as ExchangeCounters)
    expect([...new Set([...Object.values(events), ...Object.values(cache)])]).to.deep.equal([0])
    expect([exchanges, exceeded]).to.deep.equal([{}, {}])
    expect(signatures).to.deep.equal({ good: {}, failed: {} })
    expect(iterator).to.deep.equal({ minimised: 0, minimisingGivenUp: 0, retries: {} })
  })

  it('have those of the exchanges in them, and not a copy', () => {
    const exchanges = { replies: 0 } as ExchangeCounters
    const counters = coreCounters(exchanges)
    exchanges.replies++
    expect(counters.exchanges.replies).to.equal(1)
  })
})
