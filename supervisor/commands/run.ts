/** `bowline run`: the service. */

import { resolve } from 'node:path'
import type { Command } from 'commander'
import { loadOperatorConfig } from './operator-config.ts'
import { CONFIG_HELP, CONFIG_OPTION, collect, conclude } from './outcome.ts'

export function addRunCommand(program: Command): void {
  program
    .command('run')
    .description('Run the service until SIGTERM or SIGINT. With a mistake in the configuration nothing is started.')
    .option(CONFIG_OPTION, CONFIG_HELP, collect)
    .option('--json', 'print mistakes in the configuration as JSON; the log is JSON anyway')
    .action((options: { config?: string[]; json?: boolean }) =>
      conclude(options.json, async () => {
        const config = loadOperatorConfig(options.config)
        const { runSupervisor } = await import('../supervisor.ts') // only this command needs what it loads
        return runSupervisor(config, { configFiles: options.config?.map((file) => resolve(file)) ?? [] })
      }),
    )
}
