import { expect } from 'chai'
import { ServerAddress } from '../../src/io/address.ts'
import { tlsIdentity } from '../../src/io/tls-identity.ts'
import type { FamilyEvent } from '../../src/upstream/families.ts'
import { type Choice, type ServerMemory, Servers, type ServersOptions } from '../../src/upstream/servers.ts'
import { Rcode } from '../../src/wire/types.ts'
import { ManualClock } from '../support/clock.ts'
import { SeededRandom } from '../support/random.ts'

const A = address('192.0.2.1')
const B = address('192.0.2.2')
const C = address('192.0.2.3')
const D = address('192.0.2.4')
const NONE: ReadonlyMap<string, number> = new Map()

function address(text: string): ServerAddress {
  return ServerAddress.fromText(text)!
}

/** A cache as other workers share it. */
class SharedStore {
  readonly memories = new Map<string, ServerMemory>()
  writes = 0
  reads = 0

  lookupServer({ key }: ServerAddress): ServerMemory | undefined {
    this.reads++
    return this.memories.get(key)
  }

  insertServer({ key }: ServerAddress, memory: ServerMemory): void {
    this.writes++
    this.memories.set(key, { ...memory })
  }
}

/** Servers of which each takes so many milliseconds to answer, or never does. */
class World {
  readonly clock = new ManualClock()
  readonly random = new SeededRandom(42)
  readonly events: FamilyEvent[] = []
  readonly servers: Servers
  readonly rttMs = new Map<string, number | 'silent' | 'unreachable'>()
  readonly asked = new Map<string, number>()

  constructor(options: Partial<ServersOptions> = {}, store?: SharedStore) {
    const onFamily = (event: FamilyEvent) => this.events.push(event)
    this.servers = new Servers(store, this.clock, this.random, { onFamily, ...options })
  }

  set(server: ServerAddress, rttMs: number | 'silent' | 'unreachable'): this {
    this.rttMs.set(server.key, rttMs)
    return this
  }

  /** Resolves one request: asks until someone answers, `attempts` times at most. The choices made, in order. */
  request(candidates: ServerAddress[], attempts = 8): Choice[] {
    const tried = new Map<string, number>()
    const choices: Choice[] = []
    while (choices.length < attempts) {
      const choice = this.servers.choose(candidates, tried)
      if (choice === undefined) break
      choices.push(choice)
      const { key } = choice.address
      tried.set(key, (tried.get(key) ?? 0) + 1)
      this.asked.set(key, (this.asked.get(key) ?? 0) + 1)
      if (this.ask(choice)) break
    }
    return choices
  }

  askedOf(server: ServerAddress): number {
    return this.asked.get(server.key) ?? 0
  }

  private ask(choice: Choice): boolean {
    const { address, protocol, timeoutMs } = choice
    const rttMs = this.rttMs.get(address.key) ?? 'silent'
    if (rttMs === 'unreachable') {
      this.servers.learn(address, { kind: 'unreachable', protocol })
      return false
    }
    if (rttMs === 'silent' || rttMs > timeoutMs) {
      this.clock.advance(timeoutMs)
      this.servers.learn(address, { kind: 'timeout', protocol, waitedMs: timeoutMs })
      return false
    }
    this.clock.advance(rttMs)
    this.servers.learn(address, { kind: 'reply', rttMs, protocol, edns: choice.edns, rcode: Rcode.NOERROR })
    return true
  }
}

