/**
 * Questions over TCP (RFC 7766): connections are kept for a while and shared, many queries wait on one at a time
 * (§6.2.1.1), and replies come in any order (§7). Which reply belongs to which query the sinks say. What the connections
 * are, their opener decides: the same holds over TLS (RFC 7858 §3.3).
 */

import { connect, type Socket } from 'node:net'
import type { ServerAddress } from './address.ts'
import { failureOf } from './failures.ts'
import { FrameReader, frameMessage } from './frames.ts'
import type { Clock, Exchange, ExchangeFailure, ExchangeSink, Timer } from './interfaces.ts'
import type { SourceAddresses } from './source-addresses.ts'

/** Opens a connection from `localAddress`, and calls `ready` when it may be used. */
export type Dial = (server: ServerAddress, localAddress: string | undefined, ready: () => void) => Socket

export interface TcpClientOptions {
  clock: Clock
  sources: SourceAddresses
  /** Plain TCP unless told otherwise. */
  dial?: Dial
  /** Until a connection may be used. */
  connectTimeoutMs: number
  /** A connection without queries is closed after so long. */
  idleMs: number
  /** Queries waiting on one connection. */
  maxPipelined: number
  maxConnectionsPerServer: number
  maxConnections: number
}

export interface TcpCounters {
  queries: number
  messages: number
  /** Messages that no waiting query took for its reply. */
  rejected: number
  /** Connections opened; queries beyond them went over kept ones. */
  connects: number
  connectFailures: number
  /** Queries sent again because a kept connection was closed under them. */
  resent: number
  timeouts: number
  noSocket: number
  /** Connections ended because the server broke the framing, or kept sending what nobody asked for. */
  violations: number
  connectionsOpen: number
}

/** Messages nobody asked for that are put up with on one connection. */
const MAX_UNASKED = 10
/** Octets not yet taken by the server at which a connection gets no further queries. */
const WRITE_LIMIT = 65_536
/** Servers known to take one query per connection at a time that are remembered. */
const MAX_SERIAL = 1000

export class TcpClient {
  readonly counters: TcpCounters = {
    queries: 0,
    messages: 0,
    rejected: 0,
    connects: 0,
    connectFailures: 0,
    resent: 0,
    timeouts: 0,
    noSocket: 0,
    violations: 0,
    connectionsOpen: 0,
  }
  readonly options: TcpClientOptions
  private readonly pool = new Map<string, Set<Connection>>()
  /** Servers that close after one reply though more queries are waiting, by key: they get one at a time. */
  private readonly serial = new Set<string>()

  constructor(options: TcpClientOptions) {
    this.options = options
  }

  exchange(server: ServerAddress, query: Uint8Array, timeoutMs: number, sink: ExchangeSink): Exchange {
    this.counters.queries++
    const exchange = new TcpExchange(this, server, frameMessage(query), sink)
    exchange.timer = this.options.clock.after(timeoutMs, () => exchange.timedOut())
    const connection = this.connectionFor(exchange)
    if (connection !== undefined) connection.send(exchange)
    else setImmediate(() => exchange.fail('no-socket'))
    return exchange
  }

  /** Ends all connections, and their exchanges silently. */
  close(): void {
    for (const connections of this.pool.values()) for (const connection of connections) connection.abandon()
  }

  /** Sends `exchange` again over a connection that is new, its own having been closed by the server; false: no way. */
  resend(exchange: TcpExchange): boolean {
    const connection = this.connectionFor(exchange, true)
    if (connection === undefined) return false
    this.counters.resent++
    connection.send(exchange)
    return true
  }

  maxPipelined(server: ServerAddress): number {
    return this.serial.has(server.key) ? 1 : this.options.maxPipelined
  }

  markSerial(server: ServerAddress): void {
    if (this.serial.size >= MAX_SERIAL) this.serial.clear()
    this.serial.add(server.key)
  }

  forget(connection: Connection): void {
    const { key } = connection.server
    const connections = this.pool.get(key)
    if (!connections?.delete(connection)) return
    this.counters.connectionsOpen--
    if (connections.size === 0) this.pool.delete(key)
  }

