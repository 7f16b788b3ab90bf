/** The text forms of `network`: `address@port`, names of network interfaces, prefixes. */

import ipaddr from 'ipaddr.js'

/** The port of `dns` when none is named. */
export const DNS_PORT = 53

/** At most 15 octets: Linux's IFNAMSIZ without the final zero. `localhost` is taken for what it is, a host name. */
const INTERFACE_NAME = /^(?!localhost$)[a-z][\w.-]{0,14}$/i

export interface ParsedInterface {
  /** An address in the one way RFC 5952 writes it, its zone kept, or the name of a network interface. */
  host: string
  port: number | undefined
}

/** Takes `address@port` or `eth0@port` apart; undefined when it is neither. */
export function parseInterface(text: string): ParsedInterface | undefined {
  const [host, portText, more] = text.split('@')
  if (more !== undefined || !isHost(host)) return undefined
  const canonical = familyOf(host) === undefined ? host : ipaddr.parse(host).toString()
  if (portText === undefined) return { host: canonical, port: undefined }
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0
  return port >= 1 && port <= 65_535 ? { host: canonical, port } : undefined
}

/** True for an address and for what may be the name of a network interface. */
export function isHost(text: string): boolean {
  return familyOf(text) !== undefined || INTERFACE_NAME.test(text)
}

/** The family of a numeric address without port or prefix; undefined when `text` is none. A link-local one may have
 *  its zone: `fe80::1%eth0` (RFC 4007 §11). */
export function familyOf(text: string): 4 | 6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return 4
  const [address, zone] = text.split('%')
  if (!ipaddr.IPv6.isValid(address)) return undefined
  return zone === undefined || /^fe[89ab]/i.test(address) ? 6 : undefined
}

/** True for `2001:db8:1::/64`: an address of the family and the length of its fixed part in bits. */
export function isPrefix(text: string, family: 4 | 6): boolean {
  const [address, lengthText, more] = text.split('/')
  if (more !== undefined || lengthText === undefined || familyOf(address) !== family || address.includes('%'))
    return false
  return /^\d{1,3}$/.test(lengthText) && Number(lengthText) <= (family === 4 ? 32 : 128)
}
