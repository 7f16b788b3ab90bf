import { expect } from 'chai'
import { ServerAddress } from '../../src/io/address.ts'
import type { Exchange, ExchangeSink, Protocol, Transport } from '../../src/io/interfaces.ts'
import { tlsIdentity } from '../../src/io/tls-identity.ts'
import type { Arrival, Query } from '../../src/request.ts'
import { ServerCookies } from '../../src/upstream/cookies.ts'
import { Exchanges } from '../../src/upstream/exchange.ts'
import { Servers } from '../../src/upstream/servers.ts'
import { composeMessage } from '../../src/wire/compose.ts'
import { nameFromText, nameToText } from '../../src/wire/name.ts'
import { rrset } from '../../src/wire/rrset.ts'
import { Class, Flag, Rcode, Type } from '../../src/wire/types.ts'
import { ManualClock } from '../support/clock.ts'
import { SeededRandom } from '../support/random.ts'

/** A transport that keeps what was sent, for the test to answer. */
class Wire implements Transport {
  readonly sent: { query: Uint8Array; sink: ExchangeSink; cancelled: boolean }[] = []

  exchange(_server: ServerAddress, _protocol: Protocol, query: Uint8Array, _ms: number, sink: ExchangeSink): Exchange {
    const flight = { query: query.slice(), sink, cancelled: false }
    this.sent.push(flight)
    return {
      cancel: () => {
        flight.cancelled = true
      },
    }
  }
}

function setUp(withCookies = false) {
  const clock = new ManualClock()
  const random = new SeededRandom(7)
  const wire = new Wire()
  const servers = new Servers(undefined, clock, random)
  const cookies = withCookies ? new ServerCookies(clock, random) : undefined
  const exchanges = new Exchanges({ transport: wire, clock, random, servers, udpSize: 1232, cookies })
  return { clock, wire, exchanges }
}

function query(parts: Partial<Query> = {}): Query {
  return {
    qname: nameFromText('www.example.org.'),
    qtype: Type.A,
    server: ServerAddress.fromText('192.0.2.1') as ServerAddress,
    protocol: 'udp',
    timeoutMs: 400,
    edns: true,
    mixCase: true,
    zoneCut: nameFromText('example.org.'),
    minimised: false,
    ...parts,
  }
}

/** The reply to a sent query, with its ID and its question as spelled there. */
function replyTo(sent: Uint8Array, change: (packet: Uint8Array) => void = () => {}): Uint8Array {
  const name = sent.slice(12, sent.indexOf(0, 12) + 1)
  const buffer = new Uint8Array(512)
  const octets = composeMessage(
    buffer,
    {
      id: (sent[0] << 8) | sent[1],
      flags: Flag.QR | Flag.AA,
      rcode: Rcode.NOERROR,
      question: { name, type: Type.A, class: Class.IN },
      answer: [rrset(name, Type.A, 60, [Uint8Array.of(192, 0, 2, 9)])],
    },
    { limit: 512, dnssec: false, truncate: true },
  )
  const packet = buffer.slice(0, octets)
  change(packet)
  return packet
}

