/** What a worker asks about addresses, beside what src/config/listen-points.ts says. */

import { addressOctets, familyOf, isWildcard, type ListenPoint, ownAddresses } from '../src/config/listen-points.ts'
import { ServerAddress } from '../src/io/address.ts'

export {
  addressOctets,
  DNS_PORT,
  familyOf,
  type Interfaces,
  isWildcard,
  type ListenItem,
  type ListenPoint,
  listenPoints,
  ownAddresses,
  pointText,
} from '../src/config/listen-points.ts'

/** The addresses we answer on ourselves, of all interfaces where a wildcard is listened on: asking them would be asking
 *  ourselves. */
export function listeningAddresses(points: readonly ListenPoint[]): ServerAddress[] {
  return points.flatMap(({ address, port }) =>
    (isWildcard(address) ? ownAddresses(familyOf(address)) : [address]).flatMap((own) => {
      const octets = addressOctets(own)
      return octets === undefined ? [] : [new ServerAddress(octets, port)]
    }),
  )
}
