/**
 * What do we remember of each server, and what do other workers know of it? A bounded table in this process, backed by the
 * cache that all workers share: read when a server is first met, or after a while without news of our own; written when
 * something changed that the others would want to know.
 */

import type { ServerMemory } from '../cache/delegation.ts'
import { ServerAddress } from '../io/address.ts'
import type { Clock } from '../io/interfaces.ts'

export type { ServerMemory }

/** The part of the cache that is needed here. */
export interface ServerStore {
  lookupServer(address: ServerAddress): ServerMemory | undefined
  insertServer(address: ServerAddress, memory: ServerMemory): void
}

/** What is remembered here of one server. All times are of the monotonic clock; one that has passed means "not so". */
export interface Server {
  srttMs: number
  rttvarMs: number
  /** In a row, over any protocol. */
  timeouts: number
  udpTimeouts: number
  lastTimeoutMs: number
  deadUntilMs: number
  /** When it was last asked although dead. */
  probedMs: number
  /** It answered a query with OPT in full: whoever claims that it can't is not believed. */
  ednsWorksUntilMs: number
  ednsBrokenUntilMs: number
  ednsSuspectUntilMs: number
  caseBrokenUntilMs: number
  caseSuspectUntilMs: number
  tcpUntilMs: number
  /** When it last taught us something, when the cache was last asked about it, and when and what we last wrote there. */
  learnedMs: number
  lookedUpMs: number
  sharedMs: number
  shared: ServerMemory | undefined
  /** Met again since eviction last came by. */
  wasMet: boolean
}

/** For people to read. */
export interface KnownServer extends ServerMemory {
  address: ServerAddress
  /** Since it last taught this process something; undefined: all there is to know comes from others. */
  learnedAgoMs?: number
}

/** Longest rest for a dead server. RFC 9520 §3.2 allows 5 minutes; anyone waiting for recovery would rather have one. */
export const MAX_DEAD_MS = 60_000
/** How long what another worker proved is believed: shorter than own proof, so that no belief is handed round for ever. */
const ADOPTED_MS = 5 * 60_000
/** A local copy this old is compared with what other workers have learned. */
const SHARED_AGE_MS = 30_000
/** Writing to the cache: at once when the server's state changes; for its RTT alone at most this often … */
const SHARE_RTT_EVERY_MS = 5_000
/** … and only when that changed by this part, or the entry would soon expire there. */
const SHARE_RTT_CHANGE = 0.25
const SHARE_REFRESH_MS = 5 * 60_000

export class ServerTable {
  /** Servers forgotten to make room, and writes to the cache. */
  evicted = 0
  writes = 0
  private readonly store: ServerStore | undefined
  private readonly clock: Clock
  private readonly capacity: number
  /** By ServerAddress.key, the first met first. */
  private readonly table = new Map<string, Server>()

  constructor(store: ServerStore | undefined, clock: Clock, capacity: number) {
    this.store = store
    this.clock = clock
    this.capacity = capacity
  }

  get size(): number {
    return this.table.size
  }

  /** All servers met, those of which nothing was ever heard included. */
  *known(now: number): Iterable<KnownServer> {
    for (const [key, server] of this.table) {
      const learned = Number.isFinite(server.learnedMs) ? { learnedAgoMs: now - server.learnedMs } : {}
      yield { address: ServerAddress.fromKey(key), ...this.toMemory(server, now), ...learned }
    }
  }

  /** What is known here of `address`, from the cache when first met, or when our copy has not been used for a while. */
  meet(address: ServerAddress, now: number): Server {
    let server = this.table.get(address.key)
    if (server === undefined) {
      server = newServer()
      if (this.table.size >= this.capacity) this.evictOne()
      this.table.set(address.key, server)
    } else server.wasMet = true
    const stale = now - server.lookedUpMs >= SHARED_AGE_MS && now - server.learnedMs >= SHARED_AGE_MS
    if (stale && this.store !== undefined) {
      server.lookedUpMs = now
      const memory = this.store.lookupServer(address)
      if (memory !== undefined) this.adopt(server, memory, now)
    }
    return server
  }

  /** The oldest goes that was not met lately; those that were begin anew as the youngest. */
  private evictOne(): void {
    for (const [key, server] of this.table) {
      this.table.delete(key)
      if (!server.wasMet) {
        this.evicted++
        return
      }
      server.wasMet = false
      this.table.set(key, server)
    }
  }

