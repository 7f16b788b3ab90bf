/** From which of our own addresses is a query sent? One of those configured, by chance; otherwise the kernel decides. */

import ipaddr from 'ipaddr.js'
import type { Random } from './interfaces.ts'

interface Source {
  octets: Uint8Array
  /** Leading bits that stay as they are; the others are drawn anew for each query. */
  prefixLength: number
}

export class SourceAddresses {
  private readonly sources: Record<4 | 6, Source[]> = { 4: [], 6: [] }
  private readonly random: Random

  /** `texts`: addresses, or prefixes such as `2001:db8:1::/64` all of which is ours. Throws RangeError for others. */
  constructor(texts: readonly string[], random: Random) {
    this.random = random
    for (const text of texts) {
      const source = parseSource(text)
      this.sources[source.octets.length === 4 ? 4 : 6].push(source)
    }
  }

  /** An address to bind to; undefined leaves it to the kernel. */
  pick(family: 4 | 6): string | undefined {
    const sources = this.sources[family]
    if (sources.length === 0) return undefined
    const { octets, prefixLength } = sources[sources.length === 1 ? 0 : this.random.below(sources.length)]
    const drawn = new Uint8Array(octets.length)
    this.random.fill(drawn)
    for (let i = 0; i < octets.length; i++) {
      const fixedBits = Math.min(Math.max(prefixLength - 8 * i, 0), 8)
      const freeMask = 0xff >> fixedBits
      drawn[i] = (octets[i] & ~freeMask) | (drawn[i] & freeMask)
    }
    return ipaddr.fromByteArray([...drawn]).toString()
  }
}

function parseSource(text: string): Source {
  const [host, lengthText] = text.split('/')
  if (!ipaddr.isValid(host)) throw new RangeError(`not an address or prefix: ${text}`)
  const octets = Uint8Array.from(ipaddr.parse(host).toByteArray())
  const bits = octets.length * 8
  const prefixLength = lengthText === undefined ? bits : Number(lengthText)
  if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > bits || lengthText === '')
    throw new RangeError(`not an address or prefix: ${text}`)
  return { octets, prefixLength }
}
