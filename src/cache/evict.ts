/** Which entries go when the store is full? All whose time is over; and if those are few, the least useful, an eighth of
 *  each stretch of keys looked at. Stretches are taken in turn, so that all names are treated alike. Useful is what has
 *  time left, is asked for, costs much to learn again, and can be trusted. */

import { Type } from '../wire/types.ts'
import { expiresMsOf, rankOf, Shape, securityOf, shapeOf } from './entry.ts'
import { Rank } from './rank.ts'

/** The part of each stretch that goes at least, unless told otherwise. */
export const EVICTED_SHARE = 1 / 8

export interface Candidate {
  key: Uint8Array
  expiresMs: number
  /** How useful a second of it is, compared to that of a plain answer nobody asks for: worthOf(). */
  worth: number
}

/** The keys to remove; the first `expired` of them had expired already. */
export function chooseEvicted(
  candidates: readonly Candidate[],
  nowMs: number,
  share: number,
): { keys: Uint8Array[]; expired: number } {
  const usefulness = ({ expiresMs, worth }: Candidate) =>
    expiresMs <= nowMs ? expiresMs - nowMs : (expiresMs - nowMs) * worth
  const byUse = [...candidates].sort((a, b) => usefulness(a) - usefulness(b))
  const firstLive = byUse.findIndex((candidate) => candidate.expiresMs > nowMs)
  const expired = firstLive < 0 ? byUse.length : firstLive
  const count = Math.max(expired, Math.ceil(byUse.length * share))
  return { keys: byUse.slice(0, count).map((candidate) => candidate.key), expired }
}

/** A candidate from an entry that was asked for `hits` times lately. */
export function candidateOf(key: Uint8Array, entry: Uint8Array, hits: number): Candidate {
  return { key, expiresMs: expiresMsOf(entry), worth: kindWorth(key, entry) * (1 + hits) }
}

function kindWorth(key: Uint8Array, entry: Uint8Array): number {
  switch (shapeOf(entry)) {
    case Shape.DELEGATION:
      return 8 // without it, a whole way down from the root has to be gone again
    case Shape.ZONE:
      return 4
    case Shape.RRSET:
    case Shape.EXPANDED: {
      const type = (key[key.length - 2] << 8) | key[key.length - 1]
      const trust = securityOf(entry) === 'secure' ? 1.5 : rankOf(entry) < Rank.ANSWER_NONAUTH ? 0.5 : 1
      return chainTypes.has(type) ? 4 * trust : trust
    }
    case Shape.NODATA:
    case Shape.NXDOMAIN:
      return 0.5 // floods are made of these
    default:
      return 0.5
  }
}

/** Without them nothing below can be validated, or found. */
const chainTypes: ReadonlySet<number> = new Set([Type.DNSKEY, Type.DS, Type.NS])

const SKETCH_SLOTS = 1 << 20

/** How often keys were asked for lately, about: several may share a slot, and counts are halved now and then. */
export class HitSketch {
  private readonly counts = new Uint8Array(SKETCH_SLOTS)
  private noted = 0

  note(key: Uint8Array): void {
    const slot = slotOf(key)
    if (this.counts[slot] < 255) this.counts[slot]++
    if (++this.noted < SKETCH_SLOTS) return
    this.noted = 0
    for (let i = 0; i < SKETCH_SLOTS; i++) this.counts[i] >>= 1
  }

  of(key: Uint8Array): number {
    return this.counts[slotOf(key)]
  }
}

function slotOf(key: Uint8Array): number {
  let hash = 0
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key[i], 0x01000193)
  return (hash ^ (hash >>> 15)) & (SKETCH_SLOTS - 1)
}
