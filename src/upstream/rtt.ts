/** How long does a server take, and how long is it worth waiting? The estimator of RFC 6298 §2, kept per server. Pure. */

export interface Rtt {
  /** Smoothed round-trip time; 0 when there is no measurement yet. */
  srttMs: number
  rttvarMs: number
}

/** Longest wait for one reply. */
export const MAX_TIMEOUT_MS = 10_000
/** Shortest wait: below it the scheduling of both machines outweighs the path. RFC 6298 §2.4 asks TCP for 1 s, but here
 *  another server can be asked instead, and a reply given up on costs one packet. */
export const MIN_TIMEOUT_MS = 100

/** Takes in one measured round trip (RFC 6298 §2.2, §2.3), in place. */
export function measureRtt(rtt: Rtt, sampleMs: number): void {
  const sample = Math.min(Math.max(sampleMs, 0.05), MAX_TIMEOUT_MS) // never 0, which stands for "not measured"
  if (rtt.srttMs === 0) {
    rtt.srttMs = sample
    rtt.rttvarMs = sample / 2
    return
  }
  rtt.rttvarMs += (Math.abs(rtt.srttMs - sample) - rtt.rttvarMs) / 4
  rtt.srttMs += (sample - rtt.srttMs) / 8
}

/** RTO of RFC 6298 §2.3, within our bounds; `unmeasuredMs` when nothing is known. */
export function retransmissionTimeoutMs(rtt: Readonly<Rtt>, unmeasuredMs: number): number {
  if (rtt.srttMs === 0) return unmeasuredMs
  return Math.min(Math.max(rtt.srttMs + 4 * rtt.rttvarMs, MIN_TIMEOUT_MS), MAX_TIMEOUT_MS)
}

/** RFC 6298 §5.5: doubled for each time-out in a row. */
export function backedOffMs(timeoutMs: number, timeouts: number): number {
  return Math.min(timeoutMs * 2 ** Math.min(timeouts, 10), MAX_TIMEOUT_MS)
}
