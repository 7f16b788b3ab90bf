import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { expect } from 'chai'
import { ServerAddress } from '../../src/io/address.ts'
import { FrameReader, frameMessage } from '../../src/io/frames.ts'
import { type TlsIdentity, tlsIdentity, whyNoAuthority } from '../../src/io/tls-identity.ts'
import { SystemTransport, type SystemTransportOptions } from '../../src/io/transport.ts'
import { needPeer } from '../peers.ts'
import { certify, makeCertificates } from '../support/certificates.ts'
import { hasId, queryWithId, RecordingSink, sleep } from './sink.ts'

/** What a server does with one query; `nth` counts those of its connection from 1. */
type Behaviour = (socket: TLSSocket, query: Uint8Array, nth: number) => void

const echo: Behaviour = (socket, query) => socket.write(frameMessage(query))

describe('TLS exchanges (RFC 7858)', () => {
  const servers: Server[] = []
  const sockets: Socket[] = []
  /** Why servers were not trusted, as operators are told. */
  const complaints: string[] = []
  let folder: string
  let ca: string
  let transport: SystemTransport
  /** Queries that servers could read. */
  let read = 0

  function makeTransport(options: SystemTransportOptions = {}): void {
    transport = new SystemTransport({
      onUntrusted: (server, why) => complaints.push(`${server.hostText} ${why}`),
      ...options,
    })
  }

  const file = (name: string) => readFileSync(join(folder, name), 'utf8')

  function pinOf(certificate: string): string {
    const { publicKey } = new X509Certificate(certificate)
    return createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64')
  }

  /** The port of a server with one of the certificates. */
  async function serve(behaviour: Behaviour = echo, name = 'resolver', options: TlsOptions = {}): Promise<number> {
    const server = createServer({ cert: file(`${name}.crt`), key: file(`${name}.key`), ...options }, (socket) => {
      const reader = new FrameReader()
      let queries = 0
      socket.on('error', () => {})
      socket.on('data', (chunk) => {
        reader.read(chunk, (query) => {
          read++
          behaviour(socket, query.slice(), ++queries)
          return true
        })
      })
    })
    server.on('tlsClientError', () => {})
    return listen(server)
  }

  async function listen(server: Server): Promise<number> {
    server.on('connection', (socket) => sockets.push(socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    servers.push(server)
    return (server.address() as { port: number }).port
  }

  const byName = (hostname = 'dns.resolver.net') => tlsIdentity({ hostname, ca })
  const at = (port: number, identity = byName()) => ServerAddress.fromText('127.0.0.1', port, identity)!

  async function askOne(server: ServerAddress, id = 1, timeoutMs = 3000): Promise<string> {
    const sink = new RecordingSink(hasId(id))
    transport.exchange(server, 'tls', queryWithId(id), timeoutMs, sink)
    expect(sink.called, 'not from within exchange()').to.equal(0)
    return sink.ended
  }

  function askMany(server: ServerAddress, count: number): Promise<string[]> {
    return Promise.all(Array.from({ length: count }, (_, i) => askOne(server, i + 1)))
  }

  before(async function () {
    needPeer(this, 'openssl')
    folder = mkdtempSync(join(tmpdir(), 'bowline-tls-client-'))
    await makeCertificates(folder)
    await certify(folder, 'resolver', 'DNS:dns.resolver.net')
    await certify(folder, 'expired', 'DNS:dns.resolver.net', -1)
    ca = file('ca.crt')
  })

  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true })
  })

  beforeEach(() => {
    makeTransport()
    complaints.length = 0
    read = 0
  })

  afterEach(() => {
    transport.close()
    for (const socket of sockets.splice(0)) socket.destroy()
    for (const server of servers.splice(0)) server.close()
  })

  describe('with a server that shows to be the one that is meant', () => {
    it('bring the reply, and keep the connection for the next (§3.4)', async () => {
      const server = at(await serve())
      for (let id = 1; id <= 5; id++) expect(await askOne(server, id)).to.equal('accepted')
      expect(transport.counters.tls).to.include({ queries: 5, messages: 5, connects: 1, connectionsOpen: 1 })
      expect(transport.counters.handshakes).to.deep.equal({ handshakes: 1, resumed: 0, untrusted: 0 })
    })

    it('share one connection, and take replies in any order (§3.3)', async () => {
      const held: Uint8Array[] = []
      const port = await serve((socket, query) => {
        held.push(query)
        if (held.length === 20) for (const each of held.reverse()) socket.write(frameMessage(each))
      })
      expect(new Set(await askMany(at(port), 20))).to.deep.equal(new Set(['accepted']))
      expect(transport.counters.tls.connects).to.equal(1)
    })

    it('know it by a pin, whoever signed its certificate and for however long (§4.2)', async () => {
      const pins = ['A'.repeat(43).concat('='), pinOf(file('expired.crt'))]
      expect(await askOne(at(await serve(echo, 'expired'), tlsIdentity({ pins })))).to.equal('accepted')
    })

    it('know it by its name, however that is written', async () => {
      expect(await askOne(at(await serve(), byName('DNS.Resolver.net.')))).to.equal('accepted')
    })

    it('know it by an address, where that is its name', async () => {
      expect(await askOne(at(await serve(echo, 'server'), byName('127.0.0.1')))).to.equal('accepted')
      expect(await askOne(at(await serve(echo, 'server'), byName('127.0.0.2')))).to.equal('untrusted')
    })

    it('do not begin anew when a handshake takes longer than the first of them waits', async () => {
      const slow = createServer({ cert: file('resolver.crt'), key: file('resolver.key') }, (socket) => {
        socket.on('error', () => {})
        socket.on('data', (chunk) => new FrameReader().read(chunk, (query) => socket.write(frameMessage(query))))
      })
      const port = await listen(
        createTcpServer((socket) =>
          setTimeout(
            () =>
              slow.emit(
                'connection',
                socket.on('error', () => {}),
              ),
            200,
          ),
        ),
      )
      expect(await askOne(at(port), 1, 100)).to.equal('timeout')
      expect(await askOne(at(port), 2)).to.equal('accepted')
      expect(transport.counters.tls).to.include({ connects: 1, connectFailures: 0, violations: 0 })
    })

    it('speak TLS 1.2 where it has no more', async () => {
      const server = at(await serve(echo, 'resolver', { maxVersion: 'TLSv1.2' }))
      expect(await askOne(server)).to.equal('accepted')
    })

    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
      it(`resume the session where a connection has ended, ${maxVersion}`, async () => {
        const port = await serve((socket, query) => socket.end(frameMessage(query)), 'resolver', { maxVersion })
        const server = at(port, tlsIdentity({ hostname: 'dns.resolver.net', ca, pins: [pinOf(file('resolver.crt'))] }))
        for (let id = 1; id <= 3; id++) {
          expect(await askOne(server, id)).to.equal('accepted')
          await sleep(30)
        }
        expect(transport.counters.handshakes).to.deep.equal({ handshakes: 3, resumed: 2, untrusted: 0 })
      })

    it('do not resume the session with other demands than it was made with', async () => {
      const port = await serve((socket, query) => socket.end(frameMessage(query)))
      expect(await askOne(at(port))).to.equal('accepted')
      expect(await askOne(at(port, byName('other.resolver.net')))).to.equal('untrusted')
      expect(transport.counters.handshakes).to.include({ resumed: 0, untrusted: 1 })
    })

    it('are sent again when an idle connection closes under them, once', async () => {
      const port = await serve((socket, query, nth) => (nth === 1 ? echo(socket, query, nth) : socket.destroy()))
      expect(await askOne(at(port), 1)).to.equal('accepted')
      expect(await askOne(at(port), 2)).to.equal('accepted')
      expect(transport.counters.tls).to.include({ connects: 2, resent: 1 })
    })

    it('go over a fresh connection after the server has closed the idle one', async () => {
      const server = at(await serve((socket, query) => socket.end(frameMessage(query))))
      expect(await askOne(server, 1)).to.equal('accepted')
      await sleep(50)
      expect(transport.counters.tls.connectionsOpen).to.equal(0)
      expect(await askOne(server, 2)).to.equal('accepted')
      expect(transport.counters.tls).to.include({ connects: 2, resent: 0 })
    })

    it('close connections that nobody has used for a while', async () => {
      makeTransport({ tlsIdleMs: 60 })
      expect(await askOne(at(await serve()))).to.equal('accepted')
      await sleep(300)
      expect(transport.counters.tls.connectionsOpen).to.equal(0)
    })

    it('come from the address configured', async () => {
      makeTransport({ sourceAddresses: ['127.4.4.4'] })
      let from: string | undefined
      const port = await serve((socket, query, nth) => {
        from = socket.remoteAddress
        echo(socket, query, nth)
      })
      expect(await askOne(at(port))).to.equal('accepted')
      expect(from).to.equal('127.4.4.4')
    })

    it('end with a time-out, and leave a connection that has fallen silent', async () => {
      const port = await serve((socket, query, nth) => {
        if (nth === 1) echo(socket, query, nth)
      })
      expect(await askOne(at(port), 1)).to.equal('accepted')
      expect(await askOne(at(port), 2, 50)).to.equal('timeout')
      expect(await askOne(at(port), 3)).to.equal('accepted')
      expect(transport.counters.tls).to.include({ connects: 2, timeouts: 1 })
    })
  })

  describe('with a server that does not, send it nothing (RFC 8310 §5)', () => {
    async function refuse(identity: TlsIdentity, name: string, why: RegExp): Promise<void> {
      const server = at(await serve(echo, name), identity)
      expect(await askMany(server, 3)).to.deep.equal(['untrusted', 'untrusted', 'untrusted'])
      expect(read).to.equal(0)
      expect(complaints, 'told once').to.have.lengthOf(1)
      expect(complaints[0]).to.match(why)
      expect(transport.counters.tls).to.include({ connectFailures: 1, connectionsOpen: 0 })
    }

    it('because its key is not pinned', () =>
      refuse(tlsIdentity({ pins: [pinOf(file('server.crt'))] }), 'resolver', /has the pin [\w+/]{43}=, which is none/))

    it('because its key is not pinned, though its name is right', () =>
      refuse(
        tlsIdentity({ hostname: 'dns.resolver.net', ca, pins: [pinOf(ca)] }),
        'resolver',
        /none of those configured/,
      ))

    it('because its certificate is for another name', () =>
      refuse(byName('dns.other.net'), 'resolver', /is for another name/))

    it('because its certificate has expired', () => refuse(byName(), 'expired', /has expired/))

    it('because nobody we trust has signed its certificate', () =>
      refuse(
        tlsIdentity({ hostname: 'dns.resolver.net' }),
        'resolver',
        /CA that signed its certificate is not trusted/,
      ))

    it('because it speaks no TLS', async () => {
      let heard = ''
      const port = await listen(
        createTcpServer((socket) => {
          socket.on('error', () => {})
          socket.on('data', (chunk) => {
            heard += chunk.toString('latin1')
            socket.write('220 mail ready\r\n')
          })
        }),
      )
      expect(await askOne(at(port))).to.equal('refused')
      expect(heard.charCodeAt(0), 'a TLS record').to.equal(22)
    })

    it('because it does not finish the handshake in time', async () => {
      makeTransport({ tlsConnectTimeoutMs: 100 })
      const port = await listen(createTcpServer((socket) => socket.on('error', () => {})))
      expect(await askOne(at(port))).to.equal('timeout')
      expect(transport.counters.tls).to.include({ connectFailures: 1, connectionsOpen: 0 })
    })

    it('because it ends the connection in the handshake', async () => {
      const port = await listen(createTcpServer((socket) => socket.end().on('error', () => {})))
      expect(await askOne(at(port))).to.equal('refused')
    })

    it('because nobody listens', async () => {
      const port = await serve()
      await new Promise((resolve) => servers.splice(0)[0].close(resolve))
      expect(await askOne(at(port))).to.equal('refused')
    })
  })

  it('take the place of UDP and TCP, whichever is wanted of a server with an identity', async () => {
    const server = at(await serve())
    for (const protocol of ['udp', 'tcp'] as const) {
      const sink = new RecordingSink()
      transport.exchange(server, protocol, queryWithId(7), 2000, sink)
      expect(await sink.ended).to.equal('accepted')
    }
    expect(transport.counters.tls.queries).to.equal(2)
    expect(transport.counters.udp.queries + transport.counters.tcp.queries).to.equal(0)
  })

  it('are not to be had with a server without one', () => {
    const server = ServerAddress.fromText('127.0.0.1', 853)!
    expect(() => transport.exchange(server, 'tls', queryWithId(7), 2000, new RecordingSink())).to.throw(/no identity/)
  })
})

