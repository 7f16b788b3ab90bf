/** A process that loads the program takes time from those that answer. So it is started with less of a claim to the processors,
 *  and takes its full share when it is told to begin. That may not be everybody's to do: where it could not be undone,
 *  nothing is done. */

import { readFileSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/** About a tenth of what one with full priority gets where there is not enough for both (sched(7)). */
const MODEST = 10
const CAP_SYS_NICE = 23n

/** Has the process `pid`, just started, leave the processors to others. */
export function startModestly(pid: number | undefined): void {
  if (pid === undefined || !mayReturn()) return
  try {
    setPriority(pid, getPriority() + MODEST)
  } catch {
    // it has ended
  }
}

/** What a worker takes when it begins; undefined: what it has. */
export function fullPriority(): number | undefined {
  return mayReturn() ? getPriority() : undefined
}

let may: boolean | undefined

/** Whether this system lets a process of this user, of no more privileges than this one, raise its priority again. */
function mayReturn(): boolean {
  may ??= process.platform === 'linux' && look()
  return may
}

/** capabilities(7), getrlimit(2): with CAP_SYS_NICE, or by RLIMIT_NICE, whose 20 stands for a priority of 0. */
function look(): boolean {
  try {
    const [, effective] = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? []
    const [, limit] = /^Max nice priority\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
    return ((BigInt(`0x${effective}`) >> CAP_SYS_NICE) & 1n) === 1n || Number(limit) >= 20 - getPriority()
  } catch {
    return false
  }
}
