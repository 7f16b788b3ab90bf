import { expect } from 'chai'
import { systemClock } from '../../src/io/clock.ts'
import { Counter, Counters } from '../../src/metrics/counters.ts'
import { ClientLimits } from '../../workers/client-limits.ts'
import { Service } from '../../workers/serve.ts'
import { bindUdp, UdpListener } from '../../workers/udp-listener.ts'
import { SeededRandom } from '../support/random.ts'
import { FakeResolver, queryFor } from './fake-resolver.ts'
import { eventually, freePort, UdpClient } from './sockets.ts'

interface Station {
  resolver: FakeResolver
  listener: UdpListener
  counters: Counters
}

describe('UdpListener', () => {
  const open: { close(): void }[] = []
  let port: number

  beforeEach(async () => {
    port = await freePort()
  })
  afterEach(() => {
    for (const thing of open.splice(0)) thing.close()
  })

  async function listen(address = '127.0.0.1'): Promise<Station> {
    const resolver = new FakeResolver()
    const counters = new Counters()
    const limits = new ClientLimits(systemClock)
    const service = new Service({ resolver, clock: systemClock, counters, limits, allows: () => true, udpSize: 1232 })
    const listener = await UdpListener.open({ address, port, setting: 'network/listen[0]' }, service, counters)
    open.push(listener)
    return { resolver, listener, counters }
  }

  function client(family: 4 | 6 = 4): UdpClient {
    const made = new UdpClient(family)
    open.push(made)
    return made
  }

  it('answers from the address that was asked', async () => {
    const { resolver } = await listen('127.0.0.9')
    const answer = await client().ask(queryFor('now.example', 513), port, '127.0.0.9')
    expect(answer.from).to.equal('127.0.0.9')
    expect(answer.message.readUInt16BE(0)).to.equal(513)
    expect([...resolver.seen[0].client.address]).to.deep.equal([127, 0, 0, 1])
    expect(resolver.seen[0].client.overUdp).to.equal(true)
  })

  it('answers over IPv6', async () => {
    await listen('::1')
    const answer = await client(6).ask(queryFor('now.example'), port, '::1')
    expect(answer.from).to.equal('::1')
  })

  it('answers late queries with the right octets, though the resolver reuses its buffer', async () => {
    await listen()
    const asker = client()
    for (let id = 1; id <= 20; id++) asker.send(queryFor(`after${(id % 4) * 10}.example`, id), port)
    const ids: number[] = []
    while (ids.length < 20) ids.push((await asker.next()).message.readUInt16BE(0))
    expect(ids.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 20 }, (_, i) => i + 1))
  })

  it('lives through whatever arrives', async () => {
    const { counters } = await listen()
    const random = new SeededRandom(5)
    const asker = client()
    for (let turn = 0; turn < 20; turn++) {
      for (let i = 0; i < 100; i++) {
        const packet = new Uint8Array(random.below(i % 10 === 0 ? 1400 : 60))
        random.fill(packet)
        asker.send(packet, port)
      }
      // one honest query a round keeps the sender from outrunning the socket's buffer
      const id = 60_000 + turn
      asker.send(queryFor('now.example', id), port)
      while ((await asker.next()).message.readUInt16BE(0) !== id);
    }
    expect(counters.get(Counter.UDP_PACKETS)).to.be.at.least(2000)
  })

  it('shares its address with the listeners of other workers, and refuses one that would not share', async () => {
    await listen()
    await listen()
    const asker = client()
    await asker.ask(queryFor('now.example'), port)
    const refusal = await bindUdp({ address: '127.0.0.1', port }, { reusePort: false }).catch((error) => error.code)
    expect(refusal).to.equal('EADDRINUSE')
  })

  it('leaves without losing a query: others get the new ones, it answers what it has', async () => {
    const staying = await listen()
    const leaving = await listen()
    const askers = Array.from({ length: 40 }, () => client())
    // twice as slow as the departure: these wait in the leaving listener while it leaves
    for (const [id, asker] of askers.entries()) asker.send(queryFor('after100.example', id), port)
    await eventually(() => staying.resolver.inFlight + leaving.resolver.inFlight === 40, 'the arrival of 40 queries')
    expect(leaving.resolver.inFlight).to.be.greaterThan(0)
    const before = leaving.counters.get(Counter.UDP_PACKETS)
    leaving.listener.leave()
    for (const [id, asker] of askers.entries()) {
      const answers = [await asker.next(), await asker.ask(queryFor('now.example', 1000 + id), port)]
      const ids = answers.map((answer) => answer.message.readUInt16BE(0))
      expect(ids).to.deep.equal([id, 1000 + id])
    }
    expect(leaving.counters.get(Counter.UDP_ANSWERS)).to.equal(before)
  })
})
