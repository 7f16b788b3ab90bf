/** Is an entry still true, and for how long? Times of entries are absolute, milliseconds since 1970. */

import { expiresMsOf, leaseUntilMsOf, storedMsOf } from './entry.ts'

/** Clocks of processes on one machine agree; this is for the time between reading the clock and storing. */
const CLOCK_SLACK_MS = 2000

/** Whether the entry counts now: not expired, and not stored in the future, before the clock was set back. */
export function isLive(entry: Uint8Array, nowMs: number): boolean {
  return expiresMsOf(entry) > nowMs && !isFromTheFuture(entry, nowMs)
}

export function isFromTheFuture(entry: Uint8Array, nowMs: number): boolean {
  return storedMsOf(entry) > nowMs + CLOCK_SLACK_MS
}

/** Whether the entry has ended, but less than `maxAgeMs` ago and within its lease. */
export function isStale(entry: Uint8Array, nowMs: number, maxAgeMs: number): boolean {
  const endedMs = expiresMsOf(entry)
  const isRecent = endedMs <= nowMs && nowMs < endedMs + maxAgeMs
  return isRecent && nowMs < leaseUntilMsOf(entry) && !isFromTheFuture(entry, nowMs)
}

/** Rounded up: what was just stored shows the TTL it was stored with. */
export function secondsLeft(expiresMs: number, nowMs: number): number {
  return Math.ceil((expiresMs - nowMs) / 1000)
}
