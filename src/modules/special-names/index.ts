/** Answers names that no name server is to be asked about: special-use names and locally served zones. RFC 6761, RFC 6303. */

import type { Layer } from '../../request.ts'
import { answerSpecialName } from '../../special-names.ts'

export const specialNames: Layer = {
  name: 'special-names',
  begin(request) {
    const special = answerSpecialName(request.qname, request.qtype)
    if (special === undefined) return 'pass'
    request.rcode = special.rcode
    request.answer = special.answer
    request.authority = special.authority
    request.source = 'local'
    return 'done'
  },
}
