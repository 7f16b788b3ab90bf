/**
 * One question over UDP: a socket of its own, on a port drawn for it alone, connected to the one server it asks, gone with
 * the answer. Thus a forger has to guess the port (RFC 5452 §9.2), the kernel drops what comes from elsewhere (§9.1),
 * ICMP errors reach us, and probing our ports from outside tells nothing (SAD DNS).
 *
 * Our own queries are too short to be fragmented; the replies are kept so by the EDNS size that is offered (RFC 9715).
 */

import { createSocket, type Socket } from 'node:dgram'
import type { ServerAddress } from './address.ts'
import { failureOf } from './failures.ts'
import type { Clock, Exchange, ExchangeFailure, ExchangeSink, Random, Timer } from './interfaces.ts'
import type { SourceAddresses } from './source-addresses.ts'

export interface UdpClientOptions {
  clock: Clock
  random: Random
  sources: SourceAddresses
  /** Sockets open at one time; further exchanges fail with `no-socket`. */
  maxSockets: number
}

export interface UdpCounters {
  queries: number
  packets: number
  /** Packets that came from the right place and were not the reply. */
  rejected: number
  timeouts: number
  refused: number
  unreachable: number
  noSocket: number
  /** Ports drawn that someone else had. */
  portCollisions: number
  socketsOpen: number
}

export function newUdpCounters(): UdpCounters {
  return {
    queries: 0,
    packets: 0,
    rejected: 0,
    timeouts: 0,
    refused: 0,
    unreachable: 0,
    noSocket: 0,
    portCollisions: 0,
    socketsOpen: 0,
  }
}

/** Below are the well-known ports, which need privileges (RFC 6335 §6); RFC 6056 §3.2 has all the others used. */
const FIRST_PORT = 1024
const PORTS = 65_536 - FIRST_PORT
/** Draws before the kernel chooses a port by its own chance. */
const PORT_DRAWS = 5

export class UdpClient {
  readonly counters = newUdpCounters()
  private readonly options: UdpClientOptions
  private readonly open = new Set<UdpExchange>()

  constructor(options: UdpClientOptions) {
    this.options = options
  }

  exchange(server: ServerAddress, query: Uint8Array, timeoutMs: number, sink: ExchangeSink): Exchange {
    const { counters, options } = this
    counters.queries++
    const exchange = new UdpExchange(this.open, counters, sink)
    if (this.open.size >= options.maxSockets) exchange.failSoon('no-socket')
    else exchange.start(server, query, timeoutMs, options)
    return exchange
  }

  /** Ends all exchanges silently. */
  close(): void {
    for (const exchange of this.open) exchange.cancel()
  }
}

class UdpExchange implements Exchange {
  private readonly open: Set<UdpExchange>
  private readonly counters: UdpCounters
  private readonly sink: ExchangeSink
  private socket: Socket | undefined
  private timer: Timer | undefined
  private over = false
  /** While start() runs, errors are kept for it; some of Node's calls report by event before they return. */
  private starting = false
  private error: NodeJS.ErrnoException | undefined

  constructor(open: Set<UdpExchange>, counters: UdpCounters, sink: ExchangeSink) {
    this.open = open
    this.counters = counters
    this.sink = sink
  }

  start(server: ServerAddress, query: Uint8Array, timeoutMs: number, options: UdpClientOptions): void {
    const v6 = server.family === 6
    this.timer = options.clock.after(timeoutMs, () => this.fail('timeout'))
    try {
      this.starting = true
      const socket = createSocket({ type: v6 ? 'udp6' : 'udp4', ipv6Only: v6, lookup: literalLookup })
      this.socket = socket
      this.open.add(this)
      this.counters.socketsOpen = this.open.size
      socket.on('error', (error) => this.failed(error))
      socket.on('message', (packet) => this.receive(packet))
      if (!this.bind(socket, options, server.family)) return
      socket.connect(server.port, server.hostText) // done when it returns; failure comes as an error event, a little later
      socket.send(query.slice(), this.sent) // a copy, as the kernel may take it later
    } catch (error) {
      if (!this.over) this.failSoon(failureOf(error as NodeJS.ErrnoException)) // connect() failed, so send() threw
    } finally {
      this.starting = false
    }
  }

  cancel(): void {
    if (this.over) return
    this.over = true
    this.timer?.cancel()
    this.open.delete(this)
    this.counters.socketsOpen = this.open.size
    this.socket?.close()
  }

  /** Ends the exchange in a later turn of the event loop, as the sink must not be called by the one who calls us. */
  failSoon(reason: ExchangeFailure): void {
    setImmediate(() => this.fail(reason))
  }

  private bind(socket: Socket, options: UdpClientOptions, family: 4 | 6): boolean {
    const source = options.sources.pick(family)
    const address = source ?? (family === 6 ? '::' : '0.0.0.0')
    for (let draw = 0; draw <= PORT_DRAWS; draw++) {
      const port = draw < PORT_DRAWS ? FIRST_PORT + options.random.below(PORTS) : 0
      socket.bind({ address, port, exclusive: true })
      const error = this.takeError()
      if (error === undefined) return true
      if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') {
        this.failSoon(failureOf(error, source))
        return false
      }
      this.counters.portCollisions++
    }
    this.failSoon('no-socket')
    return false
  }

  /** The error that the error event reported during the call just made. */
  private takeError(): NodeJS.ErrnoException | undefined {
    const { error } = this
    this.error = undefined
    return error
  }

  private readonly sent = (error?: Error | null): void => {
    if (error) this.failed(error)
  }

  private failed(error: NodeJS.ErrnoException): void {
    if (this.starting) this.error = error
    else if (error.code !== 'EMSGSIZE') this.fail(failureOf(error)) // EMSGSIZE: a truncated read, not the end
  }

  private receive(packet: Uint8Array): void {
    if (this.over) return
    this.counters.packets++
    if (this.sink.accept(packet)) this.cancel()
    else this.counters.rejected++
  }

  private fail(reason: ExchangeFailure): void {
    if (this.over) return
    this.cancel()
    const { counters } = this
    if (reason === 'timeout') counters.timeouts++
    else if (reason === 'refused') counters.refused++
    else if (reason === 'no-socket') counters.noSocket++
    else counters.unreachable++
    this.sink.failed(reason)
  }
}

/** Addresses come as addresses: nothing is looked up, and nothing waits. */
function literalLookup(
  host: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, host, host.includes(':') ? 6 : 4)
}
