/**
 * Questions over UDP, through libc: each on a connected socket with a port drawn by our own chance (RFC 5452 §9.2). A
 * forger has to guess the port, the kernel drops what comes from elsewhere, ICMP errors reach us, and probing our ports
 * from outside tells nothing (SAD DNS).
 *
 * To open, bind, connect and close costs more than to ask. So the sockets to a server that is asked a lot are kept, and
 * used again once at least POOL of them are idle: one is drawn of those, which is 10 bits of chance beside the ID for
 * whoever knows all their ports, and close to 16 for whoever does not. Until then each question gets a socket of its own.
 * A kept socket is used a bounded number of times, for a bounded time, and never after it failed to bring a reply.
 *
 * Questions that are asked in one turn of such a server share the socket drawn, go out with one system call and come back
 * with one. That makes none of them easier to forge: a forged reply still has to hit the port, and the ID of the one
 * question whose name it carries; and who else asks through the socket can't see its port but at the server itself.
 */

import type { ServerAddress } from './address.ts'
import { failureOf } from './failures.ts'
import type { Clock, Exchange, ExchangeFailure, ExchangeSink, Random, Timer } from './interfaces.ts'
import { sockaddr } from './libc-address.ts'
import { MESSAGES, type SocketCalls, type Watcher } from './libc-sockets.ts'
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
const MAX_USES = 256
/** How long an idle socket is kept. A server is asked a lot when in that time half a pool of questions go to it. */
const IDLE_MS = 10_000
const MAX_SERVERS = 10_000

const FIRST_PORT = 1024
const PORTS = 65_536 - FIRST_PORT
const PORT_DRAWS = 5
/** Room for what is sent at the end of a turn; when it is full, that is now. */
const OUTBOX_OCTETS = 64 * 1024

interface Socket {
  readonly fd: number
  readonly tag: number
  readonly pool: ServerPool
  uses: number
  idleSinceMs: number
  /** Those that wait for a reply. */
  readonly exchanges: PooledExchange[]
  /** IDs of those that have ended since questions last went out: what still comes for them is no guess at the others. */
  readonly ended: number[]
  /** Something in the outbox is for it. */
  isPosted: boolean
  /** One of its exchanges ended without a reply: the socket goes with the last. */
  spoiled: boolean
}

