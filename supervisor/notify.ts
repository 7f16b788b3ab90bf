/** Tells the service manager how we are (sd_notify(3)): a datagram to the unix socket it names in NOTIFY_SOCKET. */

import { AF_UNIX, check, loadLibc, SOCK_CLOEXEC, SOCK_DGRAM } from '../src/io/libc.ts'

/** Does nothing when no service manager wants to know. */
export function notifyManager(...lines: string[]): void {
  const name = process.env.NOTIFY_SOCKET
  if (name === undefined) return
  const libc = loadLibc()
  if (typeof libc === 'string') return
  // struct sockaddr_un; a name in the abstract namespace begins with a zero, which is written @
  const path = Buffer.from(name.startsWith('@') ? `\0${name.slice(1)}` : name)
  const address = Buffer.alloc(2 + path.length)
  address.writeUInt16LE(AF_UNIX, 0)
  address.set(path, 2)
  const message = Buffer.from(lines.join('\n'))
  const fd = check(libc, 'socket', libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0))
  libc.sendto(fd, message, message.length, 0, address, address.length) // a manager that is gone need not know
  libc.close(fd)
}

/** How often it wants to hear of us, in milliseconds; undefined: it does not. */
export function watchdogMs(): number | undefined {
  const us = Number(process.env.WATCHDOG_USEC)
  return us > 0 ? us / 1000 : undefined
}
