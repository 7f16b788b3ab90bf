#!/usr/bin/env node
/** The command line: `bowline run`, `query`, `config`. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration. */

import { existsSync, readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { addConfigCommands } from './commands/config.ts'
import { ExitCode } from './commands/outcome.ts'
import { addQueryCommand } from './commands/query.ts'
import { addRunCommand } from './commands/run.ts'

const program = new Command('bowline')
  .description('A caching DNS resolver.')
  .version(packageVersion())
  .exitOverride()
  .showHelpAfterError('(bowline help COMMAND shows how it is used)')
  .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage or configuration.')
addRunCommand(program)
addQueryCommand(program)
addConfigCommands(program)

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(ExitCode.DONE)
})

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? ExitCode.DONE : ExitCode.USAGE // 0: help or version was asked for
}

/** From package.json, which is one folder up from the sources and two from dist/supervisor. */
function packageVersion(): string {
  const candidates = ['../package.json', '../../package.json'].map((path) => new URL(path, import.meta.url))
  const file = candidates.find((candidate) => existsSync(candidate))
  if (file === undefined) throw new Error('package.json is missing: the installation is damaged')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
