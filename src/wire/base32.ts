/** Base 32 with the extended hex alphabet, unpadded: how NSEC3 writes hashes as labels (RFC 4648 §7, RFC 5155 §3.3). */

import { WireError } from './error.ts'

const DIGITS = '0123456789abcdefghijklmnopqrstuv'

/** Lower-case digits without padding; 20 octets give 32 digits. Keeps the order of what it encodes. */
export function base32HexText(octets: Uint8Array): string {
  let text = ''
  let bits = 0 // how many of the low bits of `pending` wait to become a digit
  let pending = 0
  for (const octet of octets) {
    pending = ((pending << 8) | octet) & 0xfff
    for (bits += 8; bits >= 5; bits -= 5) text += DIGITS[(pending >> (bits - 5)) & 31]
  }
  return bits === 0 ? text : text + DIGITS[(pending << (5 - bits)) & 31]
}

/** The octets of unpadded digits in either case. Throws 'bad-text' for a foreign digit or a length nothing encodes to. */
export function base32HexOctets(text: string): Uint8Array {
  const octets = new Uint8Array(Math.floor((text.length * 5) / 8))
  let at = 0
  let bits = 0
  let pending = 0
  for (const digit of text.toLowerCase()) {
    const value = DIGITS.indexOf(digit)
    if (value < 0) throw new WireError('bad-text', `"${text}" is not base 32 with the extended hex alphabet`)
    pending = ((pending << 5) | value) & 0xfff
    if ((bits += 5) < 8) continue
    bits -= 8
    octets[at++] = pending >> bits
  }
  const leftover = pending & ((1 << bits) - 1) // RFC 4648 §3.5: pad bits are zero, or two texts would mean the same
  if (bits >= 5 || leftover !== 0) throw new WireError('bad-text', `"${text}" is cut short or ends in stray bits`)
  return octets
}
