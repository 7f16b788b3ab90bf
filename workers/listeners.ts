/** Everything a worker listens on: opens it with errors an operator can act on, follows the machine's interfaces, and
 *  leaves without losing a query. */

import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { lacksFamily, listenFailure } from '../src/config/listen-failure.ts'
import { chooseUdpKind } from '../src/io/batched-udp-open.ts'
import type { Clock, Timer } from '../src/io/interfaces.ts'
import type { Log } from '../src/io/log.ts'
import type { Counters } from '../src/metrics/counters.ts'
import { isWildcard, type ListenPoint, pointText } from './addresses.ts'
import type { LocalClients } from './local-clients.ts'
import type { Service } from './serve.ts'
import type { TcpConnections } from './tcp-connections.ts'
import { listenTcp, TcpListener } from './tcp-listener.ts'
import { checkUdpFree, UdpListener } from './udp-listener.ts'
import { UdpWildcard } from './udp-wildcard.ts'

export interface ListenerParts {
  service: Service
  connections: TcpConnections
  counters: Counters
  localClients: LocalClients
  clock: Clock
  log: Log
  /** TCP sockets that listen already, handed to us open, by `address@port`; points without one are opened here. */
  listening?: ReadonlyMap<string, number>
}

/** How often we look whether interfaces have come, gone or changed their addresses. */
const SCAN_MS = 5000

export class Listeners {
  readonly #parts: ListenerParts
  readonly #udp: (UdpListener | UdpWildcard)[] = []
  readonly #tcp: TcpListener[] = []
  #scan: Timer | undefined

  constructor(parts: ListenerParts) {
    this.#parts = parts
  }

  /** Binds every point, over UDP and TCP. Rejects with a BowlineError for the first that cannot be had. With `alone`,
   *  also when another program has one of them in a way that would let us share it. */
  async open(points: readonly ListenPoint[], options: { alone: boolean }): Promise<void> {
    const { service, counters, log, listening } = this.#parts
    const { kind, reason } = chooseUdpKind()
    log.info({ event: 'udp', by: kind }, `UDP by ${kind}: ${reason}`)
    const usable = points.filter((point) => !isLacking(point, log))
    for (const point of usable) {
      const tcpFd = listening?.get(pointText(point))
      await tryPoint(point, async () => {
        if (options.alone) await checkFree(point, tcpFd === undefined)
        this.#tcp.push(await TcpListener.open(point, this.#parts, tcpFd))
      })
    }
    // from here on, queries wait until all is done
    for (const point of usable)
      await tryPoint(point, async () => {
        this.#udp.push(
          isWildcard(point.address) && kind === 'dgram'
            ? await UdpWildcard.open(point, service, counters, log)
            : await UdpListener.open(point, service, counters, kind),
        )
      })
    this.#scanLater()
  }

  /** Those over UDP, one for each address. */
  get udpListeners(): UdpListener[] {
    return this.#udp.flatMap((each) => (each instanceof UdpWildcard ? each.listeners : [each]))
  }

  /** Packets over UDP that found no room in the kernel's queues. */
  get dropped(): number {
    return this.#udp.reduce((sum, listener) => sum + (listener instanceof UdpListener ? listener.dropped : 0), 0)
  }

  /** Queries over UDP are spread over so many workers by their ids, where that can be had. */
  spreadByQuery(workers: number): void {
    for (const listener of this.#udp) if (listener instanceof UdpListener) listener.spreadByQuery(workers)
  }

  /** New queries over UDP go to other workers, or nowhere. Resolves when what had arrived has been received; that is still
   *  answered. */
  async leave(): Promise<void> {
    this.#scan?.cancel()
    for (const outcome of await Promise.allSettled(this.#udp.map((listener) => listener.leave())))
      if (outcome.status === 'rejected')
        this.#parts.log.warning(
          { event: 'leave', err: outcome.reason },
          'queries may be lost: a socket cannot leave its port',
        )
  }

  /** No more connections; those that are open are answered, then closed. */
  stopAccepting(): void {
    for (const listener of this.#tcp) listener.close()
    void this.#parts.connections.leave()
  }

  close(): void {
    this.#scan?.cancel()
    for (const listener of [...this.#udp, ...this.#tcp]) listener.close()
  }

  #scanLater(): void {
    this.#scan = this.#parts.clock.after(SCAN_MS, () => {
      const interfaces = networkInterfaces()
      this.#parts.localClients.refresh(interfaces)
      for (const listener of this.#udp) if (listener instanceof UdpWildcard) void listener.follow(interfaces)
      this.#scanLater()
    })
  }
}

function isLacking(point: ListenPoint, log: Log): boolean {
  if (!lacksFamily(point)) return false
  log.notice({ event: 'no-ipv6', listen: pointText(point) }, `${pointText(point)} left out: no IPv6 on this machine`)
  return true
}

/** Rejects with a BowlineError that names the point. */
async function tryPoint(point: ListenPoint, open: () => Promise<void>): Promise<void> {
  try {
    await open()
  } catch (error) {
    throw listenFailure(point, error as NodeJS.ErrnoException)
  }
}

/** Binds and lets go again, without sharing. Where TCP listens already, whoever opened it has looked. */
async function checkFree(point: ListenPoint, tcpToo: boolean): Promise<void> {
  if (tcpToo) {
    const server = createServer()
    await listenTcp(server, point, { reusePort: false })
    await new Promise((closed) => server.close(closed))
  }
  await checkUdpFree(point)
}
