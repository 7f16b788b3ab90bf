/** HOT: runs once per client packet. Whose ready answers does a client get? Those of its view; who may be refused, none. */

import { COMMON_POLICY, NO_POLICY, type Policies } from '../src/modules/views/policies.ts'
import type { AnswerIndex } from './answer-index.ts'
import type { Resolver } from './serve.ts'

/** Without views all clients get the same. */
export function answersAtOnce(index: AnswerIndex, policies: Policies | undefined): Resolver['answerAtOnce'] {
  if (policies === undefined) return (packet, out, overUdp) => index.answer(packet, out, overUdp, COMMON_POLICY)
  return (packet, out, overUdp, address, destination) => {
    const policy = policies.of(address, destination, overUdp)
    return policy === NO_POLICY ? 0 : index.answer(packet, out, overUdp, policy)
  }
}
