import { expect } from 'chai'
import { Cache } from '../src/cache/cache.ts'
import { MemoryStore } from '../src/cache/memory-store.ts'
import type { ServerAddress } from '../src/io/address.ts'
import type { ExchangeSink, Transport } from '../src/io/interfaces.ts'
import type { Layer, Request } from '../src/request.ts'
import { Core, type CoreOptions } from '../src/resolve.ts'
import { rootHint } from '../src/root-hints.ts'
import type { Settings } from '../src/settings.ts'
import { composeMessage, composeQuery } from '../src/wire/compose.ts'
import { parseReply } from '../src/wire/message.ts'
import { nameToText } from '../src/wire/name.ts'
import { rrset } from '../src/wire/rrset.ts'
import { Class, Ede, Flag, Opcode, Rcode, Type } from '../src/wire/types.ts'
import { ManualClock } from './support/clock.ts'
import { question } from './support/messages.ts'
import { SeededRandom } from './support/random.ts'

/** A server that knows every name, and answers when the test lets it. */
class Server implements Transport {
  readonly asked: string[] = []
  readonly waiting: (() => void)[] = []

  exchange(_server: ServerAddress, _protocol: 'udp' | 'tcp', query: Uint8Array, _ms: number, sink: ExchangeSink) {
    const sent = query.slice()
    const name = sent.slice(12, sent.indexOf(0, 12) + 1)
    this.asked.push(nameToText(name).toLowerCase())
    let cancelled = false
    this.waiting.push(() => {
      if (!cancelled) sink.accept(answerTo(sent, name))
    })
    return {
      cancel: () => {
        cancelled = true
      },
    }
  }

  answerAll(): void {
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) next()
  }
}

function answerTo(sent: Uint8Array, name: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(512)
  const message = {
    id: (sent[0] << 8) | sent[1],
    flags: Flag.QR | Flag.AA,
    rcode: Rcode.NOERROR,
    question: { name, type: Type.A, class: Class.IN },
    answer: [rrset(name, Type.A, 300, [Uint8Array.of(192, 0, 2, 1)])],
  }
  return buffer.slice(0, composeMessage(buffer, message, { limit: 512, dnssec: false, truncate: false }))
}

function setUp(options: { settings?: Partial<Settings>; modules?: Layer[] } & Partial<CoreOptions> = {}) {
  const clock = new ManualClock()
  const server = new Server()
  const log: string[] = []
  const cache = new Cache(new MemoryStore(), clock, { ttlMin: 0, ttlMax: 86_400, negativeTtlMax: 10_800 })
  const core = new Core({
    cache,
    transport: server,
    clock,
    random: new SeededRandom(5),
    log: (level, event) => log.push(`${level} ${event}`),
    ...options,
    settings: {
      rootHints: [rootHint('ns.lab.', ['192.0.2.53'])],
      priming: false,
      minimise: false,
      validate: false,
      specialNames: false,
      ...options.settings,
    },
  })
  const ended: Request[] = []
  const ask = (name: string, type: number = Type.A) =>
    core.pursue(question(name, type), { rd: true, cd: false, ad: false, do: false }, {}, (request) =>
      ended.push(request),
    )
  return { clock, server, core, ended, ask, log }
}

const texts = (request: Request) => request.edes.map((note) => note.text)

