/**
 * Which numbers inside RDATA have names? The smaller IANA registries that RDATA fields are drawn from. Presentation form
 * accepts these mnemonics wherever the number may stand (RFC 4034 appendix A.1, RFC 4398 §2.1 and others).
 */

/** DNSSEC algorithm numbers (RFC 4034 appendix A.1 and the registry "DNS Security Algorithm Numbers"). */
export const DnssecAlgorithm = {
  DELETE: 0, // RFC 8078: the DS set is to be removed
  RSAMD5: 1, // RFC 2537, must not be used
  DH: 2, // RFC 2539
  DSA: 3, // RFC 2536
  RSASHA1: 5, // RFC 3110
  'DSA-NSEC3-SHA1': 6, // RFC 5155
  'RSASHA1-NSEC3-SHA1': 7, // RFC 5155
  RSASHA256: 8, // RFC 5702
  RSASHA512: 10, // RFC 5702
  'ECC-GOST': 12, // RFC 5933
  ECDSAP256SHA256: 13, // RFC 6605
  ECDSAP384SHA384: 14, // RFC 6605
  ED25519: 15, // RFC 8080
  ED448: 16, // RFC 8080
  SM2SM3: 17, // RFC 9563
  'ECC-GOST12': 23, // RFC 9558
  INDIRECT: 252, // RFC 4034
  PRIVATEDNS: 253, // RFC 4034
  PRIVATEOID: 254, // RFC 4034
} as const
export type DnssecAlgorithm = (typeof DnssecAlgorithm)[keyof typeof DnssecAlgorithm]

/** Digest types of DS, CDS, TA and DLV records. */
export const DsDigest = {
  SHA1: 1, // RFC 3658
  SHA256: 2, // RFC 4509
  GOST: 3, // RFC 5933, GOST R 34.11-94
  SHA384: 4, // RFC 6605
  GOST12: 5, // RFC 9558, GOST R 34.11-2012
  SM3: 6, // RFC 9563
} as const
export type DsDigest = (typeof DsDigest)[keyof typeof DsDigest]

/** Certificate types of CERT records (RFC 4398 §2.1). */
export const CertType = {
  PKIX: 1,
  SPKI: 2,
  PGP: 3,
  IPKIX: 4,
  ISPKI: 5,
  IPGP: 6,
  ACPKIX: 7,
  IACPKIX: 8,
  URI: 253,
  OID: 254,
} as const

/** Schemes of DSYNC records (RFC 9859 §6.2). */
export const DsyncScheme = { NOTIFY: 1 } as const

/** TLSA and SMIMEA: how the certificate is used (RFC 7218 §2.1). */
export const TlsaUsage = { 'PKIX-TA': 0, 'PKIX-EE': 1, 'DANE-TA': 2, 'DANE-EE': 3, PRIVCERT: 255 } as const
/** TLSA and SMIMEA: which part of the certificate is compared (RFC 7218 §2.2). */
export const TlsaSelector = { CERT: 0, SPKI: 1, PRIVSEL: 255 } as const
/** TLSA and SMIMEA: how the comparison is done (RFC 7218 §2.3). */
export const TlsaMatching = { FULL: 0, 'SHA2-256': 1, 'SHA2-512': 2, PRIVMATCH: 255 } as const

/** IP protocols a WKS record may name (RFC 1035 §3.4.2). */
export const WksProtocol = { ICMP: 1, TCP: 6, UDP: 17 } as const
/** The services that WKS records of old zone files name. */
export const WksService = {
  ECHO: 7,
  DISCARD: 9,
  DAYTIME: 13,
  FTP: 21,
  SSH: 22,
  TELNET: 23,
  SMTP: 25,
  TIME: 37,
  DOMAIN: 53,
  TFTP: 69,
  FINGER: 79,
  HTTP: 80,
  POP3: 110,
  SUNRPC: 111,
  NNTP: 119,
  NTP: 123,
  IMAP: 143,
  SNMP: 161,
  HTTPS: 443,
} as const
