/** Where clients are served: the interfaces of the configuration taken apart into addresses and ports. */

import ipaddr from 'ipaddr.js'

/** The port of `dns` when none is named. */
export const DNS_PORT = 53

export interface ListenAddress {
  /** In numbers, in the one way RFC 5952 writes it. */
  address: string
  family: 4 | 6
  port: number
  kind: 'dns'
}

/** Every address of `network/listen`, in its order. */
export function listenAddresses(
  listeners: readonly { interface: readonly string[]; port?: number | undefined; kind: 'dns' }[],
): ListenAddress[] {
  return listeners.flatMap((listener) =>
    listener.interface.map((text) => {
      const parsed = parseInterface(text)
      if (parsed === undefined) throw new TypeError(`${text} is not an interface: the configuration was not validated`)
      const { address, family } = parsed
      return { address, family, port: parsed.port ?? listener.port ?? DNS_PORT, kind: listener.kind }
    }),
  )
}

/** Takes `address@port` apart; undefined when it is not an IP address with or without a port. */
export function parseInterface(text: string): { address: string; family: 4 | 6; port: number | undefined } | undefined {
  const [host, portText, more] = text.split('@')
  const family = familyOf(host)
  if (family === undefined || more !== undefined) return undefined
  const address = ipaddr.parse(host).toString()
  if (portText === undefined) return { address, family, port: undefined }
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0
  return port >= 1 && port <= 65_535 ? { address, family, port } : undefined
}

/** The family of a numeric address without port, prefix or zone; undefined when `text` is none. */
export function familyOf(text: string): 4 | 6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return 4
  return ipaddr.IPv6.isValid(text) && !text.includes('%') ? 6 : undefined
}
