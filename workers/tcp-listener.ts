/** Takes queries over TCP at one address (RFC 7766): many on one connection, answered in the order the answers are
 *  ready. A client that sends faster than it is answered, or does not read its answers, is simply not read from. */

import { type AddressInfo, createServer, type Server, Socket } from 'node:net'
import { Counter, type Counters } from '../src/metrics/counters.ts'
import { Tables } from '../src/metrics/tables.ts'
import { addressOctets, familyOf, type ListenPoint } from './addresses.ts'
import { FrameReader, framed } from './framing.ts'
import type { Heirs } from './handover.ts'
import { isLoopback } from './local-clients.ts'
import type { Client, Service } from './serve.ts'
import type { Held, TcpConnections } from './tcp-connections.ts'

/** Connections the kernel may hold ready for us while the event loop is busy. */
const BACKLOG = 1024
/** Answers waiting in our memory for a client to read; beyond, its queries have to wait too. */
const MAX_UNREAD_OCTETS = 64 * 1024
/** A client gets so long to take what we sent before we closed. */
const LINGER_MS = 1000
/** How soon a connection that cannot go over yet tries again. */
const RETRY_MS = 1
/** Smaller is no DNS message. */
const HEADER_OCTETS = 12

export interface TcpParts {
  service: Service
  connections: TcpConnections
  counters: Counters
}

export class TcpListener {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  /** Binds, or takes over `fd`, a socket that listens already. Rejects with the system's error when the address cannot
   *  be had. */
  static async open(point: ListenPoint, parts: TcpParts, fd?: number): Promise<TcpListener> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => accept(socket, parts))
    if (fd === undefined) await listenTcp(server, point, { reusePort: true })
    else await new Promise<void>((listening) => server.listen({ fd }, listening))
    server.on('error', () => {}) // a connection that could not be accepted; the next may
    return new TcpListener(server)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Accepts nothing more. Connections live on. */
  close(): void {
    this.#server.close()
  }
}

export function listenTcp(
  server: Server,
  point: { address: string; port: number },
  options: { reusePort: boolean },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(
      {
        host: point.address,
        port: point.port,
        backlog: BACKLOG,
        exclusive: true,
        reusePort: options.reusePort,
        ipv6Only: familyOf(point.address) === 6, // 0.0.0.0 has a socket of its own
      },
      () => {
        server.off('error', reject)
        resolve()
      },
    )
  })
}

/** Goes on with a connection that another worker had; `received` is what it got of the client's next messages. */
export function inherit(fd: number, received: Buffer, parts: TcpParts): void {
  const socket = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true })
  accept(socket, parts, received)
}

function accept(socket: Socket, parts: TcpParts, received?: Buffer): void {
  socket.on('error', () => socket.destroy())
  const source = socket.remoteAddress
  const address = source === undefined ? undefined : addressOctets(source)
  if (source === undefined || address === undefined || socket.remotePort === undefined) return void socket.destroy()
  const destination = socket.localAddress === undefined ? undefined : addressOctets(socket.localAddress)
  const client: Client = { overUdp: false, address, port: socket.remotePort, destination }
  const connection = new Connection(socket, source, client, parts)
  if (parts.connections.add(connection)) connection.start(received)
  else socket.resetAndDestroy()
}

/** One client's connection. */
export class Connection implements Held {
  readonly source: string
  readonly unlimited: boolean
  readonly #socket: Socket
  readonly #client: Client
  readonly #parts: TcpParts
  readonly #queries: number
  readonly #frames = new FrameReader()
  /** Queries handed to the resolver and not answered yet. */
  #waiting = 0
  /** The client has said all it wanted to say, and may still be listening (RFC 7766 §6.2.4). */
  #halfClosed = false
  #leaving = false
  #ended = false
  #continues = false
  #goingOver = false

  constructor(socket: Socket, source: string, client: Client, parts: TcpParts) {
    this.#socket = socket
    this.source = source
    this.unlimited = isLoopback(client.address)
    this.#client = client
    this.#queries = Tables.QUERIES.start + 2 + (client.address.length === 16 ? 1 : 0)
    this.#parts = parts
  }

  get isIdle(): boolean {
    return this.#waiting === 0 && (!this.#frames.hasNext || this.#isFull)
  }

