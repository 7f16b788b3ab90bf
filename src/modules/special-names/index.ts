/** Answers names that no name server is to be asked about: special-use names and locally served zones. RFC 6761, RFC 6303.
 *  Not those for which the operator has named servers (RFC 6303 §2). */

import type { Request } from '../../request.ts'
import type { ForwardRule, TaggedForwardRule } from '../../settings.ts'
import { answerSpecialName } from '../../special-names.ts'
import { isAtOrBelow } from '../../wire/name.ts'
import { defineModule } from '../module.ts'

type AnyRule = ForwardRule & Partial<TaggedForwardRule>

export const specialNames = (forwards: readonly AnyRule[]) =>
  defineModule({
    name: 'special-names',
    about: 'Answers special-use names and locally served zones.',
    subRequests: true,
    begin(request) {
      const special = answerSpecialName(request.qname, request.qtype)
      if (special === undefined) return 'pass'
      if (forwards.some((rule) => isFor(rule, request))) return 'pass'
      return request.answerWith(special.rcode, special.answer, special.authority)
    },
  })

function isFor({ subtree, tags = [] }: AnyRule, { qname, view }: Request): boolean {
  if (subtree.length <= 1 || !isAtOrBelow(qname, subtree)) return false
  return tags.length === 0 || tags.some((tag) => view?.tags.has(tag))
}