describe('the identity of a server', () => {
  it('is a name, or pins, or both', () => {
    expect(() => tlsIdentity({ ca: 'x' })).to.throw(RangeError)
    expect(tlsIdentity({ hostname: 'Dns.Org.' }).key).to.equal(tlsIdentity({ hostname: 'dns.org' }).key)
    expect(tlsIdentity({ pins: ['b', 'a'] }).key).to.equal(tlsIdentity({ pins: ['a', 'b'] }).key)
    expect(tlsIdentity({ pins: ['a'] }).key).not.to.equal(tlsIdentity({ pins: ['a'], hostname: 'dns.org' }).key)
  })

  it('tells apart servers at one address', () => {
    const [one, other] = ['a.org', 'b.org'].map((hostname) =>
      ServerAddress.fromText('192.0.2.1', 853, tlsIdentity({ hostname })),
    )
    expect(one!.key).not.to.equal(other!.key)
    for (const port of [853, 65_535])
      expect(
        ServerAddress.fromKey(
          ServerAddress.fromText('2001:db8::1', port, tlsIdentity({ hostname: 'a.org' }))!.key,
        ).toString(),
      ).to.equal(`2001:db8::1@${port}`)
  })

  it('wants certificates of a CA file', () => {
    expect(whyNoAuthority('')).to.match(/no certificate/)
    expect(whyNoAuthority('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')).to.match(/cannot be read/)
  })
})
