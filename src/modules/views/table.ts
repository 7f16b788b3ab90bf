/** HOT: which view is a client in? find() runs once per client packet. No allocation, throw or await.
 *
 *    lengths   of the prefixes there are, the longest first, by family
 *    slots     Int32Array, open addressing: 1 + number of a prefix, found by a hash of its length and leading bits; 0 = free
 *    prefixes  Uint8Array, 17 octets each: length, then the address with all other bits 0
 *    views     Int32Array: for each prefix, from starts[n] to starts[n + 1], the views with it, in their order
 *
 *  Views without subnets have prefixes of length 0, in both families. Twin: chooseView(). */

import type { Subnet } from '../../config/policy-kinds.ts'
import type { View } from './choose.ts'

/** No view is about the client. */
export const NO_VIEW = -1

const PREFIX_OCTETS = 17
const MAPPED = 12

export class ViewTable {
  readonly views: readonly View[]
  readonly #families: Readonly<Record<4 | 6, PrefixTable>>
  /** By view; most have none. */
  readonly #destinations: readonly (readonly Subnet[] | undefined)[]
  /** By view: 1 for UDP, 2 for TCP, 3 for both. */
  readonly #protocols: Uint8Array
  /** Views without subnets, for clients of whom no address is known. */
  readonly #anywhere: Int32Array

  constructor(views: readonly View[]) {
    this.views = views
    this.#families = { 4: new PrefixTable(views, 4), 6: new PrefixTable(views, 16) }
    this.#destinations = views.map(({ destinations }) => (destinations.length > 0 ? destinations : undefined))
    this.#protocols = Uint8Array.from(views, ({ protocols }) =>
      protocols.size === 0 ? 3 : (protocols.has('udp') ? 1 : 0) | (protocols.has('tcp') ? 2 : 0),
    )
    this.#anywhere = Int32Array.from(views.filter(({ subnets }) => subnets.length === 0).map(({ index }) => index))
  }

  /** The place of the view that holds in `views`, or NO_VIEW. The addresses have 4 or 16 octets. */
  find(address: Uint8Array | undefined, destination: Uint8Array | undefined, overUdp: boolean): number {
    if (address === undefined) return this.#among(this.#anywhere, 0, this.#anywhere.length, destination, overUdp)
    const isPlain = address.length === 4 || isMapped(address)
    const table = isPlain ? this.#families[4] : this.#families[6]
    const start = isPlain && address.length === 16 ? MAPPED : 0
    for (let n = 0; n < table.lengths.length; n++) {
      const prefix = table.lookup(address, start, table.lengths[n])
      if (prefix < 0) continue
      const found = this.#among(table.views, table.starts[prefix], table.starts[prefix + 1], destination, overUdp)
      if (found !== NO_VIEW) return found
    }
    return NO_VIEW
  }

  /** Whether some view is about this address, by one protocol or another. */
  covers(address: Uint8Array): boolean {
    const isPlain = address.length === 4 || isMapped(address)
    const table = isPlain ? this.#families[4] : this.#families[6]
    const start = isPlain && address.length === 16 ? MAPPED : 0
    for (let n = 0; n < table.lengths.length; n++) if (table.lookup(address, start, table.lengths[n]) >= 0) return true
    return false
  }

  #among(views: Int32Array, from: number, to: number, destination: Uint8Array | undefined, overUdp: boolean): number {
    const protocol = overUdp ? 1 : 2
    for (let n = from; n < to; n++) {
      const view = views[n]
      if ((this.#protocols[view] & protocol) === 0) continue
      const wanted = this.#destinations[view]
      if (wanted === undefined || isInOneOf(wanted, destination)) return view
    }
    return NO_VIEW
  }
}

/** The prefixes of one family, and who has them. */
class PrefixTable {
  readonly lengths: Uint8Array
  readonly views: Int32Array
  readonly starts: Int32Array
  readonly #slots: Int32Array
  readonly #prefixes: Uint8Array

