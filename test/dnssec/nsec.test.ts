import { expect } from 'chai'
import fc from 'fast-check'
import {
  isParentSide,
  lacks,
  type Nsec,
  nsecCovering,
  nsecProvesExpansion,
  nsecProvesNoData,
  nsecProvesNoName,
  readNsec,
  saysNoName,
} from '../../src/dnssec/nsec.ts'
import { compareCanonical, equalNames, isAtOrBelow, nameToText, ROOT } from '../../src/wire/name.ts'
import { Type } from '../../src/wire/types.ts'
import { anyName } from '../wire/arbitraries.ts'
import { makeKey, name, set, signed } from './support.ts'

const zone = name('example.org')
const key = makeKey()

function nsec(owner: string, next: string, types = 'A RRSIG NSEC', apex = zone): Nsec {
  const read = readNsec(set(owner, 'NSEC', `${next} ${types}`), apex)
  if (read === undefined) throw new Error(`${owner} ${next} is no NSEC of the zone`)
  return read
}

describe('readNsec', () => {
  const read = (owner: string, next: string, apex = 'example.org') =>
    readNsec(set(owner, 'NSEC', `${next} A`), name(apex)) !== undefined

  it('takes records whose owner and next name are of the zone', () => {
    expect(read('a.example.org.', 'b.example.org.')).to.equal(true)
    expect(read('a.example.org.', 'example.org.')).to.equal(true)
    expect(read('example.org.', 'example.org.')).to.equal(true)
    expect(read('A.example.org.', 'B.EXAMPLE.org.')).to.equal(true)
    expect(read('.', 'org.', '.')).to.equal(true)
  })

  it('refuses a next name outside of the zone', () => {
    for (const next of ['b.example.net.', 'org.', '.', 'zz.org.', 'xexample.org.'])
      expect(read('a.example.org.', next), next).to.equal(false)
  })

  it('refuses an owner outside of the zone', () => {
    for (const owner of ['a.example.net.', 'org.', '.']) expect(read(owner, 'b.example.org.'), owner).to.equal(false)
  })

  it('lets only the last record lead back, and only to the apex (RFC 4034 §4.1.1)', () => {
    expect(read('z.example.org.', 'a.example.org.')).to.equal(false)
    expect(read('a.example.org.', 'a.example.org.')).to.equal(false)
    expect(read('b.a.example.org.', 'a.example.org.')).to.equal(false)
  })

  it('refuses what was expanded from a wildcard, or signed by another zone', () => {
    const plain = set('a.b.example.org', 'NSEC', 'c.example.org. A')
    expect(readNsec(signed(plain, key, zone), zone)).not.to.equal(undefined)
    expect(readNsec(signed(plain, key, zone, { labels: 3 }), zone)).to.equal(undefined)
    expect(readNsec(signed(plain, key, name('b.example.org')), zone)).to.equal(undefined)
    const wildcard = set('*.b.example.org', 'NSEC', 'c.example.org. A')
    expect(readNsec(signed(wildcard, key, zone), zone)).not.to.equal(undefined)
    expect(readNsec(signed(wildcard, key, zone, { labels: 2 }), zone)).to.equal(undefined)
  })

  it('gives only what lies within the zone and leads on in it, whatever it is shown', () => {
    let given = 0
    fc.assert(
      fc.property(anyName, anyName, anyName, (owner, next, apex) => {
        const rdata = Uint8Array.of(...next, 0, 1, 0x40)
        const record = readNsec({ owner, type: Type.NSEC, class: 1, ttl: 0, rdatas: [rdata], signatures: [] }, apex)
        const leadsOn = compareCanonical(owner, next) < 0 || equalNames(next, apex)
        const expected = isAtOrBelow(owner, apex) && isAtOrBelow(next, apex) && leadsOn
        expect(record !== undefined).to.equal(expected)
        if (record !== undefined) given++
      }),
      { numRuns: 1000, seed: 1 },
    )
    expect(given).to.be.greaterThan(30)
  })

  it('refuses sets of any number but one, and damaged ones', () => {
    expect(readNsec(set('a.example.org', 'NSEC', 'b.example.org. A', 'c.example.org. A'), zone)).to.equal(undefined)
    expect(readNsec(set('a.example.org', 'NSEC'), zone)).to.equal(undefined)
    const damaged = set('a.example.org', 'NSEC', 'b.example.org. A')
    for (const rdata of [new Uint8Array(0), Uint8Array.of(1), Uint8Array.of(0xc0, 0), damaged.rdatas[0].subarray(0, 9)])
      expect(readNsec({ ...damaged, rdatas: [rdata] }, zone)).to.equal(undefined)
  })
})

