#!/usr/bin/env node
/** The command line. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 no service to speak to. */

import { Command, CommanderError } from 'commander'
import { addCacheCommands } from './commands/cache.ts'
import { addCompletionCommand } from './commands/completion.ts'
import { addConfigCommands } from './commands/config.ts'
import { addExplainClientCommand } from './commands/explain-client.ts'
import { addLiveConfigCommands } from './commands/live-config.ts'
import { addModuleCommands } from './commands/module.ts'
import { ExitCode, printJson } from './commands/outcome.ts'
import { addQueryCommand } from './commands/query.ts'
import { addRequestsCommand } from './commands/requests.ts'
import { addRunCommand } from './commands/run.ts'
import { addServersCommand } from './commands/servers.ts'
import { addServiceCommands } from './commands/service.ts'
import { addStatusCommand } from './commands/status.ts'
import { addTopCommands } from './commands/top.ts'
import { addTraceCommand } from './commands/trace.ts'
import { addTrustAnchorCommands } from './commands/trust-anchor.ts'
import { addWorkersCommands } from './commands/workers.ts'
import { packageVersion } from './version.ts'

const program = new Command('bowline')
  .description('A caching DNS resolver.')
  .version(packageVersion())
  .exitOverride()
  .showHelpAfterError('(bowline help COMMAND shows how it is used)')
  .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 no running service.')
addRunCommand(program)
addStatusCommand(program)
addServiceCommands(program)
addWorkersCommands(program)
addTraceCommand(program)
addRequestsCommand(program)
addServersCommand(program)
addQueryCommand(program)
addLiveConfigCommands(addConfigCommands(program))
addTrustAnchorCommands(program)
addTopCommands(program)
addCacheCommands(program)
addModuleCommands(program)
addExplainClientCommand(program)
addCompletionCommand(program)

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(ExitCode.DONE)
})

// Who reads JSON is told as JSON what was wrong with the command line, too.
const json = process.argv.includes('--json')
if (json) silence(program)
try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  if (json && error.exitCode !== 0)
    printJson({ error: { code: 'usage', message: error.message.replace(/^error: /, '') } })
  process.exitCode = error.exitCode === 0 ? ExitCode.DONE : ExitCode.USAGE // 0: help or version was asked for
}

/** Has `command` and those below it say nothing on standard error. */
function silence(command: Command): void {
  command.configureOutput({ writeErr: () => {} })
  for (const sub of command.commands) silence(sub)
}
