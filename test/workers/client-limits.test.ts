import { expect } from 'chai'
import { ClientLimits } from '../../workers/client-limits.ts'
import { ManualClock } from '../support/clock.ts'

const client = Uint8Array.of(198, 51, 100, 1)

describe('ClientLimits', () => {
  it('is full for one client when its waiting queries reach the limit, and not for others', () => {
    const limits = new ClientLimits(new ManualClock(), { maxWaiting: 2, burst: 50 })
    limits.enter(client)
    expect(limits.isFull(client)).to.equal(false)
    limits.enter(client)
    expect(limits.isFull(client)).to.equal(true)
    expect(limits.isFull(Uint8Array.of(198, 51, 100, 2))).to.equal(false)
    limits.leave(client, () => {})
    expect(limits.isFull(client)).to.equal(false)
  })

  it('takes an IPv6 customer with a /56 for one client (RFC 6177 §2)', () => {
    const limits = new ClientLimits(new ManualClock(), { maxWaiting: 1, burst: 50 })
    const address = (seventh: number, eighth: number) =>
      Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, seventh, eighth, 0, 0, 0, 0, 0, 0, 0, 1)
    limits.enter(address(1, 0))
    expect(limits.isFull(address(1, 77))).to.equal(true)
    expect(limits.isFull(address(2, 0))).to.equal(false)
  })

  it('lets answers out a few per millisecond, in order (DNSBomb)', () => {
    const clock = new ManualClock()
    const limits = new ClientLimits(clock, { maxWaiting: 1000, burst: 50 })
    const sent: number[] = []
    for (let i = 0; i < 120; i++) limits.enter(client)
    for (let i = 0; i < 120; i++) limits.leave(client, () => sent.push(i))
    expect(sent).to.have.length(50)
    clock.advance(1)
    expect(sent).to.have.length(100)
    clock.advance(1)
    expect(sent).to.deep.equal(Array.from({ length: 120 }, (_, i) => i))
    expect(limits.clients).to.equal(0)
  })

  it('counts an answer that is held back as still waiting', () => {
    const limits = new ClientLimits(new ManualClock(), { maxWaiting: 2, burst: 1 })
    for (let i = 0; i < 2; i++) limits.enter(client)
    expect(limits.leave(client, () => {})).to.equal('now')
    expect(limits.leave(client, () => {})).to.equal('later')
    limits.enter(client)
    expect(limits.isFull(client)).to.equal(true)
  })
})
