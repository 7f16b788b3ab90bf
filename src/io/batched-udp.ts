/** A server's UDP socket, which takes packets and gives answers by the batch. There are two kinds behind one interface: with
 *  libc, a batch costs two system calls and no memory; without it, dgram does what it can. Which one is decided once.
 *
 *  An answer leaves from the address that was asked (RFC 2181 §4.1), also from a socket bound to a wildcard, but for
 *  dgram, which cannot: there, bind to one address. */

export interface BatchedUdpOptions {
  /** Numeric. IPv6 wildcards take IPv6 only. */
  address: string
  /** 0: any that is free. */
  port: number
  reusePort: boolean
  receiver: UdpReceiver
}

/** What happens to a socket. None of these may throw. */
export interface UdpReceiver {
  /** So many packets have arrived; those that can be answered come to receive() next. */
  begin(packets: number): void
  /** Takes one packet. Writes the answer into `out` and returns its octets, or 0 when there is none now. `packet` and
   *  `out` are good during the call only; so is `slot`, which stands for the peer in the socket's methods. */
  receive(packet: Uint8Array, out: Uint8Array, slot: number): number
  /** The link cannot carry `answer` in one piece: make it shorter, in place, and return its octets; 0 to drop it. */
  shorten(answer: Uint8Array): number
  /** So many of …: one number a batch. */
  count(what: UdpEvent, packets: number): void
}

/** `sent`: answers the kernel took. `failed`: answers it refused for good. `overflow`: answers dropped as it took none for
 *  too long. `no-port`: packets from port 0, or to a multicast address, which nobody can answer. */
export type UdpEvent = 'sent' | 'failed' | 'overflow' | 'unanswerable'

/** Whom an answer goes to, and from which address. */
export interface UdpPeer {
  /** 4 or 16 octets. */
  readonly address: Uint8Array
  readonly port: number
}

export interface UdpSocket {
  readonly kind: UdpKind
  /** The port it is bound to. */
  readonly port: number
  /** Packets that found no room in the kernel's queue, where the kernel tells. */
  readonly dropped?: number
  /** The IP address of the packet in `slot`: a view, good during receive(). */
  addressOf(slot: number): Uint8Array
  portOf(slot: number): number
  /** Which of our addresses the packet in `slot` was sent to: a view, good during receive(). Undefined when the socket is
   *  bound to one, or by dgram. */
  destinationOf(slot: number): Uint8Array | undefined
  /** The peer of the packet in `slot`, to keep. */
  peerOf(slot: number): UdpPeer
  /** Sends an answer later than in receive(), together with all others of this turn of the event loop. Copies `packet`. */
  send(peer: UdpPeer, packet: Uint8Array): void
  /** From now on the kernel chooses among the `sockets` there are of this address by the id of the query, not by who asks;
   *  until one of them leaves. Only where the kernel can be told so. */
  spreadByQuery?(sockets: number): void
  /** Lets the kernel give new packets to other sockets of the same address. Resolves when all that had arrived has been
   *  received; answers go out as before until close(). Rejects when the kernel does not let us, with nothing changed. */
  leave(): Promise<void>
  close(): void
}

export type UdpKind = 'libc' | 'dgram'
