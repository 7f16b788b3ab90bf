/** Which addresses are not of the public Internet? RFC 6890 and its registries (IANA special-purpose addresses). */

import { isInSubnet, parseSubnet, type Subnet } from '../config/policy-kinds.ts'

const IPV4 = [
  '0.0.0.0/8', // this network, RFC 791 §3.2
  '10.0.0.0/8', // RFC 1918
  '100.64.0.0/10', // RFC 6598
  '127.0.0.0/8', // RFC 1122 §3.2.1.3
  '169.254.0.0/16', // RFC 3927
  '172.16.0.0/12', // RFC 1918
  '192.168.0.0/16', // RFC 1918
  '198.18.0.0/15', // benchmarks, RFC 2544
  '240.0.0.0/4', // RFC 1112 §4
].map(subnetOf)

const IPV6 = [
  '::/96', // unspecified, loopback and IPv4-compatible, RFC 4291 §2.5
  '::ffff:0:0/96', // IPv4-mapped, RFC 4291 §2.5.5.2: no address of a host
  'fc00::/7', // RFC 4193
  'fe80::/10', // RFC 4291 §2.5.6
  'fec0::/10', // site-local, RFC 3879
].map(subnetOf)

/** RFC 6052 §2.1: the well-known prefix of translators. */
const TRANSLATED = subnetOf('64:ff9b::/96')

/** Whether a host outside has no business with this address, 4 or 16 octets long. */
export function isSpecialAddress(octets: Uint8Array): boolean {
  if (octets.length === 4) return IPV4.some((subnet) => isInSubnet(octets, subnet))
  if (octets.length !== 16) return false
  return IPV6.some((subnet) => isInSubnet(octets, subnet)) || isTranslatedSpecial(octets)
}

/** Whether it leads to a special IPv4 address through a translator (RFC 6052 §3.1 forbids that). */
function isTranslatedSpecial(octets: Uint8Array): boolean {
  return isInSubnet(octets, TRANSLATED) && isSpecialAddress(octets.subarray(12))
}

function subnetOf(text: string): Subnet {
  return parseSubnet(text) as Subnet
}
