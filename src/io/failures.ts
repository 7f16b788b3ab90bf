/** What do the kernel's error codes say about the way to a server? */

import type { ExchangeFailure } from './interfaces.ts'

/** The failure that `error`, from a socket call or an ICMP message, amounts to; `source` is the address of our own that
 *  was to be used, if one was configured. */
export function failureOf(error: { code?: string } | Error, source?: string): ExchangeFailure {
  switch ('code' in error ? error.code : undefined) {
    case 'ECONNREFUSED':
      return 'refused'
    case 'ETIMEDOUT':
      return 'timeout'
    case 'ECONNRESET':
    case 'EPIPE':
    case 'EPROTO':
      return 'closed'
    case 'UNTRUSTED':
      return 'untrusted'
    case 'EMFILE': // this process, or the machine, has no more of something
    case 'ENFILE':
    case 'EAGAIN': // to a socket that does not wait, when its buffer is full
    case 'ENOBUFS':
    case 'ENOMEM':
    case 'EADDRINUSE':
      return 'no-socket'
    case 'EADDRNOTAVAIL': // our own address is gone, which is no fault of the server; or this family has none here
      return source === undefined ? 'unreachable' : 'no-socket'
    default:
      if ('code' in error && error.code?.startsWith('ERR_SSL_')) return 'closed' // it speaks no TLS that we do
      return 'unreachable' // EHOSTUNREACH, ENETUNREACH, EAFNOSUPPORT, EACCES, EPERM (a firewall), EINVAL …
  }
}
