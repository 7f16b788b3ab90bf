import { expect } from 'chai'
import type { Pursuit } from '../../src/driver/pursuit.ts'
import { Turns } from '../../src/driver/turns.ts'
import { ManualClock } from '../support/clock.ts'
import { pursuitOf } from '../support/stepping.ts'

function world(onRun: (pursuit: Pursuit) => void = () => {}) {
  const clock = new ManualClock()
  const ran: Pursuit[] = []
  const run = (pursuit: Pursuit) => {
    ran.push(pursuit)
    onRun(pursuit)
  }
  return { clock, ran, turns: new Turns(clock, { run, hear: () => {} }) }
}

describe('Turns', () => {
  it('let who pauses go on, but not at once', () => {
    const { clock, ran, turns } = world()
    const pursuit = pursuitOf('www.example.org.')
    turns.pause(pursuit)
    expect(ran).to.deep.equal([])
    clock.advance(0)
    expect(ran).to.deep.equal([pursuit])
    expect(clock.pending).to.equal(0)
  })

  it('come one at a time, in the order of pausing; who pauses again is the last', () => {
    let again = 2
    const { clock, ran, turns } = world((pursuit) => {
      if (again-- > 0) turns.pause(pursuit)
    })
    const [one, two] = [pursuitOf('one.'), pursuitOf('two.')]
    turns.pause(one)
    turns.pause(two)
    expect(clock.pending).to.equal(1)
    clock.advanceToNext()
    clock.advance(0)
    expect(ran).to.deep.equal([one, two, one, two])
  })

  it('begin with nothing done in a row', () => {
    const rows: number[] = []
    const { clock, turns } = world(({ request }) => rows.push(request.ledger.checkedInARow))
    const pursuit = pursuitOf('www.example.org.')
    pursuit.request.ledger.charge('signatures', 8)
    expect(pursuit.request.ledger.checkedInARow).to.equal(8)
    turns.pause(pursuit)
    clock.advance(0)
    expect(rows).to.deep.equal([0])
  })
})
