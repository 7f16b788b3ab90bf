/** From what zod found wrong to what an operator is told: where it stands, what may stand there, and the remedy. */

import type * as z from 'zod'
import { KNOT_ONLY } from './knot.ts'
import { type Mistake, type Place, pathText, valueText } from './mistake.ts'
import { type SettingInfo, type SettingPath, settingInfo } from './settings.ts'
import { nearest } from './suggest.ts'
import { declarations, schemaAt, shapeOf } from './tree.ts'

export const LUA_MANUAL = 'docs/configuration.md#coming-from-knot-resolver'

/** What there is to look at while explaining. */
export interface Written {
  schema: z.core.$ZodType
  /** All settings that were written, the files put together. */
  value: unknown
  placeOfKey(path: SettingPath): Place | undefined
  placeOfValue(path: SettingPath): Place | undefined
}

export function explainIssue(issue: z.core.$ZodIssue, written: Written): Mistake[] {
  const path = issue.path as SettingPath
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownSetting([...path, key], written))
    case 'custom':
      return [issue.params?.places === undefined ? wrongValue(path, written) : conflict(path, issue.params, written)]
    case 'invalid_union': {
      const inner = meantBranch(issue.errors)
      if (inner === undefined) return [wrongValue(path, written)]
      return inner.flatMap((nested) => explainIssue({ ...nested, path: [...issue.path, ...nested.path] }, written))
    }
    default:
      return [wrongValue(path, written)]
  }
}

/** Of the forms a value may take, the one whose outside fits and only the inside is wrong: a list with one bad item. */
function meantBranch(branches: readonly z.core.$ZodIssue[][]): z.core.$ZodIssue[] | undefined {
  const fitting = branches.filter((issues) => issues.every(isInside))
  return fitting.length === 1 ? fitting[0] : undefined
}

/** A key of a map that does not belong there, or does not go with the others, is of its inside, too. */
function isInside(issue: z.core.$ZodIssue): boolean {
  const { path, code } = issue
  return path.length > 0 || code === 'unrecognized_keys' || (code === 'custom' && issue.params?.places !== undefined)
}

function wrongValue(path: SettingPath, written: Written): Mistake {
  const found = valueAt(written.value, path)
  const info = infoAt(path, written)
  return {
    place: written.placeOfValue(path),
    path: pathText(path),
    found: valueText(found),
    allowed: info.allowed,
    remedy: found === undefined ? `add ${path.at(-1)}` : info.remedy(found),
  }
}

function conflict(
  base: SettingPath,
  params: { places?: readonly SettingPath[]; allowed?: string; remedy?: string },
  written: Written,
): Mistake {
  const paths = (params.places ?? [[]]).map((place) => [...base, ...place])
  const path = paths.find((candidate) => valueAt(written.value, candidate) !== undefined) ?? paths[0]
  return {
    place: written.placeOfValue(path),
    path: pathText(path),
    found: valueText(valueAt(written.value, path)),
    allowed: params.allowed ?? '',
    remedy: params.remedy ?? '',
  }
}

function unknownSetting(path: SettingPath, written: Written): Mistake {
  const shape = shapeOf(schemaAt(written.schema, path.slice(0, -1))!)
  const siblings = shape.kind === 'section' ? Object.keys(shape.settings) : []
  const mistake = { place: written.placeOfKey(path), path: pathText(path) }
  if (path[0] === 'lua')
    return {
      ...mistake,
      found: "a setting of Knot Resolver's Lua layer",
      allowed: 'nothing, Bowline runs no Lua',
      remedy: `take it out; ${LUA_MANUAL} says what to use instead`,
    }
  return {
    ...mistake,
    found: 'an unknown setting',
    allowed: siblings.join(', '),
    remedy: unknownRemedy(path, siblings, written),
  }
}

function unknownRemedy(path: SettingPath, siblings: readonly string[], written: Written): string {
  const key = String(path.at(-1))
  if (KNOT_ONLY.includes(declaredPath(path)))
    return 'take it out; Knot Resolver has this setting, this version of Bowline does not'
  const near = nearest(key, siblings)
  if (near !== undefined) return `did you mean ${near}?`
  const elsewhere = [...declarations(written.schema)].filter((declared) => declared.path.split('/').at(-1) === key)
  if (elsewhere.length > 0) return `did you mean ${elsewhere.map((declared) => declared.path).join(' or ')}?`
  return 'take it out, or correct its name'
}

/** `['network', 'listen', 0, 'port']` as `network/listen[]/port`. */
function declaredPath(path: SettingPath): string {
  return pathText(path).replace(/\/\d+(?=\/|$)/g, '[]')
}

/** What is declared at `path`, or for want of that around it. */
function infoAt(path: SettingPath, { schema }: Written): SettingInfo {
  for (let length = path.length; length > 0; length--) {
    const declared = schemaAt(schema, path.slice(0, length))
    const info = declared && settingInfo.get(declared)
    if (info !== undefined) return info
  }
  return settingInfo.get(schema)!
}

export function valueAt(value: unknown, path: SettingPath): unknown {
  let current = value
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined
    current = (current as Record<string | number, unknown>)[key]
  }
  return current
}
