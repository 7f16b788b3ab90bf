/** Refuses queries without RD: whoever does not want recursion only looks into the cache of others (snooping). */

import { Ede, Rcode } from '../../wire/types.ts'
import { defineModule } from '../module.ts'

export const refuseNoRd = defineModule({
  name: 'refuse-no-rd',
  about: 'Refuses queries without RD.',
  begin(request) {
    if (request.wishes.rd) return 'pass'
    request.addEde(Ede.NOT_AUTHORITATIVE, 'recursion is not desired, and nothing else is offered')
    return request.answerWith(Rcode.REFUSED)
  },
})
