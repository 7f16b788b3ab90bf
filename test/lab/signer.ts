/** Signs a zone: given its records and keys, what does it look like with DNSSEC? RRSIG and NSEC (RFC 4034, RFC 4035 §2),
 *  NSEC3 (RFC 5155 §7.1), their TTLs (RFC 9077). The lab's own, so that signed zones need no other program; the tests
 *  have those of others check its work. Every step can be handed an intervention, for zones that are wrong on purpose. */

import { nsec3Hash } from '../../src/dnssec/nsec3.ts'
import { signedData } from '../../src/dnssec/signature.ts'
import { base32HexText } from '../../src/wire/base32.ts'
import {
  compareCanonical,
  countLabels,
  equalNames,
  isAtOrBelow,
  isWildcard,
  type Name,
  nameKey,
  parentName,
  prependLabel,
} from '../../src/wire/name.ts'
import { parseSoa, type RRset, type RrsigFields, rrset } from '../../src/wire/rrset.ts'
import type { ZoneRecord } from '../../src/wire/text.ts'
import { bitmapOfTypes } from '../../src/wire/type-bitmap.ts'
import { Class, Type } from '../../src/wire/types.ts'
import type { ZoneKey } from './zone-keys.ts'

export type DenialKind = { kind: 'nsec' } | { kind: 'nsec3'; iterations: number; salt: Uint8Array; optOut: boolean }

export interface SigningPlan {
  apex: Name
  keys: ZoneKey[]
  denial: DenialKind
  /** POSIX seconds. */
  inception: number
  expiration: number
  /** Changes what a signature says before it is made. */
  alter?: (fields: RrsigDraft, rrset: RRset) => RrsigDraft
}

export type RrsigDraft = Omit<RrsigFields, 'signature'>

/** Owner by owner, in canonical order. */
interface Owner {
  name: Name
  rrsets: Map<number, RRset>
  /** `glue`: at or below a cut without being the cut itself, so not of this zone. */
  place: 'apex' | 'inside' | 'cut' | 'glue'
}

/** The signed zone, in canonical order. Its DNSKEY records have to be among `records`. */
export function signZone(records: readonly ZoneRecord[], plan: SigningPlan): ZoneRecord[] {
  const owners = arrange(records, plan.apex)
  const { minimum } = parseSoa(owners[0].rrsets.get(Type.SOA)!.rdatas[0])
  const denialTtl = Math.min(minimum, owners[0].rrsets.get(Type.SOA)!.ttl) // RFC 9077 §3
  const ours = owners.filter((owner) => owner.place !== 'glue')
  const proofs = plan.denial.kind === 'nsec' ? chainNsec(ours, denialTtl) : chainNsec3(ours, plan, denialTtl)
  const signed = [...owners.flatMap(setsOf), ...proofs]
  const isOurs = new Set([...ours.flatMap(signableSets), ...proofs])
  return signed.flatMap((set) => [
    ...set.rdatas.map((rdata) => record(set, set.type, rdata)),
    ...(isOurs.has(set) ? signSet(set, plan).map((rdata) => record(set, Type.RRSIG, rdata)) : []),
  ])
}

/** RDATA of the signatures that `set` gets: the key set from keys that sign it, all else from the others. */
export function signSet(set: RRset, plan: SigningPlan): Uint8Array[] {
  const role = set.type === Type.DNSKEY ? 'ksk' : 'zsk'
  return plan.keys.filter((key) => key.role === 'csk' || key.role === role).map((key) => signWithKey(set, key, plan))
}

/** RDATA of the signature of `key` over `set`: RFC 4034 §3.1. */
export function signWithKey(
  set: RRset,
  key: Pick<ZoneKey, 'algorithm' | 'tag' | 'sign'>,
  plan: Pick<SigningPlan, 'apex' | 'inception' | 'expiration' | 'alter'>,
): Uint8Array {
  const draft: RrsigDraft = {
    typeCovered: set.type,
    algorithm: key.algorithm,
    labels: countLabels(set.owner) - (isWildcard(set.owner) ? 1 : 0),
    originalTtl: set.ttl,
    expiration: plan.expiration,
    inception: plan.inception,
    keyTag: key.tag,
    signer: plan.apex,
  }
  const fields = { ...(plan.alter?.(draft, set) ?? draft), signature: new Uint8Array(0) }
  const head = rrsigHead(fields)
  return Buffer.concat([head, key.sign(signedData(set, fields, head))])
}

