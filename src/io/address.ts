/** The address of a server: octets, port, and a key to find it by. */

import ipaddr from 'ipaddr.js'
import type { TlsIdentity } from './tls-identity.ts'

/** Stands in keys between the octets, which are less, and the identity. */
const IDENTITY = '\uffff'

export class ServerAddress {
  /** 4 or 16 octets, network order. */
  readonly octets: Uint8Array
  readonly port: number
  /** It is asked over TLS and not otherwise, if it shows to be the one this describes. */
  readonly tls: TlsIdentity | undefined
  /** Unique for octets, port and identity; for use as a Map key. */
  readonly key: string
  private host?: string

  constructor(octets: Uint8Array, port = 53, tls?: TlsIdentity) {
    this.octets = octets
    this.port = port
    this.tls = tls
    let key = String.fromCharCode(port)
    for (let i = 0; i < octets.length; i++) key += String.fromCharCode(octets[i])
    this.key = tls === undefined ? key : key + IDENTITY + tls.key
  }

  /** Octets and port of the one whose key this is. */
  static fromKey(key: string): ServerAddress {
    return new ServerAddress(
      Uint8Array.from(key.slice(1).split(IDENTITY)[0], (octet) => octet.charCodeAt(0)),
      key.charCodeAt(0),
    )
  }

  get family(): 4 | 6 {
    return this.octets.length === 4 ? 4 : 6
  }

  /** The address without the port, as people write it (RFC 5952 for IPv6). */
  get hostText(): string {
    this.host ??= ipaddr.fromByteArray([...this.octets]).toString()
    return this.host
  }

  toString(): string {
    return `${this.hostText}@${this.port}`
  }

  /** From `192.0.2.1`, `192.0.2.1@5300`, `2001:db8::1` or `2001:db8::1@5300`; undefined if it is none of these. */
  static fromText(text: string, defaultPort = 53, tls?: TlsIdentity): ServerAddress | undefined {
    const [host, portText] = text.split('@')
    if (!ipaddr.isValid(host) || (ipaddr.IPv4.isValid(host) && !ipaddr.IPv4.isValidFourPartDecimal(host)))
      return undefined
    const port = portText === undefined ? defaultPort : Number(portText)
    if (!Number.isInteger(port) || port < 0 || port > 65535 || portText === '') return undefined
    return new ServerAddress(Uint8Array.from(ipaddr.parse(host).toByteArray()), port, tls)
  }
}
