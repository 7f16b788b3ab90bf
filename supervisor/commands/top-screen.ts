/** `bowline top` without a table: the running service at work, anew every second. What it is asked, how it answers, which worker
 *  does it, and, where account is kept of it, for what. */

import { setTimeout as pause } from 'node:timers/promises'
import type { FREQUENT_TABLES, Frequent } from '../../src/metrics/frequent.ts'
import type { Status } from '../manager.ts'
import { topText } from './frequent-text.ts'
import { ExitCode, printJson, ServiceError } from './outcome.ts'
import { askRunning, type ServiceOptions } from './service.ts'
import { CLEAR, workersText } from './status.ts'

const EVERY_MS = 1000
const NAMES = 10

export interface CounterValue {
  name: string
  labels: Record<string, string>
  value: number
}

/** What was counted, and when. */
export interface Sample {
  ms: number
  counters: readonly CounterValue[]
}

export interface TopFacts {
  queriesPerSecond: number
  /** Of the questions looked up, the share that a cache answered; undefined: there were none. */
  hitRatio: number | undefined
  /** By rcode, answers a second; the most frequent first. */
  responsesPerSecond: Record<string, number>
  /** By reason, what was not answered or refused, a second. */
  refusedPerSecond: Record<string, number>
}

export interface TopScreen extends TopFacts {
  workers: Status['workers']
  /** Only with stats/enable. */
  names?: Frequent[]
  clients?: Frequent[]
}

/** Shows one screen after the other; with `once` only one. */
export async function showTop(options: ServiceOptions & { once?: boolean; limit?: number }): Promise<ExitCode> {
  let before = await sample(options)
  for (;;) {
    await pause(EVERY_MS)
    const now = await sample(options)
    const { body } = await askRunning(options, { method: 'GET', path: '/v1/status' })
    const tables = await frequent(options)
    const screen = { ...factsBetween(before, now), workers: (body as Status).workers, ...tables }
    if (options.json) printJson(screen)
    else process.stdout.write(`${process.stdout.isTTY && !options.once ? CLEAR : ''}${screenText(screen)}`)
    if (options.once) return ExitCode.DONE
    before = now
  }
}

async function sample(options: ServiceOptions): Promise<Sample> {
  const { body } = await askRunning(options, { method: 'GET', path: '/v1/counters' })
  return { ms: performance.now(), counters: (body as { counters: CounterValue[] }).counters }
}

async function frequent(options: ServiceOptions & { limit?: number }): Promise<Pick<TopScreen, 'names' | 'clients'>> {
  try {
    const { body } = await askRunning(options, { method: 'GET', path: `/v1/stats?limit=${options.limit ?? NAMES}` })
    const { names, clients } = body as Record<(typeof FREQUENT_TABLES)[number], Frequent[]>
    return { names, clients }
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'stats-off') return {}
    throw error
  }
}

export function factsBetween(before: Sample, now: Sample): TopFacts {
  const past = new Map(before.counters.map((counter) => [keyOf(counter), counter.value]))
  const seconds = (now.ms - before.ms) / 1000
  const perSecond = (wanted: string, by?: string, where: Record<string, string> = {}): Record<string, number> => {
    const sums: Record<string, number> = {}
    for (const counter of now.counters) {
      const { name, labels, value } = counter
      if (name !== wanted || Object.entries(where).some(([label, text]) => labels[label] !== text)) continue
      const key = by === undefined ? '' : (labels[by] ?? '')
      sums[key] = (sums[key] ?? 0) + (value - (past.get(keyOf(counter)) ?? 0)) / seconds
    }
    return sums
  }
  const of = (sums: Record<string, number>) => Object.values(sums).reduce((sum, one) => sum + one, 0)
  const lookups = 'bowline_cache_lookups_total'
  const hits = of(perSecond(lookups, undefined, { result: 'hit' }))
  const misses = of(perSecond(lookups, undefined, { layer: 'cache', result: 'miss' }))
  const refused = [
    perSecond('bowline_dropped_total', 'reason'),
    perSecond('bowline_refused_total', 'reason'),
    perSecond('bowline_overload_refused_total', 'what'),
  ]
  return {
    queriesPerSecond: Math.round(of(perSecond('bowline_queries_total'))),
    hitRatio: hits + misses === 0 ? undefined : hits / (hits + misses),
    responsesPerSecond: largest(perSecond('bowline_responses_total', 'rcode')),
    refusedPerSecond: largest(Object.assign({}, ...refused)),
  }
}

function keyOf({ name, labels }: CounterValue): string {
  return JSON.stringify([name, labels])
}

/** Rounded, without those that are nothing, the largest first. */
function largest(sums: Record<string, number>): Record<string, number> {
  const rounded = Object.entries(sums).map(([key, value]): [string, number] => [key, Math.round(value)])
  return Object.fromEntries(rounded.filter(([, value]) => value > 0).sort(([, one], [, other]) => other - one))
}

export function screenText(screen: TopScreen): string {
  const { queriesPerSecond, hitRatio, responsesPerSecond, refusedPerSecond, workers, names, clients } = screen
  const list = (amounts: Record<string, number>) =>
    Object.entries(amounts)
      .map(([what, amount]) => `${what} ${amount}`)
      .join(', ') || 'none'
  const table = (title: string, entries: readonly Frequent[] | undefined) =>
    entries === undefined ? [] : ['', title, topText(entries).trimEnd()]
  return [
    `queries/s  ${queriesPerSecond}; from the cache ${hitRatio === undefined ? '-' : `${(100 * hitRatio).toFixed(1)} %`}`,
    `answers/s  ${list(responsesPerSecond)}`,
    `refused/s  ${list(refusedPerSecond)}`,
    '',
    workersText(workers).trimEnd(),
    ...table('asked for most often', names),
    ...table('asking most', clients),
    ...(names === undefined ? ['', 'stats/enable has names and clients shown here'] : []),
    '',
  ].join('\n')
}
