/** The little arithmetic of a benchmark: what stands in the middle, where the tail begins, chance that repeats. */

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The least of `sorted`, ascending, that `share` (0 to 1) of them do not exceed. NaN of nothing. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))]
}

/** Numbers in [0, 1) that are the same at every run: mulberry32. */
export function seededChance(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Draws 0 to `count`-1, the k-th (from 1) with a probability in proportion to 1/k: Zipf's law with exponent 1. */
export function zipf(count: number, chance: () => number): () => number {
  const cumulated = new Float64Array(count)
  let sum = 0
  for (let k = 1; k <= count; k++) cumulated[k - 1] = sum += 1 / k
  return () => {
    const wanted = chance() * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (cumulated[middle] > wanted) high = middle
      else low = middle + 1
    }
    return low
  }
}
