/** What of the machine may this service use? Its control groups, of Linux' cgroup v2 and v1, and those above them each may
 *  set a limit: a container that is allowed 2 GiB on a machine of 64 has 2 GiB. */

import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { dirname, join } from 'node:path'

export interface ControlGroup {
  version: 1 | 2
  folder: string
}

/** Our groups that may limit what `controller` controls, and those above them. `root` stands for `/` in a test. */
export function* controlGroups(controller: string, root = '/'): Generator<ControlGroup> {
  const lines = readGroupFile(join(root, 'proc/self/cgroup'))?.trim().split('\n') ?? []
  for (const line of lines) {
    const [, controllers, ...path] = line.split(':')
    const group = path.join(':')
    if (controllers === '') {
      for (const base of ['sys/fs/cgroup', 'sys/fs/cgroup/unified'])
        for (const folder of upwards(join(root, base), group)) yield { version: 2, folder }
    } else if (controllers?.split(',').includes(controller)) {
      for (const base of [`sys/fs/cgroup/${controllers}`, `sys/fs/cgroup/${controller}`])
        for (const folder of upwards(join(root, base), group)) yield { version: 1, folder }
    }
  }
}

/** Octets of memory: the tightest limit, or all that the machine has. */
export function usableMemory(root = '/', total = totalmem()): number {
  let usable = total
  for (const { version, folder } of controlGroups('memory', root)) {
    const file = version === 2 ? 'memory.max' : 'memory.limit_in_bytes'
    const limit = Number(readGroupFile(join(folder, file)) ?? Number.NaN) // `max` is no number, and no limit
    if (limit > 0 && limit < usable) usable = limit
  }
  return usable
}

export function readGroupFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

/** The group's folder and those above it, up to the mount point. In a container the path may be the host's and lead
 *  nowhere; then the mount point itself is our group. */
function* upwards(mountPoint: string, group: string): Generator<string> {
  for (let path = join('/', group); path !== '/'; path = dirname(path)) yield join(mountPoint, path)
  yield mountPoint
}
