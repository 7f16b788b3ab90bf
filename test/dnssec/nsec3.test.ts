import { expect } from 'chai'
import fc from 'fast-check'
import { hashBlocks, type Nsec3, Nsec3Chain, nsec3Hash, readNsec3 } from '../../src/dnssec/nsec3.ts'
import { base32HexOctets, base32HexText } from '../../src/wire/base32.ts'
import { equalNames, type Name, parentName, prependLabel, ROOT } from '../../src/wire/name.ts'
import { Type } from '../../src/wire/types.ts'
import { anyName } from '../wire/arbitraries.ts'
import { makeKey, name, set, signed } from './support.ts'

const zone = name('example.org')
const key = makeKey()
const NO_SALT = new Uint8Array(0)

describe('nsec3Hash (RFC 5155 §5)', () => {
  const salt = Uint8Array.of(0xaa, 0xbb, 0xcc, 0xdd)

  it('agrees with the names of RFC 5155 appendix A', () => {
    const hashes: Record<string, string> = {
      example: '0p9mhaveqvm6t7vbl5lop2u3t2rp3tom',
      'a.example': '35mthgpgcu1qg68fab165klnsnk3dpvl',
      'ai.example': 'gjeqe526plbf1g8mklp59enfd789njgi',
      'ns1.example': '2t7b4g4vsa5smi47k61mv5bv1a22bojr',
      'ns2.example': 'q04jkcevqvmu85r014c7dkba38o0ji5r',
      'w.example': 'k8udemvp1j2f7eg6jebps17vp3n8i58h',
      '*.w.example': 'r53bq7cc2uvmubfu5ocmm6pers9tk9en',
      'x.w.example': 'b4um86eghhds6nea196smvmlo4ors995',
      'y.w.example': 'ji6neoaepv8b5o6k4ev33abha8ht9fgc',
      'x.y.w.example': '2vptu5timamqttgl4luu9kg21e0aor3s',
      'xx.example': 't644ebqk9bibcna874givr6joj62mlhv',
      '2t7b4g4vsa5smi47k61mv5bv1a22bojr.example': 'kohar7mbb8dc2ce8a9qvl8hon4k53uhi',
    }
    for (const [text, hash] of Object.entries(hashes)) {
      expect(base32HexText(nsec3Hash(name(text), salt, 12))).to.equal(hash)
      expect(base32HexText(nsec3Hash(name(text.toUpperCase()), salt, 12))).to.equal(hash)
    }
  })

  it('costs a SHA-1 block for each 64 octets, with 9 of padding', () => {
    expect(hashBlocks(55, 0, 0)).to.equal(1)
    expect(hashBlocks(56, 0, 0)).to.equal(2)
    expect(hashBlocks(255, 255, 0)).to.equal(9)
    expect(hashBlocks(13, 0, 50)).to.equal(51)
    expect(hashBlocks(13, 36, 50)).to.equal(1 + 2 * 50)
    expect(hashBlocks(13, 255, 2500)).to.equal(5 + 5 * 2500)
  })
})

interface Fields {
  owner?: string
  next?: string
  types?: string
  flags?: number
  iterations?: number
  salt?: string
  algorithm?: number
}

const hashText = (owner: Name, salt = NO_SALT, iterations = 0) => base32HexText(nsec3Hash(owner, salt, iterations))
/** The hash right before or after another. */
const beside = (hash: string, step: 1 | -1): string => {
  const octets = new Uint8Array(base32HexOctets(hash))
  let at = octets.length - 1
  for (octets[at] += step; octets[at] === (step === 1 ? 0 : 255); octets[at] += step) at--
  return base32HexText(octets)
}

function nsec3Set(fields: Fields, apex = 'example.org') {
  const { next = '0'.repeat(32), types = 'A RRSIG', flags = 0, iterations = 0, salt = '-', algorithm = 1 } = fields
  const owner = fields.owner ?? hashText(name('a.example.org'))
  return set(
    apex === '.' ? `${owner}.` : `${owner}.${apex}`,
    'NSEC3',
    `${algorithm} ${flags} ${iterations} ${salt} ${next} ${types}`,
  )
}

