/** The log: one JSON line per event, on standard error or output, with the level names Knot Resolver uses. Every process
 *  makes its own; `process` says which one speaks. An event has a stable `event` name, its fields, and a sentence.
 *
 *  Level and groups can be changed while it is in use. One kind of event gets LINES_IN_WINDOW lines in WINDOW_MS, so that
 *  nobody from outside can fill a disk; the next line of it says how many were left out (`suppressed`). */

import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino'

export const LOG_LEVELS = { crit: 60, err: 50, warning: 40, notice: 35, info: 30, debug: 20 } as const
export type LogLevel = keyof typeof LOG_LEVELS

export type Log = Logger<LogLevel, true>

export interface Logging {
  /** Events of this level and those before it are written. */
  level: LogLevel
  /** Of these groups, everything is. */
  groups?: readonly string[]
}

export interface LogOptions extends Logging {
  /** Who speaks: `supervisor`, `keeper`, `worker 2`. */
  process: string
  target?: 'stderr' | 'stdout'
}

export const WINDOW_MS = 10_000
export const LINES_IN_WINDOW = 50

/** A log that writes each line before it returns, so that a process that dies has said why. Where a parent keeps our
 *  standard error to itself, it names the file for the log in BOWLINE_LOG_FD. */
export function createLog(options: LogOptions, stream?: DestinationStream): Log {
  const limiter = new LineLimiter()
  const log = pino<LogLevel, true>(
    {
      level: options.level,
      customLevels: LOG_LEVELS,
      useOnlyCustomLevels: true,
      base: { process: options.process, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        logMethod(args, method, level) {
          const passed = limiter.pass(args, level)
          if (passed !== undefined) method.apply(this, passed as typeof args)
        },
      },
    },
    stream ?? destination({ dest: destinationOf(options), sync: true }),
  )
  families.set(log, { logging: { ...options }, groups: new Map() })
  return log
}

/** The log of one group. Its debug lines are written when `logging/groups` names it, whatever the level. */
export function groupLog(log: Log, group: string): Log {
  const family = families.get(log)
  if (family === undefined) return log
  const known = family.groups.get(group)
  if (known !== undefined) return known
  const made = log.child({ group }, { level: levelOf(group, family.logging) }) as Log
  family.groups.set(group, made)
  return made
}

/** From now on. */
export function setLogging(log: Log, logging: Logging): void {
  const family = families.get(log)
  if (family === undefined) return
  family.logging = { ...logging }
  log.level = logging.level
  for (const [group, child] of family.groups) child.level = levelOf(group, logging)
}

interface Family {
  logging: Logging
  groups: Map<string, Log>
}
const families = new WeakMap<Log, Family>()

function levelOf(group: string, { level, groups }: Logging): LogLevel {
  return groups?.includes(group) ? 'debug' : level
}

function destinationOf(options: LogOptions): number {
  return options.target === 'stdout' ? 1 : Number(process.env.BOWLINE_LOG_FD ?? 2)
}

/** What lets a line pass, or leaves it out. */
class LineLimiter {
  readonly #windows = new Map<string, { startMs: number; lines: number; suppressed: number }>()

  /** The arguments of the line, with the number of those left out before it; undefined when it is left out itself. */
  pass(args: readonly unknown[], level: number): readonly unknown[] | undefined {
    const event = (args[0] as { event?: unknown } | undefined)?.event
    // whoever wants to see debug lines wants them all, and the last words of a process must be heard
    if (typeof event !== 'string' || level <= LOG_LEVELS.debug || level >= LOG_LEVELS.crit) return args
    const nowMs = performance.now()
    let window = this.#windows.get(event)
    if (window === undefined) this.#windows.set(event, (window = { startMs: nowMs, lines: 0, suppressed: 0 }))
    if (nowMs - window.startMs >= WINDOW_MS) Object.assign(window, { startMs: nowMs, lines: 0 })
    if (window.lines++ >= LINES_IN_WINDOW) {
      window.suppressed++
      return undefined
    }
    if (window.suppressed === 0) return args
    const { suppressed } = window
    window.suppressed = 0
    return [{ ...(args[0] as object), suppressed }, ...args.slice(1)]
  }
}
