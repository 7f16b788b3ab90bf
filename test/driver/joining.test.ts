import { expect } from 'chai'
import { coreCounters } from '../../src/driver/counters.ts'
import { Joining } from '../../src/driver/joining.ts'
import type { Pursuit } from '../../src/driver/pursuit.ts'
import type { ExchangeCounters } from '../../src/upstream/exchange.ts'
import { nameToText } from '../../src/wire/name.ts'
import { pursuitOf } from '../support/stepping.ts'

function joining(limits: { maxJoined?: number; maxRecursions?: number } = {}) {
  const counters = coreCounters({} as ExchangeCounters)
  return { counters, joining: new Joining({ maxJoined: 100, maxRecursions: 100, ...limits }, counters) }
}

const textsOf = ({ request }: Pursuit) => request.edes.map(({ text }) => text)

describe('Joining', () => {
  it('finds who is after the same, in whatever case, until that one leaves', () => {
    const { joining: table } = joining()
    const first = pursuitOf('www.example.org.')
    expect(table.leaderFor(first)).to.equal(undefined)
    expect([table.lead(first), first.leads]).to.deep.equal([true, true])
    expect(table.leaderFor(pursuitOf('WWW.example.org.'))).to.equal(first)
    expect(table.leaderFor(pursuitOf('mail.example.org.'))).to.equal(undefined)
    table.leave(first)
    expect(first.leads).to.equal(false)
    expect(table.leaderFor(pursuitOf('www.example.org.'))).to.equal(undefined)
  })

  it('gives who leaves those who have followed, once', () => {
    const { joining: table, counters } = joining()
    const [leader, one, two, three] = [1, 2, 3, 4].map(() => pursuitOf('www.example.org.'))
    table.lead(leader)
    for (const follower of [one, two, three]) expect(table.follow(follower, leader)).to.equal(true)
    expect(counters.joined).to.equal(3)
    expect(table.leave(two)).to.deep.equal([]) // it has waited long enough
    expect(two.leader).to.equal(undefined)
    expect(table.leave(leader)).to.deep.equal([one, three])
    expect(table.leave(leader)).to.deep.equal([])
  })

  it('keeps the followers of one from those of another', () => {
    const { joining: table } = joining()
    const [here, there] = [pursuitOf('here.'), pursuitOf('there.')]
    for (const leader of [here, there]) table.lead(leader)
    const follower = pursuitOf('here.')
    table.follow(follower, here)
    expect([table.leave(there), table.leave(here)]).to.deep.equal([[], [follower]])
  })

  it('lets so many follow one', () => {
    const { joining: table, counters } = joining({ maxJoined: 2 })
    const leader = pursuitOf('www.example.org.')
    table.lead(leader)
    const followers = [1, 2, 3].map(() => pursuitOf('www.example.org.'))
    expect(followers.map((follower) => table.follow(follower, leader))).to.deep.equal([true, true, false])
    expect(textsOf(followers[2])).to.deep.equal(['too many clients wait for the same answer'])
    expect([followers[2].leader, counters.joined, counters.refusedJoins]).to.deep.equal([undefined, 2, 1])
  })

  it('lets so many lead, but always what they depend on', () => {
    const { joining: table, counters } = joining({ maxRecursions: 1 })
    const first = pursuitOf('one.')
    expect(table.lead(first)).to.equal(true)
    const second = pursuitOf('two.')
    expect([table.lead(second), second.leads]).to.deep.equal([false, false])
    expect(textsOf(second)).to.deep.equal(['too many questions wait for other servers'])
    expect(counters.refusedRecursions).to.equal(1)
    expect(table.lead(pursuitOf('ns.one.', first))).to.equal(true)
  })

  it('lets nobody wait for what waits for it', () => {
    // one ← its sub-request `ns.`, which follows another's, which has a sub-request for `one.`
    const { joining: table } = joining()
    const [one, other] = [pursuitOf('one.'), pursuitOf('other.')]
    const [needed, wanted] = [pursuitOf('ns.', one), pursuitOf('ns.', other)]
    for (const leader of [one, other, wanted]) table.lead(leader)
    expect(table.follow(needed, wanted)).to.equal(true)
    const circular = pursuitOf('one.', wanted)
    expect(table.leaderFor(circular)).to.equal(one)
    expect(table.follow(circular, one)).to.equal(false)
    expect(textsOf(circular)).to.deep.equal(['one. A depends on itself'])
    expect(table.follow(pursuitOf('one.'), one)).to.equal(true) // who only waits may
  })

  it('tells what waits, for what, and who else wants to know, in the order it began', () => {
    const { joining: table } = joining()
    const [asked, depending, pausing] = ['asked.', 'depending.', 'pausing.'].map((name) => pursuitOf(name))
    asked.exchange = { cancel: () => {} }
    depending.request.expect('key')
    for (const pursuit of [pausing, asked, depending]) table.lead(pursuit)
    table.follow(pursuitOf('ASKED.'), asked)
    const told = (limit: number) =>
      table
        .waiting(limit)
        .map(({ request, waitsFor, joined }) => [
          nameToText(request.qname),
          waitsFor,
          joined.map(({ qname }) => nameToText(qname)),
        ])
    expect(told(10)).to.deep.equal([
      ['asked.', 'reply', ['ASKED.']],
      ['depending.', 'others', []],
      ['pausing.', 'turn', []],
    ])
    expect(told(1)).to.have.length(1)
    expect(table.leaders()).to.have.members([asked, depending, pausing])
  })
})
