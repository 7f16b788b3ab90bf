import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { expect } from 'chai'
import koffi from 'koffi'
import { systemClock } from '../../src/io/clock.ts'
import { Counter, Counters } from '../../src/metrics/counters.ts'
import { ClientLimits } from '../../workers/client-limits.ts'
import { Service } from '../../workers/serve.ts'
import { DEFAULT_TCP_LIMITS, TcpConnections, type TcpLimits } from '../../workers/tcp-connections.ts'
import { inherit, TcpListener, type TcpParts } from '../../workers/tcp-listener.ts'
import { FakeResolver, queryFor } from './fake-resolver.ts'
import { eventually, freePort, pause, TcpClient } from './sockets.ts'

describe('TcpListener (RFC 7766)', () => {
  const open: { close(): void }[] = []
  let port: number
  let resolver: FakeResolver
  let counters: Counters
  let connections: TcpConnections
  let listener: TcpListener
  let parts: TcpParts

  beforeEach(async () => {
    port = await freePort()
  })
  afterEach(() => {
    for (const thing of open.splice(0)) thing.close()
  })

  async function listen(limits: Partial<TcpLimits> = {}): Promise<void> {
    resolver = new FakeResolver()
    counters = new Counters()
    connections = new TcpConnections(systemClock, counters, { ...DEFAULT_TCP_LIMITS, ...limits })
    const clientLimits = new ClientLimits(systemClock)
    const service = new Service({
      resolver,
      clock: systemClock,
      counters,
      limits: clientLimits,
      allows: () => true,
      udpSize: 1232,
    })
    const point = { address: '127.0.0.1', port, setting: 'network/listen[0]' }
    parts = { service, connections, counters }
    listener = await TcpListener.open(point, parts)
    open.push(listener, { close: () => connections.leave() })
  }

  async function connect(): Promise<TcpClient> {
    const client = await TcpClient.connect(port)
    open.push(client)
    return client
  }

  function idsOf(messages: Buffer[]): number[] {
    return messages.map((message) => message.readUInt16BE(0))
  }

  it('goes on in the middle of a message that another worker began to read', async () => {
    await listen()
    const dup = koffi.load(null as unknown as string).func('int dup(int)')
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(await freePort(), '127.0.0.1')
    open.push(server)
    const accepted = once(server, 'connection') as Promise<[Socket]>
    await once(server, 'listening')
    const client = await TcpClient.connect((server.address() as { port: number }).port)
    open.push(client)
    const [former] = await accepted
    const query = queryFor('now.example', 9)
    const framed = Buffer.concat([Buffer.of(0, query.length), query])
    client.socket.write(framed.subarray(7))
    await pause(50) // the rest waits in the kernel when the connection changes hands
    const fd = dup((former as unknown as { _handle: { fd: number } })._handle.fd) as number
    inherit(fd, framed.subarray(0, 7), parts)
    expect(idsOf(await client.gather(1))).to.deep.equal([9])
    former.destroy()
  })

  it('answers pipelined queries in the order the answers are ready (§6.2.1.1)', async () => {
    await listen()
    const client = await connect()
    client.send(
      queryFor('after120.example', 1),
      queryFor('after60.example', 2),
      queryFor('now.example', 3),
      queryFor('after5.example', 4),
    )
    expect(idsOf(await client.gather(4))).to.deep.equal([3, 4, 2, 1])
    expect(resolver.seen[0].client.overUdp).to.equal(false)
  })

  it('writes length and answer together (§8)', async () => {
    await listen()
    const client = await connect()
    const chunks: Buffer[] = []
    client.socket.on('data', (chunk) => chunks.push(chunk as Buffer))
    client.send(queryFor('big3000.example'))
    await client.gather(1)
    expect(chunks.map((chunk) => chunk.length)).to.deep.equal([3002])
  })

  it('reads a query that comes octet by octet', async () => {
    await listen()
    const client = await connect()
    client.socket.setNoDelay(true)
    const query = queryFor('now.example', 9)
    for (const octet of [0, query.length, ...query]) {
      client.socket.write(Buffer.of(octet))
      await pause(1)
    }
    expect(idsOf(await client.gather(1))).to.deep.equal([9])
  })

  it('answers a client that has shut down its side, then closes (§6.2.4)', async () => {
    await listen()
    const client = await connect()
    client.send(queryFor('after50.example', 1), queryFor('now.example', 2))
    client.socket.end()
    await client.gone()
    expect(idsOf(client.messages)).to.deep.equal([2, 1])
    await eventually(() => connections.open === 0, 'the close')
  })

  it('closes what has been idle, also in the middle of a query that trickles in (slowloris)', async () => {
    await listen({ idleMs: 150 })
    const [silent, trickling] = [await connect(), await connect()]
    const dripping = setInterval(() => trickling.socket.write(Buffer.of(0)), 20)
    trickling.socket.write(Buffer.of(255, 255))
    try {
      await Promise.all([silent.gone(), trickling.gone()])
    } finally {
      clearInterval(dripping)
    }
    expect(counters.get(Counter.TCP_CLOSED_IDLE)).to.equal(2)
  })

  it('does not close a connection while it owes an answer', async () => {
    await listen({ idleMs: 100 })
    const client = await connect()
    client.send(queryFor('after500.example', 3))
    expect(idsOf(await client.gather(1))).to.deep.equal([3])
  })

  it('reads no further while the pipeline is full, and then goes on', async () => {
    await listen({ pipeline: 10 })
    const client = await connect()
    const queries = Array.from({ length: 60 }, (_, id) => queryFor('after20.example', id))
    client.send(...queries)
    let most = 0
    const watching = setInterval(() => (most = Math.max(most, resolver.inFlight)), 1)
    await client.gather(60)
    clearInterval(watching)
    expect(most).to.equal(10)
    expect(idsOf(client.messages).sort((a, b) => a - b)).to.deep.equal(queries.map((_, id) => id))
  })

  it('stops reading from a client that does not read, closes it after a while, and serves others meanwhile', async () => {
    await listen({ idleMs: 300 })
    const deaf = await connect()
    deaf.socket.pause()
    // 30 MB of answers: more than the kernel buffers for both ends
    deaf.send(...Array.from({ length: 500 }, (_, id) => queryFor('big60000.example', id)))
    await eventually(() => resolver.seen.length > 0, 'a first query')
    const other = await connect()
    other.send(queryFor('now.example', 5))
    await other.gather(1)
    other.close()
    await eventually(() => connections.open === 0, 'the close of the one that does not read')
    expect(counters.get(Counter.TCP_CLOSED_IDLE)).to.equal(1)
    expect(resolver.seen.length).to.be.lessThan(500)
    expect(connections.octets).to.be.lessThan(1024 * 1024)
  })

  it('keeps within the memory budget by closing the oldest idle connections', async () => {
    await listen({ budget: 3 * 8192 })
    const clients = [await connect(), await connect(), await connect()]
    await eventually(() => connections.open === 3, 'three connections')
    clients[0].send(queryFor('now.example', 1))
    await clients[0].gather(1)
    const fourth = await connect()
    fourth.send(queryFor('now.example', 2))
    await fourth.gather(1)
    await clients[1].gone()
    expect([clients[0].closed, clients[2].closed]).to.deep.equal([false, false])
    expect(counters.get(Counter.TCP_CLOSED_FOR_ROOM)).to.equal(1)
  })

  it('closes at once on who speaks something else', async () => {
    await listen()
    const client = await connect()
    client.send(Buffer.from('hi'))
    await client.gone()
    expect(resolver.seen).to.have.length(0)
  })

  it('lives through whatever arrives', async () => {
    await listen()
    for (let seed = 0; seed < 40; seed++) {
      const client = await connect()
      client.socket.write(Buffer.from(Array.from({ length: 400 }, (_, i) => (i * 7919 + seed * 104_729) & 255)))
      if (seed % 2 === 0) client.socket.resetAndDestroy()
    }
    const client = await connect()
    client.send(queryFor('now.example', 1))
    await client.gather(1)
  })

  it('leaves in good order: takes no new connection, answers what has arrived, closes', async () => {
    await listen()
    const [idle, busy] = [await connect(), await connect()]
    busy.send(queryFor('after100.example', 1), queryFor('now.example', 2))
    await busy.gather(1)
    listener.close()
    connections.leave()
    await idle.gone()
    await busy.gone()
    expect(idsOf(busy.messages)).to.deep.equal([2, 1])
    const refused = await TcpClient.connect(port).catch((error) => error.code)
    expect(refused).to.equal('ECONNREFUSED')
    busy.close()
    idle.close()
    await eventually(() => connections.open === 0, 'all connections closed')
  })
})
