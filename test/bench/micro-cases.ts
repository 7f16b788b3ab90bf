/** The functions that run for every packet, each with the data it usually meets. A new one: an entry in CASES. `run` is
 *  one call; `index` counts the calls, for those that need something new each time. */

import { Cache } from '../../src/cache/cache.ts'
import { MemoryStore } from '../../src/cache/memory-store.ts'
import { Rank } from '../../src/cache/rank.ts'
import { ServerAddress } from '../../src/io/address.ts'
import { systemClock } from '../../src/io/clock.ts'
import type { ExchangeSink, Transport } from '../../src/io/interfaces.ts'
import { systemRandom } from '../../src/io/random.ts'
import { startModules } from '../../src/modules/index.ts'
import { RateTable, tableOctets } from '../../src/modules/rate-limiting/table.ts'
import { Stats } from '../../src/modules/stats/index.ts'
import { Core } from '../../src/resolve.ts'
import { defaultSettings } from '../../src/settings.ts'
import { composeUpstream, judgePacket } from '../../src/upstream/query.ts'
import { Servers } from '../../src/upstream/servers.ts'
import { composeMessage, composeQuery, type Outgoing } from '../../src/wire/compose.ts'
import { parseQuery, parseReply } from '../../src/wire/message.ts'
import { type Name, nameFromText, nameKey } from '../../src/wire/name.ts'
import { MAX_REVERSED, writeReversed } from '../../src/wire/reversed.ts'
import { rrset } from '../../src/wire/rrset.ts'
import { rdataFromText } from '../../src/wire/text.ts'
import { Class, Flag, Type } from '../../src/wire/types.ts'
import { AnswerIndex } from '../../workers/answer-index.ts'
import { LocalKeeper, MIB } from '../cache/local-keeper.ts'

export interface MicroCase {
  name: string
  setUp(): Running | Promise<Running>
}

export interface Running {
  run(index: number): unknown
  /** For what piles up: called between measurements, its time not counted. */
  rest?(): Promise<void>
  close?(): Promise<void>
}

/** As many owners as fit no CPU cache, and few enough to be made quickly. */
const OWNERS = 16_384
const TTL = 86_400
const CACHE_OPTIONS = { ttlMin: 5, ttlMax: TTL, negativeTtlMax: 10_800 }

const www = nameFromText('www.example.org')
const zone = nameFromText('example.org')
const question = { name: www, type: Type.A, class: Class.IN }
const addresses = [Uint8Array.of(192, 0, 2, 1), Uint8Array.of(192, 0, 2, 2)]
const owners = Array.from({ length: OWNERS }, (_, i) => nameFromText(`n${i}.example.org`))
const ownerAt = (index: number): Name => owners[(index * 7919) % OWNERS] // a prime: far apart, all of them

function answer(signed: boolean): Uint8Array {
  const text = `A 13 3 ${TTL} 20300101000000 20250101000000 1 example.org. ${'AAAA'.repeat(21)}AA==`
  const set = rrset(www, Type.A, TTL, addresses, signed ? [rdataFromText(Type.RRSIG, text)] : [])
  return compose({
    id: 1,
    flags: Flag.QR | Flag.AA,
    rcode: 0,
    question,
    answer: [set],
    edns: { udpSize: 1232, do: true },
  })
}

function referral(): Uint8Array {
  const servers = ['ns1', 'ns2', 'ns3', 'ns4'].map((host) => nameFromText(`${host}.example.org`))
  return compose({
    id: 1,
    flags: Flag.QR,
    rcode: 0,
    question,
    authority: [rrset(zone, Type.NS, TTL, servers)],
    additional: servers.map((server) => rrset(server, Type.A, TTL, [addresses[0]])),
    edns: { udpSize: 1232, do: true },
  })
}

function compose(message: Outgoing): Uint8Array {
  const buffer = new Uint8Array(4096)
  return buffer.slice(0, composeMessage(buffer, message, { limit: 1232, dnssec: true, truncate: true }))
}

function clientQuery(name: Name, edns: boolean): Uint8Array {
  const buffer = new Uint8Array(512)
  const wanted = { id: 1, flags: Flag.RD, question: { ...question, name } }
  return buffer.slice(0, composeQuery(buffer, { ...wanted, edns: edns ? { udpSize: 1232, do: false } : undefined }))
}

function fill(cache: Cache): void {
  for (const owner of owners)
    cache.insert(rrset(owner, Type.A, TTL, addresses), { rank: Rank.ANSWER, security: 'insecure' })
}

/** A cache on LMDB with the keeper in this process. */
function lmdbCache() {
  const options = { clock: systemClock, file: { sizeMax: 256 * MIB }, store: { sizeMax: 256 * MIB } }
  const keeper = new LocalKeeper(options)
  return { keeper, cache: new Cache(keeper.store, systemClock, CACHE_OPTIONS) }
}

