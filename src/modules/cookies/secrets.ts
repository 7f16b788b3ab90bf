/** Which secrets are server cookies made with, today and around midnight? RFC 9018 §5. */

import { createHmac } from 'node:crypto'

const SECRET_OCTETS = 16
const DAY_SECONDS = 86_400

/** A secret a day, made of the one that the fleet shares: all its servers change over together, RFC 9018 §5. */
export class Secrets {
  readonly #master: string
  readonly #days = new Map<number, Uint8Array>()

  constructor(master: string) {
    this.#master = master
  }

  current(nowSeconds: number): Uint8Array {
    return this.#ofDay(Math.floor(nowSeconds / DAY_SECONDS))
  }

  /** Also yesterday's, and tomorrow's: clocks differ. */
  accepted(nowSeconds: number): Uint8Array[] {
    const day = Math.floor(nowSeconds / DAY_SECONDS)
    return [day, day - 1, day + 1].map((each) => this.#ofDay(each))
  }

  #ofDay(day: number): Uint8Array {
    let secret = this.#days.get(day)
    if (secret === undefined) {
      if (this.#days.size > 8) this.#days.clear()
      secret = createHmac('sha256', this.#master).update(`cookie ${day}`).digest().subarray(0, SECRET_OCTETS)
      this.#days.set(day, secret)
    }
    return secret
  }
}
