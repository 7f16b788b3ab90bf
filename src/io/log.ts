/** The log: one JSON line per event, on standard error or output, with the level names Knot Resolver uses. Every process
 *  makes its own; `process` says which one speaks. An event has a stable `event` name, its fields, and a sentence. */

import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino'

export const LOG_LEVELS = { crit: 60, err: 50, warning: 40, notice: 35, info: 30, debug: 20 } as const
export type LogLevel = keyof typeof LOG_LEVELS

export type Log = Logger<LogLevel, true>

export interface LogOptions {
  level: LogLevel
  /** Who speaks: `supervisor`, `keeper`, `worker 2`. */
  process: string
  target?: 'stderr' | 'stdout'
}

/** A log that writes each line before it returns, so that a process that dies has said why. */
export function createLog(options: LogOptions, stream?: DestinationStream): Log {
  return pino<LogLevel, true>(
    {
      level: options.level,
      customLevels: LOG_LEVELS,
      useOnlyCustomLevels: true,
      base: { process: options.process, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream ?? destination({ dest: options.target === 'stdout' ? 1 : 2, sync: true }),
  )
}
