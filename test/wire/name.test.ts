import { expect } from 'chai'
import fc from 'fast-check'
import {
  ancestorWith,
  commonAncestor,
  compareCanonical,
  countLabels,
  equalNames,
  firstLabel,
  foldName,
  isAtOrBelow,
  isBelow,
  isWildcard,
  MAX_NAME,
  nameFromText,
  nameKey,
  nameToText,
  parentName,
  prependLabel,
  ROOT,
  replaceSuffix,
} from '../../src/wire/name.ts'
import { anyName } from './arbitraries.ts'
import { hex, octets, wireErrorOf } from './octets.ts'

const name = nameFromText
const seeded = { seed: 1035, numRuns: 500 }

describe('nameFromText (RFC 1035 §5.1)', () => {
  it('gives labels behind their lengths, and a final zero', () => {
    expect(hex(name('www.example.org.'))).to.equal(hex(octets('03 "www" 07 "example" 03 "org" 00')))
  })
  it('does not need the final dot', () => expect(name('example.org')).to.deep.equal(name('example.org.')))
  it('keeps the case', () => expect(hex(name('ExAmple'))).to.equal(hex(octets('07 "ExAmple" 00'))))
  it('takes a lone dot for the root', () => expect(name('.')).to.deep.equal(ROOT))
  it('takes \\DDD for an octet and \\X for X', () => {
    expect(hex(name('a\\.b.\\000\\255\\\\'))).to.equal(hex(octets('03 "a.b" 03 00 ff 5c 00')))
  })
  it('takes 255 octets and no more', () => {
    const labels = `${'x'.repeat(63)}.`.repeat(3)
    expect(name(labels + 'y'.repeat(61))).to.have.length(255)
    expect(wireErrorOf(() => name(labels + 'y'.repeat(62)))).to.equal('bad-text')
    expect(wireErrorOf(() => name('a.'.repeat(128)))).to.equal('bad-text')
    expect(name('a.'.repeat(127))).to.have.length(255)
  })
  for (const wrong of [
    '',
    '..',
    '.a',
    'a..b',
    'a..',
    'a\\',
    'a\\25',
    'a\\2b',
    'a\\256',
    'é.org',
    'a\\é',
    'x'.repeat(64),
  ]) {
    it(`refuses ${JSON.stringify(wrong)}`, () => expect(wireErrorOf(() => name(wrong))).to.equal('bad-text'))
  }
})

describe('nameToText (RFC 1035 §5.1, RFC 4343 §2.1)', () => {
  it('ends in a dot', () => expect(nameToText(octets('<example.org>'))).to.equal('example.org.'))
  it('writes the root as a dot', () => expect(nameToText(ROOT)).to.equal('.'))
  it('escapes what has a meaning, and what cannot be seen', () => {
    expect(nameToText(octets('08 "a.\\@;" 20 7f 80 00'))).to.equal('a\\.\\\\\\@\\;\\032\\127\\128.')
  })
  it('is read back to the same octets', () => {
    fc.assert(
      fc.property(anyName, (value) => {
        expect(name(nameToText(value))).to.deep.equal(value)
      }),
      seeded,
    )
  })
})

describe('equalNames (RFC 4343 §3)', () => {
  it('ignores the case of ASCII letters', () => expect(equalNames(name('A.zZ'), name('a.Zz'))).to.equal(true))
  it('folds no other octets', () => {
    expect(equalNames(name('@[`{'), name('`{@['))).to.equal(false)
    expect(equalNames(name('\\192'), name('\\224'))).to.equal(false)
  })
  it('heeds where labels end', () => expect(equalNames(name('a\\.b'), name('a.b'))).to.equal(false))
  it('agrees with nameKey, foldName and compareCanonical', () => {
    fc.assert(
      fc.property(anyName, anyName, (a, b) => {
        const equal = equalNames(a, b)
        expect(nameKey(a) === nameKey(b)).to.equal(equal)
        expect(hex(foldName(a)) === hex(foldName(b))).to.equal(equal)
        expect(compareCanonical(a, b) === 0).to.equal(equal)
      }),
      seeded,
    )
  })
})

describe('foldName', () => {
  it('gives the name itself when there is nothing to fold', () => {
    const folded = name('example.org')
    expect(foldName(folded)).to.equal(folded)
  })
  it('does not change its argument', () => {
    const capital = name('A')
    expect(foldName(capital)).to.deep.equal(name('a'))
    expect(capital).to.deep.equal(name('A'))
  })
})

describe('isAtOrBelow and isBelow', () => {
  it('hold along the tree, whatever the case', () => {
    expect(isAtOrBelow(name('www.example.org'), name('EXAMPLE.org'))).to.equal(true)
    expect(isBelow(name('www.example.org'), name('EXAMPLE.org'))).to.equal(true)
    expect(isAtOrBelow(name('www.example.org'), ROOT)).to.equal(true)
  })
  it('differ for the name itself', () => {
    expect(isAtOrBelow(name('example.org'), name('example.org'))).to.equal(true)
    expect(isBelow(name('example.org'), name('example.org'))).to.equal(false)
    expect(isBelow(ROOT, ROOT)).to.equal(false)
  })
  it('are not fooled by an ending that is no label', () => {
    expect(isAtOrBelow(name('badexample.org'), name('example.org'))).to.equal(false)
    expect(isAtOrBelow(octets('09 "a" 07 "example" 03 "org" 00'), name('example.org'))).to.equal(false)
    // the last octets of this one label spell "\007example\003org" and the root
    expect(isAtOrBelow(octets('0d "a" 07 "example" 03 "org" 00'), name('example.org'))).to.equal(false)
  })
  it('do not hold upwards', () => expect(isAtOrBelow(name('org'), name('example.org'))).to.equal(false))
})

