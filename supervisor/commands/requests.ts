/** `bowline requests`: what is the running service at, and what does it wait for? */

import type { Command } from 'commander'
import type { WaitingFacts } from '../../workers/messages.ts'
import { printable } from '../query-output.ts'
import { findsService, order, type ServiceOptions } from './service.ts'
import { columns } from './status.ts'
import { toLimit } from './top.ts'

interface RequestsAnswer {
  waiting: (WaitingFacts & { worker: number })[]
  silent: number[]
}

export function addRequestsCommand(program: Command): void {
  findsService(
    program
      .command('requests')
      .description(
        'Show the questions that wait for other servers now: who asks, how long ago, and for whom they wait.',
      )
      .option('-n, --limit <number>', 'how many; the oldest come first', toLimit, 20),
  )
    .addHelpText(
      'after',
      '\nClients are told by their network (IPv4 /24, IPv6 /56). What the cache answers never waits, and is not shown.',
    )
    .action((options: ServiceOptions & { limit: number }) =>
      order<RequestsAnswer>(options, { method: 'GET', path: `/v1/requests?limit=${options.limit}` }, requestsText),
    )
}

export function requestsText({ waiting, silent }: RequestsAnswer): string {
  const titles = ['worker', 'age', 'queries', 'joined', 'client', 'question', 'waits for']
  const rows = waiting.map((facts) => [
    `${facts.worker}`,
    `${facts.ageMs} ms`,
    `${facts.queries}`,
    `${facts.joined}`,
    facts.client ?? '-',
    printable(`${facts.name} ${facts.type}${PURPOSES[facts.purpose] ?? ''}`),
    printable(waitText(facts)),
  ])
  const lines = rows.length === 0 ? ['nothing waits'] : columns([titles, ...rows], 4)
  return `${[...lines, ...silentLines(silent)].join('\n')}\n`
}

/** Workers that did not say. */
export function silentLines(silent: readonly number[]): string[] {
  return silent.map((worker) => `worker ${worker} does not answer`)
}

const PURPOSES: Record<string, string> = {
  'server-address': ', address of a server',
  proof: ', for a proof',
  priming: ', root servers',
}

function waitText({ waitsFor, server, protocol, zoneCut, background }: WaitingFacts): string {
  const ofWhom = zoneCut === undefined ? '' : ` of ${zoneCut}`
  const wait =
    waitsFor === 'reply' ? `${server} ${protocol}${ofWhom}` : waitsFor === 'others' ? 'what it depends on' : 'its turn'
  return background ? `${wait}, for the cache` : wait
}
