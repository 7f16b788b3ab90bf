import { expect } from 'chai'
import { composeQuery } from '../../src/wire/compose.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { Class, EdnsOption, Type } from '../../src/wire/types.ts'
import { ClientLimits } from '../../workers/client-limits.ts'
import { ManualClock } from '../support/clock.ts'

const client = Uint8Array.of(198, 51, 100, 1)
const PACKET = new Uint8Array(12)

describe('ClientLimits', () => {
  it('is full for one client when its waiting queries reach the limit, and not for others', () => {
    const limits = new ClientLimits(new ManualClock(), { maxWaiting: 2, burst: 50 })
    limits.enter(client)
    expect(limits.isFull({ address: client }, PACKET)).to.equal(false)
    limits.enter(client)
    expect(limits.isFull({ address: client }, PACKET)).to.equal(true)
    expect(limits.isFull({ address: Uint8Array.of(198, 51, 100, 2) }, PACKET)).to.equal(false)
    limits.leave(client, () => {})
    expect(limits.isFull({ address: client }, PACKET)).to.equal(false)
  })

  it('takes an IPv6 customer with a /56 for one client (RFC 6177 §2)', () => {
    const limits = new ClientLimits(new ManualClock(), { maxWaiting: 1, burst: 50 })
    const address = (seventh: number, eighth: number) =>
      Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, seventh, eighth, 0, 0, 0, 0, 0, 0, 0, 1)
    limits.enter(address(1, 0))
    expect(limits.isFull({ address: address(1, 77) }, PACKET)).to.equal(true)
    expect(limits.isFull({ address: address(2, 0) }, PACKET)).to.equal(false)
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
    expect(limits.isFull({ address: client }, PACKET)).to.equal(true)
  })

  it('gives more to a client that shows a cookie of ours (RFC 7873)', () => {
    const isGoodCookie = (option: Uint8Array) => option[0] === 7
    const limits = new ClientLimits(new ManualClock(), {
      maxWaiting: 2,
      maxWaitingWithCookie: 3,
      burst: 1,
      isGoodCookie,
    })
    const full = (cookie?: number) => limits.isFull({ address: client }, cookie === undefined ? PACKET : query(cookie))
    for (let i = 0; i < 2; i++) limits.enter(client)
    expect([full(), full(1), full(7)]).to.deep.equal([true, true, false])
    limits.enter(client)
    expect(full(7)).to.equal(true)
  })

  it('is never full for clients whose queries cost nothing', () => {
    const priceOf = (_: Uint8Array, destination: Uint8Array | undefined) => (destination === client ? 0 : 1)
    const limits = new ClientLimits(new ManualClock(), { maxWaiting: 1, burst: 1, priceOf })
    limits.enter(client)
    expect(limits.isFull({ address: client }, PACKET)).to.equal(true)
    expect(limits.isFull({ address: client, destination: client }, PACKET)).to.equal(false)
  })
})

function query(cookie: number): Uint8Array {
  const buffer = new Uint8Array(512)
  const question = { name: nameFromText('example.org'), type: Type.A, class: Class.IN }
  const options = [{ code: EdnsOption.COOKIE, data: new Uint8Array(24).fill(cookie) }]
  return buffer.slice(
    0,
    composeQuery(buffer, { id: 1, flags: 0, question, edns: { udpSize: 1232, do: false, options } }),
  )
}
