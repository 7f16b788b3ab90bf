import { expect } from 'chai'
import fc from 'fast-check'
import {
  base64Octets,
  hexOctets,
  numberFromText,
  secondsFromText,
  timestampFromText,
  timestampText,
} from '../../src/wire/text-values.ts'
import { wireError } from './support.ts'

describe('timestamps (RFC 4034 §3.2)', () => {
  it('are the calendar of UTC, to the end of 32 bits', () => {
    const property = fc.property(fc.integer({ min: 0, max: 0xffffffff }), (time) => {
      const expected = new Date(time * 1000).toISOString().replace(/\D/g, '').slice(0, 14)
      expect(timestampText(time)).to.equal(expected)
      expect(timestampFromText(expected)).to.equal(time)
      expect(timestampFromText(String(time))).to.equal(time)
    })
    fc.assert(property, {
      seed: 1,
      numRuns: 2000,
      examples: [[0], [951782400], [951868799], [4107542400], [0xffffffff]],
    })
  })

  it('refuse days and hours that do not exist', () => {
    for (const text of [
      '20230229000000',
      '20240230000000',
      '21000229000000',
      '20240431000000',
      '20240001000000',
      '20241301000000',
    ])
      expect(timestampFromText(text), text).to.equal(undefined)
    for (const text of [
      '20240101240000',
      '20240101006000',
      '20240101000061',
      '19691231235959',
      '4294967296',
      '2024',
      'x',
      '',
    ])
      expect(timestampFromText(text), text).to.equal(text === '2024' ? 2024 : undefined)
    expect(timestampFromText('20240229000000')).to.equal(1709164800)
  })

  it('wrap around after 2106', () => expect(timestampFromText('21060207062816')).to.equal(0))
})

describe('secondsFromText', () => {
  it('adds units up', () => {
    expect(secondsFromText('0')).to.equal(0)
    expect(secondsFromText('90')).to.equal(90)
    expect(secondsFromText('1h30m')).to.equal(5400)
    expect(secondsFromText('1W2d3H4m5s')).to.equal(788_645)
    expect(secondsFromText('1m30')).to.equal(90)
    expect(secondsFromText('4294967295')).to.equal(4294967295)
  })

  it('is undefined for anything else, and quick to say so', () => {
    for (const text of ['', 'h', '1y', '-1', '1.5h', '4294967296', '1h ', `${'1'.repeat(50_000)}x`])
      expect(secondsFromText(text), text.slice(0, 20)).to.equal(undefined)
  })
})

describe('numbers, hex and base 64', () => {
  it('are refused when they are not', () => {
    for (const action of [
      () => numberFromText('256', 255),
      () => numberFromText('', 255),
      () => numberFromText('0x1', 255),
      () => numberFromText('1e1', 255),
      () => hexOctets('0'),
      () => hexOctets('0g'),
      () => base64Octets('AAA'),
      () => base64Octets('A==='),
      () => base64Octets('AA=A'),
      () => base64Octets('AA-_'),
    ])
      expect(wireError(action), String(action)).to.equal('bad-text')
  })
})
