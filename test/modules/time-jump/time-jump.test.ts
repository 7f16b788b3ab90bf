import { expect } from 'chai'
import { timeJump } from '../../../src/modules/time-jump/index.ts'
import { ManualClock } from '../../support/clock.ts'
import { SeededRandom } from '../../support/random.ts'

const DAY = 86_400_000

describe('time-jump', () => {
  let clock: ManualClock
  let events: object[]
  const start = () =>
    timeJump.start(
      {},
      { clock, random: new SeededRandom(), log: (level, event, fields) => events.push({ level, event, ...fields }) },
    )

  beforeEach(() => {
    clock = new ManualClock()
    events = []
  })

  it('is silent as long as both clocks run alike, or nearly so', () => {
    const module = start()
    for (let i = 0; i < 100; i++) {
      clock.advance(10_000)
      clock.jumpWall(5) // as fast as a clock is corrected
    }
    expect(events).to.deep.equal([])
    expect(module.counts).to.deep.equal({ forward: 0, back: 0 })
  })

  it('tells when the clock is set, and by how much', () => {
    const module = start()
    clock.advance(DAY)
    clock.jumpWall(3_600_000)
    clock.advance(10_000)
    clock.advance(10_000)
    clock.jumpWall(-90_000)
    clock.advance(10_000)
    expect(events).to.deep.equal([
      { level: 'warning', event: 'time-jump', bySeconds: 3600 },
      { level: 'warning', event: 'time-jump', bySeconds: -90 },
    ])
    expect(module.counts).to.deep.equal({ forward: 1, back: 1 })
  })

  it('looks no more when it is stopped', () => {
    const module = start()
    module.stop()
    expect(clock.pending).to.equal(0)
  })
})
