/** Which entries go when the store is full? All whose time is over; and if those are few, the least useful, an eighth of
 *  each stretch of keys looked at. Stretches are taken in turn, so that all names are treated alike. Useful is what is
 *  asked for, has time left, costs much to learn again, and can be trusted. */

import { Type } from '../wire/types.ts'
import { Below } from './ancestors.ts'
import { decodeBelow, expiresMsOf, rankOf, Shape, securityOf, shapeOf, storedMsOf } from './entry.ts'
import { Rank } from './rank.ts'

/** The part of each stretch that goes at least; and at most while time is not over, however much comes in. */
export const EVICTED_SHARE = 1 / 8
export const LARGEST_SHARE = 1 / 2

export interface Candidate {
  key: Uint8Array
  expiresMs: number
  storedMs: number
  /** How often it was asked for lately, about. */
  uses: number
  /** What it costs to do without it, compared to a plain answer. */
  worth: number
}

export interface Choice {
  nowMs: number
  /** Of the candidates that go at least. */
  share: number
  /** It takes about so long until the same stretch of keys is looked at again: time left beyond that makes nothing more
   *  useful. */
  lapMs: number
}

/** The keys to remove; the first `expired` of them had expired already. */
export function chooseEvicted(
  candidates: readonly Candidate[],
  { nowMs, share, lapMs }: Choice,
): { keys: Uint8Array[]; expired: number } {
  const ranked = candidates.map((candidate) => ({ candidate, use: usefulness(candidate, nowMs, lapMs) }))
  ranked.sort((a, b) => a.use - b.use)
  const firstLive = ranked.findIndex(({ use }) => use > 0)
  const expired = firstLive < 0 ? ranked.length : firstLive
  const count = Math.max(expired, Math.ceil(ranked.length * share))
  return { keys: ranked.slice(0, count).map(({ candidate }) => candidate.key), expired }
}

/** What the entry will be good for until it is looked at again; 0 or less: its time is over. What is new has had little
 *  time to be asked for, which speaks for it. */
function usefulness({ expiresMs, storedMs, uses, worth }: Candidate, nowMs: number, lapMs: number): number {
  const leftMs = expiresMs - nowMs
  if (leftMs <= 0) return leftMs
  const newness = lapMs / (lapMs + Math.max(0, nowMs - storedMs))
  return Math.min(1, leftMs / lapMs) * worth * (uses + newness)
}

/** A candidate from an entry that was asked for `uses` times lately. */
export function candidateOf(key: Uint8Array, entry: Uint8Array, uses: number): Candidate {
  return { key, expiresMs: expiresMsOf(entry), storedMs: storedMsOf(entry), uses, worth: kindWorth(key, entry) }
}

function kindWorth(key: Uint8Array, entry: Uint8Array): number {
  switch (shapeOf(entry)) {
    case Shape.DELEGATION:
      return 8 // without it, a whole way down from the root has to be gone again
    case Shape.ZONE:
      return 4
    case Shape.BELOW:
      return decodeBelow(entry) & (Below.CUTS | Below.ALIASES) ? 4 : 0.5 // without it, what it tells of is not looked for
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

const ROWS = 2
/** Memory for each entry of the store: names that are not in it are counted, too. */
const SLOTS_PER_ENTRY = 4
const FEWEST_SLOTS = 1 << 16
/** Counts are halved when so many uses were noted for each entry of the store. */
const USES_PER_ENTRY = 16
const MOST_USES = 255

/** How often keys were asked for lately, about, whether they are in the store or not: what comes back after it was evicted
 *  should have stayed. A count-min sketch whose rows share one array. */
export class UseSketch {
  private readonly counts: Uint8Array
  private readonly mask: number
  private noted = 0
  private readonly window: number

  /** `entries`: about as many as the store holds. */
  constructor(entries: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(entries * SLOTS_PER_ENTRY, FEWEST_SLOTS)))
    this.counts = new Uint8Array(slots)
    this.mask = slots - 1
    this.window = USES_PER_ENTRY * entries
  }

  note(key: Uint8Array, uses: number): void {
    const { counts, mask } = this
    let hash = hashOf(key)
    for (let row = 0; row < ROWS; row++) {
      counts[hash & mask] = Math.min(MOST_USES, counts[hash & mask] + uses)
      hash = rehash(hash)
    }
    this.noted += uses
    if (this.noted < this.window) return
    this.noted = 0
    for (let i = 0; i < counts.length; i++) counts[i] >>= 1
  }

  of(key: Uint8Array): number {
    let hash = hashOf(key)
    let least = MOST_USES
    for (let row = 0; row < ROWS; row++) {
      least = Math.min(least, this.counts[hash & this.mask])
      hash = rehash(hash)
    }
    return least
  }
}

function hashOf(key: Uint8Array): number {
  let hash = 0
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key[i], 0x01000193)
  return hash ^ (hash >>> 15)
}

function rehash(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return mixed ^ (mixed >>> 12)
}
