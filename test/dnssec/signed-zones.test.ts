/** What ldns, BIND and Knot DNS signed is secure to us, and their denials prove exactly what is true of the zone. */

import { expect } from 'chai'
import fc from 'fast-check'
import {
  type Proofs,
  proveExpansion,
  proveNoData,
  proveNoDs,
  proveNoName,
  readProofs,
} from '../../src/dnssec/denial.ts'
import { dsMatches, parseDs } from '../../src/dnssec/ds.ts'
import { parseDnsKey } from '../../src/dnssec/keys.ts'
import { readNsec } from '../../src/dnssec/nsec.ts'
import { type Nsec3, Nsec3Chain, readNsec3 } from '../../src/dnssec/nsec3.ts'
import { bogus } from '../../src/dnssec/verdict.ts'
import { isAtOrBelow, type Name, nameFromText, nameToText } from '../../src/wire/name.ts'
import { canonicalRdata } from '../../src/wire/rdata.ts'
import type { RRset } from '../../src/wire/rrset.ts'
import { parseZoneText } from '../../src/wire/text.ts'
import { Type, typeText } from '../../src/wire/types.ts'
import { needPeer } from '../peers.ts'
import { type DenialRecords, denialRecords, minimalProof } from './authority.ts'
import { ORIGIN, ROOT_ZONE, SINGLE_NAME_ZONE, sampleZone } from './sample-zone.ts'
import { SignedZone } from './signed-zone.ts'
import {
  ALGORITHMS,
  keyFolder,
  needSigner,
  removeSignedZones,
  run,
  type SignerProgram,
  type Signing,
  signZone,
} from './signers.ts'
import { type Truth, ZoneTruth } from './truth.ts'

const PROGRAMS: readonly SignerProgram[] = ['ldns', 'bind', 'knot']

after(removeSignedZones)

const textFor = (program: SignerProgram) => sampleZone({ outdated: program !== 'knot' })
const signedSample = (signing: Signing) =>
  new SignedZone(ORIGIN, signZone(signing, ORIGIN, textFor(signing.program)).zoneText)

describe('zones signed by others (RFC 4034, RFC 4035 §5.3)', () => {
  for (const program of PROGRAMS) {
    for (const algorithm of ALGORITHMS) {
      it(`are secure: ${program}, ${algorithm}`, function () {
        needSigner(this, program)
        const zone = signedSample({ program, algorithm })
        let signed = 0
        for (const set of zone.sets) {
          if (set.signatures.length === 0) continue // delegations and glue
          expect(zone.verify(set), `${nameToText(set.owner)} ${typeText(set.type)}`).to.include({ security: 'secure' })
          signed++
        }
        expect(signed).to.be.greaterThan(60)
      })
    }
  }

  it('are secure however their case and order are changed on the way', function () {
    needSigner(this, 'bind')
    const zone = signedSample({ program: 'bind', algorithm: 'ECDSAP256SHA256' })
    for (const set of zone.sets.filter(({ signatures }) => signatures.length > 0)) {
      const owner = nameFromText(nameToText(set.owner).toUpperCase())
      const shuffled = { ...set, owner, rdatas: [...set.rdatas, ...set.rdatas].reverse() }
      expect(zone.verify(shuffled), `${nameToText(owner)} ${typeText(set.type)}`).to.include({ security: 'secure' })
    }
  })
})

describe('any bit changed (RFC 4035 §5.3.3)', () => {
  const few = { RSASHA1: 7, ECDSAP384SHA384: 5 } as Record<string, number>
  for (const algorithm of ALGORITHMS) {
    it(`makes a set bogus: ${algorithm}`, function () {
      needSigner(this, 'ldns')
      const zone = signedSample({ program: 'ldns', algorithm })
      const set = zone.find(nameFromText('mail.example.org'), Type.AAAA) as RRset
      const step = few[algorithm] ?? 3
      expect(zone.verify(set).security).to.equal('secure')
      const [rdata] = set.rdatas
      for (const changed of flips(rdata, 1))
        expect(zone.verify({ ...set, rdatas: [changed] }).security).to.equal('bogus')
      const [signature] = set.signatures
      for (const changed of flips(signature, step)) {
        if (!isWellFormed(changed)) continue // the name of the signer: no decoder lets this pass
        if (equalOctets(canonicalRdata(signature, Type.RRSIG), canonicalRdata(changed, Type.RRSIG))) continue // case
        expect(zone.verify({ ...set, signatures: [changed] }).security).to.equal('bogus')
      }
      for (const [i, key] of zone.keys.entries()) {
        for (const changed of flips(key.rdata, 7 * step)) {
          // The tag changes with the key; whoever makes it fit still has another key.
          const forged = { ...(parseDnsKey(changed) as (typeof zone.keys)[0]), tag: key.tag, algorithm: key.algorithm }
          if (equalOctets(forged.material, key.material)) continue
          zone.keys[i] = forged
          const others = zone.keys.filter((other) => other === forged || other.tag !== key.tag)
          const outcome = verifyWith(zone, set, others)
          const usesKey = (signature[16] << 8) + signature[17] === key.tag
          expect(outcome).to.equal(usesKey ? 'bogus' : 'secure')
        }
        zone.keys[i] = key
      }
    })
  }
})