describe('Servers: whom to ask', () => {
  it('asks the fastest most, and every one of them now and then', () => {
    const world = new World().set(A, 80).set(B, 10).set(C, 200).set(D, 40)
    for (let i = 0; i < 10_000; i++) world.request([A, B, C, D])
    expect(world.askedOf(B)).to.be.greaterThan(9300)
    for (const server of [A, C, D]) expect(world.askedOf(server)).to.be.within(100, 250) // a third of one in twenty
  })

  it('follows when another becomes the fastest', () => {
    const world = new World().set(A, 10).set(B, 50)
    for (let i = 0; i < 200; i++) world.request([A, B])
    world.set(A, 300)
    for (let i = 0; i < 500; i++) world.request([A, B])
    world.asked.clear()
    for (let i = 0; i < 1000; i++) world.request([A, B])
    expect(world.askedOf(B)).to.be.greaterThan(900)
  })

  it('gives servers it does not know a try before those it knows to be slow', () => {
    const world = new World().set(A, 350).set(B, 30)
    world.servers.learn(A, { kind: 'reply', rttMs: 350 })
    for (let i = 0; i < 20; i++) world.request([A, B])
    expect(world.askedOf(B)).to.be.greaterThan(15)
  })

  it('spreads first questions over all it does not know', () => {
    const first = new Map<string, number>()
    for (let seed = 0; seed < 2000; seed++) {
      const servers = new Servers(undefined, new ManualClock(), new SeededRandom(seed))
      const { key } = servers.choose([A, B, C, D], NONE)!.address
      first.set(key, (first.get(key) ?? 0) + 1)
    }
    for (const server of [A, B, C, D]) expect(first.get(server.key)).to.be.within(400, 600)
  })

  it('hardly asks a dead one, and finds out when it is back', () => {
    const world = new World().set(A, 20).set(B, 'silent').set(C, 60)
    for (let i = 0; i < 10_000; i++) world.request([A, B, C])
    expect(world.askedOf(B)).to.be.within(1, 200)
    world.set(B, 5)
    for (let i = 0; i < 10_000; i++) world.request([A, B, C])
    world.asked.clear()
    for (let i = 0; i < 1000; i++) world.request([A, B, C])
    expect(world.askedOf(B)).to.be.greaterThan(900)
  })

  it('asks no address twice before it has asked all others', () => {
    for (let seed = 1; seed < 50; seed++) {
      const world = new World()
      for (let i = 0; i < seed; i++) world.random.next()
      const keys = world.request([A, B, C, D], 8).map((choice) => choice.address.key)
      expect(new Set(keys.slice(0, 4)).size).to.equal(4)
      expect(new Set(keys.slice(4, 8)).size).to.equal(4)
    }
  })

  it('asks a fourth address within 2 s of three silent ones', () => {
    const world = new World().set(D, 20)
    world.servers.learn(D, { kind: 'reply', rttMs: 380 }) // so that it comes last
    const start = world.clock.monotonicMs()
    const choices = world.request([A, B, C, D])
    expect(choices.map((choice) => choice.address)).to.have.lengthOf(4)
    expect(choices[3].address.key).to.equal(D.key)
    expect(world.clock.monotonicMs() - start).to.be.lessThan(2000)
  })

  it('asks a fourth within 2 s also when the three were known and then fell silent', () => {
    const world = new World().set(A, 150).set(B, 150).set(C, 150)
    for (let i = 0; i < 100; i++) world.request([A, B, C])
    world.set(A, 'silent').set(B, 'silent').set(C, 'silent').set(D, 20)
    for (let i = 0; i < 20; i++) {
      const start = world.clock.monotonicMs()
      world.request([A, B, C, D])
      expect(world.clock.monotonicMs() - start).to.be.lessThan(2000)
    }
  })

  it('counts an address given twice once', () => {
    const world = new World()
    const keys = world.request([A, A, address('192.0.2.1'), B], 4).map((choice) => choice.address.key)
    expect(new Set(keys.slice(0, 2)).size).to.equal(2)
    expect(new Set(keys.slice(2, 4)).size).to.equal(2)
  })

  it('finds nobody among none', () => expect(new World().servers.choose([], NONE)).to.equal(undefined))
})

describe('Servers: how long to wait', () => {
  it('waits 400 ms for one it does not know, and by its RTT for one it does (RFC 6298 §2)', () => {
    const world = new World()
    expect(world.servers.choose([A], NONE)!.timeoutMs).to.equal(400)
    world.servers.learn(A, { kind: 'reply', rttMs: 100 })
    expect(world.servers.choose([A], NONE)!.timeoutMs).to.equal(300)
    for (let i = 0; i < 50; i++) world.servers.learn(A, { kind: 'reply', rttMs: 100 })
    expect(world.servers.choose([A], NONE)!.timeoutMs).to.equal(100)
  })

  it('doubles it for each time-out in a row, to 10 s at most (§5.5)', () => {
    const { servers } = new World()
    const timeouts = [0, 1, 2, 3, 4, 5, 6].map((tries) => servers.choose([A], new Map([[A.key, tries]]))!.timeoutMs)
    expect(timeouts).to.deep.equal([400, 800, 1600, 3200, 6400, 10_000, 10_000])
  })

  it('gives up early on the first try while others are left, unless it knows the server to be slow', () => {
    const world = new World()
    world.servers.learn(A, { kind: 'reply', rttMs: 300 }) // RTO 900
    world.servers.learn(B, { kind: 'reply', rttMs: 300 })
    expect(world.servers.choose([A, B], NONE)!.timeoutMs).to.equal(600)
    expect(world.servers.choose([A], NONE)!.timeoutMs).to.equal(900)
    for (let i = 0; i < 40; i++) for (const server of [A, B]) world.servers.learn(server, { kind: 'reply', rttMs: 800 })
    expect(world.servers.choose([A, B], NONE)!.timeoutMs).to.be.greaterThan(800)
  })

  it('waits as long as it is told to for a forwarder', () =>
    expect(new World().servers.choose([A], NONE, { minTimeoutMs: 2500 })!.timeoutMs).to.equal(2500))
})

