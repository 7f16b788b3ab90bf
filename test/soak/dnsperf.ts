/** Traffic by dnsperf, and what became of it. */

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'

export interface Traffic {
  protocol: 'udp' | 'tcp'
  port: number
  seconds: number
  perSecond: number
  /** Sockets, or connections. */
  clients: number
  queryFile: string
}

export interface Outcome {
  sent: number
  lost: number
  /** By rcode. */
  rcodes: Record<string, number>
  reconnections: number
}

/** Names that every resolver answers by itself (RFC 6761 §6.3), so that nothing but the service is tested. */
export function writeQueries(path: string, count = 500): void {
  writeFileSync(path, Array.from({ length: count }, (_, i) => `h${i}.localhost A\n`).join(''))
}

/** Resolves when all queries are answered or given up for lost, five seconds after they were sent. */
export function runDnsperf({ protocol, port, seconds, perSecond, clients, queryFile }: Traffic): Promise<Outcome> {
  const parameters = [
    '-s',
    '127.0.0.1',
    '-p',
    port,
    '-m',
    protocol,
    '-d',
    queryFile,
    '-l',
    seconds,
    '-Q',
    perSecond,
    '-c',
    clients,
  ]
  return new Promise((resolve, reject) => {
    const child = spawn('dnsperf', parameters.map(String), { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
    })
    child.once('error', reject)
    child.once('close', () => resolve(parseOutcome(text)))
  })
}

function parseOutcome(text: string): Outcome {
  const number = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1] ?? 0)
  const codes = /Response codes:\s+(.*)/.exec(text)?.[1] ?? ''
  const rcodes = [...codes.matchAll(/([A-Z]+) (\d+)/g)].map(([, name, count]) => [name, Number(count)])
  if (!text.includes('Queries sent')) throw new Error(`dnsperf said nothing of use: ${text}`)
  return {
    sent: number('Queries sent'),
    lost: number('Queries lost'),
    rcodes: Object.fromEntries(rcodes),
    reconnections: number('Reconnections'),
  }
}
