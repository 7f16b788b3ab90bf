/** Who may ask when nobody has said so? Machines near us: an open resolver is an amplifier for everybody's attacks
 *  (RFC 5358 §4). Near are loopback, private, shared and link-local addresses, and the subnets of our interfaces. */

import { networkInterfaces } from 'node:os'
import { addressOctets, type Interfaces } from './addresses.ts'

/** RFC 6890's address blocks that no packet from the outside has as its source. */
const NEAR_BLOCKS = [
  '127.0.0.0/8',
  '10.0.0.0/8', // RFC 1918
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10', // RFC 6598: a provider's customers behind its address translators
  '169.254.0.0/16', // RFC 3927
  '::1/128',
  'fc00::/7', // RFC 4193
  'fe80::/10', // RFC 4291 §2.5.6
]

interface Block {
  octets: Uint8Array
  /** Leading bits that count. */
  bits: number
}

export class LocalClients {
  readonly #blocks: Block[] = []

  constructor(interfaces: Interfaces = networkInterfaces()) {
    this.refresh(interfaces)
  }

  /** Takes over the subnets the interfaces have now. */
  refresh(interfaces: Interfaces = networkInterfaces()): void {
    const own = Object.values(interfaces).flatMap((entries) => (entries ?? []).map((entry) => entry.cidr ?? ''))
    this.#blocks.length = 0
    for (const text of [...NEAR_BLOCKS, ...own]) {
      const [address, bits] = text.split('/')
      const octets = addressOctets(address)
      if (octets !== undefined) this.#blocks.push({ octets, bits: Number(bits) })
    }
  }

  includes(address: Uint8Array): boolean {
    for (const block of this.#blocks) if (isWithin(address, block)) return true
    return false
  }
}

/** Whether the address is this machine's own, where nobody from outside can pretend to be (RFC 1122 §3.2.1.3). */
export function isLoopback(address: Uint8Array): boolean {
  return address.length === 4
    ? address[0] === 127
    : address[15] === 1 && address.every((octet, at) => at === 15 || octet === 0)
}

function isWithin(address: Uint8Array, block: Block): boolean {
  if (address.length !== block.octets.length) return false
  const whole = block.bits >> 3
  for (let at = 0; at < whole; at++) if (address[at] !== block.octets[at]) return false
  const rest = block.bits & 7
  return rest === 0 || (address[whole] ^ block.octets[whole]) >> (8 - rest) === 0
}
