/** What is told of an answer that was not ready: where it came from, how it turned out, how long it took. */

import type { Ledger } from '../src/ledger.ts'
import { type AnswerShapes, answerCell } from '../src/metrics/answers.ts'
import { Counter, type Counters } from '../src/metrics/counters.ts'
import {
  BADVERS_COLUMN,
  BOGUS_REASONS,
  Histograms,
  histogramAt,
  OTHER_EDES,
  OTHER_QTYPES,
  observe,
  observeOthers,
  RESOURCES,
  SOURCES,
  type Source,
  Tables,
  VALIDATIONS,
} from '../src/metrics/tables.ts'
import type { Request } from '../src/request.ts'
import { Rcode } from '../src/wire/types.ts'

const RCODE_BITS = 0x0f

/** `request` is what became of the question; without one, the query was turned away before anybody looked. */
export function countAnswer(
  counters: Counters,
  shapes: AnswerShapes,
  response: Uint8Array,
  request: Request | undefined,
  tookMs: number,
): void {
  const { values } = counters
  const source: Source = request?.source ?? 'refused'
  const rcode = response[3] & RCODE_BITS
  // of those turned away, none has no error: what is meant stands in OPT (RFC 6891 §6.1.3)
  const column = request === undefined && rcode === Rcode.NOERROR ? BADVERS_COLUMN : rcode
  values[answerCell(source, column)]++
  observe(values, histogramAt(Histograms.REQUESTS, SOURCES.indexOf(source)), tookMs)
  if (request === undefined) {
    shapes.count(response, 0, 0)
    return
  }
  shapes.count(response, request.edns === undefined ? 0 : 1, request.edns?.do ? 1 : 0)
  const { type } = request.question
  values[Tables.QTYPES.start + Math.min(type, OTHER_QTYPES)]++
  for (const { code } of request.edes) values[Tables.EDES.start + Math.min(code, OTHER_EDES)]++
  if (request.ledger.used('upstream-queries') > 0) countBudget(counters, request.ledger)
  if (request.mustValidate) values[Tables.VALIDATIONS.start + VALIDATIONS.indexOf(request.security)]++
  if (request.security === 'bogus' && request.bogus !== undefined)
    values[Tables.BOGUS.start + BOGUS_REASONS.indexOf(request.bogus.reason)]++
}

const BUDGET = Histograms.BUDGET_PARTS
const LIMITED = RESOURCES.slice(0, BUDGET.values.length)

/** What a question that is answered now has cost. */
function countBudget(counters: Counters, ledger: Ledger): void {
  for (let which = 0; which < LIMITED.length; which++) {
    const resource = LIMITED[which]
    const part = ledger.used(resource) / ledger.limits[resource]
    observeOthers(counters.values, histogramAt(BUDGET, which), BUDGET.buckets as readonly number[], part)
  }
  counters.add(Counter.NSEC3_HASHES, ledger.used('hashes'))
}
