/** Everything an operator does, to a real service under load: what is done, in which order, and what the clients saw. */

import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { askService } from '../../supervisor/control/client.ts'
import type { Status } from '../../supervisor/manager.ts'
import { Service } from '../supervisor/service.ts'
import { freePort } from '../workers/sockets.ts'
import { Dnsperf, type Outcome, writeQueries } from './dnsperf.ts'

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
/** A query is lost when there is no answer for five seconds (dnsperf's default). */
const AFTER_END_MS = 5500

export async function operateUnderLoad({ udp, tcp, steps, say = () => {} }: Plan): Promise<Seen> {
  const port = await freePort()
  const service = new Service({ port, workers: 1, real: true, withFile: true })
  const traffic: Dnsperf[] = []
  try {
    await service.says('started')
    const queryFile = join(service.rundir, 'queries')
    writeQueries(queryFile)
    traffic.push(new Dnsperf({ protocol: 'udp', port, perSecond: udp, clients: 32, queryFile }))
    traffic.push(new Dnsperf({ protocol: 'tcp', port, perSecond: tcp, clients: 10, queryFile }))
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
    await pause(AFTER_END_MS)
    const [udpOutcome, tcpOutcome] = await Promise.all(traffic.splice(0).map((running) => running.stop()))
    await post(service, '/v1/stop')
    const errors = service.lines
      .filter(
        ({ level, event }) => ['crit', 'err'].includes(level) && !['child-ended', 'last-questions'].includes(event),
      )
      .map(({ msg }) => msg)
    return { udp: udpOutcome, tcp: tcpOutcome, slowestMs, errors }
  } finally {
    for (const running of traffic) void running.stop()
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
