/** The private keys of the lab's zones: the same at every run, so that DS records and trust anchors never change. They
 *  belong to an internet that exists on loopback addresses only, and anyone may know them: those of curves are made
 *  from the zone's name, those of RSA (which cannot be) stand in keys/. RFC 4034 §2, RFC 3110, RFC 6605, RFC 8080. */

import {
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { keyTag } from '../../src/dnssec/keys.ts'
import { DnssecAlgorithm } from '../../src/wire/mnemonics.ts'
import { foldName, nameFromText } from '../../src/wire/name.ts'
import { rdataToText } from '../../src/wire/text.ts'
import { Type } from '../../src/wire/types.ts'

/** Signs everything, the key set only, or all but the key set. */
export type KeyRole = 'csk' | 'ksk' | 'zsk'

/** A key that can sign as a DNSKEY record says it does. */
export interface ZoneKey {
  origin: string
  role: KeyRole
  algorithm: number
  /** RDATA of the DNSKEY record. */
  rdata: Uint8Array
  tag: number
  /** Undefined for an algorithm that nobody knows: then sign() makes noise. */
  privateKey: KeyObject | undefined
  sign(data: Uint8Array): Uint8Array
}

const SECURE_ENTRY_POINT = 1
const ZONE_KEY = 256

interface Scheme {
  hash: string | null
  make(origin: string, role: KeyRole): KeyObject
  /** The public key field of the DNSKEY. */
  publicField(key: KeyObject): Uint8Array
}

const rsa = (hash: string): Scheme => ({ hash, make: rsaKey, publicField: rsaField })
const ecdsa = (hash: string, curve: 'P-256' | 'P-384', octets: number): Scheme => ({
  hash,
  make: (origin, role) => ecdsaKey(curve, secret(`${origin} ${role}`, octets)),
  publicField: (key) => Buffer.concat([jwkField(key, 'x'), jwkField(key, 'y')]),
})
const eddsa = (prefix: string, octets: number): Scheme => ({
  hash: null,
  make: (origin, role) => eddsaKey(prefix, secret(`${origin} ${role}`, octets)),
  publicField: (key) => jwkField(key, 'x'),
})

const schemes = new Map<number, Scheme>([
  [DnssecAlgorithm.RSASHA1, rsa('sha1')],
  [DnssecAlgorithm['RSASHA1-NSEC3-SHA1'], rsa('sha1')],
  [DnssecAlgorithm.RSASHA256, rsa('sha256')],
  [DnssecAlgorithm.RSASHA512, rsa('sha512')],
  [DnssecAlgorithm.ECDSAP256SHA256, ecdsa('sha256', 'P-256', 32)],
  [DnssecAlgorithm.ECDSAP384SHA384, ecdsa('sha384', 'P-384', 48)],
  // the head of a PKCS #8 structure (RFC 8410 §7), to be followed by the secret octets
  [DnssecAlgorithm.ED25519, eddsa('302e020100300506032b657004220420', 32)],
  [DnssecAlgorithm.ED448, eddsa('3047020100300506032b6571043b0439', 57)],
])

const known = new Map<string, ZoneKey>()

/** The zone's key of that algorithm and role. One of an algorithm without a scheme has noise for a key. */
export function zoneKey(origin: string, algorithm: number, role: KeyRole): ZoneKey {
  const id = `${origin} ${algorithm} ${role}`
  const found = known.get(id)
  if (found !== undefined) return found
  const scheme = schemes.get(algorithm)
  const privateKey = scheme?.make(origin, role)
  const material = privateKey === undefined ? secret(id, 32) : scheme!.publicField(privateKey)
  const key = {
    origin,
    role,
    algorithm,
    ...dnsKey(ZONE_KEY | (role === 'zsk' ? 0 : SECURE_ENTRY_POINT), algorithm, material),
    privateKey,
    sign: (data: Uint8Array) => signWith(privateKey, scheme, data),
  }
  known.set(id, key)
  return key
}

/** RDATA and tag of a DNSKEY record. */
export function dnsKey(flags: number, algorithm: number, material: Uint8Array): { rdata: Uint8Array; tag: number } {
  const rdata = Buffer.from([flags >> 8, flags & 255, 3, algorithm, ...material])
  return { rdata, tag: keyTag(rdata) }
}

/** RDATA of the DS record that vouches for a key. Of digest types nobody knows the digest is noise. RFC 4034 §5.1. */
export function dsRdata(origin: string, key: Pick<ZoneKey, 'rdata' | 'tag' | 'algorithm'>, digest: number): Uint8Array {
  const hash = { 1: 'sha1', 2: 'sha256', 4: 'sha384' }[digest]
  const owner = foldName(nameFromText(origin))
  const octets = hash === undefined ? secret(origin, 32) : createHash(hash).update(owner).update(key.rdata).digest()
  return Buffer.from([key.tag >> 8, key.tag & 255, key.algorithm, digest, ...octets])
}

/** The two files that BIND's tools, ldns' and knot's take a key from: name, and text of `.key` and `.private`. */
export function bindKeyFiles(key: ZoneKey): { name: string; public: string; private: string } {
  const { origin, algorithm, tag, rdata, privateKey } = key
  const jwk = privateKey!.export({ format: 'jwk' }) as Record<string, string>
  const field = (name: string, part: string) => `${name}: ${Buffer.from(jwk[part], 'base64url').toString('base64')}`
  const fields =
    jwk.kty === 'RSA'
      ? [
          field('Modulus', 'n'),
          field('PublicExponent', 'e'),
          field('PrivateExponent', 'd'),
          field('Prime1', 'p'),
          field('Prime2', 'q'),
          field('Exponent1', 'dp'),
          field('Exponent2', 'dq'),
          field('Coefficient', 'qi'),
        ]
      : [field('PrivateKey', 'd')]
  const number = (value: number, digits: number) => String(value).padStart(digits, '0')
  return {
    name: `K${origin}+${number(algorithm, 3)}+${number(tag, 5)}`,
    public: `${origin} 3600 IN DNSKEY ${rdataToText(Type.DNSKEY, rdata)}\n`,
    private: [
      'Private-key-format: v1.3',
      `Algorithm: ${algorithm} (${mnemonic(algorithm)})`,
      ...fields,
      ...sinceAlways,
      '',
    ].join('\n'),
  }
}

/** The key has been in use for long enough. */
const sinceAlways = ['Created', 'Publish', 'Activate'].map((event) => `${event}: 20250101000000`)

function mnemonic(algorithm: number): string {
  return Object.entries(DnssecAlgorithm).find(([, number]) => number === algorithm)![0]
}

/** Octets that only depend on `label`: a private key of a zone that only exists in the lab. */
function secret(label: string, octets: number): Buffer {
  return createHash('shake256', { outputLength: octets }).update(`lab of knots: ${label}`).digest()
}

function rsaKey(origin: string, role: KeyRole): KeyObject {
  const bits = role === 'zsk' ? 1024 : 2048
  const which = secret(origin, 1)[0] & 1 ? 'a' : 'b'
  return createPrivateKey(readFileSync(new URL(`keys/rsa-${bits}-${which}.pem`, import.meta.url)))
}

function ecdsaKey(curve: 'P-256' | 'P-384', d: Buffer): KeyObject {
  d[0] &= 0x7f // below the order of the curve
  const pair = createECDH(curve === 'P-256' ? 'prime256v1' : 'secp384r1')
  pair.setPrivateKey(d)
  const point = pair.getPublicKey()
  const [x, y] = [point.subarray(1, 1 + d.length), point.subarray(1 + d.length)].map((half) =>
    half.toString('base64url'),
  )
  return createPrivateKey({ key: { kty: 'EC', crv: curve, d: d.toString('base64url'), x, y }, format: 'jwk' })
}

function eddsaKey(prefix: string, d: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([Buffer.from(prefix, 'hex'), d]), format: 'der', type: 'pkcs8' })
}

function jwkField(key: KeyObject, part: 'x' | 'y' | 'n' | 'e'): Buffer {
  return Buffer.from(createPublicKey(key).export({ format: 'jwk' })[part] as string, 'base64url')
}

/** RFC 3110 §2. */
function rsaField(key: KeyObject): Uint8Array {
  const [exponent, modulus] = [jwkField(key, 'e'), jwkField(key, 'n')]
  return Buffer.concat([Buffer.from([exponent.length]), exponent, modulus])
}

function signWith(privateKey: KeyObject | undefined, scheme: Scheme | undefined, data: Uint8Array): Uint8Array {
  if (privateKey === undefined) return randomBytes(64)
  return sign(scheme!.hash, data, { key: privateKey, dsaEncoding: 'ieee-p1363' }) // the latter matters to ECDSA only
}
