/** `bowline config …`: what a configuration file says and may say. */

import type { Command } from 'commander'
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { configurationManual } from '../../src/config/manual.ts'
import { addMigrateCommand } from './migrate.ts'
import { loadOperatorConfig } from './operator-config.ts'
import { CONFIG_HELP, CONFIG_OPTION, collect, conclude, ExitCode, JSON_HELP, printJson } from './outcome.ts'

/** Gives the command `config`, for those who add to it. */
export function addConfigCommands(program: Command): Command {
  const config = program.command('config').description('Check configuration files and show what may stand in them.')

  config
    .command('validate')
    .description('Show every mistake in configuration files. With --json, the configuration as it would be used.')
    .option(CONFIG_OPTION, CONFIG_HELP, collect)
    .option('--json', JSON_HELP)
    .action((options: { config?: string[]; json?: boolean }) =>
      conclude(options.json, () => {
        const loaded = loadOperatorConfig(options.config)
        if (options.json) printJson({ config: loaded })
        else process.stdout.write(`${describeFiles(options.config ?? [])} in order\n`)
        return ExitCode.DONE
      }),
    )

  addMigrateCommand(config)
  config
    .command('schema')
    .description('Print the JSON Schema of configuration files.')
    .option('--json', JSON_HELP)
    .action(() =>
      conclude(true, () => {
        printJson(configJsonSchema())
        return ExitCode.DONE
      }),
    )

  config
    .command('manual')
    .description('Print the manual of all settings, in Markdown.')
    .option('--json', 'print it as a JSON string')
    .action((options: { json?: boolean }) =>
      conclude(options.json, () => {
        if (options.json) printJson({ manual: configurationManual() })
        else process.stdout.write(configurationManual())
        return ExitCode.DONE
      }),
    )
  return config
}

function describeFiles(files: readonly string[]): string {
  if (files.length === 0) return 'no file given: the defaults are'
  return `${files.join(', ')}: the configuration is`
}
