import { expect } from 'chai'
import { DEFAULT_LIMITS, Ledger } from '../../src/ledger.ts'
import { AnswerShapes, answerCell } from '../../src/metrics/answers.ts'
import { Counter, Counters } from '../../src/metrics/counters.ts'
import {
  BADVERS_COLUMN,
  Histograms,
  histogramAt,
  OTHER_QTYPES,
  readHistogram,
  SOURCES,
  Tables,
} from '../../src/metrics/tables.ts'
import type { Request } from '../../src/request.ts'
import { Ede, Rcode, Type } from '../../src/wire/types.ts'
import { countAnswer } from '../../workers/count-answer.ts'

const answer = (rcode: number) => Uint8Array.of(0, 1, 0x81, 0x80 | rcode, 0, 1, 0, 0, 0, 0, 0, 0)

function requestOf(facts: object): Request {
  const ledger = new Ledger(DEFAULT_LIMITS, 'enforce', 0)
  const usual = {
    ledger,
    source: 'recursion',
    edns: undefined,
    question: { type: Type.A },
    edes: [],
    mustValidate: true,
  }
  return { ...usual, security: 'insecure', bogus: undefined, ...facts } as unknown as Request
}

describe('countAnswer', () => {
  let counters: Counters
  let shapes: AnswerShapes

  beforeEach(() => {
    counters = new Counters()
    shapes = new AnswerShapes()
  })

  /** The cells of a table that are not 0, by their labels. */
  const told = (table: (typeof Tables)[keyof typeof Tables]) =>
    Array.from({ length: table.length }, (_, cell) => cell)
      .filter((cell) => counters.values[table.start + cell] > 0)
      .map((cell) => [...Object.values(table.labelsOf(cell)), counters.values[table.start + cell]])

  it('says where an answer came from, how it turned out and how long it took', () => {
    countAnswer(counters, shapes, answer(Rcode.NXDOMAIN), requestOf({ source: 'cache' }), 0.2)
    countAnswer(counters, shapes, answer(Rcode.NXDOMAIN), requestOf({}), 30)
    expect(told(Tables.ANSWERS)).to.deep.equal([
      ['cache', 'NXDOMAIN', 1],
      ['recursion', 'NXDOMAIN', 1],
    ])
    const at = histogramAt(Histograms.REQUESTS, SOURCES.indexOf('recursion'))
    expect(readHistogram(counters.values, at)).to.include({ count: 1, sum: 0.03 })
  })

  it('tells what a question cost, if servers had to be asked', () => {
    const ledger = new Ledger(DEFAULT_LIMITS, 'enforce', 0)
    ledger.charge('hashes', 10)
    countAnswer(counters, shapes, answer(Rcode.NOERROR), requestOf({ ledger }), 1)
    const used = (which: number) => {
      const { buckets } = Histograms.BUDGET_PARTS
      return readHistogram(counters.values, histogramAt(Histograms.BUDGET_PARTS, which), buckets)
    }
    expect(used(0).count).to.equal(0)
    for (let i = 0; i < 30; i++) ledger.charge('upstream-queries')
    countAnswer(counters, shapes, answer(Rcode.NOERROR), requestOf({ ledger }), 1)
    expect(used(0)).to.deep.include({ count: 1, sum: 0.5, atMost: [0, 0, 0, 0, 0, 1, 1, 1] })
    expect(counters.get(Counter.NSEC3_HASHES)).to.equal(10)
  })

  it('tells secure answers from insecure and bogus ones, and of these what was wrong', () => {
    const bogus = { security: 'bogus', bogus: { reason: 'signature expired' }, source: 'failure' }
    countAnswer(counters, shapes, answer(Rcode.SERVFAIL), requestOf(bogus), 1)
    countAnswer(counters, shapes, answer(Rcode.NOERROR), requestOf({ security: 'secure' }), 1)
    // one server's reply was bogus, and another's was not
    countAnswer(counters, shapes, answer(Rcode.NOERROR), requestOf({ ...bogus, security: 'secure' }), 1)
    countAnswer(counters, shapes, answer(Rcode.NOERROR), requestOf({ mustValidate: false }), 1)
    expect(told(Tables.VALIDATIONS)).to.deep.equal([
      ['secure', 2],
      ['bogus', 1],
    ])
    expect(told(Tables.BOGUS)).to.deep.equal([['signature expired', 1]])
  })

  it('counts types and EDEs, those beyond the tables together', () => {
    for (const type of [Type.AAAA, 65_280, 300])
      countAnswer(counters, shapes, answer(Rcode.NOERROR), requestOf({ question: { type } }), 1)
    const edes = [{ code: Ede.STALE_ANSWER }, { code: 49_152 }]
    countAnswer(counters, shapes, answer(Rcode.NOERROR), requestOf({ edes }), 1)
    expect(counters.values[Tables.QTYPES.start + OTHER_QTYPES]).to.equal(2)
    expect(counters.values[Tables.QTYPES.start + Type.AAAA]).to.equal(1)
    expect(told(Tables.EDES)).to.deep.equal([
      ['3', 1],
      ['other', 1],
    ])
  })

  it('knows what was turned away before anybody looked, BADVERS by its having no other error', () => {
    countAnswer(counters, shapes, answer(Rcode.FORMERR), undefined, 0)
    countAnswer(counters, shapes, answer(Rcode.NOERROR), undefined, 0)
    expect(told(Tables.ANSWERS)).to.deep.equal([
      ['refused', 'FORMERR', 1],
      ['refused', 'BADVERS', 1],
    ])
    expect(counters.values[answerCell('refused', BADVERS_COLUMN)]).to.equal(1)
  })

  it('notes flags of answers and of EDNS', () => {
    const edns = { do: true }
    countAnswer(counters, shapes, answer(Rcode.NOERROR), requestOf({ edns }), 1)
    shapes.addTo(counters)
    const sums = [Counter.ANSWERS_RD, Counter.ANSWERS_RA, Counter.ANSWERS_EDNS, Counter.ANSWERS_DO, Counter.ANSWERS_AA]
    expect(sums.map((counter) => counters.get(counter))).to.deep.equal([1, 1, 1, 1, 0])
  })
})
