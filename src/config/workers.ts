/** The setting `workers`: how many there are to be, and on which CPUs. */

import * as z from 'zod'
import { group, type SettingInfo, settingInfo, wholeInfo } from './settings.ts'
import { nearest } from './suggest.ts'

export const WORKERS = { min: 1, max: 256 }
/** Linux can be built for so many. */
const MAX_CPUS = 8192

const AUTO = 'auto'
const number = z.int().min(WORKERS.min).max(WORKERS.max)
const numberInfo = wholeInfo('', WORKERS.min, WORKERS.max, AUTO)

function orAuto(info: SettingInfo): Pick<SettingInfo, 'allowed' | 'remedy'> {
  return {
    allowed: `${info.allowed}, or ${AUTO}`,
    remedy: (found) => (nearest(String(found), [AUTO]) === undefined ? info.remedy(found) : `write ${AUTO}`),
  }
}

function bound(about: string) {
  return number
    .optional()
    .register(settingInfo, { ...wholeInfo(about, WORKERS.min, WORKERS.max, ''), otherwise: 'none' })
}

const cpuInfo: SettingInfo = {
  about: 'The number of a CPU.',
  allowed: `the number of a CPU, from 0 to ${MAX_CPUS - 1}`,
  remedy: () => 'write a number as /proc/cpuinfo has it',
}
const cpu = z
  .int()
  .min(0)
  .max(MAX_CPUS - 1)
  .register(settingInfo, cpuInfo)
const cpuList: Pick<SettingInfo, 'allowed' | 'remedy'> = {
  allowed: `${AUTO}, or a list of the numbers of CPUs, as in [0, 2]`,
  remedy: (found) => (typeof found === 'number' ? `write [${found}], or ${AUTO}` : `write ${AUTO}, or leave it out`),
}

const detailed = group(
  'Workers, with more to say of them than how many.',
  {
    count: z
      .union([number, z.literal(AUTO)])
      .optional()
      .register(settingInfo, {
        about: 'How many there are: what `workers` may be by itself.',
        otherwise: '`auto`, unless `min` and `max` say otherwise',
        example: '4',
        ...orAuto(numberInfo),
      }),
    min: bound('With `max`: there are as many as the load needs, but never fewer.'),
    max: bound('With `min`: nor more.'),
    'cpu-affinity': z
      .union([z.literal(AUTO), z.array(cpu).min(1)])
      .optional()
      .register(settingInfo, {
        about:
          'Each worker, with all its threads, stays on one CPU (Linux). `auto`: on those that the supervisor may use, one ' +
          'after the other; a list: on those in it. When there are more workers than CPUs, it begins anew. With a list, ' +
          '`auto` workers are at most as many as it has items.',
        otherwise: 'none: the system chooses, and moves them as it sees fit',
        example: '[2, 3, 4, 5]',
        ...cpuList,
      }),
  },
  ({ count, min, max }, complain) => {
    if (count !== undefined && (min !== undefined || max !== undefined))
      complain([['count']], 'count, or min and max', 'take out count, or the others')
    if ((min === undefined) !== (max === undefined))
      complain([['min'], ['max']], 'min and max together', `add ${min === undefined ? 'min' : 'max'}`)
    else if (min !== undefined && max !== undefined && min > max)
      complain([['min']], `at most ${max}, which is max`, 'lower min, or raise max')
  },
)

export function workersSetting({ about }: { about: string }) {
  return z
    .union([number, z.literal(AUTO), detailed])
    .default(AUTO)
    .register(settingInfo, {
      about,
      allowed: `${numberInfo.allowed}, ${AUTO}, or a map of count, min, max, cpu-affinity, as in {min: 2, max: 8}`,
      remedy: orAuto(numberInfo).remedy,
    })
}

export type Workers = z.output<ReturnType<typeof workersSetting>>

/** How many there are to be: a number, or two between which the load decides, or as many as there are CPUs to use. */
export function workerCount(workers: Workers): number | 'auto' | { min: number; max: number } {
  if (typeof workers !== 'object') return workers
  const { count, min, max } = workers
  return min === undefined || max === undefined ? (count ?? AUTO) : { min, max }
}

/** undefined: workers run where the system puts them. */
export function cpuAffinity(workers: Workers): 'auto' | readonly number[] | undefined {
  return typeof workers === 'object' ? workers['cpu-affinity'] : undefined
}
