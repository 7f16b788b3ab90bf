/**
 * What does the RDATA of each RR type consist of? One table, from which decoding, checking, canonical form, printing and
 * parsing all follow. A type that is not in it is a run of octets to us (RFC 3597).
 */

import { addressPrefixes } from './apl.ts'
import { base32HexOctets, base32HexText } from './base32.ts'
import { a6PrefixName, a6Suffix, amtRelay, discoveryAndType, ipsecGateway } from './gateway.ts'
import { ipv4, ipv6 } from './ip-address.ts'
import { location } from './loc.ts'
import {
  CertType,
  DnssecAlgorithm,
  DsDigest,
  DsyncScheme,
  TlsaMatching,
  TlsaSelector,
  TlsaUsage,
  WksProtocol,
} from './mnemonics.ts'
import { atmAddress, hostIdentity, nsapAddress, servicePorts } from './odd-fields.ts'
import {
  bareString,
  base64Rest,
  characterString,
  characterStrings,
  countedBase64,
  type Field,
  foldedName,
  hexGroups,
  hexRest,
  legacyName,
  mnemonic,
  name,
  optionalString,
  plainName,
  plainNames,
  quotedRest,
  rrType,
  seconds,
  shortOctets,
  timestamp,
  u8,
  u16,
  u32,
  u48,
  u64,
} from './rdata-field.ts'
import { svcParams } from './svcb.ts'
import { hexOctets, hexText } from './text-values.ts'
import { nxtBitmap, typeBitmap } from './type-bitmap.ts'
import { Rcode, Type } from './types.ts'

const algorithm = mnemonic(u8, DnssecAlgorithm)
const { DELETE: _, ...certAlgorithm } = DnssecAlgorithm // in a CERT, 0 is an algorithm unknown to DNSSEC (RFC 4398 §2)
const salt = shortOctets((octets) => hexText(octets).toUpperCase(), hexOctets)
const hash = shortOctets((octets) => base32HexText(octets).toUpperCase(), base32HexOctets)

const publicKey = { flags: u16, protocol: u8, algorithm, key: base64Rest }
const delegationSigner = { keyTag: u16, algorithm, digestType: mnemonic(u8, DsDigest), digest: hexRest }
const certificateAssociation = {
  usage: mnemonic(u8, TlsaUsage),
  selector: mnemonic(u8, TlsaSelector),
  matching: mnemonic(u8, TlsaMatching),
  data: hexRest,
}
const serviceBinding = { priority: u16, target: plainName, params: svcParams }
const signatureBy = (signer: Field) => ({
  typeCovered: rrType,
  algorithm,
  labels: u8,
  originalTtl: u32,
  expiration: timestamp,
  inception: timestamp,
  keyTag: u16,
  signer,
  signature: base64Rest,
})

