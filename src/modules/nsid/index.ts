/** Tells clients that ask by EDNS which server of an anycast address this is. RFC 5001. */

import { EdnsOption } from '../../wire/types.ts'
import { defineModule } from '../module.ts'

export const nsid = (text: string) =>
  defineModule({
    name: 'nsid',
    about: 'Tells clients that ask which server this is.',
    start: () => new TextEncoder().encode(text),
    answer(request, { state }) {
      // RFC 5001 §2.2: never unasked
      if (request.edns?.options.some(({ code }) => code === EdnsOption.NSID))
        request.options.push({ code: EdnsOption.NSID, data: state })
      return 'pass'
    },
  })
