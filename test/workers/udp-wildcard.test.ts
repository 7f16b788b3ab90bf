import { expect } from 'chai'
import { systemClock } from '../../src/io/clock.ts'
import { loadLibc } from '../../src/io/libc.ts'
import { createLog } from '../../src/io/log.ts'
import { Counter, Counters } from '../../src/metrics/counters.ts'
import type { Interfaces } from '../../workers/addresses.ts'
import { ClientLimits } from '../../workers/client-limits.ts'
import { Service } from '../../workers/serve.ts'
import { UdpListener } from '../../workers/udp-listener.ts'
import { UdpWildcard } from '../../workers/udp-wildcard.ts'
import { SeededRandom } from '../support/random.ts'
import { FakeResolver, queryFor } from './fake-resolver.ts'
import { freePort, UdpClient } from './sockets.ts'

const shared = { mac: '00:00:00:00:00:00', internal: true }
const loopback = (...addresses: string[]): Interfaces => ({
  lo: addresses.map((address) => ({ ...shared, address, netmask: '', family: 'IPv4', cidr: `${address}/32` })),
})

function parts() {
  const resolver = new FakeResolver()
  const counters = new Counters()
  const limits = new ClientLimits(systemClock)
  const service = new Service({ resolver, clock: systemClock, counters, limits, allows: () => true, udpSize: 1232 })
  return { resolver, counters, service }
}

describe('all addresses of a family, over UDP', () => {
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

  function client(family: 4 | 6 = 4): UdpClient {
    const made = new UdpClient(family)
    open.push(made)
    return made
  }

  describe('by libc', () => {
    before(function () {
      if (typeof loadLibc() === 'string') this.skip()
    })

    async function listen(address = '0.0.0.0') {
      const { resolver, counters, service } = parts()
      const point = { address, port, setting: 'network/listen[0]' }
      const listener = await UdpListener.open(point, service, counters, 'libc')
      open.push(listener)
      return { listener, resolver, counters }
    }

    for (const address of ['127.0.0.1', '127.0.0.2', '127.200.3.4'])
      it(`answers from ${address} when that was asked`, async () => {
        await listen()
        const asker = client()
        for (const name of ['now.example', 'after20.example', 'big1200.example'])
          expect((await asker.ask(queryFor(name), port, address)).from).to.equal(address)
      })

    it('answers over IPv6', async () => {
      await listen('::')
      expect((await client(6).ask(queryFor('now.example'), port, '::1')).from).to.equal('::1')
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
      expect(counters.get(Counter.UDP_PACKETS)).to.be.at.least(1000)
    })
  })

  describe('by dgram: UdpWildcard', () => {
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

    it('answers from the addresses of interfaces', async () => {
      await listen()
      const asker = client()
      for (const name of ['now.example', 'after20.example'])
        expect((await asker.ask(queryFor(name), port, '127.0.0.1')).from).to.equal('127.0.0.1')
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
      expect((await client().ask(queryFor('now.example'), port, '127.0.0.1')).from).to.equal('127.0.0.1')
    })
  })
})
