import { expect } from 'chai'
import {
  proveExpansion,
  proveNoData,
  proveNoDs,
  proveNoName,
  provesNoNameCompactly,
  readProofs,
} from '../../src/dnssec/denial.ts'
import { MAX_NSEC3, nsec3Hash } from '../../src/dnssec/nsec3.ts'
import { bogus, edeForInsecure, insecure, SECURE } from '../../src/dnssec/verdict.ts'
import { base32HexText } from '../../src/wire/base32.ts'
import { ROOT } from '../../src/wire/name.ts'
import type { RRset } from '../../src/wire/rrset.ts'
import { Ede, Type } from '../../src/wire/types.ts'
import { name, set } from './support.ts'

const zone = name('example.org')
const MISSING = bogus('denial missing')
const proofs = (sets: RRset[], apex = zone, maxIterations = 50) => readProofs(sets, apex, maxIterations, () => true)
const nsec = (owner: string, next: string, types = 'A RRSIG NSEC') => set(owner, 'NSEC', `${next} ${types}`)

interface Parameters {
  iterations?: number
  salt?: string
  flags?: number
}

function hashOf(text: string, { iterations = 0, salt = '-' }: Parameters): bigint {
  const octets = nsec3Hash(name(text), salt === '-' ? new Uint8Array(0) : Buffer.from(salt, 'hex'), iterations)
  return BigInt(`0x${Buffer.from(octets).toString('hex')}`)
}

/** An NSEC3 set from hash `from` to hash `to`, which are numbers here. */
function nsec3(from: bigint, to: bigint, types: string, { iterations = 0, salt = '-', flags = 0 }: Parameters): RRset {
  const text = (hash: bigint) => base32HexText(Buffer.from(hash.toString(16).padStart(40, '0'), 'hex'))
  return set(`${text(from)}.example.org`, 'NSEC3', `1 ${flags} ${iterations} ${salt} ${text(to)} ${types}`)
}

const matching = (text: string, types: string, parameters: Parameters = {}) =>
  nsec3(hashOf(text, parameters), hashOf(text, parameters) + 1n, types, parameters)
const covering = (text: string, parameters: Parameters = {}) =>
  nsec3(hashOf(text, parameters) - 1n, hashOf(text, parameters) + 1n, 'A RRSIG', parameters)

/** That c.example.org is not there. */
const noName = (parameters: Parameters = {}) => [
  matching('example.org', 'NS SOA RRSIG DNSKEY NSEC3PARAM', parameters),
  covering('c.example.org', parameters),
  covering('*.example.org', parameters),
]

describe('the zone that proofs are of', () => {
  const all = [nsec('example.org.', 'example.org.', 'NS SOA RRSIG NSEC DNSKEY')]

  it('is the only one they speak of', () => {
    expect(proveNoName(proofs(all), name('a.example.org'))).to.equal(SECURE)
    for (const other of ['org', 'example.test', 'a.example.net', 'z.']) {
      expect(proveNoName(proofs(all), name(other))).to.deep.equal(MISSING)
      expect(proveNoData(proofs(all), name(other), Type.TXT)).to.deep.equal(MISSING)
      expect(proveNoDs(proofs(all), name(other))).to.equal('unproven')
    }
    expect(proveExpansion(proofs(all), name('a.example.org'), zone)).to.equal(SECURE)
    expect(proveExpansion(proofs(all), name('a.example.org'), name('org'))).to.deep.equal(MISSING)
    expect(proveExpansion(proofs(all), zone, zone)).to.deep.equal(MISSING)
  })

  it('exists itself', () => {
    expect(proveNoName(proofs(all), zone)).to.deep.equal(MISSING)
    expect(proveNoName(proofs(noName()), zone)).to.deep.equal(MISSING)
    expect(proveNoData(proofs(all), zone, Type.TXT)).to.equal(SECURE)
    expect(proveNoData(proofs(all), zone, Type.NS)).to.deep.equal(MISSING)
  })

  it('does not deny its own DS, unless it is the root (RFC 6840 §4.4)', () => {
    const bare = [nsec('example.org.', 'example.org.', 'RRSIG NSEC')]
    expect(proveNoData(proofs(bare), zone, Type.DS)).to.deep.equal(MISSING)
    expect(proveNoDs(proofs(bare), zone)).to.equal('unproven')
    const root = proofs([set('.', 'NSEC', 'org. NS SOA RRSIG NSEC DNSKEY')], ROOT)
    expect(proveNoData(root, ROOT, Type.DS)).to.equal(SECURE)
    expect(proveNoDs(root, ROOT)).to.equal('unproven')
  })
})