/** The sockets to one server. */
class ServerPool {
  readonly name: Uint8Array
  readonly idle: Socket[] = []
  /** Takes the questions of this turn. */
  current: Socket | undefined
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
  /** What is to be sent, one question behind the other, and through which sockets. */
  readonly #outbox = new Uint8Array(OUTBOX_OCTETS)
  #outboxEnd = 0
  readonly #sending: Socket[] = []
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
    if (this.#outboxEnd + query.length > OUTBOX_OCTETS) this.#flush() // before it counts among those to be sent
    const pool = this.#poolFor(server)
    pool.asked++
    const exchange = new PooledExchange(this, sink)
    const id = (query[0] << 8) | query[1]
    const socket = this.#socketFor(pool, server.family, id)
    if (typeof socket === 'string') {
      setImmediate(() => this.#closed || exchange.fail(socket))
      return exchange
    }
    exchange.begin(socket, id, this.#options.clock.after(timeoutMs, exchange.timedOut))
    this.#post(socket, exchange, query)
    return exchange
  }

  /** Ends all exchanges silently and closes all sockets. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#sweep?.cancel()
    for (const socket of this.#sockets) {
      if (socket === undefined) continue
      for (const exchange of [...socket.exchanges]) exchange.cancel()
      this.#shut(socket)
    }
    this.#watcher.close()
  }

  /** An exchange on `socket` is over. Only one that brought a reply is used again: after another, a late reply could come
   *  where the next is waited for. */
  release(socket: Socket, exchange: PooledExchange, replied: boolean): void {
    const { exchanges } = socket
    const last = exchanges.pop() as PooledExchange
    if (last !== exchange) exchanges[exchanges.indexOf(exchange)] = last
    if (!replied) socket.spoiled = true
    if (exchanges.length > 0) {
      socket.ended.push(exchange.id)
      return
    }
    if (socket.pool.current === socket) socket.pool.current = undefined
    if (socket.spoiled || this.#closed || socket.uses >= MAX_USES || !socket.pool.isBusy(this.#poolSize)) {
      this.#shut(socket)
      return
    }
    socket.idleSinceMs = this.#options.clock.monotonicMs()
    socket.pool.idle.push(socket)
    this.#sweep ??= this.#options.clock.after(IDLE_MS, () => this.#sweepIdle())
  }

  // --- sending ------------------------------------------------------------------------------------------------------

  /** Keeps a question until the packets at hand have all been read. */
  #post(socket: Socket, exchange: PooledExchange, query: Uint8Array): void {
    if (this.#sending.length === 0) queueMicrotask(this.#flush)
    if (!socket.isPosted) this.#sending.push(socket)
    socket.isPosted = true
    this.#outbox.set(query, this.#outboxEnd)
    exchange.postedAt = this.#outboxEnd
    this.#outboxEnd += query.length
    exchange.postedTo = this.#outboxEnd
  }

  readonly #flush = (): void => {
    const { calls } = this.#options
    for (const socket of this.#sending) {
      if (socket.pool.current === socket) socket.pool.current = undefined
      const { exchanges } = socket
      socket.isPosted = false
      socket.ended.length = 0
      for (let i = 0; i < exchanges.length; i++)
        calls.put(i, this.#outbox, exchanges[i].postedAt, exchanges[i].postedTo)
      this.#send(socket.fd, exchanges)
    }
    this.#sending.length = 0
    this.#outboxEnd = 0
  }

  #send(fd: number, exchanges: PooledExchange[]): void {
    const { length } = exchanges
    for (let next = 0; next < length; ) {
      const sent = this.#options.calls.send(fd, next, length)
      if (sent > 0) {
        next += sent
        continue
      }
      const [reason, unsent] = [this.#failure(), exchanges[next]] // of the one that could not be sent
      setImmediate(() => unsent.fail(reason))
      next++
    }
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

  #socketFor(pool: ServerPool, family: 4 | 6, id: number): Socket | ExchangeFailure {
    const { current } = pool
    if (current !== undefined && hasRoomFor(current, id)) {
      current.uses++
      this.counters.reused++
      return current
    }
    if (pool.idle.length < this.#poolSize) return this.#open(pool, family)
    pool.current = this.#draw(pool)
    return pool.current
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
    const socket: Socket = {
      fd,
      tag,
      pool,
      uses: 1,
      idleSinceMs: 0,
      exchanges: [],
      ended: [],
      isPosted: false,
      spoiled: false,
    }
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
    const socket = this.#sockets[tag]
    if (socket === undefined) return // closed meanwhile
    const packets = calls.receive(socket.fd, Math.max(1, socket.exchanges.length)) // more of them rings again
    if (packets < 0) {
      const code = calls.error()
      if (code !== 'EAGAIN' && code !== 'EINTR') this.#failSocket(socket, failureOf({ code }))
      return
    }
    for (let i = 0; i < packets; i++) this.#hand(socket, calls.packet(i))
  }

  /** Gives a packet to the exchange it is for. One that is for none, and never was, is heard by all: somebody is guessing. */
  #hand(socket: Socket, packet: Uint8Array): void {
    const { exchanges, ended } = socket
    if (exchanges.length === 0) return // late, and to nobody
    const id = packet.length < 2 ? -1 : (packet[0] << 8) | packet[1]
    const addressee = exchangeOf(exchanges, id)
    if (addressee === undefined && ended.includes(id)) return // late, or there for the second time
    this.counters.packets++
    if (addressee?.receive(packet)) return
    this.counters.rejected++
    if (addressee === undefined) for (const exchange of [...exchanges]) exchange.receive(packet)
  }

  #failSocket(socket: Socket, reason: ExchangeFailure): void {
    if (socket.exchanges.length > 0) {
      for (const exchange of [...socket.exchanges]) exchange.fail(reason)
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
  id = 0
  /** Where its question is in the outbox. */
  postedAt = 0
  postedTo = 0
  readonly #client: PooledUdpClient
  readonly #sink: ExchangeSink
  #socket: Socket | undefined
  #timer: Timer | undefined
  #over = false

  constructor(client: PooledUdpClient, sink: ExchangeSink) {
    this.#client = client
    this.#sink = sink
  }

  begin(socket: Socket, id: number, timer: Timer): void {
    socket.exchanges.push(this)
    this.id = id
    this.#socket = socket
    this.#timer = timer
  }

  /** True when the packet was the reply, or nobody waits any more. The socket is free before the sink hears of it, since
   *  the sink's next question may well want one; the packet stays as it is until the sink returns. */
  receive(packet: Uint8Array): boolean {
    if (this.#over) return true // another that heard the packet has seen to it
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
    if (this.#socket !== undefined) this.#client.release(this.#socket, this, replied)
  }
}

function hasRoomFor({ exchanges, spoiled }: Socket, id: number): boolean {
  if (spoiled || exchanges.length >= MESSAGES) return false
  return exchangeOf(exchanges, id) === undefined
}

function exchangeOf(exchanges: readonly PooledExchange[], id: number): PooledExchange | undefined {
  for (let i = 0; i < exchanges.length; i++) if (exchanges[i].id === id) return exchanges[i]
  return undefined
}

const ANY_4 = sockaddr('0.0.0.0', 0)
const ANY_6 = sockaddr('::', 0)
