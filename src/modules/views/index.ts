/** Finds out what holds for the client, by its address, the address it asked and the protocol: which tags it has, what is
 *  done otherwise for it, and whether it is answered at all. */

import type { Request, Step } from '../../request.ts'
import { Ede, Rcode } from '../../wire/types.ts'
import { defineModule } from '../module.ts'
import { isSpecialAddress } from '../special-addresses.ts'
import { chooseView, compileViews, covers, type View, type ViewConfig } from './choose.ts'

export const views = (config: readonly ViewConfig[]) =>
  defineModule({
    name: 'views',
    about: 'Finds out what holds for the client.',
    metrics: { refused: 'Queries refused by a view', dropped: 'Queries that a view leaves without answer' },
    seesCached: true,
    start: () => compileViews(config),
    begin(request, { state, count }) {
      const view = chooseView(state, request.client)
      if (view === undefined) return isOutsider(state, request.client?.address) ? refuse(request) : 'pass'
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
function isOutsider(views: readonly View[], address: Uint8Array | undefined): boolean {
  return address !== undefined && covers(views, address) && !isSpecialAddress(address)
}

function refuse(request: Request): Step {
  request.addEde(Ede.PROHIBITED)
  return request.answerWith(Rcode.REFUSED)
}
