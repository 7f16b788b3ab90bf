/** Which names does a resolver answer by itself, and on whose word? The IANA registries "Special-Use Domain Names"
 *  (RFC 6761) and "Locally-Served DNS Zones" (RFC 6303), as far as they ask something of resolvers. Only data.
 *
 *  Not here, because resolvers are to treat them like any other name:
 *    example. example.com. …          RFC 6761 §6.5: caching servers SHOULD NOT recognise them
 *    ipv4only.arpa. and the reverse   RFC 8880 §7.1: only a resolver that does DNS64 answers these by itself
 *      names of 192.0.0.170 and .171
 *    6tisch.arpa. eap-noob.arpa.      RFC 9031, RFC 9140: special to other programs than DNS servers
 */

/** How a name at or below the zone is answered.
 *  - `empty`: the zone holds nothing but its SOA and NS, RFC 6303 §3; what is below does not exist
 *  - `loopback`: as `empty`, but the one name in `hosts` points to localhost.
 *  - `localhost`: the zone and all below are this machine, RFC 6761 §6.3
 *  - `nodata`: every name exists and has no records */
export type SpecialKind = 'empty' | 'loopback' | 'localhost' | 'nodata'

export interface SpecialZone {
  /** The zone's name as text, final dot included. */
  zone: string
  kind: SpecialKind
  /** The document and section that asks for it. */
  source: string
  /** The public tree delegates the zone, unsigned. Then DS questions for it are resolved as usual, so that validators
   *  behind us see that what we make up needs no signature (RFC 4035 §5.2). Elsewhere nothing of it may leak. */
  delegated: boolean
  /** Names in a `loopback` zone that have a PTR record. */
  hosts?: string[]
}

/** Top-level names that are none. */
const topLevel: SpecialZone[] = [
  { zone: 'localhost.', kind: 'localhost', source: 'RFC 6761 §6.3', delegated: false },
  { zone: 'test.', kind: 'empty', source: 'RFC 6761 §6.2', delegated: false },
  { zone: 'invalid.', kind: 'empty', source: 'RFC 6761 §6.4', delegated: false },
  // Multicast DNS asks the neighbours, not us.
  { zone: 'local.', kind: 'empty', source: 'RFC 6762 §22.1', delegated: false },
  // A question for it tells the world what somebody wanted to keep to himself.
  { zone: 'onion.', kind: 'empty', source: 'RFC 7686 §2', delegated: false },
  // Not DNS names at all.
  { zone: 'alt.', kind: 'empty', source: 'RFC 9476 §2', delegated: false },
]

/** Names below arpa. for things that are local by nature. */
const infrastructure: SpecialZone[] = [
  { zone: 'home.arpa.', kind: 'empty', source: 'RFC 8375 §4', delegated: true },
  // "I have no designated resolver", in the form the clients of RFC 9462 expect.
  { zone: 'resolver.arpa.', kind: 'nodata', source: 'RFC 9462 §4, §8.1', delegated: true },
  { zone: 'service.arpa.', kind: 'empty', source: 'RFC 9665 §10', delegated: true },
]

/** Reverse zones of addresses that mean something else everywhere, or nothing. */
const reverse: SpecialZone[] = [
  reverseIpv4('10', 'RFC 6303 §4.1'), // RFC 1918
  ...numbered(16, 31, (n) => reverseIpv4(`${n}.172`, 'RFC 6303 §4.1')),
  reverseIpv4('168.192', 'RFC 6303 §4.1'),
  reverseIpv4('0', 'RFC 6303 §4.2'), // "this" network
  { ...reverseIpv4('127', 'RFC 6303 §4.2'), kind: 'loopback', hosts: ['1.0.0.127.in-addr.arpa.'] },
  reverseIpv4('254.169', 'RFC 6303 §4.2'), // link-local
  reverseIpv4('2.0.192', 'RFC 6303 §4.2'), // TEST-NET-1
  reverseIpv4('100.51.198', 'RFC 6303 §4.2'), // TEST-NET-2
  reverseIpv4('113.0.203', 'RFC 6303 §4.2'), // TEST-NET-3
  reverseIpv4('255.255.255.255', 'RFC 6303 §4.2'), // limited broadcast
  ...numbered(64, 127, (n) => reverseIpv4(`${n}.100`, 'RFC 7793')), // shared address space, RFC 6598
  reverseIpv6('0'.repeat(32), 'RFC 6303 §4.3'), // unspecified
  {
    ...reverseIpv6(`${'0'.repeat(31)}1`, 'RFC 6303 §4.3'),
    kind: 'loopback',
    hosts: [reverseIpv6(`${'0'.repeat(31)}1`, '').zone],
  },
  reverseIpv6('fd', 'RFC 6303 §4.4'), // locally assigned local addresses, RFC 4193
  reverseIpv6('fe8', 'RFC 6303 §4.5'), // link-local: fe80::/10
  reverseIpv6('fe9', 'RFC 6303 §4.5'),
  reverseIpv6('fea', 'RFC 6303 §4.5'),
  reverseIpv6('feb', 'RFC 6303 §4.5'),
  reverseIpv6('20010db8', 'RFC 6303 §4.6'), // documentation, RFC 3849
]

export const SPECIAL_ZONES: readonly SpecialZone[] = [...topLevel, ...infrastructure, ...reverse]

function reverseIpv4(labels: string, source: string): SpecialZone {
  return { zone: `${labels}.in-addr.arpa.`, kind: 'empty', source, delegated: true }
}

/** `prefix`: the leading hex digits of the addresses. */
function reverseIpv6(prefix: string, source: string): SpecialZone {
  return { zone: `${[...prefix].reverse().join('.')}.ip6.arpa.`, kind: 'empty', source, delegated: true }
}

function numbered(from: number, to: number, make: (n: number) => SpecialZone): SpecialZone[] {
  return Array.from({ length: to - from + 1 }, (_, i) => make(from + i))
}