describe('chains of several parameters (RFC 5155 §8.2)', () => {
  const old = { iterations: 3, salt: 'aabb' }

  it('are each tried', () => {
    const both = [...noName(old), ...noName()]
    expect(proveNoName(proofs(both), name('c.example.org'))).to.equal(SECURE)
    expect(proveNoName(proofs([...both].reverse()), name('c.example.org'))).to.equal(SECURE)
    const partial = [...noName(old).slice(1), ...noName()]
    expect(proveNoName(proofs(partial), name('c.example.org'))).to.equal(SECURE)
  })

  it('are not mixed', () => {
    const mixed = [...noName(old).slice(0, 1), ...noName().slice(1)]
    expect(proveNoName(proofs(mixed), name('c.example.org'))).to.deep.equal(MISSING)
    const saltOnly = [...noName({ salt: 'aa' }).slice(0, 2), ...noName({ salt: 'bb' }).slice(2)]
    expect(proveNoName(proofs(saltOnly), name('c.example.org'))).to.deep.equal(MISSING)
  })

  it('give the best they have', () => {
    const both = [...noName({ ...old, flags: 1 }), ...noName()]
    expect(proveNoName(proofs(both), name('c.example.org'))).to.equal(SECURE)
    expect(proveNoName(proofs(both.slice(0, 4)), name('c.example.org'))).to.deep.equal(insecure('opt-out'))
  })

  it('hold only so many records', () => {
    const padding = Array.from({ length: MAX_NSEC3 }, (_, i) => matching(`p${i}.example.org`, 'A'))
    expect(proveNoName(proofs([...noName(), ...padding]), name('c.example.org'))).to.equal(SECURE)
    expect(proveNoName(proofs([...padding, ...noName()]), name('c.example.org'))).to.deep.equal(MISSING)
  })
})

describe('NSEC3 iterations (RFC 9276 §3.2)', () => {
  const costly = { iterations: 51 }

  it('make a zone insecure when they are too many', () => {
    expect(proveNoName(proofs(noName({ iterations: 50 })), name('c.example.org'))).to.equal(SECURE)
    const verdict = proveNoName(proofs(noName(costly)), name('c.example.org'))
    expect(verdict).to.deep.equal(insecure('too many NSEC3 iterations'))
    expect(edeForInsecure('too many NSEC3 iterations')).to.equal(Ede.UNSUPPORTED_NSEC3_ITERATIONS)
    expect(proveNoDs(proofs(noName(costly)), name('c.example.org'))).to.equal('cut')
  })

  it('do not matter when there is a proof without them', () => {
    const both = [...noName(costly), ...noName()]
    expect(proveNoName(proofs(both), name('c.example.org'))).to.equal(SECURE)
    expect(proveNoDs(proofs(both), name('c.example.org'))).to.equal('no-cut')
    const signedCut = [...noName(costly), matching('c.example.org', 'NS DS RRSIG')]
    expect(proveNoDs(proofs(signedCut), name('c.example.org'))).to.equal('unproven')
  })

  it('end in a limit when hashing is not paid for', () => {
    const dear = readProofs(noName(), zone, 50, () => false)
    expect(proveNoName(dear, name('c.example.org'))).to.deep.equal(bogus('limit reached'))
    expect(proveNoDs(dear, name('c.example.org'))).to.equal('too-costly')
  })
})

