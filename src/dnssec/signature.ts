/** Is this RRset signed by one of these keys? RFC 4034 §3 and §6 (canonical form), RFC 4035 §5.3, RFC 6840 §5. */

import { ancestorWith, countLabels, equalNames, foldName, isAtOrBelow, isWildcard, type Name } from '../wire/name.ts'
import { canonicalRdata } from '../wire/rdata.ts'
import { type RRset, type RrsigFields, rrsigFields } from '../wire/rrset.ts'
import { type AlgorithmPolicy, checkSignature, type DnsKey, isRevoked, isZoneKey, supportsAlgorithm } from './keys.ts'
import { type BogusReason, bogus, type Verdict } from './verdict.ts'

/** What checking may cost; the request's ledger. False: that much is not granted. */
export interface Price {
  /** One signature is about to be verified. */
  verification(): boolean
  /** One was found wrong. */
  failure(): boolean
}

export interface Signed {
  security: 'secure'
  /** The signature that held. */
  signature: RrsigFields
  /** Seconds the set may be kept: no longer than its signature and original TTL allow, RFC 4035 §5.3.3. */
  ttl: number
  /** The wildcard the set was expanded from, if it was (RFC 4035 §5.3.4): its own name has then to be denied. */
  wildcard: Name | undefined
}

/** Signatures tried per RRset, and keys per tag: more are only sent to make us work (KeyTrap). */
export const MAX_SIGNATURES = 4
export const MAX_KEYS_PER_TAG = 2

/** Verifies `rrset` by its signatures and the keys of the zone `zone`. `nowSeconds` is POSIX time. */
export function verifyRRset(
  rrset: RRset,
  zone: Name,
  keys: readonly DnsKey[],
  nowSeconds: number,
  policy: AlgorithmPolicy,
  price: Price,
): Signed | (Verdict & { security: 'bogus' }) {
  let worst: Verdict & { security: 'bogus' } = bogusVerdict('signature missing')
  let tried = 0
  for (const rdata of rrset.signatures) {
    const signature = rrsigFields(rdata)
    const misfit = whyMisfit(rrset, signature, zone, nowSeconds)
    if (misfit !== undefined) {
      worst = worseOf(worst, misfit, signature.keyTag)
      continue
    }
    if (!supportsAlgorithm(signature.algorithm, policy)) continue
    if (++tried > MAX_SIGNATURES) return bogusVerdict('limit reached', signature.keyTag)
    const candidates = keys.filter((key) => key.tag === signature.keyTag && key.algorithm === signature.algorithm)
    const usable = candidates.filter((key) => isZoneKey(key) && !isRevoked(key))
    if (usable.length === 0) {
      const reason = candidates.some((key) => !isZoneKey(key)) ? 'key is no zone key' : 'no key for signature'
      worst = worseOf(worst, reason, signature.keyTag)
      continue
    }
    const data = signedData(rrset, signature, rdata)
    for (const key of usable.slice(0, MAX_KEYS_PER_TAG)) {
      if (!price.verification()) return bogusVerdict('limit reached', signature.keyTag)
      if (checkSignature(key, data, signature.signature)) return accepted(rrset, signature, nowSeconds)
      worst = worseOf(worst, 'signature wrong', signature.keyTag)
      if (!price.failure()) return bogusVerdict('limit reached', signature.keyTag)
    }
  }
  return worst
}

function accepted(rrset: RRset, signature: RrsigFields, nowSeconds: number): Signed {
  const labels = countLabels(rrset.owner) - (isWildcard(rrset.owner) ? 1 : 0)
  const wildcard = signature.labels < labels ? ancestorWith(rrset.owner, signature.labels) : undefined
  const ttl = Math.min(rrset.ttl, signature.originalTtl, serialDistance(nowSeconds, signature.expiration))
  return { security: 'secure', signature, ttl: Math.max(0, ttl), wildcard }
}

/** Why this signature cannot be one over this set, RFC 4035 §5.3.1. Signer labels ≤ RRSIG labels ≤ owner labels. */
function whyMisfit(rrset: RRset, signature: RrsigFields, zone: Name, nowSeconds: number): BogusReason | undefined {
  if (!equalNames(signature.signer, zone) || !isAtOrBelow(rrset.owner, signature.signer))
    return 'signer outside the zone'
  const ownerLabels = countLabels(rrset.owner) - (isWildcard(rrset.owner) ? 1 : 0)
  if (signature.labels > ownerLabels || signature.labels < countLabels(signature.signer))
    return 'too many labels in signature'
  if (serialDistance(signature.inception, signature.expiration) < 0) return 'signature expired'
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
  const head = rrsigRdata.slice(0, 18)
  const signer = foldName(signature.signer)
  const owner = canonicalOwner(rrset.owner, signature.labels)
  const rdatas = rrset.rdatas.map((rdata) => canonicalRdata(rdata, rrset.type)).sort(compareOctets)
  const recordHead = new Uint8Array(owner.length + 8)
  recordHead.set(owner)
  const { type, class: klass } = rrset
  recordHead.set([type >> 8, type, klass >> 8, klass, ...u32(signature.originalTtl)], owner.length)
  const size =
    head.length + signer.length + rdatas.reduce((sum, rdata) => sum + recordHead.length + 2 + rdata.length, 0)
  const data = new Uint8Array(size)
  data.set(head)
  data.set(signer, head.length)
  let offset = head.length + signer.length
  for (const rdata of rdatas) {
    data.set(recordHead, offset)
    offset += recordHead.length
    data[offset++] = rdata.length >> 8
    data[offset++] = rdata.length
    data.set(rdata, offset)
    offset += rdata.length
  }
  return data
}

/** RFC 4035 §5.3.2: the owner in lower case; for a set from a wildcard, the wildcard. */
function canonicalOwner(owner: Name, labels: number): Name {
  const own = countLabels(owner)
  if (labels >= own || (isWildcard(owner) && labels === own - 1)) return foldName(owner)
  return Uint8Array.from([1, 0x2a, ...foldName(ancestorWith(owner, labels))])
}

/** Octet order, RFC 4034 §6.3: the shorter first where one begins the other. */
function compareOctets(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length)
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return a[i] - b[i]
  return a.length - b.length
}

function u32(value: number): number[] {
  return [value >>> 24, value >>> 16, value >>> 8, value].map((octet) => octet & 255)
}

/** Reasons from the least telling to the most: a signature that is there and wrong says more than one that is missing. */
const telling: readonly BogusReason[] = [
  'signature missing',
  'signer outside the zone',
  'too many labels in signature',
  'no key for signature',
  'key is no zone key',
  'signature wrong',
  'signature not yet valid',
  'signature expired',
]

function worseOf(known: Verdict & { security: 'bogus' }, reason: BogusReason, keyTag: number) {
  return telling.indexOf(reason) >= telling.indexOf(known.reason) ? bogusVerdict(reason, keyTag) : known
}

function bogusVerdict(reason: BogusReason, keyTag?: number) {
  return bogus(reason, keyTag) as Verdict & { security: 'bogus' }
}
