/** IPv4 addresses inside IPv6 ones, and the reverse names of these. RFC 6052 §2.2, RFC 3596 §2.5. Pure. */

import { isInSubnet, type Subnet } from '../../config/policy-kinds.ts'
import { type Name, nameFromText } from '../../wire/name.ts'

/** Octet 8 stays zero, RFC 6052 §2.2: the four octets of IPv4 step over it. */
const RESERVED_OCTET = 8

/** Where the octets of the IPv4 address stand. */
function places({ bits }: Subnet): number[] {
  const at: number[] = []
  for (let octet = bits >> 3; at.length < 4; octet++) if (octet !== RESERVED_OCTET || bits === 96) at.push(octet)
  return at
}

export function embed(ipv4: Uint8Array, prefix: Subnet): Uint8Array {
  const ipv6 = prefix.octets.slice()
  for (const [i, at] of places(prefix).entries()) ipv6[at] = ipv4[i]
  return ipv6
}

/** The IPv4 address in `ipv6`; undefined when it is not one of the prefix with zeros around. */
export function extract(ipv6: Uint8Array, prefix: Subnet): Uint8Array | undefined {
  if (!isInSubnet(ipv6, prefix)) return undefined
  const at = places(prefix)
  for (let octet = prefix.bits >> 3; octet < 16; octet++) if (!at.includes(octet) && ipv6[octet] !== 0) return undefined
  return Uint8Array.from(at.map((octet) => ipv6[octet]))
}

/** The address a name of 32 nibbles below ip6.arpa stands for. */
export function addressOfReverse(name: Name): Uint8Array | undefined {
  if (name.length !== 64 + IP6_ARPA.length) return undefined
  for (const [i, octet] of IP6_ARPA.entries()) if (lower(name[64 + i]) !== octet) return undefined
  const address = new Uint8Array(16)
  for (let nibble = 0; nibble < 32; nibble++) {
    const value = name[nibble * 2] === 1 ? nibbleOf(name[nibble * 2 + 1]) : -1
    if (value < 0) return undefined
    address[15 - (nibble >> 1)] |= nibble & 1 ? value << 4 : value
  }
  return address
}

export function reverseOfIpv4(ipv4: Uint8Array): Name {
  return nameFromText(`${[...ipv4].reverse().join('.')}.in-addr.arpa.`)
}

const IP6_ARPA = nameFromText('ip6.arpa.')

function lower(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet
}

function nibbleOf(octet: number): number {
  const digit = Number.parseInt(String.fromCharCode(octet), 16)
  return Number.isNaN(digit) ? -1 : digit
}
