/**
 * Questions over UDP, through libc: each on a connected socket with a port drawn by our own chance (RFC 5452 §9.2). A
 * forger has to guess the port, the kernel drops what comes from elsewhere, ICMP errors reach us, and probing our ports
 * from outside tells nothing (SAD DNS).
 *
 * To open, bind, connect and close costs more than to ask. So the sockets to a server that is asked a lot are kept, and
 * used again once at least POOL of them are idle: one is drawn of those, which is 10 bits of chance beside the ID for
 * whoever knows all their ports, and close to 16 for whoever does not. Until then each question gets a socket of its own.
 * A kept socket is used a bounded number of times, for a bounded time, and never after it failed to bring a reply.
 */

import type { ServerAddress } from './address.ts'
import { failureOf } from './failures.ts'
import type { Clock, Exchange, ExchangeFailure, ExchangeSink, Random, Timer } from './interfaces.ts'
import { sockaddr } from './libc-address.ts'
import type { SocketCalls, Watcher } from './libc-sockets.ts'
import type { SourceAddresses } from './source-addresses.ts'
import { newUdpCounters } from './udp-client.ts'

export interface PooledUdpClientOptions {
  calls: SocketCalls
  clock: Clock
  random: Random
  sources: SourceAddresses
  /** Sockets open at one time, idle ones included; further exchanges fail with `no-socket`. */
  maxSockets: number
  /** Idle sockets to one server from which on they are used again. */
  pool?: number
}

/** 2^10: the chance that drawing a socket adds to that of drawing an ID. */
export const POOL = 1024
const MAX_USES = 64
/** How long an idle socket is kept. A server is asked a lot when in that time half a pool of questions go to it. */
const IDLE_MS = 10_000
const MAX_SERVERS = 10_000

const FIRST_PORT = 1024
const PORTS = 65_536 - FIRST_PORT
const PORT_DRAWS = 5
/** Larger replies come over TCP; what is longer is cut by the kernel and then is no reply. */
const PACKET_OCTETS = 65_535
/** Packets read from one socket in a row. */
const READS = 4

interface Socket {
  readonly fd: number
  readonly tag: number
  readonly pool: ServerPool
  uses: number
  idleSinceMs: number
  exchange: PooledExchange | undefined
}

/** The sockets to one server. */
class ServerPool {
  readonly name: Uint8Array
  readonly idle: Socket[] = []
  /** Questions in this period and the one before. */
  asked = 0
  askedBefore = 0

  constructor(name: Uint8Array) {
    this.name = name
  }

  isBusy(poolSize: number): boolean {
    return Math.max(this.asked, this.askedBefore) >= poolSize / 2
  }
}

export class PooledUdpClient {
  readonly counters = { ...newUdpCounters(), reused: 0 }
  readonly #options: PooledUdpClientOptions
  readonly #poolSize: number
  readonly #watcher: Watcher
  readonly #sockets: (Socket | undefined)[] = []
  readonly #freeTags: number[] = []
  readonly #servers = new Map<string, ServerPool>()
  readonly #packet = new Uint8Array(PACKET_OCTETS)
  #sweep: Timer | undefined
  #closed = false

  constructor(options: PooledUdpClientOptions) {
    this.#options = options
    this.#poolSize = options.pool ?? POOL
    this.#watcher = options.calls.watcher((tag) => this.#read(tag))
  }

