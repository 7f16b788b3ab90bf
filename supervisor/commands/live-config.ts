/** `bowline config get`, `set`, `delete`, `confirm`: the configuration of the running service. */

import { type Command, InvalidArgumentError } from 'commander'
import { parse as parseYaml } from 'yaml'
import type { Change } from '../changes.ts'
import type { Method } from '../control/routes.ts'
import { conclude, ExitCode, printJson } from './outcome.ts'
import { askRunning, changeText, findsService, order, type ServiceOptions } from './service.ts'

interface EditOptions extends ServiceOptions {
  dryRun?: boolean
  rollbackAfter?: string
  ifMatch?: string
}

export function addLiveConfigCommands(config: Command): void {
  findsService(
    config
      .command('get')
      .description('Show a setting of the running service, or all of them.')
      .argument('[setting]', 'as in cache/size-max', toPath, ''),
  )
    .option('--written', 'only what was written, without the defaults')
    .option('--etag', 'with the tag of the configuration, for --if-match')
    .action((path: string, options: ServiceOptions & { written?: boolean; etag?: boolean }) =>
      conclude(true, async () => {
        const only = options.written ? '?written=true' : ''
        const { body, etag } = await askRunning(options, { method: 'GET', path: `/v1/config${path}${only}` })
        printJson(options.etag ? { etag, value: body } : body)
        return ExitCode.DONE
      }),
    )

  edits(
    config
      .command('set')
      .description('Change a setting of the running service, until its files are read again.')
      .argument('<setting>', 'as in cache/size-max', toPath)
      .argument('<value>', 'as in a configuration file', toValue),
  ).action((path: string, value: unknown, options: EditOptions) => edit('PUT', path, options, value))

  edits(
    config
      .command('delete')
      .description('Take a setting of the running service back to its default.')
      .argument('<setting>', 'as in cache/size-max', toPath),
  ).action((path: string, options: EditOptions) => edit('DELETE', path, options))

  findsService(config.command('confirm').description('Keep a change that was made with --rollback-after.')).action(
    (options: ServiceOptions) => order(options, { method: 'POST', path: '/v1/confirm', body: {} }, () => 'confirmed\n'),
  )
}

function edits(command: Command): Command {
  return findsService(command)
    .option('-n, --dry-run', 'only show what would change')
    .option('--rollback-after <seconds>', 'go back unless bowline config confirm comes within so long, as in 60s')
    .option('--if-match <etag>', 'only if the configuration is still the one of this tag')
}

function edit(method: Method, path: string, options: EditOptions, body?: unknown): Promise<void> {
  const query = new URLSearchParams()
  if (options.dryRun) query.set('dry-run', 'true')
  if (options.rollbackAfter !== undefined) query.set('rollback-after', options.rollbackAfter)
  const question = { method, path: `/v1/config${path}?${query}`, body, ifMatch: options.ifMatch }
  return order<{ changes: Change[] }>(options, question, ({ changes }) =>
    changes.length === 0 ? 'no setting differs\n' : changes.map(changeText).join(''),
  )
}

/** `cache/size-max`, with or without a slash before it, as the end of a URL. */
function toPath(text: string): string {
  const names = text.split('/').filter((name) => name !== '')
  return names.map((name) => `/${encodeURIComponent(name)}`).join('')
}

function toValue(text: string): unknown {
  try {
    return parseYaml(text)
  } catch (error) {
    throw new InvalidArgumentError(`It is no YAML: ${(error as Error).message}.`)
  }
}
