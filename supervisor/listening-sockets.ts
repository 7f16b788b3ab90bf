/** The TCP sockets of all workers, opened and kept here and handed to the worker of their place when it starts. So a
 *  connection that waits to be accepted does not depend on the life of any worker: the next of the same place accepts it,
 *  whether the last one was replaced or killed. A place without a worker gets no new connections (steering.ts).
 *
 *  A socket once opened stays open until its address is not listened on any more; closing one would reset what waits. */

import { closeSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { lacksFamily, listenFailure } from '../src/config/listen-failure.ts'
import { addressOctets, familyOf, type ListenPoint, pointText } from '../src/config/listen-points.ts'
import {
  AF_INET,
  AF_INET6,
  check,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  type Libc,
  loadLibc,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../src/io/libc.ts'
import { attachProgram } from '../src/io/reuseport.ts'
import { steeringProgram } from './steering.ts'

/** Connections the kernel may hold ready while a worker is busy or being replaced. */
const BACKLOG = 4096

export interface PlacedSocket {
  address: string
  port: number
  /** Of the worker, from 1. */
  place: number
  fd: number
}

/** The sockets of one address and port, in the order they began to listen, which is the kernel's. */
interface Group {
  point: ListenPoint
  sockets: { place: number; fd: number }[]
}

export class ListeningSockets {
  readonly #groups = new Map<string, Group>()

  /** Goes on with the sockets of a service whose place we take; in the order all() gave them. */
  adopt(sockets: readonly PlacedSocket[]): void {
    for (const { address, port, place, fd } of sockets) {
      const point = { address, port, setting: 'network/listen' }
      const group = this.#groups.get(pointText(point)) ?? { point, sockets: [] }
      group.sockets.push({ place, fd })
      this.#groups.set(pointText(point), group)
    }
  }

  all(): PlacedSocket[] {
    return [...this.#groups.values()].flatMap(({ point: { address, port }, sockets }) =>
      sockets.map(({ place, fd }) => ({ address, port, place, fd })),
    )
  }

  of(place: number, points: readonly ListenPoint[]): PlacedSocket[] {
    const wanted = new Set(points.map(pointText))
    return this.all().filter((socket) => socket.place === place && wanted.has(pointText(socket)))
  }

  /** Opens what is missing for `places` at `points`. An address none of us listens on yet must be free. Rejects with a
   *  BowlineError, and what was opened stays. Does nothing where libc cannot be called; workers open their own then. */
  async open(points: readonly ListenPoint[], places: readonly number[]): Promise<void> {
    const libc = loadLibc()
    if (typeof libc === 'string') return
    for (const point of points) {
      if (lacksFamily(point)) continue
      try {
        let group = this.#groups.get(pointText(point))
        if (group === undefined) {
          await checkFree(point)
          group = { point, sockets: [] }
          this.#groups.set(pointText(point), group)
        }
        for (const place of places) {
          if (group.sockets.some((socket) => socket.place === place)) continue
          group.sockets.push({ place, fd: listenOn(libc, point) })
        }
      } catch (error) {
        throw listenFailure(point, error as NodeJS.ErrnoException)
      }
    }
  }

  /** New connections go to the sockets of `places` only. */
  steer(places: readonly number[]): void {
    const libc = loadLibc()
    if (typeof libc === 'string') return
    for (const { point, sockets } of this.#groups.values()) {
      const chosen = sockets.flatMap(({ place }, position) => (places.includes(place) ? [position] : []))
      if (chosen.length > 0) attachProgram(libc, sockets[0].fd, steeringProgram(familyOf(point.address), chosen))
    }
  }

  /** Closes the sockets of addresses that are not among `points`. */
  keepOnly(points: readonly ListenPoint[]): void {
    const wanted = new Set(points.map(pointText))
    for (const [text, group] of this.#groups) {
      if (wanted.has(text)) continue
      for (const { fd } of group.sockets) closeSync(fd)
      this.#groups.delete(text)
    }
  }

  close(): void {
    this.keepOnly([])
  }
}

/** Binds and lets go again, without sharing: two services on one port would each get some of the connections. */
async function checkFree({ address, port }: ListenPoint): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: address, port, exclusive: true, ipv6Only: familyOf(address) === 6 }, resolve)
  })
  await new Promise((closed) => server.close(closed))
}

/** Opens one; not `shared`: only if nobody else listens there, nor may anybody after us. Throws the system's error. */
export function listenOn(libc: Libc, point: ListenPoint, shared = true): number {
  const family = familyOf(point.address)
  const domain = family === 4 ? AF_INET : AF_INET6
  const fd = check(libc, 'socket', libc.socket(domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))
  const set = (level: number, option: number) =>
    check(libc, 'setsockopt', libc.setsockopt(fd, level, option, Int32Array.of(1), Int32Array.BYTES_PER_ELEMENT))
  try {
    set(SOL_SOCKET, SO_REUSEADDR)
    if (shared) set(SOL_SOCKET, SO_REUSEPORT)
    if (family === 6) set(IPPROTO_IPV6, IPV6_V6ONLY)
    const name = socketAddress(point)
    check(libc, 'bind', libc.bind(fd, name, name.length))
    check(libc, 'listen', libc.listen(fd, BACKLOG))
    return fd
  } catch (error) {
    libc.close(fd)
    throw error
  }
}

/** struct sockaddr_in or sockaddr_in6. */
function socketAddress({ address, port }: ListenPoint): Buffer {
  const octets = addressOctets(address)
  if (octets === undefined) throw new Error(`${address} is no address`)
  const v4 = octets.length === 4
  const name = Buffer.alloc(v4 ? 16 : 28)
  name.writeUInt16LE(v4 ? AF_INET : AF_INET6, 0)
  name.writeUInt16BE(port, 2)
  name.set(octets, v4 ? 4 : 8)
  if (!v4) name.writeUInt32LE(zoneIndex(address), 24)
  return name
}

/** Index of the interface a link-local address names after its % (RFC 4007 §11); 0 for none. */
function zoneIndex(address: string): number {
  const [, zone] = address.split('%')
  const entries = zone === undefined ? [] : (networkInterfaces()[zone] ?? [])
  for (const entry of entries) if (entry.family === 'IPv6') return entry.scopeid
  return 0
}
