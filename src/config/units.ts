/** Times and sizes as people write them: a whole number and its unit, without a space: `5s`, `1000ms`, `1232B`, `100M`. */

const TIME_UNITS_US: Record<string, number> = {
  d: 86_400_000_000,
  h: 3_600_000_000,
  m: 60_000_000,
  s: 1_000_000,
  ms: 1000,
  us: 1,
}
const SIZE_UNITS: Record<string, number> = { G: 1024 ** 3, M: 1024 ** 2, K: 1024, B: 1 }

export const TIME_PATTERN = /^\d+(us|ms|s|m|h|d)$/
export const SIZE_PATTERN = /^\d+[BKMG]$/

/** Microseconds in `text`; undefined when it is not a time. */
export function parseTimeUs(text: string): number | undefined {
  return TIME_PATTERN.test(text) ? scale(text, TIME_UNITS_US) : undefined
}

/** Octets in `text`; undefined when it is not a size. K, M and G are 1024, 1024² and 1024³. */
export function parseSize(text: string): number | undefined {
  return SIZE_PATTERN.test(text) ? scale(text, SIZE_UNITS) : undefined
}

/** The shortest exact form: `timeText(90_000_000)` is `90s`, `timeText(60_000_000)` is `1m`. */
export function timeText(us: number): string {
  return us === 0 ? '0s' : inLargestUnit(us, TIME_UNITS_US)
}

/** The shortest exact form: `sizeText(1232)` is `1232B`, `sizeText(131072)` is `128K`. */
export function sizeText(octets: number): string {
  return octets === 0 ? '0B' : inLargestUnit(octets, SIZE_UNITS)
}

function scale(text: string, units: Record<string, number>): number {
  const unit = text.replace(/^\d+/, '')
  return Number.parseInt(text, 10) * units[unit]
}

function inLargestUnit(amount: number, units: Record<string, number>): string {
  for (const [unit, factor] of Object.entries(units)) if (amount % factor === 0) return `${amount / factor}${unit}`
  throw new RangeError(`${amount} is not a whole number of the smallest unit`)
}
