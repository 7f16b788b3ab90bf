import { expect } from 'chai'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { Cache } from '../../src/cache/cache.ts'
import { MemoryStore } from '../../src/cache/memory-store.ts'
import { Rank } from '../../src/cache/rank.ts'
import { makeConfig } from '../../src/config/load.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import type { Transport } from '../../src/io/interfaces.ts'
import { startModules } from '../../src/modules/index.ts'
import { chooseView, compileViews, covers } from '../../src/modules/views/choose.ts'
import { Partitions } from '../../src/partitions.ts'
import { policyFromConfig } from '../../src/policy-from-config.ts'
import type { Client } from '../../src/request.ts'
import { Core } from '../../src/resolve.ts'
import { defaultSettings } from '../../src/settings.ts'
import { composeQuery } from '../../src/wire/compose.ts'
import { parseReply } from '../../src/wire/message.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { rrset } from '../../src/wire/rrset.ts'
import { Class, Flag, Type } from '../../src/wire/types.ts'
import { AnswerIndex, type AnswerIndexOptions } from '../../workers/answer-index.ts'
import { answersAtOnce } from '../../workers/answers-at-once.ts'
import { ManualClock } from '../support/clock.ts'
import { sets } from '../support/messages.ts'
import { SeededRandom } from '../support/random.ts'
import { PlainIndex } from './plain-index.ts'

const UDP_SIZE = 1232

/** Nobody answers: the tests live on what is cached. */
const silence: Transport = { exchange: () => ({ cancel: () => {} }) }

/** Two caches, one for each partition, with nothing in them; an index that learns from the cores before them, and its twin. */
function setUp(options: Partial<AnswerIndexOptions> = {}, config: ConfigInput = {}) {
  const clock = new ManualClock()
  const random = new SeededRandom(3)
  const ofPartition = (partition: number) =>
    new Cache(new MemoryStore(), clock, { ttlMin: 0, ttlMax: 86_400, negativeTtlMax: 10_800, partition })
  const caches = [ofPartition(0), ofPartition(1)]
  const index = new AnswerIndex({ octets: 256 * 1024, udpSize: UDP_SIZE, rotate: false, seed: 42, ...options })
  const plain = new PlainIndex(UDP_SIZE)
  const { views } = makeConfig(config)
  const viewOf = (client: Client) => chooseView(compileViews(views), client)?.key ?? ''
  let asking: Client = { overUdp: true }
  const settings = {
    ...defaultSettings,
    ...policyFromConfig(makeConfig(config)),
    validate: false,
    reorderRrset: false,
    ednsBufferSize: { upstream: 1232, downstream: UDP_SIZE },
  }
  const modules = startModules(settings, { clock, random, log: () => {} }).layers
  const cores = new Partitions(
    settings,
    (partition, own) => new Core({ cache: caches[partition], transport: silence, clock, random, modules, ...own }),
    (packet, response, secure, policy) => {
      index.tick(clock.wallMs())
      index.insert(packet, response, secure, policy)
      plain.insert(packet, response, secure, clock.wallMs(), viewOf(asking))
    },
  )
  const out = new Uint8Array(65_535)
  const answerAtOnce = answersAtOnce(index, cores.policies)
  const ask = (packet: Uint8Array, overUdp = true, client: Omit<Client, 'overUdp'> = {}) => {
    index.tick(clock.wallMs())
    const octets = answerAtOnce?.(packet, out, overUdp, client.address ?? NOWHERE, client.destination) ?? 0
    return octets === 0 ? undefined : Buffer.from(out.subarray(0, octets))
  }
  const askPlain = (packet: Uint8Array, client: Client) => {
    const view = chooseView(compileViews(views), client)
    if (view === undefined ? covers(compileViews(views), client.address) : view.answer !== 'allow') return undefined
    return plain.answer(packet, client.overUdp, clock.wallMs(), viewOf(client))
  }
  const askCore = (packet: Uint8Array, overUdp = true, client: Omit<Client, 'overUdp'> = {}) => {
    let answer: Buffer | undefined
    asking = { ...client, overUdp }
    cores.handle(packet, asking, (response) => {
      answer = response && Buffer.from(response)
    })
    return answer
  }
  return { clock, caches, cache: caches[0], index, ask, askPlain, askCore }
}

const NOWHERE = Uint8Array.of(127, 0, 0, 1)

