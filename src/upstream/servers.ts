/**
 * Which server is asked next, over what, and how long is it worth waiting? And what did the last attempt teach us?
 * Fastest first with one choice in twenty spent on looking around; timeouts by RFC 6298; every address once before any
 * twice; dead servers left alone and probed; EDNS and mixed case given up only where proven broken (RFC 6891 §7).
 */

import type { ServerAddress } from '../io/address.ts'
import type { Clock, Protocol, Random } from '../io/interfaces.ts'
import { Rcode } from '../wire/types.ts'
import { Families, type FamilyEvent } from './families.ts'
import { backedOffMs, measureRtt, retransmissionTimeoutMs } from './rtt.ts'
import {
  type KnownServer,
  MAX_DEAD_MS,
  type Server,
  type ServerMemory,
  type ServerStore,
  ServerTable,
} from './server-table.ts'
import type { Tried } from './tries.ts'

export type { ServerMemory, ServerStore }

export interface ServersOptions {
  ipv4: boolean
  ipv6: boolean
  /** First wait for a server nothing is known about. */
  defaultTimeoutMs: number
  /** How long a server is left alone after four timeouts in a row; doubles with each further one. */
  nsTimeoutMs: number
  /** Mixes the case of queries (0x20) to servers not known to lose it. */
  mixCase: boolean
  /** Servers remembered in this process. */
  capacity: number
  /** A family stopped or started working: worth one log line. */
  onFamily: (event: FamilyEvent) => void
}

export interface Wish {
  /** TCP, or TLS, and nothing else: the reply was truncated, or forgery is suspected. */
  tcp?: boolean
  /** Wait at least this long: a forwarder resolves first and answers then. */
  minTimeoutMs?: number
}

export interface Choice {
  address: ServerAddress
  protocol: Protocol
  timeoutMs: number
  edns: boolean
  mixCase: boolean
}

export type Outcome =
  /** A reply that matched. `rcode` and `edns` (did our query carry an OPT?) let a suspicion about EDNS be settled. */
  | { kind: 'reply'; rttMs: number; protocol?: Protocol; rcode?: number; edns?: boolean }
  /** No reply; `waitedMs` tells attempts that ran side by side from those one after another. */
  | { kind: 'timeout'; protocol?: Protocol; waitedMs?: number }
  /** ICMP or a reset says that nobody is there to answer, or the kernel that there is no way. */
  | { kind: 'refused'; protocol?: Protocol }
  | { kind: 'unreachable'; protocol?: Protocol }
  /** Over TLS, somebody is there who does not show to be the one that is meant. */
  | { kind: 'untrusted'; protocol?: Protocol }
  /** The connection ended before the reply. */
  | { kind: 'closed'; protocol?: Protocol }
  /** We had no socket to ask with: says nothing about the server. */
  | { kind: 'no-socket' }
  /** It answered, but not for this zone, or uselessly (REFUSED, SERVFAIL); the caller passes it over for this request. */
  | { kind: 'lame' }
  /** FORMERR or NOTIMP without OPT came back for a query with OPT: the next choice of this server will be without. */
  | { kind: 'edns-refused' }
  /** The caller has proof of its own. */
  | { kind: 'edns-broken' }
  | { kind: 'case-broken' }
  /** A reply right in all but case came over UDP: the server is asked over TCP, which settles whose fault it was. */
  | { kind: 'case-mismatch' }
  /** Too many wrong replies for one query: someone is guessing. TCP for a while. */
  | { kind: 'bad-replies' }

