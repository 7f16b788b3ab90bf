/** How far has a request come on its way through the layers, what does it wait for, and who waits for it? Only the driver
 *  needs to know: what layers work on is the Request. Data only; stepper.ts acts on it. */

import type { Exchange, Timer } from '../io/interfaces.ts'
import type { Arrival, Request, Step } from '../request.ts'
import type { Listener } from '../upstream/exchange.ts'
import { type Filed, hashName } from '../wire/name-table.ts'

/** Whoever acts when something comes to pass that a pursuit waits for. */
export interface Runner {
  /** Goes on as far as can be gone for now. */
  run(pursuit: Pursuit): void
  hear(pursuit: Pursuit, arrival: Arrival, octets: number): void
}

/** Most are followed by nobody: one list for them all, never to be written into. */
export const NOBODY: Pursuit[] = []

export class Pursuit implements Filed, Listener {
  readonly request: Request
  readonly hash: number
  nextFiled: this | undefined = undefined
  readonly #runner: Runner
  /** The one it is a sub-request of. */
  readonly parent: Pursuit | undefined
  /** Called once, when the request has ended. */
  onEnd: (request: Request) => void
  phase: 'begin' | 'produce' | 'consume' | 'answer' | 'ended' = 'begin'
  /** In the phases begin, consume and answer: which hook to go on with; and what arrived. */
  next = 0
  arrival: Arrival | undefined
  consumed: Step = 'pass'
  exchange: Exchange | undefined
  timer: Timer | undefined
  /** When it goes off, the client is given an old answer, if there is one. */
  patience: Timer | undefined
  /** Identical requests that wait for this one's outcome. */
  followers: Pursuit[] = NOBODY
  /** The identical request this one waits for. */
  leader: Pursuit | undefined
  leads = false
  /** Somebody outside waits for the answer. */
  isCounted = false
  /** Sub-requests under way, by subKey(). */
  subs: Map<string, Pursuit> | undefined = undefined
  running = false
  wokenWhileRunning = false

  constructor(runner: Runner, request: Request, parent: Pursuit | undefined, onEnd: (request: Request) => void) {
    this.#runner = runner
    this.request = request
    this.hash = hashName(request.qname, request.qtype)
    this.parent = parent
    this.onEnd = onEnd
    request.stepper = this
  }

  wake(): void {
    this.#runner.run(this)
  }

  hear(arrival: Arrival, octets: number): void {
    this.#runner.hear(this, arrival, octets)
  }
}
