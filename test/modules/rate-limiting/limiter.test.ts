import { expect } from 'chai'
import { ADMITTED, DROPPED, type LimitedEvent, RateLimiter } from '../../../src/modules/rate-limiting/index.ts'
import { RateTable, tableOctets } from '../../../src/modules/rate-limiting/table.ts'
import { composeQuery } from '../../../src/wire/compose.ts'
import { Message, parseReply } from '../../../src/wire/message.ts'
import { nameFromText, nameToText } from '../../../src/wire/name.ts'
import { Class, EdnsOption, Flag, Type } from '../../../src/wire/types.ts'

const CAPACITY = 1024
const NOW = 1_800_000_000_000
const ADDRESS = Uint8Array.of(198, 51, 100, 7)

type Options = Partial<ConstructorParameters<typeof RateLimiter>[0]>

/** One that lets two queries pass. */
function limiter(options: Options = {}): RateLimiter {
  const memory = new ArrayBuffer(tableOctets(CAPACITY))
  const table = new RateTable(memory, CAPACITY, { rateLimit: 1, instantLimit: 2 }, 1)
  return new RateLimiter({ table, slip: 1, dryRun: false, logPeriodMs: 0, udpSize: 1232, ...options })
}

function query(options?: { code: number; data: Uint8Array }[]): Uint8Array {
  const buffer = new Uint8Array(512)
  const question = { name: nameFromText('wWw.example.org'), type: Type.A, class: Class.IN }
  const edns = options && { udpSize: 4096, do: true, options }
  return buffer.slice(0, composeQuery(buffer, { id: 0xbeef, flags: Flag.RD | Flag.CD, question, edns }))
}

/** What comes of four queries at one moment. */
function judged(limited: RateLimiter, packet = query(), out = new Uint8Array(512)): number[] {
  return Array.from({ length: 4 }, () => limited.judge(packet, ADDRESS, undefined, NOW, out))
}

describe('RateLimiter', () => {
  it('answers queries over the limit with TC, and nothing to take away', () => {
    const out = new Uint8Array(512)
    const packet = query()
    expect(judged(limiter(), packet, out)).to.deep.equal([ADMITTED, ADMITTED, packet.length, packet.length])
    const { id, flags, question, answer, edns } = parseReply(out.slice(0, packet.length))
    expect(id).to.equal(0xbeef)
    expect(flags).to.equal(Flag.QR | Flag.TC | Flag.RD | Flag.RA | Flag.CD)
    expect(nameToText(question!.name)).to.equal('wWw.example.org.')
    expect(answer).to.deep.equal([])
    expect(edns).to.equal(undefined)
  })

  it('answers OPT with OPT (RFC 6891 §6.1.1), never more octets than asked', () => {
    const out = new Uint8Array(512)
    const packet = query([{ code: EdnsOption.PADDING, data: new Uint8Array(20) }])
    const octets = judged(limiter(), packet, out)[3]
    expect(octets).to.be.lessThan(packet.length)
    const { edns } = parseReply(out.slice(0, octets))
    expect(edns).to.deep.include({ udpSize: 1232, do: true, options: [] })
    expect(new Message(out.subarray(0, octets)).arcount).to.equal(1)
  })

  it('sends one truncated answer out of slip, or none with 0', () => {
    const octets = query().length
    const limited = limiter({ slip: 2 })
    expect(judged(limited)).to.deep.equal([ADMITTED, ADMITTED, DROPPED, octets])
    expect(limited.counts).to.deep.equal({ dropped: 1, truncated: 1, cookie: 0, dryRun: 0 })
    expect(judged(limiter({ slip: 0 }))).to.deep.equal([ADMITTED, ADMITTED, DROPPED, DROPPED])
  })

  it('is silent to what is no plain query', () => {
    const packet = query()
    packet[5] = 2
    expect(judged(limiter(), packet)).to.deep.equal([ADMITTED, ADMITTED, DROPPED, DROPPED])
    for (let octets = 0; octets < query().length; octets++) {
      const cut = query().subarray(0, octets)
      expect(judged(limiter(), cut), `${octets}`).to.deep.equal([ADMITTED, ADMITTED, DROPPED, DROPPED])
    }
  })

  it('lets everybody pass in a dry run, and counts', () => {
    const limited = limiter({ dryRun: true })
    expect(judged(limited)).to.deep.equal([ADMITTED, ADMITTED, ADMITTED, ADMITTED])
    expect(limited.counts.dryRun).to.equal(2)
  })

  it('does not limit those who show a good cookie, and believes no bad one', () => {
    const cookie = Uint8Array.from({ length: 24 }, (_, i) => i)
    const packet = query([
      { code: EdnsOption.PADDING, data: new Uint8Array(3) },
      { code: EdnsOption.COOKIE, data: cookie },
    ])
    const isGoodCookie = (option: Uint8Array, address: Uint8Array, seconds: number) =>
      address === ADDRESS && seconds === NOW / 1000 && Buffer.from(option).equals(cookie)
    const limited = limiter({ isGoodCookie })
    expect(judged(limited, packet)).to.deep.equal([ADMITTED, ADMITTED, ADMITTED, ADMITTED])
    expect(limited.counts.cookie).to.equal(2)
    packet[packet.length - 1] ^= 1
    expect(limited.judge(packet, ADDRESS, undefined, NOW, new Uint8Array(512))).to.not.equal(ADMITTED)
    packet[packet.length - 25] = 200 // longer than the packet
    expect(limited.judge(packet, ADDRESS, undefined, NOW, new Uint8Array(512))).to.not.equal(ADMITTED)
  })

  it('goes by the price that a view gives, for the address that was asked', () => {
    const destination = Uint8Array.of(192, 0, 2, 1)
    const free = limiter({ priceOf: (address, asked) => (address === ADDRESS && asked === destination ? 0 : 2) })
    const out = new Uint8Array(512)
    for (let i = 0; i < 10; i++) expect(free.judge(query(), ADDRESS, destination, NOW, out)).to.equal(ADMITTED)
    expect(free.judge(query(), ADDRESS, undefined, NOW, out)).to.equal(ADMITTED)
    expect(free.judge(query(), ADDRESS, undefined, NOW, out)).to.not.equal(ADMITTED)
  })

  it('tells the log once in log-period, and how many it has held back', () => {
    const events: LimitedEvent[] = []
    const limited = limiter({ slip: 0, logPeriodMs: 1000, onEvent: (event) => events.push(event) })
    judged(limited)
    expect(events).to.deep.equal([{ address: ADDRESS, prefixBits: 32, dryRun: false, limited: 1 }])
    for (let i = 0; i < 20; i++) limited.judge(query(), ADDRESS, undefined, NOW + 999, new Uint8Array(512))
    expect(events).to.have.length(1)
    for (let i = 0; i < 20; i++) limited.judge(query(), ADDRESS, undefined, NOW + 1001, new Uint8Array(512))
    expect(events).to.have.length(2)
    expect(events[1].limited).to.be.greaterThan(10)
  })
})
