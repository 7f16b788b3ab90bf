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

  /** What a server uses whose clock shows `seconds`, which is also what its cookies say of when they were made. */
  at(seconds: number): Uint8Array {
    const day = Math.floor(seconds / DAY_SECONDS)
    let secret = this.#days.get(day)
    if (secret === undefined) {
      if (this.#days.size > 8) this.#days.clear()
      secret = createHmac('sha256', this.#master).update(`cookie ${day}`).digest().subarray(0, SECRET_OCTETS)
      this.#days.set(day, secret)
    }
    return secret
  }
}
