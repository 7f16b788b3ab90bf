/** When may a request go on that let others have their turn? First come, first to go on, and of many that pause one at a
 *  time: they would hold up everybody together as one of them would alone (KeyTrap). */

import type { Clock } from '../io/interfaces.ts'
import type { Pursuit, Runner } from './pursuit.ts'

export class Turns {
  readonly #clock: Clock
  readonly #runner: Runner
  readonly #paused: Pursuit[] = []
  #resuming = false

  constructor(clock: Clock, runner: Runner) {
    this.#clock = clock
    this.#runner = runner
  }

  /** It goes on when others have had their turn. */
  pause(pursuit: Pursuit): void {
    this.#paused.push(pursuit)
    this.#resumeSoon()
  }

  #resumeSoon(): void {
    if (this.#resuming || this.#paused.length === 0) return
    this.#resuming = true
    this.#clock.soon(() => {
      this.#resuming = false
      const pursuit = this.#paused.shift() as Pursuit
      pursuit.request.ledger.noteTurn()
      this.#runner.run(pursuit)
      this.#resumeSoon()
    })
  }
}
