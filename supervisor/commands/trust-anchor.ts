/** `bowline trust-anchor inspect`: which keys are trusted, and which may soon be or no longer are. */

import type { Command } from 'commander'
import { type ManagedFile, managedFiles, trustAnchorsFrom } from '../../src/anchor-files.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import { parseDs } from '../../src/dnssec/ds.ts'
import { parseDnsKey } from '../../src/dnssec/keys.ts'
import { systemClock } from '../../src/io/clock.ts'
import { nameToText } from '../../src/wire/name.ts'
import { CONFIG_HELP, CONFIG_OPTION, collect, conclude, ExitCode, JSON_HELP, printJson } from './outcome.ts'

export interface AnchorRow {
  zone: string
  kind: 'DS' | 'DNSKEY'
  keyTag: number | undefined
  algorithm: number | undefined
  /** `given`: by the configuration, or built in; others as in RFC 5011 §4.2, `valid` for DS records without a key yet. */
  state: string
  since?: string
  until?: string
  file?: string
}

export function addTrustAnchorCommands(program: Command): void {
  const anchors = program.command('trust-anchor').description('The keys that validation begins with.')
  anchors
    .command('inspect')
    .description('Show the trust anchors, and what RFC 5011 makes of the keys of their zones.')
    .option(CONFIG_OPTION, CONFIG_HELP, collect)
    .option('--json', JSON_HELP)
    .action((options: { config?: string[]; json?: boolean }) =>
      conclude(options.json, () => {
        const config = loadConfig(options.config ?? [])
        const files = managedFiles(config, systemClock.wallMs())
        const rows = anchorRows(config, files)
        if (options.json) printJson({ anchors: rows, files: files.map(fileFacts) })
        else process.stdout.write(anchorsText(rows, files))
        return ExitCode.DONE
      }),
    )
}

/** Managed anchors with their states, then those that stay as they are. */
export function anchorRows(config: Config, files: readonly ManagedFile[]): AnchorRow[] {
  const managed = files.flatMap((found) => (found.state === 'read' ? rowsOf(found) : []))
  const seen = new Set(managed.map(keyOf))
  const fixed = trustAnchorsFrom(config).flatMap(({ zone, ds, keys }): AnchorRow[] => [
    ...ds.map((rdata) => ({ ...dsRow(nameToText(zone), rdata), state: 'given' })),
    ...keys.map((rdata) => ({ ...keyRow(nameToText(zone), rdata), state: 'given' })),
  ])
  return [...managed, ...fixed.filter((row) => !seen.has(keyOf(row)))]
}

function rowsOf({ file, zone: { zone, ds, keys } }: ManagedFile & { state: 'read' }): AnchorRow[] {
  const owner = nameToText(zone)
  return [
    ...ds.map((rdata) => ({ ...dsRow(owner, rdata), state: 'valid', file })),
    ...keys.map(({ rdata, state, sinceMs, untilMs }) => ({
      ...keyRow(owner, rdata),
      state,
      since: new Date(sinceMs).toISOString(),
      ...(untilMs !== undefined && { until: new Date(untilMs).toISOString() }),
      file,
    })),
  ]
}

function dsRow(zone: string, rdata: Uint8Array) {
  const ds = parseDs(rdata)
  return { zone, kind: 'DS' as const, keyTag: ds?.keyTag, algorithm: ds?.algorithm }
}

function keyRow(zone: string, rdata: Uint8Array) {
  const key = parseDnsKey(rdata)
  return { zone, kind: 'DNSKEY' as const, keyTag: key?.tag, algorithm: key?.algorithm }
}

function keyOf({ zone, kind, keyTag, algorithm }: AnchorRow): string {
  return `${zone} ${kind} ${keyTag} ${algorithm}`
}

function fileFacts(found: ManagedFile) {
  return { file: found.file, state: found.state, ...(found.state === 'read' ? {} : { reason: found.reason }) }
}

export function anchorsText(rows: readonly AnchorRow[], files: readonly ManagedFile[]): string {
  const lines = rows.map(({ zone, kind, keyTag, algorithm, state, since, until, file }) => {
    const time = since === undefined ? '' : ` since ${since}${until === undefined ? '' : `, trusted from ${until} on`}`
    return `${zone} ${kind} ${keyTag}, algorithm ${algorithm}: ${state}${time}${file === undefined ? '' : ` (${file})`}`
  })
  const troubles = files.flatMap((found) =>
    found.state === 'read' ? [] : [`${found.file}: ${found.state === 'missing' ? 'not made yet' : found.reason}`],
  )
  return `${[...lines, ...troubles].join('\n')}\n`
}
