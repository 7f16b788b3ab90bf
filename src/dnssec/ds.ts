/** Which of a zone's keys does its parent, or a trust anchor, vouch for? RFC 4034 §5, RFC 4509, RFC 6605 §2, RFC 8624. */

import { createHash } from 'node:crypto'
import { DsDigest } from '../wire/mnemonics.ts'
import { foldName, type Name } from '../wire/name.ts'
import { type AlgorithmPolicy, type DnsKey, MAX_KEYS_PER_TAG, supportsAlgorithm } from './keys.ts'
import { InsecureReason } from './verdict.ts'

export interface Ds {
  keyTag: number
  algorithm: number
  digestType: number
  digest: Uint8Array
}

const digests: ReadonlyMap<number, { hash: string; octets: number }> = new Map([
  [DsDigest.SHA1, { hash: 'sha1', octets: 20 }],
  [DsDigest.SHA256, { hash: 'sha256', octets: 32 }],
  [DsDigest.SHA384, { hash: 'sha384', octets: 48 }],
])

/** The fields of a DS record's RDATA; undefined when it is too short. */
export function parseDs(rdata: Uint8Array): Ds | undefined {
  if (rdata.length < 5) return undefined
  return { keyTag: (rdata[0] << 8) | rdata[1], algorithm: rdata[2], digestType: rdata[3], digest: rdata.subarray(4) }
}

/** DS records of one zone that are looked at: more are only sent to make us hash. */
export const MAX_DS = 8

/** The records of a DS set that count: of algorithms and digests we know; no SHA-1 beside better ones (RFC 4509 §3).
 *  None: the zone is insecure to us, RFC 4035 §5.2; whyUnusable() tells why. */
export function usableDs(rdatas: readonly Uint8Array[], policy: AlgorithmPolicy): Ds[] {
  const known = parseAll(rdatas).filter(
    (ds) => supportsDigest(ds.digestType, policy) && supportsAlgorithm(ds.algorithm, policy),
  )
  const better = known.filter((ds) => ds.digestType !== DsDigest.SHA1)
  return (better.length > 0 ? better : known).slice(0, MAX_DS)
}

/** What no record of this DS set has that we can check: a digest, or an algorithm to go with it. Undefined: some are usable. */
export function whyUnusable(
  rdatas: readonly Uint8Array[],
  policy: AlgorithmPolicy,
): typeof InsecureReason.DIGEST | typeof InsecureReason.ALGORITHM | undefined {
  if (usableDs(rdatas, policy).length > 0) return undefined
  const anyDigest = parseAll(rdatas).some((ds) => supportsDigest(ds.digestType, policy))
  return anyDigest ? InsecureReason.ALGORITHM : InsecureReason.DIGEST
}

function supportsDigest(digestType: number, policy: AlgorithmPolicy): boolean {
  return digests.has(digestType) && (policy.sha1 || digestType !== DsDigest.SHA1)
}

function parseAll(rdatas: readonly Uint8Array[]): Ds[] {
  return rdatas.map(parseDs).filter((ds) => ds !== undefined)
}

/** The keys of the zone `owner` that one of `dsRecords` is about. Of keys with one tag, no more are hashed than verifyRRset tries. */
export function vouchedKeys(dsRecords: readonly Ds[], owner: Name, keys: readonly DnsKey[]): DnsKey[] {
  const vouched = new Set<DnsKey>()
  for (const ds of dsRecords) {
    const candidates = keys.filter((key) => key.tag === ds.keyTag && key.algorithm === ds.algorithm)
    for (const key of candidates.slice(0, MAX_KEYS_PER_TAG)) if (dsMatches(ds, owner, key)) vouched.add(key)
  }
  return [...vouched]
}

/** Whether `ds` is about `key` of the zone `owner`: tag, algorithm and digest over owner and RDATA (RFC 4034 §5.1.4). */
export function dsMatches(ds: Ds, owner: Name, key: DnsKey): boolean {
  if (ds.keyTag !== key.tag || ds.algorithm !== key.algorithm) return false
  const digest = digests.get(ds.digestType)
  if (digest === undefined || ds.digest.length !== digest.octets) return false
  return createHash(digest.hash).update(foldName(owner)).update(key.rdata).digest().equals(ds.digest)
}
