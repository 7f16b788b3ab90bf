/** Where are clients served? Reads `network/listen` and this machine's interfaces. */

import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import { BowlineError } from './error.ts'

export type Interfaces = ReturnType<typeof networkInterfaces>

/** An item of `network/listen`, as far as it is read here. */
export interface ListenItem {
  interface?: string | readonly string[]
  port?: number
}

/** One address and port to serve. */
export interface ListenPoint {
  /** `0.0.0.0` and `::` stand for all addresses of their family. A link-local address carries its zone: `fe80::1%eth0`. */
  address: string
  port: number
  /** The setting it comes from, as in `network/listen[0]`. */
  setting: string
}

export const DNS_PORT = 53

/** The points of `network/listen`: an item's addresses each, and each address of an interface that is named. Throws a
 *  BowlineError when an item names what is neither an address nor an interface of this machine. */
export function listenPoints(
  items: readonly ListenItem[],
  interfaces: Interfaces = networkInterfaces(),
): ListenPoint[] {
  const points = new Map<string, ListenPoint>()
  items.forEach((item, place) => {
    const setting = `network/listen[${place}]`
    for (const text of [item.interface ?? []].flat()) {
      const at = text.lastIndexOf('@')
      const host = at < 0 ? text : text.slice(0, at)
      const port = at < 0 ? (item.port ?? DNS_PORT) : Number(text.slice(at + 1))
      for (const address of addressesAt(host, setting, interfaces)) {
        const point = { address, port, setting }
        points.set(pointText(point), point)
      }
    }
  })
  return [...points.values()]
}

/** `address@port`, as in the configuration. */
export function pointText(point: { address: string; port: number }): string {
  return `${point.address}@${point.port}`
}

export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}

export function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4
}

/** All addresses of one family this machine has now, link-local ones with their zone. */
export function ownAddresses(family: 4 | 6, interfaces: Interfaces = networkInterfaces()): string[] {
  return Object.entries(interfaces).flatMap(([name, entries]) =>
    (entries ?? []).filter((entry) => entry.family === `IPv${family}`).map((entry) => zoned(entry.address, name)),
  )
}

/** The octets of a numeric address, zone cut off; an IPv4 address mapped into IPv6 as IPv4. undefined: not an address. */
export function addressOctets(text: string): Uint8Array | undefined {
  const percent = text.indexOf('%')
  try {
    return Uint8Array.from(ipaddr.process(percent < 0 ? text : text.slice(0, percent)).toByteArray())
  } catch {
    return undefined
  }
}

function addressesAt(host: string, setting: string, interfaces: Interfaces): string[] {
  if (ipaddr.isValid(host)) return [host]
  const entries = interfaces[host]
  if (entries !== undefined && entries.length > 0) return entries.map((entry) => zoned(entry.address, host))
  const known = Object.keys(interfaces).join(', ')
  throw new BowlineError(
    'listen',
    `${setting}/interface: ${JSON.stringify(host)} is neither an address nor an interface that is up here; ` +
      `write an address, or one of ${known}`,
  )
}

function zoned(address: string, interfaceName: string): string {
  return /^fe[89ab]/i.test(address) ? `${address}%${interfaceName}` : address // RFC 4007 §11: fe80::/10 needs a zone
}
