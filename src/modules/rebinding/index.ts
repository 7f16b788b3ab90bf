/** Refuses answers that would lead a browser from a page outside to a host inside (DNS rebinding): addresses of private
 *  and other special networks, unless the operator expects them of the name. Nor are queries sent to such addresses because
 *  a zone says that its servers are there. */

import type { Request } from '../../request.ts'
import { isAtOrBelow, nameFromText } from '../../wire/name.ts'
import type { RRset } from '../../wire/rrset.ts'
import { Ede, Rcode, Type } from '../../wire/types.ts'
import { explanation } from '../explanation.ts'
import { defineModule } from '../module.ts'
import { isSpecialAddress } from '../special-addresses.ts'

const WHY = 'blocked by DNS rebinding protection'

export const rebinding = (config: { allowed: readonly string[] }) =>
  defineModule({
    name: 'rebinding',
    about: 'Refuses answers with addresses of private and other special networks.',
    metrics: {
      blocked: 'Answers refused for an address of a special network',
      unsent: 'Queries not sent because a zone has its server at such an address',
    },
    subRequests: true,
    start: () => ({
      allowed: config.allowed.map(nameFromText),
      /** Requests with a server that was not asked. */
      misled: new WeakSet<Request>(),
    }),
    checkout(request, { server, qname }, { state, count }) {
      if (request.iteration?.cut.configured || !isSpecialAddress(server.octets)) return 'pass'
      if (state.allowed.some((allowed) => isAtOrBelow(qname, allowed))) return 'pass'
      count('unsent')
      state.misled.add(request)
      return 'produce' // another of its servers may be outside
    },
    answer(request, { state, count }) {
      const isMisled = request.rcode === Rcode.SERVFAIL && state.misled.has(request)
      if (!isMisled && (request.source === 'local' || !request.answer.some(leadsInside))) return 'pass'
      if (state.allowed.some((allowed) => isAtOrBelow(request.qname, allowed))) return 'pass'
      count('blocked')
      request.edes = []
      request.addEde(Ede.BLOCKED, WHY)
      request.answerWith(Rcode.REFUSED)
      request.additional = [explanation(WHY)]
      return 'pass'
    },
  })

function leadsInside({ type, rdatas }: RRset): boolean {
  return (type === Type.A || type === Type.AAAA) && rdatas.some(isSpecialAddress)
}
