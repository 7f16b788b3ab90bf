/** Answers names that no name server is to be asked about: special-use names and locally served zones. RFC 6761, RFC 6303.
 *  Not those for which the operator has named servers (RFC 6303 §2). */

import { answerSpecialName } from '../../special-names.ts'
import { isAtOrBelow, type Name } from '../../wire/name.ts'
import { defineModule } from '../module.ts'

export const specialNames = (forwarded: readonly Name[]) =>
  defineModule({
    name: 'special-names',
    about: 'Answers special-use names and locally served zones.',
    subRequests: true,
    begin(request) {
      const special = answerSpecialName(request.qname, request.qtype)
      if (special === undefined) return 'pass'
      if (forwarded.some((subtree) => subtree.length > 1 && isAtOrBelow(request.qname, subtree))) return 'pass'
      return request.answerWith(special.rcode, special.answer, special.authority)
    },
  })
