/** What the resolver has to say, in the groups an operator chooses from (`logging/groups`), by Knot Resolver's names. */

import type { LogGroup } from '../src/config/log-groups.ts'
import { groupLog, type Log } from '../src/io/log.ts'
import type { Trace, TraceStep } from '../src/request.ts'
import type { Log as CoreLog } from '../src/resolve.ts'
import { stepFacts } from '../src/trace-steps.ts'

/** Where the steps of requests are written, each a line of level debug. */
const GROUP_OF_STEP: Record<TraceStep['kind'], LogGroup> = {
  cut: 'zoncut',
  query: 'select',
  arrival: 'iterat',
  lookup: 'plan',
  alias: 'plan',
  answer: 'resolv',
}

/** Events of the core that are not about requests as a whole. */
const GROUP_OF_EVENT: Readonly<Record<string, LogGroup>> = {
  'bogus-reply': 'valdtr',
  'clock-skew': 'valdtr',
  'family-works': 'select',
  'family-dead': 'select',
  bogus: 'dnssec',
}

export function coreLog(log: Log): CoreLog {
  return (level, event, fields) => write(groupLog(log, GROUP_OF_EVENT[event] ?? 'resolv'), level, event, fields)
}

export function moduleLog(log: Log): CoreLog {
  return (level, event, fields) =>
    write(groupLog(log, event.startsWith('local-data') ? 'policy' : 'module'), level, event, fields)
}

function write(log: Log, level: Parameters<CoreLog>[0], event: string, fields?: object): void {
  log[level === 'error' ? 'err' : level]({ event, ...fields }, event)
}

/** Gives a listener to the steps of a request, if they are to be written. */
export function stepLog(log: Log): () => Trace | undefined {
  const logs = Object.fromEntries(
    Object.entries(GROUP_OF_STEP).map(([kind, group]) => [kind, groupLog(log, group)]),
  ) as Record<TraceStep['kind'], Log>
  const all = [...new Set(Object.values(logs))]
  let requests = 0
  return () => {
    if (!all.some((one) => one.isLevelEnabled('debug'))) return undefined
    const request = ++requests
    return (step) => {
      const to = logs[step.kind]
      if (!to.isLevelEnabled('debug')) return // what it says takes time to put together
      const { kind, ...facts } = stepFacts(step)
      to.debug({ event: `request-${kind}`, request, ...facts }, kind)
    }
  }
}
