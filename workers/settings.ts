/** From the operator's configuration to what the resolver core is told. */

import { readFileSync } from 'node:fs'
import { BowlineError } from '../src/config/error.ts'
import type { Config } from '../src/config/schema.ts'
import { ServerAddress } from '../src/io/address.ts'
import type { Limits } from '../src/ledger.ts'
import { parseRootHints, ROOT_HINTS, type RootHint } from '../src/root-hints.ts'
import { defaultSettings, type Settings } from '../src/settings.ts'
import { addressOctets, familyOf, isWildcard, type ListenPoint, ownAddresses } from './addresses.ts'

/** Throws a BowlineError when the file of root hints cannot be used. */
export function coreSettings(config: Config): Settings {
  const { options, network } = config
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

/** The addresses we answer on ourselves, of all interfaces where a wildcard is listened on: asking them would be asking
 *  ourselves. */
export function listeningAddresses(points: readonly ListenPoint[]): ServerAddress[] {
  return points.flatMap(({ address, port }) =>
    (isWildcard(address) ? ownAddresses(familyOf(address)) : [address]).flatMap((own) => {
      const octets = addressOctets(own)
      return octets === undefined ? [] : [new ServerAddress(octets, port)]
    }),
  )
}

function rootHints(path: string | undefined): readonly RootHint[] {
  if (path === undefined) return ROOT_HINTS
  const refuse = (reason: string) =>
    new BowlineError(
      'root-hints-file',
      `options/root-hints-file: ${path} ${reason}; name a file like IANA's named.root, or leave the setting out`,
    )
  let hints: RootHint[]
  try {
    hints = parseRootHints(readFileSync(path, 'utf8'))
  } catch (error) {
    throw refuse(`cannot be used (${(error as Error).message})`)
  }
  if (hints.length === 0) throw refuse('names no root server with an address')
  return hints
}
