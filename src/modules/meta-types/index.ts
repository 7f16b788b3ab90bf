/** Refuses what is no question about data: OPT, TSIG, transfers and the like as QTYPE get NOTIMP (RFC 1035 §4.1.1, RFC 6895 §3.1). */

import type { Layer } from '../../request.ts'
import { Ede, isMetaType, Rcode, Type } from '../../wire/types.ts'

export const metaTypes: Layer = {
  name: 'meta-types',
  begin(request) {
    const { qtype } = request
    if ((!isMetaType(qtype) && qtype !== 0) || qtype === Type.ANY) return 'pass'
    request.source = 'local'
    if (qtype === Type.NXNAME) {
      request.rcode = Rcode.FORMERR // RFC 9824: stands in proofs, and nowhere else
      request.addEde(Ede.INVALID_QUERY_TYPE)
    } else {
      request.rcode = Rcode.NOTIMP
      request.addEde(Ede.NOT_SUPPORTED) // RFC 8914 §4.22
    }
    return 'done'
  },
}
