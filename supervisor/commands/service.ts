/** `bowline scale`, `restart`, `reload`, `upgrade`, `stop`, `log`: commands for the running service. */

import type { Command } from 'commander'
import { Argument, InvalidArgumentError, Option } from 'commander'
import { BowlineError } from '../../src/config/error.ts'
import { thisMachine } from '../../src/config/folders.ts'
import { loadConfig } from '../../src/config/load.ts'
import { LOG_GROUPS } from '../../src/config/log-groups.ts'
import type { Change } from '../changes.ts'
import { type Answer, askService, type Question } from '../control/client.ts'
import type { ReloadResult } from '../manager.ts'
import { CONFIG_HELP, CONFIG_OPTION, collect, conclude, ExitCode, JSON_HELP, printJson } from './outcome.ts'

export interface ServiceOptions {
  config?: string[]
  socket?: string
  json?: boolean
}

/** Options by which the service is found. */
export function findsService(command: Command): Command {
  return command
    .option('-s, --socket <path>', 'control socket of the service; else that of the configuration')
    .option(CONFIG_OPTION, CONFIG_HELP, collect)
    .option('--json', JSON_HELP)
}

export function askRunning({ socket, config }: ServiceOptions, question: Question): Promise<Answer> {
  // this command may be kept to other CPUs than the service
  const machine = { ...thisMachine(), cpus: undefined }
  return askService(socket ?? loadConfig(config ?? [], machine).management['unix-socket'], question)
}

/** Asks, and prints what `tell` makes of the answer, or with --json the answer. */
export function order<Body>(options: ServiceOptions, question: Question, tell: (body: Body) => string): Promise<void> {
  return conclude(options.json, async () => {
    const { body } = await askRunning(options, question)
    if (options.json) printJson(body)
    else process.stdout.write(tell(body as Body))
    return ExitCode.DONE
  })
}

export function addServiceCommands(program: Command): void {
  const post = (path: string, body: unknown = {}): Question => ({ method: 'POST', path, body })

  findsService(
    program
      .command('scale')
      .description('Change the number of workers. No query is lost.')
      .argument('<workers>', 'a number, +K, -K, or auto', toWorkers),
  )
    .allowUnknownOption() // -1 looks like one
    .addHelpText('after', '\nWith auto, the number follows the load, within the bounds of the configuration.')
    .action((workers: string, options: ServiceOptions) =>
      order<Scaled>(options, post('/v1/scale', { workers }), scaledText),
    )

  findsService(program.command('restart').description('Replace workers by new ones, one by one. No query is lost.'))
    .option('-w, --worker <id>', 'only this one', toNumber)
    .action((options: ServiceOptions & { worker?: number }) =>
      order(options, post('/v1/restart', { worker: options.worker }), () => 'restarted\n'),
    )

  findsService(
    program
      .command('reload')
      .description('Read the configuration files again, and follow them. With a mistake in them nothing changes.'),
  )
    .option('-f, --force', 'replace the workers even if no setting differs')
    .option('-n, --dry-run', 'only show what differs, and what it would take to follow')
    .action((options: ServiceOptions & { force?: boolean; dryRun?: boolean }) => {
      const { force, dryRun } = options
      return order<ReloadResult>(options, post('/v1/reload', { force, dryRun }), (result) =>
        reloadText(result, dryRun ?? false),
      )
    })

  findsService(
    program
      .command('upgrade')
      .description('Start a new supervisor from the program on disk, which takes over. No query is lost.'),
  ).action((options: ServiceOptions) =>
    order<{ pid: number }>(options, post('/v1/upgrade'), ({ pid }) => `process ${pid} has taken over\n`),
  )

  findsService(
    program
      .command('counters')
      .alias('metrics')
      .description('Show what all workers have counted since the service was started.'),
  ).action((options: ServiceOptions) =>
    order<{ counters: CounterValue[] }>(options, { method: 'GET', path: '/v1/counters' }, ({ counters }) =>
      counters.map(({ name, labels, value }) => `${name}${labelsText(labels)} ${value}\n`).join(''),
    ),
  )

  findsService(program.command('stop').description('Stop the service. What is in flight is finished.')).action(
    (options: ServiceOptions) => order(options, post('/v1/stop'), () => 'stopping\n'),
  )

  findsService(
    program
      .command('log')
      .description('Change what is logged, until the configuration is read again; without a level, show what is.')
      .addArgument(
        new Argument('[level]', 'the least level').choices(['crit', 'err', 'warning', 'notice', 'info', 'debug']),
      ),
  )
    .addOption(
      new Option('-g, --group <name...>', 'parts of the resolver of which everything is logged').choices(LOG_GROUPS),
    )
    .action((level: string | undefined, options: ServiceOptions & { group?: string[] }) => {
      const groups = options.group ?? []
      if (level === undefined && groups.length > 0)
        return conclude(options.json, () => {
          throw new BowlineError('usage', 'name a level with the groups, as in bowline log notice --group select')
        })
      const path = '/v1/logging'
      const question: Question =
        level === undefined ? { method: 'GET', path } : { method: 'PUT', path, body: { level, groups } }
      return order<Logging>(options, question, loggingText)
    })
}

interface Logging {
  level: string
  groups: string[]
}

function loggingText({ level, groups }: Logging): string {
  return `logging ${level}${groups.length === 0 ? '' : `, and everything of ${groups.join(', ')}`}\n`
}

export interface Scaled {
  workers: number
}

export function scaledText({ workers }: Scaled): string {
  return `${workers} worker${workers === 1 ? '' : 's'}\n`
}

interface CounterValue {
  name: string
  labels: Record<string, string>
  value: number
}

function labelsText(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

/** What was done, or would be. */
export function reloadText({ changes, rolls, needsRestart }: ReloadResult, dryRun: boolean): string {
  const lines = changes.length === 0 ? 'no setting differs\n' : changes.map(changeText).join('')
  const workers = rolls ? `all workers ${dryRun ? 'would be' : 'were'} replaced, one by one\n` : ''
  const rest =
    needsRestart.length === 0 ? '' : `not followed before the service is restarted: ${needsRestart.join(', ')}\n`
  return `${lines}${workers}${rest}`
}

/** One line for a person. */
export function changeText({ path, from, to, class: reloadClass }: Change): string {
  return `${path}: ${valueText(from)} → ${valueText(to)} (${reloadClass})\n`
}

function valueText(value: unknown): string {
  return value === undefined ? 'not set' : JSON.stringify(value)
}

function toWorkers(text: string): string {
  if (/^(auto|[+-]?\d{1,3})$/.test(text)) return text
  throw new InvalidArgumentError('Write a number, +K, -K, or auto.')
}

function toNumber(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Write the number of a worker, as `bowline status` shows it.')
}
