/** A worker stays on the CPUs it is told, if the system lets it. sched_setaffinity(2), which is about one thread. */

import { readdirSync } from 'node:fs'
import { check, type Libc, loadLibc } from '../src/io/libc.ts'
import type { Log } from '../src/io/log.ts'

/** As many octets as Linux has ever taken for a set of CPUs: 8192 of them. */
const MASK_OCTETS = 1024

/** Puts all threads of this process on `cpus`; says in the log when it cannot, and then all stays as it was. */
export function stayOn(cpus: readonly number[], log: Log): void {
  try {
    const libc = loadLibc()
    if (typeof libc === 'string') throw new Error(libc)
    if (cpus.length === 0) throw new Error('the system does not tell which CPUs there are')
    pinThreads(libc, cpus)
    log.debug({ event: 'cpu-affinity', cpus }, `this worker stays on CPU ${cpus.join(', ')}`)
  } catch (error) {
    log.warning(
      { event: 'no-cpu-affinity', cpus, reason: (error as Error).message },
      `workers/cpu-affinity: this worker cannot be kept on CPU ${cpus.join(', ') || 'any'}: ${(error as Error).message}; it runs ` +
        'where the system puts it. Name CPUs that run and are in the cpuset of the service (AllowedCPUs= of systemd)',
    )
  }
}

/** A thread that is started takes over where the one that starts it may run, so all are there when no new one is found. */
function pinThreads(libc: Libc, cpus: readonly number[]): void {
  const mask = new Uint8Array(MASK_OCTETS)
  for (const cpu of cpus) mask[cpu >> 3] |= 1 << (cpu & 7)
  const done = new Set<string>()
  for (;;) {
    const found = readdirSync('/proc/self/task').filter((thread) => !done.has(thread))
    if (found.length === 0) return
    for (const thread of found) {
      done.add(thread)
      try {
        check(libc, 'sched_setaffinity', libc.sched_setaffinity(Number(thread), mask.length, mask))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // else it has ended
      }
    }
  }
}