describe('Core.pursue', () => {
  it('asks, answers, and has the answer at hand the next time', () => {
    const { server, ended, ask } = setUp()
    ask('www.example.org.')
    expect(ended).to.deep.equal([])
    server.answerAll()
    ask('www.example.org.')
    expect(ended.map((request) => request.source)).to.deep.equal(['recursion', 'cache'])
    expect(server.asked).to.deep.equal(['www.example.org.'])
  })

  it('joins identical questions in flight, up to a limit', () => {
    const { server, core, ended, ask } = setUp({ settings: { maxJoined: 2 } })
    for (let i = 0; i < 4; i++) ask('www.example.org.')
    expect(server.asked).to.have.length(1)
    expect(ended.map((request) => request.rcode)).to.deep.equal([Rcode.SERVFAIL])
    expect(texts(ended[0])).to.deep.equal(['too many clients wait for the same answer'])
    server.answerAll()
    expect(ended.slice(1).map((request) => request.answer[0].rdatas.length)).to.deep.equal([1, 1, 1])
    expect([core.counters.joined, core.counters.refusedJoins]).to.deep.equal([2, 1])
  })

  it('takes so many questions to servers, and answers from the cache all the same', () => {
    const { server, core, ended, ask } = setUp({ settings: { maxRecursions: 2 } })
    ask('known.example.org.')
    server.answerAll()
    for (const name of ['a', 'b', 'c']) ask(`${name}.example.org.`)
    ask('known.example.org.')
    ask('a.example.org.') // joins
    expect(server.asked).to.deep.equal(['known', 'a', 'b'].map((name) => `${name}.example.org.`))
    expect(ended.map(({ source, rcode }) => [source, rcode])).to.deep.equal([
      ['recursion', Rcode.NOERROR],
      ['failure', Rcode.SERVFAIL],
      ['cache', Rcode.NOERROR],
    ])
    expect(texts(ended[1])).to.deep.equal(['too many questions wait for other servers'])
    expect(core.counters.refusedRecursions).to.equal(1)
    server.answerAll()
    ask('c.example.org.')
    expect(server.asked.at(-1)).to.equal('c.example.org.')
  })

  it('ends every request in time, whatever it waits for', () => {
    const { clock, core, ended, ask } = setUp()
    ask('www.example.org.')
    clock.advance(6_999)
    expect(ended).to.deep.equal([])
    clock.advance(1)
    expect(ended.map((request) => request.rcode)).to.deep.equal([Rcode.SERVFAIL])
    expect(texts(ended[0])).to.include('limit on time reached')
    expect(core.inFlight).to.equal(0)
    expect(clock.pending).to.equal(0)
  })

  it('enforces the budget, or only counts what goes over it', () => {
    for (const [ledgerMode, rcode] of [
      ['enforce', Rcode.SERVFAIL],
      ['shadow', Rcode.NOERROR],
    ] as const) {
      const limits = { ...setUp().core.settings.limits, 'upstream-queries': 0 }
      const { server, core, ended, ask } = setUp({ settings: { limits, ledgerMode } })
      ask('www.example.org.')
      server.answerAll()
      expect(ended[0].rcode).to.equal(rcode)
      expect(core.counters.exceeded).to.deep.equal({ 'upstream-queries': 1 })
    }
  })

  it('answers SERVFAIL for a module that throws, logs it, and lives on', () => {
    const faulty: Layer = {
      name: 'faulty',
      begin(request) {
        if (nameToText(request.qname) === 'boom.') throw new Error('a mistake of ours')
        return 'pass'
      },
    }
    const { server, core, ended, ask, log } = setUp({ modules: [faulty] })
    ask('boom.')
    ask('www.example.org.')
    server.answerAll()
    expect(ended.map((request) => request.rcode)).to.deep.equal([Rcode.SERVFAIL, Rcode.NOERROR])
    expect(core.counters.faults).to.equal(1)
    expect(log).to.include('error fault')
  })

  it('calls the hooks down the list on the way out, and up on the way back', () => {
    const calls: string[] = []
    const spy = (name: string): Layer => {
      const hook = (what: string) => () => {
        calls.push(`${what} ${name}`)
        return 'pass' as const
      }
      return {
        name,
        begin: hook('begin'),
        produce: hook('produce'),
        checkout: hook('checkout'),
        consume: hook('consume'),
        answer: hook('answer'),
        finish: hook('finish'),
      }
    }
    const { server, ask } = setUp({ modules: [spy('outer'), spy('inner')] })
    ask('www.example.org.')
    server.answerAll()
    const down = ['begin', 'produce', 'checkout'].flatMap((what) => [`${what} outer`, `${what} inner`])
    const up = ['consume', 'answer', 'finish'].flatMap((what) => [`${what} inner`, `${what} outer`])
    expect(calls).to.deep.equal([...down, ...up])
  })

  it('tells its steps to those who want to read them', () => {
    const { server, core } = setUp()
    const steps: string[] = []
    const wishes = { rd: true, cd: false, ad: false, do: false }
    core.pursue(question('www.example.org.'), wishes, { trace: (step) => steps.push(step.kind) }, () => {})
    server.answerAll()
    expect(steps).to.deep.equal(['cut', 'query', 'arrival', 'answer'])
  })

  it('tells what waits, for what, and who else wants to know', () => {
    const { core, ask, server } = setUp()
    ask('one.lab.')
    ask('two.lab.')
    ask('ONE.lab.')
    const [one, two] = core.waiting(10)
    expect(nameToText(one.request.qname)).to.equal('one.lab.')
    expect(one.waitsFor).to.equal('reply')
    expect(one.request.query?.server.hostText).to.equal('192.0.2.53')
    expect(one.joined.map(({ qname }) => nameToText(qname))).to.deep.equal(['ONE.lab.'])
    expect(nameToText(two.request.qname)).to.equal('two.lab.')
    expect(core.waiting(1)).to.have.length(1)
    server.answerAll()
    expect(core.waiting(10)).to.deep.equal([])
  })

  it('is drained when the last answer is given, or when time is up', () => {
    const { clock, server, core, ask } = setUp()
    let drained = 0
    core.drain(1000, () => drained++)
    expect(drained).to.equal(1)
    ask('www.example.org.')
    core.drain(1000, () => drained++)
    server.answerAll()
    expect(drained).to.equal(2)
    ask('mail.example.org.')
    core.drain(1000, () => drained++)
    clock.advance(1000)
    expect(drained).to.equal(3)
  })

  it('ends what is in flight when it is closed', () => {
    const { core, ended, ask } = setUp()
    ask('www.example.org.')
    core.close()
    expect(ended.map((request) => request.rcode)).to.deep.equal([Rcode.SERVFAIL])
  })
})

