/** Refuses what is no question about data: OPT, TSIG, transfers and the like as QTYPE get NOTIMP (RFC 1035 §4.1.1, RFC 6895 §3.1). */

import { Ede, isMetaType, Rcode, Type } from '../../wire/types.ts'
import { defineModule } from '../module.ts'

export const metaTypes = defineModule({
  name: 'meta-types',
  about: 'Answers NOTIMP to types that are no data.',
  begin(request) {
    const { qtype } = request
    if ((!isMetaType(qtype) && qtype !== 0) || qtype === Type.ANY) return 'pass'
    if (qtype === Type.NXNAME) {
      request.addEde(Ede.INVALID_QUERY_TYPE)
      return request.answerWith(Rcode.FORMERR) // RFC 9824: stands in proofs, and nowhere else
    }
    request.addEde(Ede.NOT_SUPPORTED) // RFC 8914 §4.22
    return request.answerWith(Rcode.NOTIMP)
  },
})
