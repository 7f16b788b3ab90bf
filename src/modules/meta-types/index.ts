/** Refuses what is no question about data: OPT, TSIG, transfers and the like as QTYPE get NOTIMP (RFC 1035 §4.1.1, RFC 6895 §3.1). */

import type { Layer } from '../../request.ts'
import { isMetaType, Rcode, Type } from '../../wire/types.ts'

export const metaTypes: Layer = {
  name: 'meta-types',
  begin(request) {
    const { qtype } = request
    if ((!isMetaType(qtype) && qtype !== 0) || qtype === Type.ANY) return 'pass'
    request.rcode = Rcode.NOTIMP
    request.source = 'local'
    return 'done'
  },
}
