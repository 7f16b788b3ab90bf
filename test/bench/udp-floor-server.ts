/** The twin of floor.c on our own sockets: every query is answered in place with one constant A record.
 *  `node udp-floor-server.ts KIND ADDRESS PORT`, KIND being `libc` or `dgram`. */

import type { UdpKind, UdpReceiver } from '../../src/io/batched-udp.ts'
import { openUdpSocket } from '../../src/io/batched-udp-open.ts'

const HEADER = 12
/** Owner: pointer to the question's name. A, IN, one day, 192.0.2.1. */
const RECORD = Uint8Array.of(0xc0, 0x0c, 0, 1, 0, 1, 0, 1, 0x51, 0x80, 0, 4, 192, 0, 2, 1)

const receiver: UdpReceiver = {
  begin() {},
  receive(packet, out) {
    const octets = packet.length
    if (octets < HEADER || (packet[2] & 0x80) !== 0) return 0
    let at = HEADER
    while (at < octets && packet[at] !== 0) at += 1 + packet[at]
    at += 1 + 4 // the root label; type and class
    if (at > octets) return 0
    for (let i = 0; i < at; i++) out[i] = packet[i]
    out[2] = 0x80 | (packet[2] & 0x79) // QR; opcode and RD as they came
    out[3] = 0x80 // RA, NOERROR
    for (let i = 4; i < HEADER; i++) out[i] = 0
    out[5] = 1 // QDCOUNT
    out[7] = 1 // ANCOUNT
    for (let i = 0; i < RECORD.length; i++) out[at + i] = RECORD[i]
    return at + RECORD.length
  },
  shorten: () => 0,
  count() {},
}

const [kind, address, port] = process.argv.slice(2)
await openUdpSocket({ address, port: Number(port), reusePort: false, receiver }, kind as UdpKind)
