import { expect } from 'chai'
import { Counter, Counters } from '../../src/metrics/counters.ts'
import { Histograms, histogramAt, readHistogram, SIZES } from '../../src/metrics/tables.ts'
import { parseEde } from '../../src/wire/compose.ts'
import { parseReply } from '../../src/wire/message.ts'
import { Ede, Flag, Rcode } from '../../src/wire/types.ts'
import { ClientLimits } from '../../workers/client-limits.ts'
import { type Client, type Resolver, type Respond, Service } from '../../workers/serve.ts'
import { ManualClock } from '../support/clock.ts'
import { queryFor } from './fake-resolver.ts'

/** Answers when the test says so. */
class PatientResolver implements Resolver {
  readonly waiting: Respond[] = []
  immediate = false
  get inFlight(): number {
    return this.waiting.length
  }
  handle(_packet: Uint8Array, _client: Client, respond: Respond): void {
    if (this.immediate) respond(answer)
    else this.waiting.push(respond)
  }
  drain(): void {}
  close(): void {}
}

const answer = Uint8Array.of(1, 2, 3)
const far: Client = { overUdp: true, address: Uint8Array.of(198, 51, 100, 1), port: 4000 }
const OPT = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]

function withEdns(query: Buffer): Buffer {
  const padded = Buffer.concat([query, Buffer.from(OPT)])
  padded[11] = 1
  return padded
}