describe('walking up a name', () => {
  const www = name('www.example.org')
  it('countLabels does not count the root', () => {
    expect(countLabels(ROOT)).to.equal(0)
    expect(countLabels(www)).to.equal(3)
    expect(countLabels(name('a.'.repeat(127)))).to.equal(127)
  })
  it('parentName ends at the root', () => {
    expect(nameToText(parentName(www))).to.equal('example.org.')
    expect(parentName(ROOT)).to.deep.equal(ROOT)
  })
  it('ancestorWith keeps the labels nearest the root', () => {
    expect(nameToText(ancestorWith(www, 2))).to.equal('example.org.')
    expect(nameToText(ancestorWith(www, 0))).to.equal('.')
    expect(ancestorWith(www, 3)).to.equal(www)
    expect(ancestorWith(www, 9)).to.equal(www)
  })
  it('firstLabel is without its length', () => {
    expect(hex(firstLabel(www))).to.equal(hex(octets('"www"')))
    expect(firstLabel(ROOT)).to.have.length(0)
  })
  it('isWildcard wants a label that is nothing but an asterisk', () => {
    expect(isWildcard(name('*.example.org'))).to.equal(true)
    expect(isWildcard(name('*a.example.org'))).to.equal(false)
    expect(isWildcard(name('www.*.org'))).to.equal(false)
    expect(isWildcard(ROOT)).to.equal(false)
  })
})

describe('commonAncestor', () => {
  const common = (a: string, b: string) => nameToText(commonAncestor(name(a), name(b)))
  it('is where both branches meet', () => {
    expect(common('a.b.example.org', 'c.B.example.org')).to.equal('b.example.org.')
    expect(common('a.org', 'a.net')).to.equal('.')
    expect(common('www.example.org', 'example.org')).to.equal('example.org.')
    expect(common('example.org', 'www.example.org')).to.equal('example.org.')
    expect(common('.', 'org')).to.equal('.')
  })
  it('has both at or below it, and their next labels differ', () => {
    fc.assert(
      fc.property(anyName, anyName, (a, b) => {
        const common = commonAncestor(a, b)
        expect(isAtOrBelow(a, common) && isAtOrBelow(b, common)).to.equal(true)
        const deeper = countLabels(common) + 1
        const both = countLabels(a) >= deeper && countLabels(b) >= deeper
        expect(both && equalNames(ancestorWith(a, deeper), ancestorWith(b, deeper))).to.equal(false)
      }),
      seeded,
    )
  })
})

describe('compareCanonical (RFC 4034 §6.1)', () => {
  const inOrder = ['example', 'a.example', 'yljkjljk.a.example', 'Z.a.example', 'zABC.a.EXAMPLE', 'z.example']
  inOrder.push('\\001.z.example', '*.z.example', '\\200.z.example')
  it("sorts the RFC's example", () => {
    const shuffled = [5, 2, 8, 0, 7, 4, 1, 6, 3].map((i) => name(inOrder[i]))
    expect(shuffled.sort(compareCanonical)).to.deep.equal(inOrder.map(name))
  })
  it('puts a label before those it begins', () => {
    expect(compareCanonical(name('ab'), name('abc'))).to.be.below(0)
    expect(compareCanonical(name('abc'), name('ab'))).to.be.above(0)
  })
})

describe('replaceSuffix (RFC 6672 §2.2)', () => {
  it('moves a name to another tree', () => {
    expect(replaceSuffix(name('a.B.example.org'), name('example.org'), name('example.net'))).to.deep.equal(
      name('a.B.example.net'),
    )
    expect(replaceSuffix(name('a.org'), ROOT, name('net'))).to.deep.equal(name('a.org.net'))
    expect(replaceSuffix(name('a.org'), name('org'), ROOT)).to.deep.equal(name('a'))
  })
  it('gives up beyond 255 octets', () => {
    const long = name(`${'x'.repeat(63)}.`.repeat(3) + 'y'.repeat(57))
    expect(replaceSuffix(prependLabel(octets('"a"'), long)!, long, long)).to.have.length(long.length + 2)
    expect(replaceSuffix(name('abcd.org'), name('org'), long)).to.equal(undefined)
    expect(replaceSuffix(name('abc.org'), name('org'), long)).to.have.length(MAX_NAME)
  })
})

describe('prependLabel', () => {
  it('lengthens a name by one label', () => {
    expect(prependLabel(octets('"*"'), name('example.org'))).to.deep.equal(name('*.example.org'))
  })
  it('gives up beyond 255 octets', () => {
    const long = name(`${'x'.repeat(63)}.`.repeat(3) + 'y'.repeat(60))
    expect(prependLabel(octets('"a"'), long)).to.equal(undefined)
  })
  it('refuses what is no label', () => {
    expect(wireErrorOf(() => prependLabel(new Uint8Array(0), ROOT))).to.equal('bad-name')
    expect(wireErrorOf(() => prependLabel(new Uint8Array(64), ROOT))).to.equal('bad-name')
  })
})