describe('Exchanges', () => {
  it('gives the reply, with the names spelled as the client spelled them', () => {
    const { wire, exchanges } = setUp()
    const arrivals: Arrival[] = []
    exchanges.ask(query(), 400, { hear: (arrival) => arrivals.push(arrival) })
    const [{ query: sent, sink }] = wire.sent
    expect(Buffer.from(sent).toString('latin1')).to.not.contain('example') // mixed case (one chance in 2^7 that it is not)
    expect(sink.accept(replyTo(sent))).to.equal(true)
    const arrival = arrivals[0] as Arrival & { kind: 'reply' }
    expect(nameToText(arrival.reply.answer[0].owner)).to.equal('www.example.org.')
  })

  it('waits past packets that are not the reply (RFC 5452 §9.1)', () => {
    const { wire, exchanges } = setUp()
    const arrivals: Arrival[] = []
    exchanges.ask(query(), 400, { hear: (arrival) => arrivals.push(arrival) })
    const [{ query: sent, sink }] = wire.sent
    expect(sink.accept(replyTo(sent, (packet) => void (packet[0] ^= 1)))).to.equal(false)
    expect(sink.accept(replyTo(sent, (packet) => void (packet[2] &= 0x7f)))).to.equal(false)
    expect(sink.accept(Uint8Array.of(1, 2, 3))).to.equal(false)
    expect(arrivals).to.deep.equal([])
    expect(sink.accept(replyTo(sent))).to.equal(true)
    expect(arrivals).to.have.length(1)
    expect(exchanges.counters.mismatch['mismatch-id']).to.equal(1)
  })

  it('ends at once on a reply right in all but case, so that TCP can tell whose fault it is', () => {
    const { wire, exchanges } = setUp()
    const arrivals: Arrival[] = []
    exchanges.ask(query(), 400, { hear: (arrival) => arrivals.push(arrival) })
    const [flight] = wire.sent
    flight.sink.accept(replyTo(flight.query, (packet) => packet.set(nameFromText('www.example.org.'), 12)))
    expect(arrivals).to.deep.equal([{ kind: 'silence', reason: 'miscased' }])
    expect(flight.cancelled).to.equal(true)
  })

  it('turns away from UDP after ten wrong replies', () => {
    const { wire, exchanges } = setUp()
    const arrivals: Arrival[] = []
    exchanges.ask(query(), 400, { hear: (arrival) => arrivals.push(arrival) })
    const [{ query: sent, sink }] = wire.sent
    for (let i = 0; i < 10; i++) sink.accept(replyTo(sent, (packet) => void (packet[1] ^= i + 1)))
    expect(arrivals).to.deep.equal([{ kind: 'silence', reason: 'spoofed' }])
  })

  it('reports over TCP a reply that cannot be read, as nobody else can have sent it', () => {
    const { wire, exchanges } = setUp()
    const arrivals: Arrival[] = []
    exchanges.ask(query({ protocol: 'tcp', mixCase: false }), 400, { hear: (arrival) => arrivals.push(arrival) })
    const [{ query: sent, sink }] = wire.sent
    expect(sink.accept(replyTo(sent, (packet) => packet.fill(0xff, -10, -4)))).to.equal(true)
    expect(arrivals).to.deep.equal([{ kind: 'silence', reason: 'malformed' }])
  })

  it('sends the same question to the same zone once, and gives the reply to all who ask', () => {
    const { wire, exchanges } = setUp()
    const arrivals: string[] = []
    exchanges.ask(query(), 400, { hear: () => arrivals.push('first') })
    exchanges.ask(query({ minimised: true }), 400, { hear: () => arrivals.push('second') })
    exchanges.ask(query({ qtype: Type.AAAA }), 400, { hear: () => arrivals.push('other type') })
    exchanges.ask(query({ zoneCut: nameFromText('org.') }), 400, { hear: () => arrivals.push('other zone') })
    expect(wire.sent).to.have.length(3)
    wire.sent[0].sink.accept(replyTo(wire.sent[0].query))
    expect(arrivals).to.deep.equal(['first', 'second'])
    expect(exchanges.counters.shared).to.equal(1)
  })

  it('asks anew once the reply is there', () => {
    const { wire, exchanges } = setUp()
    exchanges.ask(query(), 400, { hear() {} })
    wire.sent[0].sink.accept(replyTo(wire.sent[0].query))
    exchanges.ask(query(), 400, { hear() {} })
    expect(wire.sent).to.have.length(2)
  })

  it('gives up the query only when the last who waits for it does', () => {
    const { wire, exchanges } = setUp()
    let heard = 0
    const first = exchanges.ask(query(), 400, { hear: () => heard++ })
    const second = exchanges.ask(query(), 400, { hear: () => heard++ })
    first.exchange.cancel()
    first.exchange.cancel()
    expect(wire.sent[0].cancelled).to.equal(false)
    second.exchange.cancel()
    expect(wire.sent[0].cancelled).to.equal(true)
    expect(heard).to.equal(0)
  })

  it('is not heard by those who leave because of what others have heard', () => {
    const { wire, exchanges } = setUp()
    const heard: string[] = []
    const ways: Exchange[] = []
    const ask = (name: string, hear = () => {}) => {
      const listener = {
        hear: () => {
          heard.push(name)
          hear()
        },
      }
      ways.push(exchanges.ask(query(), 400, listener).exchange)
    }
    ask('first', () => ways[1].cancel())
    ask('second')
    ask('third', () => {
      ways[0].cancel()
      ways[3].cancel()
    })
    ask('fourth')
    ask('fifth')
    expect(wire.sent[0].sink.accept(replyTo(wire.sent[0].query))).to.equal(true)
    expect(heard).to.deep.equal(['first', 'third', 'fifth'])
    expect(wire.sent[0].cancelled).to.equal(false)
  })

  it('shares no query among transports', () => {
    const { wire, exchanges } = setUp()
    const protocols = ['udp', 'tcp', 'tls'] as const
    for (const protocol of protocols) exchanges.ask(query({ protocol }), 400, { hear: () => {} })
    expect(wire.sent).to.have.lengthOf(3)
    expect(exchanges.counters).to.include({ upstreamUdp: 1, upstreamTcp: 1, upstreamTls: 1, shared: 0 })
  })

  it('shares no query among servers that are known by something else', () => {
    const { wire, exchanges } = setUp()
    for (const hostname of ['a.example.net', 'b.example.net', 'a.example.net']) {
      const server = ServerAddress.fromText('192.0.2.1', 853, tlsIdentity({ hostname }))!
      exchanges.ask(query({ server, protocol: 'tls' }), 400, { hear: () => {} })
    }
    expect(wire.sent).to.have.lengthOf(2)
    expect(exchanges.counters.shared).to.equal(1)
  })

  it('pads queries over TLS, and shows no cookie there (RFC 8467 §4.1)', () => {
    const { wire, exchanges, clock } = setUp(true)
    const lengths: number[] = []
    for (const protocol of ['udp', 'tls'] as const) {
      exchanges.ask(query({ protocol }), 400, { hear: () => {} })
      lengths.push(wire.sent.at(-1)!.query.length)
    }
    clock.advance(1)
    expect(lengths).to.deep.equal([12 + 17 + 4 + 11 + 12, 128])
    const options = wire.sent[1].query.subarray(12 + 17 + 4 + 11)
    expect([options[0], options[1]], 'padding is the first option').to.deep.equal([0, 12])
  })
})
