/** How many CPUs may this service use? Those it may be scheduled on, but no more than the CPU time its control groups
 *  allow: a container limited to 2 CPUs on a machine of 64 needs 2 workers. Linux cgroup v2 `cpu.max`, v1 `cpu.cfs_*`. */

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'

/** At least 1. `root` stands for `/` in a test. */
export function usableCpus(root = '/', cpus = availableParallelism()): number {
  return Math.max(1, Math.floor(Math.min(cpus, cpuLimit(root))))
}

/** CPUs' worth of time the tightest of our control groups allows; Infinity when none limits it. */
export function cpuLimit(root = '/'): number {
  const lines = read(join(root, 'proc/self/cgroup'))?.trim().split('\n') ?? []
  let limit = Number.POSITIVE_INFINITY
  for (const line of lines) {
    const [, controllers, ...path] = line.split(':')
    const group = path.join(':')
    if (controllers === '') {
      for (const base of ['sys/fs/cgroup', 'sys/fs/cgroup/unified'])
        for (const folder of upwards(join(root, base), group)) limit = Math.min(limit, limitV2(folder))
    } else if (controllers.split(',').includes('cpu')) {
      for (const base of [`sys/fs/cgroup/${controllers}`, 'sys/fs/cgroup/cpu'])
        for (const folder of upwards(join(root, base), group)) limit = Math.min(limit, limitV1(folder))
    }
  }
  return limit
}

/** The group's folder and those above it, up to the mount point: each may set a limit. In a container the path may be
 *  the host's and lead nowhere; then the mount point itself is our group. */
function* upwards(mountPoint: string, group: string): Generator<string> {
  for (let path = join('/', group); path !== '/'; path = dirname(path)) yield join(mountPoint, path)
  yield mountPoint
}

function limitV2(folder: string): number {
  const [quota, period] = read(join(folder, 'cpu.max'))?.trim().split(' ') ?? []
  return ratio(Number(quota), Number(period)) // `max 100000` is no number, and no limit
}

function limitV1(folder: string): number {
  return ratio(
    Number(read(join(folder, 'cpu.cfs_quota_us')) ?? Number.NaN),
    Number(read(join(folder, 'cpu.cfs_period_us')) ?? Number.NaN),
  )
}

function ratio(quota: number, period: number): number {
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}