describe('readNsec3 (RFC 5155 §8.1, §8.2)', () => {
  const read = (fields: Fields, apex = zone, owner = 'example.org') => readNsec3(nsec3Set(fields, owner), apex)

  it('reads the fields', () => {
    const record = read({ flags: 1, iterations: 300, salt: 'aabb', next: 'V'.repeat(32) })
    expect(record).to.deep.include({ optOut: true, iterations: 300, salt: Uint8Array.of(0xaa, 0xbb) })
    expect(record?.nextHash).to.deep.equal(new Uint8Array(20).fill(255))
    expect(base32HexText(record?.hash as Uint8Array)).to.equal(hashText(name('a.example.org')))
  })

  it('takes the owner in capitals', () => {
    expect(read({ owner: 'V'.repeat(32) })?.hash).to.deep.equal(new Uint8Array(20).fill(255))
  })

  it('passes over hash algorithms and flags it does not know', () => {
    expect(read({ algorithm: 2 })).to.equal(undefined)
    expect(read({ flags: 2 })).to.equal(undefined)
    expect(read({ flags: 0x81 })).to.equal(undefined)
  })

  it('wants a hash right below the zone', () => {
    expect(read({}, zone, 'sub.example.org')).to.equal(undefined)
    expect(read({}, zone, 'org')).to.equal(undefined)
    expect(read({}, name('sub.example.org'))).to.equal(undefined)
    expect(read({}, ROOT, '.')).not.to.equal(undefined)
    expect(read({ owner: 'www' })).to.equal(undefined)
    expect(read({ owner: 'w'.repeat(32) })).to.equal(undefined)
    expect(read({ owner: '0'.repeat(31) })).to.equal(undefined)
    expect(read({ owner: '0'.repeat(34) })).to.equal(undefined)
    expect(read({ next: '0'.repeat(16) })).to.equal(undefined)
  })

  it('refuses what was expanded from a wildcard, signed by another zone, not one, or damaged', () => {
    const plain = nsec3Set({})
    expect(readNsec3(signed(plain, key, zone), zone)).not.to.equal(undefined)
    expect(readNsec3(signed(plain, key, zone, { labels: 2 }), zone)).to.equal(undefined)
    expect(readNsec3(signed(plain, key, name('org')), zone)).to.equal(undefined)
    expect(readNsec3({ ...plain, rdatas: [...plain.rdatas, ...plain.rdatas] }, zone)).to.equal(undefined)
    expect(readNsec3({ ...plain, rdatas: [] }, zone)).to.equal(undefined)
    for (let length = 0; length < 26; length++)
      expect(readNsec3({ ...plain, rdatas: [plain.rdatas[0].subarray(0, length)] }, zone)).to.equal(undefined)
  })

  it('gives only what has a hash for owner, right below the zone', () => {
    const label = fc.constantFrom('0'.repeat(32), 'V'.repeat(32), '0'.repeat(31), 'w'.repeat(32), 'www', '0.0')
    const [rdata] = nsec3Set({}).rdatas
    let read = 0
    fc.assert(
      fc.property(label, anyName, anyName, fc.boolean(), (first, apex, other, same) => {
        const owner = prependLabel(Buffer.from(first), same ? apex : other)
        if (owner === undefined) return
        const record = readNsec3({ owner, type: Type.NSEC3, class: 1, ttl: 0, rdatas: [rdata], signatures: [] }, apex)
        if (record === undefined) return
        read++
        expect(owner).to.deep.equal(prependLabel(Buffer.from(first), parentName(owner)))
        expect(equalNames(parentName(owner), apex)).to.equal(true)
        expect(first).to.be.oneOf(['0'.repeat(32), 'V'.repeat(32)])
      }),
      { numRuns: 300, seed: 1 },
    )
    expect(read).to.be.greaterThan(30)
  })
})

/** A record that matches `text`, with nothing in its gap. */
function matching(text: string, types = 'A RRSIG', fields: Fields = {}): Nsec3 {
  const hash = hashText(name(text))
  return record({ owner: hash, next: beside(hash, 1), types, ...fields })
}

/** A record in whose gap is the hash of `text`, and no other. */
function covering(text: string, fields: Fields = {}): Nsec3 {
  const hash = hashText(name(text))
  return record({ owner: beside(hash, -1), next: beside(hash, 1), ...fields })
}

function record(fields: Fields): Nsec3 {
  const read = readNsec3(nsec3Set(fields), zone)
  if (read === undefined) throw new Error('no NSEC3')
  return read
}