describe('lacks (RFC 6840 §4)', () => {
  const says = (types: string, qtype: number, owner = 'a.example.org') =>
    lacks(nsec('a.example.org.', 'b.example.org.', types), name(owner), qtype)

  it('believes a record about its name', () => {
    expect(says('A RRSIG NSEC', Type.AAAA)).to.equal(true)
    expect(says('A RRSIG NSEC', Type.A)).to.equal(false)
  })

  it('denies nothing where a CNAME would have answered (§4.3)', () => {
    expect(says('CNAME RRSIG NSEC', Type.A)).to.equal(false)
    expect(says('CNAME RRSIG NSEC', Type.DS)).to.equal(false)
  })

  it('takes DS from above a cut and all else from below (§4.1, §4.4)', () => {
    const above = 'NS RRSIG NSEC'
    const below = 'NS SOA RRSIG NSEC'
    expect(says(above, Type.DS)).to.equal(true)
    expect(says(below, Type.DS)).to.equal(false)
    expect(says(above, Type.A)).to.equal(false)
    expect(says(below, Type.A)).to.equal(true)
    expect(isParentSide(nsec('a.example.org.', 'b.example.org.', above))).to.equal(true)
    expect(isParentSide(nsec('a.example.org.', 'b.example.org.', below))).to.equal(false)
  })

  it('takes DS of the root from the root', () => {
    expect(lacks(nsec('.', 'a.', 'NS SOA RRSIG NSEC', ROOT), ROOT, Type.DS)).to.equal(true)
  })

  it('denies ANY only where there is nothing at all', () => {
    expect(says('A RRSIG NSEC', Type.ANY)).to.equal(false)
    expect(says('RRSIG NSEC', Type.ANY)).to.equal(true)
    expect(says('RRSIG NSEC NXNAME', Type.ANY)).to.equal(true)
  })
})

describe('nsecCovering', () => {
  const covered = (record: Nsec, text: string) => nsecCovering([record], name(text)) !== undefined

  it('is the open range between owner and next', () => {
    const record = nsec('b.example.org.', 'd.example.org.')
    for (const inside of ['c.example.org', 'a.b.example.org', 'b-.example.org', 'C.example.org', 'z.z.c.example.org'])
      expect(covered(record, inside), inside).to.equal(true)
    for (const outside of [
      'b.example.org',
      'd.example.org',
      'a.d.example.org',
      'a.example.org',
      'example.org',
      'c.org',
    ])
      expect(covered(record, outside), outside).to.equal(false)
  })

  it('runs to the end of the zone from its last name, and no further', () => {
    const last = nsec('x.example.org.', 'example.org.')
    expect(covered(last, 'y.example.org')).to.equal(true)
    expect(covered(last, 'a.x.example.org')).to.equal(true)
    for (const outside of ['a.example.org', 'example.org', 'x.example.org', 'example.test', 'zz.org', 'z.'])
      expect(covered(last, outside), outside).to.equal(false)
  })

  it('is all but the apex where the apex is all', () => {
    const only = nsec('example.org.', 'example.org.', 'NS SOA RRSIG NSEC')
    expect(covered(only, 'a.example.org')).to.equal(true)
    expect(covered(only, 'example.org')).to.equal(false)
    expect(covered(only, 'example.test')).to.equal(false)
    expect(covered(nsec('.', '.', 'NS SOA RRSIG NSEC', ROOT), 'a.example.test')).to.equal(true)
  })

  it('leaves out what is below a cut or a DNAME (RFC 6840 §4.1)', () => {
    expect(covered(nsec('b.example.org.', 'd.example.org.', 'NS RRSIG NSEC'), 'a.b.example.org')).to.equal(false)
    expect(covered(nsec('b.example.org.', 'd.example.org.', 'NS DS RRSIG NSEC'), 'a.b.example.org')).to.equal(false)
    expect(covered(nsec('b.example.org.', 'd.example.org.', 'DNAME RRSIG NSEC'), 'a.b.example.org')).to.equal(false)
    expect(covered(nsec('b.example.org.', 'd.example.org.', 'NS RRSIG NSEC'), 'c.example.org')).to.equal(true)
    expect(covered(nsec('example.org.', 'b.example.org.', 'NS SOA DNAME'), 'a.example.org')).to.equal(false)
  })
})

