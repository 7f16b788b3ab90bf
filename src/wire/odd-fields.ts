/** Fields that a single RR type of long ago (and HIP) has to itself. */

import { WireError } from './error.ts'
import { WksService } from './mnemonics.ts'
import type { Field } from './rdata-field.ts'
import { fail } from './scanner.ts'
import { base64Octets, base64Text, hexOctets, hexText, numberFromText } from './text-values.ts'

/** WKS: one bit for each port, to the end of the RDATA (RFC 1035 §3.4.2). */
export const servicePorts: Field = {
  measure(_octets, offset, end) {
    if (end - offset > 8192) throw new WireError('bad-rdata', 'a WKS record knows more than 65536 ports')
    return end - offset
  },
  print(rdata, offset, end) {
    const ports: number[] = []
    for (let port = 0; port < (end - offset) * 8; port++)
      if (rdata[offset + (port >> 3)] & (0x80 >> (port & 7))) ports.push(port)
    return ports.join(' ')
  },
  parse(words, out) {
    const ports: number[] = []
    const services: Record<string, number> = WksService
    for (let word = words.next(); word !== undefined; word = words.next())
      ports.push(services[word.text.toUpperCase()] ?? numberFromText(word.text, 0xffff))
    const bitmap = new Uint8Array(ports.length === 0 ? 0 : (Math.max(...ports) >> 3) + 1)
    for (const port of ports) bitmap[port >> 3] |= 0x80 >> (port & 7)
    out.append(bitmap)
  },
}

/** NSAP: an OSI address, `0x` and hex with dots anywhere to please the eye (RFC 1706 §7). */
export const nsapAddress: Field = {
  measure: (_octets, offset, end) => end - offset,
  print: (rdata, offset, end) => `0x${hexText(rdata.subarray(offset, end))}`,
  parse(words, out) {
    const { text } = words.take('an NSAP address')
    if (!/^0x/i.test(text)) fail(`"${text}" does not begin with 0x, as an NSAP address does`)
    out.append(hexOctets(text.slice(2).replaceAll('.', '')))
  },
}

/** ATMA: an ATM address, `+` and digits for E.164, else hex with dots (ATM Forum AF-DANS-0152.000 §5). */
export const atmAddress: Field = {
  measure(_octets, offset, end) {
    if (end - offset < 2) throw new WireError('bad-rdata', 'an ATMA record has no address')
    return end - offset
  },
  print(rdata, offset, end) {
    const address = rdata.subarray(offset + 1, end)
    if (rdata[offset] === ATM_AESA) return hexText(address)
    if (rdata[offset] !== ATM_E164) throw new WireError('bad-rdata', 'an ATM address is of unknown format')
    if (address.some((octet) => octet < 0x30 || octet > 0x39)) throw new WireError('bad-rdata', 'not an E.164 number')
    return `+${String.fromCharCode(...address)}`
  },
  parse(words, out) {
    const { text } = words.take('an ATM address')
    const digits = /^\+([\d.]+)$/.exec(text)?.[1].replaceAll('.', '')
    out.u8(digits === undefined ? ATM_AESA : ATM_E164)
    out.append(digits === undefined ? hexOctets(text.replaceAll('.', '')) : Buffer.from(digits, 'latin1'))
  },
}
const ATM_AESA = 0
const ATM_E164 = 1

/** HIP: three lengths and algorithm, then the Host Identity Tag and the public key (RFC 8005 §5 wire, §6 text). */
export const hostIdentity: Field = {
  measure: (octets, offset) => 4 + octets[offset] + ((octets[offset + 2] << 8) | octets[offset + 3]),
  print(rdata, offset, end) {
    const key = offset + 4 + rdata[offset]
    const tagText = hexText(rdata.subarray(offset + 4, key)).toUpperCase()
    return `${rdata[offset + 1]} ${tagText} ${base64Text(rdata.subarray(key, end))}`
  },
  parse(words, out) {
    const algorithm = numberFromText(words.take('an algorithm').text, 0xff)
    const tag = hexOctets(words.take('a host identity tag').text)
    const key = base64Octets(words.take('a public key').text)
    if (tag.length > 0xff || key.length > 0xffff) fail('a host identity is too long')
    out.u8(tag.length)
    out.u8(algorithm)
    out.u16(key.length)
    out.append(tag)
    out.append(key)
  },
}
