/** What is in a DNSKEY, and does it count? RFC 4034 §2 and appendix B (key tags), RFC 5011 §2.1 (revoked keys), RFC 8624 and
 *  9905 (which algorithms to use). */

import type { KeyObject } from 'node:crypto'
import { DnssecAlgorithm } from '../wire/mnemonics.ts'
import { importPublicKey, MAX_MATERIAL, type Scheme, schemeOf, verifyWith } from './public-key.ts'

export interface DnsKey {
  rdata: Uint8Array
  flags: number
  protocol: number
  algorithm: number
  tag: number
  /** The public key field, a view. */
  material: Uint8Array
}

const ZONE_KEY = 0x0100
const REVOKED = 0x0080
const SECURE_ENTRY_POINT = 0x0001

/** Keys tried of those with one tag and algorithm: more are only sent to make us work (KeyTrap). */
export const MAX_KEYS_PER_TAG = 2

/** The fields of a DNSKEY's RDATA; undefined when it is too short to have any. */
export function parseDnsKey(rdata: Uint8Array): DnsKey | undefined {
  if (rdata.length < 5) return undefined
  const flags = (rdata[0] << 8) | rdata[1]
  return { rdata, flags, protocol: rdata[2], algorithm: rdata[3], tag: keyTag(rdata), material: rdata.subarray(4) }
}

/** RFC 4034 §2.1.1 and §2.1.2: without the Zone Key bit, or of another protocol, a key signs no zone. */
export function isZoneKey(key: DnsKey): boolean {
  return (key.flags & ZONE_KEY) !== 0 && key.protocol === 3
}

/** RFC 5011 §2.1: its owner has taken it out of use. */
export function isRevoked(key: DnsKey): boolean {
  return (key.flags & REVOKED) !== 0
}

/** RFC 4034 §2.1.1: meant to be pointed at by DS records and trust anchors. */
export function isEntryPoint(key: DnsKey): boolean {
  return (key.flags & SECURE_ENTRY_POINT) !== 0
}

/** RFC 4034 appendix B: a checksum to find keys by. Different keys may have the same. */
export function keyTag(rdata: Uint8Array): number {
  if (rdata[3] === DnssecAlgorithm.RSAMD5) return (rdata[rdata.length - 3] << 8) | rdata[rdata.length - 2] // appendix B.1
  let sum = 0
  for (let i = 0; i < rdata.length; i++) sum += i & 1 ? rdata[i] : rdata[i] << 8
  sum += (sum >>> 16) & 0xffff
  return sum & 0xffff
}

export interface AlgorithmPolicy {
  /** Whether signatures made with SHA-1 (algorithms 5 and 7) and DS digests of SHA-1 still count. RFC 9905 says not to
   *  sign with them any more; to refuse them makes old zones insecure. */
  sha1: boolean
}

export const DEFAULT_ALGORITHM_POLICY: AlgorithmPolicy = { sha1: true }

/** Whether we can check signatures of this algorithm. A zone with none but others is insecure, RFC 4035 §5.2. */
export function supportsAlgorithm(algorithm: number, policy: AlgorithmPolicy): boolean {
  const scheme = schemeOf(algorithm)
  return scheme !== undefined && (policy.sha1 || scheme.hash !== 'sha1')
}

/** Whether `signature` over `data` was made with the private half of `key`. False also for a key or signature that is none. */
export function checkSignature(key: DnsKey, data: Uint8Array, signature: Uint8Array): boolean {
  const scheme = schemeOf(key.algorithm)
  if (scheme === undefined) return false
  const publicKey = importedKey(key, scheme)
  return publicKey !== null && verifyWith(scheme, publicKey, data, signature)
}

/** Imported keys by algorithm and material, the least recently used first; null for what is no key. Importing costs as
 *  much as half a verification. */
const imported = new Map<string, KeyObject | null>()
const MAX_IMPORTED = 4096

function importedKey(key: DnsKey, scheme: Scheme): KeyObject | null {
  const { rdata, material } = key
  if (material.length > MAX_MATERIAL) return null // too long to be one, and to be remembered
  const id = Buffer.from(rdata.buffer, rdata.byteOffset + 3, rdata.byteLength - 3).toString('latin1')
  let publicKey = imported.get(id)
  if (publicKey !== undefined) imported.delete(id)
  else {
    publicKey = importPublicKey(scheme, material) ?? null
    if (imported.size >= MAX_IMPORTED) imported.delete(imported.keys().next().value as string)
  }
  imported.set(id, publicKey)
  return publicKey
}