interface Asked {
  name: string
  type?: number
  id?: number
  flags?: number
  edns?: { udpSize: number; do: boolean } | undefined
}

function packetOf({ name, type = Type.A, id = 0x1234, flags = Flag.RD, edns }: Asked): Uint8Array {
  const buffer = new Uint8Array(512)
  const question = { name: nameFromText(name), type, class: Class.IN }
  return buffer.slice(0, composeQuery(buffer, { id, flags, question, edns }))
}

function store(cache: Cache, text: string, security: 'secure' | 'insecure' = 'insecure'): void {
  for (const set of sets(text)) cache.insert(set, { rank: Rank.ANSWER, security })
}

describe('AnswerIndex', () => {
  it('answers what the core has answered from its cache, with the ID and spelling of the new query', () => {
    const { cache, ask, askCore } = setUp()
    store(cache, 'www.example.org. 300 A 192.0.2.1')
    expect(ask(packetOf({ name: 'www.example.org.' }))).to.equal(undefined)
    askCore(packetOf({ name: 'www.example.org.' }))
    const again = packetOf({ name: 'WWW.eXample.ORG.', id: 0xabcd })
    expect(ask(again)).to.deep.equal(askCore(again))
  })

  it('lets TTLs run down, and forgets the answer in the last tenth of the first: then it may be asked again', () => {
    const { clock, cache, ask, askCore } = setUp()
    store(cache, 'www.example.org. 300 A 192.0.2.1')
    const packet = packetOf({ name: 'www.example.org.' })
    askCore(packet)
    clock.advance(269_000)
    expect(parseReply(ask(packet) as Buffer).answer[0].ttl).to.equal(31)
    clock.advance(1_000)
    expect(ask(packet)).to.equal(undefined)
  })

  it('tells AD to those who can read it, if the data is secure (RFC 6840 §5.8)', () => {
    const { cache, ask, askCore } = setUp()
    store(cache, 'www.example.org. 300 A 192.0.2.1', 'secure')
    askCore(packetOf({ name: 'www.example.org.' }))
    askCore(packetOf({ name: 'www.example.org.', edns: { udpSize: 1232, do: true } }))
    const flagsOf = (asked: Partial<Asked>) =>
      (ask(packetOf({ name: 'www.example.org.', ...asked })) as Buffer).readUInt16BE(2)
    expect(flagsOf({}) & Flag.AD).to.equal(0)
    expect(flagsOf({ flags: Flag.RD | Flag.AD }) & Flag.AD).to.equal(Flag.AD)
    expect(flagsOf({ edns: { udpSize: 1232, do: true } }) & Flag.AD).to.equal(Flag.AD)
  })

  it('leaves to the core what does not fit the client', () => {
    const { cache, ask, askCore } = setUp()
    const records = Array.from({ length: 40 }, (_, i) => `big.example.org. 300 A 192.0.2.${i}`)
    store(cache, records.join('\n'))
    askCore(packetOf({ name: 'big.example.org.', edns: { udpSize: 1232, do: false } }))
    expect(ask(packetOf({ name: 'big.example.org.', edns: { udpSize: 1232, do: false } }))).to.not.equal(undefined)
    expect(ask(packetOf({ name: 'big.example.org.' }))).to.equal(undefined)
    expect(ask(packetOf({ name: 'big.example.org.' }), false)).to.not.equal(undefined)
  })

  it('leaves to the core what is no plain query', () => {
    const { cache, ask, askCore, index } = setUp()
    store(cache, 'www.example.org. 300 A 192.0.2.1')
    askCore(packetOf({ name: 'www.example.org.' }))
    const packet = packetOf({ name: 'www.example.org.' })
    const changed = (at: number, value: number) => {
      const copy = packet.slice()
      copy[at] = value
      return copy
    }
    expect(ask(changed(2, 0))).to.equal(undefined) // no RD
    expect(ask(changed(2, 0x81))).to.equal(undefined) // a response
    expect(ask(changed(2, 0x29))).to.equal(undefined) // an update
    expect(ask(changed(5, 2))).to.equal(undefined) // two questions
    expect(ask(changed(7, 1))).to.equal(undefined) // with an answer
    expect(ask(changed(packet.length - 1, Class.CH))).to.equal(undefined)
    expect(index.misses).to.equal(0)
    for (let octets = 0; octets < packet.length; octets++) expect(ask(packet.subarray(0, octets))).to.equal(undefined)
  })

  it('leaves options that want an answer to the core', () => {
    const { cache, ask, askCore } = setUp()
    store(cache, 'www.example.org. 300 A 192.0.2.1')
    const plain = packetOf({ name: 'www.example.org.', edns: { udpSize: 1232, do: false } })
    askCore(plain)
    const withOption = (code: number) => {
      const packet = Buffer.concat([plain, Buffer.of(0, code, 0, 0)])
      packet.writeUInt16BE(4, plain.length - 2)
      return packet
    }
    expect(ask(withOption(3))).to.equal(undefined) // NSID
    expect(ask(withOption(10))).to.equal(undefined) // a cookie
    expect(ask(withOption(12))).to.not.equal(undefined) // padding
    expect(ask(Buffer.concat([plain, Buffer.of(0)]))).to.equal(undefined) // something behind the end
  })

  it('begins with another address each time (RFC 1794)', () => {
    const { cache, ask, askCore } = setUp({ rotate: true })
    store(cache, 'www.example.org. 300 A 192.0.2.1\nwww.example.org. 300 A 192.0.2.2\nwww.example.org. 300 A 192.0.2.3')
    const packet = packetOf({ name: 'www.example.org.' })
    askCore(packet)
    const orders = [1, 2, 3, 4].map(() =>
      parseReply(ask(packet) as Buffer)
        .answer[0].rdatas.map((rdata) => rdata[3])
        .join(),
    )
    expect(orders).to.deep.equal(['1,2,3', '2,3,1', '3,1,2', '1,2,3'])
  })

  it('forgets everything when told to', () => {
    const { cache, ask, askCore, index } = setUp()
    store(cache, 'www.example.org. 300 A 192.0.2.1')
    const packet = packetOf({ name: 'www.example.org.' })
    askCore(packet)
    expect(ask(packet)).to.not.equal(undefined)
    index.clear()
    expect(ask(packet)).to.equal(undefined)
  })

  it('keeps to its memory: the oldest answers go first, and none comes back wrong', () => {
    const { cache, ask, askCore, index } = setUp({ octets: 64 * 1024 })
    const before = index.octets
    const names = Array.from({ length: 3000 }, (_, i) => `host${i}.example.org.`)
    for (const [i, name] of names.entries()) {
      cache.insert(rrset(nameFromText(name), Type.A, 300, [Uint8Array.of(10, 0, i >> 8, i & 255)]), {
        rank: Rank.ANSWER,
        security: 'insecure',
      })
      askCore(packetOf({ name }))
    }
    const held = names.filter((name, i) => {
      const answer = ask(packetOf({ name }))
      if (answer === undefined) return false
      expect([...parseReply(answer).answer[0].rdatas[0]]).to.deep.equal([10, 0, i >> 8, i & 255])
      return true
    })
    expect(held.length).to.be.within(100, 1000)
    expect(held.at(-1)).to.equal(names.at(-1))
    expect(index.octets).to.equal(before)
  })

  it('gives the same octets as the core and as its plain twin, for any stream of queries', () => {
    const names = [
      'www.example.org.',
      'two.example.org.',
      'alias.example.org.',
      'gone.example.org.',
      'none.example.org.',
    ]
    const zone = [
      'www.example.org. 300 A 192.0.2.1',
      'www.example.org. 40 AAAA 2001:db8::1',
      'two.example.org. 20 A 192.0.2.2',
      'two.example.org. 20 A 192.0.2.3',
      'alias.example.org. 7 CNAME www.example.org.',
      'www.example.org. 90 TXT "a text" "and another"',
    ].join('\n')
    const soa = 'example.org. 60 SOA ns.example.org. host.example.org. 1 2 3 4 60'
    const spelled = (name: string, caps: number) =>
      [...name].map((letter, i) => ((caps >> (i % 16)) & 1 ? letter.toUpperCase() : letter)).join('')
    const query = fc.record({
      name: fc.constantFrom(...names),
      caps: fc.nat(0xffff),
      type: fc.constantFrom(Type.A, Type.AAAA, Type.TXT, Type.CNAME),
      id: fc.nat(0xffff),
      flags: fc.constantFrom(Flag.RD, Flag.RD | Flag.CD, Flag.RD | Flag.AD, Flag.RD | Flag.AD | Flag.CD),
      edns: fc.constantFrom(
        undefined,
        { udpSize: 512, do: false },
        { udpSize: 4096, do: true },
        { udpSize: 0, do: true },
      ),
      overUdp: fc.boolean(),
      pauseMs: fc.constantFrom(0, 0, 0, 1000, 5000),
    })
    let ready = 0
    fc.assert(
      fc.property(fc.array(query, { minLength: 150, maxLength: 250, size: 'max' }), fc.boolean(), (queries, secure) => {
        const { clock, cache, ask, askPlain, askCore } = setUp()
        const security = secure ? 'secure' : 'insecure'
        store(cache, zone, security)
        const meta = { security, ttl: 60 } as const
        cache.insertDenial('nxdomain', nameFromText('gone.example.org.'), 0, sets(soa), meta)
        for (const type of [Type.A, Type.AAAA, Type.TXT, Type.CNAME])
          cache.insertDenial('nodata', nameFromText('none.example.org.'), type, sets(soa), meta)
        for (const { caps, overUdp, pauseMs, ...asked } of queries) {
          clock.advance(pauseMs)
          const packet = packetOf({ ...asked, name: spelled(asked.name, caps) })
          const quick = ask(packet, overUdp)
          const twin = askPlain(packet, { overUdp })
          const full = askCore(packet, overUdp)
          expect(quick).to.deep.equal(bufferOf(twin))
          if (quick === undefined) continue
          ready++
          expect(quick).to.deep.equal(full)
        }
      }),
      { numRuns: 40 },
    )
    expect(ready).to.be.greaterThan(400)
  })

  it('gives each client what its view is told, in the same octets as the core and the plain twin', () => {
    const config: ConfigInput = {
      views: [
        { subnets: '192.0.2.0/24', tags: 'strict' },
        { subnets: '192.0.2.64/26', options: { 'cache-partition': 1 } },
        { subnets: '192.0.2.128/25', answer: 'refused' },
        { subnets: '198.51.100.0/24', protocols: 'tcp', tags: 'strict' },
        { subnets: '10.1.0.0/16', tags: ['strict', 'others'], 'dst-subnet': '203.0.113.1' },
        { subnets: '2001:db8::/32', tags: 'strict' },
      ],
      'local-data': {
        rules: [
          { name: 'ads.org', subtree: 'nxdomain', tags: 'strict', ttl: '1m' },
          { name: 'tcp.org', subtree: 'truncate' },
        ],
      },
    }
    const addresses = ['192.0.2.1', '192.0.2.70', '192.0.2.129', '198.51.100.1', '10.1.2.3', '10.2.2.3', '2001:db8::1']
    const address = (text: string) => new Uint8Array(ipaddr.parse(text).toByteArray())
    const query = fc.record({
      name: fc.constantFrom('www.org.', 'alias.org.', 'ads.org.', 'tcp.org.'),
      type: fc.constantFrom(Type.A, Type.CNAME),
      client: fc.record({
        address: fc.constantFrom(...addresses.map(address)),
        destination: fc.constantFrom(undefined, address('203.0.113.1'), address('203.0.113.2')),
      }),
      overUdp: fc.boolean(),
    })
    let ready = 0
    fc.assert(
      fc.property(fc.array(query, { minLength: 100, maxLength: 200, size: 'max' }), (queries) => {
        const { caches, ask, askPlain, askCore } = setUp({}, config)
        store(caches[0], 'www.org. 300 A 203.0.113.10\nalias.org. 60 CNAME ads.org.\nads.org. 60 A 203.0.113.11')
        for (const cache of caches) store(cache, 'tcp.org. 60 A 203.0.113.30')
        store(caches[1], 'www.org. 300 A 203.0.113.20\nalias.org. 60 CNAME ads.org.\nads.org. 60 A 203.0.113.21')
        for (const { client, overUdp, ...asked } of queries) {
          const packet = packetOf(asked)
          const quick = ask(packet, overUdp, client)
          expect(quick).to.deep.equal(bufferOf(askPlain(packet, { ...client, overUdp })))
          const full = askCore(packet, overUdp, client)
          if (quick === undefined) continue
          ready++
          expect(quick).to.deep.equal(full)
        }
      }),
      { numRuns: 40 },
    )
    expect(ready).to.be.greaterThan(400)
  })
})

function bufferOf(octets: Uint8Array | undefined): Buffer | undefined {
  return octets && Buffer.from(octets)
}
