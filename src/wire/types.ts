/**
 * Which number does a DNS word have? The IANA "Domain Name System (DNS) Parameters" registry: RR types, classes, RCODEs,
 * opcodes, header flags, EDNS options and Extended DNS Errors, each with its way to text and back. No policy.
 */

/** RR types, queried meta types included. The keys are the mnemonics as people write them in a zone file. */
export const Type = {
  A: 1, // RFC 1035
  NS: 2, // RFC 1035
  MD: 3, // RFC 1035, obsolete
  MF: 4, // RFC 1035, obsolete
  CNAME: 5, // RFC 1035
  SOA: 6, // RFC 1035
  MB: 7, // RFC 1035
  MG: 8, // RFC 1035
  MR: 9, // RFC 1035
  NULL: 10, // RFC 1035
  WKS: 11, // RFC 1035
  PTR: 12, // RFC 1035
  HINFO: 13, // RFC 1035
  MINFO: 14, // RFC 1035
  MX: 15, // RFC 1035
  TXT: 16, // RFC 1035
  RP: 17, // RFC 1183
  AFSDB: 18, // RFC 1183, RFC 5864
  X25: 19, // RFC 1183
  ISDN: 20, // RFC 1183
  RT: 21, // RFC 1183
  NSAP: 22, // RFC 1706
  'NSAP-PTR': 23, // RFC 1348
  SIG: 24, // RFC 2535, RFC 2931
  KEY: 25, // RFC 2535, RFC 2930
  PX: 26, // RFC 2163
  GPOS: 27, // RFC 1712
  AAAA: 28, // RFC 3596
  LOC: 29, // RFC 1876
  NXT: 30, // RFC 2535, obsolete
  EID: 31, // draft-ietf-nimrod-dns
  NIMLOC: 32, // draft-ietf-nimrod-dns
  SRV: 33, // RFC 2782
  ATMA: 34, // ATM Forum AF-DANS-0152.000
  NAPTR: 35, // RFC 3403
  KX: 36, // RFC 2230
  CERT: 37, // RFC 4398
  A6: 38, // RFC 2874, obsolete
  DNAME: 39, // RFC 6672
  SINK: 40, // draft-eastlake-kitchen-sink
  OPT: 41, // RFC 6891, meta
  APL: 42, // RFC 3123
  DS: 43, // RFC 4034
  SSHFP: 44, // RFC 4255
  IPSECKEY: 45, // RFC 4025
  RRSIG: 46, // RFC 4034
  NSEC: 47, // RFC 4034
  DNSKEY: 48, // RFC 4034
  DHCID: 49, // RFC 4701
  NSEC3: 50, // RFC 5155
  NSEC3PARAM: 51, // RFC 5155
  TLSA: 52, // RFC 6698
  SMIMEA: 53, // RFC 8162
  HIP: 55, // RFC 8005
  NINFO: 56, // draft-reid-dnsext-zs
  RKEY: 57, // draft-reid-dnsext-rkey
  TALINK: 58, // draft-ietf-dnsop-dnssec-trust-history
  CDS: 59, // RFC 7344
  CDNSKEY: 60, // RFC 7344
  OPENPGPKEY: 61, // RFC 7929
  CSYNC: 62, // RFC 7477
  ZONEMD: 63, // RFC 8976
  SVCB: 64, // RFC 9460
  HTTPS: 65, // RFC 9460
  DSYNC: 66, // RFC 9859
  HHIT: 67, // RFC 9886
  BRID: 68, // RFC 9886
  SPF: 99, // RFC 7208
  UINFO: 100, // IANA-Reserved
  UID: 101, // IANA-Reserved
  GID: 102, // IANA-Reserved
  UNSPEC: 103, // IANA-Reserved
  NID: 104, // RFC 6742
  L32: 105, // RFC 6742
  L64: 106, // RFC 6742
  LP: 107, // RFC 6742
  EUI48: 108, // RFC 7043
  EUI64: 109, // RFC 7043
  NXNAME: 128, // RFC 9824, meta: stands in NSEC bitmaps only
  TKEY: 249, // RFC 2930, meta
  TSIG: 250, // RFC 8945, meta
  IXFR: 251, // RFC 1995, query only
  AXFR: 252, // RFC 5936, query only
  MAILB: 253, // RFC 1035, query only
  MAILA: 254, // RFC 1035, query only, obsolete
  ANY: 255, // RFC 1035, RFC 8482, query only
  URI: 256, // RFC 7553
  CAA: 257, // RFC 8659
  AVC: 258, // Application Visibility and Control
  DOA: 259, // draft-durand-doa-over-dns
  AMTRELAY: 260, // RFC 8777
  RESINFO: 261, // RFC 9606
  WALLET: 262, // Public wallet address
  CLA: 263, // BP Convergence Layer Adapter
  IPN: 264, // BP Node Number
  TA: 32768, // DNSSEC Trust Authorities
  DLV: 32769, // RFC 8749, obsolete
} as const
export type Type = (typeof Type)[keyof typeof Type]