  /** `received` came before anything this process reads itself. */
  start(received?: Buffer): void {
    this.#socket.on('data', (chunk) => {
      if (this.#ended) return
      this.#frames.push(chunk as Buffer)
      this.#read()
    })
    this.#socket.on('end', () => {
      this.#halfClosed = true
      this.#endWhenDone()
    })
    this.#socket.on('drain', () => {
      this.#book()
      this.#read()
    })
    this.#socket.on('close', () => this.#parts.connections.remove(this))
    if (received === undefined || received.length === 0) return
    this.#frames.push(received)
    this.#read() // now: what the kernel holds comes after it
  }

  leave(): void {
    this.#leaving = true
    this.#endWhenDone()
  }

  close(): void {
    this.#socket.destroy()
  }

  /** Hands on the messages that are there, as far as the limits allow. */
  #read(): void {
    const { connections, counters, service } = this.#parts
    if (this.#socket.destroyed || this.#goingOver) return
    this.#socket.cork() // answers from the cache leave together
    let taken = 0
    while (!this.#isFull && taken < connections.limits.pipeline) {
      const packet = this.#frames.next()
      if (packet === undefined) break
      if (packet.length < HEADER_OCTETS) {
        this.#socket.destroy() // whoever sends this speaks something else
        return
      }
      taken++
      this.#waiting++
      counters.add(Counter.TCP_QUERIES)
      counters.values[this.#queries]++
      service.serve(packet, this.#client, (response) => this.#answer(response))
    }
    this.#socket.uncork()
    this.#frames.settle()
    if (taken > 0) connections.touch(this)
    this.#book()
    this.#steer()
    this.#endWhenDone()
  }

  get #isFull(): boolean {
    return this.#waiting >= this.#parts.connections.limits.pipeline || this.#socket.writableLength > MAX_UNREAD_OCTETS
  }

  /** Reads on from the socket, or lets the client wait: TCP then tells it to stop sending. */
  #steer(): void {
    if (this.#socket.destroyed || this.#ended || this.#goingOver) return
    if (this.#isFull || this.#frames.hasNext) this.#socket.pause()
    else this.#socket.resume()
    // messages that are left over because this connection had its share of the turn
    if (this.#frames.hasNext && !this.#isFull && !this.#continues) {
      this.#continues = true
      setImmediate(() => {
        this.#continues = false
        this.#read()
      })
    }
  }

  #answer(response: Uint8Array | undefined): void {
    const { connections, counters } = this.#parts
    this.#waiting--
    if (this.#socket.destroyed || this.#ended) return
    if (response !== undefined) {
      this.#socket.write(framed(response))
      counters.add(Counter.TCP_ANSWERS)
    }
    if (this.#socket.writableCorked > 0) return // #read() sees to the rest
    connections.touch(this)
    this.#book()
    this.#steer()
    this.#endWhenDone()
  }

  #book(): void {
    this.#parts.connections.hold(this, this.#frames.held + this.#socket.writableLength)
  }

  #endWhenDone(): void {
    if (this.#ended || this.#waiting > 0 || this.#frames.hasNext || !(this.#halfClosed || this.#leaving)) return
    const { heirs } = this.#parts.connections
    if (heirs !== undefined && !this.#halfClosed) this.#goOver(heirs)
    else this.#end()
  }

  #end(): void {
    this.#ended = true
    this.#socket.end()
    if (this.#halfClosed) return
    // reads on, and away: closing with unread octets would make the kernel reset what we sent last
    this.#socket.resume()
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref()
  }

  /** To an heir, as soon as our answers have left this process. */
  #goOver(heirs: Heirs): void {
    if (this.#goingOver) return
    this.#goingOver = true
    this.#socket.pause()
    const attempt = () => {
      if (this.#socket.destroyed || this.#ended) return
      if (this.#halfClosed) return this.#end()
      if (this.#socket.writableLength > 0) return void setTimeout(attempt, RETRY_MS)
      // from here on nothing is read until the socket is closed: all of it happens in this one turn
      this.#socket.read() // has what Node keeps pushed to our frames, by 'data'
      const outcome = heirs.give(this.#socket, this.#frames.rest())
      if (outcome === 'later') return void setTimeout(attempt, RETRY_MS)
      this.#ended = outcome === 'given'
      if (this.#ended) this.#socket.destroy()
      else this.#end()
    }
    setImmediate(attempt)
  }
}