/** One choice in so many goes to another than the best (epsilon-greedy); of these, one in so many to a dead server. */
const EXPLORE_ONE_IN = 20
/** What a server we never asked is taken to need: better than slow ones, so that it gets its try, worse than near ones. */
const UNMEASURED_SCORE_MS = 100
/** Longest first wait while there are others left to ask, so that three silent addresses cost less than 2 s … */
const FIRST_WAIT_MS = 600
/** … unless this server is known to be slower than that. */
const FIRST_WAIT_RTTS = 1.5
/** TCP needs two round trips, and a lost SYN is sent again after 1 s (RFC 6298 §2.1). */
const MIN_TCP_TIMEOUT_MS = 1500
const UDP_TIMEOUTS_BEFORE_TCP = 2
const TIMEOUTS_BEFORE_DEAD = 4
/** Errors so close to each other may be one that many have heard of. */
const ONE_ERROR_MS = 10
/** How long a proof of brokenness, or that only TCP gets through, is believed before the server gets another chance. */
const BROKEN_MS = 15 * 60_000
const TCP_ONLY_MS = 5 * 60_000
const SUSPICION_MS = 5_000
const GUESSING_MS = 60_000
interface Known {
  address: ServerAddress
  server: Server
}

export interface ServersCounters {
  explored: number
  probedDead: number
  noneUsable: number
  chosenTcp: number
  timeouts: number
  died: number
  ednsBroken: number
  caseBroken: number
  caseMismatches: number
  badReplies: number
}

export class Servers {
  readonly counters: ServersCounters = {
    explored: 0,
    probedDead: 0,
    noneUsable: 0,
    chosenTcp: 0,
    timeouts: 0,
    died: 0,
    ednsBroken: 0,
    caseBroken: 0,
    caseMismatches: 0,
    badReplies: 0,
  }
  readonly families: Families
  private readonly clock: Clock
  private readonly random: Random
  private readonly options: ServersOptions
  private readonly table: ServerTable
  /** Room for pickSound(). */
  private readonly sound: Server[] = []

  constructor(store: ServerStore | undefined, clock: Clock, random: Random, options: Partial<ServersOptions> = {}) {
    this.clock = clock
    this.random = random
    this.options = {
      ipv4: true,
      ipv6: true,
      defaultTimeoutMs: 400,
      nsTimeoutMs: 1000,
      mixCase: true,
      capacity: 10_000,
      onFamily: () => {},
      ...options,
    }
    this.table = new ServerTable(store, clock, this.options.capacity)
    this.families = new Families(clock, this.options, this.options.onFamily)
  }

  /**
   * The server to ask now; undefined when none of `candidates` is worth it: all are dead, or of a family that is off.
   * `tried` says how often this request has asked each address (by key). `candidates` may hold duplicates.
   */
  choose(candidates: readonly ServerAddress[], tried: Tried, wish: Wish = {}): Choice | undefined {
    const chosen = this.pickSound(candidates, tried) ?? this.pick(this.usable(candidates, tried), tried)
    if (chosen === undefined) {
      this.counters.noneUsable++
      return undefined
    }
    const choice = this.choice(chosen, tried.get(chosen.address.key) ?? 0, chosen.othersLeft, wish)
    if (choice.protocol === 'tcp') this.counters.chosenTcp++
    return choice
  }

  /** Takes in how asking `address` ended. */
  learn(address: ServerAddress, outcome: Outcome): void {
    if (outcome.kind === 'lame' || outcome.kind === 'no-socket') return
    const now = this.clock.monotonicMs()
    const server = this.table.meet(address, now)
    server.learnedMs = now
    switch (outcome.kind) {
      case 'reply':
        this.learnReply(address, server, outcome, now)
        break
      case 'timeout':
        this.families.failed(address.family, address.key, 'timeout')
        this.learnTimeout(server, outcome.protocol, outcome.waitedMs ?? 0, now)
        break
      case 'unreachable':
        this.families.failed(address.family, address.key, 'unreachable')
        this.learnError(server, outcome.protocol, now)
        break
      case 'refused':
      case 'untrusted':
      case 'closed':
        this.learnError(server, outcome.protocol, now)
        break
      case 'edns-refused':
        server.ednsSuspectUntilMs = now + SUSPICION_MS
        break
      case 'edns-broken':
        this.markEdnsBroken(server, now)
        break
      case 'case-mismatch':
        this.counters.caseMismatches++
        server.caseSuspectUntilMs = now + SUSPICION_MS
        break
      case 'case-broken':
        this.markCaseBroken(server, now)
        break
      case 'bad-replies':
        this.counters.badReplies++
        server.tcpUntilMs = Math.max(server.tcpUntilMs, now + GUESSING_MS)
        break
      default:
        outcome satisfies never
    }
    this.table.share(address, server, now)
  }

