import { expect } from 'chai'
import {
  backedOffMs,
  MAX_TIMEOUT_MS,
  MIN_TIMEOUT_MS,
  measureRtt,
  retransmissionTimeoutMs,
} from '../../src/upstream/rtt.ts'

describe('round-trip times (RFC 6298 §2)', () => {
  it('takes the first measurement as it is, half of it as variance (§2.2)', () => {
    const rtt = { srttMs: 0, rttvarMs: 0 }
    measureRtt(rtt, 80)
    expect(rtt).to.deep.equal({ srttMs: 80, rttvarMs: 40 })
    expect(retransmissionTimeoutMs(rtt, 400)).to.equal(80 + 4 * 40)
  })

  it('smooths the next by 1/8 and 1/4, variance first (§2.3)', () => {
    const rtt = { srttMs: 80, rttvarMs: 40 }
    measureRtt(rtt, 120)
    expect(rtt).to.deep.equal({ srttMs: 85, rttvarMs: 40 })
    measureRtt(rtt, 85)
    expect(rtt).to.deep.equal({ srttMs: 85, rttvarMs: 30 })
  })

  it('stays within its bounds', () => {
    expect(retransmissionTimeoutMs({ srttMs: 0.1, rttvarMs: 0 }, 400)).to.equal(MIN_TIMEOUT_MS)
    expect(retransmissionTimeoutMs({ srttMs: 9000, rttvarMs: 9000 }, 400)).to.equal(MAX_TIMEOUT_MS)
    expect(retransmissionTimeoutMs({ srttMs: 0, rttvarMs: 0 }, 400)).to.equal(400)
  })

  it('doubles for each time-out in a row, up to the cap (§5.5)', () => {
    expect([0, 1, 2, 3, 9, 1000].map((timeouts) => backedOffMs(400, timeouts))).to.deep.equal([
      400, 800, 1600, 3200, 10_000, 10_000,
    ])
  })

  it('measures a reply that came at once as more than nothing, which would mean "unmeasured"', () => {
    const rtt = { srttMs: 0, rttvarMs: 0 }
    measureRtt(rtt, 0)
    expect(rtt.srttMs).to.be.greaterThan(0)
  })
})
