/** The twin of RateTable: the same limits, kept in a Map as if memory were endless. */

import {
  IPV4_PREFIXES,
  IPV6_PREFIXES,
  type RateLimits,
  WITHIN_LIMITS,
} from '../../../src/modules/rate-limiting/table.ts'

export class PlainTable {
  readonly #limits: RateLimits
  /** When each prefix owes nothing any more. */
  readonly #until = new Map<string, number>()

  constructor(limits: RateLimits) {
    this.#limits = limits
  }

  admit(address: Uint8Array, price: number, nowMs: number): number {
    const { rateLimit, instantLimit } = this.#limits
    const { bits, factors } = address.length === 4 ? IPV4_PREFIXES : IPV6_PREFIXES
    const keys = bits.map((length) => `${length}:${prefixText(address, length)}`)
    const after = keys.map((key, i) => {
      const debt = Math.max(0, (this.#until.get(key) ?? 0) - nowMs)
      return debt + (1000 * price) / (rateLimit * factors[i])
    })
    const over = after.findIndex((debt) => debt > (1000 * instantLimit * 1.000001) / rateLimit)
    if (over >= 0) return over
    for (const [i, key] of keys.entries()) this.#until.set(key, nowMs + after[i])
    return WITHIN_LIMITS
  }
}

function prefixText(address: Uint8Array, length: number): string {
  return [...address]
    .map((octet) => octet.toString(2).padStart(8, '0'))
    .join('')
    .slice(0, length)
}
