/** Which of a zone's keys does its parent, or a trust anchor, vouch for? RFC 4034 §5, RFC 4509, RFC 6605 §2, RFC 8624. */

import { createHash } from 'node:crypto'
import { DsDigest } from '../wire/mnemonics.ts'
import { foldName, type Name } from '../wire/name.ts'
import { type AlgorithmPolicy, type DnsKey, supportsAlgorithm } from './keys.ts'

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

/** The records of a DS set that count: of algorithms and digests we know; no SHA-1 beside better ones (RFC 4509 §3).
 *  None: the zone is insecure to us, RFC 4035 §5.2. */
export function usableDs(rdatas: readonly Uint8Array[], policy: AlgorithmPolicy): Ds[] {
  const known = rdatas
    .map(parseDs)
    .filter((ds) => ds !== undefined)
    .filter((ds) => digests.has(ds.digestType) && supportsAlgorithm(ds.algorithm, policy))
    .filter((ds) => policy.sha1 || ds.digestType !== DsDigest.SHA1)
  const better = known.filter((ds) => ds.digestType !== DsDigest.SHA1)
  return better.length > 0 ? better : known
}

/** Whether `ds` is about `key` of the zone `owner`: tag, algorithm and digest over owner and RDATA (RFC 4034 §5.1.4). */
export function dsMatches(ds: Ds, owner: Name, key: DnsKey): boolean {
  if (ds.keyTag !== key.tag || ds.algorithm !== key.algorithm) return false
  const digest = digests.get(ds.digestType)
  if (digest === undefined || ds.digest.length !== digest.octets) return false
  return createHash(digest.hash).update(foldName(owner)).update(key.rdata).digest().equals(ds.digest)
}
