/** Tells clients that ask by EDNS which server of an anycast address this is. RFC 5001. */

import { EdnsOption } from '../../wire/types.ts'
import { defineModule } from '../module.ts'

/** `worker`: its number, which the text may name. */
export const nsid = (text: string, worker = 0) =>
  defineModule({
    name: 'nsid',
    about: 'Tells clients that ask which server this is.',
    start: () => new TextEncoder().encode(text.replaceAll('{worker}', String(worker))),
    answer(request, { state }) {
      // RFC 5001 §2.2: never unasked
      if (request.edns?.options.some(({ code }) => code === EdnsOption.NSID))
        request.options.push({ code: EdnsOption.NSID, data: state })
      return 'pass'
    },
  })
