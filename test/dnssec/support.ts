/** Keys, sets and signatures made for a test, so that everything about them can be a lie but the cryptography. */

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { type DnsKey, parseDnsKey } from '../../src/dnssec/keys.ts'
import { signedData } from '../../src/dnssec/signature.ts'
import { countLabels, isWildcard, type Name, nameFromText } from '../../src/wire/name.ts'
import { type RRset, type RrsigFields, rrset, rrsigFields } from '../../src/wire/rrset.ts'
import { rdataFromText } from '../../src/wire/text.ts'
import { Type } from '../../src/wire/types.ts'

export const name = nameFromText

export function set(owner: string, type: keyof typeof Type, ...texts: string[]): RRset {
  return rrset(
    name(owner),
    Type[type],
    300,
    texts.map((text) => rdataFromText(Type[type], text, name('example.org'))),
  )
}

/** An Ed25519 key. */
export interface TestKey {
  dnsKey: DnsKey
  privateKey: KeyObject
}

export const ZONE_KEY = 0x0100
export const REVOKED = 0x0080
export const SEP = 0x0001

export function makeKey(flags = ZONE_KEY, protocol = 3): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const material = Buffer.from(publicKey.export({ format: 'jwk' }).x as string, 'base64url')
  return { dnsKey: parsed(Uint8Array.of(flags >> 8, flags & 255, protocol, 15, ...material)), privateKey }
}

/** The same key with other flags, and so with another tag. */
export function withFlags(key: TestKey, flags: number): TestKey {
  const rdata = new Uint8Array(key.dnsKey.rdata)
  rdata[0] = flags >> 8
  rdata[1] = flags
  return { dnsKey: parsed(rdata), privateKey: key.privateKey }
}

export function parsed(rdata: Uint8Array): DnsKey {
  const key = parseDnsKey(rdata)
  if (key === undefined) throw new Error('no key')
  return key
}

/** When the tests take place: 2025-01-01. */
export const NOW = 1735689600

/** The RDATA of a signature by `key` over `rrset`, whose fields are as they should be but for `lies`. */
export function signatureOver(rrset: RRset, key: TestKey, zone: Name, lies: Partial<RrsigFields> = {}): Uint8Array {
  const fields = {
    typeCovered: rrset.type,
    algorithm: key.dnsKey.algorithm,
    labels: countLabels(rrset.owner) - (isWildcard(rrset.owner) ? 1 : 0),
    originalTtl: rrset.ttl,
    expiration: NOW + 86400,
    inception: NOW - 86400,
    keyTag: key.dnsKey.tag,
    signer: zone,
    ...lies,
  }
  const head = Buffer.alloc(18)
  head.writeUInt16BE(fields.typeCovered, 0)
  head[2] = fields.algorithm
  head[3] = fields.labels
  head.writeUInt32BE(fields.originalTtl, 4)
  head.writeUInt32BE(fields.expiration % 2 ** 32, 8)
  head.writeUInt32BE(fields.inception % 2 ** 32, 12)
  head.writeUInt16BE(fields.keyTag, 16)
  const unsigned = Buffer.concat([head, fields.signer])
  const signature = sign(null, signedData(rrset, rrsigFields(unsigned), unsigned), key.privateKey)
  return new Uint8Array(Buffer.concat([unsigned, signature]))
}

export function signed(rrset: RRset, key: TestKey, zone: Name, lies: Partial<RrsigFields> = {}): RRset {
  return { ...rrset, signatures: [...rrset.signatures, signatureOver(rrset, key, zone, lies)] }
}
