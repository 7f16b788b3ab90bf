/** What failed validation, for operators: an event for each answer, as many as a log can bear, and a table of the names
 *  that fail most often. RFC 8914 gives the codes. */

import type { Clock } from '../../io/interfaces.ts'
import { type Frequent, FrequentKeys } from '../../metrics/frequent.ts'
import type { Request } from '../../request.ts'
import { nameToText } from '../../wire/name.ts'
import { typeText } from '../../wire/types.ts'
import { defineModule } from '../module.ts'

export interface BogusLogOptions {
  clock: Clock
  /** Where events go; undefined: only the table is kept. */
  log: ((level: 'notice', event: 'bogus', fields: object) => void) | undefined
}

/** Names in the table: some 200 KB with long ones. */
const ROOM = 1000
/** Events at once, and on average. */
const BURST = 20
const PER_SECOND = 10

/** Looks at what clients get in the end. */
export const bogusLog = (log: BogusLog) =>
  defineModule({
    name: 'bogus-log',
    about: 'Keeps account of what failed validation.',
    finish: (request) => log.note(request),
  })

export class BogusLog {
  readonly #options: BogusLogOptions
  readonly #table = new FrequentKeys(ROOM)
  #allowed = BURST
  #allowedMs = 0
  #suppressed = 0

  constructor(options: BogusLogOptions) {
    this.#options = options
    this.#allowedMs = options.clock.monotonicMs()
  }

  /** Takes account of a client's request that has ended. */
  note(request: Request): void {
    if (request.security !== 'bogus' || request.wishes.cd) return
    this.#table.add(`${nameToText(request.qname).toLowerCase()} ${typeText(request.qtype)}`)
    if (this.#options.log === undefined || request.bogus === undefined) return // a failure that was remembered is no news
    if (!this.#mayLog()) {
      this.#suppressed++
      return
    }
    this.#options.log('notice', 'bogus', { ...fieldsOf(request), ...this.#takeSuppressed() })
  }

  /** Names, each with its type, whose answers failed validation most often; remembered failures count, too. */
  frequent(limit = 20): Frequent[] {
    return this.#table.top(limit)
  }

  #mayLog(): boolean {
    const nowMs = this.#options.clock.monotonicMs()
    this.#allowed = Math.min(BURST, this.#allowed + ((nowMs - this.#allowedMs) / 1000) * PER_SECOND)
    this.#allowedMs = nowMs
    if (this.#allowed < 1) return false
    this.#allowed--
    return true
  }

  #takeSuppressed(): { suppressed?: number } {
    const suppressed = this.#suppressed
    this.#suppressed = 0
    return suppressed === 0 ? {} : { suppressed }
  }
}

function fieldsOf({ qname, qtype, edes, bogus }: Request): object {
  if (bogus === undefined) return {}
  const { zoneCut, server, reason, keyTag, offBySeconds } = bogus
  return {
    qname: nameToText(qname),
    qtype: typeText(qtype),
    reason,
    failed: `${nameToText(bogus.qname)} ${typeText(bogus.qtype)}`,
    zoneCut: nameToText(zoneCut),
    server,
    ...(keyTag === undefined ? {} : { keyTag }),
    ...(offBySeconds === undefined ? {} : { offBySeconds }),
    ede: edes.map(({ code }) => code),
  }
}