  /** A kept connection with room, the least busy; or a new one; or, at the limits, none. */
  private connectionFor(exchange: TcpExchange, fresh = false): Connection | undefined {
    let chosen: Connection | undefined
    for (const connection of this.pool.get(exchange.server.key) ?? []) {
      if (!connection.hasRoomFor(exchange) || (fresh && connection.hasReplied)) continue
      if (chosen === undefined || connection.waiting < chosen.waiting) chosen = connection
    }
    return chosen ?? this.open(exchange.server)
  }

  private open(server: ServerAddress): Connection | undefined {
    const { maxConnections, maxConnectionsPerServer } = this.options
    let connections = this.pool.get(server.key)
    if (connections !== undefined && connections.size >= maxConnectionsPerServer) return undefined
    if (this.counters.connectionsOpen >= maxConnections && !this.closeOneIdle()) return undefined
    connections = this.pool.get(server.key)
    if (connections === undefined) this.pool.set(server.key, (connections = new Set()))
    const connection = new Connection(this, server)
    connections.add(connection)
    this.counters.connects++
    this.counters.connectionsOpen++
    return connection
  }

  private closeOneIdle(): boolean {
    for (const connections of this.pool.values()) {
      for (const connection of connections) {
        if (connection.waiting > 0) continue
        connection.abandon()
        return true
      }
    }
    return false
  }
}

const dialTcp: Dial = (server, localAddress, ready) => {
  const { hostText: host, port } = server // an address, so that Node looks nothing up
  return connect({ host, port, localAddress, noDelay: true }, ready)
}

class TcpExchange implements Exchange {
  readonly server: ServerAddress
  /** The query behind its length, as one write (RFC 7766 §8). */
  readonly framed: Uint8Array
  readonly id: number
  readonly sink: ExchangeSink
  timer: Timer | undefined
  connection: Connection | undefined
  startedMs = 0
  private resent = false
  private readonly client: TcpClient
  private over = false

  constructor(client: TcpClient, server: ServerAddress, framed: Uint8Array, sink: ExchangeSink) {
    this.client = client
    this.server = server
    this.framed = framed
    this.id = (framed[2] << 8) | framed[3]
    this.sink = sink
  }

  cancel(): void {
    if (this.end()) this.connection?.giveUp(this)
  }

  timedOut(): void {
    if (!this.end()) return
    this.client.counters.timeouts++
    this.connection?.timedOut(this)
    this.sink.failed('timeout')
  }

  /** True: `message` is the reply. */
  offer(message: Uint8Array): boolean {
    if (this.over || !this.sink.accept(message)) return false
    this.end()
    return true
  }

  fail(reason: ExchangeFailure): void {
    if (!this.end()) return
    if (reason === 'no-socket') this.client.counters.noSocket++
    if (reason === 'timeout') this.client.counters.timeouts++
    this.sink.failed(reason)
  }

  /** The server closed a connection that had worked: it was just too late for one more query (RFC 7766 §6.2.4). */
  retryOnFresh(): boolean {
    if (this.resent || this.over) return false
    this.resent = true
    return this.client.resend(this)
  }

  /** False: it was over already. */
  private end(): boolean {
    if (this.over) return false
    this.over = true
    this.timer?.cancel()
    return true
  }
}

class Connection {
  readonly server: ServerAddress
  private readonly client: TcpClient
  private readonly socket: Socket
  private readonly reader = new FrameReader()
  private readonly exchanges = new Set<TcpExchange>()
  private connected = false
  private connectTimer: Timer | undefined
  /** Takes no more queries, and is closed after the last reply. */
  private retiring = false
  private gone = false
  private replies = 0
  /** Replies that may still come for queries given up on. */
  private owed = 0
  private unasked = 0
  private lastReadMs = 0
  private failure: ExchangeFailure = 'closed'

