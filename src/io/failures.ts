/** What do the kernel's error codes say about the way to a server? */

import type { ExchangeFailure } from './interfaces.ts'

/** The failure that `error`, from a socket call or an ICMP message, amounts to. */
export function failureOf(error: NodeJS.ErrnoException): ExchangeFailure {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'refused'
    case 'ETIMEDOUT':
      return 'timeout'
    case 'ECONNRESET':
    case 'EPIPE':
      return 'closed'
    case 'EMFILE': // this process, or the machine, has no more of something
    case 'ENFILE':
    case 'ENOBUFS':
    case 'ENOMEM':
    case 'EADDRINUSE':
      return 'no-socket'
    default:
      return 'unreachable' // EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL and EAFNOSUPPORT (no IPv6 here), EACCES, EPERM (a firewall), EINVAL …
  }
}
