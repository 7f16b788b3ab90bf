/** Which view is a client in? Pure; listeners ask, too, before the resolver does. */

import { isInSubnet, parseSubnet, type Subnet } from '../../config/policy-kinds.ts'
import type { Config } from '../../config/schema.ts'
import type { Client, ClientView } from '../../request.ts'

export type ViewConfig = Config['views'][number]

export interface View extends ClientView {
  /** Its place in the configuration. */
  index: number
  subnets: readonly Subnet[]
  destinations: readonly Subnet[]
  protocols: ReadonlySet<'udp' | 'tcp'>
  answer: 'allow' | 'refused' | 'noanswer'
  /** Where what is learned for these clients is kept, apart from what others learn. */
  partition: number
}

export function compileViews(views: readonly ViewConfig[]): View[] {
  return views.map((view, index) => ({
    index,
    key: keyOf(view),
    subnets: view.subnets.map((text) => parseSubnet(text) as Subnet),
    destinations: view['dst-subnet'].map((text) => parseSubnet(text) as Subnet),
    protocols: new Set(view.protocols.map((protocol) => (protocol.startsWith('udp') ? 'udp' : 'tcp'))),
    tags: new Set(view.tags),
    answer: view.answer ?? 'allow',
    partition: view.options['cache-partition'],
    options: {
      minimize: view.options.minimize,
      dns64: view.options.dns64,
      fallback: view.options.fallback,
      priceFactor: view.options['price-factor'],
    },
  }))
}

/** The view with the longest prefix around the client; of several, the first. Undefined: none is about this client. */
export function chooseView(views: readonly View[], client: Client | undefined): View | undefined {
  let best: View | undefined
  let bestBits = -1
  for (const view of views) {
    const bits = matchedBits(view, client)
    if (bits > bestBits) [best, bestBits] = [view, bits]
  }
  return best
}

/** Bits of the longest prefix of the view's subnets that the client is in; -1 when the view is not about it. */
function matchedBits(view: View, client: Client | undefined): number {
  if (view.protocols.size > 0 && !view.protocols.has(client?.overUdp ? 'udp' : 'tcp')) return -1
  if (view.destinations.length > 0 && longest(view.destinations, client?.destination) < 0) return -1
  return view.subnets.length === 0 ? 0 : longest(view.subnets, client?.address)
}

function longest(subnets: readonly Subnet[], address: Uint8Array | undefined): number {
  if (address === undefined) return -1
  const plain = withoutMapping(address)
  let bits = -1
  for (const subnet of subnets) if (subnet.bits > bits && isInSubnet(plain, subnet)) bits = subnet.bits
  return bits
}

/** A client of IPv4 on a socket of IPv6 has an IPv4-mapped address (RFC 4291 §2.5.5.2). */
function withoutMapping(address: Uint8Array): Uint8Array {
  if (address.length !== 16 || address[10] !== 0xff || address[11] !== 0xff) return address
  return address.subarray(0, 10).every((octet) => octet === 0) ? address.subarray(12) : address
}

/** Views for which the same holds share answers under way. */
function keyOf({ tags, options }: ViewConfig): string {
  const { minimize, dns64, fallback, 'cache-partition': partition } = options
  return JSON.stringify([[...new Set(tags)].sort(), minimize, dns64, fallback, partition])
}

/** Whether some view is about this address, by one protocol or another. */
export function covers(views: readonly View[], address: Uint8Array | undefined): boolean {
  return views.some(({ subnets }) => subnets.length === 0 || longest(subnets, address) >= 0)
}
