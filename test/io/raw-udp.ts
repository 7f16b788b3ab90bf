/** Packets that no UDP socket sends: a raw socket writes their headers. */

import koffi from 'koffi'
import { AF_INET, loadLibc } from '../../src/io/libc.ts'
import { sockaddr } from '../../src/io/libc-address.ts'

const SOCK_RAW = 3
const IPPROTO_UDP = 17

/** Sends to 127.0.0.1 from port 0. False where the system does not let us. */
export function sendFromPortZero(port: number, text: string): boolean {
  const libc = loadLibc()
  if (typeof libc === 'string') return false
  const fd = libc.socket(AF_INET, SOCK_RAW, IPPROTO_UDP)
  if (fd < 0) return false
  const packet = Buffer.alloc(8 + text.length) // source port and checksum stay 0: no checksum, RFC 768
  packet.writeUInt16BE(port, 2)
  packet.writeUInt16BE(packet.length, 4)
  packet.write(text, 8)
  const sendto = koffi.load(null).func('long sendto(int, void *, unsigned long, int, void *, unsigned int)')
  const sent = sendto(fd, packet, packet.length, 0, sockaddr('127.0.0.1', 0), 16)
  libc.close(fd)
  return sent === packet.length
}
