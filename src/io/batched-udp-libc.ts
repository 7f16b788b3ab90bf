/** HOT: receive() runs once per client packet, the rest once per batch. No allocation, throw or await as long as the kernel
 *  takes what it is given. Twin: batched-udp-dgram.ts. Bench: node test/bench/udp-floor.ts.
 *
 *    readable → recvmmsg into `asked` → receiver, packet by packet → answers in `answers` → sendmmsg
 *                                                └ later: send() → `#queue` → sendmmsg, once per turn
 *
 *  `asked` and `answers` are shared by all sockets of the process, as a batch is over before the next begins. */

import type { BatchedUdpOptions, UdpPeer, UdpReceiver, UdpSocket } from './batched-udp.ts'
import { SendQueue } from './batched-udp-queue.ts'
import { type Peer, Slots } from './batched-udp-slots.ts'
import { check, type Libc, MSG_DONTWAIT, type Watch } from './libc.ts'
import { addressAt, isWildcard, sockaddr } from './libc-address.ts'
import { boundPort, droppedPackets, openUdp } from './libc-udp.ts'
import { attachProgram, byQueryId, detachProgram } from './reuseport.ts'

/** Packets in a batch, and the fewest it is limited to while each takes long. */
const SLOTS = 64
const LEAST_SLOTS = 8
/** Batches one socket may take in one turn of the event loop, before upstream replies and TCP get theirs. */
const BATCHES_PER_TURN = 4
/** Nor does it begin another batch once it has had so long; and where one takes longer, the next ones are smaller. */
const TURN_MS = 4
/** Room for bursts while the event loop is busy. */
const BUFFER_OCTETS = 4 * 1024 * 1024
/** RFC 863; nothing listens there, and what is connected to it hears from nobody. */
const DISCARD_PORT = 9
/** What another CPU was delivering as a socket left is in its queue by then. */
const SETTLE_MS = 2

interface Batch {
  asked: Slots
  answers: Slots
  /** For each slot of `answers`, the slot of `asked` it answers. */
  askedSlot: Uint8Array
}

let shared: Batch | undefined

export class BatchedUdpSocket implements UdpSocket {
  readonly kind = 'libc'
  readonly port: number
  readonly #libc: Libc
  readonly #fd: number
  readonly #address: string
  readonly #family: 4 | 6
  readonly #isWildcard: boolean
  readonly #receiver: UdpReceiver
  readonly #batch: Batch
  readonly #queue: SendQueue
  readonly #watch: Watch
  /** Packets in the next batch. */
  #slots = SLOTS
  #leaving: Promise<void> | undefined
  #closed = false
  /** As it was when the socket was closed. */
  #dropped = 0

