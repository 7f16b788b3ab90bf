import { expect } from 'chai'
import { Scanner, unescapeOctets } from '../../src/wire/scanner.ts'
import { hexOf, wireError } from './support.ts'

/** The words of every entry, quoted ones between quotes; `>` before an entry that is indented. */
function wordsOf(text: string): string[][] {
  const scanner = new Scanner(text)
  const entries: string[][] = []
  for (let entry = scanner.beginEntry(); entry !== undefined; entry = scanner.beginEntry()) {
    const words: string[] = entry.indented ? ['>'] : []
    for (let word = scanner.next(); word !== undefined; word = scanner.next())
      words.push(word.quoted ? `"${word.text}"` : word.text)
    entries.push(words)
  }
  return entries
}

describe('Scanner (RFC 1035 §5.1)', () => {
  it('finds words, entries and indentation', () => {
    expect(wordsOf('a b\tc\n\n  d\r\n; no\n\te')).to.deep.equal([
      ['a', 'b', 'c'],
      ['>', 'd'],
      ['>', 'e'],
    ])
    expect(wordsOf('')).to.deep.equal([])
  })

  it('keeps escapes, for whoever knows what the word is', () => {
    expect(wordsOf('a\\ b \\; \\( \\"c "\\"d\\\\"')).to.deep.equal([['a\\ b', '\\;', '\\(', '\\"c', '"\\"d\\\\"']])
  })

  it('lets a quote begin a new word', () => expect(wordsOf('a"b"c""')).to.deep.equal([['a', '"b"', 'c', '""']]))

  it('reads over line ends inside parentheses, which may nest', () => {
    expect(wordsOf('a (b\n ( c ; )\n ) d\n) e\nf')).to.deep.equal([['a', 'b', 'c', 'd', 'e'], ['f']])
  })

  it('knows the line an entry began on', () => {
    const scanner = new Scanner('\n\na (\n\n)\nb')
    scanner.beginEntry()
    expect(scanner.entryLine).to.equal(3)
    scanner.rest()
    scanner.beginEntry()
    expect(scanner.entryLine).to.equal(6)
  })

  it('takes key="value" as one word when asked for pairs (RFC 9460 appendix A)', () => {
    const scanner = new Scanner('a=b c="d e;f" g= "h"')
    expect([1, 2, 3, 4, 5].map(() => scanner.nextPair()?.text)).to.deep.equal(['a=b', 'c=d e;f', 'g=', 'h', undefined])
  })

  it('refuses what does not close', () => {
    for (const text of ['a "b', 'a "b\n"', 'a (b', 'a )', 'a \\\nb'])
      expect(
        wireError(() => wordsOf(text)),
        text,
      ).to.equal('bad-text')
  })
})

describe('unescapeOctets', () => {
  it('takes \\DDD and \\X for what they mean, and the rest as UTF-8', () => {
    expect(hexOf(unescapeOctets('a\\098\\c\\\\\\"\\255é\\é'))).to.equal('6162635c22ffc3a9c3a9')
  })
  it('refuses escapes that mean nothing', () => {
    for (const text of ['\\', 'a\\1', '\\12x', '\\256', '\\999'])
      expect(
        wireError(() => unescapeOctets(text)),
        text,
      ).to.equal('bad-text')
  })
})
