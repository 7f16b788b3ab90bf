/** Which processes go before others where there is not enough for all: each thread has a priority of its own (sched(7)). */

import { readdirSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/** Gives all threads of a process, this one by itself, the priority `priority` (getpriority(2)); those that cannot be given it
 *  keep theirs. */
export function setPriorityOfThreads(priority: number, pid: number | 'self' = 'self'): void {
  let threads: string[] = []
  try {
    threads = readdirSync(`/proc/${pid}/task`)
  } catch {
    return // it has ended
  }
  for (const thread of threads)
    try {
      if (getPriority(Number(thread)) !== priority) setPriority(Number(thread), priority)
    } catch {
      // it has ended, or it is not allowed after all
    }
}
