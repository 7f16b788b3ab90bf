/** What can be told of a query from its octets alone, without allocation and without a throw, for those that look at each
 *  packet. Whatever is not plain is not there. */

import { Type } from './types.ts'

const HEADER = 12
const MAX_NAME = 255
/** OPT without options, RFC 6891 §6.1.2. */
export const OPT_OCTETS = 11

/** Where the question of a query or its answer ends (opcode QUERY); 0: there is not exactly one, or it is damaged. */
export function questionEnd(packet: Uint8Array): number {
  if (packet.length < HEADER || (packet[2] & 0x78) !== 0 || packet[4] !== 0 || packet[5] !== 1) return 0
  let at = HEADER
  while (at < packet.length && packet[at] !== 0) {
    if (packet[at] > 63) return 0
    at += packet[at] + 1
  }
  const end = at + 5
  return end > packet.length || at - HEADER >= MAX_NAME ? 0 : end
}

/** Whether an OPT record follows the question, and nothing in between. */
export function hasOptAt(packet: Uint8Array, end: number): boolean {
  if ((packet[6] | packet[7] | packet[8] | packet[9]) !== 0 || ((packet[10] << 8) | packet[11]) === 0) return false
  return end + OPT_OCTETS <= packet.length && packet[end] === 0 && packet[end + 1] === 0 && packet[end + 2] === Type.OPT
}

/** The data of an EDNS option of a query, a view; undefined: there is none. */
export function optionIn(packet: Uint8Array, wanted: number): Uint8Array | undefined {
  const question = questionEnd(packet)
  if (question === 0 || !hasOptAt(packet, question)) return undefined
  let at = question + OPT_OCTETS
  const end = Math.min(packet.length, at + ((packet[at - 2] << 8) | packet[at - 1]))
  while (at + 4 <= end) {
    const code = (packet[at] << 8) | packet[at + 1]
    const octets = (packet[at + 2] << 8) | packet[at + 3]
    at += 4
    if (at + octets > end) return undefined
    if (code === wanted) return packet.subarray(at, at + octets)
    at += octets
  }
  return undefined
}
