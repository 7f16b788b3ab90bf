/** From an operator's configuration to what the resolution core is told. */

import { readFileSync } from 'node:fs'
import type { CacheOptions } from './cache/cache.ts'
import { BowlineError } from './config/error.ts'
import type { Config } from './config/schema.ts'
import { parseRootHints, ROOT_HINTS, type RootHint } from './root-hints.ts'
import { defaultSettings, type Settings } from './settings.ts'

/** Reads the root hints file if there is one. Throws BowlineError 'root-hints' when it holds none. */
export function settingsFromConfig(config: Config): Settings {
  const { network, options } = config
  const { mode, ...limits } = options['request-budget']
  return {
    ...defaultSettings,
    rootHints: options['root-hints-file'] === undefined ? ROOT_HINTS : readRootHints(options['root-hints-file']),
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
    limits,
    ledgerMode: mode,
  }
}

export function cacheOptionsFromConfig(config: Config): Pick<CacheOptions, 'ttlMin' | 'ttlMax'> {
  return { ttlMin: config.cache['ttl-min'], ttlMax: config.cache['ttl-max'] }
}

function readRootHints(file: string): RootHint[] {
  const start = `options/root-hints-file: found ${file}`
  const remedy = 'write it like the named.root that IANA publishes, or leave the setting out'
  let hints: RootHint[]
  try {
    hints = parseRootHints(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new BowlineError('root-hints', `${start}, which cannot be read: ${(error as Error).message}; ${remedy}`)
  }
  if (hints.length === 0)
    throw new BowlineError('root-hints', `${start}, which has no NS record of the root with an address; ${remedy}`)
  return hints
}
