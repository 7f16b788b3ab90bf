/** Which addresses must never be asked, whatever a zone says its servers are? Pure. */

import type { ServerAddress } from '../io/address.ts'

export interface ForbiddenOptions {
  /** Allows loopback and "this host", for servers on the same machine. Multicast and own addresses stay forbidden. */
  queryLoopback: boolean
  /** The addresses and ports we listen on ourselves: asking them is asking oneself, without end. A listener on the
   *  unspecified address stands for its port on any loopback address. */
  listening: readonly ServerAddress[]
}

export type Forbidden = 'loopback' | 'unspecified' | 'multicast' | 'broadcast' | 'own-address' | 'port-zero'

/** Why `address` must not be asked; undefined when it may. A reason to pass over that one address, nothing more. */
export function whyForbidden(address: ServerAddress, options: ForbiddenOptions): Forbidden | undefined {
  if (address.port === 0) return 'port-zero'
  const octets = plainOctets(address.octets)
  const special = octets.length === 4 ? specialIpv4(octets) : specialIpv6(octets)
  if (special === 'multicast' || special === 'broadcast') return special
  if (special !== undefined && !options.queryLoopback) return special
  for (const own of options.listening) {
    if (own.port !== address.port) continue
    const ownOctets = plainOctets(own.octets)
    if (sameOctets(ownOctets, octets)) return 'own-address'
    if (special !== undefined && ownOctets.every((octet) => octet === 0)) return 'own-address'
  }
  return undefined
}

export function isForbidden(address: ServerAddress, options: ForbiddenOptions): boolean {
  return whyForbidden(address, options) !== undefined
}

/** The IPv4 address inside an IPv4-mapped one (RFC 4291 §2.5.5.2), which the kernel would send to; else `octets`. */
function plainOctets(octets: Uint8Array): Uint8Array {
  if (octets.length !== 16 || octets[10] !== 0xff || octets[11] !== 0xff) return octets
  for (let i = 0; i < 10; i++) if (octets[i] !== 0) return octets
  return octets.subarray(12)
}

function specialIpv4(octets: Uint8Array): Forbidden | undefined {
  if (octets[0] === 0) return 'unspecified' // 0.0.0.0/8, "this network" (RFC 1122 §3.2.1.3); Linux sends it to itself
  if (octets[0] === 127) return 'loopback'
  if (octets[0] >= 224 && octets[0] < 240) return 'multicast' // RFC 5771
  if (octets.every((octet) => octet === 255)) return 'broadcast'
  return undefined
}

function specialIpv6(octets: Uint8Array): Forbidden | undefined {
  if (octets[0] === 0xff) return 'multicast' // RFC 4291 §2.7
  for (let i = 0; i < 12; i++) if (octets[i] !== 0) return undefined
  // ::/96: unspecified, loopback, and the "IPv4-compatible" addresses that RFC 4291 §2.5.5.1 retired
  return octets[12] === 0 && octets[13] === 0 && octets[14] === 0 && octets[15] === 1 ? 'loopback' : 'unspecified'
}

/** Whether both are the same address, port or no port. */
export function isSameHost(a: Uint8Array, b: Uint8Array): boolean {
  return sameOctets(plainOctets(a), plainOctets(b))
}

function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i])
}