  exchange(server: ServerAddress, query: Uint8Array, timeoutMs: number, sink: ExchangeSink): Exchange {
    const { counters } = this
    counters.queries++
    const pool = this.#poolFor(server)
    pool.asked++
    const exchange = new PooledExchange(this, sink)
    const socket = pool.idle.length >= this.#poolSize ? this.#draw(pool) : this.#open(pool, server.family)
    if (typeof socket === 'string') {
      setImmediate(() => exchange.fail(socket))
      return exchange
    }
    exchange.begin(socket, this.#options.clock.after(timeoutMs, exchange.timedOut))
    if (this.#options.calls.send(socket.fd, query) < 0) {
      const reason = this.#failure()
      setImmediate(() => exchange.fail(reason))
    }
    return exchange
  }

  /** Ends all exchanges silently and closes all sockets. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#sweep?.cancel()
    for (const socket of this.#sockets) {
      socket?.exchange?.cancel()
      if (socket !== undefined) this.#shut(socket)
    }
    this.#watcher.close()
  }

  /** The exchange on `socket` is over. Only one that brought a reply is used again: after another, a late reply could
   *  come where the next is waited for. */
  release(socket: Socket, replied: boolean): void {
    socket.exchange = undefined
    if (!replied || this.#closed || socket.uses >= MAX_USES || !socket.pool.isBusy(this.#poolSize)) {
      this.#shut(socket)
      return
    }
    socket.idleSinceMs = this.#options.clock.monotonicMs()
    socket.pool.idle.push(socket)
    this.#sweep ??= this.#options.clock.after(IDLE_MS, () => this.#sweepIdle())
  }

  // --- sockets ------------------------------------------------------------------------------------------------------

  #poolFor(server: ServerAddress): ServerPool {
    let pool = this.#servers.get(server.key)
    if (pool === undefined) {
      pool = new ServerPool(sockaddr(server.hostText, server.port))
      if (this.#servers.size >= MAX_SERVERS) this.#forgetIdleServers()
      this.#servers.set(server.key, pool)
    }
    return pool
  }

  #draw(pool: ServerPool): Socket {
    const { idle } = pool
    const at = this.#options.random.below(idle.length)
    const socket = idle[at]
    const last = idle.pop() as Socket
    if (last !== socket) idle[at] = last
    socket.uses++
    this.counters.reused++
    return socket
  }

  #open(pool: ServerPool, family: 4 | 6): Socket | ExchangeFailure {
    const { calls, sources, maxSockets } = this.#options
    if (this.counters.socketsOpen >= maxSockets && !this.#closeSomeIdle()) return 'no-socket'
    const fd = calls.open(family)
    if (fd < 0) return 'no-socket'
    const tag = this.#freeTags.pop() ?? this.#sockets.length
    const socket: Socket = { fd, tag, pool, uses: 1, idleSinceMs: 0, exchange: undefined }
    const bound = this.#bind(fd, family, sources.pick(family))
    if (bound === undefined && calls.connect(fd, pool.name) === 0 && this.#watcher.add(fd, tag)) {
      this.#sockets[tag] = socket
      this.counters.socketsOpen++
      return socket
    }
    const reason = bound ?? this.#failure()
    calls.close(fd)
    this.#freeTags.push(tag)
    return reason
  }