describe('Servers: TCP', () => {
  it('is used when asked for', () => {
    const choice = new World().servers.choose([A], NONE, { tcp: true })!
    expect(choice.protocol).to.equal('tcp')
    expect(choice.timeoutMs).to.equal(1500)
  })

  it('is tried after two UDP time-outs of the same server, then UDP again', () => {
    const world = new World()
    expect(world.request([A], 4).map((choice) => choice.protocol)).to.deep.equal(['udp', 'udp', 'tcp', 'udp'])
  })

  it('is stayed with for a while where only it gets through', () => {
    const { servers, clock } = new World()
    for (let i = 0; i < 2; i++) servers.learn(A, { kind: 'timeout', protocol: 'udp' })
    servers.learn(A, { kind: 'reply', rttMs: 40, protocol: 'tcp' })
    expect(servers.choose([A], NONE)!.protocol).to.equal('tcp')
    expect(servers.describe(A)).to.include({ tcpOnly: true, timeouts: 0, srttMs: 20 })
    clock.advance(6 * 60_000)
    expect(servers.choose([A], NONE)!.protocol).to.equal('udp')
  })

  it('is used for a while when someone is guessing our queries', () => {
    const { servers, clock } = new World()
    servers.learn(A, { kind: 'bad-replies' })
    expect(servers.choose([A], NONE)!.protocol).to.equal('tcp')
    clock.advance(61_000)
    expect(servers.choose([A], NONE)!.protocol).to.equal('udp')
  })
})

describe('Servers: TLS (RFC 8310 §5)', () => {
  const secured = ServerAddress.fromText('192.0.2.1', 853, tlsIdentity({ hostname: 'dns.example.net' }))!

  it('is all that is used for a server with an identity, whatever happens', () => {
    const world = new World()
    for (const kind of ['timeout', 'refused', 'untrusted', 'closed', 'bad-replies', 'case-mismatch'] as const)
      for (let i = 0; i < 3; i++) {
        expect(world.servers.choose([secured], NONE)?.protocol ?? 'tls').to.equal('tls')
        world.servers.learn(secured, { kind, protocol: 'tls' })
        expect(world.servers.choose([secured], NONE, { tcp: true })?.protocol ?? 'tls').to.equal('tls')
        world.clock.advance(61_000)
      }
  })

  it('leaves time for the handshake, and needs no mixed case', () =>
    expect(new World().servers.choose([secured], NONE)).to.include({
      protocol: 'tls',
      timeoutMs: 1500,
      mixCase: false,
    }))

  it('chooses the faster one by RTT', () => {
    const other = ServerAddress.fromText('192.0.2.2', 853, tlsIdentity({ hostname: 'dns.example.net' }))!
    const world = new World().set(secured, 80).set(other, 15)
    for (let i = 0; i < 200; i++) world.request([secured, other])
    expect(world.asked.get(other.key)).to.be.above(170)
  })

  it('lets a server rest that is not the one that is meant', () => {
    const world = new World()
    for (let i = 0; i < 4; i++) {
      world.servers.learn(secured, { kind: 'untrusted', protocol: 'tls' })
      world.clock.advance(500)
    }
    expect(world.servers.describe(secured).deadUntilMs).to.be.above(0)
  })
})

