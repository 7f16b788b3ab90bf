/** When does a chain of aliases end badly? RFC 1034 §3.6.2: chains are followed, loops are signalled as errors; §5.3.3
 *  wants a bound on the work. Used by whoever follows aliases, from replies or from the cache. */

import type { Request, Step } from '../request.ts'
import { equalNames, type Name, nameToText } from '../wire/name.ts'
import type { RRset } from '../wire/rrset.ts'
import { Ede, Rcode } from '../wire/types.ts'

/** Whether the answer has passed this alias already. */
export function hasAlias(answer: readonly RRset[], link: Pick<RRset, 'owner' | 'type'>): boolean {
  return answer.some((set) => set.type === link.type && equalNames(set.owner, link.owner))
}

/** SERVFAIL that shows the loop in its answer section. */
export function aliasLoop(request: Request, owner: Name): Step {
  request.loops++
  request.rcode = Rcode.SERVFAIL
  request.addEde(Ede.OTHER, `${nameToText(owner)} is an alias of itself`)
  return 'done'
}

export function tooManyAliases(request: Request): Step {
  return request.failWith(Ede.OTHER, 'chain of aliases too long')
}
