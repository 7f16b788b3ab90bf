/** The tools forgers work with: what can be done to a signed zone, or to what a server says of it? Each takes what is
 *  right and gives what is wrong. Used by forgeries.ts. */

import { createECDH, createHash } from 'node:crypto'
import { keyTag } from '../../src/dnssec/keys.ts'
import { DnssecAlgorithm } from '../../src/wire/mnemonics.ts'
import { firstLabel, type Name, nameFromText, nameToText, parentName, prependLabel } from '../../src/wire/name.ts'
import { type RRset, rrset, rrsigFields } from '../../src/wire/rrset.ts'
import { rdataToText, type ZoneRecord } from '../../src/wire/text.ts'
import { bitmapOfTypes } from '../../src/wire/type-bitmap.ts'
import { Class, Type } from '../../src/wire/types.ts'
import type { Answer } from './authority.ts'
import { type RrsigDraft, signSet } from './signer.ts'
import { type Signing, signingPlan, zoneKeys } from './signing.ts'

export const POISON = Uint8Array.of(198, 18, 255, 66)

// --- records of a zone ------------------------------------------------------------------------------------------------

/** Whether a record is of `type`, or a signature over that. */
export function isOf({ type, rdata }: ZoneRecord, wanted: number): boolean {
  return type === wanted || (type === Type.RRSIG && rrsigFields(rdata).typeCovered === wanted)
}

/** Whether a record is a signature over `covered` at the owner whose first label is `label`, or at any owner. */
export function isSignature({ owner, type, rdata }: ZoneRecord, covered: number, label?: string): boolean {
  return (
    type === Type.RRSIG &&
    rrsigFields(rdata).typeCovered === covered &&
    (label === undefined || isLabelled(owner, label))
  )
}

export function isLabelled(name: Name, label: string): boolean {
  return Buffer.from(firstLabel(name)).toString('latin1').toLowerCase() === label
}

/** A record with its last bit flipped. */
export function damaged(record: ZoneRecord): ZoneRecord {
  return { ...record, rdata: damagedOctets(record.rdata) }
}

function damagedOctets(octets: Uint8Array): Uint8Array {
  const copy = Buffer.from(octets)
  copy[copy.length - 1] ^= 1
  return copy
}

/** Without signatures and denial, keys and their signatures kept. */
export function unsigned(records: ZoneRecord[]): ZoneRecord[] {
  return records.filter(
    (record) => isOf(record, Type.DNSKEY) || ![Type.RRSIG, Type.NSEC].some((type) => type === record.type),
  )
}

/** Rewrites the records of a type and signs them anew, as the zone would. */
export function rewritten(
  records: ZoneRecord[],
  type: number,
  { origin, signing }: { origin: string; signing: Signing },
  rewrite: (record: ZoneRecord) => ZoneRecord,
): ZoneRecord[] {
  const rest = records.filter((record) => !isOf(record, type))
  const changed = records.filter((record) => record.type === type).map(rewrite)
  return [...rest, ...changed.flatMap((record) => withSignatures(record, origin, signing))]
}

function withSignatures(record: ZoneRecord, origin: string, signing: Signing): ZoneRecord[] {
  const set = signedSet(rrset(record.owner, record.type, record.ttl, [record.rdata]), origin, signing)
  return [record, ...set.signatures.map((rdata) => ({ ...record, type: Type.RRSIG, rdata }))]
}

/** A set with the signatures that the zone's keys make over it now. */
export function signedSet(set: RRset, origin: string, signing: Signing): RRset {
  const plan = signingPlan(origin, signing, Math.floor(Date.now() / 1000))
  return { ...set, signatures: signSet(set, plan) }
}

/** An NSEC set, not signed yet. */
export function nsec(owner: Name, next: Name, types: number[]): RRset {
  return rrset(owner, Type.NSEC, 300, [Buffer.concat([next, bitmapOfTypes(types)])])
}

/** NSEC3 owners moved one label down. */
export function oneLabelDown(record: ZoneRecord): ZoneRecord {
  const below = prependLabel(Buffer.from('below'), parentName(record.owner))!
  return { ...record, owner: prependLabel(firstLabel(record.owner), below)! }
}

/** For `alter` of a signing plan: only signatures over addresses. */
export function ofAddresses(change: (draft: RrsigDraft) => RrsigDraft): (draft: RrsigDraft, set: RRset) => RrsigDraft {
  return (draft, set) => (set.type === Type.A ? change(draft) : draft)
}

/** In place of each signature over `covered`, `count` wrong ones of the same key tag. */
export function trapSignatures(records: ZoneRecord[], covered: number, count: number): ZoneRecord[] {
  return records.flatMap((record) => {
    if (!isSignature(record, covered)) return [record]
    const { signature } = rrsigFields(record.rdata)
    const head = record.rdata.subarray(0, record.rdata.length - signature.length)
    return Array.from({ length: count }, (_, index) => {
      const noise = createHash('shake256', { outputLength: signature.length }).update(`trap ${index}`).digest()
      noise[0] &= 0x7f // both halves below the order of the curve
      noise[signature.length / 2] &= 0x7f
      return { ...record, class: Class.IN, rdata: Buffer.concat([head, noise]) }
    })
  })
}

