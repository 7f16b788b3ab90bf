/** Why an answer is not what the zone says, for people who look at it with dig. */

import { nameFromText } from '../wire/name.ts'
import { type RRset, rrset } from '../wire/rrset.ts'
import { Type } from '../wire/types.ts'

const OWNER = nameFromText('explanation.invalid.')
const TTL = 10_800
const MAX_STRING = 255

/** A TXT record that says `text`, to stand in the additional section. */
export function explanation(text: string): RRset {
  const octets = new TextEncoder().encode(text)
  const rdata: number[] = []
  for (let at = 0; at === 0 || at < octets.length; at += MAX_STRING) {
    const part = octets.subarray(at, at + MAX_STRING)
    rdata.push(part.length, ...part) // <character-string>, RFC 1035 §3.3
  }
  return rrset(OWNER, Type.TXT, TTL, [Uint8Array.from(rdata)])
}
