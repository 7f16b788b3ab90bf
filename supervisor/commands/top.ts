/** `bowline top`: what happens most often in the running service. */

import type { Command } from 'commander'
import { Argument } from 'commander'
import type { Frequent } from '../../src/metrics/frequent.ts'
import { findsService, order, type ServiceOptions } from './service.ts'

export function addTopCommand(program: Command): void {
  findsService(
    program
      .command('top')
      .description('Show what happens most often. bogus: names whose answers fail validation.')
      .addArgument(new Argument('<what>', 'the table').choices(['bogus'])),
  ).action((what: string, options: ServiceOptions) =>
    order<{ entries: Frequent[] }>(options, { method: 'GET', path: `/v1/top/${what}` }, ({ entries }) =>
      topText(entries),
    ),
  )
}

/** A count may be too high by as much as stands behind it. */
export function topText(entries: readonly Frequent[]): string {
  if (entries.length === 0) return 'nothing\n'
  const width = Math.max(...entries.map(({ count }) => String(count).length))
  return entries
    .map(
      ({ key, count, error }) =>
        `${String(count).padStart(width)}  ${key}${error > 0 ? `  (up to ${error} less)` : ''}\n`,
    )
    .join('')
}
