/** A server socket with a receiver that remembers, for tests. A query's first octet says what is to be done:
 *    e  echo at once        l  echo 5 ms later        n  no answer        h  an answer no link can carry
 *  A query without any is told `nothing`. */

import type { UdpEvent, UdpKind, UdpReceiver, UdpSocket } from '../../src/io/batched-udp.ts'
import { openUdpSocket } from '../../src/io/batched-udp-open.ts'

export class Station implements UdpReceiver {
  socket!: UdpSocket
  batches = 0
  packets = 0
  readonly counts: Record<UdpEvent, number> = { sent: 0, failed: 0, overflow: 0, unanswerable: 0 }
  readonly from: { address: number[]; port: number }[] = []
  readonly shortened: number[] = []
  onReceive: (packet: Uint8Array, slot: number) => void = () => {}

  static async open(kind: UdpKind, address = '127.0.0.1', port = 0, station = new Station()): Promise<Station> {
    station.socket = await openUdpSocket({ address, port, reusePort: true, receiver: station }, kind)
    return station
  }

  get port(): number {
    return this.socket.port
  }

  begin(packets: number): void {
    this.batches++
    this.packets += packets
  }

  receive(packet: Uint8Array, out: Uint8Array, slot: number): number {
    this.onReceive(packet, slot)
    if (this.from.length < 100)
      this.from.push({ address: [...this.socket.addressOf(slot)], port: this.socket.portOf(slot) })
    switch (String.fromCharCode(packet[0])) {
      case '\0':
        return Buffer.from(out.buffer, out.byteOffset).write('nothing')
      case 'l':
        this.#later(packet.slice(), slot)
        return 0
      case 'n':
        return 0
      case 'h':
        out.set(packet)
        return out.length
      default:
        out.set(packet)
        return packet.length
    }
  }

  shorten(answer: Uint8Array): number {
    this.shortened.push(answer.length)
    return 3
  }

  count(what: UdpEvent, packets: number): void {
    this.counts[what] += packets
  }

  close(): void {
    this.socket.close()
  }

  #later(packet: Uint8Array, slot: number): void {
    const peer = this.socket.peerOf(slot)
    setTimeout(() => this.socket.send(peer, packet), 5)
  }
}
