import { expect } from 'chai'
import fc from 'fast-check'
import { readHosts, readNames } from '../../../src/modules/local-data/lists.ts'
import { addressText } from '../../../src/wire/ip-address.ts'
import { nameFromText, nameToText } from '../../../src/wire/name.ts'

const fail = (line: number, why: string): never => {
  throw new Error(`${line}: ${why}`)
}

function namesIn(text: string): string[] {
  const names: string[] = []
  readNames(Buffer.from(text), (name, length) => names.push(nameToText(name.slice(0, length))), fail)
  return names
}

describe('lists of names', () => {
  it('have comments, blank lines, final dots, blanks, ends of lines of all kinds, and a mark at the start', () => {
    const text = '\uFEFFa.net\r\n# one\n\n  b.net. # two\n\tc.net d.net#three\n#\n.\ne\\.f.net'
    expect(namesIn(text)).to.deep.equal(['a.net.', 'b.net.', 'c.net.', 'd.net.', '.', 'e\\.f.net.'])
  })

  it('may be hosts files', () =>
    expect(namesIn('0.0.0.0 a.net\n0.0.0.0 b.net c.net\n::1 d.net\n192.0.2.1\n')).to.deep.equal([
      'a.net.',
      'b.net.',
      'c.net.',
      'd.net.',
      '192.0.2.1.',
    ]))

  it('tell the line of what is no name', () => {
    for (const wrong of ['a..net', '.net', `${'x'.repeat(64)}.net`, `x.${'y'.repeat(64)}`, 'ü.net', 'a.net..', 'a\\'])
      expect(() => namesIn(`a.net\n\n${wrong}\n`), wrong).to.throw(/^3: /)
    expect(() => namesIn(`a.net\n${'xyz.'.repeat(64)}`)).to.throw(/^2: .*255/)
    expect(namesIn(`${'xyz.'.repeat(63)}`)).to.have.lengthOf(1)
  })

  it('read names as nameFromText() does', () => {
    const word = fc.stringMatching(/^[a-zA-Z0-9.\\_-]{1,80}$/)
    fc.assert(
      fc.property(word, (text) => {
        let expected: string | Error
        try {
          expected = nameToText(nameFromText(text))
        } catch (error) {
          expected = error as Error
        }
        if (expected instanceof Error) expect(() => namesIn(text)).to.throw(expected.message)
        else expect(namesIn(text)).to.deep.equal([expected])
      }),
      { numRuns: 500 },
    )
  })
})

describe('lists of hosts', () => {
  it('give each name its address', () => {
    const found: string[] = []
    const text = '192.0.2.1 a.net b.net\n192.0.2.1 c.net\n2001:db8::1 a.net\n'
    readHosts(Buffer.from(text), (name, address) => found.push(`${nameToText(name)} ${addressText(address)}`), fail)
    expect(found).to.deep.equal(['a.net. 192.0.2.1', 'b.net. 192.0.2.1', 'c.net. 192.0.2.1', 'a.net. 2001:db8::1'])
  })

  it('tell the line that begins with no address', () => {
    const read = () => readHosts(Buffer.from('192.0.2.1 a.net\nb.net a.net'), () => {}, fail)
    expect(read).to.throw('2: "b.net" is no IP address')
  })
})
