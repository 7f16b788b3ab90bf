/** When are others asked than a zone's own servers, because those have not answered, or not soon enough? The servers that an
 *  operator has named for that resolve for us; what they say is validated like everything else. */

import type { Clock } from '../io/interfaces.ts'
import type { Request } from '../request.ts'
import type { ForwardRule, Settings } from '../settings.ts'
import { isSameHost } from '../upstream/forbidden.ts'
import { ROOT } from '../wire/name.ts'

export class Fallback {
  /** Who is asked then, whatever the name; undefined: nobody. */
  readonly rule: ForwardRule | undefined
  readonly #afterMs: number
  readonly #clock: Clock

  constructor(settings: Settings['fallback'], clock: Clock) {
    this.rule = settings && { subtree: ROOT, servers: settings.servers, authoritative: false, dnssec: true }
    this.#afterMs = settings?.afterMs ?? 0
    this.#clock = clock
  }

  /** Whether resolution has taken so long that others shall be asked. */
  isOverdue(request: Request): boolean {
    return this.patienceMs(request) <= 0
  }

  /** How long resolution may still take before others shall be asked. */
  patienceMs(request: Request): number {
    if (!this.mayHelp(request)) return Number.POSITIVE_INFINITY
    const { deadlineMs, limits } = request.ledger
    return deadlineMs - limits.time + this.#afterMs - this.#clock.monotonicMs()
  }

  /** Who is a fallback server itself, and asks us, has found nothing: asking it in turn would go in circles. */
  mayHelp(request: Request): boolean {
    const { rule } = this
    const { iteration, view } = request
    if (rule === undefined || iteration?.rule === rule || view?.options.fallback === false) return false
    let origin = request
    while (origin.parent !== undefined) origin = origin.parent
    const asker = origin.client?.address
    return asker === undefined || !rule.servers.some(({ address }) => isSameHost(address.octets, asker))
  }
}