// --- keys -------------------------------------------------------------------------------------------------------------

/** Flag bits that mean nothing, and that no validator of ours or the others' takes for anything. */
const IDLE_FLAGS = 0x2c7f

const knownKeys = new Map<string, string[]>()

/** DNSKEY lines of `count` sound P-256 keys with the tag of the zone's own: idle flags make up the difference. */
export function collidingKeys(origin: string, signing: Signing, count: number): string[] {
  return remembered(`colliding ${origin}`, () => {
    const lines: string[] = []
    const { tag } = zoneKeys(origin, signing)[0]
    for (let index = 0; lines.length < count; index++) {
      const pair = createECDH('prime256v1')
      pair.setPrivateKey(createHash('sha256').update(`${origin} ${index}`).digest())
      const rdata = Buffer.from([1, 0, 3, DnssecAlgorithm.ECDSAP256SHA256, ...pair.getPublicKey().subarray(1)])
      const flags = (0x100 + tag - keyTag(rdata) + 0x10000) & 0xffff
      if ((flags & ~IDLE_FLAGS) !== 0x100) continue
      rdata.writeUInt16BE(flags, 0)
      if (keyTag(rdata) === tag) lines.push(`@ DNSKEY ${rdataToText(Type.DNSKEY, rdata)}`)
    }
    return lines
  })
}

/** DNSKEY lines of `count` keys that are no points of the curve, with the tag of the zone's own. */
export function malformedKeys(origin: string, signing: Signing, count: number): string[] {
  return remembered(`malformed ${origin}`, () => {
    const lines: string[] = []
    const { tag } = zoneKeys(origin, signing)[0]
    for (let index = 0; lines.length < count; index++) {
      const noise = createHash('sha512').update(`${origin} ${index}`).digest()
      const rdata = Buffer.from([1, 1, 3, DnssecAlgorithm.ECDSAP256SHA256, ...noise])
      rdata.writeUInt16BE((rdata.readUInt16BE(66) + tag - keyTag(rdata) + 0x10000) & 0xffff, 66)
      if (keyTag(rdata) === tag) lines.push(`@ DNSKEY ${rdataToText(Type.DNSKEY, rdata)}`)
    }
    return lines
  })
}

function remembered(id: string, make: () => string[]): string[] {
  let lines = knownKeys.get(id)
  if (lines === undefined) knownKeys.set(id, (lines = make()))
  return lines
}

// --- what a server says -----------------------------------------------------------------------------------------------

export function isProof({ type }: RRset): boolean {
  return type === Type.NSEC || type === Type.NSEC3
}

export function withoutProofs(answer: Answer): Answer {
  return { ...answer, authority: answer.authority.filter((set) => !isProof(set)) }
}

export function withFirstProofOnly(answer: Answer): Answer {
  const first = answer.authority.find(isProof)
  return { ...answer, authority: answer.authority.filter((set) => !isProof(set) || set === first) }
}

export function withProofs(answer: Answer, proofs: RRset[]): Answer {
  const bare = withoutProofs(answer)
  return { ...bare, authority: [...bare.authority, ...proofs] }
}

/** Whether an answer tells of the DS set of a child named `sub`: as a referral, or as what was asked for. */
export function tellsOfSub({ answer, authority }: Answer): boolean {
  return [...answer, ...authority].some((set) => set.type === Type.DS && isLabelled(set.owner, 'sub'))
}

/** The same, denied: DS sets left out, `denial` in their place. */
export function withoutDs({ answer, authority, ...rest }: Answer, denial: RRset[]): Answer {
  const withoutIt = (sets: RRset[]) => sets.filter((set) => set.type !== Type.DS)
  return { ...rest, answer: withoutIt(answer), authority: [...withoutIt(authority), ...denial] }
}

/** NSEC at a cut, without DS, its signature wrong. */
export function forgedNoDs(sub: Name, origin: string, signing: Signing): RRset {
  const denial = signedSet(nsec(sub, nameFromText(`www.${origin}`), [Type.NS, Type.RRSIG, Type.NSEC]), origin, signing)
  return { ...denial, signatures: denial.signatures.map(damagedOctets) }
}

/** A DNAME above `qname` that leads to `target`, unsigned, and the CNAME it makes. */
export function leap(answer: Answer, qname: Name, target: Name): Answer {
  const dname = rrset(parentName(qname), Type.DNAME, 3600, [target])
  const alias = nameFromText(`${nameToText(qname).split('.')[0]}.${nameToText(target)}`)
  return { ...answer, answer: [dname, rrset(qname, Type.CNAME, 3600, [alias])], authority: [] }
}
