/** What differs between two configurations, and what it takes to follow: nothing but being told (`live`), new workers one
 *  by one (`roll`), or a restart of the whole service (`restart`). */

import type { Config } from '../src/config/schema.ts'

export const ReloadClass = { LIVE: 'live', ROLL: 'roll', RESTART: 'restart' } as const
export type ReloadClass = (typeof ReloadClass)[keyof typeof ReloadClass]

export interface Change {
  /** `cache/size-max` */
  path: string
  from: unknown
  to: unknown
  class: ReloadClass
}

/** By the longest path that is the beginning of the setting's own; whatever is not named is `roll`. */
export const CLASSES: readonly [path: string, reloadClass: ReloadClass][] = [
  ['workers', ReloadClass.LIVE],
  ['drain-timeout', ReloadClass.LIVE],
  ['logging/level', ReloadClass.LIVE],
  ['logging/groups', ReloadClass.LIVE],
  ['logging/target', ReloadClass.RESTART],
  ['rundir', ReloadClass.RESTART],
  ['user', ReloadClass.RESTART],
  ['management', ReloadClass.RESTART],
  ['monitoring', ReloadClass.LIVE],
  ['cache/storage', ReloadClass.RESTART],
  ['cache/prefill', ReloadClass.LIVE],
]

export function reloadClassOf(path: string): ReloadClass {
  const [, found] = CLASSES.find(([start]) => path === start || path.startsWith(`${start}/`)) ?? []
  return found ?? ReloadClass.ROLL
}

/** Setting by setting; a list is one setting. */
export function changesBetween(from: Config, to: Config): Change[] {
  return [...differences(from, to, '')]
}

/** `to`, with the settings that only a restart can change as they are in `from`. */
export function withoutRestart(from: Config, to: Config): Config {
  return {
    ...to,
    rundir: from.rundir,
    user: from.user,
    management: from.management,
    cache: { ...to.cache, storage: from.cache.storage },
    logging: { ...to.logging, target: from.logging.target },
  }
}

function* differences(from: unknown, to: unknown, path: string): Generator<Change> {
  if (isSection(from) && isSection(to) && path !== 'workers') {
    for (const key of new Set([...Object.keys(from), ...Object.keys(to)]))
      yield* differences(from[key], to[key], path === '' ? key : `${path}/${key}`)
  } else if (JSON.stringify(from) !== JSON.stringify(to)) {
    yield { path, from, to, class: reloadClassOf(path) }
  }
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