const chain = (...records: Nsec3[]) => new Nsec3Chain(records, zone, () => true)
const APEX = 'NS SOA RRSIG DNSKEY NSEC3PARAM'

describe('Nsec3Chain: no such name (RFC 5155 §8.4)', () => {
  const apex = matching('example.org', APEX)
  const [next, wildcard] = [covering('c.example.org'), covering('*.example.org')]
  const outcome = (...records: Nsec3[]) => chain(...records).provesNoName(name('x.c.example.org'))

  it('needs closest encloser, next closer name and wildcard', () => {
    expect(outcome(apex, next, wildcard)).to.equal('proven')
    expect(outcome(wildcard, next, apex)).to.equal('proven')
    expect(outcome(next, wildcard)).to.equal('unproven')
    expect(outcome(apex, wildcard)).to.equal('unproven')
    expect(outcome(apex, next)).to.equal('unproven')
  })

  it('is not fooled by matches in place of gaps', () => {
    expect(outcome(apex, matching('c.example.org'), wildcard)).to.equal('unproven')
    expect(outcome(apex, next, matching('*.example.org'))).to.equal('unproven')
  })

  it('takes no ancestor for closest encloser that is a cut or has a DNAME (§8.3, RFC 6840 §4.1)', () => {
    for (const types of ['NS RRSIG', 'NS DS RRSIG', 'DNAME RRSIG', 'NS SOA DNAME RRSIG'])
      expect(outcome(matching('example.org', types), next, wildcard), types).to.equal('unproven')
    const cut = matching('c.example.org', 'NS RRSIG')
    expect(outcome(apex, cut, covering('x.c.example.org'), covering('*.c.example.org'))).to.equal('unproven')
  })

  it('is not certain where opt-out covers the next closer name (§9.2)', () => {
    expect(outcome(apex, covering('c.example.org', { flags: 1 }), wildcard)).to.equal('opt-out')
    expect(outcome(apex, next, covering('*.example.org', { flags: 1 }))).to.equal('proven')
  })

  it('believes NXNAME at the name (RFC 9824)', () => {
    const own = matching('x.c.example.org', 'RRSIG NXNAME')
    expect(outcome(own)).to.equal('proven')
    expect(chain(own).provesNoName(name('y.x.c.example.org'))).to.equal('unproven')
    expect(outcome(matching('x.c.example.org', 'A RRSIG NXNAME'))).to.equal('unproven')
  })

  it('says nothing of other zones', () => {
    const all = record({ owner: '0'.repeat(32), next: '0'.repeat(32) })
    expect(chain(apex, all).provesNoName(name('c.example.net'))).to.equal('unproven')
    expect(chain(apex, all).provesNoName(name('org'))).to.equal('unproven')
    expect(chain(apex, all).provesNoName(name('example.org'))).to.equal('unproven')
  })

  it('goes round at the end of the chain, and round the whole of it in a zone of one name', () => {
    const [hash, wild] = [hashText(name('c.example.org')), hashText(name('*.example.org'))]
    const [low, high] = [hash, wild].sort()
    const last = record({ owner: beside(high, -1), next: beside(low, 1) }) // both ends
    expect(outcome(apex, last)).to.equal('proven')
    const inner = record({ owner: beside(low, 1), next: beside(high, -1) }) // between the two
    expect(outcome(apex, inner)).to.equal('unproven')
    const only = hashText(zone)
    expect(outcome(record({ owner: only, next: only, types: APEX }))).to.equal('proven')
  })
})

