import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { expect } from 'chai'
import { ServerAddress } from '../../src/io/address.ts'
import type { ExchangeSink } from '../../src/io/interfaces.ts'
import { SystemTransport, type SystemTransportOptions } from '../../src/io/transport.ts'
import { SeededRandom } from '../support/random.ts'
import { hasId, queryWithId, RecordingSink, sleep } from './sink.ts'

type Behaviour = (socket: Socket, packet: Buffer, from: RemoteInfo) => void

const echo: Behaviour = (socket, packet, from) => socket.send(packet, from.port, from.address)

for (const udp of ['libc', 'dgram'] as const)
  describe(`UDP exchanges by ${udp}`, () => {
    const sockets: Socket[] = []
    let transport: SystemTransport

    function makeTransport(options: SystemTransportOptions = {}): void {
      transport = new SystemTransport({ udp, ...options })
    }

    async function bound(host: string): Promise<Socket> {
      const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
      socket.bind(0, host)
      await once(socket, 'listening')
      sockets.push(socket)
      return socket
    }

    async function serve(host: string, behaviour: Behaviour): Promise<ServerAddress> {
      const socket = await bound(host)
      socket.on('message', (packet, from) => behaviour(socket, packet, from))
      return ServerAddress.fromText(host, socket.address().port)!
    }

    function ask(server: ServerAddress, sink: ExchangeSink, timeoutMs = 2000, query = queryWithId(1)) {
      return transport.exchange(server, 'udp', query, timeoutMs, sink)
    }

    beforeEach(() => makeTransport())

    afterEach(() => {
      transport.close()
      for (const socket of sockets.splice(0)) socket.close()
      expect(transport.counters.udp.socketsOpen).to.equal(0)
    })

    for (const host of ['127.0.0.1', '127.8.9.10', '::1']) {
      it(`bring the reply of ${host}`, async () => {
        const sink = new RecordingSink()
        const query = queryWithId(77, 5)
        ask(await serve(host, echo), sink, 2000, query)
        query.fill(0) // not kept after the call
        expect(await sink.ended).to.equal('accepted')
        expect([...sink.packets[0]]).to.deep.equal([...queryWithId(77, 5)])
        expect(transport.counters.udp).to.include({ queries: 1, packets: 1, rejected: 0, socketsOpen: 0 })
      })
    }

    it('go on waiting while the sink finds that packets are not the reply', async () => {
      const server = await serve('127.0.0.1', (socket, packet, from) => {
        socket.send(queryWithId(2), from.port, from.address)
        socket.send('x', from.port, from.address)
        socket.send(packet, from.port, from.address)
      })
      const sink = new RecordingSink(hasId(1))
      ask(server, sink)
      expect(await sink.ended).to.equal('accepted')
      expect(sink.packets).to.have.lengthOf(3)
      expect(transport.counters.udp.rejected).to.equal(2)
    })

    it('never hear packets from another port or address (RFC 5452 §9.1)', async () => {
      const otherPort = await bound('127.0.0.1')
      const otherHost = await bound('127.0.0.2')
      const server = await serve('127.0.0.1', (_socket, packet, from) => {
        otherPort.send(packet, from.port, from.address)
        otherHost.send(packet, from.port, from.address)
      })
      const sink = new RecordingSink()
      ask(server, sink, 150)
      expect(await sink.ended).to.equal('timeout')
      expect(sink.packets).to.have.lengthOf(0)
    })

    it('end with a time-out, once, and do not hear what comes late', async () => {
      const server = await serve('127.0.0.1', (socket, packet, from) => {
        setTimeout(() => echo(socket, packet, from), 120)
      })
      const sink = new RecordingSink()
      const start = performance.now()
      ask(server, sink, 60)
      expect(await sink.ended).to.equal('timeout')
      expect(performance.now() - start).to.be.at.least(60)
      await sleep(120)
      expect(sink.called).to.equal(1)
      expect(transport.counters.udp.timeouts).to.equal(1)
    })

    it('learn from ICMP that nobody is there', async () => {
      const socket = await bound('127.0.0.1')
      const { port } = socket.address()
      sockets.splice(0)
      await new Promise<void>((resolve) => socket.close(resolve))
      const sink = new RecordingSink()
      ask(ServerAddress.fromText('127.0.0.1', port)!, sink)
      expect(await sink.ended).to.equal('refused')
      expect(transport.counters.udp.refused).to.equal(1)
    })

    it('fail, in a later turn, where there is no way at all', async () => {
      const sink = new RecordingSink()
      ask(ServerAddress.fromText('255.255.255.255')!, sink) // broadcast, which the kernel does not let us send
      expect(sink.called).to.equal(0)
      expect(await sink.ended).to.equal('unreachable')
    })

    it('never call the sink from within exchange()', async () => {
      makeTransport({ maxUdpSockets: 0, ipv6: false })
      for (const host of ['127.0.0.1', '::1']) {
        const sink = new RecordingSink()
        ask(ServerAddress.fromText(host)!, sink)
        expect(sink.called).to.equal(0)
        await sink.ended
      }
    })

    it('say nothing more after cancel(), whenever that comes', async () => {
      const server = await serve('127.0.0.1', echo)
      const sinks = [new RecordingSink(), new RecordingSink(), new RecordingSink()]
      ask(server, sinks[0]).cancel()
      const second = ask(server, sinks[1])
      setImmediate(() => second.cancel())
      const third = ask(server, sinks[2])
      await sinks[2].ended
      third.cancel()
      third.cancel()
      await sleep(50)
      expect(sinks[0].called).to.equal(0)
      expect(sinks[2].called).to.equal(1)
    })

    it('may be cancelled by their sink', async () => {
      const server = await serve('127.0.0.1', (socket, packet, from) => {
        for (let i = 0; i < 5; i++) echo(socket, packet, from)
      })
      let offered = 0
      const exchange = ask(server, {
        accept: () => {
          offered++
          exchange.cancel()
          return false
        },
        failed: () => expect.fail('cancelled exchanges do not fail'),
      })
      await sleep(80)
      expect(offered).to.equal(1)
    })

    it('use another port each, from all that need no privileges (RFC 5452 §9.2)', async () => {
      const ports: number[] = []
      const server = await serve('127.0.0.1', (socket, packet, from) => {
        ports.push(from.port)
        echo(socket, packet, from)
      })
      for (let i = 0; i < 300; i++) {
        const sink = new RecordingSink()
        ask(server, sink)
        expect(await sink.ended).to.equal('accepted')
      }
      expect(new Set(ports).size).to.be.greaterThan(290)
      const quarter = (65_536 - 1024) / 4
      for (let i = 0; i < 4; i++) {
        const from = 1024 + i * quarter
        expect(ports.filter((port) => port >= from && port < from + quarter).length).to.be.greaterThan(35) // of 75
      }
    })

    it('draw another port when one is taken', async () => {
      const { seed, taken } = await drawnPorts()
      const holder = createSocket('udp4')
      holder.bind(taken, '0.0.0.0')
      await once(holder, 'listening')
      sockets.push(holder)
      makeTransport({ random: new SeededRandom(seed) })
      const sink = new RecordingSink()
      ask(await serve('127.0.0.1', echo), sink)
      expect(await sink.ended).to.equal('accepted')
      expect(transport.counters.udp.portCollisions).to.equal(1)
    })

    it('come from the addresses configured', async () => {
      const hosts = new Set<string>()
      const server = await serve('127.0.0.1', (socket, packet, from) => {
        hosts.add(from.address)
        echo(socket, packet, from)
      })
      makeTransport({ sourceAddresses: ['127.3.3.1', '127.3.3.2'] })
      for (let i = 0; i < 30; i++) {
        const sink = new RecordingSink()
        ask(server, sink)
        await sink.ended
      }
      expect([...hosts].sort()).to.deep.equal(['127.3.3.1', '127.3.3.2'])
    })

    it('come from all of a prefix that is ours', async () => {
      const hosts = new Set<string>()
      const server = await serve('127.0.0.1', (socket, packet, from) => {
        hosts.add(from.address)
        echo(socket, packet, from)
      })
      makeTransport({ sourceAddresses: ['127.3.4.0/24'] })
      for (let i = 0; i < 30; i++) {
        const sink = new RecordingSink()
        ask(server, sink)
        await sink.ended
      }
      expect(hosts.size).to.be.above(5)
      for (const host of hosts) expect(host).to.match(/^127\.3\.4\.\d+$/)
    })

    it('do not blame the server when the address configured is not ours', async () => {
      makeTransport({ sourceAddresses: ['192.0.2.1'] })
      const sink = new RecordingSink()
      ask(await serve('127.0.0.1', echo), sink)
      expect(await sink.ended).to.equal('no-socket')
    })

    it('are not made over a family that is switched off', async () => {
      makeTransport({ ipv4: false })
      const sink = new RecordingSink()
      ask(await serve('127.0.0.1', echo), sink)
      expect(await sink.ended).to.equal('unreachable')
      expect(transport.counters.udp.queries).to.equal(0)
    })

    it('are bounded in number, and counted beyond', async () => {
      makeTransport({ maxUdpSockets: 3 })
      const server = await serve('127.0.0.1', () => {})
      const sinks = Array.from({ length: 5 }, () => new RecordingSink())
      for (const sink of sinks) ask(server, sink, 100)
      const results = await Promise.all(sinks.map((sink) => sink.ended))
      expect(results).to.deep.equal(['timeout', 'timeout', 'timeout', 'no-socket', 'no-socket'])
      expect(transport.counters.udp).to.include({ noSocket: 2, timeouts: 3, socketsOpen: 0 })
    })

    it('run by the hundred side by side', async () => {
      const server = await serve('127.0.0.1', echo)
      const sinks = Array.from({ length: 150 }, (_, i) => new RecordingSink(hasId(i))) // what one receive buffer holds
      for (const [i, sink] of sinks.entries()) ask(server, sink, 5000, queryWithId(i))
      const results = await Promise.all(sinks.map((sink) => sink.ended))
      expect(results.every((result) => result === 'accepted')).to.equal(true)
    })
  })

/** A seed whose first two draws are ports that nobody has, and which the system gives nobody who does not ask for them. */
async function drawnPorts(): Promise<{ seed: number; taken: number }> {
  for (let seed = 1; ; seed++) {
    const random = new SeededRandom(seed)
    const ports = [0, 1].map(() => 1024 + random.below(65_536 - 1024))
    if (ports.some((port) => port > 10_000) || ports[0] === ports[1]) continue
    if ((await isFree(ports[0])) && (await isFree(ports[1]))) return { seed, taken: ports[0] }
  }
}

async function isFree(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  try {
    socket.bind(port, '0.0.0.0')
    await once(socket, 'listening')
    return true
  } catch {
    return false
  } finally {
    await new Promise<void>((closed) => socket.close(closed))
  }
}
