import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import type { UdpKind } from '../../src/io/batched-udp.ts'
import { systemClock } from '../../src/io/clock.ts'
import { loadLibc } from '../../src/io/libc.ts'
import { Counter, Counters } from '../../src/metrics/counters.ts'
import { ClientLimits } from '../../workers/client-limits.ts'
import { Service } from '../../workers/serve.ts'
import { checkUdpFree, UdpListener } from '../../workers/udp-listener.ts'
import { SeededRandom } from '../support/random.ts'
import { FakeResolver, queryFor } from './fake-resolver.ts'
import { eventually, freePort, UdpClient } from './sockets.ts'
import type { Taken } from './udp-listener-memory.ts'

interface Station {
  resolver: FakeResolver
  listener: UdpListener
  counters: Counters
}

for (const kind of ['libc', 'dgram'] as UdpKind[])
  describe(`UdpListener by ${kind}`, () => {
    before(function () {
      if (kind === 'libc' && typeof loadLibc() === 'string') this.skip()
    })
    const open: { close(): void }[] = []
    let port: number

    beforeEach(async () => {
      port = await freePort()
    })
    afterEach(() => {
      for (const thing of open.splice(0)) thing.close()
    })

    async function listen(address = '127.0.0.1', resolver = new FakeResolver()): Promise<Station> {
      const counters = new Counters()
      const limits = new ClientLimits(systemClock)
      const service = new Service({ resolver, clock: systemClock, counters, limits, allows: () => true, udpSize: 1232 })
      const point = { address, port, setting: 'network/listen[0]' }
      const listener = await UdpListener.open(point, service, counters, kind)
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

    it('gives what is ready without asking the resolver', async () => {
      class Ready extends FakeResolver {
        ticks = 0
        tick() {
          this.ticks++
        }
        answerAtOnce(packet: Uint8Array, out: Uint8Array, overUdp: boolean) {
          if (!overUdp || packet[0] !== 7) return 0
          out.set(packet)
          out[2] |= 0x80
          return packet.length
        }
      }
      const resolver = new Ready()
      const { counters } = await listen('127.0.0.1', resolver)
      const asker = client()
      const query = queryFor('now.example', 0x0701)
      expect((await asker.ask(query, port)).message).to.have.length(query.length)
      expect(resolver.seen).to.have.length(0)
      expect(resolver.ticks).to.equal(1)
      await asker.ask(queryFor('now.example', 0x0801), port)
      expect(resolver.seen).to.have.length(1)
      expect(counters.get(Counter.ANSWERED_AT_ONCE)).to.equal(1)
      await eventually(() => counters.get(Counter.UDP_ANSWERS) === 2, 'both answers are counted')
    })

    it('tells which of our addresses was asked', async () => {
      const asked: string[] = []
      class Noting extends FakeResolver {
        tick() {}
        answerAtOnce(_packet: Uint8Array, _out: Uint8Array, _overUdp: boolean, _from: Uint8Array, to?: Uint8Array) {
          asked.push(String(to))
          return 0
        }
      }
      const resolver = new Noting()
      const own = kind === 'libc' ? ['127.0.0.1', '127.0.0.5'] : ['127.0.0.1'] // dgram has a socket for each address
      await listen(kind === 'libc' ? '0.0.0.0' : '127.0.0.1', resolver)
      for (const address of own) await client().ask(queryFor('now.example'), port, address)
      for (const address of own) await client().ask(queryFor('after5.example'), port, address)
      const octets = own.map((address) => address.replaceAll('.', ','))
      expect(asked).to.deep.equal([...octets, ...octets])
      expect(resolver.seen.map((one) => String(one.client.destination))).to.deep.equal(asked)
    })

    it('answers with TC what is too long for any link', async () => {
      const { counters } = await listen()
      const { message } = await client().ask(queryFor('big65520.example', 3), port)
      expect([...message.subarray(0, 12)]).to.deep.equal([0, 3, 0x83, 0, 0, 1, 0, 0, 0, 0, 0, 0])
      expect(message).to.have.length(queryFor('big65520.example').length)
      expect(counters.get(Counter.UDP_TOO_LONG)).to.equal(1)
      expect(counters.get(Counter.UDP_SEND_ERRORS)).to.equal(0)
    })

    it('counts its sockets by kind', async () => {
      const { counters } = await listen()
      const sockets = [counters.get(Counter.UDP_SOCKETS_LIBC), counters.get(Counter.UDP_SOCKETS_DGRAM)]
      expect(sockets).to.deep.equal(kind === 'libc' ? [1, 0] : [0, 1])
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
      const point = { address: '127.0.0.1', port, setting: 'network/listen[0]' }
      expect(await checkUdpFree(point).catch((error) => error.code)).to.equal('EADDRINUSE')
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

describe('UdpListener, with all that looks at a packet whose answer is ready', () => {
  it('allocates nothing for it', async function () {
    if (typeof loadLibc() === 'string') this.skip()
    this.timeout(30_000)
    const script = fileURLToPath(new URL('./udp-listener-memory.ts', import.meta.url))
    const child = fork(script, { execArgv: ['--expose-gc', '--max-semi-space-size=64', '--min-semi-space-size=64'] })
    const [rounds] = (await once(child, 'message')) as [{ many: Taken; few: Taken }[]]
    // what a turn of the event loop takes, it takes with 15 packets as with 30
    const perPacket = rounds.map(({ many, few }) => (many.octets - few.octets) / (many.answered - few.answered))
    const packets = rounds.reduce((sum, { many }) => sum + many.answered, 0)
    console.log(`      ${perPacket.map((octets) => octets.toFixed(2))} octets a packet, over ${packets} packets`)
    expect(packets).to.be.greaterThan(100_000)
    expect(Math.min(...perPacket)).to.be.lessThan(0.5) // no object is that small: V8 has things of its own to do now and then
  })
})
