import { expect } from 'chai'
import { parseRootHints, ROOT_HINTS, rootHint } from '../src/root-hints.ts'
import { nameToText } from '../src/wire/name.ts'

describe('ROOT_HINTS (RFC 9609 §2)', () => {
  it('has thirteen servers, each with an IPv4 and an IPv6 address', () => {
    expect(ROOT_HINTS).to.have.length(13)
    for (const { addresses } of ROOT_HINTS) expect(addresses.map((octets) => octets.length)).to.deep.equal([4, 16])
    const all = ROOT_HINTS.flatMap((hint) => hint.addresses.map((octets) => octets.join('.')))
    expect(new Set(all).size).to.equal(26)
  })
})

describe('parseRootHints', () => {
  it('reads a file like named.root, and passes over servers without an address', () => {
    const hints = parseRootHints(`
; comment
.                        3600000      NS    A.ROOT.LAB.
A.ROOT.LAB.              3600000      A     127.0.0.53
A.ROOT.LAB.              3600000      AAAA  ::1
.                        3600000      NS    B.ROOT.LAB.
com.                     3600000      NS    A.ROOT.LAB.
`)
    expect(hints.map(({ name, addresses }) => [nameToText(name), addresses.length])).to.deep.equal([['A.ROOT.LAB.', 2]])
  })

  it('gives an empty list for a file without hints', () => {
    expect(parseRootHints('www.example.org. A 192.0.2.1\n')).to.deep.equal([])
  })
})

describe('rootHint', () => {
  it('refuses what is no address', () => {
    expect(() => rootHint('a.lab.', ['not an address'])).to.throw('not an address')
  })
})
