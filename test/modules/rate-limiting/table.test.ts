import { expect } from 'chai'
import { RateTable, tableOctets, WITHIN_LIMITS } from '../../../src/modules/rate-limiting/table.ts'
import { SeededRandom } from '../../support/random.ts'
import { PlainTable } from './plain-table.ts'

const CAPACITY = 4096
const NOW = 1_800_000_000_000

function table(rateLimit: number, instantLimit: number, memory = new ArrayBuffer(tableOctets(CAPACITY)), seed = 7) {
  return new RateTable(memory, CAPACITY, { rateLimit, instantLimit }, seed)
}
const v4 = (...octets: number[]) => Uint8Array.from(octets)
function v6(text: string): Uint8Array {
  const words = text.split(':').map((word) => Number.parseInt(word, 16))
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 255]))
}
/** How many of `queries` at one moment get through. */
function through(limited: RateTable, address: () => Uint8Array, queries: number, nowMs = NOW, price = 1): number {
  let passed = 0
  for (let i = 0; i < queries; i++) if (limited.admit(address(), price, nowMs) === WITHIN_LIMITS) passed++
  return passed
}

describe('RateTable', () => {
  const one = v4(192, 0, 2, 1)

  it('lets as many pass at once as instant-limit says', () => {
    expect(through(table(20, 50), () => one, 200)).to.equal(50)
  })

  it('lets rate-limit queries pass a second in the long run', () => {
    const limited = table(20, 50)
    through(limited, () => one, 50)
    let passed = 0
    for (let ms = 1; ms <= 10_000; ms++) passed += through(limited, () => one, 3, NOW + ms)
    expect(passed).to.equal(200)
  })

  it('forgets a debt as soon as it is over', () => {
    const limited = table(10, 10)
    expect(through(limited, () => one, 20)).to.equal(10)
    expect(through(limited, () => one, 20, NOW + 1000)).to.equal(10)
  })

  it('lets IPv4 networks have 32, 256 and 768 times as much as an address', () => {
    const random = new SeededRandom(1)
    const passed = (mask: number) => {
      // spread over the network, so that nothing narrower is over its limit first
      const any = () => {
        const host = random.below(2 ** (32 - mask))
        return v4(10, (host >> 16) & 255, (host >> 8) & 255, host & 255)
      }
      return through(table(10, 4), any, 40_000)
    }
    expect(passed(24)).to.be.closeTo(4 * 32, 1)
    expect(passed(20)).to.be.closeTo(4 * 256, 1)
    expect(passed(18)).to.be.closeTo(4 * 768, 1)
  })

  it('lets IPv6 networks have 2, 3, 4 and 64 times as much as an address', () => {
    const passed = (vary: (turn: number) => string) => {
      let turn = 0
      return through(table(10, 100), () => v6(vary(turn++)), 40_000)
    }
    const hex = (number: number) => (number & 0xffff).toString(16)
    expect(passed(() => '2001:db8:1:2:0:0:0:1')).to.equal(100)
    expect(passed((i) => `2001:db8:1:2:0:0:0:${hex(i)}`)).to.equal(200) // one /64
    expect(passed((i) => `2001:db8:1:${hex(i & 0xff)}:0:0:0:${hex(i)}`)).to.equal(300) // one /56
    expect(passed((i) => `2001:db8:1:${hex(i)}:0:0:0:1`)).to.equal(400) // one /48
    expect(passed((i) => `2001:db8:${hex(i)}:1:0:0:0:1`)).to.equal(6400) // one /32
  })

  it('tells which prefix is over its limit, the narrowest first', () => {
    const limited = table(10, 1)
    expect(limited.admit(one, 1, NOW)).to.equal(WITHIN_LIMITS)
    expect(limited.admit(one, 1, NOW)).to.equal(0)
    for (let host = 2; host <= 32; host++) limited.admit(v4(192, 0, 2, host), 1, NOW)
    expect(limited.admit(v4(192, 0, 2, 77), 1, NOW)).to.equal(1)
  })

  it('divides the limits by the price', () => {
    expect(through(table(20, 50), () => one, 200, NOW, 5)).to.equal(10)
    expect(through(table(20, 50), () => one, 200, NOW, 0.5)).to.equal(100)
  })

  it('is one for all who have the same memory', () => {
    const memory = new ArrayBuffer(tableOctets(CAPACITY))
    const [first, second] = [table(20, 50, memory, 1), table(20, 50, memory, 99)]
    expect(through(first, () => one, 30)).to.equal(30)
    expect(through(second, () => one, 30)).to.equal(20)
  })

  it('does not hold anybody for longer when the clock is set back', () => {
    const limited = table(20, 50)
    through(limited, () => one, 200)
    expect(through(limited, () => one, 200, NOW - 3_600_000)).to.equal(50)
  })

  it('keeps those who ask most when there are more than it has room for', () => {
    const random = new SeededRandom(3)
    const limited = table(1, 10)
    through(limited, () => one, 100)
    for (let i = 0; i < 20 * CAPACITY; i++) {
      limited.admit(v4(random.below(256), random.below(256), random.below(256), random.below(256)), 1, NOW)
      if (i % 100 === 0) expect(limited.admit(one, 1, NOW)).to.equal(0)
    }
  })

  it('agrees with its plain twin', () => {
    const random = new SeededRandom(5)
    const limits = { rateLimit: 5, instantLimit: 8 }
    const [fast, plain] = [table(5, 8), new PlainTable(limits)]
    let nowMs = NOW
    let over = 0
    for (let i = 0; i < 20_000; i++) {
      nowMs += random.below(4)
      const address =
        random.below(2) === 0
          ? v4(198, 51, random.below(2), random.below(8))
          : v6(`2001:db8:${random.below(3)}:${random.below(2)}:0:0:0:${random.below(3)}`)
      const price = random.pick([1, 1, 2])
      const expected = plain.admit(address, price, nowMs)
      if (expected !== WITHIN_LIMITS) over++
      expect(fast.admit(address, price, nowMs), `query ${i}`).to.equal(expected)
    }
    expect(over).to.be.within(1000, 19_000)
  })
})
