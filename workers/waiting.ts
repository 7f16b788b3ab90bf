/** What is this worker at? The questions that wait for something, as plain data for an operator. Looking costs those that
 *  wait nothing but the moment it takes. */

import type { Waiting } from '../src/driver/joining.ts'
import type { Clock } from '../src/io/interfaces.ts'
import type { Request } from '../src/request.ts'
import type { Core } from '../src/resolve.ts'
import { addressText } from '../src/wire/ip-address.ts'
import { nameToText } from '../src/wire/name.ts'
import { typeText } from '../src/wire/types.ts'
import type { WaitingFacts } from './messages.ts'

/** Those of all `cores` that began first, `limit` at most. */
export function waitingFacts(cores: readonly Core[], clock: Clock, limit: number): WaitingFacts[] {
  const nowMs = clock.monotonicMs()
  return cores
    .flatMap((core) => core.waiting(limit))
    .map((waiting) => factsOf(waiting, nowMs))
    .sort((one, other) => other.ageMs - one.ageMs)
    .slice(0, limit)
}

function factsOf({ request, waitsFor, joined }: Waiting, nowMs: number): WaitingFacts {
  const { qname, qtype, sname, ledger, query, purpose, depth, background } = request
  const client = originOf(request).client?.address ?? joined.map(originOf).find(({ client }) => client)?.client?.address
  return {
    name: nameToText(qname),
    type: typeText(qtype),
    ageMs: Math.round(nowMs - (ledger.deadlineMs - ledger.limits.time)),
    waitsFor,
    purpose,
    depth,
    ...(client === undefined ? {} : { client: networkText(client) }),
    ...(sname === qname ? {} : { sname: nameToText(sname) }),
    ...(request.iteration === undefined ? {} : { zoneCut: nameToText(request.iteration.cut.zone) }),
    ...(query === undefined ? {} : { server: query.server.toString(), protocol: query.protocol }),
    joined: joined.length,
    background,
    queries: ledger.used('upstream-queries'),
    octets: ledger.used('received'),
  }
}

/** The request at the top, which this one is for. */
function originOf(request: Request): Request {
  let origin = request
  while (origin.parent !== undefined) origin = origin.parent
  return origin
}

/** Who it is does not matter here; what part of the network it is in may. */
export function networkText(address: Uint8Array): string {
  const octets = address.length === 4 ? 3 : 7
  return `${addressText(address.map((octet, at) => (at < octets ? octet : 0)))}/${8 * octets}`
}
