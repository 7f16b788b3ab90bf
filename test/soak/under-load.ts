/** Everything an operator does, to a real service under load: what is done, in which order, and what the clients saw. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { askService } from '../../supervisor/control/client.ts'
import type { Status } from '../../supervisor/manager.ts'
import { quantile } from '../bench/numbers.ts'
import { Service } from '../supervisor/service.ts'
import { eventually, freePort } from '../workers/sockets.ts'
import { Dnsperf, LOST_AFTER_S, type Outcome, writeQueries } from './dnsperf.ts'
import { SoakInternet } from './internet.ts'
import { type Probed, Prober } from './prober.ts'

export interface Plan {
  /** Queries per second by dnsperf; 0: as many as are answered. */
  udp: number
  tcp: number
  /** What is done meanwhile. */
  steps: readonly Step[]
  /** Between two of them, milliseconds. */
  betweenMs?: number
  /** The program as users have it, instead of its sources. */
  built?: boolean
  say?(line: string): void
}

export type Step =
  | { kind: 'scale'; workers: number }
  | { kind: 'restart' }
  | { kind: 'reload' }
  | { kind: 'upgrade' }
  | { kind: 'kill' }
  /** Nothing happens for so long: what all else is compared with. */
  | { kind: 'steady'; ms: number }

export interface Seen {
  seconds: number
  udp: Outcome
  tcp: Outcome
  /** By a client that reads what it gets. */
  probed: Probed
  /** Milliseconds of every hundredth answer, the slowest, while nothing happened and while something did. */
  p99: { steadyMs: number; rollMs: number }
  /** Longest time that a step took. */
  slowestMs: number
  /** Longest time from the end of a worker until the next of its place answered. */
  longestGapMs: number
  /** Share of one CPU's time that supervisors took, while nothing happened and over all. */
  supervisorCpu: { steady: number; all: number }
  /** Events of the levels crit and err, but for those that a kill brings. */
  errors: string[]
}

const AFTER_START_MS = 500
/** Workers that leave have left by then, and the spare is made. */
const SETTLE_MS = 2000
const PROBES_PER_SECOND = 400
const CONNECTIONS_PER_SECOND = 25
const BACK_MS = 10_000
/** Of /proc/PID/stat: USER_HZ. */
const TICK_MS = 10

