/** From an operator's configuration to what resolution core, cache and transport are told. */

import { readFileSync } from 'node:fs'
import { trustAnchorsFrom } from './anchor-files.ts'
import type { CacheOptions } from './cache/cache.ts'
import { BowlineError } from './config/error.ts'
import type { Config } from './config/schema.ts'
import type { SystemTransportOptions } from './io/transport.ts'
import type { Limits } from './ledger.ts'
import { policyFromConfig } from './policy-from-config.ts'
import { parseRootHints, ROOT_HINTS, type RootHint } from './root-hints.ts'
import { nameIn } from './servers-from-config.ts'
import { defaultSettings, type Settings, type StaleSettings } from './settings.ts'
import type { Name } from './wire/name.ts'

/** The longest a denial is kept, in seconds. RFC 2308 §5 finds one to three hours sensible. */
const NEGATIVE_TTL_MAX = 3 * 3600

/** Throws a BowlineError when root hints or trust anchors, in files or not, cannot be used. */
export function settingsFromConfig(config: Config): Settings {
  const { dnssec, network, options } = config
  const { mode, ...limits } = options['request-budget']
  return {
    ...defaultSettings,
    rootHints: rootHints(options['root-hints-file']),
    priming: options.priming,
    maxRecursions: options['max-recursions'],
    minimise: options.minimize,
    caseRandomization: options['query-case-randomization'],
    glueChecking: options['glue-checking'],
    queryLoopback: options['query-loopback'],
    upstreamPort: options['upstream-port'],
    doIpv4: network['do-ipv4'],
    doIpv6: network['do-ipv6'],
    ednsBufferSize: network['edns-buffer-size'],
    refuseNoRd: options['refuse-no-rd'],
    reorderRrset: options['reorder-rrset'],
    upstreamCookies: config.cookies.upstream && hasOneSource(network),
    hostname: config.hostname,
    nsid: config.nsid === false ? undefined : config.nsid,
    validate: dnssec.enable,
    trustAnchors: trustAnchorsFrom(config),
    negativeTrustAnchors: dnssec['negative-trust-anchors'].map(negativeTrustAnchor),
    sentinel: dnssec.sentinel,
    signalQuery: dnssec['signal-query'],
    logBogus: dnssec['log-bogus'],
    sha1: dnssec['allow-sha1'],
    maxNsec3Iterations: dnssec['nsec3-max-iterations'],
    aggressiveNsec: dnssec['aggressive-nsec'],
    prefetchExpiring: config.cache.prefetch.expiring,
    serveStale: staleSettings(options['serve-stale']),
    ...policyFromConfig(config),
    limits: limits satisfies Limits,
    ledgerMode: mode,
  }
}

/** Server cookies are made for the address a query came from (RFC 9018 §4.4). */
function hasOneSource(network: Config['network']): boolean {
  const [v4, v6] = [network['out-interface-v4'], network['out-interface-v6']]
  return v4.length <= 1 && v6.length <= 1 && ![...v4, ...v6].some((source) => source.includes('/'))
}

function staleSettings(options: Config['options']['serve-stale']): StaleSettings | undefined {
  if (!options.enable) return undefined
  return {
    clientTimeoutMs: options['client-timeout'],
    maxAgeMs: options['max-age'] * 1000,
    replyTtl: options['reply-ttl'],
  }
}

export function cacheOptionsFromConfig({ cache }: Config): CacheOptions {
  const [ttlMin, ttlMax] = [cache['ttl-min'], cache['ttl-max']]
  return { ttlMin, ttlMax, negativeTtlMax: Math.min(NEGATIVE_TTL_MAX, ttlMax) }
}

export function transportOptionsFromConfig({ network }: Config): SystemTransportOptions {
  return {
    sourceAddresses: [...network['out-interface-v4'], ...network['out-interface-v6']],
    ipv4: network['do-ipv4'],
    ipv6: network['do-ipv6'],
  }
}

function rootHints(file: string | undefined): readonly RootHint[] {
  if (file === undefined) return ROOT_HINTS
  const refuse = (reason: string) =>
    new BowlineError(
      'root-hints-file',
      `options/root-hints-file: ${file} ${reason}; name a file like IANA's named.root, or leave the setting out`,
    )
  let hints: RootHint[]
  try {
    hints = parseRootHints(readFileSync(file, 'utf8'))
  } catch (error) {
    throw refuse(`cannot be used (${(error as Error).message})`)
  }
  if (hints.length === 0) throw refuse('names no root server with an address')
  return hints
}

function negativeTrustAnchor(text: string, index: number): Name {
  return nameIn(`dnssec/negative-trust-anchors/${index}`, text, 'negative-trust-anchors')
}
