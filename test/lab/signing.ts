/** Which zones of the lab are signed, and how? Root, TLDs, the corner cases one by one, most of the ordinary zones by
 *  number. Where nothing is said of a zone it is unsigned. RFC 4035 §2, RFC 5155 §7, RFC 8624 (algorithms), RFC 9276. */

import { keyTag } from '../../src/dnssec/keys.ts'
import { DnssecAlgorithm } from '../../src/wire/mnemonics.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { rdataToText } from '../../src/wire/text.ts'
import { Type } from '../../src/wire/types.ts'
import type { DenialKind, SigningPlan } from './signer.ts'
import { dsRdata, type KeyRole, type ZoneKey, zoneKey } from './zone-keys.ts'

/** Who makes the signatures. All but `signer` (signer.ts) need their program, and are stood in for without it. */
export type SignedBy = 'signer' | 'knotd' | 'dnssec-signzone' | 'ldns-signzone'

export interface Signing {
  /** DNSSEC algorithm numbers; every one of them signs everything (RFC 4035 §2.2). */
  algorithms: number[]
  /** A key-signing and a zone-signing key, not one for both. */
  split: boolean
  denial: DenialKind
  /** Digest types of the DS records in the parent; none: the zone is an island of security. */
  digests: number[]
  by: SignedBy
  /** Other flags and protocol in the DNSKEY records than are right. */
  oddKeys?: { flags: number; protocol: number }
}

type AlgorithmName = keyof typeof DnssecAlgorithm
type How = Partial<Omit<Signing, 'algorithms' | 'denial'>>

const NSEC: DenialKind = { kind: 'nsec' }
const NSEC3: DenialKind = nsec3(0, '')
const OPT_OUT: DenialKind = nsec3(0, '', true)

export function nsec3(iterations: number, salt: string, optOut = false): DenialKind {
  return { kind: 'nsec3', iterations, salt: Buffer.from(salt, 'hex'), optOut }
}

export function signing(
  algorithms: AlgorithmName | AlgorithmName[],
  denial: DenialKind = NSEC,
  how: How = {},
): Signing {
  const numbers = [algorithms].flat().map((name) => DnssecAlgorithm[name])
  return { algorithms: numbers, split: false, digests: [2], by: 'signer', ...how, denial }
}

const split = { split: true }
const island = { digests: [] }

const plans: Record<string, Signing> = {
  '.': signing('RSASHA256', NSEC, split),
  'arpa.': signing('RSASHA256', NSEC, split),
  'in-addr.arpa.': signing('ECDSAP384SHA384'),
  'com.': signing('ECDSAP256SHA256', OPT_OUT, split),
  'net.': signing('ECDSAP256SHA256', OPT_OUT, split),
  'org.': signing('RSASHA256', nsec3(10, 'c0ffee', true), split),
  'cz.': signing('ECDSAP256SHA256', NSEC3),
  'info.': signing('RSASHA512', nsec3(1, 'aabbccdd'), { ...split, digests: [4] }),
  'xn--j1amh.': signing('ED25519'),
  'sheet-bend.net.': signing('ECDSAP256SHA256'),
  'reef-knot.org.': signing('ED448', NSEC3),
  'figure-eight.cz.': signing('ED25519', NSEC3),

  // aliases cross from signed zones through unsigned chains.net to signed ones again
  'chains.com.': signing('ECDSAP256SHA256', NSEC, split),
  'chains.org.': signing('RSASHA256', NSEC3, split),
  'loops.com.': signing('ED25519'),
  'loops.net.': signing('ED25519'),
  'too-many-links.com.': signing('ECDSAP256SHA256'),
  'dname.org.': signing('ECDSAP256SHA256', NSEC3),
  'dname-long.org.': signing('ECDSAP256SHA256'),
  'dname-apex.com.': signing('ED25519'),
  'wild.net.': signing('ECDSAP256SHA256', NSEC),
  'wild-empty.org.': signing('ECDSAP256SHA256'),
  'empty.org.': signing('ECDSAP256SHA256', NSEC3),
  // signed, signed, unsigned, an island, signed below the island: and all below the unsigned one insecure
  'deep.com.': signing('ED25519'),
  'level1.deep.com.': signing('ECDSAP256SHA256', NSEC3),
  'level3.level2.level1.deep.com.': signing('ECDSAP256SHA256', NSEC, island),
  'level4.level3.level2.level1.deep.com.': signing('ECDSAP256SHA256'),
  'shared.com.': signing('ECDSAP256SHA256'),
  'child.shared.com.': signing('ECDSAP256SHA256'),
  'with-parent.info.': signing('ECDSAP256SHA256'),
  'glueless.com.': signing('ED25519'),
  'glueless-twice.org.': signing('ECDSAP256SHA256'),
  'sibling.com.': signing('ECDSAP256SHA256'),
  'thirteen.com.': signing('ECDSAP256SHA256', NSEC3),
  'everywhere.net.': signing('ECDSAP256SHA256', NSEC3, split),
  'half-lame.net.': signing('ED25519'),
  'half-dead.com.': signing('ECDSAP256SHA256'),
  'ns-alias-host.org.': signing('ECDSAP256SHA256'),
  'large.com.': signing('ECDSAP256SHA256', NSEC, split),
  'no-ttl.net.': signing('ECDSAP256SHA256'),
  'long-ttl.net.': signing('RSASHA256', NSEC, split),
  'mixed-case.org.': signing('ECDSAP256SHA256'),
  'underscores.com.': signing('ED25519', nsec3(5, '00')),
  'escapes.org.': signing('ECDSAP256SHA256'),
  'lengths.net.': signing('ECDSAP256SHA256'), // under NSEC3 its longest names make nsd 4.6.1 crash
  'xn--bcher-kva.com.': signing('ECDSAP256SHA256', NSEC3),
  'xn--fiqs8s.xn--j1amh.': signing('ED25519'),
  'types.org.': signing('ECDSAP256SHA256'),
  'any.org.': signing('ECDSAP256SHA256'),
  '18.198.in-addr.arpa.': signing('ECDSAP256SHA256', NSEC3),
  '0/28.7.18.198.in-addr.arpa.': signing('ECDSAP256SHA256'),
}