export async function operateUnderLoad(plan: Plan): Promise<Seen> {
  const { udp, tcp, steps, betweenMs = 300, built, say = () => {} } = plan
  const folder = mkdtempSync(join(tmpdir(), 'bowline-soak-'))
  const internet = await SoakInternet.open(await freePort())
  const port = await freePort()
  const settings = { ...internet.settings(folder), logging: { level: 'info' as const } }
  const service = new Service({ port, workers: 1, real: true, withFile: true, built, settings })
  const prober = new Prober(port)
  const traffic: Dnsperf[] = []
  const cpu = new SupervisorCpu()
  try {
    await service.says('started')
    await prober.askAll() // from now on it is in the cache
    const startMs = performance.now()
    const queryFile = join(folder, 'queries')
    writeQueries(queryFile)
    traffic.push(new Dnsperf({ protocol: 'udp', port, perSecond: udp, clients: 32, queryFile }))
    traffic.push(new Dnsperf({ protocol: 'tcp', port, perSecond: tcp, clients: 10, queryFile }))
    prober.start(PROBES_PER_SECOND, CONNECTIONS_PER_SECOND)
    await pause(AFTER_START_MS)
    let slowestMs = 0
    let longestGapMs = 0
    for (const [index, step] of steps.entries()) {
      if (step.kind === 'steady') await pause(SETTLE_MS)
      const { pid } = await statusOf(service)
      const before = cpu.look(pid)
      const stepMs = performance.now()
      prober.phase = step.kind
      const gapMs = await take(service, step)
      const tookMs = performance.now() - stepMs
      if (step.kind === 'steady') cpu.count(before, pid, tookMs)
      else slowestMs = Math.max(slowestMs, tookMs)
      longestGapMs = Math.max(longestGapMs, gapMs)
      say(`${index + 1} of ${steps.length}: ${step.kind} took ${Math.round(tookMs)} ms`)
      if (step.kind !== 'steady') await pause(betweenMs)
    }
    cpu.look((await statusOf(service)).pid)
    prober.phase = 'end'
    await pause(1000 * LOST_AFTER_S + 200)
    const seconds = (performance.now() - startMs) / 1000
    const [udpOutcome, tcpOutcome] = await Promise.all(traffic.splice(0).map((running) => running.stop()))
    await prober.stop()
    await prober.askAll()
    await post(service, '/v1/stop')
    return {
      seconds,
      udp: udpOutcome,
      tcp: tcpOutcome,
      probed: prober.probed,
      p99: {
        steadyMs: quantile(
          prober.latencies((phase) => phase === 'steady'),
          0.99,
        ),
        rollMs: quantile(prober.latencies(isRoll), 0.99),
      },
      slowestMs,
      longestGapMs,
      supervisorCpu: { steady: cpu.steady, all: cpu.totalMs / (1000 * seconds) },
      errors: service.lines
        .filter(
          ({ level, event }) =>
            ['crit', 'err'].includes(level) && !['child-ended', 'last-questions', 'crash-loop'].includes(event),
        )
        .map(({ msg }) => msg),
    }
  } finally {
    for (const running of traffic) void running.stop()
    await prober.stop()
    await service.clean()
    await internet.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** How many queries, of which none may be lost, were; answers that were wrong count, too. */
export function lossesOf({ udp, tcp, probed }: Seen): number {
  return udp.lost + tcp.lost + notNoError(udp) + notNoError(tcp) + probed.lost + probed.failed + probed.wrong
}

export function notNoError({ rcodes }: Outcome): number {
  return Object.entries(rcodes).reduce((sum, [rcode, count]) => sum + (rcode === 'NOERROR' ? 0 : count), 0)
}

function isRoll(phase: string): boolean {
  return ['reload', 'restart', 'upgrade', 'scale'].includes(phase)
}

/** Gives how long a worker's place was empty. */
async function take(service: Service, step: Step): Promise<number> {
  switch (step.kind) {
    case 'steady':
      await pause(step.ms)
      return 0
    case 'scale':
      await post(service, '/v1/scale', { workers: step.workers })
      return 0
    case 'reload':
      await post(service, '/v1/reload', { force: true })
      return 0
    case 'kill':
      return kill(service)
    default:
      await post(service, `/v1/${step.kind}`)
      return 0
  }
}

/** Another one each time. */
async function kill(service: Service): Promise<number> {
  const { workers } = await statusOf(service)
  const running = workers.filter(({ state }) => state === 'running')
  const victim = running.reduce((one, other) => (other.uptimeMs > one.uptimeMs ? other : one))
  const startMs = performance.now()
  const before = service.lines.length
  process.kill(victim.pid!, 'SIGKILL')
  const isBack = () =>
    service.lines.slice(before).some(({ event, child }) => event === 'child-ready' && child === `worker ${victim.id}`)
  await eventually(isBack, `the return of worker ${victim.id}`, BACK_MS)
  return performance.now() - startMs
}

async function statusOf(service: Service): Promise<Status> {
  return (await askService(service.socket, { method: 'GET', path: '/v1/status' })).body as Status
}

function post(service: Service, path: string, body: unknown = {}) {
  return askService(service.socket, { method: 'POST', path, body })
}

/** What supervisors cost: several processes, one after the other. */
class SupervisorCpu {
  readonly #last = new Map<number, number>()
  #steadyMs = 0
  #steadyCpuMs = 0

  /** CPU time of the process so far, in milliseconds; noted for the sum. */
  look(pid: number): number {
    const ms = cpuMsOf(pid)
    this.#last.set(pid, ms)
    return ms
  }

  count(before: number, pid: number, tookMs: number): void {
    this.#steadyCpuMs += this.look(pid) - before
    this.#steadyMs += tookMs
  }

  get steady(): number {
    return this.#steadyMs === 0 ? Number.NaN : this.#steadyCpuMs / this.#steadyMs
  }

  get totalMs(): number {
    return [...this.#last.values()].reduce((sum, ms) => sum + ms, 0)
  }
}

/** proc_pid_stat(5): utime and stime. */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ')
  return TICK_MS * (Number(fields[11]) + Number(fields[12]))
}