describe('proveNoDs (RFC 4035 §5.2, RFC 5155 §8.9)', () => {
  const cut = name('c.example.org')
  const byNsec = (types: string) => proveNoDs(proofs([nsec('c.example.org.', 'd.example.org.', types)]), cut)
  const byNsec3 = (types: string) => proveNoDs(proofs([matching('c.example.org', types)]), cut)

  for (const [title, by] of [
    ['NSEC', byNsec],
    ['NSEC3', byNsec3],
  ] as const) {
    it(`reads the record of the name: ${title}`, () => {
      expect(by('NS RRSIG')).to.equal('cut')
      expect(by('NS DS RRSIG')).to.equal('unproven')
      expect(by('A RRSIG')).to.equal('no-cut')
      expect(by('CNAME RRSIG')).to.equal('no-cut')
      expect(by('NS SOA RRSIG')).to.equal('unproven') // the child's own
      expect(by('RRSIG NXNAME')).to.equal('no-cut')
    })
  }

  it('finds no cut where there is no name', () => {
    const apex = nsec('example.org.', 'b.example.org.', 'NS SOA RRSIG NSEC')
    expect(proveNoDs(proofs([apex, nsec('b.example.org.', 'd.example.org.')]), cut)).to.equal('no-cut')
    expect(proveNoDs(proofs([nsec('b.example.org.', 'x.c.example.org.')]), cut)).to.equal('no-cut')
    expect(proveNoDs(proofs(noName()), cut)).to.equal('no-cut')
  })

  it('finds nothing below another cut', () => {
    const above = nsec('b.example.org.', 'd.example.org.', 'NS RRSIG NSEC')
    expect(proveNoDs(proofs([above]), name('x.b.example.org'))).to.equal('unproven')
    const hashed = [matching('c.example.org', 'NS RRSIG'), covering('x.c.example.org'), covering('*.c.example.org')]
    expect(proveNoDs(proofs(hashed), name('x.c.example.org'))).to.equal('unproven')
  })

  it('lets opt-out hide an unsigned delegation', () => {
    expect(proveNoDs(proofs(noName({ flags: 1 })), cut)).to.equal('cut')
    expect(proveNoDs(proofs(noName({ flags: 1 }).slice(1)), cut)).to.equal('unproven')
  })

  it('is unproven by nothing', () => expect(proveNoDs(proofs([]), cut)).to.equal('unproven'))
})

describe('compact denial (RFC 9824)', () => {
  const nxname = [nsec('c.example.org.', '\\000.c.example.org.', 'RRSIG NSEC NXNAME')]

  it('proves no data and no name alike', () => {
    expect(proveNoData(proofs(nxname), name('c.example.org'), Type.A)).to.equal(SECURE)
    expect(proveNoName(proofs(nxname), name('c.example.org'))).to.equal(SECURE)
    expect(provesNoNameCompactly(proofs(nxname), name('c.example.org'))).to.equal(true)
    expect(provesNoNameCompactly(proofs(nxname), name('x.c.example.org'))).to.equal(false)
  })

  it('does so with NSEC3', () => {
    const hashed = proofs([matching('c.example.org', 'RRSIG NXNAME')])
    expect(proveNoData(hashed, name('c.example.org'), Type.A)).to.equal(SECURE)
    expect(proveNoName(hashed, name('c.example.org'))).to.equal(SECURE)
    expect(provesNoNameCompactly(hashed, name('c.example.org'))).to.equal(true)
  })

  it('says by its absence that a name exists', () => {
    const empty = proofs([nsec('c.example.org.', '\\000.c.example.org.', 'RRSIG NSEC')])
    expect(proveNoData(empty, name('c.example.org'), Type.A)).to.equal(SECURE)
    expect(proveNoName(empty, name('c.example.org'))).to.deep.equal(MISSING)
    expect(provesNoNameCompactly(empty, name('c.example.org'))).to.equal(false)
  })
})
