/** `bowline workers list`, `add`, `remove`, `restart`: the workers of the running service, one by one. */

import { type Command, InvalidArgumentError } from 'commander'
import type { WorkerFacts } from '../fleet.ts'
import type { Status } from '../manager.ts'
import { conclude, ExitCode, printJson } from './outcome.ts'
import { askRunning, findsService, order, type Scaled, type ServiceOptions, scaledText } from './service.ts'
import { workersText } from './status.ts'

export function addWorkersCommands(program: Command): void {
  const workers = program.command('workers').description('Show the workers of the running service, or change them.')

  findsService(
    workers
      .command('list')
      .description('Show each worker: its process, its state, its load, and its share of the queries.'),
  ).action((options: ServiceOptions) =>
    conclude(options.json, async () => {
      const { body } = await askRunning(options, { method: 'GET', path: '/v1/status' })
      const facts = (body as Status).workers
      if (options.json) printJson({ workers: withShares(facts) })
      else process.stdout.write(workersText(facts))
      return ExitCode.DONE
    }),
  )

  findsService(
    workers
      .command('add')
      .description('Add workers. They take queries when the command returns.')
      .argument('[count]', 'how many', toCount, 1),
  ).action((count: number, options: ServiceOptions) => scale(options, `+${count}`))

  findsService(
    workers
      .command('remove')
      .alias('drain')
      .description('Have a worker finish what it has and leave. No query is lost.')
      .argument('[id]', 'which one, as `bowline workers list` shows it; else the last', toCount),
  ).action((id: number | undefined, options: ServiceOptions) => {
    if (id === undefined) return scale(options, '-1')
    const question = { method: 'POST', path: '/v1/remove', body: { worker: id } } as const
    return order<Scaled>(options, question, scaledText)
  })

  findsService(
    workers
      .command('restart')
      .description('Replace a worker, or one after the other all of them, by new processes. No query is lost.')
      .argument('[id]', 'which one', toCount),
  ).action((worker: number | undefined, options: ServiceOptions) =>
    order(options, { method: 'POST', path: '/v1/restart', body: { worker } }, () => 'restarted\n'),
  )
}

function scale(options: ServiceOptions, to: string): Promise<void> {
  const question = { method: 'POST', path: '/v1/scale', body: { workers: to } } as const
  return order<Scaled>(options, question, scaledText)
}

function withShares(workers: readonly WorkerFacts[]) {
  const total = workers.reduce((sum, { queriesPerSecond }) => sum + queriesPerSecond, 0)
  return workers.map((worker) => ({ ...worker, share: total === 0 ? 0 : worker.queriesPerSecond / total }))
}

function toCount(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Write a number from 1 on.')
}
