/** On which CPU each worker stays, by `workers/cpu-affinity`. */

import { cpusOfProcess } from '../src/config/cpus.ts'
import { cpuAffinity, type Workers } from '../src/config/workers.ts'

/** The CPUs of the worker `id`, counted from 1: the same one whenever its place is taken anew. undefined: it runs where the
 *  system puts it; empty: it was to be put on one, and there is none to be had. */
export function cpusOfWorker(
  workers: Workers,
  id: number,
  own = () => cpusOfProcess('self') ?? [],
): readonly number[] | undefined {
  const wanted = cpuAffinity(workers)
  if (wanted === undefined) return undefined
  const cpus = wanted === 'auto' ? own() : wanted
  return cpus.length === 0 ? [] : [cpus[(id - 1) % cpus.length]]
}

/** Whether workers that run must be told where to run now. */
export function movesWorkers(from: Workers, to: Workers): boolean {
  return JSON.stringify(cpuAffinity(from)) !== JSON.stringify(cpuAffinity(to))
}