  /** Takes over what another worker, or this one before a restart, has written. */
  private adopt(server: Server, memory: ServerMemory, now: number): void {
    server.srttMs = memory.srttMs
    server.rttvarMs = memory.rttvarMs
    server.timeouts = memory.timeouts
    server.udpTimeouts = 0
    const restMs = Math.min(memory.deadUntilMs - this.clock.wallMs(), MAX_DEAD_MS) // the wall clock may have jumped
    server.deadUntilMs = restMs > 0 ? now + restMs : 0
    server.ednsBrokenUntilMs = memory.ednsBroken ? Math.max(server.ednsBrokenUntilMs, now + ADOPTED_MS) : 0
    server.caseBrokenUntilMs = memory.caseBroken ? Math.max(server.caseBrokenUntilMs, now + ADOPTED_MS) : 0
    server.tcpUntilMs = memory.tcpOnly ? Math.max(server.tcpUntilMs, now + ADOPTED_MS) : 0
    if (server.shared === undefined) server.sharedMs = now // else it is not older than what we wrote there
    server.shared = memory
  }

  /** Tells the other workers, when there is something to tell. */
  share(address: ServerAddress, server: Server, now: number): void {
    if (this.store === undefined) return
    if (now - server.sharedMs < SHARE_RTT_EVERY_MS && isAsShared(server, now)) return
    const memory = this.toMemory(server, now)
    if (!isNews(server.shared, memory, now - server.sharedMs)) return
    server.shared = memory
    server.sharedMs = now
    this.writes++
    this.store.insertServer(address, memory)
  }

  /** What is known of `server`, as the cache keeps it. */
  toMemory(server: Server, now: number): ServerMemory {
    return {
      srttMs: server.srttMs,
      rttvarMs: server.rttvarMs,
      timeouts: server.timeouts,
      deadUntilMs: server.deadUntilMs > now ? this.clock.wallMs() + (server.deadUntilMs - now) : 0,
      ednsBroken: server.ednsBrokenUntilMs > now,
      caseBroken: server.caseBrokenUntilMs > now,
      tcpOnly: server.tcpUntilMs > now,
    }
  }
}

/** Whether a server that has nothing wrong with it had nothing wrong when it was last written down. */
function isAsShared(server: Server, now: number): boolean {
  const { shared } = server
  if (shared === undefined || shared.ednsBroken || shared.caseBroken || shared.tcpOnly || shared.deadUntilMs > 0)
    return false
  const untilMs = Math.max(server.ednsBrokenUntilMs, server.caseBrokenUntilMs, server.tcpUntilMs, server.deadUntilMs)
  return untilMs <= now
}

function isNews(shared: ServerMemory | undefined, memory: ServerMemory, ageMs: number): boolean {
  if (shared === undefined) return memory.srttMs > 0 || memory.deadUntilMs > 0 || memory.ednsBroken || memory.caseBroken
  if (shared.ednsBroken !== memory.ednsBroken || shared.caseBroken !== memory.caseBroken) return true
  if ((shared.tcpOnly ?? false) !== memory.tcpOnly) return true
  if (memory.deadUntilMs > shared.deadUntilMs) return true // it died, or rests longer
  if (shared.deadUntilMs > 0 && memory.timeouts === 0) return true // it lives
  if (ageMs >= SHARE_REFRESH_MS) return true
  if (ageMs < SHARE_RTT_EVERY_MS) return false
  return Math.abs(memory.srttMs - shared.srttMs) > shared.srttMs * SHARE_RTT_CHANGE + 1
}

function newServer(): Server {
  return {
    srttMs: 0,
    rttvarMs: 0,
    timeouts: 0,
    udpTimeouts: 0,
    lastTimeoutMs: Number.NEGATIVE_INFINITY,
    deadUntilMs: 0,
    probedMs: Number.NEGATIVE_INFINITY,
    ednsWorksUntilMs: 0,
    ednsBrokenUntilMs: 0,
    ednsSuspectUntilMs: 0,
    caseBrokenUntilMs: 0,
    caseSuspectUntilMs: 0,
    tcpUntilMs: 0,
    learnedMs: Number.NEGATIVE_INFINITY,
    lookedUpMs: Number.NEGATIVE_INFINITY,
    sharedMs: Number.NEGATIVE_INFINITY,
    shared: undefined,
    wasMet: false,
  }
}