/** Classes of records, and the two that only appear in questions and updates (NONE, ANY). */
export const Class = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 } as const
export type Class = (typeof Class)[keyof typeof Class]

/** Response codes; 16 and above need an OPT record to carry their upper eight bits (RFC 6891 §6.1.3) or stand in a TSIG. */
export const Rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6, // RFC 2136, RFC 6672
  YXRRSET: 7, // RFC 2136
  NXRRSET: 8, // RFC 2136
  NOTAUTH: 9, // RFC 2136, RFC 8945
  NOTZONE: 10, // RFC 2136
  DSOTYPENI: 11, // RFC 8490
  BADVERS: 16, // RFC 6891; in a TSIG the same number is BADSIG
  BADKEY: 17, // RFC 8945
  BADTIME: 18, // RFC 8945
  BADMODE: 19, // RFC 2930
  BADNAME: 20, // RFC 2930
  BADALG: 21, // RFC 2930
  BADTRUNC: 22, // RFC 8945
  BADCOOKIE: 23, // RFC 7873
} as const
export type Rcode = (typeof Rcode)[keyof typeof Rcode]

/** What a message asks to be done. */
export const Opcode = { QUERY: 0, IQUERY: 1, STATUS: 2, NOTIFY: 4, UPDATE: 5, DSO: 6 } as const
export type Opcode = (typeof Opcode)[keyof typeof Opcode]

/** Bits of the header's second 16-bit word (RFC 1035 §4.1.1, RFC 4035 §3.2). */
export const Flag = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  Z: 0x0040,
  AD: 0x0020,
  CD: 0x0010,
} as const
export type Flag = (typeof Flag)[keyof typeof Flag]

/** EDNS option codes (RFC 6891 §9). */
export const EdnsOption = {
  LLQ: 1, // RFC 8764
  UPDATE_LEASE: 2, // RFC 9664
  NSID: 3, // RFC 5001
  DAU: 5, // RFC 6975
  DHU: 6, // RFC 6975
  N3U: 7, // RFC 6975
  CLIENT_SUBNET: 8, // RFC 7871
  EXPIRE: 9, // RFC 7314
  COOKIE: 10, // RFC 7873
  KEEPALIVE: 11, // RFC 7828
  PADDING: 12, // RFC 7830
  CHAIN: 13, // RFC 7901
  KEY_TAG: 14, // RFC 8145
  EDE: 15, // RFC 8914
  CLIENT_TAG: 16, // draft-bellis-dnsop-edns-tags
  SERVER_TAG: 17, // draft-bellis-dnsop-edns-tags
  REPORT_CHANNEL: 18, // RFC 9567
  ZONEVERSION: 19, // RFC 9660
  UMBRELLA_IDENT: 20292,
  DEVICE_ID: 26946,
} as const
export type EdnsOption = (typeof EdnsOption)[keyof typeof EdnsOption]

/** Extended DNS Error INFO-CODEs (RFC 8914 §4 and the registry it founded). */
export const Ede = {
  OTHER: 0,
  UNSUPPORTED_DNSKEY_ALGORITHM: 1,
  UNSUPPORTED_DS_DIGEST_TYPE: 2,
  STALE_ANSWER: 3,
  FORGED_ANSWER: 4,
  DNSSEC_INDETERMINATE: 5,
  DNSSEC_BOGUS: 6,
  SIGNATURE_EXPIRED: 7,
  SIGNATURE_NOT_YET_VALID: 8,
  DNSKEY_MISSING: 9,
  RRSIGS_MISSING: 10,
  NO_ZONE_KEY_BIT_SET: 11,
  NSEC_MISSING: 12,
  CACHED_ERROR: 13,
  NOT_READY: 14,
  BLOCKED: 15,
  CENSORED: 16,
  FILTERED: 17,
  PROHIBITED: 18,
  STALE_NXDOMAIN_ANSWER: 19,
  NOT_AUTHORITATIVE: 20,
  NOT_SUPPORTED: 21,
  NO_REACHABLE_AUTHORITY: 22,
  NETWORK_ERROR: 23,
  INVALID_DATA: 24,
  SIGNATURE_EXPIRED_BEFORE_VALID: 25,
  TOO_EARLY: 26, // RFC 9250
  UNSUPPORTED_NSEC3_ITERATIONS: 27, // RFC 9276
  UNABLE_TO_CONFORM_TO_POLICY: 28,
  SYNTHESIZED: 29,
  INVALID_QUERY_TYPE: 30, // RFC 9824
  RATE_LIMITED: 31,
  OVER_QUOTA: 32,
  NEGATIVE_TRUST_ANCHOR: 33,
} as const
export type Ede = (typeof Ede)[keyof typeof Ede]

