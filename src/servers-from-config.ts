/** From an operator's configuration to the servers that are asked instead of those the zones name. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { BowlineError } from './config/error.ts'
import type { ForwardServer } from './config/policy.ts'
import type { Config } from './config/schema.ts'
import { ServerAddress } from './io/address.ts'
import { type TlsIdentity, tlsIdentity, whyNoAuthority } from './io/tls-identity.ts'
import type { ForwardTarget, Settings, TaggedForwardRule } from './settings.ts'
import { type Name, nameFromText } from './wire/name.ts'

/** RFC 7858 §3.1. */
const TLS_PORT = 853

/** The rules, one for each subtree. Throws a BowlineError when a CA file cannot be used, or something is no domain name. */
export function forwardsFromConfig(config: Config): TaggedForwardRule[] {
  return config.forward.flatMap(({ subtree, servers, options, tags }, index) => {
    const setting = `forward/${index}`
    const targets = servers === 'recurse' ? [] : servers.map((server) => target(config, server, setting))
    return subtree.map((text) => ({
      subtree: nameIn(`${setting}/subtree`, text),
      servers: targets,
      authoritative: options.authoritative,
      dnssec: options.dnssec,
      tags,
    }))
  })
}

/** Throws a BowlineError when a CA file cannot be used. */
export function fallbackFromConfig(config: Config): Settings['fallback'] {
  const { enable, servers, after } = config.fallback
  if (!enable) return undefined
  return { servers: servers.map((server) => target(config, server, 'fallback')), afterMs: after }
}

export function nameIn(setting: string, text: string, code = 'domain-name'): Name {
  try {
    return nameFromText(text)
  } catch (error) {
    throw new BowlineError(code, `${setting}: ${text} is no domain name (${(error as Error).message}); correct it`)
  }
}

function target(config: Config, server: ForwardServer, section: string): ForwardTarget {
  const tls = server.transport === 'tls' ? identityOf(config, server, `${section}/servers/${server.index}`) : undefined
  const address = ServerAddress.fromText(server.address, tls === undefined ? undefined : TLS_PORT, tls)
  return { address: address as ServerAddress, tcp: server.transport === 'tcp' }
}

function identityOf({ rundir }: Config, server: ForwardServer, setting: string): TlsIdentity {
  const { hostname, 'ca-file': caFile, 'pin-sha256': pins } = server
  const ca = caFile === undefined ? undefined : readAuthority(`${setting}/ca-file`, resolve(rundir, caFile))
  return tlsIdentity({ hostname, ca, pins })
}

function readAuthority(setting: string, file: string): string {
  const refuse = (why: string) =>
    new BowlineError(
      'ca-file',
      `${setting}: ${file} ${why}; name a file with the certificate of the CA, which begins with -----BEGIN CERTIFICATE-----`,
    )
  let pem: string
  try {
    pem = readFileSync(file, 'utf8')
  } catch (error) {
    throw refuse(`cannot be read (${(error as Error).message})`)
  }
  const why = whyNoAuthority(pem)
  if (why !== undefined) throw refuse(why)
  return pem
}