  /** What is known of `address`: for people and tests. */
  describe(address: ServerAddress): ServerMemory {
    const now = this.clock.monotonicMs()
    return this.table.toMemory(this.table.meet(address, now), now)
  }

  /** All that this process has met, likewise. */
  known(): Iterable<KnownServer> {
    return this.table.known(this.clock.monotonicMs())
  }

  /** Servers remembered in this process. */
  get size(): number {
    return this.table.size
  }

  // Choosing ---------------------------------------------------------------------------------------------------------

  /** As pick() does it, but only where nothing was tried yet and nothing is wrong with any of them, as nearly always. */
  private pickSound(candidates: readonly ServerAddress[], tried: Tried): (Known & { othersLeft: boolean }) | undefined {
    const { length } = candidates
    if (tried.size > 0 || length === 0) return undefined
    const now = this.clock.monotonicMs()
    const servers = this.sound
    for (let i = 0; i < length; i++) {
      if (this.families.status(candidates[i].family) !== 'up') return undefined
      servers[i] = this.table.meet(candidates[i], now)
      if (servers[i].deadUntilMs > now) return undefined
    }
    let best = 0
    let bestScore = this.score(servers[0])
    let equals = 1
    for (let i = 1; i < length; i++) {
      const score = this.score(servers[i])
      if (score > bestScore) continue
      equals = score === bestScore ? equals + 1 : 1
      if (equals > 1 && this.random.below(equals) !== 0) continue
      best = i
      bestScore = score
    }
    let index = best
    if (length > 1 && this.random.below(EXPLORE_ONE_IN) === 0) {
      this.counters.explored++
      index = this.random.below(length - 1)
      if (index >= best) index++
    }
    return { address: candidates[index], server: servers[index], othersLeft: length > 1 }
  }

  /** Candidates without duplicates, and of families that are switched on and work. */
  private usable(candidates: readonly ServerAddress[], tried: Tried): Known[] {
    const now = this.clock.monotonicMs()
    const met = new Set<string>()
    const usable: Known[] = []
    const unlikely: Known[] = []
    for (const address of candidates) {
      if (met.has(address.key)) continue
      met.add(address.key)
      const status = this.families.status(address.family)
      if (status === 'off') continue
      const known = { address, server: this.table.meet(address, now) }
      if (status === 'up') usable.push(known)
      else if (status === 'probe' && tried.size === 0) {
        this.families.probing(address.family)
        return [known]
      } else unlikely.push(known)
    }
    if (usable.length > 0 || unlikely.length === 0) return usable
    return this.random.below(EXPLORE_ONE_IN) === 0 ? unlikely : [] // no other way: let one in twenty find out
  }

  /** The best of those least tried. Dead ones only if due for a probe, and before any living one is asked again. */
  private pick(usable: readonly Known[], tried: Tried): (Known & { othersLeft: boolean }) | undefined {
    const now = this.clock.monotonicMs()
    const living = leastTried(
      usable.filter(({ server }) => server.deadUntilMs <= now),
      tried,
    )
    const dead = usable.filter(({ server }) => server.deadUntilMs > now)
    const allTried = living.length === 0 || tried.has(living[0].address.key)
    if (allTried && dead.length > 0) {
      const probe = this.pickDead(living.length === 0 ? leastTried(dead, tried) : untried(dead, tried), now)
      if (probe !== undefined) return { ...probe, othersLeft: living.length > 0 }
    }
    if (living.length === 0) return undefined
    const othersLeft = living.length > 1
    const top = this.best(living)
    // A request that has already lost time is no occasion to look around.
    const explores = tried.size === 0 && usable.length > 1 && this.random.below(EXPLORE_ONE_IN) === 0
    if (!explores) return { ...top, othersLeft }
    const toDead = dead.length > 0 && this.random.below(EXPLORE_ONE_IN) === 0
    const others = toDead ? dead : living.filter((known) => known !== top)
    if (others.length === 0) return { ...top, othersLeft }
    this.counters.explored++
    return { ...others[this.random.below(others.length)], othersLeft: true }
  }