const EDE_TEXTS: readonly string[] = [
  'Other Error',
  'Unsupported DNSKEY Algorithm',
  'Unsupported DS Digest Type',
  'Stale Answer',
  'Forged Answer',
  'DNSSEC Indeterminate',
  'DNSSEC Bogus',
  'Signature Expired',
  'Signature Not Yet Valid',
  'DNSKEY Missing',
  'RRSIGs Missing',
  'No Zone Key Bit Set',
  'NSEC Missing',
  'Cached Error',
  'Not Ready',
  'Blocked',
  'Censored',
  'Filtered',
  'Prohibited',
  'Stale NXDOMAIN Answer',
  'Not Authoritative',
  'Not Supported',
  'No Reachable Authority',
  'Network Error',
  'Invalid Data',
  'Signature Expired before Valid',
  'Too Early',
  'Unsupported NSEC3 Iterations Value',
  'Unable to conform to policy',
  'Synthesized',
  'Invalid Query Type',
  'Rate Limited',
  'Over Quota',
  'Negative Trust Anchor',
]

const typeTexts = textsByNumber(Type)
const classTexts = textsByNumber(Class)
const rcodeTexts = textsByNumber(Rcode)
const opcodeTexts = textsByNumber(Opcode)

/** `MX`, or `TYPE65280` for a type without a mnemonic (RFC 3597 §5). */
export function typeText(type: number): string {
  return typeTexts.get(type) ?? `TYPE${type}`
}

/** The number of `MX`, `mx` or `TYPE15`; undefined when `text` is no type. */
export function typeFromText(text: string): number | undefined {
  return numberFromText(text, Type, 'TYPE')
}

/** `IN`, or `CLASS32` for a class without a mnemonic (RFC 3597 §5). */
export function classText(klass: number): string {
  return classTexts.get(klass) ?? `CLASS${klass}`
}

/** The number of `IN`, `in` or `CLASS1`; undefined when `text` is no class. */
export function classFromText(text: string): number | undefined {
  return numberFromText(text, Class, 'CLASS')
}

/** `NXDOMAIN`, or `RCODE12` for one without a mnemonic. */
export function rcodeText(rcode: number): string {
  return rcodeTexts.get(rcode) ?? `RCODE${rcode}`
}

/** `NOTIFY`, or `OPCODE3` for one without a mnemonic. */
export function opcodeText(opcode: number): string {
  return opcodeTexts.get(opcode) ?? `OPCODE${opcode}`
}

/** The registry's words for an Extended DNS Error, such as `DNSSEC Bogus`; `EDE4711` for a code without any. */
export function edeText(code: number): string {
  return EDE_TEXTS[code] ?? `EDE${code}`
}

/** Is this a type that no zone holds: a question type, or one that describes the message (RFC 6895 §3.1)? */
export function isMetaType(type: number): boolean {
  return (type >= 128 && type <= 255) || type === Type.OPT
}

function textsByNumber(registry: Record<string, number>): Map<number, string> {
  return new Map(Object.entries(registry).map(([text, number]) => [number, text]))
}

/** A mnemonic of the registry, or `prefix` and a 16-bit number, both in any case. */
function numberFromText(text: string, registry: Record<string, number>, prefix: string): number | undefined {
  const upper = text.toUpperCase()
  if (Object.hasOwn(registry, upper)) return registry[upper]
  if (!upper.startsWith(prefix)) return undefined
  const digits = upper.slice(prefix.length)
  return /^\d{1,5}$/.test(digits) && Number(digits) <= 0xffff ? Number(digits) : undefined
}
