import { expect } from 'chai'
import { Below } from '../../src/cache/ancestors.ts'
import { encodeBelow } from '../../src/cache/entry.ts'
import { type Candidate, candidateOf, chooseEvicted, UseSketch } from '../../src/cache/evict.ts'
import { octets } from './store-suite.ts'

const nowMs = 1_000_000
const lapMs = 60_000

function candidate(key: string, fields: Partial<Candidate> = {}): Candidate {
  return { key: octets(key), expiresMs: nowMs + 10 * lapMs, storedMs: nowMs - lapMs, uses: 1, worth: 1, ...fields }
}

/** Which of them goes first, second … */
function order(...candidates: Candidate[]): string[] {
  const { keys } = chooseEvicted(candidates, { nowMs, share: 1, lapMs })
  return keys.map((key) => Buffer.from(key).toString())
}

describe('chooseEvicted', () => {
  it('takes all that has expired, and counts it', () => {
    const all = ['a', 'b', 'c', 'd'].map((key, i) => candidate(key, { expiresMs: nowMs + (i < 3 ? -i : 1) * 1000 }))
    const { keys, expired } = chooseEvicted(all, { nowMs, share: 0.25, lapMs })
    expect(keys).to.have.length(3)
    expect(expired).to.equal(3)
  })

  it('takes its share of what lives when nothing has expired', () => {
    const all = Array.from({ length: 64 }, (_, i) => candidate(`k${i}`))
    expect(chooseEvicted(all, { nowMs, share: 1 / 8, lapMs }))
      .to.deep.include({ expired: 0 })
      .property('keys')
      .length(8)
  })

  it('keeps what is asked for more often', () => {
    expect(order(candidate('often', { uses: 40 }), candidate('once'), candidate('twice', { uses: 2 }))).to.deep.equal([
      'once',
      'twice',
      'often',
    ])
  })

  it('keeps the newer one when they are alike: it has had less time to be asked for', () => {
    expect(order(candidate('new', { storedMs: nowMs }), candidate('old'))).to.deep.equal(['old', 'new'])
  })

  it('lets go of what ends before it is looked at again; time beyond that counts for nothing', () => {
    const short = candidate('short', { expiresMs: nowMs + lapMs / 4, uses: 3 })
    expect(order(candidate('any'), short)).to.deep.equal(['short', 'any'])
    const lasting = candidate('lasting', { expiresMs: nowMs + 1000 * lapMs, uses: 3 })
    expect(order(lasting, candidate('used', { uses: 4 }))).to.deep.equal(['lasting', 'used'])
  })

  it('keeps what costs much to learn again', () => {
    expect(order(candidate('cut', { worth: 8 }), candidate('used', { uses: 4 }))).to.deep.equal(['used', 'cut'])
  })

  it('keeps what tells that there are cuts or aliases: nobody would look for them', () => {
    const head = { security: 'indeterminate', rank: 0, storedMs: nowMs, expiresMs: nowMs + lapMs } as const
    const worthOf = (kinds: number) => candidateOf(octets('x'), encodeBelow(head, kinds).slice(), 0).worth
    expect(worthOf(Below.CUTS)).to.be.above(1)
    expect(worthOf(Below.ALIASES | Below.FAILURES)).to.be.above(1)
    expect(worthOf(Below.NAME_ERRORS | Below.FAILURES)).to.be.below(1)
  })

  it('does not take an entry from the future for a very new one', () => {
    expect(order(candidate('future', { storedMs: nowMs + 1e9 }), candidate('used', { uses: 3 }))).to.deep.equal([
      'future',
      'used',
    ])
  })
})

describe('UseSketch', () => {
  it('counts at least what was noted, and little more while there are few', () => {
    const sketch = new UseSketch(10_000)
    for (let i = 0; i < 5000; i++) sketch.note(octets(`key ${i}`), (i % 5) + 1)
    let exact = 0
    for (let i = 0; i < 5000; i++) {
      const count = sketch.of(octets(`key ${i}`))
      expect(count).to.be.at.least((i % 5) + 1)
      if (count === (i % 5) + 1) exact++
    }
    expect(exact).to.be.above(4900)
  })

  it('forgets by halves', () => {
    const sketch = new UseSketch(1000)
    for (let i = 0; i < 10; i++) sketch.note(octets('once much asked for'), 16)
    for (let i = 0; i < 70_000; i++) sketch.note(octets(`other ${i % 500}`), 1)
    expect(sketch.of(octets('once much asked for'))).to.be.below(30)
    for (let i = 0; i < 1000; i++) sketch.note(octets('now'), 16)
    expect(sketch.of(octets('now'))).to.be.within(128, 255)
  })
})