describe('nsecProvesNoName (RFC 4035 §3.1.3.2)', () => {
  const proves = (records: Nsec[], text: string) => nsecProvesNoName(records, name(text))
  const apex = nsec('example.org.', 'b.example.org.', 'NS SOA RRSIG NSEC')
  const gap = nsec('b.example.org.', 'd.example.org.')

  it('needs the gap of the name and the gap of the wildcard', () => {
    expect(proves([apex, gap], 'c.example.org')).to.equal(true)
    expect(proves([apex, gap], 'x.c.example.org')).to.equal(true)
    expect(proves([gap], 'c.example.org')).to.equal(false)
    expect(proves([apex], 'c.example.org')).to.equal(false)
    expect(proves([], 'c.example.org')).to.equal(false)
    expect(proves([gap], 'c.b.example.org')).to.equal(true) // the wildcard *.b is in the same gap
  })

  it('does not take a wildcard for absent that exists, or has something below it', () => {
    const wildcard = nsec('*.example.org.', 'b.example.org.')
    expect(proves([wildcard, gap], 'c.example.org')).to.equal(false)
    const belowIt = nsec('example.org.', 'a.*.example.org.', 'NS SOA RRSIG NSEC')
    expect(proves([belowIt, gap], 'c.example.org')).to.equal(false)
  })

  it('does not take an empty non-terminal for absent', () => {
    const above = nsec('b.example.org.', 'x.c.example.org.')
    expect(proves([apex, above], 'c.example.org')).to.equal(false)
    expect(proves([apex, above], 'bb.example.org')).to.equal(true)
  })

  it('believes that a name exists by its own record', () => {
    const own = nsec('c.example.org.', 'd.example.org.')
    expect(proves([apex, gap, own], 'c.example.org')).to.equal(false)
  })

  it('finds the gap that fits among several', () => {
    const stale = nsec('b.example.org.', 'x.c.example.org.')
    expect(proves([apex, stale, gap], 'c.example.org')).to.equal(true)
  })

  it('believes NXNAME (RFC 9824)', () => {
    const own = nsec('c.example.org.', '\\000.c.example.org.', 'RRSIG NSEC NXNAME')
    expect(proves([own], 'c.example.org')).to.equal(true)
    expect(proves([own], 'x.c.example.org')).to.equal(false)
    expect(saysNoName(nsec('c.example.org.', '\\000.c.example.org.', 'A RRSIG NSEC NXNAME'))).to.equal(false)
    expect(saysNoName(nsec('c.example.org.', '\\000.c.example.org.', 'RRSIG NSEC'))).to.equal(false)
  })
})

