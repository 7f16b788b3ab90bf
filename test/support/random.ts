/** Chance that repeats: the same seed draws the same numbers, so any failing test can be run again as it was. */

import type { Random } from '../../src/io/interfaces.ts'

/** Mulberry32 (public domain, Tommy Ettinger): 32 bits of state, good enough for tests and nothing else. */
export class SeededRandom implements Random {
  private state: number

  constructor(seed = 1) {
    this.state = seed >>> 0
  }

  u16(): number {
    return this.next() >>> 16
  }

  below(bound: number): number {
    return Math.floor((this.next() / 2 ** 32) * bound)
  }

  fill(target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.next() >>> 24
  }

  /** One of `items`, which must not be empty. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]
  }

  /** A uniform integer, 0 to 2^32 - 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = this.state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}
