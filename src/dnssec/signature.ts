/** Is this RRset signed by one of these keys? RFC 4034 §3 and §6 (canonical form), RFC 4035 §5.3, RFC 6840 §5. */

import { ancestorWith, countLabels, equalNames, foldName, isAtOrBelow, isBelow, type Name } from '../wire/name.ts'
import { canonicalRdata } from '../wire/rdata.ts'
import { type RRset, type RrsigFields, rrsigFields } from '../wire/rrset.ts'
import { Type } from '../wire/types.ts'
import {
  type AlgorithmPolicy,
  checkSignature,
  type DnsKey,
  isRevoked,
  isZoneKey,
  MAX_KEYS_PER_TAG,
  supportsAlgorithm,
} from './keys.ts'
import { type Bogus, type BogusReason, bogus } from './verdict.ts'
import { signedLabels, wildcardOf } from './wildcard.ts'

/** What checking may cost; the request's ledger. False: that much is not granted. */
export interface Price {
  /** One signature is about to be verified. */
  verification(): boolean
  /** One was found wrong. */
  failure(): boolean
  /** One has been verified: of this algorithm, and good or wrong. */
  verified?(algorithm: number, good: boolean): void
}

export interface Signed {
  security: 'secure'
  /** The signature that held. */
  signature: RrsigFields
  /** Seconds the set may be kept: no longer than its signature and original TTL allow, RFC 4035 §5.3.3. */
  ttl: number
  /** If the set was expanded from a wildcard: the name right above the asterisk. The owner itself has then to be denied,
   *  RFC 4035 §5.3.4. */
  wildcard: Name | undefined
}

/** Signatures tried per RRset: more are only sent to make us work (KeyTrap). */
export const MAX_SIGNATURES = 4

/** Verifies `rrset` by its signatures and the keys of the zone `zone`. `nowSeconds` is POSIX time. */
export function verifyRRset(
  rrset: RRset,
  zone: Name,
  keys: readonly DnsKey[],
  nowSeconds: number,
  policy: AlgorithmPolicy,
  price: Price,
): Signed | Bogus {
  let worst: Bogus = bogus('signature missing')
  if (rrset.rdatas.length === 0) return worst
  let rdatas: Uint8Array[] | undefined
  let tried = 0
  for (const rdata of rrset.signatures) {
    const signature = rrsigFields(rdata)
    const misfit = whyMisfit(rrset, signature, zone, nowSeconds)
    if (misfit !== undefined) {
      worst = worseOf(worst, misfit, signature.keyTag)
      continue
    }
    if (!supportsAlgorithm(signature.algorithm, policy)) continue
    const candidates = keys.filter((key) => key.tag === signature.keyTag && key.algorithm === signature.algorithm)
    const usable = candidates.filter((key) => isZoneKey(key) && !isRevoked(key))
    if (usable.length === 0) {
      const reason = candidates.some((key) => !isZoneKey(key)) ? 'key is no zone key' : 'no key for signature'
      worst = worseOf(worst, reason, signature.keyTag)
      continue
    }
    if (++tried > MAX_SIGNATURES) return bogus('limit reached', signature.keyTag)
    rdatas ??= canonicalRdatas(rrset)
    const data = composeSigned(rrset.owner, rrset.type, rrset.class, rdatas, signature, rdata)
    for (const key of usable.slice(0, MAX_KEYS_PER_TAG)) {
      if (!price.verification()) return bogus('limit reached', signature.keyTag)
      const good = checkSignature(key, data, signature.signature)
      price.verified?.(signature.algorithm, good)
      if (good) return accepted(rrset, signature, nowSeconds)
      worst = worseOf(worst, 'signature wrong', signature.keyTag)
      if (!price.failure()) return bogus('limit reached', signature.keyTag)
    }
  }
  return worst
}

function accepted(rrset: RRset, signature: RrsigFields, nowSeconds: number): Signed {
  const encloser =
    signature.labels < signedLabels(rrset.owner) ? ancestorWith(rrset.owner, signature.labels) : undefined
  const ttl = Math.min(rrset.ttl, signature.originalTtl, serialDistance(nowSeconds, signature.expiration))
  return { security: 'secure', signature, ttl: Math.max(0, ttl), wildcard: encloser }
}