function coreWith(transport: Transport): { core: Core; cache: Cache } {
  const cache = new Cache(new MemoryStore(), systemClock, CACHE_OPTIONS)
  const settings = { ...defaultSettings, validate: false, queryLoopback: true }
  const tools = { clock: systemClock, random: systemRandom, log: () => {} }
  const modules = startModules(settings, tools).layers
  const core = new Core({ cache, transport, clock: systemClock, random: systemRandom, settings, modules })
  return { core, cache }
}

const noNetwork: Transport = {
  exchange: () => {
    throw new Error('nothing was to be asked')
  },
}

/** Keeps the one exchange under way, to be answered by hand. */
class HeldTransport implements Transport {
  private readonly query = new Uint8Array(1024)
  private octets = 0
  private sink: ExchangeSink | undefined

  exchange(_server: ServerAddress, _protocol: string, query: Uint8Array, _timeoutMs: number, sink: ExchangeSink) {
    this.query.set(query)
    this.octets = query.length
    this.sink = sink
    return { cancel: () => {} }
  }

  /** An address record for whatever was asked. */
  answer(): void {
    let optStart = 12
    while (this.query[optStart] !== 0) optStart += this.query[optStart] + 1
    optStart += 5 // root label, type, class
    const reply = new Uint8Array(this.octets + 16)
    reply.set(this.query.subarray(0, optStart))
    reply[2] |= (Flag.QR | Flag.AA) >> 8
    reply[7] = 1 // ANCOUNT
    reply.set([0xc0, 12, 0, 1, 0, 1, 0, 1, 0x51, 0x80, 0, 4, 192, 0, 2, 1], optStart)
    reply.set(this.query.subarray(optStart, this.octets), optStart + 16)
    this.sink!.accept(reply)
  }
}

const client = { overUdp: true }
const ignore = () => {}

