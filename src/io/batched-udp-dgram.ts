/** The plain twin of batched-udp-libc.ts, on dgram: what there is where libc cannot be called. One packet at a time, a copy
 *  of each answer, no say in fragments, and no answer from the asked address on a wildcard. */

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import ipaddr from 'ipaddr.js'
import type { BatchedUdpOptions, UdpPeer, UdpReceiver, UdpSocket } from './batched-udp.ts'
import { PACKET_ROOM } from './batched-udp-slots.ts'
import { isWildcard } from './libc-address.ts'

const BUFFER_OCTETS = 4 * 1024 * 1024
/** Octets of answers that may wait for the kernel to take them. */
const QUEUE_OCTETS = 16 * 1024 * 1024
/** RFC 863; nothing listens there, and what is connected to it hears from nobody. */
const DISCARD_PORT = 9
/** dgram reads in every turn of the event loop: what does not come in so long has not come. */
const SETTLE_MS = 10

export class DgramUdpSocket implements UdpSocket {
  readonly kind = 'dgram'
  readonly port: number
  readonly #socket: Socket
  readonly #address: string
  readonly #receiver: UdpReceiver
  readonly #room = new Uint8Array(PACKET_ROOM)
  /** Of the packet at hand. */
  #peer: DgramPeer | undefined
  #packets = 0
  #leaving = false
  #left: Promise<void> | undefined
  #closed = false

  private constructor(socket: Socket, { address, receiver }: BatchedUdpOptions) {
    this.#socket = socket
    this.#address = address
    this.#receiver = receiver
    this.port = socket.address().port
    socket.on('message', (packet, from) => this.#receive(packet, from))
    socket.on('error', () => receiver.count('failed', 1)) // ICMP news about some client; the socket lives on
  }

  static async open(options: BatchedUdpOptions): Promise<DgramUdpSocket> {
    const { address, port, reusePort } = options
    const v6 = address.includes(':')
    // dgram looks every address up before it sends; ours are numeric, and answered at once
    const lookup = (host: string, _options: unknown, found: (error: null, host: string, family: number) => void) =>
      found(null, host, v6 ? 6 : 4)
    const socket = createSocket({ type: v6 ? 'udp6' : 'udp4', reusePort, ipv6Only: v6, lookup })
    try {
      const listening = once(socket, 'listening')
      socket.bind({ address, port, exclusive: true })
      await listening
    } catch (error) {
      socket.close()
      throw error
    }
    try {
      socket.setRecvBufferSize(BUFFER_OCTETS)
      socket.setSendBufferSize(BUFFER_OCTETS)
    } catch {
      // only a wish
    }
    return new DgramUdpSocket(socket, options)
  }

  addressOf(): Uint8Array {
    return this.#peer!.address
  }

  portOf(): number {
    return this.#peer!.port
  }

  destinationOf(): undefined {}

  peerOf(): UdpPeer {
    return this.#peer!
  }

  send(peer: UdpPeer, packet: Uint8Array): void {
    if (this.#closed) return
    if (this.#socket.getSendQueueSize() > QUEUE_OCTETS) this.#receiver.count('overflow', 1)
    else this.#send(peer as DgramPeer, Buffer.from(packet))
  }

  /** See BatchedUdpSocket.leave(). */
  leave(): Promise<void> {
    this.#left ??= this.#leave()
    return this.#left
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#socket.close()
  }

  async #leave(): Promise<void> {
    if (this.#closed) return
    this.#leaving = true
    this.#turnAway()
    let before: number
    do {
      before = this.#packets
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    } while (!this.#closed && this.#packets > before)
  }

  #receive(packet: Uint8Array, from: RemoteInfo): void {
    this.#packets++
    this.#receiver.begin(1)
    const address = from.port === 0 ? undefined : addressOctets(from.address)
    if (address === undefined) {
      this.#receiver.count('unanswerable', 1)
      return
    }
    this.#peer = { address, port: from.port, host: from.address }
    const octets = this.#receiver.receive(packet, this.#room, 0)
    if (octets > 0) this.send(this.#peer, this.#room.subarray(0, octets))
  }

  #send(peer: DgramPeer, answer: Buffer): void {
    try {
      if (this.#leaving) this.#socket.disconnect() // a connected dgram socket refuses to send elsewhere
      this.#socket.send(answer, peer.port, peer.host, (error) => this.#sent(peer, answer, error))
      if (this.#leaving) this.#turnAway()
    } catch {
      this.#receiver.count('failed', 1)
    }
  }

  #sent(peer: DgramPeer, answer: Buffer, error: NodeJS.ErrnoException | null): void {
    const octets = error?.code === 'EMSGSIZE' ? this.#receiver.shorten(answer) : 0
    if (octets > 0 && octets < answer.length) this.send(peer, answer.subarray(0, octets))
    else this.#receiver.count(error === null ? 'sent' : 'failed', 1)
  }

  #turnAway(): void {
    const loopback = this.#address.includes(':') ? '::1' : '127.0.0.1'
    this.#socket.connect(DISCARD_PORT, isWildcard(this.#address) ? loopback : this.#address, () => {})
  }
}

interface DgramPeer extends UdpPeer {
  host: string
}

function addressOctets(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(ipaddr.parse(text.split('%')[0]).toByteArray())
  } catch {
    return undefined
  }
}
