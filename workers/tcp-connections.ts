/** All TCP connections of one worker's clients: how many a source may have, how much memory all may hold, and which go
 *  when there are too many or nothing happens on them (RFC 7766 §6.2.3, RFC 9210 §4.2: servers may close what is idle). */

import type { Clock, Timer } from '../src/io/interfaces.ts'
import { Counter, type Counters } from '../src/metrics/counters.ts'
import { TCP_IDLE_MS } from '../src/settings.ts'
import type { Heirs } from './handover.ts'

export interface TcpLimits {
  /** Octets all connections together may hold. Beyond that, idle ones are closed, oldest first. */
  budget: number
  /** After so long without a query or an answer a connection is closed. A part of a query does not count. */
  idleMs: number
  /** Queries of one connection that may be unanswered; then reading stops until answers have left. */
  pipeline: number
  /** Connections one source address may have with this worker. */
  perSource: number
}

export const DEFAULT_TCP_LIMITS: TcpLimits = {
  budget: 16 * 1024 * 1024,
  idleMs: TCP_IDLE_MS,
  pipeline: 100,
  perSource: 64,
}

/** What an open connection costs beyond its buffers: sockets and objects, here and in the kernel. An estimate. */
const CONNECTION_OCTETS = 8192

/** A connection, as far as its book is kept here. */
export interface Held {
  /** Who it is from, for counting. */
  readonly source: string
  /** Sources we trust to hold any number, such as our own machine. */
  readonly unlimited: boolean
  /** Nothing is due from us: no query of it is unanswered, or it does not read our answers. */
  readonly isIdle: boolean
  /** Answers what has arrived, then goes to an heir, or closes. */
  leave(): void
  /** At once, answered or not. */
  close(): void
}

const LEAVING_A_TURN = 4

interface Entry {
  octets: number
  usedMs: number
}

export class TcpConnections {
  readonly limits: TcpLimits
  /** Who takes over what is open, once this worker leaves. */
  heirs: Heirs | undefined
  readonly #clock: Clock
  readonly #counters: Counters
  /** From the least to the most recently used. */
  readonly #entries = new Map<Held, Entry>()
  readonly #perSource = new Map<string, number>()
  #octets = 0
  #sweep: Timer | undefined

  constructor(clock: Clock, counters: Counters, limits: TcpLimits = DEFAULT_TCP_LIMITS) {
    this.limits = limits
    this.#clock = clock
    this.#counters = counters
  }

  get open(): number {
    return this.#entries.size
  }

  get octets(): number {
    return this.#octets
  }

  /** Takes a new connection into the book; false: its source has enough, and it must be closed. */
  add(connection: Held): boolean {
    const count = this.#perSource.get(connection.source) ?? 0
    if (count >= this.limits.perSource && !connection.unlimited) {
      this.#counters.add(Counter.TCP_REFUSED_SOURCE)
      return false
    }
    this.#perSource.set(connection.source, count + 1)
    this.#entries.set(connection, { octets: CONNECTION_OCTETS, usedMs: this.#clock.monotonicMs() })
    this.#octets += CONNECTION_OCTETS
    this.#counters.add(Counter.TCP_CONNECTIONS)
    this.#makeRoom()
    this.#sweepSoon()
    return true
  }

  /** The connection is closed. Calling it again does nothing. */
  remove(connection: Held): void {
    const entry = this.#entries.get(connection)
    if (entry === undefined) return
    this.#entries.delete(connection)
    this.#octets -= entry.octets
    const count = this.#perSource.get(connection.source) ?? 0
    if (count > 1) this.#perSource.set(connection.source, count - 1)
    else this.#perSource.delete(connection.source)
    if (this.#entries.size > 0) return
    this.#sweep?.cancel()
    this.#sweep = undefined
  }

  /** A query came or an answer went. */
  touch(connection: Held): void {
    const entry = this.#entries.get(connection)
    if (entry === undefined) return
    entry.usedMs = this.#clock.monotonicMs()
    this.#entries.delete(connection)
    this.#entries.set(connection, entry)
  }

  /** The connection's buffers now hold so many octets. May close connections, this one too. */
  hold(connection: Held, octets: number): void {
    const entry = this.#entries.get(connection)
    if (entry === undefined) return
    this.#octets += CONNECTION_OCTETS + octets - entry.octets
    entry.octets = CONNECTION_OCTETS + octets
    this.#makeRoom()
  }

  /** Has every connection answer what has arrived, then go to an heir, or close; a few in each turn of the event loop, which
   *  has others to serve. */
  async leave(): Promise<void> {
    let told = 0
    for (const connection of [...this.#entries.keys()]) {
      connection.leave()
      if (++told % LEAVING_A_TURN === 0) await new Promise((turned) => setImmediate(turned))
    }
  }

  #makeRoom(): void {
    while (this.#octets > this.limits.budget) {
      const victim = this.#oldestIdle() ?? this.#entries.keys().next().value
      if (victim === undefined) return
      this.#counters.add(Counter.TCP_CLOSED_FOR_ROOM)
      this.remove(victim)
      victim.close()
    }
  }

  #oldestIdle(): Held | undefined {
    for (const connection of this.#entries.keys()) if (connection.isIdle) return connection
    return undefined
  }

  #sweepSoon(): void {
    this.#sweep ??= this.#clock.after(Math.min(1000, this.limits.idleMs), () => {
      this.#sweep = undefined
      const limitMs = this.#clock.monotonicMs() - this.limits.idleMs
      for (const [connection, entry] of [...this.#entries]) {
        if (entry.usedMs > limitMs) break
        if (!connection.isIdle) continue
        this.#counters.add(Counter.TCP_CLOSED_IDLE)
        this.remove(connection)
        connection.close()
      }
      if (this.#entries.size > 0) this.#sweepSoon()
    })
  }
}
