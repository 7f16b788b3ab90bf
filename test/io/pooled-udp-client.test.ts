import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { expect } from 'chai'
import { ServerAddress } from '../../src/io/address.ts'
import { systemClock } from '../../src/io/clock.ts'
import { loadSocketCalls } from '../../src/io/libc-sockets.ts'
import { PooledUdpClient } from '../../src/io/pooled-udp-client.ts'
import { systemRandom } from '../../src/io/random.ts'
import { SourceAddresses } from '../../src/io/source-addresses.ts'
import { queryWithId, RecordingSink, sleep } from './sink.ts'

const POOL = 8

describe('PooledUdpClient', () => {
  let client: PooledUdpClient
  let server: Socket
  let address: ServerAddress
  /** Ports the questions came from, in their order. */
  let ports: number[]
  let delayMs: number

  beforeEach(async function () {
    const calls = loadSocketCalls()
    if (typeof calls === 'string') {
      console.log(`      skipped: ${calls}`)
      this.skip()
    }
    const sources = new SourceAddresses([], systemRandom)
    client = new PooledUdpClient({
      calls,
      clock: systemClock,
      random: systemRandom,
      sources,
      maxSockets: 100,
      pool: POOL,
    })
    ports = []
    delayMs = 0
    server = createSocket('udp4')
    server.on('message', (packet, from) => {
      ports.push(from.port)
      setTimeout(() => server.send(packet, from.port, from.address), delayMs)
    })
    server.bind(0, '127.0.0.1')
    await once(server, 'listening')
    address = ServerAddress.fromText('127.0.0.1', server.address().port) as ServerAddress
  })

  afterEach(() => {
    client?.close()
    server?.close()
    if (client !== undefined) expect(client.counters.socketsOpen).to.equal(0)
  })

  async function ask(id: number, timeoutMs = 2000) {
    const sink = new RecordingSink()
    const exchange = client.exchange(address, queryWithId(id), timeoutMs, sink)
    return { sink, exchange, ended: await sink.ended }
  }

  it('uses sockets again, by chance, once a whole pool of them is idle', async () => {
    for (let i = 0; i < 100; i++) expect((await ask(i)).ended).to.equal('accepted')
    const firstAgain = ports.findIndex((port, i) => ports.indexOf(port) < i)
    expect(firstAgain).to.be.at.least(POOL) // until then each question has a port of its own
    expect(client.counters.reused).to.be.within(70, 100 - POOL)
    expect(client.counters.socketsOpen).to.be.within(POOL, 2 * POOL)
    expect(new Set(ports.slice(-40)).size).to.be.at.least(POOL / 2) // not the same one over and over
  })

  it('never uses a socket again that failed to bring a reply: what comes late must not meet another question', async () => {
    for (let i = 0; i < 30; i++) await ask(i)
    delayMs = 80
    const silent = new Set<number>()
    for (let i = 0; i < 5; i++) {
      expect((await ask(100 + i, 10)).ended).to.equal('timeout')
      await sleep(5)
      silent.add(ports.at(-1) as number)
    }
    delayMs = 0
    const asked = ports.length
    for (let i = 0; i < 30; i++) {
      const { sink } = await ask(200 + i)
      expect([...sink.packets[0]]).to.deep.equal([...queryWithId(200 + i)])
    }
    expect(ports.slice(asked).filter((port) => silent.has(port))).to.deep.equal([])
  })

  it('keeps no socket to a server that is seldom asked', async () => {
    await ask(1)
    await ask(2)
    expect(client.counters).to.include({ queries: 2, reused: 0, socketsOpen: 0 })
  })

  it('gives the sockets it keeps away before it has none for a question', async () => {
    const sinks = Array.from({ length: 100 }, () => new RecordingSink())
    for (const [i, sink] of sinks.entries()) client.exchange(address, queryWithId(i), 2000, sink)
    await Promise.all(sinks.map((sink) => sink.ended))
    expect(client.counters.socketsOpen).to.be.greaterThan(POOL)
    delayMs = 50
    const more = Array.from({ length: 100 }, () => new RecordingSink())
    for (const [i, sink] of more.entries()) client.exchange(address, queryWithId(i), 2000, sink)
    expect(client.counters.socketsOpen).to.be.at.most(100)
    expect(new Set(await Promise.all(more.map((sink) => sink.ended)))).to.deep.equal(new Set(['accepted']))
    expect(client.counters.noSocket).to.equal(0)
  })

  it('sends the questions of one turn through one socket drawn, and gives each its reply', async () => {
    for (let i = 0; i < 30; i++) await ask(i)
    const asked = ports.length
    const sinks = Array.from({ length: 20 }, () => new RecordingSink())
    for (const [i, sink] of sinks.entries()) client.exchange(address, queryWithId(500 + i), 2000, sink)
    await Promise.all(sinks.map((sink) => sink.ended))
    expect(new Set(ports.slice(asked)).size).to.equal(1)
    for (const [i, sink] of sinks.entries()) expect([...sink.packets[0]]).to.deep.equal([...queryWithId(500 + i)])
  })

  it('never has two questions with the same ID under way on one socket', async () => {
    for (let i = 0; i < 30; i++) await ask(i)
    const asked = ports.length
    const sinks = [new RecordingSink(), new RecordingSink()]
    for (const sink of sinks) client.exchange(address, queryWithId(77), 2000, sink)
    await Promise.all(sinks.map((sink) => sink.ended))
    expect(new Set(ports.slice(asked)).size).to.equal(2)
  })

  it('lets all who wait at a socket know of a packet that is for none of them', async () => {
    for (let i = 0; i < 30; i++) await ask(i)
    server.removeAllListeners('message')
    server.on('message', (_packet, from) => server.send(queryWithId(4711), from.port, from.address))
    const sinks = [new RecordingSink(() => false), new RecordingSink(() => false)]
    for (const [i, sink] of sinks.entries()) client.exchange(address, queryWithId(600 + i), 100, sink)
    expect(await Promise.all(sinks.map((sink) => sink.ended))).to.deep.equal(['timeout', 'timeout'])
    expect(sinks.map((sink) => sink.packets.length)).to.deep.equal([2, 2])
  })
})