  constructor(client: TcpClient, server: ServerAddress) {
    this.client = client
    this.server = server
    const { clock, sources, connectTimeoutMs, idleMs, dial = dialTcp } = client.options
    const localAddress = sources.pick(server.family)
    this.socket = dial(server, localAddress, () => this.opened())
    this.connectTimer = clock.after(connectTimeoutMs, () => this.breakOff('timeout'))
    this.socket.setTimeout(idleMs) // Node's own, as it keeps no process alive
    this.socket.on('data', (chunk) => this.read(chunk))
    this.socket.on('timeout', () => this.exchanges.size === 0 && this.breakOff('closed'))
    this.socket.on('error', (error) => {
      this.failure = failureOf(error, localAddress)
    })
    this.socket.on('end', () => this.retire())
    this.socket.on('close', () => this.closed())
  }

  get waiting(): number {
    return this.exchanges.size
  }

  hasRoomFor(exchange: TcpExchange): boolean {
    if (this.retiring || this.gone || this.exchanges.size >= this.client.maxPipelined(this.server)) return false
    if (!this.socket.writable || this.socket.writableLength > WRITE_LIMIT) return false
    for (const other of this.exchanges) if (other.id === exchange.id) return false // RFC 7766 §6.2.1: IDs differ
    return true
  }

  get hasReplied(): boolean {
    return this.replies > 0
  }

  send(exchange: TcpExchange): void {
    if (this.exchanges.size === 0) this.socket.ref()
    this.exchanges.add(exchange)
    exchange.connection = this
    exchange.startedMs = this.now()
    this.socket.write(exchange.framed)
  }

  /** Nobody waits for `exchange` any more; its reply may come all the same. */
  giveUp(exchange: TcpExchange): void {
    this.owed++
    this.remove(exchange)
  }

  timedOut(exchange: TcpExchange): void {
    // Silent since: perhaps dead without our being told. One that is still being made will do for the next.
    if (this.connected && this.lastReadMs < exchange.startedMs) this.retiring = true
    this.giveUp(exchange)
  }

  /** Closes at once, telling nobody. */
  abandon(): void {
    for (const exchange of this.exchanges) exchange.cancel()
    this.breakOff('closed')
  }

  private now(): number {
    return this.client.options.clock.monotonicMs()
  }

  private opened(): void {
    this.connected = true
    this.connectTimer?.cancel()
  }

  private read(chunk: Uint8Array): void {
    this.lastReadMs = this.now()
    const intact = this.reader.read(chunk, (message) => this.deliver(message))
    if (!intact) this.violated()
  }

  /** Hands `message` to whom it belongs; false when no more is to be read here. */
  private deliver(message: Uint8Array): boolean {
    if (this.gone) return false
    this.client.counters.messages++
    const id = (message[0] << 8) | message[1]
    for (const exchange of this.exchanges) {
      if (exchange.id !== id || !exchange.offer(message)) continue
      this.replies++
      this.remove(exchange)
      return !this.gone
    }
    this.client.counters.rejected++
    if (this.owed > 0) this.owed--
    else if (++this.unasked > MAX_UNASKED) this.violated()
    return !this.gone
  }

  private remove(exchange: TcpExchange): void {
    this.exchanges.delete(exchange)
    if (this.exchanges.size > 0) return
    if (this.retiring) {
      this.breakOff('closed')
      return
    }
    this.socket.setTimeout(this.client.options.idleMs) // from now on
    this.socket.unref() // an idle connection keeps no process alive
  }

  /** The server wants no more of it; Node closes our side, and what is still waiting hears of it from closed(). */
  private retire(): void {
    this.retiring = true
  }

  private violated(): void {
    this.client.counters.violations++
    this.replies = 0 // nothing to be said for it any more
    this.breakOff('closed')
  }

  private breakOff(reason: ExchangeFailure): void {
    if (this.gone) return
    this.gone = true
    this.failure = reason
    this.socket.destroy()
  }

  private closed(): void {
    this.gone = true
    this.connectTimer?.cancel()
    this.client.forget(this)
    if (!this.connected) this.client.counters.connectFailures++
    const reason = !this.connected && this.failure === 'closed' ? 'refused' : this.failure
    const mayResend = this.connected && this.hasReplied
    for (const exchange of this.exchanges) {
      if (this.replies === 1 && exchange.startedMs <= this.lastReadMs) this.client.markSerial(this.server)
      if (!mayResend || !exchange.retryOnFresh()) exchange.fail(reason)
    }
    this.exchanges.clear()
  }
}
