/** From an operator's configuration to what resolution core, cache and transport are told. */

import { readFileSync } from 'node:fs'
import type { CacheOptions } from './cache/cache.ts'
import { BowlineError } from './config/error.ts'
import type { Config } from './config/schema.ts'
import type { SystemTransportOptions } from './io/transport.ts'
import type { Limits } from './ledger.ts'
import { parseRootHints, ROOT_HINTS, type RootHint } from './root-hints.ts'
import { defaultSettings, type Settings } from './settings.ts'

/** The longest a denial is kept, in seconds. RFC 2308 §5 finds one to three hours sensible. */
const NEGATIVE_TTL_MAX = 3 * 3600

/** Throws a BowlineError when the file of root hints cannot be used. */
export function settingsFromConfig(config: Config): Settings {
  const { network, options } = config
  const { mode, ...limits } = options['request-budget']
  return {
    ...defaultSettings,
    rootHints: rootHints(options['root-hints-file']),
    priming: options.priming,
    minimise: options.minimize,
    caseRandomization: options['query-case-randomization'],
    glueChecking: options['glue-checking'],
    queryLoopback: options['query-loopback'],
    doIpv4: network['do-ipv4'],
    doIpv6: network['do-ipv6'],
    ednsBufferSize: network['edns-buffer-size'],
    refuseNoRd: options['refuse-no-rd'],
    reorderRrset: options['reorder-rrset'],
    hostname: config.hostname,
    nsid: config.nsid === false ? undefined : config.nsid,
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