  constructor(libc: Libc, options: BatchedUdpOptions) {
    const { address, port, reusePort, receiver } = options
    this.#libc = libc
    this.#address = address
    this.#family = address.includes(':') ? 6 : 4
    this.#isWildcard = isWildcard(address)
    this.#receiver = receiver
    shared ??= { asked: new Slots(libc, SLOTS), answers: new Slots(libc, SLOTS), askedSlot: new Uint8Array(SLOTS) }
    this.#batch = shared
    this.#fd = openUdp(libc, {
      address,
      port,
      reusePort,
      packetInfo: this.#isWildcard,
      receiveOctets: BUFFER_OCTETS,
      sendOctets: BUFFER_OCTETS,
    })
    this.port = port === 0 ? boundPort(libc, this.#fd) : port
    this.#queue = new SendQueue(libc, this.#fd, receiver)
    this.#watch = libc.watch(this.#fd, () => this.#drain())
  }

  get dropped(): number {
    return this.#closed ? this.#dropped : droppedPackets(this.#libc, this.#fd)
  }

  addressOf(slot: number): Uint8Array {
    return this.#batch.asked.ipAddresses[this.#family][slot]
  }

  portOf(slot: number): number {
    return this.#batch.asked.port(slot)
  }

  destinationOf(slot: number): Uint8Array | undefined {
    return this.#isWildcard ? this.#batch.asked.destinations[this.#family][slot] : undefined
  }

  peerOf(slot: number): UdpPeer {
    return new LibcPeer(this.#batch.asked.peer(slot), this.#family)
  }

  send(peer: UdpPeer, packet: Uint8Array): void {
    if (!this.#closed) this.#queue.add((peer as LibcPeer).peer, packet)
  }

  spreadByQuery(sockets: number): void {
    if (this.#leaving === undefined && !this.#closed) attachProgram(this.#libc, this.#fd, byQueryId(sockets))
  }

  /** A connected socket gets only its peer's packets, and this peer never sends. The kernel leaves it out when it looks
   *  for the socket of a new packet; its queue, and sending to named addresses, are as before. */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  async #leave(): Promise<void> {
    if (this.#closed) return
    detachProgram(this.#libc, this.#fd) // it would go on choosing this one
    const loopback = this.#family === 4 ? '127.0.0.1' : '::1'
    const peer = sockaddr(isWildcard(this.#address) ? loopback : this.#address, DISCARD_PORT)
    check(this.#libc, 'connect', this.#libc.connect(this.#fd, peer, peer.length))
    do await pause(SETTLE_MS)
    while (!this.#closed && this.#drain() > 0)
  }

  close(): void {
    if (this.#closed) return
    this.#dropped = this.dropped
    this.#closed = true
    this.#queue.close()
    this.#watch.close()
    this.#libc.close(this.#fd)
  }

  /** Gives the number of packets received. */
  #drain(): number {
    const turnMs = performance.now()
    let packets = 0
    let nowMs = turnMs
    for (let batch = 0; batch < BATCHES_PER_TURN && nowMs - turnMs < TURN_MS; batch++) {
      const received = this.#receiveBatch()
      packets += received
      if (received < this.#slots) break
      const beganMs = nowMs
      nowMs = performance.now()
      this.#sizeNext(nowMs - beganMs)
    }
    return packets
  }

  /** Sets how many packets the next batch has, after a full one that took so long. */
  #sizeNext(tookMs: number): void {
    if (tookMs > TURN_MS) this.#slots = Math.max(LEAST_SLOTS, this.#slots >> 1)
    else if (this.#slots < SLOTS && tookMs < TURN_MS / 4) this.#slots *= 2
  }

  /** Receives, answers, and gives the number of packets received. */
  #receiveBatch(): number {
    const { asked, answers, askedSlot } = this.#batch
    // an error is EAGAIN, or ICMP's news of a packet long gone
    const received = this.#libc.recvmmsg(this.#fd, asked.addresses[0], this.#slots, MSG_DONTWAIT, null)
    if (received <= 0) return 0
    this.#receiver.begin(received)
    let answered = 0
    let unanswerable = 0
    for (let slot = 0; slot < received; slot++) {
      if (asked.port(slot) === 0 || !asked.turn(slot, this.#family)) {
        unanswerable++
        continue
      }
      const octets = this.#receiver.receive(asked.packet(slot), answers.rooms[answered], slot)
      if (octets === 0) continue
      answers.answer(answered, octets, asked, slot)
      askedSlot[answered++] = slot
    }
    if (unanswerable > 0) this.#receiver.count('unanswerable', unanswerable)
    if (answered > 0 && !this.#closed) this.#sendBatch(answered)
    asked.makeReceivable(received)
    return this.#closed ? 0 : received
  }

  #sendBatch(answered: number): void {
    const { asked, answers, askedSlot } = this.#batch
    const sent = this.#queue.sendNow(answers, 0, answered)
    for (let slot = sent; slot < answered; slot++) {
      this.#queue.add(asked.peer(askedSlot[slot]), answers.rooms[slot].subarray(0, answers.length(slot)))
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

class LibcPeer implements UdpPeer {
  readonly peer: Peer
  readonly address: Uint8Array
  readonly port: number

  constructor(peer: Peer, family: 4 | 6) {
    const [from, to] = addressAt(family)
    const { octets } = peer
    this.peer = peer
    this.address = new Uint8Array(to - from) // a view would have V8 move `octets` out of its heap
    for (let i = from; i < to; i++) this.address[i - from] = octets[i]
    this.port = (octets[2] << 8) | octets[3]
  }
}
