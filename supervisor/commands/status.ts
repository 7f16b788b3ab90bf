/** `bowline status`: the running service at a glance. */

import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Status } from '../manager.ts'
import { conclude, ExitCode, printJson } from './outcome.ts'
import { askRunning, findsService, type ServiceOptions } from './service.ts'

const WATCH_MS = 1000
/** Clears the screen and goes to its upper left corner (ECMA-48). */
export const CLEAR = '\u001b[H\u001b[2J'

export function addStatusCommand(program: Command): void {
  findsService(
    program.command('status').description('Show the running service: its workers, their load and their health.'),
  )
    .option('-w, --watch', 'again every second')
    .addHelpText('after', '\nExit code: 0 when every worker runs, 1 when one does not, 3 when there is no service.')
    .action((options: ServiceOptions & { watch?: boolean }) =>
      conclude(options.json, async () => {
        for (;;) {
          const { body } = await askRunning(options, { method: 'GET', path: '/v1/status' })
          const status = body as Status
          if (options.json) printJson(status)
          else process.stdout.write(`${options.watch && process.stdout.isTTY ? CLEAR : ''}${statusText(status)}`)
          if (!options.watch) return isWell(status) ? ExitCode.DONE : ExitCode.FAILED
          await pause(WATCH_MS)
        }
      }),
    )
}

export function isWell({ workers }: Status): boolean {
  return workers.every(({ state }) => state === 'running')
}

export function statusText(status: Status): string {
  const { version, pid, state, uptimeMs, scaling, keeper, cache, workers, leaving, unconfirmed, needsRestart } = status
  const range = scaling.mode === 'auto' ? `auto, ${scaling.min} to ${scaling.max}` : 'fixed'
  return [
    `bowline ${version}, process ${pid}, ${state}, up ${durationText(uptimeMs)}`,
    `workers: ${scaling.workers} (${range})${scaling.lastDecision === undefined ? '' : `; last change ${scaling.lastDecision}`}`,
    `keeper: process ${keeper.pid ?? '-'}, ${keeper.state}, up ${durationText(keeper.uptimeMs)}, ${keeper.restarts} restarts`,
    `cache: at most ${(cache.sizeMax / 2 ** 20).toFixed(0)} MiB${cache.auto ? ' (auto)' : ''}`,
    ...(leaving > 0 ? [`${leaving} more finish what they have`] : []),
    ...(unconfirmed ? ['a change of the configuration waits for bowline config confirm'] : []),
    ...(needsRestart.length > 0 ? [`a restart of the service is needed for ${needsRestart.join(', ')}`] : []),
    '',
    workersText(workers),
  ].join('\n')
}

/** A line for each, then how those that ended did so. */
export function workersText(workers: Status['workers']): string {
  const total = workers.reduce((sum, { queriesPerSecond }) => sum + queriesPerSecond, 0)
  const stay = workers.some(({ cpus }) => cpus !== undefined)
  const rows = workers.map((worker) => [
    `${worker.id}`,
    `${worker.pid ?? '-'}`,
    worker.state,
    durationText(worker.uptimeMs),
    `${worker.queriesPerSecond}`,
    total === 0 ? '-' : `${Math.round((100 * worker.queriesPerSecond) / total)} %`,
    `${Math.round(100 * worker.utilisation)} %`,
    `${Math.round(worker.rssOctets / 1e6)} MB`,
    `${worker.inFlight}`,
    `${worker.restarts}`,
    ...(stay ? [worker.cpus ?? '-'] : []),
  ])
  const titles = ['worker', 'pid', 'state', 'uptime', 'qps', 'share', 'busy', 'rss', 'in flight', 'restarts']
  if (stay) titles.push('cpu')
  const crashes = workers.flatMap(crashLines)
  return [...columns([titles, ...rows]), ...(crashes.length > 0 ? ['', ...crashes] : []), ''].join('\n')
}

function crashLines({ id, lastCrash, isLooping, startsInMs = 0 }: Status['workers'][number]): string[] {
  if (lastCrash === undefined) return []
  const when = new Date(lastCrash.wallMs).toISOString()
  const loop = `worker ${id} ends again and again; next start in ${Math.ceil(startsInMs / 1000)} s`
  return [`worker ${id} ended at ${when}: ${lastCrash.reason}${suspectText(lastCrash)}`, ...(isLooping ? [loop] : [])]
}

function suspectText({ questions }: NonNullable<Status['workers'][number]['lastCrash']>): string {
  const suspect = questions.find(({ unfinished }) => unfinished) ?? questions[0]
  return suspect === undefined ? '' : `, after ${suspect.question} from ${suspect.client}`
}

/** Numbers and words under each other; from column number `words` on, such as begin at the left. */
export function columns(table: readonly string[][], words = Number.POSITIVE_INFINITY): string[] {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)))
  return table.map((row) =>
    row
      .map((cell, column) => (column < words ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd(),
  )
}

/** `3d 4h`, `2m 5s`: the two largest units. */
export function durationText(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const parts: [amount: number, unit: string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ]
  const first = Math.max(0, Math.min(parts.findIndex(([amount]) => amount > 0) >>> 0, 3))
  return parts
    .slice(first, first + 2)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join(' ')
}
