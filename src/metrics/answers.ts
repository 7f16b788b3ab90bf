/** HOT: what do the answers look like that were ready, and how long are messages? count() runs once per client packet: one
 *  increment, or two.
 *
 *    table   Float64Array, by the bits of an answer:   edns 1 · nodata 1 · TC AA RD 3 · RA . AD CD 4 · rcode 4
 *                                                     · DO 1 on top
 *
 *  Sums over it (how many had AD?) are only made when somebody wants to know. Plain twin: the sums in its test. */

import { Counter, type Counters } from './counters.ts'
import { type HistogramTable, histogramAt, SIZE_STEP, SIZES, SOURCES, type Source, Tables } from './tables.ts'

const RD_BIT = 0x0100
const TC_BIT = 0x0200
const AA_BIT = 0x0400
const NODATA_BIT = 0x0800
const EDNS_BIT = 0x1000
const DO_BIT = 0x2000
const SIZE = 0x4000
const RA_BIT = 0x80
const AD_BIT = 0x20
const CD_BIT = 0x10
const RCODE_BITS = 0x0f
/** Of sizes up to 65,536 octets. */
const STEPS = 65_536 / SIZE_STEP + 1
const RCODE_COLUMNS = Tables.ANSWERS.length / SOURCES.length

const SUMS: readonly [bit: number, counter: Counter][] = [
  [AA_BIT, Counter.ANSWERS_AA],
  [TC_BIT, Counter.ANSWERS_TC],
  [RD_BIT, Counter.ANSWERS_RD],
  [RA_BIT, Counter.ANSWERS_RA],
  [AD_BIT, Counter.ANSWERS_AD],
  [CD_BIT, Counter.ANSWERS_CD],
  [EDNS_BIT, Counter.ANSWERS_EDNS],
  [DO_BIT, Counter.ANSWERS_DO],
]

/** Where an answer is counted that came from there and has this rcode. */
export function answerCell(source: Source, rcode: number): number {
  return Tables.ANSWERS.start + SOURCES.indexOf(source) * RCODE_COLUMNS + rcode
}

/** HOT: how long are messages? Two additions for each. */
export class MessageSizes {
  /** By steps; at the end the sum of all. */
  readonly #udp = new Float64Array(STEPS + 1)
  readonly #tcp = new Float64Array(STEPS + 1)

  count(overUdp: boolean, octets: number): void {
    const table = overUdp ? this.#udp : this.#tcp
    table[(octets + SIZE_STEP - 1) >>> 4]++
    table[STEPS] += octets
  }

  addTo({ values }: Counters, histograms: HistogramTable): void {
    for (const [which, table] of [this.#udp, this.#tcp].entries()) {
      const at = histogramAt(histograms, which)
      for (let step = 0, bucket = 0; step < STEPS; step++) {
        if (step * SIZE_STEP > SIZES[bucket]) bucket++
        values[at + bucket] += table[step]
      }
      values[at + SIZES.length + 1] += 1000 * table[STEPS]
    }
  }
}

export class AnswerShapes {
  readonly #table = new Float64Array(SIZE)

  /** `answer` has a header; the flags are those of the query, 0 or 1. */
  count(answer: Uint8Array, hasEdns: number, wantsDnssec: number): void {
    const nodata = (answer[6] | answer[7]) === 0 ? NODATA_BIT : 0
    const flags = ((answer[2] & 7) << 8) | answer[3]
    this.#table[flags | nodata | (hasEdns << 12) | (wantsDnssec << 13)]++
  }

  /** Answers counted. */
  get total(): number {
    return this.#table.reduce((sum, count) => sum + count, 0)
  }

  /** Adds to what `counters` say of the flags of answers; and of their rcodes, if all were from `source`. */
  addTo(counters: Counters, source?: Source): void {
    for (let shape = 0; shape < SIZE; shape++) {
      const times = this.#table[shape]
      if (times === 0) continue
      for (const [bit, counter] of SUMS) if ((shape & bit) !== 0) counters.values[counter] += times
      if ((shape & (NODATA_BIT | RCODE_BITS)) === NODATA_BIT) counters.values[Counter.ANSWERS_NODATA] += times
      if (source !== undefined) counters.values[answerCell(source, shape & RCODE_BITS)] += times
    }
  }
}
