/** HOT: runs once per client packet. Whose ready answers does a client get? Those of its view; who may be refused, none. */

import { COMMON_POLICY, NO_POLICY, type Policies } from '../src/modules/views/policies.ts'
import { NO_VIEW } from '../src/modules/views/table.ts'
import type { AnswerIndex } from './answer-index.ts'
import type { Resolver } from './serve.ts'
import type { ViewQueries } from './view-queries.ts'

/** Without views all clients get the same. Queries are counted by view in `counts`. */
export function answersAtOnce(
  index: AnswerIndex,
  policies: Policies | undefined,
  counts?: ViewQueries,
): Resolver['answerAtOnce'] {
  if (policies === undefined) return (packet, out, overUdp) => index.answer(packet, out, overUdp, COMMON_POLICY)
  return (packet, out, overUdp, address, destination) => {
    const view = policies.table.find(address, destination, overUdp)
    if (view !== NO_VIEW && counts !== undefined) counts.count(view, overUdp, address)
    const policy = policies.ofView(view, address)
    return policy === NO_POLICY ? 0 : index.answer(packet, out, overUdp, policy)
  }
}
