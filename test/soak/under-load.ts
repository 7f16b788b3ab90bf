/** Everything an operator does, to a real service under load: what is done, in which order, and what the clients saw. */

import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { askService } from '../../supervisor/control/client.ts'
import type { Status } from '../../supervisor/manager.ts'
import { Service } from '../supervisor/service.ts'
import { freePort } from '../workers/sockets.ts'
import { type Outcome, runDnsperf, writeQueries } from './dnsperf.ts'

export interface Plan {
  /** Queries per second. */
  udp: number
  tcp: number
  /** What is done meanwhile, a second between two. */
  steps: readonly Step[]
  say?(line: string): void
}

export type Step =
  | { kind: 'scale'; workers: number }
  | { kind: 'restart' }
  | { kind: 'reload' }
  | { kind: 'upgrade' }
  | { kind: 'kill' }

export interface Seen {
  udp: Outcome
  tcp: Outcome
  /** Longest time that a step took. */
  slowestMs: number
  /** Events of the levels crit and err, but for those that a kill brings. */
  errors: string[]
}

const AFTER_START_MS = 1500
const BETWEEN_MS = 1000
/** What a step may take on a busy machine, for the length of the traffic; it ends later than the steps. */
const STEP_SECONDS = 4

export async function operateUnderLoad({ udp, tcp, steps, say = () => {} }: Plan): Promise<Seen> {
  const port = await freePort()
  const service = new Service({ port, workers: 1, real: true, withFile: true })
  try {
    await service.says('started')
    const queryFile = join(service.rundir, 'queries')
    writeQueries(queryFile)
    const seconds = 4 + STEP_SECONDS * steps.length
    const traffic = Promise.all([
      runDnsperf({ protocol: 'udp', port, seconds, perSecond: udp, clients: 32, queryFile }),
      runDnsperf({ protocol: 'tcp', port, seconds, perSecond: tcp, clients: 10, queryFile }),
    ])
    await pause(AFTER_START_MS)
    let slowestMs = 0
    for (const [index, step] of steps.entries()) {
      const startMs = performance.now()
      await take(service, step)
      const tookMs = performance.now() - startMs
      slowestMs = Math.max(slowestMs, tookMs)
      say(`${index + 1} of ${steps.length}: ${step.kind} took ${Math.round(tookMs)} ms`)
      await pause(BETWEEN_MS)
    }
    const [udpOutcome, tcpOutcome] = await traffic
    await post(service, '/v1/stop')
    const errors = service.lines
      .filter(
        ({ level, event }) => ['crit', 'err'].includes(level) && !['child-ended', 'last-questions'].includes(event),
      )
      .map(({ msg }) => msg)
    return { udp: udpOutcome, tcp: tcpOutcome, slowestMs, errors }
  } finally {
    await service.clean()
  }
}

async function take(service: Service, step: Step): Promise<void> {
  switch (step.kind) {
    case 'scale':
      await post(service, '/v1/scale', { workers: step.workers })
      return
    case 'reload':
      await post(service, '/v1/reload', { force: true })
      return
    case 'kill': {
      const { body } = await askService(service.socket, { method: 'GET', path: '/v1/status' })
      const [{ pid }] = (body as Status).workers
      if (pid !== undefined) process.kill(pid, 'SIGKILL')
      return
    }
    default:
      await post(service, `/v1/${step.kind}`)
  }
}

function post(service: Service, path: string, body: unknown = {}) {
  return askService(service.socket, { method: 'POST', path, body })
}
