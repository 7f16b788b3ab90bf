import { expect } from 'chai'
import { Cache } from '../src/cache/cache.ts'
import { MemoryStore } from '../src/cache/memory-store.ts'
import { ServerAddress } from '../src/io/address.ts'
import type { ExchangeSink, Transport } from '../src/io/interfaces.ts'
import type { Driver, Layer, Request } from '../src/request.ts'
import { anchorsInForce, Core, type CoreOptions } from '../src/resolve.ts'
import { rootHint } from '../src/root-hints.ts'
import { defaultSettings, type Settings } from '../src/settings.ts'
import { composeMessage, composeQuery } from '../src/wire/compose.ts'
import { parseReply } from '../src/wire/message.ts'
import { nameToText, ROOT } from '../src/wire/name.ts'
import { rrset } from '../src/wire/rrset.ts'
import { Class, Ede, EdnsOption, Flag, Opcode, Rcode, Type } from '../src/wire/types.ts'
import { ManualClock } from './support/clock.ts'
import { question } from './support/messages.ts'
import { SeededRandom } from './support/random.ts'

const WISHES = { rd: true, cd: false, ad: false, do: false }
const SERVER = new ServerAddress(Uint8Array.of(192, 0, 2, 53))

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

function setUp(options: Partial<CoreOptions> = {}) {
  const clock = new ManualClock()
  const server = new Server()
  const cache = new Cache(new MemoryStore(), clock, { ttlMin: 0, ttlMax: 86_400, negativeTtlMax: 10_800 })
  const core = new Core({
    cache,
    transport: server,
    clock,
    random: new SeededRandom(5),
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
    core.pursue(question(name, type), WISHES, {}, (request) => ended.push(request))
  return { clock, server, cache, core, ended, ask }
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

  it('tells its steps to those who want to read them', () => {
    const { server, core } = setUp()
    const steps: string[] = []
    core.pursue(question('www.example.org.'), WISHES, { trace: (step) => steps.push(step.kind) }, () => {})
    server.answerAll()
    expect(steps).to.deep.equal(['cut', 'query', 'arrival', 'answer'])
  })

  it('counts requests, those that no client asked for, and whose budget ran out', () => {
    const limits = { ...defaultSettings.limits, 'upstream-queries': 0 }
    const { core, ended, ask } = setUp({ settings: { limits } })
    ask('www.example.org.')
    core.pursue(question('www.example.org.'), WISHES, { client: { overUdp: true } }, () => {})
    expect(ended.map((request) => request.rcode)).to.deep.equal([Rcode.SERVFAIL])
    const { requests, ownRequests, failures, exceeded } = core.counters
    expect([requests, ownRequests, failures]).to.deep.equal([2, 1, 2])
    expect(exceeded).to.deep.equal({ 'upstream-queries': 2 })
  })

  it('logs mistakes of ours with what was asked, counts them, and lives on', () => {
    const faulty: Layer = {
      name: 'faulty',
      begin(request) {
        if (nameToText(request.qname) === 'boom.') throw new Error('a mistake of ours')
        return 'pass'
      },
    }
    const logged: unknown[] = []
    const log: CoreOptions['log'] = (level, event, fields) => logged.push([level, event, fields])
    const { server, core, ended, ask } = setUp({ modules: [faulty], log })
    ask('boom.')
    ask('www.example.org.')
    server.answerAll()
    expect(ended.map((request) => request.rcode)).to.deep.equal([Rcode.SERVFAIL, Rcode.NOERROR])
    expect(core.counters.faults).to.equal(1)
    const [[level, event, { qname, qtype, error }]] = logged as [string, string, Record<string, string>][]
    expect([level, event, qname, qtype]).to.deep.equal(['error', 'fault', 'boom.', 'A'])
    expect(error).to.match(/a mistake of ours\n +at /)
  })

  it('validates unless the client does so by itself, there is nothing to go by, or it is switched off', () => {
    const mustValidate = (settings: Partial<Settings>, wishes = WISHES) => {
      const { core, server } = setUp({ settings })
      let request: Request | undefined
      core.pursue(question('www.example.org.'), wishes, {}, (ended) => {
        request = ended
      })
      core.close()
      server.answerAll()
      return request?.mustValidate
    }
    const validate = true
    expect(mustValidate({ validate })).to.equal(true)
    expect(mustValidate({ validate }, { ...WISHES, cd: true })).to.equal(false)
    expect(mustValidate({ validate, trustAnchors: [] })).to.equal(false)
    expect(mustValidate({ validate: false })).to.equal(false)
  })
})

describe('Core, for its layers', () => {
  const attached = () => {
    let driver: Driver | undefined
    const module: Layer = {
      name: 'module',
      attach(given) {
        driver = given
      },
    }
    const world = setUp({ modules: [module] })
    return { ...world, driver: driver as Driver }
  }

  it('resolves questions of their own', () => {
    const { driver, server, core } = attached()
    const ended: Request[] = []
    driver.resolve(question('own.example.org.').name, Type.A, (request) => ended.push(request))
    server.answerAll()
    expect(ended.map((request) => request.answer.length)).to.deep.equal([1])
    expect(core.counters.ownRequests).to.equal(1)
  })

  it('asks again what the cache knows, soon but not at once', () => {
    const { driver, server, clock, ask } = attached()
    ask('www.example.org.')
    server.answerAll()
    driver.refresh?.(question('www.example.org.').name, Type.A)
    expect(server.asked).to.have.length(1)
    clock.advance(0)
    expect(server.asked).to.deep.equal(['www.example.org.', 'www.example.org.'])
  })

  it('sends one query to one server', () => {
    const { driver, server } = attached()
    const arrivals: string[] = []
    const query = {
      qname: question('probe.example.org.').name,
      qtype: Type.A,
      server: SERVER,
      protocol: 'udp' as const,
    }
    const manner = { timeoutMs: 400, edns: true, mixCase: false, zoneCut: ROOT, minimised: false }
    driver.ask({ ...query, ...manner }, ({ kind }) => arrivals.push(kind))
    expect(arrivals).to.deep.equal([])
    server.answerAll()
    expect(server.asked).to.deep.equal(['probe.example.org.'])
    expect(arrivals).to.deep.equal(['reply'])
  })
})

describe('Core.replaceAnchors', () => {
  const other = { zone: ROOT, ds: [], keys: [] }

  it('puts others in force, for whoever goes by them', () => {
    const anchors = anchorsInForce({ ...defaultSettings, negativeTrustAnchors: [question('off.').name] })
    const before = anchors.current
    const { core } = setUp({ anchors, settings: { negativeTrustAnchors: [question('off.').name] } })
    core.replaceAnchors([other])
    expect(anchors.current).not.to.equal(before)
    expect(anchors.current.anchors).to.deep.equal([other])
    expect(anchors.current.isSuspended(question('www.off.').name)).to.equal(true)
    const replaced = anchors.current
    core.forgetKeys()
    expect(anchors.current).not.to.equal(replaced)
    expect(anchors.current.anchors).to.deep.equal([other])
  })

  it('forgets that their keys were not believed', () => {
    const { core, cache } = setUp()
    cache.insertFailure(ROOT, Type.DNSKEY, Ede.DNSKEY_MISSING, '')
    expect(cache.lookupFailure(ROOT, Type.DNSKEY)?.ede).to.equal(Ede.DNSKEY_MISSING)
    core.replaceAnchors([other])
    expect(cache.lookupFailure(ROOT, Type.DNSKEY)).to.equal(undefined)
  })
})

describe('Core.drain and close', () => {
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
  const packet = (name = 'www.example.org.') => {
    const buffer = new Uint8Array(512)
    const query = { id: 0x1234, flags: Flag.RD, question: question(name), edns: { udpSize: 1232, do: false } }
    return buffer.slice(0, composeQuery(buffer, query))
  }
  /** Every answer to `sent`, undefined for silence. */
  const handle = ({ core }: Pick<ReturnType<typeof setUp>, 'core'>, sent: Uint8Array) => {
    const answers: (ReturnType<typeof parseReply> | undefined)[] = []
    core.handle(sent, { overUdp: true }, (response) => answers.push(response && parseReply(response.slice())))
    return answers
  }

  it('answers a question once, with its ID', () => {
    const world = setUp()
    const answers = handle(world, packet())
    expect(answers).to.deep.equal([])
    world.server.answerAll()
    expect(answers.map((reply) => [reply?.id, reply?.rcode, reply?.answer.length])).to.deep.equal([
      [0x1234, Rcode.NOERROR, 1],
    ])
  })

  it('refuses at once, or is silent to, what is no question', () => {
    const world = setUp()
    const notImplemented = packet()
    notImplemented[2] = (Opcode.UPDATE << 3) | 1
    expect(handle(world, notImplemented).map((reply) => reply?.rcode)).to.deep.equal([Rcode.NOTIMP])
    expect(handle(world, new Uint8Array(11))).to.deep.equal([undefined])
    expect(world.core.counters.requests).to.equal(0)
  })

  it('is silent where a layer wants it so', () => {
    const silent: Layer = {
      name: 'silent',
      begin(request) {
        request.silent = true
        return 'done'
      },
    }
    expect(handle(setUp({ modules: [silent] }), packet())).to.deep.equal([undefined])
  })

  it('answers SERVFAIL where its own answer cannot be composed', () => {
    const faulty: Layer = {
      name: 'faulty',
      begin(request) {
        return request.answerWith(Rcode.NOERROR, [undefined as never])
      },
    }
    const world = setUp({ modules: [faulty] })
    expect(handle(world, packet()).map((reply) => reply?.rcode)).to.deep.equal([Rcode.SERVFAIL])
    expect(world.core.counters.faults).to.equal(1)
  })

  it('says why when it fails (RFC 8914)', () => {
    const world = setUp()
    const answers = handle(world, packet())
    world.clock.advance(10_000)
    const options = answers[0]?.edns?.options ?? []
    expect(options.map(({ data }) => (data[0] << 8) | data[1])).to.include(Ede.OTHER)
  })

  describe('and what is ready', () => {
    /** How often an index is told of an answer, when a question is asked twice: `made` is what a module makes of it. */
    const told = (options: Partial<CoreOptions>, made?: (request: Request) => void) => {
      let count = 0
      const module: Layer = { name: 'module', answer: (request) => (made?.(request) as undefined) ?? 'pass' }
      const world = setUp({ modules: [module], onReady: () => count++, ...options })
      handle(world, packet())
      world.server.answerAll()
      expect(count).to.equal(0)
      expect(handle(world, packet())).to.have.length(1)
      return count
    }

    it('is told to an index: answers straight from the cache', () => expect(told({})).to.equal(1))

    it('is nothing that is so for one client, or for one moment, only', () => {
      const makings: ((request: Request) => void)[] = [
        (request) => request.addEde(Ede.STALE_ANSWER),
        (request) => request.options.push({ code: EdnsOption.NSID, data: new Uint8Array(1) }),
        (request) => Object.assign(request, { truncated: true }),
        (request) => Object.assign(request, { personal: true }),
        (request) => Object.assign(request, { source: 'local' }),
      ]
      expect(makings.map((making) => told({}, making))).to.deep.equal([0, 0, 0, 0, 0])
    })

    it('is nothing where a module has to see every answer', () =>
      expect(told({ modules: [{ name: 'seeing', seesCached: true }] })).to.equal(0))
  })
})
