/** Which of the machine's CPUs are there for this service? Linux numbers them, and writes sets of them as `0-3,8`. */

import { join } from 'node:path'
import { controlGroups, readGroupFile } from './control-groups.ts'

/** CPUs on which this service may be put: those that run, and of them those in the cpuset of its control group. undefined:
 *  the system does not tell. `root` stands for `/` in a test. */
export function cpusToBeHad(root = '/'): number[] | undefined {
  const sets = [readGroupFile(join(root, 'sys/devices/system/cpu/online')), ...cpusets(root)].flatMap((text) =>
    text === undefined ? [] : [parseCpus(text)],
  )
  return sets.length === 0 ? undefined : sets.reduce((one, other) => one.filter((cpu) => other.includes(cpu)))
}

/** CPUs on which the process `pid` may run now; its threads may differ. undefined: the system does not tell. */
export function cpusOfProcess(pid: number | 'self', root = '/'): number[] | undefined {
  const status = readGroupFile(join(root, `proc/${pid}/status`)) ?? ''
  const text = /^Cpus_allowed_list:\s*([\d,-]+)$/m.exec(status)?.[1]
  return text === undefined ? undefined : parseCpus(text)
}

/** `0-3,8` as numbers, ascending. */
export function parseCpus(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter((range) => range !== '')
    .flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number)
      return Array.from({ length: last - first + 1 }, (_, place) => first + place)
    })
}

/** As the system writes it; `cpus` ascending. */
export function cpusText(cpus: readonly number[]): string {
  const ranges: [first: number, last: number][] = []
  for (const cpu of cpus) {
    const range = ranges.at(-1)
    if (range !== undefined && range[1] === cpu - 1) range[1] = cpu
    else ranges.push([cpu, cpu])
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}

/** The group nearest to us that knows of such a set; what is above has been taken into account there. */
function* cpusets(root: string): Generator<string> {
  for (const { version, folder } of controlGroups('cpuset', root)) {
    const file = version === 2 ? 'cpuset.cpus.effective' : 'cpuset.effective_cpus'
    const text = readGroupFile(join(folder, file))?.trim()
    if (text === undefined || text === '') continue
    yield text
    return
  }
}
