/** A process that loads the program takes time from those that answer. So it is started with less of a claim to the processors,
 *  and takes its full share when it begins. One that has to fill an empty place goes before all others until then. That may not
 *  be everybody's to do: where it could not be undone, nothing is done. */

import { readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { setPriorityOfThreads } from '../src/io/priority.ts'

/** About a tenth of what one with full priority gets where there is not enough for both (sched(7)); */
const MODEST = 10
/** and ten times as much. */
const FIRST = -10
const CAP_SYS_NICE = 23n

/** Has the process `pid`, just started, leave the processors to others. */
export function startModestly(pid: number | undefined): void {
  if (pid !== undefined && mayTake(getPriority())) setPriorityOfThreads(getPriority() + MODEST, pid)
}

/** Has it do so no longer. */
export function startFully(pid: number | undefined): void {
  if (pid !== undefined && mayTake(getPriority())) setPriorityOfThreads(getPriority(), pid)
}

/** Has the process `pid`, which is starting, go before others. */
export function startFirst(pid: number | undefined): void {
  if (pid !== undefined && mayTake(getPriority() + FIRST)) setPriorityOfThreads(getPriority() + FIRST, pid)
}

/** What a worker takes when it begins; undefined: what it has. */
export function fullPriority(): number | undefined {
  return mayTake(getPriority()) ? getPriority() : undefined
}

let least: number | undefined

/** Whether this system lets a process of this user, of no more privileges than this one, take a priority though it has less. */
function mayTake(priority: number): boolean {
  least ??= process.platform === 'linux' ? look() : Number.POSITIVE_INFINITY
  return priority >= least
}

/** capabilities(7), getrlimit(2): with CAP_SYS_NICE any, or by RLIMIT_NICE, whose 20 stands for a priority of 0. */
function look(): number {
  try {
    const [, effective] = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? []
    const [, limit] = /^Max nice priority\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
    return ((BigInt(`0x${effective}`) >> CAP_SYS_NICE) & 1n) === 1n ? Number.NEGATIVE_INFINITY : 20 - Number(limit)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
