/** Finds out what holds for the client, by its address, the address it asked and the protocol: which tags it has, what is
 *  done otherwise for it, and whether it is answered at all. Who gets ready answers is found out beforehand (policies.ts). */

import type { Request, Step } from '../../request.ts'
import { Ede, Rcode } from '../../wire/types.ts'
import { defineModule } from '../module.ts'
import { isSpecialAddress } from '../special-addresses.ts'
import { compileViews, type ViewConfig } from './choose.ts'
import { ViewTable } from './table.ts'

export const views = (config: readonly ViewConfig[]) =>
  defineModule({
    name: 'views',
    about: 'Finds out what holds for the client.',
    metrics: { refused: 'Queries refused by a view', dropped: 'Queries that a view leaves without answer' },
    start: () => new ViewTable(compileViews(config)),
    begin(request, { state, count }) {
      const { client } = request
      const view = state.views[state.find(client?.address, client?.destination, client?.overUdp ?? false)]
      if (view === undefined) return isOutsider(state, client?.address) ? refuse(request) : 'pass'
      request.view = view
      if (view.answer === 'allow') return 'pass'
      if (view.answer === 'noanswer') {
        count('dropped')
        request.silent = true
        return request.answerWith(Rcode.REFUSED)
      }
      count('refused')
      return refuse(request)
    },
  })

/** In a view's subnets, but asks otherwise than the view says; and not near enough to be served without any. */
function isOutsider(table: ViewTable, address: Uint8Array | undefined): boolean {
  return address !== undefined && table.covers(address) && !isSpecialAddress(address)
}

function refuse(request: Request): Step {
  request.addEde(Ede.PROHIBITED)
  return request.answerWith(Rcode.REFUSED)
}
