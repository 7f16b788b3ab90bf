/** IPv4 and IPv6 addresses inside RDATA, and as text: dotted decimal, and RFC 5952 for IPv6. */

import ipaddr from 'ipaddr.js'
import type { Field } from './rdata-field.ts'
import { fail, type Scanner } from './scanner.ts'

/** Four octets: A records and the like (RFC 1035 §3.4.1). */
export const ipv4: Field = {
  measure: () => 4,
  print: (rdata, offset, end) => addressText(rdata.subarray(offset, end)),
  parse: (words, out) => out.append(parseAddress(words, 4)),
}

/** Sixteen octets: AAAA records and the like (RFC 3596 §2.2). */
export const ipv6: Field = {
  measure: () => 16,
  print: (rdata, offset, end) => addressText(rdata.subarray(offset, end)),
  parse: (words, out) => out.append(parseAddress(words, 16)),
}

/** 4 or 16 octets as people write them: `192.0.2.1`, `2001:db8::1`, `::ffff:192.0.2.1` (RFC 5952 §4 and §5). */
export function addressText(octets: Uint8Array): string {
  const address = ipaddr.fromByteArray([...octets])
  if (address.kind() === 'ipv4') return address.toString()
  const ipv6 = address as ipaddr.IPv6
  return ipv6.isIPv4MappedAddress() ? `::ffff:${ipv6.toIPv4Address()}` : ipv6.toRFC5952String()
}

/** The octets, 4 or 16, of an address as text; undefined when it is none. No zone, no prefix, no octal. */
export function addressFromText(text: string): Uint8Array | undefined {
  const isAddress = text.includes(':') ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text)
  return isAddress && !text.includes('%') ? Uint8Array.from(ipaddr.parse(text).toByteArray()) : undefined
}

function parseAddress(words: Scanner, length: 4 | 16): Uint8Array {
  const { text } = words.take('an address')
  const octets = addressFromText(text)
  return octets?.length === length ? octets : fail(`"${text}" is not an IPv${length === 4 ? 4 : 6} address`)
}
