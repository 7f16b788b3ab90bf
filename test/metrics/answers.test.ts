import { expect } from 'chai'
import { AnswerShapes, answerCell, MessageSizes } from '../../src/metrics/answers.ts'
import { Counter, Counters } from '../../src/metrics/counters.ts'
import { Histograms, histogramAt, readHistogram, SIZES } from '../../src/metrics/tables.ts'
import { Flag, Rcode } from '../../src/wire/types.ts'
import { SeededRandom } from '../support/random.ts'

describe('AnswerShapes', () => {
  it('knows how many answers had which flags and rcodes, as counting one by one would', () => {
    const random = new SeededRandom(7)
    const shapes = new AnswerShapes()
    const plain = new Map<Counter | string, number>()
    const note = (what: Counter | string, isSo: boolean) => isSo && plain.set(what, (plain.get(what) ?? 0) + 1)
    for (let i = 0; i < 2000; i++) {
      const rcode = random.below(6)
      const flags = (random.u16() & 0xffb0 & ~0x7800) | Flag.QR | rcode
      const answers = random.below(2)
      const [edns, wantsDnssec] = [random.below(2), random.below(2)]
      shapes.count(Uint8Array.of(0, 0, flags >> 8, flags & 255, 0, 1, 0, answers, 0, 0, 0, 0), edns, wantsDnssec)
      note(Counter.ANSWERS_AA, (flags & Flag.AA) !== 0)
      note(Counter.ANSWERS_TC, (flags & Flag.TC) !== 0)
      note(Counter.ANSWERS_RD, (flags & Flag.RD) !== 0)
      note(Counter.ANSWERS_RA, (flags & Flag.RA) !== 0)
      note(Counter.ANSWERS_AD, (flags & Flag.AD) !== 0)
      note(Counter.ANSWERS_CD, (flags & Flag.CD) !== 0)
      note(Counter.ANSWERS_EDNS, edns === 1)
      note(Counter.ANSWERS_DO, wantsDnssec === 1)
      note(Counter.ANSWERS_NODATA, rcode === Rcode.NOERROR && answers === 0)
      note(`rcode ${rcode}`, true)
    }
    const counters = new Counters()
    shapes.addTo(counters, 'cache')
    expect(shapes.total).to.equal(2000)
    for (const [what, count] of plain)
      expect(
        counters.values[typeof what === 'string' ? answerCell('cache', Number(what.slice(6))) : what],
        `${what}`,
      ).to.equal(count)
  })
})

describe('MessageSizes', () => {
  it('counts each size in the bucket it just fits in, UDP and TCP apart, and sums them up', () => {
    const sizes = new MessageSizes()
    for (const octets of [12, 64, 65, 512, 513, 1232, 1233]) sizes.count(true, octets)
    sizes.count(false, 65_535)
    const { values } = new Counters()
    sizes.addTo({ values } as Counters, Histograms.SIZES)
    const [udp, tcp] = [0, 1].map((which) => readHistogram(values, histogramAt(Histograms.SIZES, which), SIZES))
    const upTo = (octets: number) => udp.atMost[SIZES.indexOf(octets)]
    expect([64, 128, 512, 1024, 1232, 2048].map(upTo)).to.deep.equal([2, 3, 4, 5, 6, 7])
    expect(udp).to.include({ count: 7, sum: 12 + 64 + 65 + 512 + 513 + 1232 + 1233 })
    expect(tcp).to.include({ count: 1, sum: 65_535 })
    expect(tcp.atMost.at(-2)).to.equal(0)
  })
})
