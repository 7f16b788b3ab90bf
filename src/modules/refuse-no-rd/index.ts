/** Refuses queries without RD: whoever does not want recursion only looks into the cache of others (snooping). */

import type { Layer } from '../../request.ts'
import { Ede, Rcode } from '../../wire/types.ts'

export const refuseNoRd: Layer = {
  name: 'refuse-no-rd',
  begin(request) {
    if (request.wishes.rd || request.parent !== undefined) return 'pass'
    request.rcode = Rcode.REFUSED
    request.source = 'local'
    request.addEde(Ede.NOT_AUTHORITATIVE, 'recursion is not desired, and nothing else is offered')
    return 'done'
  },
}