/** Why this signature cannot be one over this set, RFC 4035 §5.3.1. Signer labels ≤ RRSIG labels ≤ owner labels. */
function whyMisfit(rrset: RRset, signature: RrsigFields, zone: Name, nowSeconds: number): BogusReason | undefined {
  const { owner, type } = rrset
  if (signature.typeCovered !== type) return 'signature missing'
  if (!equalNames(signature.signer, zone) || !isAtOrBelow(owner, zone)) return 'signer outside the zone'
  // The parent speaks for the delegation, a zone never for its own (RFC 4035 §2.4).
  if (type === Type.DS && !isBelow(owner, zone)) return 'signer outside the zone'
  const labels = signedLabels(owner)
  if (signature.labels > labels) return 'too many labels in signature'
  if (signature.labels < countLabels(zone)) return 'too few labels in signature'
  // No wildcard makes delegations (RFC 4592 §4.6) or hashed owners.
  if (signature.labels < labels && (type === Type.DS || type === Type.NSEC3)) return 'too few labels in signature'
  if (serialDistance(signature.inception, signature.expiration) < 0) return 'signature expired before valid'
  if (serialDistance(nowSeconds, signature.expiration) < 0) return 'signature expired'
  if (serialDistance(signature.inception, nowSeconds) < 0) return 'signature not yet valid'
  return undefined
}

/** Seconds from `from` to `to` in serial number arithmetic, RFC 4034 §3.1.5: the times of an RRSIG wrap around in 2106. */
function serialDistance(from: number, to: number): number {
  return (to - from) | 0
}

/** The octets that were signed: the RRSIG's RDATA without the signature, then the set in canonical form and order. */
export function signedData(rrset: RRset, signature: RrsigFields, rrsigRdata: Uint8Array): Uint8Array {
  return composeSigned(rrset.owner, rrset.type, rrset.class, canonicalRdatas(rrset), signature, rrsigRdata)
}

/** RFC 4034 §6.2 and §6.3: names in lower case, sorted as octets, each once. */
function canonicalRdatas({ type, rdatas }: RRset): Uint8Array[] {
  if (rdatas.length === 1) return [canonicalRdata(rdatas[0], type)]
  const sorted = rdatas.map((rdata) => canonicalRdata(rdata, type)).sort(compareOctets)
  return sorted.filter((rdata, i) => i === 0 || compareOctets(sorted[i - 1], rdata) !== 0)
}

const RRSIG_HEAD = 18
/** Type, class and TTL; the length of the RDATA follows. */
const RECORD_MIDDLE = 8

/** RFC 4034 §3.1.8.1. */
function composeSigned(
  owner: Name,
  type: number,
  klass: number,
  rdatas: readonly Uint8Array[],
  signature: RrsigFields,
  rrsigRdata: Uint8Array,
): Uint8Array {
  const signer = foldName(signature.signer)
  const signedOwner = canonicalOwner(owner, signature.labels)
  const start = signedOwner.length + RECORD_MIDDLE
  let size = RRSIG_HEAD + signer.length
  for (const rdata of rdatas) size += start + 2 + rdata.length
  const data = new Uint8Array(size)
  data.set(rrsigRdata.subarray(0, RRSIG_HEAD))
  data.set(signer, RRSIG_HEAD)
  let offset = RRSIG_HEAD + signer.length
  for (const rdata of rdatas) {
    data.set(signedOwner, offset)
    offset += signedOwner.length
    data[offset++] = type >> 8
    data[offset++] = type
    data[offset++] = klass >> 8
    data[offset++] = klass
    for (let i = 4; i < 8; i++) data[offset++] = rrsigRdata[i] // the original TTL
    data[offset++] = rdata.length >> 8
    data[offset++] = rdata.length
    data.set(rdata, offset)
    offset += rdata.length
  }
  return data
}

/** RFC 4035 §5.3.2: the owner in lower case; for a set from a wildcard, the wildcard. */
function canonicalOwner(owner: Name, labels: number): Name {
  if (labels >= signedLabels(owner)) return foldName(owner)
  return wildcardOf(foldName(ancestorWith(owner, labels)))
}

/** Octet order, RFC 4034 §6.3: the shorter first where one begins the other. */
function compareOctets(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length)
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return a[i] - b[i]
  return a.length - b.length
}

/** Reasons from the least telling to the most: a signature that is there and wrong says more than one that is missing. */
const telling: readonly BogusReason[] = [
  'signature missing',
  'signer outside the zone',
  'too many labels in signature',
  'too few labels in signature',
  'no key for signature',
  'key is no zone key',
  'signature wrong',
  'signature expired before valid',
  'signature not yet valid',
  'signature expired',
]

function worseOf(known: Bogus, reason: BogusReason, keyTag: number): Bogus {
  return telling.indexOf(reason) >= telling.indexOf(known.reason) ? bogus(reason, keyTag) : known
}
