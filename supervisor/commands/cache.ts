/** `bowline cache clear`, `cache get`, `cache stats`: the cache of the running service. */

import type { Command } from 'commander'
import type { CacheContents, CacheFacts, Cleared } from '../../workers/messages.ts'
import { findsService, order, type ServiceOptions } from './service.ts'

interface GetOptions extends ServiceOptions {
  partition?: number
}

interface ClearOptions extends GetOptions {
  exactName?: boolean
  rrType?: string
  negative?: boolean
  bogus?: boolean
}

const PARTITION = '--partition <number>'
const PARTITION_HELP = 'only of this partition (views[]/options/cache-partition; explain-client tells it)'

export function addCacheCommands(program: Command): void {
  const cache = program.command('cache').description('Clear the cache of the running service, or look into it.')

  findsService(
    cache
      .command('clear')
      .description('Remove a name and all below it from the cache; without a name, everything.')
      .argument('[name]', 'the name', '.'),
  )
    .option('--exact-name', 'only the very name')
    .option('--rr-type <type>', 'only this record type')
    .option('--negative', 'only what denies that something exists')
    .option('--bogus', 'only what failed validation')
    .option(PARTITION, PARTITION_HELP, Number)
    .addHelpText('after', '\nWhen the command returns, no worker gives an answer made of what was cleared any more.')
    .action((name: string, options: ClearOptions) => {
      const { exactName, rrType, negative, bogus, partition } = options
      const body = { name, 'exact-name': exactName, 'rr-type': rrType, negative, bogus, partition }
      return order<Cleared>(options, { method: 'POST', path: '/v1/cache/clear', body }, clearedText)
    })

  findsService(
    cache
      .command('get')
      .description('Show what the cache holds for a name, also what has outlived its TTL.')
      .argument('<name>', 'the name')
      .option(PARTITION, PARTITION_HELP, Number),
  ).action((name: string, options: GetOptions) => {
    const only = options.partition === undefined ? '' : `&partition=${options.partition}`
    const path = `/v1/cache/entries?name=${encodeURIComponent(name)}${only}`
    return order<CacheContents>(options, { method: 'GET', path }, contentsText)
  })

  findsService(cache.command('stats').description('Show the size of the cache, and what was done to keep it.')).action(
    (options: ServiceOptions) => order<CacheFacts>(options, { method: 'GET', path: '/v1/cache/stats' }, factsText),
  )
}

function clearedText({ count, complete }: Cleared): string {
  const entries = `${count} ${count === 1 ? 'entry' : 'entries'} removed`
  return complete ? `${entries}\n` : `${entries}; not all could be: try again, and see the log\n`
}

export function contentsText({ entries }: CacheContents): string {
  if (entries.length === 0) return 'nothing\n'
  return entries
    .map(({ kind, type, security, rank, ttl, age, records, partition }) => {
      const facts = [
        kind,
        type,
        security,
        rank,
        ttl > 0 ? `${ttl} s left` : `over for ${-ttl} s`,
        `${age} s old`,
        partition === 0 ? undefined : `partition ${partition}`,
      ]
      return [`; ${facts.filter((fact) => fact).join(', ')}`, ...records, ''].join('\n')
    })
    .join('')
}

/** A zone that is taken into the cache as a whole. */
interface Prefilled {
  origin: string
  state: string
  last?: { serial: number; records: number }
  filledMs?: number
  reason?: string
}

function prefillText({ origin, state, last, filledMs = 0, reason }: Prefilled): string {
  const filled = last && `serial ${last.serial}, ${last.records} records, at ${new Date(filledMs).toISOString()}`
  return `prefill   ${[`${origin} ${state}`, filled, reason].filter((part) => part !== undefined).join('; ')}`
}

export function factsText(facts: CacheFacts & { prefill?: Prefilled[] }): string {
  const { entries, usedBytes, fileBytes, sizeMax, evictedExpired, evictedLive, commits, failedCommits, workers } = facts
  const mib = (octets: number) => `${(octets / 2 ** 20).toFixed(1)} MiB`
  return [
    `entries   ${entries}`,
    `in use    ${mib(usedBytes)} of ${mib(sizeMax)} (${Math.round((100 * usedBytes) / sizeMax)} %), file ${mib(fileBytes)}`,
    `evicted   ${evictedLive} live, ${evictedExpired} expired; ${facts.evictions} steps, ${facts.longEvictions} longer than 1 ms`,
    `commits   ${commits}, ${failedCommits} failed${facts.refusedCommits > 0 ? `, ${facts.refusedCommits} of them as a reader held old pages` : ''}`,
    `workers   ${workers}`,
    ...(facts.prefill ?? []).map(prefillText),
    '',
  ].join('\n')
}
