/** Which entries go when the store is full? All whose time is over; and if those are few, the ones that would be over
 *  soonest, an eighth of each stretch of keys looked at. Stretches are taken in turn, so that all names are treated alike. */

/** The part of each stretch that goes at least, unless told otherwise. */
export const EVICTED_SHARE = 1 / 8

export interface Candidate {
  key: Uint8Array
  expiresMs: number
}

/** The keys to remove; the first `expired` of them had expired already. */
export function chooseEvicted(
  candidates: readonly Candidate[],
  nowMs: number,
  share: number,
): { keys: Uint8Array[]; expired: number } {
  const byExpiry = [...candidates].sort((a, b) => a.expiresMs - b.expiresMs)
  const firstLive = byExpiry.findIndex((candidate) => candidate.expiresMs > nowMs)
  const expired = firstLive < 0 ? byExpiry.length : firstLive
  const count = Math.max(expired, Math.ceil(byExpiry.length * share))
  return { keys: byExpiry.slice(0, count).map((candidate) => candidate.key), expired }
}
