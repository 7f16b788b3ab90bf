/** How many CPUs may this service use? Those it may be scheduled on, but no more than the CPU time its control groups
 *  allow: a container limited to 2 CPUs on a machine of 64 needs 2 workers. Linux cgroup v2 `cpu.max`, v1 `cpu.cfs_*`. */

import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { controlGroups, readGroupFile } from '../src/config/control-groups.ts'

/** At least 1. `root` stands for `/` in a test. */
export function usableCpus(root = '/', cpus = availableParallelism()): number {
  return Math.max(1, Math.floor(Math.min(cpus, cpuLimit(root))))
}

/** CPUs' worth of time the tightest of our control groups allows; Infinity when none limits it. */
export function cpuLimit(root = '/'): number {
  let limit = Number.POSITIVE_INFINITY
  for (const { version, folder } of controlGroups('cpu', root))
    limit = Math.min(limit, version === 2 ? limitV2(folder) : limitV1(folder))
  return limit
}

function limitV2(folder: string): number {
  const [quota, period] = readGroupFile(join(folder, 'cpu.max'))?.trim().split(' ') ?? []
  return ratio(Number(quota), Number(period)) // `max 100000` is no number, and no limit
}

function limitV1(folder: string): number {
  return ratio(
    Number(readGroupFile(join(folder, 'cpu.cfs_quota_us')) ?? Number.NaN),
    Number(readGroupFile(join(folder, 'cpu.cfs_period_us')) ?? Number.NaN),
  )
}

function ratio(quota: number, period: number): number {
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY
}
