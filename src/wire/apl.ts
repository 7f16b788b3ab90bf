/** Lists of address prefixes: the APL record (RFC 3123 §4 wire, §5 text). */

import { WireError } from './error.ts'
import { addressFromText, addressText } from './ip-address.ts'
import type { Field } from './rdata-field.ts'
import { fail } from './scanner.ts'
import { numberFromText, readNumber } from './text-values.ts'

/** Octets of an address, by address family number. */
const SIZES: Record<number, 4 | 16> = { 1: 4, 2: 16 }

/** To the end of the RDATA, none or many: `family, prefix, negation and length, address without trailing zeros`. */
export const addressPrefixes: Field = {
  measure(octets, offset, end) {
    let at = offset
    while (at + 4 <= end) at += 4 + (octets[at + 3] & 0x7f)
    if (at !== end) throw new WireError('bad-rdata', 'an address prefix of an APL record is cut short')
    return end - offset
  },

  print(rdata, offset, end) {
    const texts: string[] = []
    for (let at = offset; at < end; at += 4 + (rdata[at + 3] & 0x7f)) {
      const family = readNumber(rdata, at, 2)
      const kept = rdata.subarray(at + 4, at + 4 + (rdata[at + 3] & 0x7f))
      const size = SIZES[family]
      if (size === undefined || kept.length > size || rdata[at + 2] > size * 8)
        throw new WireError('bad-rdata', `an APL record holds a prefix of family ${family} that has no text form`)
      const address = new Uint8Array(size)
      address.set(kept)
      texts.push(`${rdata[at + 3] & 0x80 ? '!' : ''}${family}:${addressText(address)}/${rdata[at + 2]}`)
    }
    return texts.join(' ')
  },

  parse(words, out) {
    for (let word = words.next(); word !== undefined; word = words.next()) {
      const [, negation, family, host, prefix] =
        /^(!?)([12]):([^/]+)\/(\d+)$/.exec(word.text) ?? fail(`"${word.text}" is not [!]family:address/prefix`)
      const size = SIZES[Number(family)]
      const address = addressFromText(host)
      if (address?.length !== size) return fail(`"${host}" is not an address of family ${family}`)
      let kept: number = size
      while (kept > 0 && address[kept - 1] === 0) kept-- // §4: trailing zero octets are not sent
      out.u16(Number(family))
      out.u8(numberFromText(prefix, size * 8))
      out.u8((negation === '!' ? 0x80 : 0) | kept)
      out.append(address.subarray(0, kept))
    }
  },
}
