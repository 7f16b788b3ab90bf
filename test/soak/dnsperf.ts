/** Traffic by dnsperf, and what became of it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { NAMES, nameOf } from './internet.ts'

export interface Traffic {
  protocol: 'udp' | 'tcp'
  port: number
  /** 0: as many as are answered. */
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

/** A query is lost when there is no answer for so many seconds. */
export const LOST_AFTER_S = 3
/** Beyond, something hangs. */
const MAX_SECONDS = 3600

/** Every name of the soak's internet. */
export function writeQueries(path: string): void {
  writeFileSync(path, Array.from({ length: NAMES }, (_, i) => `${nameOf(i)} A\n`).join(''))
}

/** Traffic until stop(), which gives what became of it. What is on its way by then is neither answered nor lost. */
export class Dnsperf {
  readonly #child: ChildProcess
  readonly #outcome: Promise<Outcome>

  constructor({ protocol, port, perSecond, clients, queryFile }: Traffic) {
    const parameters = ['-s', '127.0.0.1', '-p', port, '-m', protocol, '-d', queryFile]
    parameters.push('-l', MAX_SECONDS, '-t', LOST_AFTER_S, '-c', clients)
    if (perSecond > 0) parameters.push('-Q', perSecond)
    const child = spawn('dnsperf', parameters.map(String), { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child = child
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
    })
    this.#outcome = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', () => resolve(parseOutcome(text)))
    })
  }

  stop(): Promise<Outcome> {
    this.#child.kill('SIGINT')
    return this.#outcome
  }
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
