/** One workload against all targets: started together, warmed, then measured in turn, round by round. */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Latencies, type LoadResult, readLatencies, runLoad } from './dnsperf.ts'
import type { Internet } from './internet.ts'
import { type ProcessUsage, pause } from './processes.ts'
import { type RunningTarget, startTarget, type Target } from './targets.ts'
import type { Plan, Questions, Workload } from './workloads.ts'

export interface RoleCost {
  role: string
  userUs: number
  systemUs: number
}

export interface Round {
  load: LoadResult
  /** CPU time of all processes of the target, per completed query. */
  cpuUs: number
  roles: RoleCost[]
  /** Share of its core the target was running: below 1, something else was the bottleneck. */
  busy: number
  /** Queries that reached the authoritative servers, per completed query. */
  upstream: number | undefined
  /** Of the run at a fixed rate. */
  latency: Latencies | undefined
}

export interface TargetResult {
  target: Target
  rounds: Round[]
  /** At the end. */
  processes: ProcessUsage[]
  /** What makes the numbers worthless, if anything. */
  faults: string[]
}

export interface WorkloadResult {
  workload: Workload
  targets: TargetResult[]
}

export interface MeasureOptions {
  folder: string
  internet: Internet
  plan: Plan
  targets: Target[]
  env?: NodeJS.ProcessEnv
  signal: AbortSignal
  progress(text: string): void
}

/** The longest a cache may take to be warmed, in seconds. */
const WARM_S = 30
/** Every run comes from other ports, which are spread over the workers anew: so many for each worker leave 1 of 60 names
 *  that one of four has not met. */
const PASSES_PER_WORKER = 5
const WARM_LOAD_S = 1
/** A run that goes by count may take so many times the seconds it was meant to. */
const PATIENCE = 3
/** After a run, for what the target still has to do about it (batches to the keeper, for one). */
const SETTLE_MS = 100

export async function measureWorkload(workload: Workload, options: MeasureOptions): Promise<WorkloadResult> {
  const { folder, internet, plan, targets, env, signal, progress } = options
  progress('writing questions, starting targets')
  const questions = await workload.prepare(folder, plan)
  const anchor = workload.signed ? internet.anchor : undefined
  const results = targets.map((target): TargetResult => ({ target, rounds: [], processes: [], faults: [] }))
  const running: RunningTarget[] = []
  try {
    const starting = targets.map((target) => startTarget(target, { folder, hints: internet.hints, anchor, env }))
    for (const [i, outcome] of (await Promise.allSettled(starting)).entries()) {
      if (outcome.status === 'fulfilled') running.push(outcome.value)
      else results[i].faults.push(`did not start: ${(outcome.reason as Error).message}`)
    }
    const resultOf = ({ name }: Target) => results.find(({ target }) => target.name === name)!
    for (const target of running) {
      signal.throwIfAborted()
      progress(`warming ${target.name}`)
      await warm(workload, target, questions, signal)
    }
    for (let round = 0; round < plan.rounds; round++)
      for (const target of rotated(running, round)) {
        signal.throwIfAborted()
        const result = resultOf(target)
        const measured = await measureRound(workload, target, questions, round, options)
        result.rounds.push(measured)
        result.faults.push(...faultsOf(workload, measured, round))
        progress(`round ${round + 1} of ${plan.rounds}, ${target.name}: ${measured.cpuUs.toFixed(2)} µs a query`)
      }
    for (const target of running) resultOf(target).processes = target.daemon.usage()
  } finally {
    await Promise.all(running.map((target) => target.daemon.stop()))
  }
  await Promise.all(running.map(({ name }) => rm(join(folder, name.replaceAll(' ', '-')), { recursive: true })))
  return { workload, targets: results }
}

/** Has each name asked once; where names are asked over and over, until each worker has met nearly all of them and its
 *  functions are compiled. */
async function warm(workload: Workload, target: RunningTarget, questions: Questions, signal: AbortSignal) {
  const { protocol } = workload
  const { port, workers } = target
  const passes = workload.once ? 1 : 1 + PASSES_PER_WORKER * (workers - 1)
  for (let pass = 0; pass < passes; pass++)
    await runLoad({ port, questions: questions.warm, protocol, seconds: WARM_S, once: true, signal })
  if (!workload.once) await runLoad({ port, questions: questions.warm, protocol, seconds: WARM_LOAD_S, signal })
}

async function measureRound(
  workload: Workload,
  target: RunningTarget,
  questions: Questions,
  round: number,
  { folder, internet, plan, signal }: MeasureOptions,
): Promise<Round> {
  const { port, daemon } = target
  const { protocol, once, rate } = workload
  const files = questions.rounds[round]
  const asked = await internet.queries()
  const before = daemon.usage()
  const goesByCount = workload.name === 'zipf'
  const seconds = goesByCount ? plan.seconds * PATIENCE : plan.seconds
  const load = await runLoad({ port, questions: files.load, protocol, seconds, once, signal })
  await pause(SETTLE_MS)
  const after = daemon.usage()
  const reached = await internet.queries()
  const roles = costs(before, after, load.completed)
  const cpuUs = roles.reduce((sum, { userUs, systemUs }) => sum + userUs + systemUs, 0)

  let latency: Latencies | undefined
  if (plan.latencySeconds > 0) {
    const latencyFile = join(folder, 'latencies')
    const perSecond = rate === 'half' ? Math.round(load.completed / load.seconds / 2) : rate
    const wanted = { port, questions: files.latency, protocol, once, rate: perSecond, latencyFile, signal }
    await runLoad({ ...wanted, seconds: plan.latencySeconds })
    latency = await readLatencies(latencyFile)
  }
  return {
    load,
    cpuUs,
    roles,
    busy: (cpuUs * load.completed) / (load.seconds * 1e6),
    upstream: asked === undefined || reached === undefined ? undefined : (reached - asked) / load.completed,
    latency,
  }
}

/** What each role has cost between two looks, per query. A process that ended is in its parent's account. */
function costs(before: ProcessUsage[], after: ProcessUsage[], queries: number): RoleCost[] {
  const byRole = new Map<string, RoleCost>()
  for (const { pid, role, userUs, systemUs } of after) {
    const earlier = before.find((process) => process.pid === pid)
    let cost = byRole.get(role)
    if (cost === undefined) byRole.set(role, (cost = { role, userUs: 0, systemUs: 0 }))
    cost.userUs += (userUs - (earlier?.userUs ?? 0)) / queries
    cost.systemUs += (systemUs - (earlier?.systemUs ?? 0)) / queries
  }
  return [...byRole.values()].sort((a, b) => b.userUs + b.systemUs - a.userUs - a.systemUs)
}

function faultsOf(workload: Workload, { load, upstream }: Round, round: number): string[] {
  const faults: string[] = []
  const { completed, rcodes, lost, sent } = load
  const wrong = completed - (rcodes['NOERROR'] ?? 0)
  const where = `round ${round + 1}:`
  if (wrong > 0) faults.push(`${where} ${wrong} of ${completed} answers were not NOERROR`)
  if (lost > sent / 1000) faults.push(`${where} ${lost} of ${sent} queries lost`)
  if (upstream !== undefined && workload.name.startsWith('miss') && Math.abs(upstream - 1) > 0.02)
    faults.push(`${where} ${upstream.toFixed(3)} queries upstream for each answer`)
  return faults
}

/** Each round begins with another target, so that none always has the same one before it. */
function rotated<T>(items: T[], by: number): T[] {
  return items.map((_, i) => items[(i + by) % items.length])
}