/** What an ordinary zone may have, in turn; undefined: it is unsigned. */
const ordinary: (Signing | undefined)[] = [
  signing('ECDSAP256SHA256'),
  undefined,
  signing('ECDSAP256SHA256', NSEC3),
  signing('ED25519'),
  undefined,
  signing('ECDSAP256SHA256', nsec3(10, 'ab')),
  undefined,
  signing('ECDSAP256SHA256', NSEC, split),
  signing('ED25519', NSEC3, { digests: [4] }),
  undefined,
  signing('ECDSAP256SHA256', NSEC, island),
  undefined,
  signing('ED25519', NSEC, split),
]
/** Dearer to sign, so only a few have them. */
const dear: Signing[] = [
  signing('RSASHA256', NSEC, split),
  signing('RSASHA512', NSEC3, split),
  signing('ECDSAP384SHA384'),
  signing('ED448', NSEC3),
  signing('RSASHA1', NSEC, split),
  signing('RSASHA1-NSEC3-SHA1', nsec3(1, 'f00d'), split),
]

/** How the zone is signed; undefined: it is not. */
export function signingOf(origin: string): Signing | undefined {
  return plans[origin]
}

export function ordinarySigning(index: number): Signing | undefined {
  return index % 40 === 3 ? dear[Math.floor(index / 40) % dear.length] : ordinary[index % ordinary.length]
}

/** The zone's keys, and with which of them it signs what. */
export function zoneKeys(origin: string, { algorithms, split, oddKeys }: Signing): ZoneKey[] {
  const roles: KeyRole[] = split ? ['ksk', 'zsk'] : ['csk']
  const keys = algorithms.flatMap((algorithm) => roles.map((role) => zoneKey(origin, algorithm, role)))
  if (oddKeys === undefined) return keys
  const { flags, protocol } = oddKeys
  return keys.map((key) => {
    const rdata = Buffer.from([flags >> 8, flags & 255, protocol, ...key.rdata.subarray(3)])
    return { ...key, rdata, tag: keyTag(rdata) }
  })
}

/** DNSKEY lines of the zone's text. */
export function dnskeyLines(origin: string, signing: Signing): string[] {
  return zoneKeys(origin, signing).map((key) => `@ DNSKEY ${rdataToText(Type.DNSKEY, key.rdata)}`)
}

/** DS lines for the parent's text, the owner absolute. */
export function dsLines(origin: string, signing: Signing): string[] {
  const entryPoints = zoneKeys(origin, signing).filter((key) => key.role !== 'zsk')
  return entryPoints.flatMap((key) =>
    signing.digests.map((digest) => `${origin} DS ${rdataToText(Type.DS, dsRdata(origin, key, digest))}`),
  )
}

const HOUR = 3600
/** Signatures begin before now, for clocks that differ, and end well after any test. */
export function signingPlan(origin: string, signing: Signing, nowSeconds: number): SigningPlan {
  return {
    apex: nameFromText(origin),
    keys: zoneKeys(origin, signing),
    denial: signing.denial,
    inception: nowSeconds - HOUR,
    expiration: nowSeconds + 14 * 24 * HOUR,
  }
}
