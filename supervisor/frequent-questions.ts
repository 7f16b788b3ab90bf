/** What clients ask most, as one of the workers last told: each new one asks itself that before clients can. */

import type { Clock, Timer } from '../src/io/interfaces.ts'

/** So many find out nearly all of what a worker is asked at once. */
const QUESTIONS = 1000
/** For those that have to begin at once, when there is no time to ask. */
const RENEW_MS = 60_000

export interface FrequentQuestionsOptions {
  clock: Clock
  /** What is known at first. */
  latest?: Uint8Array
  /** Asks a worker; rejects, or gives undefined, when there is none that could tell. */
  ask(limit: number): Promise<Uint8Array | undefined>
}

export class FrequentQuestions {
  readonly #options: FrequentQuestionsOptions
  #timer: Timer | undefined
  #closed = false
  /** Packets, each behind its length. */
  latest: Uint8Array | undefined

  constructor(options: FrequentQuestionsOptions) {
    this.#options = options
    this.latest = options.latest
  }

  /** Asks now, and from now on once in a while. Never rejects. */
  async renew(): Promise<void> {
    const { clock, ask } = this.#options
    if (this.#closed) return
    this.#timer?.cancel()
    this.#timer = clock.after(RENEW_MS, () => void this.renew())
    const told = await ask(QUESTIONS).catch(() => undefined)
    if (told !== undefined && told.length > 0) this.latest = told
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }
}