  /** A dead server is asked once per rest, by whoever comes first, and by one in twenty of the others. */
  private pickDead(dead: readonly Known[], now: number): Known | undefined {
    const due = dead.filter(({ server }) => now - server.probedMs >= this.options.nsTimeoutMs)
    const eligible = due.length > 0 || this.random.below(EXPLORE_ONE_IN) !== 0 ? due : dead
    if (eligible.length === 0) return undefined
    const chosen = this.best(eligible)
    chosen.server.probedMs = now
    this.counters.probedDead++
    return chosen
  }

  /** The one with the lowest score; among equals, as all the unmeasured are, any with the same chance. */
  private best(pool: readonly Known[]): Known {
    let best = pool[0]
    let bestScore = this.score(best.server)
    let equals = 1
    for (let i = 1; i < pool.length; i++) {
      const score = this.score(pool[i].server)
      if (score > bestScore) continue
      equals = score === bestScore ? equals + 1 : 1
      if (equals > 1 && this.random.below(equals) !== 0) continue
      best = pool[i]
      bestScore = score
    }
    return best
  }

  /** The time an answer is expected to take, in milliseconds. */
  private score(server: Server): number {
    if (server.timeouts > 0) return backedOffMs(this.retransmissionTimeout(server), server.timeouts)
    return server.srttMs === 0 ? UNMEASURED_SCORE_MS : server.srttMs
  }

  private retransmissionTimeout(server: Server): number {
    return retransmissionTimeoutMs(server, this.options.defaultTimeoutMs)
  }

  private choice({ address, server }: Known, tries: number, othersLeft: boolean, wish: Wish): Choice {
    const now = this.clock.monotonicMs()
    const { tls } = address
    const tcp =
      wish.tcp === true ||
      server.tcpUntilMs > now ||
      server.caseSuspectUntilMs > now ||
      server.udpTimeouts >= UDP_TIMEOUTS_BEFORE_TCP
    let timeoutMs = backedOffMs(this.retransmissionTimeout(server), Math.max(server.timeouts, tries))
    if (tries === 0 && othersLeft) {
      timeoutMs = Math.min(timeoutMs, Math.max(FIRST_WAIT_MS, server.srttMs * FIRST_WAIT_RTTS))
    }
    if (tcp || tls !== undefined) timeoutMs = Math.max(timeoutMs, MIN_TCP_TIMEOUT_MS)
    return {
      address,
      protocol: tls !== undefined ? 'tls' : tcp ? 'tcp' : 'udp', // RFC 8310 §5: never anything less than was asked for
      timeoutMs: Math.round(Math.max(timeoutMs, wish.minTimeoutMs ?? 0)),
      edns: server.ednsBrokenUntilMs <= now && server.ednsSuspectUntilMs <= now,
      mixCase: this.options.mixCase && tls === undefined && server.caseBrokenUntilMs <= now,
    }
  }

  // Learning ---------------------------------------------------------------------------------------------------------

