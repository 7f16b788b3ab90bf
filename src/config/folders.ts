/** What of the machine the defaults depend on, and where files go when the configuration does not say. */

import { homedir, hostname, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { usableMemory } from './control-groups.ts'
import { cpusToBeHad } from './cpus.ts'

export interface Machine {
  /** Runs as root, so that the folders of the system are ours to write. */
  root: boolean
  home: string
  hostname: string
  /** Current folder, where a relative `rundir` starts. */
  folder: string
  environment: Readonly<Record<string, string | undefined>>
  /** Octets of memory that the service may use. */
  memory: number
  /** CPUs on which the service may be put; undefined: it cannot be known. */
  cpus?: readonly number[]
}

export function thisMachine(): Machine {
  return {
    root: userInfo().uid === 0,
    home: homedir(),
    hostname: hostname(),
    folder: process.cwd(),
    environment: process.env,
    memory: usableMemory(),
    cpus: cpusToBeHad(),
  }
}

/** `/run/bowline` and `/var/cache/bowline` for root; for others where the XDG Base Directory Specification puts state
 *  and cache. */
export function defaultFolders(machine: Machine): { rundir: string; storage: string } {
  if (machine.root) return { rundir: '/run/bowline', storage: '/var/cache/bowline' }
  return {
    rundir: join(xdgFolder(machine, 'XDG_STATE_HOME', '.local/state'), 'bowline'),
    storage: join(xdgFolder(machine, 'XDG_CACHE_HOME', '.cache'), 'bowline'),
  }
}

function xdgFolder(machine: Machine, variable: string, otherwise: string): string {
  const folder = machine.environment[variable]
  return folder !== undefined && isAbsolute(folder) ? folder : join(machine.home, otherwise) // relative: to be ignored
}
