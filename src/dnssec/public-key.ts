/** What does the public key of each algorithm look like, and how does OpenSSL check a signature with it? RFC 3110 and 5702
 *  (RSA), RFC 6605 (ECDSA), RFC 8080 (EdDSA). */

import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import { DnssecAlgorithm } from '../wire/mnemonics.ts'

/** One algorithm that validates. */
export interface Scheme {
  family: 'rsa' | 'ec' | 'okp'
  hash: 'sha1' | 'sha256' | 'sha384' | 'sha512' | null
  curve?: 'P-256' | 'P-384' | 'Ed25519' | 'Ed448'
  /** Octets of the public key and of a signature, where they are fixed. */
  keyOctets?: number
  signatureOctets?: number
}

const schemes: ReadonlyMap<number, Scheme> = new Map<number, Scheme>([
  [DnssecAlgorithm.RSASHA1, { family: 'rsa', hash: 'sha1' }],
  [DnssecAlgorithm['RSASHA1-NSEC3-SHA1'], { family: 'rsa', hash: 'sha1' }],
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

/** Undefined for algorithms we cannot check. */
export function schemeOf(algorithm: number): Scheme | undefined {
  return schemes.get(algorithm)
}

/** RFC 3110 §2 and RFC 5702 §2: moduli of 512 to 4096 bits. Longer ones, and longer exponents than anybody uses, only
 *  cost time. */
const MIN_MODULUS = 64
const MAX_MODULUS = 512
const MAX_EXPONENT = 8
/** Octets of the longest key worth looking at: both lengths, and a little for zeros in front. */
export const MAX_MATERIAL = 3 + MAX_EXPONENT + MAX_MODULUS + 8

/** From the public key field of a DNSKEY; undefined when it is no key of its algorithm. */
export function importPublicKey(scheme: Scheme, material: Uint8Array): KeyObject | undefined {
  const jwk = scheme.family === 'rsa' ? rsaJwk(material) : curveJwk(material, scheme)
  if (jwk === undefined) return undefined
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    return undefined // not a point on the curve …
  }
}

/** Whether `signature`, in the form of DNS, over `data` was made with the private half of `publicKey`. */
export function verifyWith(scheme: Scheme, publicKey: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  if (scheme.signatureOctets !== undefined && signature.length !== scheme.signatureOctets) return false
  try {
    return verify(scheme.hash, data, publicKey, scheme.family === 'ec' ? derOfPair(signature) : signature)
  } catch {
    return false // OpenSSL will not have it
  }
}

/** RFC 3110 §2: length of the exponent in one octet, or in three of which the first is 0; exponent; modulus. */
function rsaJwk(material: Uint8Array): JsonWebKey | undefined {
  if (material.length < 3 || material.length > MAX_MATERIAL) return undefined
  const long = material[0] === 0
  const start = long ? 3 : 1
  const exponentOctets = long ? (material[1] << 8) | material[2] : material[0]
  const modulus = material.subarray(start + exponentOctets)
  const leading = modulus.findIndex((octet) => octet !== 0)
  const octets = leading < 0 ? 0 : modulus.length - leading
  if (exponentOctets < 1 || exponentOctets > MAX_EXPONENT || octets < MIN_MODULUS || octets > MAX_MODULUS)
    return undefined
  return { kty: 'RSA', e: base64url(material.subarray(start, start + exponentOctets)), n: base64url(modulus) }
}

function curveJwk(material: Uint8Array, { family, curve, keyOctets }: Scheme): JsonWebKey | undefined {
  if (material.length !== keyOctets) return undefined
  if (family === 'okp') return { kty: 'OKP', crv: curve, x: base64url(material) }
  const half = material.length / 2
  return { kty: 'EC', crv: curve, x: base64url(material.subarray(0, half)), y: base64url(material.subarray(half)) }
}

/** RFC 6605 §4 has r and s side by side, OpenSSL wants a DER SEQUENCE of two INTEGERs. Node would do this on request
 *  (dsaEncoding), but takes 27 µs for it where P-256 itself takes 67. */
function derOfPair(signature: Uint8Array): Uint8Array {
  const half = signature.length >> 1
  const r = integerStart(signature, 0, half)
  const s = integerStart(signature, half, 2 * half)
  const rOctets = half - r.at + r.pad
  const sOctets = 2 * half - s.at + s.pad
  const der = new Uint8Array(6 + rOctets + sOctets)
  der[0] = 0x30
  der[1] = der.length - 2 // at most 102: the short form of a length does
  der[2] = 0x02
  der[3] = rOctets
  der.set(signature.subarray(r.at, half), 4 + r.pad)
  der[4 + rOctets] = 0x02
  der[5 + rOctets] = sOctets
  der.set(signature.subarray(s.at, 2 * half), 6 + rOctets + s.pad)
  return der
}

/** Where the significant octets of the number in `octets` begin, and whether a zero goes in front lest it look negative. */
function integerStart(octets: Uint8Array, start: number, end: number): { at: number; pad: number } {
  let at = start
  while (at < end - 1 && octets[at] === 0) at++
  return { at, pad: octets[at] >> 7 }
}

function base64url(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('base64url')
}
