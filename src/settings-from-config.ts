/** From an operator's configuration to what resolution core, cache and transport are told. */

import { readFileSync } from 'node:fs'
import type { CacheOptions } from './cache/cache.ts'
import { BowlineError } from './config/error.ts'
import type { Config } from './config/schema.ts'
import { parseTrustAnchors, ROOT_ANCHORS, type TrustAnchor } from './dnssec/trust-anchors.ts'
import type { SystemTransportOptions } from './io/transport.ts'
import type { Limits } from './ledger.ts'
import { parseRootHints, ROOT_HINTS, type RootHint } from './root-hints.ts'
import { defaultSettings, type Settings } from './settings.ts'
import { type Name, nameFromText, nameKey } from './wire/name.ts'

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
    hostname: config.hostname,
    nsid: config.nsid === false ? undefined : config.nsid,
    validate: dnssec.enable,
    trustAnchors: trustAnchors(dnssec),
    negativeTrustAnchors: dnssec['negative-trust-anchors'].map(negativeTrustAnchor),
    aggressiveNsec: dnssec['aggressive-nsec'],
    limits: limits satisfies Limits,
    ledgerMode: mode,
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

/** The anchors an operator gave, and the built-in ones of zones for which none was given. */
function trustAnchors(dnssec: Config['dnssec']): readonly TrustAnchor[] {
  const given = new Map<string, TrustAnchor>()
  const add = ({ zone, ds, keys }: TrustAnchor) => {
    const known = given.get(nameKey(zone))
    given.set(nameKey(zone), { zone, ds: [...(known?.ds ?? []), ...ds], keys: [...(known?.keys ?? []), ...keys] })
  }
  for (const [index, text] of dnssec['trust-anchors'].entries())
    readAnchors(`dnssec/trust-anchors/${index}`, text, () => text).forEach(add)
  for (const [index, { file }] of dnssec['trust-anchors-files'].entries())
    readAnchors(`dnssec/trust-anchors-files/${index}/file`, file, () => readFileSync(file, 'utf8')).forEach(add)
  return [...ROOT_ANCHORS.filter(({ zone }) => !given.has(nameKey(zone))), ...given.values()]
}

function readAnchors(setting: string, found: string, read: () => string): TrustAnchor[] {
  const refuse = (reason: string) =>
    new BowlineError('trust-anchors', `${setting}: ${found} ${reason}; write DS or DNSKEY records as in a zone file`)
  let anchors: TrustAnchor[]
  try {
    anchors = parseTrustAnchors(read())
  } catch (error) {
    throw refuse(`cannot be used (${(error as Error).message})`)
  }
  if (anchors.length === 0) throw refuse('holds no trust anchor')
  return anchors
}

function negativeTrustAnchor(text: string, index: number): Name {
  try {
    return nameFromText(text)
  } catch (error) {
    throw new BowlineError(
      'negative-trust-anchors',
      `dnssec/negative-trust-anchors/${index}: ${text} is no domain name (${(error as Error).message}); correct it`,
    )
  }
}
