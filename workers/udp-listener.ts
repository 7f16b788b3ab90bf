/** Takes queries over UDP at one address and sends the answers back from it. Every worker opens the same address; the
 *  kernel spreads packets over them by a hash of both ends' addresses and ports (SO_REUSEPORT), so one client's socket
 *  always meets the same worker.
 *
 *  HOT: receive() runs once per packet, and allocates nothing for those whose answer is ready. Bench: npm run bench. */

import type { UdpEvent, UdpKind, UdpReceiver, UdpSocket } from '../src/io/batched-udp.ts'
import { openUdpSocket } from '../src/io/batched-udp-open.ts'
import { Counter, type Counters } from '../src/metrics/counters.ts'
import { Tables } from '../src/metrics/tables.ts'
import { ADMITTED } from '../src/modules/rate-limiting/index.ts'
import { addressOctets, familyOf, isWildcard, type ListenPoint } from './addresses.ts'
import type { Service } from './serve.ts'
import { cutToQuestion } from './truncation.ts'

const COUNTER_OF: Record<UdpEvent, Counter> = {
  sent: Counter.UDP_ANSWERS,
  failed: Counter.UDP_SEND_ERRORS,
  overflow: Counter.UDP_OVERFLOW,
  unanswerable: Counter.DROPPED_PORT_ZERO, // nobody can be answered at port 0, so nobody honest asks from there
}

export class UdpListener implements UdpReceiver {
  readonly point: ListenPoint
  readonly #service: Service
  readonly #counters: Counters
  readonly #destination: Uint8Array | undefined
  readonly #queries: number
  /** Packets so far. */
  received = 0
  #socket!: UdpSocket

  private constructor(service: Service, counters: Counters, point: ListenPoint) {
    const { address } = point
    this.point = point
    this.#service = service
    this.#counters = counters
    this.#destination = isWildcard(address) ? undefined : addressOctets(address)
    this.#queries = Tables.QUERIES.start + (familyOf(address) === 6 ? 1 : 0)
  }

  /** Binds. Rejects with the system's error when the address cannot be had. By `dgram`, a wildcard is not for here: see
   *  udp-wildcard.ts. */
  static async open(point: ListenPoint, service: Service, counters: Counters, kind: UdpKind): Promise<UdpListener> {
    const listener = new UdpListener(service, counters, point)
    const { address, port } = point
    listener.#socket = await openUdpSocket({ address, port, reusePort: true, receiver: listener }, kind)
    counters.add(kind === 'libc' ? Counter.UDP_SOCKETS_LIBC : Counter.UDP_SOCKETS_DGRAM)
    return listener
  }

  /** Packets that found no room in the kernel's queue. */
  get dropped(): number {
    return this.#socket.dropped ?? 0
  }

  get port(): number {
    return this.#socket.port
  }

  /** Of `sockets` workers, the kernel chooses by the id of the query from now on. Throws the system's error. */
  spreadByQuery(sockets: number): void {
    this.#socket.spreadByQuery?.(sockets)
  }

  /** Lets the kernel steer new packets to other workers. Resolves when what had arrived has been received; that is still
   *  answered, and so is what waits. */
  leave(): Promise<void> {
    return this.#socket.leave()
  }

  close(): void {
    this.#socket.close()
  }

  begin(packets: number): void {
    this.received += packets
    this.#counters.add(Counter.UDP_PACKETS, packets)
    this.#counters.values[this.#queries] += packets
    this.#service.tick()
  }

  receive(packet: Uint8Array, out: Uint8Array, slot: number): number {
    const socket = this.#socket
    const address = socket.addressOf(slot)
    const destination = this.#destination ?? socket.destinationOf(slot)
    const judged = this.#service.judge(packet, address, destination, out)
    if (judged !== ADMITTED) return judged
    const ready = this.#service.answerAtOnce(packet, address, socket.portOf(slot), out, destination)
    return ready > 0 ? ready : this.#serve(packet, out, slot)
  }

  /** An answer longer than the link takes, where fragments are not wanted: the client comes again over TCP. */
  shorten(answer: Uint8Array): number {
    this.#counters.add(Counter.UDP_TOO_LONG)
    return cutToQuestion(answer)
  }

  count(what: UdpEvent, packets: number): void {
    this.#counters.add(COUNTER_OF[what], packets)
  }

  #serve(packet: Uint8Array, out: Uint8Array, slot: number): number {
    const socket = this.#socket
    const peer = socket.peerOf(slot)
    let answered = 0
    let isLate = false
    const destination = this.#destination ?? socket.destinationOf(slot)?.slice()
    const client = { overUdp: true, address: peer.address, port: peer.port, destination }
    this.#service.serve(packet, client, (response) => {
      if (response === undefined) return
      if (isLate) {
        socket.send(peer, response)
      } else {
        out.set(response)
        answered = response.length
      }
    })
    isLate = true
    return answered
  }
}

/** Binds and lets go again, without sharing. Rejects with EADDRINUSE when somebody has the address. */
export async function checkUdpFree(point: ListenPoint): Promise<void> {
  const receiver: UdpReceiver = { begin() {}, receive: () => 0, shorten: () => 0, count() {} }
  const { address, port } = point
  const socket = await openUdpSocket({ address, port, reusePort: false, receiver })
  socket.close()
}