export const CASES: MicroCase[] = [
  {
    name: 'AnswerIndex.answer, a hit',
    setUp() {
      const index = new AnswerIndex({ octets: 8 * MIB, udpSize: 1232, rotate: true, seed: 1 })
      index.tick(Date.now())
      const queries = owners.map((owner) => clientQuery(owner, true))
      for (const [i, owner] of owners.entries()) {
        const set = rrset(owner, Type.A, TTL, addresses)
        const flags = Flag.QR | Flag.RD | Flag.RA
        const message = { id: 1, flags, rcode: 0, question: { ...question, name: owner }, answer: [set] }
        index.insert(queries[i], compose({ ...message, edns: { udpSize: 1232, do: false } }), false, 0)
      }
      const out = new Uint8Array(4200)
      return { run: (i) => index.answer(queries[(i * 7919) % OWNERS], out, true, 0) || fail('no hit') }
    },
  },
  {
    name: 'parseQuery',
    setUp() {
      const packet = clientQuery(www, true)
      return { run: () => parseQuery(packet) }
    },
  },
  {
    name: 'composeMessage, two addresses',
    setUp() {
      const buffer = new Uint8Array(4096)
      const set = rrset(www, Type.A, TTL, addresses)
      const message = { id: 1, flags: Flag.QR, rcode: 0, question, answer: [set], edns: { udpSize: 1232, do: false } }
      const options = { limit: 1232, dnssec: false, truncate: true }
      return { run: () => composeMessage(buffer, message, options) }
    },
  },
  {
    name: 'Core.handle, cached (memory)',
    setUp() {
      const { core, cache } = coreWith(noNetwork)
      fill(cache)
      const queries = owners.map((owner) => clientQuery(owner, false))
      return { run: (i) => core.handle(queries[(i * 7919) % OWNERS], client, ignore) }
    },
  },
  {
    name: 'Core.handle, a miss (no sockets)',
    setUp() {
      const transport = new HeldTransport()
      const { core, cache } = coreWith(transport)
      const untilMs = Date.now() + TTL * 1000
      const nameservers = [{ name: nameFromText('ns.example.org'), addresses: [{ octets: addresses[0], untilMs }] }]
      cache.insertDelegation({ zone, leaseUntilMs: untilMs, nameservers })
      return {
        run(i) {
          core.handle(clientQuery(nameFromText(`m${i}.example.org`), false), client, ignore)
          transport.answer()
        },
      }
    },
  },
  {
    name: '  of that, the query made up',
    setUp: () => ({ run: (i) => clientQuery(nameFromText(`m${i}.example.org`), false) }),
  },
  {
    name: 'composeUpstream',
    setUp() {
      const buffer = new Uint8Array(1024)
      const query = { qname: www, qtype: Type.A, choice: { edns: true, mixCase: true }, random: systemRandom }
      return { run: () => composeUpstream(buffer, query) }
    },
  },
  {
    name: 'judgePacket',
    setUp() {
      const buffer = new Uint8Array(1024)
      const choice = { edns: true, mixCase: false }
      const sent = composeUpstream(buffer, { qname: www, qtype: Type.A, choice, random: systemRandom })
      const packet = answer(false)
      packet[0] = sent.id >> 8
      packet[1] = sent.id
      return { run: () => judgePacket(sent, packet) === 'match' || fail('no match') }
    },
  },
  { name: 'parseReply, two addresses', setUp: () => reader(answer(false)) },
  { name: 'parseReply, two addresses, signed', setUp: () => reader(answer(true)) },
  { name: 'parseReply, referral to four servers', setUp: () => reader(referral()) },
  {
    name: 'Servers.choose and learn',
    setUp() {
      const servers = new Servers(undefined, systemClock, systemRandom)
      const candidates = [1, 2, 3, 4].map((host) => new ServerAddress(Uint8Array.of(192, 0, 2, host), 53))
      const tried = new Map<string, number>()
      return {
        run() {
          const choice = servers.choose(candidates, tried)!
          servers.learn(choice.address, { kind: 'reply', rttMs: 20, protocol: 'udp' })
        },
      }
    },
  },
  {
    name: 'Cache.lookup, found (memory)',
    setUp() {
      const cache = new Cache(new MemoryStore(), systemClock, CACHE_OPTIONS)
      fill(cache)
      return { run: (i) => cache.lookup(ownerAt(i), Type.A) ?? fail('nothing') }
    },
  },
  {
    name: 'Cache.lookup, nothing (memory)',
    setUp() {
      const cache = new Cache(new MemoryStore(), systemClock, CACHE_OPTIONS)
      fill(cache)
      return { run: (i) => cache.lookup(ownerAt(i), Type.CNAME) }
    },
  },
  {
    name: 'Cache.insert (memory)',
    setUp: () => inserting(new Cache(new MemoryStore(), systemClock, CACHE_OPTIONS)),
  },
  {
    name: 'Cache.lookup, found (LMDB)',
    async setUp() {
      const { keeper, cache } = lmdbCache()
      fill(cache)
      await keeper.settle()
      return { run: (i) => cache.lookup(ownerAt(i), Type.A) ?? fail('nothing'), close: () => keeper.close() }
    },
  },
  {
    name: 'Cache.lookup, nothing (LMDB)',
    async setUp() {
      const { keeper, cache } = lmdbCache()
      fill(cache)
      await keeper.settle()
      return { run: (i) => cache.lookup(ownerAt(i), Type.CNAME), close: () => keeper.close() }
    },
  },
  {
    name: "Cache.insert (LMDB; the worker's part and, at 256 KiB each, the keeper's)",
    setUp() {
      const { keeper, cache } = lmdbCache()
      return { ...inserting(cache), rest: () => keeper.settle(), close: () => keeper.close() }
    },
  },
  { name: 'RateTable.admit, 16 clients (IPv4)', setUp: () => limiting(4, 16) },
  { name: 'RateTable.admit, 500,000 clients (IPv4)', setUp: () => limiting(4, 500_000) },
  { name: 'RateTable.admit, 16 clients (IPv6)', setUp: () => limiting(16, 16) },
  {
    name: 'Stats.note, one query in 5 µs',
    setUp() {
      const stats = new Stats({ room: 1000, windowMs: 3_600_000, seed: 1 })
      const packets = owners.map((name) => queryPacket(name))
      const client = Uint8Array.of(192, 0, 2, 1)
      return { run: (i) => stats.note(packets[(i * 7919) % OWNERS], client, Math.floor(i / 200)) }
    },
  },
  { name: 'nameKey', setUp: () => ({ run: () => nameKey(www) }) },
  {
    name: 'writeReversed',
    setUp() {
      const key = new Uint8Array(MAX_REVERSED)
      return { run: () => writeReversed(www, key, 0) }
    },
  },
]

function reader(packet: Uint8Array): Running {
  return { run: () => parseReply(packet) }
}

function inserting(cache: Cache): Running {
  const meta = { rank: Rank.ANSWER, security: 'insecure' } as const
  return { run: (i) => cache.insert(rrset(ownerAt(i), Type.A, TTL, addresses), meta) || fail('refused') }
}

function queryPacket(name: Name): Uint8Array {
  const buffer = new Uint8Array(512)
  return buffer.slice(
    0,
    composeQuery(buffer, { id: 1, flags: Flag.RD, question: { name, type: Type.A, class: Class.IN } }),
  )
}

function limiting(octets: 4 | 16, clients: number): Running {
  const capacity = 524_288
  const limits = { rateLimit: 1e6, instantLimit: 1e6 }
  const table = new RateTable(new ArrayBuffer(tableOctets(capacity)), capacity, limits, 1)
  const address = new Uint8Array(octets)
  return {
    run(index) {
      const client = Math.imul(index, 7919) % clients
      address[octets - 4] = client >>> 20
      address[octets - 3] = client >>> 16
      address[octets - 2] = client >>> 8
      address[octets - 1] = client
      return table.admit(address, 1, index)
    },
  }
}

function fail(why: string): never {
  throw new Error(why)
}
