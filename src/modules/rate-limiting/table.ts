/** HOT: how much has each network asked for lately? Looked at for every query over UDP, by all workers in one table.
 *  No allocation, throw or await.
 *
 *    file    | seed u32 | pad 60 | sets of four slots, one cache line each
 *    slot    | debt until f64, wall ms | tag i32, 0 = free | pad u32 |
 *
 *  Each query puts its prefixes into debt for a while, the shorter the prefix the less; debts pass with time, and nobody
 *  gets deeper into debt than `windowMs`. That lets `instantLimit` queries pass at once and `rateLimit` a second in the long
 *  run, and a slot is one moment: the one at which its prefix owes nothing any more.
 *
 *  Workers write without asking each other. Two that count the same prefix at the same moment may count one query instead
 *  of two; two that take the same slot may give one prefix the debt of another, which is over within `windowMs`. Eight octets
 *  at a multiple of eight are written at once, so that no moment is ever half of one and half of another.
 *
 *  Where more prefixes are in debt than there are slots, the one that owes least is forgotten: those who ask most stay.
 *  Twin: test/modules/rate-limiting/plain-table.ts. Bench: npm run bench:micro. */

export interface RateLimits {
  /** Queries a second from one address. */
  rateLimit: number
  /** Queries from one address at once. */
  instantLimit: number
}

/** Prefixes that are limited, in bits, and how many times what one address may each of them may. */
export const IPV4_PREFIXES = { bits: [32, 24, 20, 18], factors: [1, 32, 256, 768] } as const
export const IPV6_PREFIXES = { bits: [128, 64, 56, 48, 32], factors: [1, 2, 3, 4, 64] } as const

/** All prefixes of this address may ask. */
export const WITHIN_LIMITS = -1

const HEADER_OCTETS = 64
const SLOT_OCTETS = 16
const WAYS = 4
const SEED = 0
/** More slots than there are to be prefixes in debt, as some sets get more of them than others. */
const SPARE = 1.25

/** Octets of memory for `capacity` prefixes in debt at the same time. */
export function tableOctets(capacity: number): number {
  return HEADER_OCTETS + slotsFor(capacity) * SLOT_OCTETS
}

function slotsFor(capacity: number): number {
  return Math.max(WAYS, 2 ** Math.ceil(Math.log2(capacity * SPARE)))
}

export class RateTable {
  readonly #moments: Float64Array
  readonly #tags: Int32Array
  readonly #setMask: number
  readonly #seed: number
  readonly #windowMs: number
  readonly #stepsV4: Float64Array
  readonly #stepsV6: Float64Array

  // What admit() found for each prefix of the address at hand.
  readonly #slots = new Int32Array(IPV6_PREFIXES.bits.length)
  readonly #hashes = new Int32Array(IPV6_PREFIXES.bits.length)
  readonly #debts = new Float64Array(IPV6_PREFIXES.bits.length)

  /** `memory` as tableOctets() says, zeros or what another table has left in it. `seed` makes it unforeseeable which prefixes
   *  share a set; the first of all workers decides. */
  constructor(memory: ArrayBuffer, capacity: number, { rateLimit, instantLimit }: RateLimits, seed: number) {
    const header = new Int32Array(memory, 0, 1)
    if (header[SEED] === 0) header[SEED] = seed | 1
    this.#seed = header[SEED]
    const slots = slotsFor(capacity)
    this.#moments = new Float64Array(memory, HEADER_OCTETS, slots * 2)
    this.#tags = new Int32Array(memory, HEADER_OCTETS, slots * 4)
    this.#setMask = slots / WAYS - 1
    this.#windowMs = (1000 * instantLimit) / rateLimit
    const step = (factor: number) => 1000 / (rateLimit * factor)
    this.#stepsV4 = Float64Array.from(IPV4_PREFIXES.factors, step)
    this.#stepsV6 = Float64Array.from(IPV6_PREFIXES.factors, step)
  }

  /** Counts a query that is worth `price` of them, if all prefixes of `address` are within their limits. Gives WITHIN_LIMITS,
   *  or the place among the prefixes of its family of the first that is not; then nothing is counted. */
  admit(address: Uint8Array, price: number, nowMs: number): number {
    const isV4 = address.length === 4
    const steps = isV4 ? this.#stepsV4 : this.#stepsV6
    if (isV4) this.#hashV4(address)
    else this.#hashV6(address)
    const limitMs = this.#windowMs * 1.000001 // sums of fractions come out a little over
    for (let i = 0; i < steps.length; i++) {
      const slot = this.#find(this.#hashes[i])
      const debt = this.#debtOf(slot, this.#hashes[i], nowMs) + steps[i] * price
      if (debt > limitMs) return i
      this.#slots[i] = slot
      this.#debts[i] = debt
    }
    for (let i = 0; i < steps.length; i++) {
      this.#tags[this.#slots[i] * 4 + 2] = this.#hashes[i]
      this.#moments[this.#slots[i] * 2] = nowMs + this.#debts[i]
    }
    return WITHIN_LIMITS
  }

  /** Milliseconds until the prefix of this slot owes nothing. */
  #debtOf(slot: number, hash: number, nowMs: number): number {
    if (this.#tags[slot * 4 + 2] !== hash) return 0
    const debt = this.#moments[slot * 2] - nowMs
    // more than anybody can owe: the clock was set back meanwhile
    return debt > 0 && debt <= this.#windowMs * 1.001 + 1 ? debt : 0
  }

  /** The slot of the prefix; if it has none, that of the one in its set that owes least. */
  #find(hash: number): number {
    const tags = this.#tags
    const moments = this.#moments
    const first = (hash & this.#setMask) * WAYS
    let least = first
    for (let slot = first; slot < first + WAYS; slot++) {
      if (tags[slot * 4 + 2] === hash) return slot
      if (moments[slot * 2] < moments[least * 2]) least = slot
    }
    return least
  }

  #hashV4(address: Uint8Array): void {
    const word = (address[0] << 24) | (address[1] << 16) | (address[2] << 8) | address[3]
    const hashes = this.#hashes
    hashes[0] = mix(this.#seed, word, 32)
    hashes[1] = mix(this.#seed, word >>> 8, 24)
    hashes[2] = mix(this.#seed, word >>> 12, 20)
    hashes[3] = mix(this.#seed, word >>> 14, 18)
  }

  #hashV6(address: Uint8Array): void {
    const a = (address[0] << 24) | (address[1] << 16) | (address[2] << 8) | address[3]
    const b = (address[4] << 24) | (address[5] << 16) | (address[6] << 8) | address[7]
    const c = (address[8] << 24) | (address[9] << 16) | (address[10] << 8) | address[11]
    const d = (address[12] << 24) | (address[13] << 16) | (address[14] << 8) | address[15]
    const hashes = this.#hashes
    hashes[4] = mix(this.#seed, a, 132)
    hashes[3] = mix(hashes[4], b >>> 16, 148)
    hashes[2] = mix(hashes[4], b >>> 8, 156)
    hashes[1] = mix(hashes[4], b, 164)
    hashes[0] = mix(mix(hashes[1], c, 196), d, 228)
  }
}

/** Thirty-two bits of which each depends on each of `seed`, `word` and `kind`; never 0. The two multiplications and shifts
 *  are those of MurmurHash3's finaliser, which lets no bit pass unmixed. */
function mix(seed: number, word: number, kind: number): number {
  let hash = Math.imul(word ^ seed, 0x85ebca6b) + kind
  hash = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 13) ^ seed, 0x27d4eb2f)
  hash ^= hash >>> 16
  return hash === 0 ? 1 : hash
}