function rrsigHead(fields: RrsigDraft): Uint8Array {
  const head = Buffer.alloc(18)
  head.writeUInt16BE(fields.typeCovered, 0)
  head[2] = fields.algorithm
  head[3] = fields.labels
  head.writeUInt32BE(fields.originalTtl, 4)
  head.writeUInt32BE(fields.expiration, 8)
  head.writeUInt32BE(fields.inception, 12)
  head.writeUInt16BE(fields.keyTag, 16)
  return Buffer.concat([head, fields.signer])
}

/** Records by owner and type, owners in canonical order, which puts the apex first and what is below a cut behind it. */
function arrange(records: readonly ZoneRecord[], apex: Name): Owner[] {
  const byName = new Map<string, Owner>()
  for (const { owner, ttl, type, rdata } of records) {
    const here = byName.get(nameKey(owner)) ?? { name: owner, rrsets: new Map(), place: 'inside' }
    byName.set(nameKey(owner), here)
    const set = here.rrsets.get(type)
    if (set === undefined) here.rrsets.set(type, rrset(owner, type, ttl, [rdata]))
    else set.rdatas.push(rdata)
  }
  const owners = [...byName.values()].sort((a, b) => compareCanonical(a.name, b.name))
  let cut: Name | undefined
  for (const owner of owners) {
    if (equalNames(owner.name, apex)) owner.place = 'apex'
    else if (cut !== undefined && isAtOrBelow(owner.name, cut)) owner.place = 'glue'
    else if (owner.rrsets.has(Type.NS)) {
      owner.place = 'cut'
      cut = owner.name
    }
  }
  return owners
}

function setsOf(owner: Owner): RRset[] {
  return [...owner.rrsets.values()]
}

/** RFC 4035 §2.2: at a cut only the DS set is the parent's to sign. */
function signableSets(owner: Owner): RRset[] {
  return setsOf(owner).filter((set) => owner.place !== 'cut' || set.type === Type.DS)
}

/** RFC 4035 §2.3. */
function chainNsec(owners: Owner[], ttl: number): RRset[] {
  return owners.map((owner, index) => {
    const next = owners[(index + 1) % owners.length].name
    const types = [...typesAt(owner), Type.RRSIG, Type.NSEC]
    return rrset(owner.name, Type.NSEC, ttl, [Buffer.concat([next, bitmapOfTypes(types)])])
  })
}

/** What denial may say of an owner: at a cut, NS and DS and nothing of addresses that are glue. */
function typesAt(owner: Owner): number[] {
  return [...owner.rrsets.keys()].filter((type) => owner.place !== 'cut' || type === Type.NS || type === Type.DS)
}

/** RFC 5155 §7.1, NSEC3PARAM at the apex included. */
function chainNsec3(owners: Owner[], { apex, denial }: SigningPlan, ttl: number): RRset[] {
  if (denial.kind !== 'nsec3') return []
  const { iterations, salt, optOut } = denial
  const parameters = (flags: number) => Buffer.from([1, flags, iterations >> 8, iterations & 255, salt.length, ...salt])
  const param = rrset(apex, Type.NSEC3PARAM, 0, [parameters(0)])
  const hashed = new Map<string, { hash: Uint8Array; types: number[] }>()
  const add = (name: Name, types: number[]) => {
    const hash = nsec3Hash(name, salt, iterations)
    hashed.set(nameKey(name), { hash, types })
  }
  for (const owner of owners) {
    const isUnsignedCut = owner.place === 'cut' && !owner.rrsets.has(Type.DS)
    if (isUnsignedCut && optOut) continue
    const more = owner.place === 'apex' ? [Type.NSEC3PARAM, Type.RRSIG] : isUnsignedCut ? [] : [Type.RRSIG]
    add(owner.name, [...typesAt(owner), ...more])
    // empty non-terminals on the way up
    for (let above = owner.name; above.length > apex.length; above = parentName(above))
      if (!hashed.has(nameKey(above))) add(above, [])
  }
  const chain = [...hashed.values()].sort((a, b) => Buffer.compare(a.hash, b.hash))
  const sets = chain.map(({ hash, types }, index) => {
    const next = chain[(index + 1) % chain.length].hash
    const owner = prependLabel(Buffer.from(base32HexText(hash).toLowerCase()), apex)!
    const parts = [parameters(optOut ? 1 : 0), Uint8Array.of(next.length), next, bitmapOfTypes(types)]
    return rrset(owner, Type.NSEC3, ttl, [Buffer.concat(parts)])
  })
  return [param, ...sets]
}

function record(set: RRset, type: number, rdata: Uint8Array): ZoneRecord {
  return { owner: set.owner, ttl: set.ttl, class: Class.IN, type, rdata }
}
