/** One question of an operator, resolved in this worker with all it knows and may do, and each step told. */

import { composeResponse } from '../src/answer.ts'
import type { Clock } from '../src/io/interfaces.ts'
import type { Core } from '../src/resolve.ts'
import { type StepFacts, stepFacts } from '../src/trace-steps.ts'
import { nameFromText } from '../src/wire/name.ts'
import { Class, Flag } from '../src/wire/types.ts'
import type { Traced, WorkerOrder } from './messages.ts'

type TraceOrder = Extract<WorkerOrder, { kind: 'trace' }>

const MESSAGE_ROOM = 65_535
/** Steps of a question that leads nowhere, and yet are worth being read. */
const MAX_STEPS = 1000

export function traceQuestion(core: Core, clock: Clock, { name, type, cd, dnssec }: TraceOrder): Promise<Traced> {
  const question = { name: nameFromText(name), type, class: Class.IN }
  const wishes = { rd: true, cd, ad: true, do: dnssec }
  const steps: StepFacts[] = []
  const startMs = clock.monotonicMs()
  return new Promise((resolve) => {
    core.pursue(
      question,
      wishes,
      { client: { overUdp: false }, trace: (step) => steps.length < MAX_STEPS && steps.push(stepFacts(step)) },
      (request) => {
        const edns = { udpSize: MESSAGE_ROOM, extendedRcode: 0, version: 0, do: dnssec, options: [] }
        const flags = Flag.RD | Flag.AD | (cd ? Flag.CD : 0)
        const query = { id: 0, flags, opcode: 0, question, edns, tsig: false }
        const buffer = new Uint8Array(MESSAGE_ROOM)
        const octets = composeResponse(buffer, request, { query, overUdp: false, settings: core.settings })
        const { security, source } = request
        const elapsedMs = clock.monotonicMs() - startMs
        resolve({ steps, message: buffer.slice(0, octets), elapsedMs, security, source })
      },
    )
  })
}
