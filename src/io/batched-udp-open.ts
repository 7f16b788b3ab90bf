/** With libc, or with dgram? Decides, and opens a socket of that kind. */

import type { BatchedUdpOptions, UdpKind, UdpSocket } from './batched-udp.ts'
import { DgramUdpSocket } from './batched-udp-dgram.ts'
import { BatchedUdpSocket } from './batched-udp-libc.ts'
import { loadLibc } from './libc.ts'

/** Which kind this process uses, and why. */
export function chooseUdpKind(): { kind: UdpKind; reason: string } {
  if (process.env.BOWLINE_UDP === 'dgram') return { kind: 'dgram', reason: 'BOWLINE_UDP=dgram' }
  const libc = loadLibc()
  return typeof libc === 'string' ? { kind: 'dgram', reason: libc } : { kind: 'libc', reason: 'libc can be called' }
}

/** Binds. Rejects with the system's error when the address cannot be had. */
export async function openUdpSocket(options: BatchedUdpOptions, kind = chooseUdpKind().kind): Promise<UdpSocket> {
  if (kind === 'dgram') return DgramUdpSocket.open(options)
  const libc = loadLibc()
  if (typeof libc === 'string') throw new Error(libc)
  return new BatchedUdpSocket(libc, options)
}
