import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { expect } from 'chai'
import { ServerAddress } from '../../src/io/address.ts'
import { FrameReader, frameMessage } from '../../src/io/frames.ts'
import type { ExchangeSink } from '../../src/io/interfaces.ts'
import { SystemTransport, type SystemTransportOptions } from '../../src/io/transport.ts'
import { hasId, queryWithId, RecordingSink, sleep } from './sink.ts'

/** What a server does with one query; `nth` counts those of its connection from 1. */
type Behaviour = (socket: Socket, query: Uint8Array, nth: number) => void

const echo: Behaviour = (socket, query) => socket.write(frameMessage(query))

describe('TCP exchanges (RFC 7766)', () => {
  const servers: Server[] = []
  const connections: Socket[] = []
  let transport: SystemTransport

  function makeTransport(options: SystemTransportOptions = {}): void {
    transport = new SystemTransport(options)
  }

  async function serve(behaviour: Behaviour, host = '127.0.0.1'): Promise<ServerAddress> {
    const server = createServer((socket) => {
      connections.push(socket)
      const reader = new FrameReader()
      let queries = 0
      socket.on('error', () => {})
      socket.on('data', (chunk) => {
        reader.read(chunk, (query) => {
          behaviour(socket, query.slice(), ++queries)
          return true
        })
      })
    })
    server.listen(0, host)
    await once(server, 'listening')
    servers.push(server)
    const { port } = server.address() as { port: number }
    return ServerAddress.fromText(host, port)!
  }

  function ask(server: ServerAddress, sink: ExchangeSink, id = 1, timeoutMs = 2000) {
    return transport.exchange(server, 'tcp', queryWithId(id), timeoutMs, sink)
  }

  async function askOne(server: ServerAddress, id = 1, timeoutMs = 2000): Promise<string> {
    const sink = new RecordingSink(hasId(id))
    ask(server, sink, id, timeoutMs)
    expect(sink.called, 'not from within exchange()').to.equal(0)
    return sink.ended
  }

  function askMany(server: ServerAddress, count: number, timeoutMs = 2000): Promise<string[]> {
    return Promise.all(Array.from({ length: count }, (_, i) => askOne(server, i + 1, timeoutMs)))
  }

  beforeEach(() => makeTransport())

  afterEach(() => {
    transport.close()
    for (const socket of connections.splice(0)) socket.destroy()
    for (const server of servers.splice(0)) server.close()
  })

  for (const host of ['127.0.0.1', '::1']) {
    it(`bring the reply of ${host}, and keep the connection for the next (§6.2.1)`, async () => {
      const server = await serve(echo, host)
      for (let id = 1; id <= 5; id++) expect(await askOne(server, id)).to.equal('accepted')
      expect(transport.counters.tcp).to.include({ queries: 5, messages: 5, connects: 1, connectionsOpen: 1 })
    })
  }

  it('share one connection, and take replies in any order (§7)', async () => {
    const held: Uint8Array[] = []
    const server = await serve((socket, query) => {
      held.push(query)
      if (held.length === 20) for (const each of held.reverse()) socket.write(frameMessage(each))
    })
    expect(new Set(await askMany(server, 20))).to.deep.equal(new Set(['accepted']))
    expect(transport.counters.tcp.connects).to.equal(1)
  })

  it('with the same ID do not share a connection (§6.2.1)', async () => {
    const server = await serve(echo)
    expect(await Promise.all([askOne(server, 9), askOne(server, 9)])).to.deep.equal(['accepted', 'accepted'])
    expect(transport.counters.tcp.connects).to.equal(2)
  })

  it('spread over more connections when one has all it may have, and fail beyond the last', async () => {
    makeTransport({ tcpMaxPipelined: 4, tcpMaxConnectionsPerServer: 2 })
    const server = await serve((socket, query) => setTimeout(() => echo(socket, query, 0), 30))
    const results = await askMany(server, 10)
    expect(results.filter((result) => result === 'accepted')).to.have.lengthOf(8)
    expect(results.filter((result) => result === 'no-socket')).to.have.lengthOf(2)
    expect(transport.counters.tcp).to.include({ connects: 2, noSocket: 2 })
  })

  it('close an idle connection to make room for one to another server', async () => {
    makeTransport({ tcpMaxConnections: 1 })
    const one = await serve(echo)
    const other = await serve(echo)
    expect(await askOne(one)).to.equal('accepted')
    expect(await askOne(other)).to.equal('accepted')
    await sleep(20)
    expect(transport.counters.tcp.connectionsOpen).to.equal(1)
  })

  it('understand replies that trickle in octet by octet', async () => {
    const server = await serve((socket, query) => {
      const frame = frameMessage(query)
      let sent = 0
      const timer = setInterval(() => {
        socket.write(frame.subarray(sent, ++sent))
        if (sent === frame.length) clearInterval(timer)
      }, 1)
      socket.setNoDelay(true)
    })
    expect(await askOne(server)).to.equal('accepted')
  })

  it('understand many replies that come in one piece', async () => {
    const held: Uint8Array[] = []
    const server = await serve((socket, query) => {
      held.push(frameMessage(query))
      if (held.length === 10) socket.write(Buffer.concat(held))
    })
    expect(new Set(await askMany(server, 10))).to.deep.equal(new Set(['accepted']))
  })

  it('are sent again when a kept connection closes under them, once (§6.2.4)', async () => {
    const server = await serve((socket, query, nth) => (nth === 1 ? echo(socket, query, nth) : socket.destroy()))
    expect(await askOne(server, 1)).to.equal('accepted')
    expect(await askOne(server, 2)).to.equal('accepted')
    expect(transport.counters.tcp).to.include({ connects: 2, resent: 1 })
  })

  it('fail when a fresh connection closes without a reply', async () => {
    const server = await serve((socket) => socket.end())
    expect(await askOne(server)).to.equal('closed')
    expect(transport.counters.tcp).to.include({ connects: 1, resent: 0 })
  })

  it('go over a fresh connection after the server has closed the idle one', async () => {
    const server = await serve((socket, query) => socket.end(frameMessage(query)))
    expect(await askOne(server, 1)).to.equal('accepted')
    await sleep(30)
    expect(await askOne(server, 2)).to.equal('accepted')
    expect(transport.counters.tcp).to.include({ connects: 2, resent: 0, connectionsOpen: 1 })
  })

  it('get a connection each where the server closes after one reply', async () => {
    const server = await serve((socket, query, nth) => {
      if (nth === 1) setTimeout(() => socket.end(frameMessage(query)), 5)
    })
    await askMany(server, 5)
    expect(new Set(await askMany(server, 5))).to.deep.equal(new Set(['accepted']))
  })

  it('fail when the server breaks the framing, and are not sent again', async () => {
    const server = await serve((socket, query, nth) => {
      if (nth === 1) echo(socket, query, nth)
      else socket.write(Uint8Array.of(0, 3, 1, 2, 3))
    })
    expect(await askOne(server, 1)).to.equal('accepted')
    expect(await askOne(server, 2)).to.equal('closed')
    expect(transport.counters.tcp).to.include({ violations: 1, resent: 0, connects: 1 })
  })

  it('do not put up with a server that keeps sending what nobody asked for', async () => {
    const server = await serve((socket) => {
      for (let i = 0; i < 20; i++) socket.write(frameMessage(queryWithId(5000 + i)))
    })
    expect(await askOne(server)).to.equal('closed')
    expect(transport.counters.tcp.violations).to.equal(1)
  })

  it('put up with replies that come after their queries were given up', async () => {
    const late: Array<() => void> = []
    const server = await serve((socket, query) => {
      if (query[1] > 40) echo(socket, query, 0)
      else late.push(() => echo(socket, query, 0))
    })
    const sinks = Array.from({ length: 30 }, (_, i) => ({ id: i + 1, sink: new RecordingSink() }))
    const exchanges = sinks.map(({ id, sink }) => ask(server, sink, id))
    await askOne(server, 50)
    for (const exchange of exchanges) exchange.cancel()
    for (const reply of late) reply()
    expect(await askOne(server, 51)).to.equal('accepted')
    expect(transport.counters.tcp).to.include({ connects: 1, violations: 0 })
    for (const { sink } of sinks) expect(sink.called).to.equal(0)
  })

  it('end with a time-out, and leave a connection that has fallen silent', async () => {
    const server = await serve((socket, query, nth) => {
      if (nth === 1 || connections.length > 1) echo(socket, query, nth)
    })
    expect(await askOne(server, 1)).to.equal('accepted')
    expect(await askOne(server, 2, 50)).to.equal('timeout')
    expect(await askOne(server, 3)).to.equal('accepted')
    expect(transport.counters.tcp).to.include({ connects: 2, timeouts: 1 })
  })

  it('learn that nobody listens', async () => {
    const server = await serve(echo)
    await new Promise((resolve) => servers.splice(0)[0].close(resolve))
    expect(await askOne(server)).to.equal('refused')
    expect(transport.counters.tcp).to.include({ connectFailures: 1, connectionsOpen: 0 })
  })

  it('do not wait for a connection for ever', async () => {
    // A stopped process whose queue of connections is full does not answer SYNs: on loopback, the closest to a silent host.
    const script = `const server = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () =>
      console.log(server.address().port))`
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const port = Number(String((await once(child.stdout, 'data'))[0]))
      child.kill('SIGSTOP')
      for (let i = 0; i < 4; i++) connections.push(connect(port, '127.0.0.1').on('error', () => {}))
      await sleep(50)
      makeTransport({ tcpConnectTimeoutMs: 100 })
      const start = performance.now()
      expect(await askOne(ServerAddress.fromText('127.0.0.1', port)!, 1, 5000)).to.equal('timeout')
      expect(performance.now() - start).to.be.at.least(100)
      expect(transport.counters.tcp).to.include({ connectFailures: 1, connectionsOpen: 0 })
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('close connections that nobody has used for a while', async () => {
    makeTransport({ tcpIdleMs: 60 })
    const server = await serve(echo)
    expect(await askOne(server)).to.equal('accepted')
    expect(transport.counters.tcp.connectionsOpen).to.equal(1)
    await sleep(200)
    expect(transport.counters.tcp.connectionsOpen).to.equal(0)
  })

  it('say nothing more after cancel()', async () => {
    const server = await serve(echo)
    const sink = new RecordingSink()
    ask(server, sink).cancel()
    const second = ask(server, sink, 2)
    setImmediate(() => second.cancel())
    await sleep(50)
    expect(sink.failures).to.have.lengthOf(0)
  })

  it('come from the address configured', async () => {
    let from: string | undefined
    makeTransport({ sourceAddresses: ['127.4.4.4'] })
    const server = await serve((socket, query, nth) => {
      from = socket.remoteAddress
      echo(socket, query, nth)
    })
    expect(await askOne(server)).to.equal('accepted')
    expect(from).to.equal('127.4.4.4')
  })

  it('do not blame the server when the address configured is not ours', async () => {
    makeTransport({ sourceAddresses: ['192.0.2.1'] })
    expect(await askOne(await serve(echo))).to.equal('no-socket')
  })

  it('fail with unreachable where there is no way', async () => {
    expect(await askOne(ServerAddress.fromText('255.255.255.255')!)).to.equal('unreachable')
  })
})
