import { expect } from 'chai'
import { ServerAddress } from '../../src/io/address.ts'
import { Fallback } from '../../src/layers/fallback.ts'
import { enterRule } from '../../src/layers/zone-cut.ts'
import { Ledger } from '../../src/ledger.ts'
import { Request } from '../../src/request.ts'
import { defaultSettings } from '../../src/settings.ts'
import { ManualClock } from '../support/clock.ts'
import { question } from '../support/messages.ts'
import { SeededRandom } from '../support/random.ts'

const HELPER = ServerAddress.fromText('192.0.2.53')!
const SETTINGS = { servers: [{ address: HELPER, tcp: false }], afterMs: 2000 }
const WISHES = { rd: true, cd: false, ad: false, do: false }

function world(settings: typeof SETTINGS | undefined = SETTINGS) {
  const clock = new ManualClock()
  const from = (address?: Uint8Array) => {
    const client = { overUdp: true, ...(address === undefined ? {} : { address }) }
    return new Request(question('www.example.org.'), WISHES, new Ledger(defaultSettings.limits, 'enforce', 0), {
      client,
    })
  }
  return { clock, from, fallback: new Fallback(settings, clock) }
}

describe('Fallback', () => {
  it('helps when resolution has taken so long', () => {
    const { clock, from, fallback } = world()
    const request = from()
    expect([fallback.patienceMs(request), fallback.isOverdue(request)]).to.deep.equal([2000, false])
    clock.advance(1999)
    expect([fallback.patienceMs(request), fallback.isOverdue(request)]).to.deep.equal([1, false])
    clock.advance(1)
    expect(fallback.isOverdue(request)).to.equal(true)
  })

  it('is validated like everything else, and for all names', () => {
    const { rule } = world().fallback
    expect(rule).to.deep.include({ authoritative: false, dnssec: true, servers: SETTINGS.servers })
    expect(rule?.subtree).to.have.length(1)
  })

  it('never helps where there is none', () => {
    const { clock, from } = world()
    const fallback = new Fallback(undefined, clock)
    clock.advance(10_000)
    expect([fallback.mayHelp(from()), fallback.isOverdue(from()), fallback.rule]).to.deep.equal([
      false,
      false,
      undefined,
    ])
  })

  it('does not help who is being helped, nor clients of a view that does without', () => {
    const { from, fallback } = world()
    const forbidden = { queryLoopback: false, listening: [] }
    const helped = from()
    helped.iteration = enterRule(fallback.rule!, { settings: defaultSettings, random: new SeededRandom(1), forbidden })
    const without = from()
    without.view = { key: 'v', tags: new Set(), options: { fallback: false } }
    expect([helped, without, from()].map((request) => fallback.mayHelp(request))).to.deep.equal([false, false, true])
  })

  it('does not ask back who asks us, on whomever’s behalf', () => {
    const { from, fallback } = world()
    const own = from(Uint8Array.of(192, 0, 2, 53))
    const sub = new Request(own.question, WISHES, own.ledger, { parent: own })
    expect([own, sub, from(Uint8Array.of(192, 0, 2, 54))].map((request) => fallback.mayHelp(request))).to.deep.equal([
      false,
      false,
      true,
    ])
  })
})
