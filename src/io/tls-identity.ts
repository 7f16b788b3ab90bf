/** By what does a server show over TLS that it is the one we mean? Strict privacy of RFC 8310 §5: by what the operator
 *  says of it, or not at all. */

import { X509Certificate } from 'node:crypto'

export interface TlsIdentity {
  /** The name its certificate must be for (RFC 8310 §8.1), and the one that SNI tells; undefined: pins decide. */
  readonly hostname: string | undefined
  /** PEM certificates of those who may vouch for the name; undefined: those Node trusts. */
  readonly ca: string | undefined
  /** SHA-256 of the public keys, as SubjectPublicKeyInfo, of which its certificate must hold one (RFC 7858 §4.2), in
   *  base64. None: the name decides; if there are both, both must fit. */
  readonly pins: readonly string[]
  /** The same for the same demands. */
  readonly key: string
}

/** Throws a RangeError when a server could not be told from anybody else by it. */
export function tlsIdentity({ hostname, ca, pins = [] }: Partial<Omit<TlsIdentity, 'key'>>): TlsIdentity {
  if (hostname === undefined && pins.length === 0) throw new RangeError('neither hostname nor pins')
  const name = hostname?.replace(/\.$/, '').toLowerCase()
  return { hostname: name, ca, pins, key: JSON.stringify([name, ca, pins.toSorted()]) }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** Why `pem` is no use for `ca`; undefined: it is. */
export function whyNoAuthority(pem: string): string | undefined {
  const certificates = pem.match(CERTIFICATE) ?? []
  if (certificates.length === 0) return 'holds no certificate in PEM form'
  for (const [index, certificate] of certificates.entries()) {
    try {
      new X509Certificate(certificate)
    } catch (error) {
      return `has a certificate, the ${index + 1}. of ${certificates.length}, that cannot be read (${(error as Error).message})`
    }
  }
  return undefined
}
