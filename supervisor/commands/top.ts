/** `bowline top` and `bowline stats`: what happens most often in the running service. */

import type { Command } from 'commander'
import { Argument, InvalidArgumentError } from 'commander'
import { FREQUENT_TABLES, type Frequent, type FrequentTable } from '../../src/metrics/frequent.ts'
import { topText } from './frequent-text.ts'
import { conclude } from './outcome.ts'
import { findsService, order, type ServiceOptions } from './service.ts'
import { showTop } from './top-screen.ts'

const TITLES: Record<FrequentTable, string> = {
  names: 'asked for most often',
  clients: 'asking most',
  servfail: 'answered with SERVFAIL most often',
  bogus: 'failing validation most often',
}

type TopOptions = ServiceOptions & { limit?: number }

export function addTopCommands(program: Command): void {
  const limit = ['-n, --limit <number>', 'how many', toLimit] as const
  findsService(
    program
      .command('top')
      .description(
        'Show the running service at work, anew every second; or what happens most often. bogus: names whose answers fail validation; with stats/enable also names: what is asked, ' +
          'clients: who asks, servfail: what is answered with SERVFAIL.',
      )
      .addArgument(new Argument('[what]', 'the table').choices(FREQUENT_TABLES))
      .option('--once', 'without a table: one screen, of a second')
      .option(...limit),
  ).action((what: string | undefined, options: TopOptions & { once?: boolean }) => {
    if (what === undefined) return conclude(options.json, () => showTop(options))
    return order<{ entries: Frequent[] }>(
      options,
      { method: 'GET', path: withLimit(`/v1/top/${what}`, options) },
      (body) => topText(body.entries),
    )
  })

  findsService(
    program
      .command('stats')
      .description('Show what is asked most, who asks most and what fails most. Needs the setting stats/enable.')
      .option(...limit),
  ).action((options: TopOptions) =>
    order<Record<FrequentTable, Frequent[]>>(
      options,
      { method: 'GET', path: withLimit('/v1/stats', options) },
      statsText,
    ),
  )
}

export function statsText(tables: Record<FrequentTable, readonly Frequent[]>): string {
  const order: FrequentTable[] = ['names', 'clients', 'servfail', 'bogus']
  return order.map((table) => `${TITLES[table]}\n${topText(tables[table]).replace(/^/gm, '  ').trimEnd()}\n`).join('\n')
}

function withLimit(path: string, { limit }: TopOptions): string {
  return limit === undefined ? path : `${path}?limit=${limit}`
}

export function toLimit(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Write a whole number from 1 to 1000.')
}
