import { expect } from 'chai'
import { familyOf, isPrefix, parseInterface } from '../../src/config/listen.ts'

describe('parseInterface', () => {
  const right: [text: string, host: string, port: number | undefined][] = [
    ['127.0.0.1', '127.0.0.1', undefined],
    ['127.0.0.1@5300', '127.0.0.1', 5300],
    ['0.0.0.0@1', '0.0.0.0', 1],
    ['::', '::', undefined],
    ['::1@65535', '::1', 65_535],
    ['2001:DB8:0:0::1@53', '2001:db8::1', 53],
    ['fe80::1%eth0@53', 'fe80::1%eth0', 53],
    ['eth0', 'eth0', undefined],
    ['br-lan.7@53', 'br-lan.7', 53],
  ]
  for (const [text, host, port] of right)
    it(`takes ${text} apart`, () => expect(parseInterface(text)).to.deep.equal({ host, port }))

  const wrong = [
    '',
    '@53',
    'localhost',
    'localhost@53',
    '127.1',
    '127.0.0.1@',
    '127.0.0.1@0',
    '127.0.0.1@65536',
    '1.2.3.4@5@6',
  ]
  wrong.push(
    '127.0.0.1:53',
    '[::1]:53',
    '::1%lo@53',
    '127.0.0.1@ 53',
    '127.0.0.0/8',
    '1.2.3.4@1e3',
    'eth 0',
    'a'.repeat(16),
  )
  for (const text of wrong)
    it(`refuses ${JSON.stringify(text)}`, () => expect(parseInterface(text)).to.equal(undefined))
})

describe('familyOf', () => {
  const examples: [string, 4 | 6 | undefined][] = [
    ['192.0.2.1', 4],
    ['2001:db8::1', 6],
    ['fe80::1%eth0', 6],
    ['2001:db8::1%eth0', undefined],
    ['192.0.2.1/32', undefined],
    ['0x7f.1', undefined],
    ['example.org', undefined],
  ]
  for (const [text, family] of examples)
    it(`of ${text} is ${family ?? 'none'}`, () => expect(familyOf(text)).to.equal(family))
})

describe('isPrefix', () => {
  const examples: [string, 4 | 6, boolean][] = [
    ['192.0.2.0/24', 4, true],
    ['192.0.2.0/32', 4, true],
    ['192.0.2.0/33', 4, false],
    ['2001:db8::/64', 6, true],
    ['2001:db8::/129', 6, false],
    ['2001:db8::/64', 4, false],
    ['2001:db8::', 6, false],
    ['2001:db8::/', 6, false],
    ['2001:db8::/6x', 6, false],
    ['2001:db8::/64/64', 6, false],
    ['fe80::%eth0/64', 6, false],
  ]
  for (const [text, family, expected] of examples)
    it(`${text} is ${expected ? 'one' : 'none'} of IPv${family}`, () =>
      expect(isPrefix(text, family)).to.equal(expected))
})
