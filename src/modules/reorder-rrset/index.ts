/** Rotates the records of each RRset by chance, so that clients that take the first spread over all. RFC 2181 §5: a set
 *  has no order. RFC 1794 describes the practice. */

import { defineModule } from '../module.ts'

export const reorderRrset = defineModule({
  name: 'reorder-rrset',
  about: 'Starts every RRset of an answer at a random record.',
  answer(request, { random }) {
    request.answer = request.answer.map((set) => {
      const { rdatas } = set
      if (rdatas.length < 2) return set
      const first = random.below(rdatas.length)
      return { ...set, rdatas: [...rdatas.slice(first), ...rdatas.slice(0, first)] }
    })
    return 'pass'
  },
})