  constructor(views: readonly View[], octets: 4 | 16) {
    const groups = new Map<string, { prefix: Uint8Array; views: number[] }>()
    for (const { index, subnets } of views) {
      const own = subnets.filter((subnet) => subnet.octets.length === octets)
      const all = subnets.length === 0 ? [{ octets: new Uint8Array(octets), bits: 0 }] : own
      for (const subnet of all) {
        const prefix = prefixOf(subnet)
        const key = prefix.join('.')
        const group = groups.get(key) ?? { prefix, views: [] }
        if (group.views.at(-1) !== index) group.views.push(index)
        groups.set(key, group)
      }
    }
    const all = [...groups.values()]
    this.lengths = Uint8Array.from(new Set(all.map(({ prefix }) => prefix[0])))
      .sort()
      .reverse()
    this.views = Int32Array.from(all.flatMap((group) => group.views))
    this.starts = new Int32Array(all.length + 1)
    this.#prefixes = new Uint8Array(all.length * PREFIX_OCTETS)
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * all.length + 1)))
    for (const [number, group] of all.entries()) {
      this.starts[number + 1] = this.starts[number] + group.views.length
      this.#prefixes.set(group.prefix, number * PREFIX_OCTETS)
      const mask = this.#slots.length - 1
      let slot = hashOf(group.prefix, 1, group.prefix[0]) & mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
      this.#slots[slot] = number + 1
    }
  }

  /** The number of the prefix that the `bits` leading bits of the address at `start` are; -1: nobody has it. */
  lookup(address: Uint8Array, start: number, bits: number): number {
    const mask = this.#slots.length - 1
    for (let slot = hashOf(address, start, bits) & mask; ; slot = (slot + 1) & mask) {
      const number = this.#slots[slot] - 1
      if (number < 0 || this.#isSame(number * PREFIX_OCTETS, address, start, bits)) return number
    }
  }

  #isSame(at: number, address: Uint8Array, start: number, bits: number): boolean {
    if (this.#prefixes[at] !== bits) return false
    return isAlike(this.#prefixes, at + 1, address, start, bits)
  }
}

/** Whether so many leading bits are the same. */
function isAlike(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, bits: number): boolean {
  const whole = bits >> 3
  for (let i = 0; i < whole; i++) if (a[aStart + i] !== b[bStart + i]) return false
  const rest = bits & 7
  return rest === 0 || (a[aStart + whole] ^ b[bStart + whole]) >> (8 - rest) === 0
}

function hashOf(octets: Uint8Array, start: number, bits: number): number {
  const whole = bits >> 3
  let hash = 0x811c9dc5 ^ bits
  for (let i = 0; i < whole; i++) hash = Math.imul(hash ^ octets[start + i], 0x01000193)
  const rest = bits & 7
  if (rest !== 0) hash = Math.imul(hash ^ (octets[start + whole] & (0xff00 >> rest)), 0x01000193)
  return hash ^ (hash >>> 15)
}

/** Its length, then its address, bits behind the length cleared. */
function prefixOf({ octets, bits }: Subnet): Uint8Array {
  const prefix = new Uint8Array(PREFIX_OCTETS)
  prefix[0] = bits
  const whole = bits >> 3
  prefix.set(octets.subarray(0, whole), 1)
  if ((bits & 7) !== 0) prefix[1 + whole] = octets[whole] & (0xff00 >> (bits & 7))
  return prefix
}

/** An IPv4-mapped address (RFC 4291 §2.5.5.2): a client of IPv4 on a socket of IPv6. */
function isMapped(address: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false
  return address[10] === 0xff && address[11] === 0xff
}

function isInOneOf(subnets: readonly Subnet[], address: Uint8Array | undefined): boolean {
  if (address === undefined) return false
  const start = address.length === 16 && isMapped(address) ? MAPPED : 0
  for (let n = 0; n < subnets.length; n++) {
    const { octets, bits } = subnets[n]
    if (octets.length === address.length - start && isAlike(octets, 0, address, start, bits)) return true
  }
  return false
}