  private learnReply(address: ServerAddress, server: Server, reply: Outcome & { kind: 'reply' }, now: number): void {
    this.families.replied(address.family)
    if (reply.protocol === 'tcp') {
      // A fresh connection took two round trips and a kept one took one: good for a first guess, not for the average.
      if (server.srttMs === 0 || server.tcpUntilMs > now) measureRtt(server, reply.rttMs / 2)
      if (server.udpTimeouts >= UDP_TIMEOUTS_BEFORE_TCP) server.tcpUntilMs = now + TCP_ONLY_MS
      server.caseSuspectUntilMs = 0 // case came back intact; if not, the caller says `case-broken`
    } else {
      measureRtt(server, reply.rttMs)
    }
    server.timeouts = 0
    server.udpTimeouts = 0
    server.deadUntilMs = 0
    this.settleEdns(server, reply, now)
  }

  /**
   * RFC 6891 §7: a server that refuses a query with OPT and answers the same without does not know EDNS. Nothing less
   * proves it: not silence (packets get lost), and not a refusal from one that has answered with OPT before, since
   * whoever forges such a refusal could switch off DNSSEC for its zones.
   */
  private settleEdns(server: Server, reply: Outcome & { kind: 'reply' }, now: number): void {
    const answered = reply.rcode === Rcode.NOERROR || reply.rcode === Rcode.NXDOMAIN
    if (reply.edns === true && answered) {
      server.ednsWorksUntilMs = now + BROKEN_MS
      server.ednsSuspectUntilMs = 0
    }
    if (reply.edns !== false || reply.rcode === undefined || server.ednsSuspectUntilMs <= now) return
    if (answered && server.ednsWorksUntilMs <= now) this.markEdnsBroken(server, now)
    else server.ednsSuspectUntilMs = 0 // it refuses us with or without
  }

  /** One word of ICMP is heard by all that wait at a socket, one end of a connection by all that wait at that: it counts once. */
  private learnError(server: Server, protocol: Protocol | undefined, now: number): void {
    if (now - server.lastTimeoutMs < ONE_ERROR_MS) this.counters.timeouts++
    else this.learnTimeout(server, protocol, 0, now)
  }

  private learnTimeout(server: Server, protocol: Protocol | undefined, waitedMs: number, now: number): void {
    this.counters.timeouts++
    // Sent before the last one was counted: one short outage met by many queries is one time-out, not many in a row.
    if (now - waitedMs < server.lastTimeoutMs) return
    server.lastTimeoutMs = now
    server.timeouts++
    if (protocol === 'tcp') {
      // TCP was no better: UDP gets its turn again, and without mixed case if it was that which sent us here.
      server.udpTimeouts = 0
      server.tcpUntilMs = 0
      if (server.caseSuspectUntilMs > now) this.markCaseBroken(server, now)
    } else {
      server.udpTimeouts++
    }
    if (server.timeouts < TIMEOUTS_BEFORE_DEAD) return
    if (server.timeouts === TIMEOUTS_BEFORE_DEAD) this.counters.died++
    const { nsTimeoutMs } = this.options
    const restMs = nsTimeoutMs * 2 ** Math.min(server.timeouts - TIMEOUTS_BEFORE_DEAD, 16)
    server.deadUntilMs = now + Math.min(restMs, Math.max(nsTimeoutMs, MAX_DEAD_MS))
    server.probedMs = now
  }

  private markEdnsBroken(server: Server, now: number): void {
    this.counters.ednsBroken++
    server.ednsBrokenUntilMs = now + BROKEN_MS
    server.ednsSuspectUntilMs = 0
  }

  private markCaseBroken(server: Server, now: number): void {
    this.counters.caseBroken++
    server.caseBrokenUntilMs = now + BROKEN_MS
    server.caseSuspectUntilMs = 0
  }
}

function leastTried(pool: readonly Known[], tried: Tried): readonly Known[] {
  if (tried.size === 0) return pool
  let least = Number.POSITIVE_INFINITY
  for (const { address } of pool) least = Math.min(least, tried.get(address.key) ?? 0)
  return pool.filter(({ address }) => (tried.get(address.key) ?? 0) === least)
}

function untried(pool: readonly Known[], tried: Tried): readonly Known[] {
  return pool.filter(({ address }) => !tried.has(address.key))
}
