/** Signed zones that are wrong, each in one way, with what a validator has to make of it: the response code, whether AD,
 *  and which Extended DNS Errors tell it (RFC 8914 §4). Below bogus.cz, on servers of ours; the attacks on a validator's
 *  time: KeyTrap (CVE-2023-50387), NSEC3 closest enclosers (CVE-2023-50868), malformed keys (CVE-2025-8677). */

import { DnssecAlgorithm } from '../../src/wire/mnemonics.ts'
import { nameFromText, nameToText } from '../../src/wire/name.ts'
import type { RRset } from '../../src/wire/rrset.ts'
import { Ede, Type } from '../../src/wire/types.ts'
import { UNKNOWN_ALGORITHM, UNKNOWN_DIGEST } from './signed-cases.ts'
import { nsec3, type Signing, signing, zoneKeys } from './signing.ts'
import {
  collidingKeys,
  damaged,
  forgedNoDs,
  isLabelled,
  isOf,
  isSignature,
  leap,
  malformedKeys,
  nsec,
  ofAddresses,
  oneLabelDown,
  POISON,
  rewritten,
  signedSet,
  tellsOfSub,
  trapSignatures,
  unsigned,
  withFirstProofOnly,
  withoutDs,
  withoutProofs,
  withProofs,
} from './tampering.ts'
import type { Tampering, World } from './world.ts'
import type { ZoneKey } from './zone-keys.ts'

export interface Forgery {
  /** First label of its zone. */
  label: string
  about: string
  origin: string
  qname: string
  qtype: string
  /** Response codes that are sound, the best first. */
  rcodes: string[]
  /** Whether an answer that is no SERVFAIL has AD. */
  ad: boolean
  /** Extended DNS Errors that tell what is wrong, the best first; none: there is nothing to tell. */
  edes: number[]
  /** One that costs the validator: its answer matters less than its price. */
  attack: boolean
}

interface Stock extends Tampering {
  about: string
  /** Name in the zone, `www` when absent, and its type, A when absent. */
  ask?: string
  body?: string
  signing?: Signing
  /** SERVFAIL when absent. */
  rcodes?: string[]
  ad?: boolean
  edes: number[]
  /** How a child zone `sub` is signed, for forgeries at the cut. */
  sub?: { signing?: Signing; tampering?: Tampering }
  attack?: boolean
}

export const FORGED_DOMAIN = 'bogus.cz.'

const DAY = 24 * 3600
const P256 = DnssecAlgorithm.ECDSAP256SHA256
const plain = signing('ECDSAP256SHA256')
const hashed = signing('ECDSAP256SHA256', nsec3(0, ''))

const fine = ['NOERROR']
const wild = '*.wild A 198.18.90.1\nknown.wild A 198.18.90.2\nzzz.wild A 198.18.90.3'