describe('Nsec3Chain: no data (RFC 5155 §8.5 to §8.7)', () => {
  const apex = matching('example.org', APEX)
  const next = covering('c.example.org')
  const outcome = (qtype: number, ...records: Nsec3[]) => chain(...records).provesNoData(name('c.example.org'), qtype)

  it('believes the record of the name', () => {
    expect(outcome(Type.TXT, matching('c.example.org'))).to.equal('proven')
    expect(outcome(Type.A, matching('c.example.org'))).to.equal('unproven')
    expect(outcome(Type.A, matching('c.example.org', 'CNAME RRSIG'))).to.equal('unproven')
    expect(outcome(Type.A, matching('c.example.org', 'NS RRSIG'))).to.equal('unproven')
    expect(outcome(Type.DS, matching('c.example.org', 'NS RRSIG'))).to.equal('proven')
    expect(outcome(Type.DS, matching('c.example.org', 'NS SOA RRSIG'))).to.equal('unproven')
    expect(outcome(Type.A, matching('c.example.org', ''))).to.equal('proven') // an empty non-terminal
    expect(outcome(Type.ANY, matching('c.example.org', ''))).to.equal('proven')
    expect(outcome(Type.ANY, matching('c.example.org'))).to.equal('unproven')
  })

  it('believes the wildcard where the name is not there', () => {
    const wildcard = matching('*.example.org')
    expect(outcome(Type.TXT, apex, next, wildcard)).to.equal('proven')
    expect(outcome(Type.A, apex, next, wildcard)).to.equal('unproven')
    expect(outcome(Type.TXT, apex, wildcard)).to.equal('unproven')
    expect(outcome(Type.TXT, next, wildcard)).to.equal('unproven')
    expect(outcome(Type.TXT, apex, next, matching('*.example.org', 'CNAME RRSIG'))).to.equal('unproven')
    expect(outcome(Type.TXT, apex, covering('c.example.org', { flags: 1 }), wildcard)).to.equal('opt-out')
  })

  it('lets opt-out hide unsigned delegations, and empty non-terminals above them', () => {
    const hiding = covering('c.example.org', { flags: 1 })
    expect(outcome(Type.DS, apex, hiding)).to.equal('opt-out')
    expect(outcome(Type.A, apex, hiding)).to.equal('opt-out')
    expect(outcome(Type.DS, apex, next)).to.equal('unproven')
    expect(outcome(Type.DS, hiding)).to.equal('unproven')
  })
})

describe('Nsec3Chain: expansion (RFC 5155 §8.8)', () => {
  const outcome = (encloser: string, ...records: Nsec3[]) =>
    chain(...records).provesExpansion(name('x.c.example.org'), name(encloser))

  it('needs the next closer name in a gap', () => {
    expect(outcome('example.org', covering('c.example.org'))).to.equal('proven')
    expect(outcome('example.org', covering('x.c.example.org'))).to.equal('unproven')
    expect(outcome('c.example.org', covering('x.c.example.org'))).to.equal('proven')
    expect(outcome('example.org', covering('c.example.org', { flags: 1 }))).to.equal('opt-out')
  })

  it('has no use for enclosers that enclose nothing', () => {
    const all = record({ owner: '0'.repeat(32), next: '0'.repeat(32) })
    for (const encloser of ['x.c.example.org', 'y.x.c.example.org', 'example.net'])
      expect(outcome(encloser, all), encloser).to.equal('unproven')
  })
})

describe('Nsec3Chain: the price of hashing (CVE-2023-50868)', () => {
  it('is asked before, once for each name', () => {
    const paid: number[] = []
    const records = [matching('example.org', APEX), covering('c.example.org'), covering('*.example.org')]
    const priced = new Nsec3Chain(records, zone, (blocks) => paid.push(blocks) > 0)
    expect(priced.provesNoName(name('x.c.example.org'))).to.equal('proven')
    expect(paid).to.deep.equal([1, 1, 1]) // c.example.org is tried as encloser, and is the next closer name
    expect(priced.provesNoName(name('x.c.example.org'))).to.equal('proven')
    expect(paid).to.have.length(3)
  })

  it('ends the search when it is refused', () => {
    const records = [matching('example.org', APEX), covering('c.example.org'), covering('*.example.org')]
    for (let granted = 0; granted < 3; granted++) {
      let asked = 0
      const priced = new Nsec3Chain(records, zone, () => ++asked <= granted)
      expect(priced.provesNoName(name('x.c.example.org')), `${granted}`).to.equal('too-costly')
      expect(asked).to.equal(granted + 1)
      expect(priced.provesNoData(name('x.c.example.org'), Type.A)).not.to.equal('proven')
      expect(asked).to.equal(granted + 1)
    }
  })

  it('grows with the labels of a name, not with its square', () => {
    let asked = 0
    const deep = name(`${'a.'.repeat(110)}example.org`)
    const priced = new Nsec3Chain([covering('c.example.org')], zone, () => ++asked > 0)
    expect(priced.provesNoName(deep)).to.equal('unproven')
    expect(asked).to.be.at.most(112)
  })
})
