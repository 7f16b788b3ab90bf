/** One thing that is wrong in a configuration, and the error that carries all of them. */

import { BowlineError } from './error.ts'
import type { SettingPath } from './settings.ts'

export interface Place {
  file: string
  /** From 1; undefined when the file as a whole is meant. */
  line?: number
  /** From 1, in UTF-16 units as editors count. */
  column?: number
}

export interface Mistake {
  /** Undefined when the setting came from a program and not from a file. */
  place?: Place
  /** `cache/ttl-min`; empty when no setting is concerned but the file. */
  path: string
  /** What stands there. */
  found: string
  /** What may stand there. */
  allowed: string
  /** What to do about it, as an imperative. */
  remedy: string
}

/** Everything that is wrong with a configuration, in the order of the files; the message has one line for each. */
export class ConfigError extends BowlineError {
  readonly mistakes: readonly Mistake[]

  constructor(mistakes: readonly Mistake[]) {
    super('config', mistakes.map(mistakeText).join('\n'))
    this.name = 'ConfigError'
    this.mistakes = mistakes
  }
}

/** `FILE:LINE:COLUMN: path/of/setting: found VALUE; allowed: …; remedy`, in one line whatever the file holds. */
export function mistakeText({ place, path, found, allowed, remedy }: Mistake): string {
  const where = place === undefined ? [] : [place.file, place.line, place.column].filter((part) => part !== undefined)
  const start = [where.join(':'), path].filter((part) => part !== '').map((part) => `${part}: `)
  return `${start.join('')}found ${found}; allowed: ${allowed}; ${remedy}`.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
}

/** `['network', 'listen', 0]` as `network/listen/0`. */
export function pathText(path: SettingPath): string {
  return path.join('/')
}

/** A value as it is quoted in a message: short, and on one line. */
export function valueText(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`
  if (typeof value === 'object') return 'a map'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length <= 60 ? text : `${text.slice(0, 57)}…"`
}