const stock: Record<string, Stock> = {
  sound: { about: 'nothing wrong: to compare the others with', rcodes: fine, ad: true, edes: [] },

  'any-name': {
    about: 'nothing wrong: any name has an address, and opt-out leaves nothing to learn from the answers before',
    ask: 'any',
    body: '* A 198.18.90.1',
    signing: signing('ECDSAP256SHA256', nsec3(0, '', true)),
    rcodes: fine,
    edes: [],
  },

  // signatures
  expired: {
    about: 'signatures ended a month ago',
    plan: (plan) => ({ ...plan, inception: plan.inception - 60 * DAY, expiration: plan.inception - 30 * DAY }),
    edes: [Ede.SIGNATURE_EXPIRED],
  },
  'not-yet-valid': {
    about: 'signatures begin in a month',
    plan: (plan) => ({ ...plan, inception: plan.inception + 30 * DAY, expiration: plan.expiration + 60 * DAY }),
    edes: [Ede.SIGNATURE_NOT_YET_VALID],
  },
  'ends-before-it-begins': {
    about: 'signatures that end before they begin',
    plan: (plan) => ({ ...plan, inception: plan.expiration, expiration: plan.inception + 7200 }),
    edes: [Ede.SIGNATURE_EXPIRED_BEFORE_VALID, Ede.SIGNATURE_EXPIRED, Ede.SIGNATURE_NOT_YET_VALID, Ede.DNSSEC_BOGUS],
  },
  'wrong-signature': {
    about: 'a bit flipped in a signature',
    records: (records) => records.map((found) => (isSignature(found, Type.A) ? damaged(found) : found)),
    edes: [Ede.DNSSEC_BOGUS],
  },
  'wrong-data': {
    about: 'an address changed after signing',
    records: (records) => records.map((found) => (found.type === Type.A ? { ...found, rdata: POISON } : found)),
    edes: [Ede.DNSSEC_BOGUS],
  },
  'one-good-signature': {
    about: 'a wrong signature before the right one',
    records: (records) => records.flatMap((found) => (isSignature(found, Type.A) ? [damaged(found), found] : [found])),
    rcodes: fine,
    ad: true,
    edes: [],
  },
  'missing-signature': {
    about: 'one RRset without signature',
    records: (records) => records.filter((found) => !isSignature(found, Type.A)),
    edes: [Ede.RRSIGS_MISSING],
  },
  'all-signatures-missing': {
    about: 'DS in the parent, and no signature in the zone',
    records: (records) => records.filter((found) => found.type !== Type.RRSIG),
    edes: [Ede.RRSIGS_MISSING],
  },
  'stripped-on-one': {
    about: 'one of two servers leaves signatures out',
    hosts: ['forger-b'],
    records: (records) => unsigned(records).filter((found) => !isOf(found, Type.DNSKEY)),
    rcodes: fine,
    ad: true,
    edes: [],
  },
  'foreign-signer': {
    about: 'signatures by a zone that is elsewhere, which could be checked',
    plan: (plan) => ({
      ...plan,
      keys: [...own(plan.keys, 'ksk'), ...own(zoneKeys('sound.bogus.cz.', plain), 'zsk')],
      alter: (draft, set) => (set.type === Type.DNSKEY ? draft : { ...draft, signer: nameFromText('sound.bogus.cz') }),
    }),
    edes: [Ede.DNSSEC_BOGUS, Ede.RRSIGS_MISSING, Ede.DNSKEY_MISSING],
  },
  'signer-below': {
    about: 'a signer below the owner',
    plan: (plan) => ({
      ...plan,
      alter: ofAddresses((draft) => ({ ...draft, signer: nameFromText('below.www.signer-below.bogus.cz') })),
    }),
    edes: [Ede.DNSSEC_BOGUS, Ede.RRSIGS_MISSING, Ede.DNSKEY_MISSING],
  },
  'too-many-labels': {
    about: 'signatures that count more labels than the owner has',
    plan: (plan) => ({ ...plan, alter: ofAddresses((draft) => ({ ...draft, labels: draft.labels + 1 })) }),
    edes: [Ede.DNSSEC_BOGUS, Ede.RRSIGS_MISSING],
  },
  'too-few-labels': {
    about: 'signatures that count fewer labels than the zone has: *.cz',
    plan: (plan) => ({ ...plan, alter: ofAddresses((draft) => ({ ...draft, labels: 1 })) }),
    edes: [Ede.DNSSEC_BOGUS, Ede.RRSIGS_MISSING],
  },
  'unproven-wildcard-labels': {
    about: 'signatures as if from *.zone, without proof of expansion',
    plan: (plan) => ({ ...plan, alter: ofAddresses((draft) => ({ ...draft, labels: 3 })) }),
    edes: [Ede.NSEC_MISSING, Ede.DNSSEC_BOGUS],
  },

  // keys and DS
  'ds-mismatch': {
    about: 'a DS with another digest than the key has',
    ds: (lines) => lines.map((line) => line.replace(/.{8}$/, 'deadbeef')),
    edes: [Ede.DNSKEY_MISSING, Ede.DNSSEC_BOGUS],
  },
  'ds-for-no-key': {
    about: 'a DS for a key the zone does not have',
    ds: (lines) => lines.map((line) => line.replace(/DS \d+/, 'DS 4711')),
    edes: [Ede.DNSKEY_MISSING, Ede.DNSSEC_BOGUS],
  },
  'dnskey-missing': {
    about: 'no DNSKEY set',
    records: (records) => records.filter((found) => !isOf(found, Type.DNSKEY)),
    edes: [Ede.DNSKEY_MISSING],
  },
  'key-for-signatures-missing': {
    about: 'the key that signs the data is not in the key set',
    keys: (lines) => lines.slice(0, 1),
    signing: { ...plain, split: true },
    edes: [Ede.DNSKEY_MISSING],
  },
  'key-set-wrong-signature': {
    about: 'a bit flipped in the signature over the key set',
    records: (records) => records.map((found) => (isSignature(found, Type.DNSKEY) ? damaged(found) : found)),
    edes: [Ede.DNSSEC_BOGUS, Ede.DNSKEY_MISSING],
  },
  'no-zone-key': {
    about: 'keys without the Zone Key bit',
    signing: { ...plain, oddKeys: { flags: 0x0001, protocol: 3 } },
    edes: [Ede.NO_ZONE_KEY_BIT_SET],
  },
  revoked: {
    about: 'the only key is revoked (RFC 5011 §2.1)',
    signing: { ...plain, oddKeys: { flags: 0x0181, protocol: 3 } },
    edes: [Ede.DNSKEY_MISSING, Ede.DNSSEC_BOGUS],
  },
  'other-protocol': {
    about: 'keys for another protocol than DNSSEC (RFC 4034 §2.1.2)',
    signing: { ...plain, oddKeys: { flags: 0x0101, protocol: 4 } },
    edes: [Ede.DNSKEY_MISSING, Ede.NO_ZONE_KEY_BIT_SET, Ede.DNSSEC_BOGUS],
  },
  'unsupported-algorithm': {
    about: 'signed with an algorithm nobody knows: as if unsigned',
    signing: { ...plain, algorithms: [UNKNOWN_ALGORITHM] },
    rcodes: fine,
    edes: [Ede.UNSUPPORTED_DNSKEY_ALGORITHM],
  },
  'unsupported-digest': {
    about: 'a DS digest nobody knows: as if unsigned',
    signing: { ...plain, digests: [UNKNOWN_DIGEST] },
    rcodes: fine,
    edes: [Ede.UNSUPPORTED_DS_DIGEST_TYPE],
  },
  downgrade: {
    about: 'DS for a known algorithm, signatures of an unknown one',
    records: (records) =>
      records.map((found) =>
        found.type === Type.RRSIG && !isSignature(found, Type.DNSKEY)
          ? { ...found, rdata: Buffer.from(found.rdata).fill(UNKNOWN_ALGORITHM, 2, 3) }
          : found,
      ),
    edes: [Ede.RRSIGS_MISSING, Ede.DNSSEC_BOGUS, Ede.UNSUPPORTED_DNSKEY_ALGORITHM],
  },
  'one-algorithm-of-two': {
    about: 'two algorithms in the DS set, signatures of one (RFC 6840 §5.11: enough)',
    signing: signing(['RSASHA256', 'ECDSAP256SHA256']),
    records: (records) => records.filter((found) => found.type !== Type.RRSIG || found.rdata[2] === P256),
    rcodes: fine,
    ad: true,
    edes: [],
  },

  // denial
  'no-proof-of-absence': {
    about: 'NXDOMAIN without NSEC',
    ask: 'nothing',
    answer: withoutProofs,
    edes: [Ede.NSEC_MISSING],
  },
  'no-proof-of-absence-nsec3': {
    about: 'NXDOMAIN without NSEC3',
    signing: hashed,
    ask: 'nothing',
    answer: withoutProofs,
    edes: [Ede.NSEC_MISSING],
  },
  'no-proof-of-no-data': {
    about: 'NODATA without NSEC',
    ask: 'www MX',
    answer: withoutProofs,
    edes: [Ede.NSEC_MISSING],
  },
  'denies-what-exists': {
    about: 'NXDOMAIN for a name that exists, with the proof for another',
    answer: (answer, qname, _qtype, authority) =>
      isLabelled(qname, 'www')
        ? authority.answer(nameFromText('zzz.denies-what-exists.bogus.cz'), Type.A, true)
        : answer,
    edes: [Ede.NSEC_MISSING, Ede.DNSSEC_BOGUS],
  },
  'denies-what-nsec3-has': {
    about: 'NODATA for an address whose NSEC3 says it is there',
    signing: hashed,
    answer: (answer, qname, qtype, authority) =>
      isLabelled(qname, 'www') && qtype === Type.A ? { ...authority.answer(qname, Type.MX, true) } : answer,
    edes: [Ede.NSEC_MISSING, Ede.DNSSEC_BOGUS],
  },
  'only-half-the-proof': {
    about: 'NXDOMAIN, and nothing that denies the wildcard',
    ask: 'nothing',
    body: 'www A 198.18.90.1\nm TXT "so that * and nothing lie in different gaps"',
    answer: withFirstProofOnly,
    edes: [Ede.NSEC_MISSING],
  },
  'wildcard-unproven': {
    about: "a wildcard's answer without proof",
    ask: 'any.wild',
    body: wild,
    answer: withoutProofs,
    edes: [Ede.NSEC_MISSING, Ede.DNSSEC_BOGUS],
  },
  'wildcard-wrong-proof': {
    about: "a wildcard's answer with the NSEC of another gap",
    ask: 'any.wild',
    body: wild,
    answer: (answer, qname, _qtype, authority) => {
      const apex = nameFromText('wildcard-wrong-proof.bogus.cz')
      return isLabelled(qname, 'any') ? withProofs(answer, authority.proofs(apex)!.noData(apex)) : answer
    },
    edes: [Ede.NSEC_MISSING, Ede.DNSSEC_BOGUS],
  },
  'wildcard-hides-name': {
    about: "a wildcard's answer for a name that exists",
    ask: 'known.wild',
    body: wild,
    answer: (answer, qname, qtype, authority) => {
      if (!isLabelled(qname, 'known') || qtype !== Type.A) return answer
      const wild = authority.answer(nameFromText('other.wild.wildcard-hides-name.bogus.cz'), Type.A, true)
      return { ...wild, answer: wild.answer.map((set) => ({ ...set, owner: qname })) }
    },
    edes: [Ede.NSEC_MISSING, Ede.DNSSEC_BOGUS],
  },
  'wildcard-alias-unproven': {
    about: "a wildcard's CNAME without proof",
    ask: 'any.wild',
    body: '*.wild CNAME www\nwww A 198.18.90.1',
    answer: withoutProofs,
    edes: [Ede.NSEC_MISSING, Ede.DNSSEC_BOGUS],
  },
  'forged-dname': {
    about: 'an unsigned DNAME that leads to another zone',
    ask: 'www.tree',
    body: 'www.tree A 198.18.90.1',
    answer: (answer, qname) =>
      isLabelled(qname, 'www') ? leap(answer, qname, nameFromText('sound.bogus.cz')) : answer,
    edes: [Ede.RRSIGS_MISSING, Ede.DNSSEC_BOGUS],
  },
  'nsec-beyond-the-zone': {
    about: 'an NSEC whose next name lies outside the zone',
    ask: 'zzz',
    records: (records) =>
      rewritten(records, Type.NSEC, { origin: 'nsec-beyond-the-zone.bogus.cz.', signing: plain }, (found) => {
        if (!isLabelled(found.owner, 'www')) return found
        const { rdatas } = nsec(found.owner, nameFromText('zzzz.cz'), [Type.A, Type.RRSIG, Type.NSEC])
        return { ...found, rdata: rdatas[0] }
      }),
    edes: [Ede.NSEC_MISSING, Ede.DNSSEC_BOGUS],
  },
  'nsec3-elsewhere': {
    about: 'NSEC3 records whose owners are no hashes right below the zone',
    signing: hashed,
    ask: 'nothing',
    records: (records) =>
      rewritten(records, Type.NSEC3, { origin: 'nsec3-elsewhere.bogus.cz.', signing: hashed }, oneLabelDown),
    edes: [Ede.NSEC_MISSING, Ede.DNSSEC_BOGUS],
  },
  'nsec3-iterations-2500': {
    about: '2500 iterations (RFC 9276 §3.2: as if unsigned, or SERVFAIL)',
    signing: signing('ECDSAP256SHA256', nsec3(2500, 'ab')),
    ask: 'nothing',
    rcodes: ['NXDOMAIN', 'SERVFAIL'],
    edes: [Ede.UNSUPPORTED_NSEC3_ITERATIONS],
  },
  'nsec3-other-hash': {
    about: 'NSEC3 with a hash algorithm nobody knows (RFC 5155 §8.1: as if absent)',
    signing: hashed,
    ask: 'nothing',
    records: (records) =>
      rewritten(records, Type.NSEC3, { origin: 'nsec3-other-hash.bogus.cz.', signing: hashed }, (found) => ({
        ...found,
        rdata: Buffer.from([2, ...found.rdata.subarray(1)]),
      })),
    edes: [Ede.NSEC_MISSING, Ede.DNSSEC_BOGUS],
  },

  // the cut between parent and child
  'stripped-ds': {
    about: 'a referral to a signed zone, its DS set left out, and nothing that proves there is none',
    ask: 'www.sub',
    sub: { signing: plain, tampering: { records: unsigned } },
    answer: denyDs(() => []),
    edes: [Ede.DNSSEC_INDETERMINATE, Ede.NSEC_MISSING, Ede.RRSIGS_MISSING, Ede.DNSSEC_BOGUS],
  },
  'forged-no-ds': {
    about: 'a referral with an NSEC that denies DS, wrongly signed',
    ask: 'www.sub',
    sub: { signing: plain, tampering: { records: unsigned } },
    answer: denyDs((sub, origin) => [forgedNoDs(nameFromText(sub), origin, plain)]),
    edes: [Ede.DNSSEC_BOGUS, Ede.DNSSEC_INDETERMINATE, Ede.NSEC_MISSING, Ede.RRSIGS_MISSING],
  },
  'child-proof-for-parent': {
    about: "the child's own NSEC, sent as proof that the parent has no DS (RFC 6840 §4.4)",
    ask: 'www.sub',
    sub: { signing: plain, tampering: { records: unsigned } },
    answer: denyDs((sub) => {
      const types = [Type.NS, Type.SOA, Type.RRSIG, Type.NSEC, Type.DNSKEY]
      return [signedSet(nsec(nameFromText(sub), nameFromText(`www.${sub}`), types), sub, plain)]
    }),
    edes: [Ede.NSEC_MISSING, Ede.DNSSEC_INDETERMINATE, Ede.RRSIGS_MISSING, Ede.DNSSEC_BOGUS],
  },
  'parent-proof-for-child': {
    about: "the parent's NSEC at the cut, sent as proof that the child lacks a type (RFC 6840 §4.1)",
    ask: 'sub A',
    sub: {
      signing: plain,
      tampering: {
        answer: (answer, qname, qtype) => {
          const origin = 'parent-proof-for-child.bogus.cz.'
          if (!isLabelled(qname, 'sub') || qtype !== Type.A) return answer
          const types = [Type.NS, Type.DS, Type.RRSIG, Type.NSEC]
          return {
            ...answer,
            answer: [],
            authority: [signedSet(nsec(qname, nameFromText(`www.${origin}`), types), origin, plain)],
          }
        },
      },
    },
    edes: [Ede.NSEC_MISSING, Ede.RRSIGS_MISSING, Ede.DNSSEC_BOGUS],
  },

  // attacks on the validator's time
  'key-trap': {
    about: '200 keys of one tag, and 200 wrong signatures by them (CVE-2023-50387)',
    ask: '*',
    body: '* A 198.18.90.1',
    keys: (lines) => [...lines, ...collidingKeys('key-trap.bogus.cz.', plain, 200)],
    records: (records) => trapSignatures(records, Type.A, 200),
    edes: [Ede.OTHER, Ede.DNSSEC_BOGUS],
    attack: true,
  },
  'key-trap-key-set': {
    about: 'the same over the key set itself',
    keys: (lines) => [...lines, ...collidingKeys('key-trap-key-set.bogus.cz.', plain, 150)],
    records: (records) => trapSignatures(records, Type.DNSKEY, 150),
    edes: [Ede.OTHER, Ede.DNSSEC_BOGUS],
    attack: true,
  },
  'deep-nsec3': {
    about: 'names of a hundred labels under NSEC3 with 50 iterations and a long salt (CVE-2023-50868)',
    signing: signing('ECDSAP256SHA256', nsec3(50, 'ab'.repeat(200))),
    ask: `${Array.from({ length: 100 }, (_, index) => index % 10).join('.')}.nothing`,
    rcodes: ['SERVFAIL', 'NXDOMAIN'],
    edes: [Ede.OTHER, Ede.NSEC_MISSING, Ede.DNSSEC_BOGUS, Ede.UNSUPPORTED_NSEC3_ITERATIONS],
    attack: true,
  },
  'deep-nsec3-150': {
    about: 'the same with 150 iterations',
    signing: signing('ECDSAP256SHA256', nsec3(150, 'ab'.repeat(200))),
    ask: `${Array.from({ length: 100 }, (_, index) => index % 10).join('.')}.nothing`,
    rcodes: ['NXDOMAIN', 'SERVFAIL'],
    edes: [Ede.UNSUPPORTED_NSEC3_ITERATIONS, Ede.OTHER, Ede.NSEC_MISSING, Ede.DNSSEC_BOGUS],
    attack: true,
  },
  'malformed-keys': {
    about: 'a hundred keys that are no keys, all of one tag, and a hundred signatures by them (CVE-2025-8677)',
    ask: '*',
    body: '* A 198.18.90.1',
    keys: (lines) => [...lines, ...malformedKeys('malformed-keys.bogus.cz.', plain, 100)],
    records: (records) => trapSignatures(records, Type.A, 100),
    edes: [Ede.DNSSEC_BOGUS, Ede.OTHER],
    attack: true,
  },
}

