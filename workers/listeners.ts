/** Everything a worker listens on: opens it with errors an operator can act on, follows the machine's interfaces, and
 *  leaves without losing a query. */

import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { BowlineError } from '../src/config/error.ts'
import type { Clock, Timer } from '../src/io/interfaces.ts'
import type { Log } from '../src/io/log.ts'
import type { Counters } from '../src/metrics/counters.ts'
import { familyOf, isWildcard, type ListenPoint, ownAddresses, pointText } from './addresses.ts'
import type { LocalClients } from './local-clients.ts'
import type { Service } from './serve.ts'
import type { TcpConnections } from './tcp-connections.ts'
import { listenTcp, TcpListener } from './tcp-listener.ts'
import { bindUdp, UdpListener } from './udp-listener.ts'
import { UdpWildcard } from './udp-wildcard.ts'

export interface ListenerParts {
  service: Service
  connections: TcpConnections
  counters: Counters
  localClients: LocalClients
  clock: Clock
  log: Log
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
    const { service, counters, log } = this.#parts
    for (const point of points) {
      if (lacksFamily(point)) {
        log.notice(
          { event: 'no-ipv6', listen: pointText(point) },
          `${pointText(point)} left out: no IPv6 on this machine`,
        )
        continue
      }
      try {
        if (options.alone) await checkFree(point)
        this.#udp.push(
          isWildcard(point.address)
            ? await UdpWildcard.open(point, service, counters, log)
            : await UdpListener.open(point, service, counters),
        )
        this.#tcp.push(await TcpListener.open(point, this.#parts))
      } catch (error) {
        throw explain(point, error as NodeJS.ErrnoException)
      }
    }
    this.#scanLater()
  }

  /** New queries go to other workers, or nowhere; what has arrived is still answered. */
  leave(): void {
    this.#scan?.cancel()
    for (const listener of this.#udp) listener.leave()
    for (const listener of this.#tcp) listener.close()
    this.#parts.connections.leave()
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

/** Binds and lets go again, without sharing. */
async function checkFree(point: ListenPoint): Promise<void> {
  const server = createServer()
  await listenTcp(server, point, { reusePort: false })
  await new Promise((closed) => server.close(closed))
  const socket = await bindUdp(point, { reusePort: false })
  await new Promise<void>((closed) => socket.close(closed))
}

/** `::` and `::1` are in the default configuration, and may be in one that serves many machines. */
function lacksFamily(point: ListenPoint): boolean {
  return (point.address === '::' || point.address === '::1') && ownAddresses(6).length === 0
}

function explain(point: ListenPoint, error: NodeJS.ErrnoException): Error {
  const remedy = remedies[error.code ?? '']
  if (remedy === undefined) return error.syscall === undefined ? error : failure(point, error.message)
  return failure(point, remedy(point))
}

function failure(point: ListenPoint, text: string): BowlineError {
  return new BowlineError('listen', `${point.setting}: cannot listen on ${pointText(point)}: ${text}`)
}

const remedies: Record<string, ((point: ListenPoint) => string) | undefined> = {
  EADDRINUSE: () => 'another program has this address and port; stop it, or choose another port, as in @5300',
  EACCES: (point) =>
    point.port < 1024
      ? 'this user may not use ports under 1024; choose another, as in @5300, or start with CAP_NET_BIND_SERVICE'
      : 'the system does not permit it',
  EADDRNOTAVAIL: (point) =>
    `this machine has no such address; choose one of ${ownAddresses(familyOf(point.address)).join(', ')}`,
  EAFNOSUPPORT: (point) => `this machine has no IPv${familyOf(point.address)}; take the address out`,
}