describe('nsecProvesNoData (RFC 4035 §3.1.3.1, §3.1.3.4)', () => {
  const proves = (records: Nsec[], text: string, qtype: number = Type.TXT) =>
    nsecProvesNoData(records, name(text), qtype)
  const gap = nsec('b.example.org.', 'd.example.org.')

  it('needs the record of the name', () => {
    expect(proves([gap], 'b.example.org')).to.equal(true)
    expect(proves([gap], 'b.example.org', Type.A)).to.equal(false)
    expect(proves([gap], 'c.example.org')).to.equal(false)
  })

  it('sees an empty non-terminal in the gap above it', () => {
    const above = nsec('b.example.org.', 'x.c.example.org.')
    expect(proves([above], 'c.example.org')).to.equal(true)
    expect(proves([above], 'c.example.org', Type.DS)).to.equal(true)
    expect(proves([above], 'x.c.example.org')).to.equal(false)
  })

  it('lets the wildcard stand in for a name that is not there', () => {
    const wildcard = nsec('*.example.org.', 'b.example.org.')
    expect(proves([wildcard, gap], 'c.example.org')).to.equal(true)
    expect(proves([wildcard, gap], 'x.c.example.org')).to.equal(true)
    expect(proves([wildcard, gap], 'c.example.org', Type.A)).to.equal(false)
    expect(proves([wildcard], 'c.example.org')).to.equal(false)
  })

  it('does not let another wildcard stand in', () => {
    const deeper = nsec('*.b.example.org.', 'd.example.org.')
    expect(proves([deeper], 'c.example.org')).to.equal(false)
    expect(proves([deeper], 'c.b.example.org')).to.equal(true)
    const above = nsec('*.example.org.', 'b.example.org.')
    expect(proves([above, gap], 'c.b.example.org')).to.equal(false)
  })

  it('does not let a wildcard CNAME deny, nor a delegation', () => {
    const alias = nsec('*.example.org.', 'b.example.org.', 'CNAME RRSIG NSEC')
    expect(proves([alias, gap], 'c.example.org')).to.equal(false)
    const cut = nsec('*.example.org.', 'b.example.org.', 'NS RRSIG NSEC')
    expect(proves([cut, gap], 'c.example.org')).to.equal(false)
  })

  it('lets a wildcard stand in that is an empty non-terminal itself (RFC 4592 §2.2.2)', () => {
    const above = nsec('example.org.', 'a.*.example.org.', 'NS SOA RRSIG NSEC')
    expect(proves([above, gap], 'c.example.org')).to.equal(true)
  })
})

describe('nsecProvesExpansion (RFC 4035 §5.3.4)', () => {
  const proves = (record: Nsec, text: string, encloser: string) =>
    nsecProvesExpansion([record], name(text), name(encloser))

  it('needs the gap of the name, right below the wildcard', () => {
    const gap = nsec('b.example.org.', 'd.example.org.')
    expect(proves(gap, 'c.example.org', 'example.org')).to.equal(true)
    expect(proves(gap, 'x.c.example.org', 'example.org')).to.equal(true)
    expect(proves(gap, 'd.example.org', 'example.org')).to.equal(false)
    expect(proves(gap, 'c.b.example.org', 'b.example.org')).to.equal(true)
  })

  it('sees what exists between the two', () => {
    const gap = nsec('a.c.example.org.', 'd.example.org.')
    expect(proves(gap, 'x.c.example.org', 'example.org')).to.equal(false)
    expect(proves(gap, 'x.c.example.org', 'c.example.org')).to.equal(true)
    const tail = nsec('b.example.org.', 'z.c.example.org.')
    expect(proves(tail, 'x.c.example.org', 'example.org')).to.equal(false)
  })

  it('has no use for empty non-terminals and what is beyond a cut', () => {
    expect(proves(nsec('b.example.org.', 'x.c.example.org.'), 'c.example.org', 'example.org')).to.equal(false)
    const cut = nsec('b.example.org.', 'd.example.org.', 'NS RRSIG NSEC')
    expect(proves(cut, 'x.b.example.org', 'b.example.org')).to.equal(false)
    expect(nameToText(cut.owner)).to.equal('b.example.org.')
  })
})
