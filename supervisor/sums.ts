/** Adding up what processes count. Arrays of different versions may differ in length; new counters stand at the end. */

export function addCounters(one: Float64Array, other: Float64Array): Float64Array {
  const [long, short] = one.length >= other.length ? [one, other] : [other, one]
  const sum = long.slice()
  for (let i = 0; i < short.length; i++) sum[i] += short[i]
  return sum
}
