/** The system's chance: the kernel-seeded CSPRNG of OpenSSL, drawn in bulk, since one draw costs as much as a thousand
 *  octets. RFC 5452 §9.2 wants IDs and ports nobody can predict; a generator whose state can be worked out from what it
 *  gave (as Math.random's can) would hand them all over. */

import { randomFillSync } from 'node:crypto'
import type { Random } from './interfaces.ts'

const POOL_OCTETS = 4096

export class SystemRandom implements Random {
  private readonly pool = new Uint8Array(POOL_OCTETS)
  private offset = POOL_OCTETS

  u16(): number {
    const at = this.take(2)
    const value = (this.pool[at] << 8) | this.pool[at + 1]
    this.pool.fill(0, at, at + 2) // spent: what was drawn can't be read from our memory later
    return value
  }

  below(bound: number): number {
    if (!(Number.isInteger(bound) && bound >= 1 && bound <= 2 ** 31)) throw new RangeError(`bound ${bound}`)
    const ceiling = 2 ** 32 - (2 ** 32 % bound) // draws from here on would make the low numbers likelier
    for (;;) {
      const draw = this.u16() * 2 ** 16 + this.u16()
      if (draw < ceiling) return draw % bound
    }
  }

  fill(target: Uint8Array): void {
    if (target.length > POOL_OCTETS / 4) {
      randomFillSync(target)
      return
    }
    const at = this.take(target.length)
    target.set(this.pool.subarray(at, at + target.length))
    this.pool.fill(0, at, at + target.length)
  }

  /** Where the next `octets` unspent octets of the pool begin. */
  private take(octets: number): number {
    if (this.offset + octets > POOL_OCTETS) {
      randomFillSync(this.pool)
      this.offset = 0
    }
    const at = this.offset
    this.offset += octets
    return at
  }
}

export const systemRandom: Random = new SystemRandom()
