import { expect } from 'chai'
import { systemClock } from '../../src/io/clock.ts'
import { createLog } from '../../src/io/log.ts'
import { Counter, Counters } from '../../src/metrics/counters.ts'
import type { Interfaces } from '../../workers/addresses.ts'
import { ClientLimits } from '../../workers/client-limits.ts'
import { Service } from '../../workers/serve.ts'
import { canCatchAll, UdpCatchAll } from '../../workers/udp-catch-all.ts'
import { bindUdp } from '../../workers/udp-listener.ts'
import { UdpWildcard } from '../../workers/udp-wildcard.ts'
import { SeededRandom } from '../support/random.ts'
import { FakeResolver, queryFor } from './fake-resolver.ts'
import { eventually, freePort, pause, UdpClient } from './sockets.ts'

const shared = { mac: '00:00:00:00:00:00', internal: true }
const loopback = (...addresses: string[]): Interfaces => ({
  lo: addresses.map((address) => ({ ...shared, address, netmask: '', family: 'IPv4', cidr: `${address}/32` })),
})

describe('UdpWildcard', () => {
  const open: { close(): void }[] = []
  const events: string[] = []
  let port: number

  beforeEach(async () => {
    port = await freePort()
    events.length = 0
  })
  afterEach(() => {
    for (const thing of open.splice(0)) thing.close()
  })

  function parts() {
    const resolver = new FakeResolver()
    const counters = new Counters()
    const limits = new ClientLimits(systemClock)
    const service = new Service({ resolver, clock: systemClock, counters, limits, allows: () => true, udpSize: 1232 })
    return { resolver, counters, service }
  }

  async function listen(address = '0.0.0.0') {
    const { resolver, counters, service } = parts()
    const log = createLog(
      { level: 'debug', process: 'test' },
      { write: (line) => void events.push(JSON.parse(line).event) },
    )
    const point = { address, port, setting: 'network/listen[0]' }
    const wildcard = await UdpWildcard.open(point, service, counters, log)
    open.push(wildcard)
    return { wildcard, resolver, counters }
  }

  function client(family: 4 | 6 = 4): UdpClient {
    const made = new UdpClient(family)
    open.push(made)
    return made
  }

  for (const address of ['127.0.0.1', '127.0.0.2', '127.200.3.4'])
    it(`answers from ${address} when that was asked`, async function () {
      if (!canCatchAll()) this.skip()
      await listen()
      const asker = client()
      for (const name of ['now.example', 'after20.example', 'big1200.example'])
        expect((await asker.ask(queryFor(name), port, address)).from).to.equal(address)
    })

  it('answers over IPv6', async () => {
    await listen('::')
    expect((await client(6).ask(queryFor('now.example'), port, '::1')).from).to.equal('::1')
  })

  it('opens and closes sockets as addresses come and go', async () => {
    const { wildcard } = await listen()
    await wildcard.follow(loopback('127.0.0.1', '127.0.0.5'))
    expect(events).to.include('address-new')
    expect((await client().ask(queryFor('now.example'), port, '127.0.0.5')).from).to.equal('127.0.0.5')
    await wildcard.follow(loopback('127.0.0.1'))
    expect(events).to.include('address-gone')
    // 127.0.0.5 is still ours, whatever the interfaces say
    if (canCatchAll())
      expect((await client().ask(queryFor('now.example'), port, '127.0.0.5')).from).to.equal('127.0.0.5')
  })

  it('fails with the code of the system when the port is taken by a program that does not share', async () => {
    const holder = await bindUdp({ address: '0.0.0.0', port }, { reusePort: false })
    open.push(holder)
    const { service, counters } = parts()
    const point = { address: '0.0.0.0', port, setting: 'network/listen[0]' }
    expect(() => new UdpCatchAll(point, service, counters))
      .to.throw()
      .with.property('code', 'EADDRINUSE')
  })

  it('lives through whatever arrives at an address that no interface has', async () => {
    const { counters } = await listen()
    const random = new SeededRandom(6)
    const asker = client()
    for (let turn = 0; turn < 20; turn++) {
      for (let i = 0; i < 50; i++) {
        const packet = new Uint8Array(random.below(i % 10 === 0 ? 1400 : 60))
        random.fill(packet)
        asker.send(packet, port, '127.0.0.77')
      }
      const id = 60_000 + turn
      asker.send(queryFor('now.example', id), port, '127.0.0.77')
      while ((await asker.next()).message.readUInt16BE(0) !== id);
    }
    if (canCatchAll()) expect(counters.get(Counter.UDP_PACKETS)).to.be.at.least(1000)
  })

  it('leaves without losing a query', async function () {
    if (!canCatchAll()) this.skip()
    const staying = await listen()
    const leaving = await listen()
    const askers = Array.from({ length: 40 }, () => client())
    for (const [id, asker] of askers.entries()) asker.send(queryFor('after100.example', id), port, '127.0.0.66')
    await eventually(() => staying.resolver.inFlight + leaving.resolver.inFlight === 40, 'the arrival of 40 queries')
    expect(leaving.resolver.inFlight).to.be.greaterThan(0)
    const taken = leaving.counters.get(Counter.UDP_PACKETS)
    leaving.wildcard.leave()
    for (const [id, asker] of askers.entries()) {
      const late = await asker.next()
      const fresh = await asker.ask(queryFor('now.example', 1000 + id), port, '127.0.0.66')
      expect([late, fresh].map(({ message }) => message.readUInt16BE(0))).to.deep.equal([id, 1000 + id])
      expect(late.from).to.equal('127.0.0.66')
    }
    expect(leaving.counters.get(Counter.UDP_ANSWERS)).to.equal(taken)
    leaving.wildcard.close()
    await pause(20)
    await askers[0].ask(queryFor('now.example'), port, '127.0.0.66')
  })
})
