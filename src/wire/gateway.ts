/** Fields whose shape an earlier octet decides: the gateway of IPSECKEY (RFC 4025 §2.5), the relay of AMTRELAY (RFC 8777
 *  §4.2), suffix and prefix name of A6 (RFC 2874 §3.1). */

import { WireError } from './error.ts'
import { ipv4, ipv6 } from './ip-address.ts'
import { Octets } from './octets.ts'
import { type Field, foldedName, plainName, u8 } from './rdata-field.ts'
import { fail } from './scanner.ts'
import { numberFromText } from './text-values.ts'

/** Nothing on the wire, a lone dot as text. */
const noGateway: Field = {
  measure: () => 0,
  print: () => '.',
  parse(words) {
    if (words.take('a gateway').text !== '.') fail('a gateway of type 0 is written "."')
  },
}

const GATEWAYS: readonly Field[] = [noGateway, ipv4, ipv6, plainName]

/** A gateway whose type is the octet `typeOffset` into the RDATA, less its highest bits where `mask` says so. */
function gateway(typeOffset: number, mask: number): Field {
  const kindOf = (octet: number, code: 'bad-rdata' | 'bad-text') => {
    const kind = GATEWAYS[octet & mask]
    if (kind === undefined) throw new WireError(code, `a gateway is of unknown type ${octet & mask}`)
    return kind
  }
  return {
    holdsNames: true,
    measure: (octets, offset, end, start) =>
      kindOf(octets[start + typeOffset], 'bad-rdata').measure(octets, offset, end, start),
    print: (rdata, offset, end) => kindOf(rdata[typeOffset], 'bad-rdata').print(rdata, offset, end),
    parse: (words, out) => kindOf(out.at(typeOffset), 'bad-text').parse(words, out),
  }
}

/** The gateway of IPSECKEY, whose type is the second octet. */
export const ipsecGateway: Field = gateway(1, 0xff)
/** The relay of AMTRELAY, whose type shares the second octet with the discovery bit. */
export const amtRelay: Field = gateway(1, 0x7f)

/** The type of an AMT relay, its high bit saying whether discovery is optional: two words, `0 1` (RFC 8777 §4.3.1). */
export const discoveryAndType: Field = {
  measure: u8.measure,
  print: (rdata, offset) => `${rdata[offset] >> 7} ${rdata[offset] & 0x7f}`,
  parse(words, out) {
    const discovery = numberFromText(words.take('the discovery bit').text, 1)
    out.u8((discovery << 7) | numberFromText(words.take('a relay type').text, 0x7f))
  },
}

/** The last bits of an address, as many octets as the prefix length, the octet before, leaves over. */
export const a6Suffix: Field = {
  measure: (octets, offset) => suffixOctets(octets[offset - 1]),
  print(rdata, offset, end) {
    if (offset === end) return ''
    const address = new Uint8Array(16)
    address.set(rdata.subarray(offset, end), 16 - (end - offset))
    return ipv6.print(address, 0, 16)
  },
  parse(words, out) {
    if (out.at(0) > 128) fail('an A6 prefix has 128 bits at most')
    const octets = suffixOctets(out.at(0))
    if (octets === 0) return
    const address = new Octets()
    ipv6.parse(words, address)
    out.append(address.toUint8Array().subarray(16 - octets))
  },
}

/** The name that has the prefix; missing when the prefix has no bits. */
export const a6PrefixName: Field = {
  name: foldedName.name,
  measure: (octets, offset, end, start) => (octets[start] === 0 ? 0 : foldedName.measure(octets, offset, end, start)),
  print: (rdata, offset, end) => (offset === end ? '' : foldedName.print(rdata, offset, end)),
  parse(words, out) {
    if (out.at(0) !== 0) foldedName.parse(words, out)
  },
}

/** Octets that hold what a prefix of so many bits leaves over. */
function suffixOctets(prefixBits: number): number {
  if (prefixBits > 128) throw new WireError('bad-rdata', 'an A6 record has a prefix of more than 128 bits')
  return 16 - (prefixBits >> 3)
}