describe('Servers: the dead', () => {
  function kill(world: World, server: ServerAddress): void {
    for (let i = 0; i < 4; i++) world.servers.learn(server, { kind: 'timeout', protocol: 'udp' })
  }

  it('are those with four time-outs in a row', () => {
    const world = new World()
    for (let i = 0; i < 3; i++) world.servers.learn(A, { kind: 'timeout', protocol: 'udp' })
    expect(world.servers.describe(A).deadUntilMs).to.equal(0)
    world.servers.learn(A, { kind: 'timeout', protocol: 'udp' })
    expect(world.servers.describe(A).deadUntilMs).to.equal(world.clock.wallMs() + 1000)
    world.servers.learn(A, { kind: 'reply', rttMs: 10 })
    expect(world.servers.describe(A).deadUntilMs).to.equal(0)
  })

  it('rest twice as long with each further time-out, a minute at most', () => {
    const world = new World({ nsTimeoutMs: 2000 })
    kill(world, A)
    const rests: number[] = []
    for (let i = 0; i < 8; i++) {
      rests.push(world.servers.describe(A).deadUntilMs - world.clock.wallMs())
      world.servers.learn(A, { kind: 'timeout' })
    }
    expect(rests).to.deep.equal([2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
  })

  it('do not come from one short outage that many queries met at once', () => {
    const world = new World()
    world.servers.learn(A, { kind: 'reply', rttMs: 20 })
    world.clock.advance(1000)
    for (let i = 0; i < 100; i++) {
      world.servers.learn(A, { kind: 'timeout', protocol: 'udp', waitedMs: 400 })
      world.clock.advance(1)
    }
    expect(world.servers.describe(A)).to.include({ timeouts: 1, deadUntilMs: 0 })
  })

  it('do not come from one word of ICMP that many queries at one socket have heard', () => {
    const world = new World()
    for (let i = 0; i < 32; i++) world.servers.learn(A, { kind: 'refused', protocol: 'udp' })
    expect(world.servers.describe(A)).to.include({ timeouts: 1, deadUntilMs: 0 })
    world.clock.advance(20)
    for (let i = 0; i < 32; i++) world.servers.learn(A, { kind: 'unreachable', protocol: 'udp' })
    expect(world.servers.describe(A)).to.include({ timeouts: 2, deadUntilMs: 0 })
    expect(world.servers.counters.timeouts).to.equal(64)
  })

  it('are asked once per rest, or by one in twenty, when there is nobody else', () => {
    const world = new World()
    kill(world, A)
    for (let i = 0; i < 20; i++) world.servers.learn(A, { kind: 'timeout' }) // rests a minute
    let chosen = 0
    for (let i = 0; i < 2000; i++) if (world.servers.choose([A], NONE) !== undefined) chosen++
    expect(chosen).to.be.within(60, 140)
    world.clock.advance(1000)
    expect(world.servers.choose([A], NONE)?.address).to.equal(A)
  })

  it('do not include those that only lack a socket of ours, or answer uselessly', () => {
    const world = new World()
    for (let i = 0; i < 10; i++) {
      world.servers.learn(A, { kind: 'no-socket' })
      world.servers.learn(A, { kind: 'lame' })
    }
    expect(world.servers.describe(A).timeouts).to.equal(0)
  })
})

describe('Servers: EDNS (RFC 6891 §7)', () => {
  const refuse = { kind: 'edns-refused' } as const

  it('is given up after a refusal and a plain query that worked', () => {
    const { servers, clock } = new World()
    servers.learn(A, refuse)
    expect(servers.choose([A], NONE)!.edns).to.equal(false)
    servers.learn(A, { kind: 'reply', rttMs: 10, edns: false, rcode: Rcode.NXDOMAIN })
    expect(servers.describe(A).ednsBroken).to.equal(true)
    clock.advance(60_000)
    expect(servers.choose([A], NONE)!.edns).to.equal(false)
    clock.advance(15 * 60_000)
    expect(servers.choose([A], NONE)!.edns).to.equal(true)
  })

  it('is not given up when the plain query fares no better', () => {
    const { servers } = new World()
    servers.learn(A, refuse)
    servers.learn(A, { kind: 'reply', rttMs: 10, edns: false, rcode: Rcode.FORMERR })
    expect(servers.choose([A], NONE)!.edns).to.equal(true)
  })

  it('is not given up for time-outs, however many', () => {
    const { servers } = new World()
    for (let i = 0; i < 3; i++) servers.learn(A, { kind: 'timeout', protocol: 'udp' })
    expect(servers.choose([A], NONE)!.edns).to.equal(true)
    servers.learn(A, { kind: 'reply', rttMs: 10, edns: true, rcode: Rcode.NOERROR })
    expect(servers.choose([A], NONE)!.edns).to.equal(true)
  })

  it('is not given up for one forged refusal from a server that knows it', () => {
    const { servers, clock } = new World()
    servers.learn(A, { kind: 'reply', rttMs: 10, edns: true, rcode: Rcode.NOERROR })
    servers.learn(A, refuse)
    servers.learn(A, { kind: 'reply', rttMs: 10, edns: false, rcode: Rcode.NOERROR })
    expect(servers.describe(A).ednsBroken).to.equal(false)
    clock.advance(6000)
    expect(servers.choose([A], NONE)!.edns).to.equal(true)
  })

  it('is given up at once when the caller has proof', () => {
    const { servers } = new World()
    servers.learn(A, { kind: 'edns-broken' })
    expect(servers.choose([A], NONE)!.edns).to.equal(false)
  })
})

describe('Servers: mixed case (draft-vixie-dnsext-dns0x20)', () => {
  const mismatch = { kind: 'case-mismatch' } as const

  it('is put to the test over TCP after a near miss', () => {
    const { servers } = new World()
    servers.learn(A, mismatch)
    expect(servers.choose([A], NONE)).to.include({ protocol: 'tcp', mixCase: true })
    servers.learn(A, { kind: 'reply', rttMs: 10, protocol: 'tcp' }) // intact: the near miss was not the server's
    expect(servers.choose([A], NONE)).to.include({ protocol: 'udp', mixCase: true })
  })

  it('is given up where TCP proves that the server loses it', () => {
    const { servers } = new World()
    servers.learn(A, mismatch)
    servers.learn(A, { kind: 'case-broken' })
    servers.learn(A, { kind: 'reply', rttMs: 10, protocol: 'tcp' })
    expect(servers.choose([A], NONE)).to.include({ protocol: 'udp', mixCase: false })
  })

  it('is given up where TCP cannot be had', () => {
    const { servers } = new World()
    servers.learn(A, mismatch)
    servers.learn(A, { kind: 'refused', protocol: 'tcp' })
    expect(servers.choose([A], NONE)).to.include({ protocol: 'udp', mixCase: false })
  })

  it('can be switched off', () =>
    expect(new World({ mixCase: false }).servers.choose([A], NONE)!.mixCase).to.equal(false))
})

describe('Servers: address families', () => {
  const V6 = [1, 2, 3, 4, 5, 6].map((n) => address(`2001:db8::${n}`))
  const V4 = [A, B, C, D]

  function worldWithoutIpv6(how: 'silent' | 'unreachable'): World {
    const world = new World()
    for (const server of V4) world.set(server, 30)
    for (const server of V6) world.set(server, how)
    return world
  }

  it('are not used when switched off', () => {
    const world = new World({ ipv6: false })
    for (let i = 0; i < 100; i++) expect(world.servers.choose([...V6, A], NONE)!.address).to.equal(A)
    expect(world.servers.choose(V6, NONE)).to.equal(undefined)
  })

  for (const how of ['unreachable', 'silent'] as const) {
    it(`are left alone when ${how} while the other works, with one word about it`, () => {
      const world = worldWithoutIpv6(how)
      for (let i = 0; i < 1000 && world.events.length === 0; i++) world.request([...V6, ...V4])
      expect(world.events).to.deep.equal([{ family: 6, works: false }])
      world.asked.clear()
      for (let i = 0; i < 1000; i++) world.request([...V6, ...V4])
      for (const server of V6) expect(world.askedOf(server)).to.equal(0)
    })
  }

  it('are tried again every ten minutes, and taken back when they work', () => {
    const world = worldWithoutIpv6('unreachable')
    for (let i = 0; i < 1000 && world.events.length === 0; i++) world.request([...V6, ...V4])
    world.clock.advance(10 * 60_000)
    expect(world.request([...V6, ...V4])[0].address.family).to.equal(6)
    for (let i = 0; i < 50; i++) expect(world.request([...V6, ...V4])[0].address.family).to.equal(4)
    for (const server of V6) world.set(server, 5)
    world.clock.advance(10 * 60_000)
    world.request([...V6, ...V4])
    expect(world.events).to.deep.equal([
      { family: 6, works: false },
      { family: 6, works: true },
    ])
    for (let i = 0; i < 200; i++) world.request([...V6, ...V4])
    expect(V6.reduce((sum, server) => sum + world.askedOf(server), 0)).to.be.greaterThan(100)
  })

  it('are tried by one request in twenty where there is no other', () => {
    const world = worldWithoutIpv6('unreachable')
    for (let i = 0; i < 1000 && world.events.length === 0; i++) world.request([...V6, ...V4])
    let chosen = 0
    for (let i = 0; i < 2000; i++) if (world.servers.choose([address('2001:db8::99')], NONE) !== undefined) chosen++
    expect(chosen).to.be.within(60, 140)
  })

  it('are not blamed when nothing works at all', () => {
    const world = new World()
    for (let i = 0; i < 100; i++) world.request([...V6, ...V4])
    expect(world.events).to.deep.equal([])
  })

  it('are not blamed for one dead server', () => {
    const world = new World().set(A, 20)
    for (let i = 0; i < 2000; i++) world.request([V6[0], A])
    expect(world.events).to.deep.equal([])
  })
})

describe('Servers: memory', () => {
  it('is shared with other workers', () => {
    const store = new SharedStore()
    const one = new World({}, store)
    const other = new World({}, store)
    one.servers.learn(A, { kind: 'reply', rttMs: 15 })
    one.servers.learn(B, { kind: 'edns-broken' })
    one.servers.learn(C, { kind: 'case-broken' })
    for (let i = 0; i < 4; i++) one.servers.learn(D, { kind: 'timeout' })
    expect(other.servers.describe(A).srttMs).to.equal(15)
    expect(other.servers.choose([B], NONE)!.edns).to.equal(false)
    expect(other.servers.choose([C], NONE)!.mixCase).to.equal(false)
    expect(other.servers.describe(D).deadUntilMs).to.be.greaterThan(other.clock.wallMs())
  })

  it('is looked up again only when it has grown old without news of our own', () => {
    const store = new SharedStore()
    const world = new World({}, store)
    for (let i = 0; i < 100; i++) world.servers.choose([A], NONE)
    expect(store.reads).to.equal(1)
    store.insertServer(A, { srttMs: 7, rttvarMs: 1, timeouts: 0, deadUntilMs: 0, ednsBroken: false, caseBroken: false })
    world.clock.advance(31_000)
    expect(world.servers.describe(A).srttMs).to.equal(7)
    expect(store.reads).to.equal(2)
    world.clock.advance(31_000)
    world.servers.learn(A, { kind: 'reply', rttMs: 9 })
    const { reads } = store
    for (let i = 0; i < 100; i++) world.servers.choose([A], NONE)
    expect(store.reads).to.equal(reads)
  })

  it('is written for what matters, not for every reply', () => {
    const store = new SharedStore()
    const world = new World({}, store).set(A, 20)
    for (let i = 0; i < 1000; i++) world.request([A]) // 20 s
    expect(store.writes).to.equal(1)
    world.set(A, 60)
    for (let i = 0; i < 1000; i++) world.request([A]) // a minute
    expect(store.writes).to.be.within(2, 8)
    const before = store.writes
    for (let i = 0; i < 4; i++) world.servers.learn(A, { kind: 'timeout' })
    expect(store.writes).to.equal(before + 1)
    world.servers.learn(A, { kind: 'reply', rttMs: 60 })
    expect(store.writes).to.equal(before + 2)
  })

  it('keeps a steady server from expiring in the cache', () => {
    const store = new SharedStore()
    const world = new World({}, store).set(A, 20)
    for (let minute = 0; minute < 60; minute++) {
      world.clock.advance(60_000)
      world.request([A])
    }
    expect(store.writes).to.be.within(10, 14)
  })

  it('does not trust a dead-until far ahead, as the wall clock may have jumped', () => {
    const store = new SharedStore()
    const world = new World({}, store)
    const deadUntilMs = world.clock.wallMs() + 1e9
    store.insertServer(A, { srttMs: 7, rttvarMs: 1, timeouts: 9, deadUntilMs, ednsBroken: false, caseBroken: false })
    expect(world.servers.describe(A).deadUntilMs).to.equal(world.clock.wallMs() + 60_000)
  })

  it('tells all it has met', () => {
    const world = new World()
    world.servers.learn(A, { kind: 'reply', rttMs: 15 })
    world.clock.advance(500)
    world.servers.learn(address('2001:db8::1@5300'), { kind: 'timeout' })
    const [a, b] = world.servers.known()
    expect(a).to.deep.include({ address: A, srttMs: 15, learnedAgoMs: 500 })
    expect([b.address.toString(), b.timeouts]).to.deep.equal(['2001:db8::1@5300', 1])
  })

  it('is bounded, those met just once being forgotten first', () => {
    const world = new World({ capacity: 100 })
    world.servers.learn(A, { kind: 'reply', rttMs: 15 })
    for (let i = 0; i < 1000; i++) {
      world.servers.describe(address(`198.51.100.${i % 250}@${1000 + i}`))
      if (i % 50 === 0) world.servers.choose([A], NONE)
    }
    expect(world.servers.size).to.equal(100)
    expect(world.servers.describe(A).srttMs).to.equal(15)
  })
})
