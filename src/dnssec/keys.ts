/** What is in a DNSKEY, and how does its signature get checked? RFC 4034 §2 and appendix B (key tags), RFC 3110 and 5702
 *  (RSA), RFC 6605 (ECDSA), RFC 8080 (EdDSA), RFC 8624 and 9905 (which algorithms to use). */

import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import { DnssecAlgorithm } from '../wire/mnemonics.ts'

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

/** Algorithms that validate, and with which hash; those that need a policy's consent are marked. */
interface Scheme {
  hash: 'sha1' | 'sha256' | 'sha384' | 'sha512' | null
  family: 'rsa' | 'ec' | 'okp'
  /** Octets of the public key and of a signature, where they are fixed. */
  keyOctets?: number
  signatureOctets?: number
  curve?: 'P-256' | 'P-384' | 'Ed25519' | 'Ed448'
  sha1?: boolean
}

const schemes: ReadonlyMap<number, Scheme> = new Map<number, Scheme>([
  [DnssecAlgorithm.RSASHA1, { family: 'rsa', hash: 'sha1', sha1: true }],
  [DnssecAlgorithm['RSASHA1-NSEC3-SHA1'], { family: 'rsa', hash: 'sha1', sha1: true }],
  [DnssecAlgorithm.RSASHA256, { family: 'rsa', hash: 'sha256' }],
  [DnssecAlgorithm.RSASHA512, { family: 'rsa', hash: 'sha512' }],
  [
    DnssecAlgorithm.ECDSAP256SHA256,
    { family: 'ec', hash: 'sha256', curve: 'P-256', keyOctets: 64, signatureOctets: 64 },
  ],
  [
    DnssecAlgorithm.ECDSAP384SHA384,
    { family: 'ec', hash: 'sha384', curve: 'P-384', keyOctets: 96, signatureOctets: 96 },
  ],
  [DnssecAlgorithm.ED25519, { family: 'okp', hash: null, curve: 'Ed25519', keyOctets: 32, signatureOctets: 64 }],
  [DnssecAlgorithm.ED448, { family: 'okp', hash: null, curve: 'Ed448', keyOctets: 57, signatureOctets: 114 }],
])

export interface AlgorithmPolicy {
  /** Whether signatures made with SHA-1 (algorithms 5 and 7) and DS digests of SHA-1 still count. RFC 9905 says not to
   *  sign with them any more; to refuse them makes old zones insecure. */
  sha1: boolean
}

export const DEFAULT_ALGORITHM_POLICY: AlgorithmPolicy = { sha1: true }

/** Whether we can check signatures of this algorithm. A zone with none but others is insecure, RFC 4035 §5.2. */
export function supportsAlgorithm(algorithm: number, policy: AlgorithmPolicy): boolean {
  const scheme = schemes.get(algorithm)
  return scheme !== undefined && (policy.sha1 || !scheme.sha1)
}

/** Whether `signature` over `data` was made with the private half of `key`. False also for a key or signature that is none. */
export function checkSignature(key: DnsKey, data: Uint8Array, signature: Uint8Array): boolean {
  const scheme = schemes.get(key.algorithm)
  if (scheme === undefined) return false
  if (scheme.signatureOctets !== undefined && signature.length !== scheme.signatureOctets) return false
  const publicKey = importedKey(key, scheme)
  if (publicKey === undefined) return false
  try {
    if (scheme.family === 'ec')
      return verify(scheme.hash, data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
    return verify(scheme.hash, data, publicKey, signature)
  } catch {
    return false // OpenSSL will not have this key or signature
  }
}

/** Imported keys by RDATA; importing costs as much as half a verification. The oldest go first. */
const imported = new Map<string, KeyObject | null>()
const MAX_IMPORTED = 5000

function importedKey(key: DnsKey, scheme: Scheme): KeyObject | undefined {
  const id = Buffer.from(key.rdata.buffer, key.rdata.byteOffset, key.rdata.byteLength).toString('latin1')
  let publicKey = imported.get(id)
  if (publicKey === undefined) {
    publicKey = importKey(key.material, scheme) ?? null
    if (imported.size >= MAX_IMPORTED) imported.delete(imported.keys().next().value as string)
    imported.set(id, publicKey)
  }
  return publicKey ?? undefined
}

function importKey(material: Uint8Array, scheme: Scheme): KeyObject | undefined {
  const jwk = scheme.family === 'rsa' ? rsaJwk(material) : curveJwk(material, scheme)
  if (jwk === undefined) return undefined
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    return undefined // not a point on the curve, an absurd exponent …
  }
}

/** Moduli of more bits than this cost too much to check; RFC 3110 §2 knows up to 4096. */
const MAX_RSA_OCTETS = 512
const MIN_RSA_OCTETS = 64

/** RFC 3110 §2: length of the exponent in one octet, or in three of which the first is 0; exponent; modulus. */
function rsaJwk(material: Uint8Array): JsonWebKey | undefined {
  if (material.length < 3) return undefined
  const long = material[0] === 0
  const start = long ? 3 : 1
  const exponentOctets = long ? (material[1] << 8) | material[2] : material[0]
  const modulus = material.subarray(start + exponentOctets)
  const leading = modulus.findIndex((octet) => octet !== 0)
  const octets = leading < 0 ? 0 : modulus.length - leading
  if (exponentOctets === 0 || exponentOctets > 8 || octets < MIN_RSA_OCTETS || octets > MAX_RSA_OCTETS) return undefined
  return { kty: 'RSA', e: base64url(material.subarray(start, start + exponentOctets)), n: base64url(modulus) }
}

function curveJwk(material: Uint8Array, { family, curve, keyOctets }: Scheme): JsonWebKey | undefined {
  if (material.length !== keyOctets) return undefined
  if (family === 'okp') return { kty: 'OKP', crv: curve, x: base64url(material) }
  const half = material.length / 2
  return { kty: 'EC', crv: curve, x: base64url(material.subarray(0, half)), y: base64url(material.subarray(half)) }
}

function base64url(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('base64url')
}
