/** The measured numbers, for people as tables and for programs as JSON. */

import { cpus, release, totalmem } from 'node:os'
import type { RoleCost, Round, TargetResult, WorkloadResult } from './measure.ts'
import { median } from './numbers.ts'

/** Ratios are to these, where they are among the targets. */
const REFERENCES = ['unbound', 'kresd']
/** The same target with one worker. */
const ALONE = 'alone'
const MB = 1024

export interface Summary {
  cpuUs: number
  /** Medians of the rounds' ratios of CPU time, by reference: below 1, the target is cheaper. */
  ratios: Record<string, number>
  qps: number
  busy: number
  upstream: number | undefined
  lost: number
  loadedMeanMs: number
  meanMs: number
  p99Ms: number
  p999Ms: number
  rssMb: number
  pssMb: number
  anonymousMb: number
}

export function summarise(result: TargetResult, all: TargetResult[]): Summary {
  const { rounds, processes } = result
  const middle = (value: (round: Round) => number | undefined) => {
    const values = rounds.map(value).filter((found) => found !== undefined)
    return values.length === 0 ? Number.NaN : median(values)
  }
  const ratios: Record<string, number> = {}
  for (const name of [...REFERENCES, ALONE]) {
    const reference = name === ALONE ? aloneOf(result, all) : all.find(({ target }) => target.name === name)
    const pairs = Math.min(rounds.length, reference?.rounds.length ?? 0)
    if (reference === undefined || pairs === 0) continue
    ratios[name] = median(rounds.slice(0, pairs).map((round, i) => round.cpuUs / reference.rounds[i].cpuUs))
  }
  return {
    cpuUs: middle((round) => round.cpuUs),
    ratios,
    qps: middle(({ load }) => load.completed / load.seconds),
    busy: middle((round) => round.busy),
    upstream: rounds.some((round) => round.upstream !== undefined) ? middle((round) => round.upstream) : undefined,
    lost: rounds.reduce((sum, { load }) => sum + load.lost, 0),
    loadedMeanMs: middle(({ load }) => load.meanMs),
    meanMs: middle(({ latency }) => latency?.meanMs),
    p99Ms: middle(({ latency }) => latency?.p99Ms),
    p999Ms: middle(({ latency }) => latency?.p999Ms),
    rssMb: processes.reduce((sum, { rssKb }) => sum + rssKb / MB, 0),
    pssMb: processes.reduce((sum, { pssKb }) => sum + pssKb / MB, 0),
    anonymousMb: processes.reduce((sum, { anonymousKb }) => sum + anonymousKb / MB, 0),
  }
}

const COLUMNS: [title: string, cell: (summary: Summary) => string][] = [
  ['CPU µs/q', ({ cpuUs }) => number(cpuUs, 2)],
  ...[...REFERENCES, ALONE].map((name): [string, (summary: Summary) => string] => [
    `/ ${name}`,
    ({ ratios }) => number(ratios[name], 2),
  ]),
  ['q/s', ({ qps }) => number(qps, 0)],
  ['busy', ({ busy }) => `${number(100 * busy, 0)}%`],
  ['upstream/q', ({ upstream }) => number(upstream, 3)],
  ['lost', ({ lost }) => String(lost)],
  ['full load ms', ({ loadedMeanMs }) => number(loadedMeanMs, 2)],
  ['mean ms', ({ meanMs }) => number(meanMs, 3)],
  ['p99 ms', ({ p99Ms }) => number(p99Ms, 2)],
  ['p99.9 ms', ({ p999Ms }) => number(p999Ms, 2)],
  ['RSS MB', ({ rssMb }) => number(rssMb, 0)],
  ['PSS MB', ({ pssMb }) => number(pssMb, 0)],
  ['own MB', ({ anonymousMb }) => number(anonymousMb, 0)],
]

function aloneOf({ target }: TargetResult, all: TargetResult[]): TargetResult | undefined {
  const isAlone = ({ target: { recipe, workers, program } }: TargetResult) =>
    recipe === target.recipe && program === target.program && workers === 1
  return target.workers === 1 ? undefined : all.find(isAlone)
}

export function tableOf({ workload, targets }: WorkloadResult): string {
  const measured = targets.filter(({ rounds }) => rounds.length > 0)
  const rows = measured.map((result) => {
    const summary = summarise(result, targets)
    return [result.target.name, ...COLUMNS.map(([, cell]) => cell(summary))]
  })
  const lines = [`${workload.name}: ${workload.what}`, ...align([['', ...COLUMNS.map(([title]) => title)], ...rows])]
  for (const result of measured) if (result.processes.length > 1) lines.push(processesOf(result))
  for (const { target, faults } of targets) for (const fault of faults) lines.push(`! ${target.name}, ${fault}`)
  return `${lines.join('\n')}\n`
}

/** `bowline: worker 40.12 µs (12.31 in the kernel), keeper …; own memory (RSS) worker 80 (102) MB …` */
function processesOf({ target, rounds, processes }: TargetResult): string {
  const roles = rounds[0].roles.map(({ role }) => {
    const middle = (cost: (role: RoleCost) => number) =>
      median(rounds.flatMap((round) => round.roles.filter((other) => other.role === role).map(cost)))
    const systemUs = middle((cost) => cost.systemUs)
    return `${role} ${number(middle((cost) => cost.userUs) + systemUs, 2)} µs (${number(systemUs, 2)} in the kernel)`
  })
  const memory = processes.map(
    ({ role, anonymousKb, rssKb }) => `${role} ${number(anonymousKb / MB, 0)} (${number(rssKb / MB, 0)}) MB`,
  )
  return `  ${target.name}: ${roles.join(', ')}; own memory (RSS) ${memory.join(', ')}`
}

function align(rows: string[][]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  )
}

function number(value: number | undefined, digits: number): string {
  return value === undefined || Number.isNaN(value) ? '-' : value.toFixed(digits)
}

/** The machine and what ran on it, for who compares later. */
export function machine() {
  return {
    cpu: cpus()[0]?.model.trim(),
    cores: cpus().length,
    memoryMb: Math.round(totalmem() / MB / MB),
    kernel: release(),
    node: process.version,
  }
}

export function toJson(results: WorkloadResult[], about: object): string {
  const workloads = results.map(({ workload, targets }) => ({
    name: workload.name,
    what: workload.what,
    targets: targets.map((result) => ({
      name: result.target.name,
      workers: result.target.workers,
      summary: summarise(result, targets),
      rounds: result.rounds,
      processes: result.processes,
      faults: result.faults,
    })),
  }))
  return `${JSON.stringify({ version: 1, date: new Date().toISOString(), machine: machine(), ...about, workloads }, undefined, 2)}\n`
}
