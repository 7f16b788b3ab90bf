/** Answers ANY with one HINFO, so that nobody can amplify through us or walk our cache. RFC 8482 §4.2. */

import { rrset } from '../../wire/rrset.ts'
import { Rcode, Type } from '../../wire/types.ts'
import { defineModule } from '../module.ts'

/** Seconds. RFC 8482 §4.2 leaves it to the operator; long, as the answer never changes. */
const TTL = 3600
/** CPU "RFC8482", OS "" (RFC 8482 §4.2). */
const HINFO = Uint8Array.from([7, ...new TextEncoder().encode('RFC8482'), 0])

export const minimalAny = defineModule({
  name: 'minimal-any',
  about: 'Answers ANY with one HINFO.',
  begin(request) {
    if (request.qtype !== Type.ANY) return 'pass'
    return request.answerWith(Rcode.NOERROR, [rrset(request.qname, Type.HINFO, TTL, [HINFO])])
  },
})
