/** When may a process that ended be started again? At once would burn the machine when it ends every time. */

export const FIRST_DELAY_MS = 100
export const MAX_DELAY_MS = 30_000
/** Who ran for so long is well again. */
export const STABLE_MS = 60_000

export class BackOff {
  #nextMs = FIRST_DELAY_MS

  /** How long to wait before the next start, given how long the last one lasted. Doubles each time. */
  delayMs(ranMs: number): number {
    if (ranMs >= STABLE_MS) this.#nextMs = FIRST_DELAY_MS
    const delayMs = this.#nextMs
    this.#nextMs = Math.min(2 * delayMs, MAX_DELAY_MS)
    return delayMs
  }
}
