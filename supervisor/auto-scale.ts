/** How many workers should there be? More when those there are get near their limit, fewer when fewer would do for a long
 *  while. Goes by how much of the time their event loops are busy. Growing is quick, since a queue that has formed costs
 *  every client; shrinking is slow, since load that went is likely to come back. */

/** Above this share of busy time a burst has no room. */
export const BUSY = 0.7
/** What a worker should be at after growing. */
export const AIM = 0.5
/** Fewer workers must stay below this: far enough from BUSY that shrinking is not followed by growing. */
export const IDLE = 0.35
/** Both have to be so for a while. */
export const GROW_AFTER_MS = 3000
export const SHRINK_AFTER_MS = 60_000

export interface Decision {
  workers: number
  reason: string
}

export class AutoScale {
  readonly min: number
  readonly max: number
  #busySinceMs: number | undefined
  #idleSinceMs: number | undefined

  constructor({ min, max }: { min: number; max: number }) {
    this.min = min
    this.max = Math.max(min, max)
  }

  /** undefined: stay. `loads` are the workers' shares of busy time, 0 to 1. */
  decide(loads: readonly number[], nowMs: number): Decision | undefined {
    const workers = loads.length
    if (workers === 0) return undefined
    if (workers < this.min || workers > this.max)
      return this.#decide({
        workers: clamp(workers, this.min, this.max),
        reason: `between ${this.min} and ${this.max}`,
      })
    const total = loads.reduce((sum, load) => sum + load, 0)
    this.#busySinceMs = total / workers > BUSY && workers < this.max ? (this.#busySinceMs ?? nowMs) : undefined
    const withOneLess = total / (workers - 1)
    this.#idleSinceMs = withOneLess < IDLE && workers > this.min ? (this.#idleSinceMs ?? nowMs) : undefined
    if (this.#busySinceMs !== undefined && nowMs - this.#busySinceMs >= GROW_AFTER_MS) {
      const wanted = clamp(Math.ceil(total / AIM), workers + 1, Math.min(2 * workers, this.max))
      return this.#decide({
        workers: wanted,
        reason: `${workers} workers were ${percent(total / workers)} busy for ${GROW_AFTER_MS / 1000} s`,
      })
    }
    if (this.#idleSinceMs !== undefined && nowMs - this.#idleSinceMs >= SHRINK_AFTER_MS)
      return this.#decide({
        workers: workers - 1,
        reason: `${workers - 1} would have been ${percent(withOneLess)} busy at most for ${SHRINK_AFTER_MS / 1000} s`,
      })
    return undefined
  }

  #decide(decision: Decision): Decision {
    this.#busySinceMs = undefined
    this.#idleSinceMs = undefined
    return decision
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max)
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`
}
