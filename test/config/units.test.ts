import { expect } from 'chai'
import fc from 'fast-check'
import { parseSize, parseTimeUs, sizeText, timeText } from '../../src/config/units.ts'

describe('times', () => {
  const examples: [string, number][] = [
    ['0s', 0],
    ['1us', 1],
    ['250ms', 250_000],
    ['5s', 5_000_000],
    ['90s', 90_000_000],
    ['2m', 120_000_000],
    ['3h', 10_800_000_000],
    ['1d', 86_400_000_000],
  ]
  for (const [text, us] of examples) {
    it(`reads and writes ${text}`, () => {
      expect(parseTimeUs(text)).to.equal(us)
      expect(timeText(us)).to.equal(text)
    })
  }

  for (const text of ['', '5', 's', '5 s', ' 5s', '5s ', '-5s', '+5s', '1.5s', '5S', '5sec', '1h30m', '0x5s', '٥s'])
    it(`refuses ${JSON.stringify(text)}`, () => expect(parseTimeUs(text)).to.equal(undefined))

  it('are read as they were written, whatever their length', () => {
    fc.assert(fc.property(fc.maxSafeNat(), (us) => parseTimeUs(timeText(us)) === us))
  })
})

describe('sizes', () => {
  const examples: [string, number][] = [
    ['0B', 0],
    ['1232B', 1232],
    ['128K', 131_072],
    ['100M', 104_857_600],
    ['4G', 4_294_967_296],
  ]
  for (const [text, octets] of examples) {
    it(`reads and writes ${text}`, () => {
      expect(parseSize(text)).to.equal(octets)
      expect(sizeText(octets)).to.equal(text)
    })
  }

  for (const text of ['', '5', 'K', '5 K', '1.5G', '-1M', '5k', '5KB', '5T'])
    it(`refuses ${JSON.stringify(text)}`, () => expect(parseSize(text)).to.equal(undefined))

  it('are read as they were written, however large', () => {
    fc.assert(fc.property(fc.maxSafeNat(), (octets) => parseSize(sizeText(octets)) === octets))
  })
})