describe('Core.handle', () => {
  const packet = (change: (packet: Uint8Array) => Uint8Array = (same) => same) => {
    const buffer = new Uint8Array(512)
    const query = {
      id: 0x1234,
      flags: Flag.RD,
      question: question('www.example.org.'),
      edns: { udpSize: 1232, do: false },
    }
    return change(buffer.slice(0, composeQuery(buffer, query)))
  }
  const answerOf = (sent: Uint8Array) => {
    const { core } = setUp()
    let answers = 0
    let answer: Uint8Array | undefined
    core.handle(sent, { overUdp: true }, (response) => {
      answers++
      answer = response?.slice()
    })
    expect(answers).to.equal(1)
    return answer && parseReply(answer)
  }
  const set = (at: number, value: number) => (sent: Uint8Array) => {
    sent[at] = value
    return sent
  }

  it('says nothing to what is no query', () => {
    expect(answerOf(new Uint8Array(11))).to.equal(undefined)
    expect(answerOf(packet(set(2, 0x81)))).to.equal(undefined)
  })

  it('answers FORMERR to a damaged query, as far as that has a header (RFC 1035 §4.1.1)', () => {
    expect(answerOf(packet((sent) => sent.slice(0, 20)))?.rcode).to.equal(Rcode.FORMERR)
    expect(answerOf(packet(set(5, 0)))?.rcode).to.equal(Rcode.FORMERR)
  })

  it('answers NOTIMP to opcodes it does not know, with the opcode', () => {
    const reply = answerOf(packet(set(2, (Opcode.UPDATE << 3) | 1)))
    expect([reply?.rcode, ((reply?.flags ?? 0) >> 11) & 15]).to.deep.equal([Rcode.NOTIMP, Opcode.UPDATE])
  })

  it('answers BADVERS to EDNS versions it does not know (RFC 6891 §6.1.3)', () => {
    const length = packet().length
    expect(answerOf(packet(set(length - 5, 1)))?.rcode).to.equal(Rcode.BADVERS)
  })

  it('answers REFUSED to classes it does not serve', () => {
    expect(answerOf(packet(set(packet().length - 12, Class.HS)))?.rcode).to.equal(Rcode.REFUSED)
  })

  it('says why when it fails (RFC 8914)', () => {
    const { clock, core } = setUp()
    let codes: number[] | undefined
    core.handle(packet(), { overUdp: true }, (response) => {
      const options = parseReply((response as Uint8Array).slice()).edns?.options ?? []
      codes = options.map(({ data }) => (data[0] << 8) | data[1])
    })
    clock.advance(10_000)
    expect(codes).to.include(Ede.OTHER)
  })
})
