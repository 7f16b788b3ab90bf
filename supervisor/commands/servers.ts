/** `bowline servers`: what does the running service remember of the servers it asks? */

import type { Command } from 'commander'
import type { ServerOfAll } from '../all-servers.ts'
import { printable } from '../query-output.ts'
import { silentLines } from './requests.ts'
import { findsService, order, type ServiceOptions } from './service.ts'
import { columns, durationText } from './status.ts'
import { toLimit } from './top.ts'

interface ServersAnswer {
  zoneCut?: string
  servers: ServerOfAll[]
  silent: number[]
}

export function addServersCommand(program: Command): void {
  findsService(
    program
      .command('servers')
      .description('Show what is remembered of other servers: how fast they are, and what is wrong with them.')
      .argument(
        '[of]',
        'one address, with or without @port; or a domain name: the servers that would be asked about it',
      )
      .option('-t, --troubled', 'only those with something wrong')
      .option('-n, --limit <number>', 'how many; those heard of last come first', toLimit, 20),
  ).action((of: string | undefined, options: ServiceOptions & { limit: number; troubled?: boolean }) => {
    const query = new URLSearchParams({ limit: `${options.limit}` })
    if (of !== undefined) query.set('of', of)
    if (options.troubled) query.set('troubled', 'true')
    return order<ServersAnswer>(options, { method: 'GET', path: `/v1/servers?${query}` }, serversText)
  })
}

export function serversText({ zoneCut, servers, silent }: ServersAnswer): string {
  const isOfZone = zoneCut !== undefined
  const titles = ['rtt', 'time-outs', 'heard', 'server', ...(isOfZone ? ['name'] : []), 'findings']
  const rows = servers.map((server) => [
    server.srttMs === 0 ? '-' : `${server.srttMs} ms`,
    `${server.timeouts}`,
    server.learnedAgoMs === undefined ? '-' : `${durationText(server.learnedAgoMs)} ago`,
    server.address,
    ...(isOfZone ? [printable(server.name ?? '-')] : []),
    findingsText(server),
  ])
  const lines = rows.length === 0 ? ['none is remembered'] : columns([titles, ...rows], 3)
  const head = isOfZone ? [`zone cut ${printable(zoneCut)}`] : []
  return `${[...head, ...lines, ...silentLines(silent)].join('\n')}\n`
}

function findingsText({ deadForMs, ednsBroken, caseBroken, tcpOnly }: ServerOfAll): string {
  return [
    ...(deadForMs === undefined ? [] : [`dead for ${durationText(deadForMs)} more`]),
    ...(ednsBroken ? ['no EDNS'] : []),
    ...(caseBroken ? ['loses case'] : []),
    ...(tcpOnly ? ['TCP only'] : []),
  ].join(', ')
}
