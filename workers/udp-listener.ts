/** Takes queries over UDP at one address and sends the answers back from it. Every worker opens the same address; the
 *  kernel spreads packets over them by a hash of both ends' addresses and ports (SO_REUSEPORT), so one client's socket
 *  always meets the same worker.
 *
 *  The socket is bound to one address and never to a wildcard: through dgram an answer from a wildcard socket leaves
 *  from whatever address the route prefers, which need not be the one that was asked (udp-wildcard.ts sees to those). */

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { Counter, type Counters } from '../src/metrics/counters.ts'
import { addressOctets, type ListenPoint } from './addresses.ts'
import type { Client, Service } from './serve.ts'

/** Asked of the kernel, which gives what net.core.rmem_max allows: room for bursts while the event loop is busy. */
const RECEIVE_BUFFER_OCTETS = 4 * 1024 * 1024
/** RFC 863; nothing listens there, and what is connected to it hears from nobody. */
const DISCARD_PORT = 9

export class UdpListener {
  readonly #socket: Socket
  readonly #point: ListenPoint
  readonly #service: Service
  readonly #counters: Counters
  #leaving = false
  #closed = false

  private constructor(socket: Socket, point: ListenPoint, service: Service, counters: Counters) {
    this.#socket = socket
    this.#point = point
    this.#service = service
    this.#counters = counters
    socket.on('message', (packet, from) => this.#receive(packet, from))
    socket.on('error', () => counters.add(Counter.UDP_SEND_ERRORS)) // ICMP news about some client; the socket lives on
  }

  /** Binds. Rejects with the system's error when the address cannot be had. */
  static async open(point: ListenPoint, service: Service, counters: Counters): Promise<UdpListener> {
    const socket = await bindUdp(point, { reusePort: true })
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER_OCTETS)
    } catch {
      // only a wish
    }
    return new UdpListener(socket, point, service, counters)
  }

  /** Lets the kernel steer new packets to other workers; what has arrived is still answered, and so is what waits.
   *  A connected socket gets only its peer's packets, and this peer never sends. */
  leave(): void {
    if (this.#leaving || this.#closed) return
    this.#leaving = true
    this.#turnAway()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#socket.close()
  }

  #receive(packet: Uint8Array, from: RemoteInfo): void {
    this.#counters.add(Counter.UDP_PACKETS)
    const address = addressOctets(from.address)
    // nobody can be answered at port 0, so nobody honest asks from there
    if (from.port === 0 || address === undefined) {
      this.#counters.add(Counter.DROPPED_PORT_ZERO)
      return
    }
    const client: Client = { overUdp: true, address, port: from.port }
    this.#service.serve(packet, client, (response) => {
      if (response === undefined || this.#closed) return
      this.#send(Buffer.from(response), from)
    })
  }

  #send(answer: Buffer, to: RemoteInfo): void {
    try {
      if (this.#leaving) this.#socket.disconnect() // a connected dgram socket refuses to send elsewhere
      this.#socket.send(answer, to.port, to.address, (error) => {
        this.#counters.add(error === null ? Counter.UDP_ANSWERS : Counter.UDP_SEND_ERRORS)
      })
      if (this.#leaving) this.#turnAway()
    } catch {
      this.#counters.add(Counter.UDP_SEND_ERRORS)
    }
  }

  #turnAway(): void {
    this.#socket.connect(DISCARD_PORT, this.#point.address, () => {})
  }
}

/** A socket bound to `point`. dgram looks every address up before it sends; ours are numeric, and answered at once. */
export function bindUdp(point: { address: string; port: number }, options: { reusePort: boolean }): Promise<Socket> {
  const type = isIPv6(point.address) ? 'udp6' : 'udp4'
  const socket = createSocket({
    type,
    reusePort: options.reusePort,
    ipv6Only: type === 'udp6',
    lookup: (address, _options, found) => found(null, address, type === 'udp6' ? 6 : 4),
  })
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close()
      reject(error)
    })
    socket.bind({ address: point.address, port: point.port, exclusive: true }, () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}