describe('Service', () => {
  let clock: ManualClock
  let resolver: PatientResolver
  let counters: Counters
  let service: Service
  let allowed: boolean
  let responses: (Uint8Array | undefined)[]
  const respond: Respond = (response) => responses.push(response?.slice())

  beforeEach(() => {
    clock = new ManualClock()
    resolver = new PatientResolver()
    counters = new Counters()
    allowed = true
    responses = []
    const limits = new ClientLimits(clock, { maxWaiting: 3, burst: 2 })
    service = new Service({ resolver, clock, counters, limits, allows: () => allowed, udpSize: 1232 })
  })

  it('passes on what the resolver answers, at once or later', () => {
    resolver.immediate = true
    service.serve(queryFor('example.org'), far, respond)
    resolver.immediate = false
    service.serve(queryFor('example.org'), far, respond)
    expect(responses).to.have.length(1)
    resolver.waiting[0](answer)
    expect(responses).to.deep.equal([answer, answer])
  })

  it('counts how long all queries are, those it turns away included', () => {
    const out = new Uint8Array(512)
    const query = queryFor('example.org')
    service.tick()
    for (const octets of [query.length, 65, 5]) service.judge(new Uint8Array(octets), far.address, undefined, out)
    service.serve(query, far, respond) // has come by judge()
    service.serve(query, { ...far, overUdp: false }, respond)
    service.addTo(counters)
    const [udp, tcp] = [0, 1].map((which) =>
      readHistogram(counters.values, histogramAt(Histograms.REQUEST_SIZES, which), SIZES),
    )
    expect([udp.count, udp.atMost[0], udp.sum]).to.deep.equal([3, 2, query.length + 70])
    expect([tcp.count, tcp.sum]).to.deep.equal([1, query.length])
  })

  it('counts who has waited over UDP in vain when the service ends, and those that are held back', () => {
    const wait = (client: Client) => service.serve(queryFor('example.org'), client, respond)
    const local = { ...far, address: Uint8Array.of(127, 0, 0, 1) }
    const another = { ...far, address: Uint8Array.of(198, 51, 100, 2) }
    for (const client of [far, far, far, local, another, { ...another, overUdp: false }]) wait(client)
    for (const answered of resolver.waiting.slice(0, 4)) answered(answer)
    expect(responses).to.have.length(3) // the third of `far` is held back for a moment
    service.end()
    expect(counters.get(Counter.DROPPED_SHUTDOWN)).to.equal(2)
    for (const late of resolver.waiting.slice(4)) late(answer)
    expect(responses).to.have.length(4) // over TCP it is still told
  })

  it('gives what is ready to those who may ask, and to nobody else', () => {
    const out = new Uint8Array(512)
    const answered = (packet: Uint8Array) => service.answerAtOnce(packet, far.address, far.port, out)
    expect(answered(queryFor('example.org'))).to.equal(0)
    Object.assign(resolver, { answerAtOnce: () => 33 })
    expect(answered(queryFor('example.org'))).to.equal(33)
    expect(answered(queryFor('example.org').subarray(0, 11))).to.equal(0)
    const response = queryFor('example.org')
    response[2] |= 0x80
    expect(answered(response)).to.equal(0)
    allowed = false
    expect(answered(queryFor('example.org'))).to.equal(0)
    expect(counters.get(Counter.ANSWERED_AT_ONCE)).to.equal(1)
  })

  it('is silent to responses: two servers that answer answers never stop', () => {
    const packet = queryFor('example.org')
    packet[2] |= 0x80
    service.serve(packet, far, respond)
    expect(responses).to.deep.equal([undefined])
    expect(resolver.inFlight).to.equal(0)
    expect(counters.get(Counter.DROPPED_RESPONSE)).to.equal(1)
  })

  it('is silent to what has no whole header', () => {
    for (let octets = 0; octets < 12; octets++) service.serve(new Uint8Array(octets), far, respond)
    expect(responses).to.have.length(12)
    expect(responses.every((response) => response === undefined)).to.equal(true)
    expect(counters.get(Counter.DROPPED_MALFORMED)).to.equal(12)
  })

  it('refuses others than local clients with Extended DNS Error 18 (RFC 8914 §4.19)', () => {
    allowed = false
    service.serve(withEdns(queryFor('example.org', 77)), far, respond)
    const reply = parseReply(responses[0]!)
    expect(reply.id).to.equal(77)
    expect(reply.rcode).to.equal(Rcode.REFUSED)
    expect(reply.flags & (Flag.QR | Flag.RD | Flag.AA)).to.equal(Flag.QR | Flag.RD)
    expect(parseEde(reply.edns!.options[0])?.code).to.equal(Ede.PROHIBITED)
    expect(resolver.inFlight).to.equal(0)
  })

  it('sends no OPT to who sent none (RFC 6891 §7), and nothing for a damaged question', () => {
    allowed = false
    service.serve(queryFor('example.org'), far, respond)
    expect(parseReply(responses[0]!).edns).to.equal(undefined)
    service.serve(queryFor('example.org').subarray(0, 20), far, respond)
    expect(responses[1]).to.equal(undefined)
  })

  it('answers SERVFAIL when too many queries of one client wait, and goes on when they have been answered', () => {
    for (let i = 0; i < 4; i++) service.serve(queryFor('example.org'), far, respond)
    expect(resolver.inFlight).to.equal(3)
    expect(parseReply(responses[0]!).rcode).to.equal(Rcode.SERVFAIL)
    resolver.waiting[0](answer)
    service.serve(queryFor('example.org'), far, respond)
    expect(resolver.inFlight).to.equal(4)
  })

  it('does not limit loopback, where nobody from outside can pretend to be', () => {
    const local = { ...far, address: Uint8Array.of(127, 0, 0, 1) }
    for (let i = 0; i < 10; i++) service.serve(queryFor('example.org'), local, respond)
    expect(resolver.inFlight).to.equal(10)
  })

  it('drops what waited over 1900 ms on its way to UDP, not to TCP (DNSBomb)', () => {
    service.serve(queryFor('example.org'), far, respond)
    service.serve(queryFor('example.org'), { ...far, overUdp: false }, respond)
    clock.advance(1901)
    for (const waiting of resolver.waiting) waiting(answer)
    expect(responses).to.deep.equal([undefined, answer])
    expect(counters.get(Counter.DROPPED_TOO_OLD)).to.equal(1)
  })

  it('drops them as soon as discard-timeout says', () => {
    const hasty = new Service({
      ...{ resolver, clock, counters, limits: new ClientLimits(clock), allows: () => true, udpSize: 1232 },
      discardMs: 100,
    })
    hasty.serve(queryFor('example.org'), far, respond)
    clock.advance(101)
    for (const waiting of resolver.waiting) waiting(answer)
    expect(responses).to.deep.equal([undefined])
  })

  it('paces late answers, each with its own octets', () => {
    for (let i = 0; i < 3; i++) service.serve(queryFor('example.org'), far, respond)
    const shared = new Uint8Array(1)
    for (const [place, waiting] of resolver.waiting.entries()) {
      shared[0] = place
      waiting(shared)
    }
    shared[0] = 99
    expect(responses).to.have.length(2)
    clock.advance(1)
    expect(responses.map((response) => response![0])).to.deep.equal([0, 1, 2])
  })
})