/** The parent, which is sound, and the zones below it. */
export function addForgeries(world: World): void {
  world.host('forger', 'typescript', { 'ns1.bogus.cz.': world.address('69.1') })
  world.host('forger-b', 'typescript', { 'ns2.bogus.cz.': world.address('69.2') })
  const addresses = [...world.addressLines('ns1.bogus.cz.'), ...world.addressLines('ns2.bogus.cz.')].join('\n')
  const aliases = 'to-expired CNAME www.expired.bogus.cz.\nto-sound CNAME www.sound.bogus.cz.'
  world.zone(FORGED_DOMAIN, ['forger'], `${addresses}\n${aliases}`, { signing: plain })
  for (const [label, wrong] of Object.entries(stock)) addForgery(world, label, wrong)
  world.forgeries.push({
    ...world.forgeries.find((forgery) => forgery.label === 'expired')!,
    label: 'to-expired',
    about: 'a sound alias into a zone whose signatures ended',
    qname: 'to-expired.bogus.cz.',
  })
}

function addForgery(world: World, label: string, wrong: Stock): void {
  const origin = `${label}.${FORGED_DOMAIN}`
  const {
    about,
    ask = 'www',
    body = 'www A 198.18.90.1',
    rcodes = ['SERVFAIL'],
    ad = false,
    edes,
    attack = false,
  } = wrong
  const { sub } = wrong
  const fate = rcodes[0] === 'SERVFAIL' ? 'forged' : 'moot'
  const hosts = wrong.hosts === undefined ? ['forger'] : ['forger', 'forger-b']
  world.zone(origin, hosts, body, { fate, signing: wrong.signing ?? plain, tampering: wrong })
  if (sub !== undefined)
    world.zone(`sub.${origin}`, ['forger-b'], 'www A 198.18.90.2\n@ A 198.18.90.3', { fate, ...sub })
  const [owner, qtype = 'A'] = ask.split(' ')
  world.forgeries.push({ label, about, origin, qname: `${owner}.${origin}`, qtype, rcodes, ad, edes, attack })
}

function own(keys: ZoneKey[], role: ZoneKey['role']): ZoneKey[] {
  return keys.map((key) => ({ ...key, role }))
}

/** Where an answer tells of the DS set of the zone's child `sub`: the same without it, the denial in its place. */
function denyDs(denial: (sub: string, origin: string) => RRset[]): Tampering['answer'] {
  return (answer, qname, _qtype, authority) => {
    if (!tellsOfSub(answer)) return answer
    const origin = /[^.]+\.bogus\.cz\.$/i.exec(nameToText(qname))![0].toLowerCase()
    const apex = nameFromText(origin)
    const soa = answer.answer.length > 0 ? [authority.rrset(apex, apex, Type.SOA)!] : [] // asked for DS: NODATA
    return withoutDs(answer, [...soa, ...denial(`sub.${origin}`, origin)])
  }
}
