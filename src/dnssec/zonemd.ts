/** Is this copy of a zone whole, to the last octet? RFC 8976: a digest over all its records, which the zone itself holds
 *  in its ZONEMD record. The scheme is SIMPLE (§3.3), the hash SHA-384 or SHA-512 (§5.3). */

import { createHash } from 'node:crypto'
import { equalNames, foldName, type Name } from '../wire/name.ts'
import type { RRset } from '../wire/rrset.ts'
import type { ZoneRecord } from '../wire/text.ts'
import { Class, Type } from '../wire/types.ts'

export interface CanonicalRecord extends ZoneRecord {
  /** RDATA in canonical form. */
  canonical: Uint8Array
}

/** What of a zone goes into its digest. */
export interface DigestedZone {
  origin: Name
  serial: number
  /** All records of the zone, in canonical order, none twice, with TTLs as they came. */
  records: readonly CanonicalRecord[]
}

/** `unverifiable`: there is no ZONEMD record, or none of a scheme and hash known here. */
export type DigestFinding = { kind: 'verified' } | { kind: 'unverifiable' } | { kind: 'wrong'; reason: string }

/** RFC 8976 §2.2. */
export interface ZoneDigest {
  serial: number
  scheme: number
  hashAlgorithm: number
  digest: Uint8Array
}

const SIMPLE = 1
const hashes: ReadonlyMap<number, { name: string; octets: number }> = new Map([
  [1, { name: 'sha384', octets: 48 }],
  [2, { name: 'sha512', octets: 64 }],
])

/** The fields of a ZONEMD's RDATA; undefined when it is too short to have a digest (RFC 8976 §2.2.4: 12 octets or more). */
export function parseZoneDigest(rdata: Uint8Array): ZoneDigest | undefined {
  if (rdata.length < 18) return undefined
  const serial = ((rdata[0] << 24) | (rdata[1] << 16) | (rdata[2] << 8) | rdata[3]) >>> 0
  return { serial, scheme: rdata[4], hashAlgorithm: rdata[5], digest: rdata.subarray(6) }
}

/** RFC 8976 §4, steps 4 to 6: one record that holds is enough. Whether `zonemd` is signed is the caller's to see. */
export function checkZoneDigest(zone: DigestedZone, zonemd: RRset | undefined): DigestFinding {
  const digests = (zonemd?.rdatas ?? []).map(parseZoneDigest).filter((found) => found !== undefined)
  const known = digests.filter(({ scheme, hashAlgorithm }) => scheme === SIMPLE && hashes.has(hashAlgorithm))
  let reason: string | undefined
  for (const claim of known) {
    // Of two with one scheme and hash, neither counts.
    if (known.filter(({ hashAlgorithm }) => hashAlgorithm === claim.hashAlgorithm).length > 1)
      reason ??= 'two records have the same scheme and hash'
    else if (claim.serial !== zone.serial) reason ??= `is for serial ${claim.serial}, the zone has ${zone.serial}`
    else if (Buffer.compare(digestOf(zone, claim.hashAlgorithm), claim.digest) === 0) return { kind: 'verified' }
    else reason ??= 'the digest is another'
  }
  return reason === undefined ? { kind: 'unverifiable' } : { kind: 'wrong', reason }
}

/** RFC 8976 §3.3.1: all records but the ZONEMD set at the apex and its signatures. §3.4: each in canonical form. */
export function digestOf({ origin, records }: DigestedZone, hashAlgorithm: number): Uint8Array {
  const hash = createHash(hashes.get(hashAlgorithm)?.name ?? 'sha384')
  const middle = Buffer.alloc(10)
  for (const { owner, type, ttl, canonical } of records) {
    if (isOfDigest(type, canonical) && equalNames(owner, origin)) continue
    middle.writeUInt16BE(type, 0)
    middle.writeUInt16BE(Class.IN, 2)
    middle.writeUInt32BE(ttl, 4)
    middle.writeUInt16BE(canonical.length, 8)
    hash.update(foldName(owner)).update(middle).update(canonical)
  }
  return hash.digest()
}

function isOfDigest(type: number, rdata: Uint8Array): boolean {
  return type === Type.ZONEMD || (type === Type.RRSIG && ((rdata[0] << 8) | rdata[1]) === Type.ZONEMD)
}