  /** Binds to a port drawn by our chance; undefined when that worked. */
  #bind(fd: number, family: 4 | 6, source: string | undefined): ExchangeFailure | undefined {
    const { calls, random } = this.#options
    const name = source === undefined ? (family === 4 ? ANY_4 : ANY_6) : sockaddr(source, 0)
    for (let draw = 0; draw <= PORT_DRAWS; draw++) {
      const port = draw < PORT_DRAWS ? FIRST_PORT + random.below(PORTS) : 0
      name[2] = port >> 8
      name[3] = port
      if (calls.bind(fd, name) === 0) return undefined
      const code = calls.error()
      if (code !== 'EADDRINUSE' && code !== 'EACCES') return failureOf({ code }, source)
      this.counters.portCollisions++
    }
    return 'no-socket'
  }

  #shut(socket: Socket): void {
    if (this.#sockets[socket.tag] !== socket) return
    this.#sockets[socket.tag] = undefined
    this.#freeTags.push(socket.tag)
    this.counters.socketsOpen--
    this.#options.calls.close(socket.fd)
  }

  /** Closes what has been idle for long, and begins a new period of counting. */
  #sweepIdle(): void {
    this.#sweep = undefined
    const before = this.#options.clock.monotonicMs() - IDLE_MS
    let left = 0
    for (const pool of this.#servers.values()) {
      pool.askedBefore = pool.asked
      pool.asked = 0
      for (let i = pool.idle.length - 1; i >= 0; i--) {
        if (pool.isBusy(this.#poolSize) && pool.idle[i].idleSinceMs >= before) continue
        this.#shut(pool.idle[i])
        pool.idle.splice(i, 1)
      }
      left += pool.idle.length
    }
    if (left > 0) this.#sweep = this.#options.clock.after(IDLE_MS, () => this.#sweepIdle())
  }

  #closeSomeIdle(): boolean {
    for (const pool of this.#servers.values()) {
      const socket = pool.idle.pop()
      if (socket === undefined) continue
      this.#shut(socket)
      return true
    }
    return false
  }

  #forgetIdleServers(): void {
    for (const [key, pool] of this.#servers) {
      if (pool.idle.length > 0 || pool.isBusy(this.#poolSize)) continue
      this.#servers.delete(key)
      if (this.#servers.size < MAX_SERVERS / 2) return
    }
  }

  // --- packets ------------------------------------------------------------------------------------------------------

  #read(tag: number): void {
    const { calls } = this.#options
    for (let reads = 0; reads < READS; reads++) {
      const socket = this.#sockets[tag]
      if (socket === undefined) return // closed meanwhile
      const octets = calls.receive(socket.fd, this.#packet)
      if (octets < 0) {
        const code = calls.error()
        if (code === 'EAGAIN' || code === 'EINTR') return
        this.#failSocket(socket, failureOf({ code }))
        return
      }
      const { exchange } = socket
      if (exchange === undefined) continue // late, and to nobody
      this.counters.packets++
      if (exchange.receive(this.#packet.subarray(0, octets))) return
      this.counters.rejected++
    }
  }

  #failSocket(socket: Socket, reason: ExchangeFailure): void {
    if (socket.exchange !== undefined) {
      socket.exchange.fail(reason)
      return
    }
    const at = socket.pool.idle.indexOf(socket)
    if (at >= 0) socket.pool.idle.splice(at, 1)
    this.#shut(socket)
  }

  #failure(): ExchangeFailure {
    return failureOf({ code: this.#options.calls.error() })
  }

  count(reason: ExchangeFailure): void {
    const { counters } = this
    if (reason === 'timeout') counters.timeouts++
    else if (reason === 'refused') counters.refused++
    else if (reason === 'no-socket') counters.noSocket++
    else counters.unreachable++
  }
}

class PooledExchange implements Exchange {
  readonly #client: PooledUdpClient
  readonly #sink: ExchangeSink
  #socket: Socket | undefined
  #timer: Timer | undefined
  #over = false

  constructor(client: PooledUdpClient, sink: ExchangeSink) {
    this.#client = client
    this.#sink = sink
  }

  begin(socket: Socket, timer: Timer): void {
    socket.exchange = this
    this.#socket = socket
    this.#timer = timer
  }

  /** True when the packet was the reply, or nobody waits any more. The socket is free before the sink hears of it, since
   *  the sink's next question may well want one; the packet stays as it is until the sink returns. */
  receive(packet: Uint8Array): boolean {
    if (!this.#sink.accept(packet)) return this.#over
    this.#end(true)
    return true
  }

  cancel(): void {
    if (!this.#over) this.#end(false)
  }

  fail(reason: ExchangeFailure): void {
    if (this.#over) return
    this.#end(false)
    this.#client.count(reason)
    this.#sink.failed(reason)
  }

  readonly timedOut = (): void => this.fail('timeout')

  #end(replied: boolean): void {
    if (this.#over) return
    this.#over = true
    this.#timer?.cancel()
    if (this.#socket !== undefined) this.#client.release(this.#socket, replied)
  }
}

const ANY_4 = sockaddr('0.0.0.0', 0)
const ANY_6 = sockaddr('::', 0)
