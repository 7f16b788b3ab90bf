/** Why an address cannot be listened on, in words an operator can act on. */

import { BowlineError } from './error.ts'
import { familyOf, type ListenPoint, ownAddresses, pointText } from './listen-points.ts'

/** A BowlineError when the system refused; `error` itself when it is a fault of ours. */
export function listenFailure(point: ListenPoint, error: NodeJS.ErrnoException): Error {
  const remedy = remedies[error.code ?? '']
  if (remedy === undefined) return error.syscall === undefined ? error : failure(point, error.message)
  return failure(point, remedy(point))
}

/** `::` and `::1` are in the default configuration, and may be in one that serves many machines. */
export function lacksFamily(point: ListenPoint): boolean {
  return (point.address === '::' || point.address === '::1') && ownAddresses(6).length === 0
}

function failure(point: ListenPoint, text: string): BowlineError {
  return new BowlineError('listen', `${point.setting}: cannot listen on ${pointText(point)}: ${text}`)
}

const remedies: Record<string, ((point: ListenPoint) => string) | undefined> = {
  EADDRINUSE: () => 'another program has this address and port; stop it, or choose another port, as in @5300',
  EACCES: (point) =>
    point.port < 1024
      ? 'this user may not use ports under 1024; choose another, as in @5300, or start with CAP_NET_BIND_SERVICE'
      : 'the system does not permit it',
  EADDRNOTAVAIL: (point) =>
    `this machine has no such address; choose one of ${ownAddresses(familyOf(point.address)).join(', ')}`,
  EAFNOSUPPORT: (point) => `this machine has no IPv${familyOf(point.address)}; take the address out`,
}
