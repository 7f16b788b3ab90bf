/** The way to the servers of the real world: UDP, TCP and TLS sockets of this machine. */

import type { ServerAddress } from './address.ts'
import { systemClock } from './clock.ts'
import type { Clock, Exchange, ExchangeSink, Protocol, Random, Transport } from './interfaces.ts'
import { loadSocketCalls } from './libc-sockets.ts'
import { PooledUdpClient } from './pooled-udp-client.ts'
import { systemRandom } from './random.ts'
import { SourceAddresses } from './source-addresses.ts'
import { TcpClient, type TcpCounters } from './tcp-client.ts'
import { type TlsCounters, TlsDialer } from './tls-dialer.ts'
import { UdpClient, type UdpCounters } from './udp-client.ts'

export interface SystemTransportOptions {
  clock?: Clock
  random?: Random
  /** Own addresses or prefixes to send from, of either family; one is drawn for each query. */
  sourceAddresses?: readonly string[]
  ipv4?: boolean
  ipv6?: boolean
  /** UDP sockets open at one time. */
  maxUdpSockets?: number
  /** How UDP goes out: `libc`, which costs far less, or Node's `dgram`. The first unless it is not to be had. */
  udp?: 'libc' | 'dgram'
  /** Idle sockets to one server from which on they are used again; see pooled-udp-client.ts. */
  udpPool?: number
  tcpConnectTimeoutMs?: number
  tcpIdleMs?: number
  tcpMaxPipelined?: number
  tcpMaxConnectionsPerServer?: number
  tcpMaxConnections?: number
  /** As those of TCP, where the handshake is part of connecting. */
  tlsConnectTimeoutMs?: number
  tlsIdleMs?: number
  /** A server that is asked over TLS did not show to be the one that is meant. */
  onUntrusted?: (server: ServerAddress, why: string) => void
}

export class SystemTransport implements Transport {
  /** Plain numbers that only grow, but for those called …Open. */
  readonly counters: { udp: UdpCounters; tcp: TcpCounters; tls: TcpCounters; handshakes: TlsCounters }
  /** How UDP goes out, and why not through libc if not. */
  readonly udpBy: string
  private readonly udp: UdpClient | PooledUdpClient
  private readonly tcp: TcpClient
  private readonly tls: TcpClient
  private readonly allowed: Record<4 | 6, boolean>

  /** Throws RangeError when a source address is not one. */
  constructor(options: SystemTransportOptions = {}) {
    const { clock = systemClock, random = systemRandom } = options
    const sources = new SourceAddresses(options.sourceAddresses ?? [], random)
    this.allowed = { 4: options.ipv4 ?? true, 6: options.ipv6 ?? true }
    const calls = options.udp === 'dgram' ? 'as told' : loadSocketCalls()
    const maxSockets = options.maxUdpSockets ?? 4096
    this.udpBy = typeof calls === 'string' ? `dgram: ${calls}` : 'libc'
    this.udp =
      typeof calls === 'string'
        ? new UdpClient({ clock, random, sources, maxSockets })
        : new PooledUdpClient({ calls, clock, random, sources, maxSockets, pool: options.udpPool })
    this.tcp = new TcpClient({
      clock,
      sources,
      connectTimeoutMs: options.tcpConnectTimeoutMs ?? 2000,
      idleMs: options.tcpIdleMs ?? 10_000,
      maxPipelined: options.tcpMaxPipelined ?? 100,
      maxConnectionsPerServer: options.tcpMaxConnectionsPerServer ?? 10,
      maxConnections: options.tcpMaxConnections ?? 100,
    })
    const dialer = new TlsDialer({ clock, onUntrusted: options.onUntrusted ?? (() => {}) })
    this.tls = new TcpClient({
      clock,
      sources,
      dial: dialer.dial,
      connectTimeoutMs: options.tlsConnectTimeoutMs ?? 3000,
      idleMs: options.tlsIdleMs ?? 30_000, // few servers, and a handshake costs more than a connection
      maxPipelined: 200,
      maxConnectionsPerServer: 10,
      maxConnections: 100,
    })
    this.counters = {
      udp: this.udp.counters,
      tcp: this.tcp.counters,
      tls: this.tls.counters,
      handshakes: dialer.counters,
    }
  }

  exchange(
    server: ServerAddress,
    protocol: Protocol,
    query: Uint8Array,
    timeoutMs: number,
    sink: ExchangeSink,
  ): Exchange {
    if (!this.allowed[server.family]) return failLater(sink)
    return this.clientFor(server, protocol).exchange(server, query, timeoutMs, sink)
  }

  /** Whatever the protocol, a server that is to be asked over TLS is not asked otherwise. */
  private clientFor(server: ServerAddress, protocol: Protocol): TcpClient | UdpClient | PooledUdpClient {
    if (server.tls !== undefined) return this.tls
    if (protocol === 'tls') throw new Error(`${server} has no identity to be known by over TLS`)
    return protocol === 'udp' ? this.udp : this.tcp
  }

  /** Ends all exchanges silently and closes all connections. */
  close(): void {
    this.udp.close()
    this.tcp.close()
    this.tls.close()
  }
}

/** An address family that is switched off has no route to anywhere. */
function failLater(sink: ExchangeSink): Exchange {
  const pending = setImmediate(() => sink.failed('unreachable'))
  return { cancel: () => clearImmediate(pending) }
}