const TABLE: Record<number, Record<string, Field>> = {
  // RFC 1035 §3.3 and §3.4: the types whose names everybody may compress
  [Type.A]: { address: ipv4 },
  [Type.NS]: { nameserver: name },
  [Type.MD]: { mailAgent: name },
  [Type.MF]: { mailAgent: name },
  [Type.CNAME]: { target: name },
  [Type.SOA]: {
    mname: name,
    rname: name,
    serial: u32,
    refresh: seconds,
    retry: seconds,
    expire: seconds,
    minimum: seconds,
  },
  [Type.MB]: { mailbox: name },
  [Type.MG]: { mailbox: name },
  [Type.MR]: { mailbox: name },
  [Type.WKS]: { address: ipv4, protocol: mnemonic(u8, WksProtocol), ports: servicePorts },
  [Type.PTR]: { target: name },
  [Type.HINFO]: { cpu: characterString, os: characterString },
  [Type.MINFO]: { responsible: name, errors: name },
  [Type.MX]: { preference: u16, exchange: name },
  [Type.TXT]: { texts: characterStrings },

  // Before RFC 3597: names may come compressed, but we never send them so
  [Type.RP]: { mailbox: legacyName, texts: legacyName },
  [Type.AFSDB]: { subtype: u16, server: legacyName },
  [Type.RT]: { preference: u16, intermediate: legacyName },
  [Type.SIG]: signatureBy(legacyName),
  [Type.PX]: { preference: u16, map822: legacyName, mapX400: legacyName },
  [Type.NXT]: { next: legacyName, types: nxtBitmap },
  [Type.SRV]: { priority: u16, weight: u16, port: u16, target: legacyName },
  [Type.NAPTR]: {
    order: u16,
    preference: u16,
    flags: characterString,
    services: characterString,
    regexp: characterString,
    replacement: legacyName,
  },
  [Type.KX]: { preference: u16, exchanger: legacyName }, // RFC 2230 says <domain-name>, which in its day could be compressed

  // Names never compressed, yet in lower case when signed (RFC 4034 §6.2, RFC 6840 §5.1)
  [Type.DNAME]: { target: foldedName },
  [Type.A6]: { prefixLength: u8, suffix: a6Suffix, prefixName: a6PrefixName },
  [Type.RRSIG]: signatureBy(foldedName),

  // DNSSEC
  [Type.DS]: delegationSigner,
  [Type.CDS]: delegationSigner,
  [Type.TA]: delegationSigner,
  [Type.DLV]: delegationSigner,
  [Type.KEY]: publicKey,
  [Type.DNSKEY]: publicKey,
  [Type.CDNSKEY]: publicKey,
  [Type.RKEY]: publicKey,
  [Type.NSEC]: { next: plainName, types: typeBitmap },
  [Type.NSEC3]: { hashAlgorithm: u8, flags: u8, iterations: u16, salt, nextHash: hash, types: typeBitmap },
  [Type.NSEC3PARAM]: { hashAlgorithm: u8, flags: u8, iterations: u16, salt },
  [Type.CSYNC]: { serial: u32, flags: u16, types: typeBitmap },
  [Type.ZONEMD]: { serial: u32, scheme: u8, hashAlgorithm: u8, digest: hexRest },
  [Type.TALINK]: { previous: plainName, next: plainName },
  [Type.DSYNC]: { type: rrType, scheme: mnemonic(u8, DsyncScheme, 'name'), port: u16, target: plainName },

  // Keys and certificates of other protocols
  [Type.CERT]: {
    type: mnemonic(u16, CertType, 'name'),
    keyTag: u16,
    algorithm: mnemonic(u8, certAlgorithm, 'name'),
    certificate: base64Rest,
  },
  [Type.SSHFP]: { algorithm: u8, fingerprintType: u8, fingerprint: hexRest },
  [Type.IPSECKEY]: { precedence: u8, gatewayType: u8, algorithm: u8, gateway: ipsecGateway, key: base64Rest },
  [Type.DHCID]: { identifier: base64Rest },
  [Type.TLSA]: certificateAssociation,
  [Type.SMIMEA]: certificateAssociation,
  [Type.HIP]: { identity: hostIdentity, rendezvousServers: plainNames },
  [Type.OPENPGPKEY]: { key: base64Rest },
  [Type.HHIT]: { registration: base64Rest },
  [Type.BRID]: { registration: base64Rest },

  // Services, addresses and places
  [Type.AAAA]: { address: ipv6 },
  [Type.SVCB]: serviceBinding,
  [Type.HTTPS]: serviceBinding,
  [Type.URI]: { priority: u16, weight: u16, target: quotedRest },
  [Type.CAA]: { flags: u8, tag: bareString, value: quotedRest },
  [Type.APL]: { prefixes: addressPrefixes },
  [Type.AMTRELAY]: { precedence: u8, discoveryAndType, relay: amtRelay },
  [Type.NID]: { preference: u16, nodeId: hexGroups(8, 2, ':') },
  [Type.L32]: { preference: u16, locator: ipv4 },
  [Type.L64]: { preference: u16, locator: hexGroups(8, 2, ':') },
  [Type.LP]: { preference: u16, pointer: plainName },
  [Type.EUI48]: { address: hexGroups(6, 1, '-') },
  [Type.EUI64]: { address: hexGroups(8, 1, '-') },
  [Type.LOC]: { location },
  [Type.GPOS]: { longitude: characterString, latitude: characterString, altitude: characterString },
  [Type.X25]: { psdnAddress: characterString },
  [Type.ISDN]: { address: characterString, subaddress: optionalString },
  [Type.NSAP]: { address: nsapAddress },
  [Type['NSAP-PTR']]: { owner: plainName },
  [Type.ATMA]: { address: atmAddress },
  [Type.EID]: { endpoint: hexRest },
  [Type.NIMLOC]: { locator: hexRest },
  [Type.IPN]: { node: u64 },

  // Text, and data that other specifications explain
  [Type.SPF]: { texts: characterStrings },
  [Type.NINFO]: { texts: characterStrings },
  [Type.AVC]: { texts: characterStrings },
  [Type.RESINFO]: { texts: characterStrings },
  [Type.WALLET]: { texts: characterStrings },
  [Type.CLA]: { texts: characterStrings },
  [Type.SINK]: { meaning: u8, coding: u8, subcoding: u8, data: base64Rest },
  [Type.DOA]: { enterprise: u32, type: u32, location: u8, mediaType: characterString, data: base64Rest },

  // Records about a message rather than a zone (RFC 2930 §2, RFC 8945 §4.2)
  [Type.TKEY]: {
    algorithm: plainName,
    inception: u32,
    expiration: u32,
    mode: u16,
    error: mnemonic(u16, Rcode, 'name'),
    key: countedBase64,
    other: countedBase64,
  },
  [Type.TSIG]: {
    algorithm: plainName,
    time: u48,
    fudge: u16,
    mac: countedBase64,
    originalId: u16,
    error: mnemonic(u16, Rcode, 'name'),
    other: countedBase64,
  },
}

/** The fields of one RR type in order, and what its names (if it has any) ask for. */
export interface Layout {
  readonly fields: readonly Field[]
  readonly hasNames: boolean
  readonly compresses: boolean
  readonly decompresses: boolean
  readonly folds: boolean
}

const LAYOUTS = new Map(Object.entries(TABLE).map(([type, fields]) => [Number(type), layoutOf(Object.values(fields))]))

/** The layout of an RR type; undefined when its RDATA is just octets to us. */
export function layoutFor(type: number): Layout | undefined {
  return LAYOUTS.get(type)
}

function layoutOf(fields: Field[]): Layout {
  const some = (rule: 'compresses' | 'decompresses' | 'folds') => fields.some((field) => field.name?.[rule] === true)
  return {
    fields,
    hasNames: fields.some((field) => field.name !== undefined || field.holdsNames === true),
    compresses: some('compresses'),
    decompresses: some('decompresses'),
    folds: some('folds'),
  }
}