function verifyWith(zone: SignedZone, set: RRset, keys: SignedZone['keys']): string {
  return Object.assign(Object.create(zone) as SignedZone, { keys }).verify(set).security
}

/** All copies of `octets` with one bit changed, or every `step`-th. */
function* flips(octets: Uint8Array, step: number): Generator<Uint8Array> {
  for (let bit = 0; bit < octets.length * 8; bit += step) {
    const changed = new Uint8Array(octets)
    changed[bit >> 3] ^= 0x80 >> (bit & 7)
    yield changed
  }
}

function isWellFormed(rrsig: Uint8Array): boolean {
  const end = 18 + nameFromText(ORIGIN).length
  for (let at = 18; at < end; at += rrsig[at] + 1) if (rrsig[at] === 0) return at === end - 1
  return false
}

function equalOctets(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

describe('key tags and DS digests (RFC 4034 appendix B and §5.1.4)', () => {
  for (const algorithm of ALGORITHMS) {
    it(`agree with BIND and ldns: ${algorithm}`, function () {
      needSigner(this, 'ldns')
      needPeer(this, 'dnssec-dsfromkey', 'ldns-key2ds')
      const { keyTexts } = signZone({ program: 'ldns', algorithm }, ORIGIN, textFor('ldns'))
      expect(keyTexts).to.have.length(2)
      for (const keyText of keyTexts) {
        const [{ rdata, owner }] = parseZoneText(keyText)
        const key = parseDnsKey(rdata)
        if (key === undefined) throw new Error('no key')
        const base = `K${ORIGIN}+${String(key.algorithm).padStart(3, '0')}+${String(key.tag).padStart(5, '0')}`
        const folder = keyFolder(base, keyText)
        const texts = [
          run(folder, 'dnssec-dsfromkey', '-A', '-1', `${base}.key`),
          run(folder, 'dnssec-dsfromkey', '-A', '-2', `${base}.key`),
          run(folder, 'dnssec-dsfromkey', '-A', '-a', 'SHA-384', `${base}.key`),
          run(folder, 'ldns-key2ds', '-n', '-f', '-1', `${base}.key`),
          run(folder, 'ldns-key2ds', '-n', '-f', '-2', `${base}.key`),
          run(folder, 'ldns-key2ds', '-n', '-f', '-4', `${base}.key`),
        ]
        const sets = texts.map((text) => parseDs(parseZoneText(text)[0].rdata))
        expect(sets.map((ds) => ds?.digestType)).to.deep.equal([1, 2, 4, 1, 2, 4])
        for (const ds of sets) {
          if (ds === undefined) throw new Error('no DS')
          expect(dsMatches(ds, owner, key)).to.equal(true)
          expect(dsMatches(ds, nameFromText('example.net'), key)).to.equal(false)
          for (const digest of flips(ds.digest, 11)) expect(dsMatches({ ...ds, digest }, owner, key)).to.equal(false)
        }
      }
    })
  }
})

// --- denial -----------------------------------------------------------------------------------------------------------

interface Subject {
  title: string
  signing: Signing
  origin: string
  text: string
}

const denials: Subject[] = []
for (const program of PROGRAMS) {
  const text = textFor(program)
  const algorithm = 'ECDSAP256SHA256'
  const add = (title: string, nsec3?: Signing['nsec3'], origin = ORIGIN, zoneText = text) =>
    denials.push({ title: `${program}, ${title}`, signing: { program, algorithm, nsec3 }, origin, text: zoneText })
  add('NSEC')
  add('NSEC3', { iterations: 0, salt: '', optOut: false })
  add('NSEC3, salt and 10 iterations', { iterations: 10, salt: 'aabbccdd', optOut: false })
  add('NSEC3 with opt-out', { iterations: 0, salt: '', optOut: true })
  add('NSEC3 with opt-out, salt and 10 iterations', { iterations: 10, salt: 'aabbccdd', optOut: true })
  add('NSEC of one name', undefined, 'single.example.', SINGLE_NAME_ZONE)
  add('NSEC3 of one name', { iterations: 0, salt: '', optOut: false }, 'single.example.', SINGLE_NAME_ZONE)
  add('NSEC of a root', undefined, '.', ROOT_ZONE)
  add('NSEC3 of a root', { iterations: 0, salt: 'ff', optOut: false }, '.', ROOT_ZONE)
}

describe('denials by others (RFC 4035 §5.4, RFC 5155 §8)', () => {
  for (const subject of denials) {
    it(`prove what is true, and nothing else: ${subject.title}`, function () {
      needSigner(this, subject.signing.program)
      checkDenials(subject)
    })
  }
})

const NO_MATCH = bogus('denial missing')

function checkDenials({ signing, origin, text }: Subject): void {
  const zone = new SignedZone(origin, signZone(signing, origin, text).zoneText)
  const truth = new ZoneTruth(origin, text)
  const records = denialRecords(zone)
  const hashed = signing.nsec3 !== undefined
  const optOut = signing.nsec3?.optOut === true
  for (const set of records.all) expect(zone.verify(set).security).to.equal('secure')
  const everything = allProofs(zone)
  const seen: Record<string, number> = {}
  fc.assert(
    fc.property(question(truth), fc.uint8Array({ minLength: 4, maxLength: 4 }), (asked, seed) => {
      const { qname, qtype } = asked
      const fact = truth.answer(qname, qtype)
      seen[fact.kind] = (seen[fact.kind] ?? 0) + 1
      const context = `${nameToText(qname)} ${typeText(qtype)}: ${JSON.stringify(fact.kind)}`
      // Opt-out hides what is unsigned, so next to nothing is certain but the names in the chain.
      const hidden = optOut && records.matching(qname) === undefined
      const sound = hidden ? { security: 'insecure', why: 'opt-out' } : { security: 'secure' }

      const minimal = readProofs(minimalProof(records, hashed, qname, fact), zone.apex, 50, () => true)
      for (const proofs of [minimal, everything]) {
        const noName = proveNoName(proofs, qname)
        const noData = proveNoData(proofs, qname, qtype)
        if (fact.kind === 'no-name') expect(noName, context).to.deep.equal(sound)
        else if (hidden) expect(noName.security, context).not.to.equal('secure')
        else expect(noName, context).to.deep.equal(NO_MATCH)
        if (fact.kind === 'no-data' || fact.kind === 'expanded-no-data') expect(noData, context).to.deep.equal(sound)
        else if (hidden) expect(noData.security, context).not.to.equal('secure')
        else expect(noData, context).to.deep.equal(NO_MATCH)
        if (fact.kind === 'expanded' || fact.kind === 'expanded-no-data')
          expect(proveExpansion(proofs, qname, fact.encloser), context).to.deep.equal(sound)
      }
      for (let encloser = qname; encloser.length > 1; ) {
        encloser = encloser.subarray(encloser[0] + 1)
        if ('encloser' in fact && fact.encloser.length === encloser.length) continue
        // RFC 5155 §8.8 leaves it to the wildcard's signature that there can be one: not so below a cut or a DNAME.
        const types = truth.typesAt(encloser)
        if (hashed && (types === undefined || truth.isCut(encloser) || types.has(Type.DNAME))) continue
        const expansion = proveExpansion(everything, qname, encloser)
        if (optOut) expect(expansion.security, context).not.to.equal('secure')
        else expect(expansion, context).to.deep.equal(NO_MATCH)
      }
      expect(proveNoDs(everything, qname), context).to.be.oneOf(delegationAt(truth, records, qname, optOut))
      checkSome(records, zone, truth, asked, seed, optOut)
    }),
    { numRuns: 700, seed: 1 },
  )
  const kinds = ['no-name', 'no-data', ...(truth.nodes.size > 1 ? ['data', 'delegated'] : [])]
  expect(Object.keys(seen)).to.include.members(kinds)
}

/** What is proven by some of the zone's records, for whatever purpose they were made, has to be true. */
function checkSome(
  records: DenialRecords,
  zone: SignedZone,
  truth: ZoneTruth,
  { qname, qtype }: Question,
  seed: Uint8Array,
  optOut: boolean,
): void {
  const some = [...seed].map((octet) => records.all[octet % records.all.length])
  const proofs = readProofs([...new Set(some)], zone.apex, 50, () => true)
  const fact: Truth['kind'] = truth.answer(qname, qtype).kind
  const context = `${nameToText(qname)} ${typeText(qtype)}: ${fact}`
  const noName = proveNoName(proofs, qname).security
  if (noName === 'secure') expect(fact, context).to.equal('no-name')
  const noData = proveNoData(proofs, qname, qtype).security
  if (noData === 'secure') expect(fact, context).to.be.oneOf(['no-data', 'expanded-no-data'])
  if (!optOut) expect([noName, noData]).not.to.include('insecure')
  expect(proveNoDs(proofs, qname), context).to.be.oneOf(['unproven', ...delegationAt(truth, records, qname, optOut)])
}

function delegationAt(truth: ZoneTruth, records: DenialRecords, name: Name, optOut: boolean): string[] {
  const types = truth.typesAt(name)
  const fact = truth.answer(name, Type.DS).kind
  if (fact === 'outside' || name.length === truth.apex.length) return ['unproven']
  const certain = !optOut || records.matching(name) !== undefined
  if (!certain) return ['cut', 'unproven'] // nothing tells a hidden cut from nothing at all
  if (fact === 'data') return types?.has(Type.CNAME) ? ['no-cut'] : ['unproven']
  if (fact === 'delegated' || fact === 'redirected') return ['unproven']
  if (fact === 'expanded') return ['unproven'] // a CNAME for whatever is asked
  return truth.isCut(name) ? ['cut'] : ['no-cut']
}

/** All denial records of the zone at once, more than a reply may have. */
function allProofs(zone: SignedZone): Proofs {
  const nsecs = zone.ofType(Type.NSEC).map((set) => readNsec(set, zone.apex))
  const hashed = zone.ofType(Type.NSEC3).map((set) => readNsec3(set, zone.apex))
  expect([...nsecs, ...hashed]).not.to.include(undefined)
  return {
    zone: zone.apex,
    nsecs: nsecs as Proofs['nsecs'],
    chains: hashed.length > 0 ? [new Nsec3Chain(hashed as Nsec3[], zone.apex, () => true)] : [],
    tooManyIterations: false,
  }
}

interface Question {
  qname: Name
  qtype: number
}

const QTYPES = [Type.A, Type.AAAA, Type.TXT, Type.MX, Type.CNAME, Type.DS, Type.NS, Type.DNAME, Type.SRV, Type.SOA]

/** Questions on, beside, above and below the names of the zone, in any case. */
function question(truth: ZoneTruth): fc.Arbitrary<Question> {
  const nodes = [...truth.nodes.values()].map(({ name }) => nameToText(name))
  const label = fc.oneof(
    fc.constantFrom('*', '\\000', '\\255', '0', 'a', 'zz', 'b', 'under', 'wild', 'x*'),
    fc.string({ unit: fc.constantFrom(...'abcxyz019-_'), minLength: 1, maxLength: 3 }),
  )
  const base = fc.constantFrom(...nodes)
  const text = fc.oneof(
    { weight: 3, arbitrary: base },
    { weight: 3, arbitrary: fc.tuple(label, base).map(([first, rest]) => join(first, rest)) },
    { weight: 2, arbitrary: fc.tuple(label, label, base).map(([a, b, rest]) => join(a, join(b, rest))) },
    { weight: 2, arbitrary: fc.tuple(label, base).map(([first, rest]) => join(first, rest.replace(/^[^.]*\./, ''))) },
    { weight: 2, arbitrary: base.map((owner) => (owner === '.' ? 'x.' : owner.replace(/^(..?)/, '$1-'))) },
  )
  const upper = fc.boolean()
  return fc
    .tuple(text, fc.constantFrom(...QTYPES), upper)
    .map(([owner, qtype, loud]) => ({ qname: nameFromText(loud ? owner.toUpperCase() : owner), qtype }))
    .filter(({ qname }) => isAtOrBelow(qname, truth.apex))
}

function join(first: string, rest: string): string {
  return rest === '.' || rest === '' ? `${first}.` : `${first}.${rest}`
}
