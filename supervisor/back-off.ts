/** When may a process that ended be started again? The first times at once: whoever kills a worker now and then, or one packet
 *  that it cannot bear, is not to cost more than that. One that ends every time would burn the machine. */

const FIRST_DELAY_MS = 10
/** Of those that come then, the first is twice as long. */
const DELAY_MS = 100
const MAX_DELAY_MS = 30_000
/** Who ran for so long is well again. */
export const STABLE_MS = 60_000
/** Ends in a row after which each delay is twice the one before. */
export const PATIENCE = 3

export class BackOff {
  #nextMs = DELAY_MS
  #ends = 0

  /** How long to wait before the next start, given how long the last one lasted. */
  delayMs(ranMs: number): number {
    if (ranMs >= STABLE_MS) {
      this.#nextMs = DELAY_MS
      this.#ends = 0
    }
    if (++this.#ends <= PATIENCE) return FIRST_DELAY_MS
    this.#nextMs = Math.min(2 * this.#nextMs, MAX_DELAY_MS)
    return this.#nextMs
  }

  /** It ends again and again. */
  get isLooping(): boolean {
    return this.#ends > PATIENCE
  }
}
