/** `bowline config migrate`: the configuration of another resolver becomes one of Bowline, and what does not is told. */

import { writeFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { BowlineError } from '../../src/config/error.ts'
import { makeConfig } from '../../src/config/load.ts'
import { reportText } from '../../src/config/migrate/finding.ts'
import { KINDS, type Kind, type Migration, migrateFile } from '../../src/config/migrate/migrate.ts'
import { ConfigError, type Mistake } from '../../src/config/mistake.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import { WireError } from '../../src/wire/error.ts'
import { checkOperatorConfig } from './operator-config.ts'
import { conclude, ExitCode, JSON_HELP, printJson } from './outcome.ts'

interface MigrateOptions {
  from?: Kind
  output?: string
  force?: boolean
  strict?: boolean
  json?: boolean
}

export function addMigrateCommand(config: Command): void {
  config
    .command('migrate')
    .description('Make a configuration of that of another resolver. What is left out is told, and ends with 1.')
    .argument('<file>', 'unbound.conf, the YAML of Knot Resolver 6, kresd.conf, or one of Bowline')
    .addOption(new Option('--from <kind>', 'what the file is for; otherwise found out').choices(KINDS))
    .option('-o, --output <file>', 'write the configuration there, and not to standard output')
    .option('--force', 'overwrite that file')
    .option('--strict', 'make nothing when something would be left out, and end with 2')
    .option('--json', `${JSON_HELP}: the configuration and the report`)
    .action((file: string, options: MigrateOptions) => conclude(options.json, () => migrate(file, options)))
}

function migrate(file: string, options: MigrateOptions): ExitCode {
  const migration = migrateFile(file, options.from)
  const left = migration.report.filter(({ outcome }) => outcome === 'left-out').length
  const mistakes = whyNotStarted(migration)
  if (options.strict && left > 0) return refuse(migration, left, options)
  if (options.output !== undefined) write(options.output, migration.yaml, options.force)
  const { config, report } = migration
  if (options.json) printJson({ config, report, mistakes })
  else {
    if (options.output === undefined) process.stdout.write(migration.yaml)
    process.stderr.write(reportText(report))
    if (mistakes.length > 0) process.stderr.write(`To be put right before it is started:\n${indented(mistakes)}`)
  }
  return left > 0 || mistakes.length > 0 ? ExitCode.FAILED : ExitCode.DONE
}

function refuse({ report }: Migration, left: number, { json }: MigrateOptions): ExitCode {
  const message = `nothing was made, for ${left} would be left out; take --strict away, or take them out`
  if (json) printJson({ error: { code: 'left-out', message }, report })
  else process.stderr.write(`${reportText(report)}${message}\n`)
  return ExitCode.USAGE
}

/** What is right by itself and yet cannot be used here, as a file that is not there; a line each. */
function whyNotStarted({ config }: Migration): string[] {
  try {
    checkOperatorConfig(makeConfig(config as ConfigInput))
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes.map(shortText)
    if (error instanceof BowlineError || error instanceof WireError) return [error.message]
    throw error
  }
}

function shortText({ path, found, remedy }: Mistake): string {
  return `${path}: found ${found}; ${remedy}`
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}\n`).join('')
}

function write(file: string, text: string, force = false): void {
  try {
    writeFileSync(file, text, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why =
      code === 'EEXIST' ? 'is there already; name another file, or add --force' : `cannot be written: ${message}`
    throw new BowlineError('output', `${file} ${why}`)
  }
}
