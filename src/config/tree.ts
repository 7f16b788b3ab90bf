/** Walking the schema: from a path to what is declared there, and over all settings in order. */

import * as z from 'zod'
import { type SettingInfo, type SettingPath, settingInfo } from './settings.ts'

/** What a section, list or setting is, seen through its wrappers. */
export type Shape =
  | { kind: 'section'; settings: Readonly<Record<string, z.core.$ZodType>> }
  | { kind: 'list'; item: z.core.$ZodType }
  | { kind: 'value' }

export function shapeOf(schema: z.core.$ZodType): Shape {
  if (schema instanceof z.ZodObject) return { kind: 'section', settings: schema.shape }
  if (schema instanceof z.ZodArray) return { kind: 'list', item: schema.element }
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional)
    return shapeOf(schema.def.innerType)
  if (schema instanceof z.ZodPipe)
    return shapeOf(schema.def.in instanceof z.ZodTransform ? schema.def.out : schema.def.in)
  if (schema instanceof z.ZodUnion) {
    const shapes = schema.options.map((option) => shapeOf(option as z.core.$ZodType))
    return shapes.find(hasSettings) ?? shapes.find((shape) => shape.kind === 'list') ?? { kind: 'value' }
  }
  return { kind: 'value' }
}

/** Of the forms a value may take, the one that says most of it: a section with settings of its own, or a list of such. */
function hasSettings(shape: Shape): boolean {
  if (shape.kind === 'section') return Object.values(shape.settings).every((setting) => settingInfo.has(setting))
  return shape.kind === 'list' && hasSettings(shapeOf(shape.item))
}

/** The schema at `path`; undefined when the schema has no such setting. */
export function schemaAt(schema: z.core.$ZodType, path: SettingPath): z.core.$ZodType | undefined {
  let current: z.core.$ZodType | undefined = schema
  for (const key of path) {
    if (current === undefined) return undefined
    const shape = shapeOf(current)
    if (shape.kind === 'section') current = Object.hasOwn(shape.settings, key) ? shape.settings[key] : undefined
    else current = shape.kind === 'list' ? shape.item : undefined
  }
  return current
}

export interface Declared {
  /** `network/listen[]/interface`; empty for the whole. */
  path: string
  kind: 'section' | 'list' | 'setting'
  info: SettingInfo
  /** As it would be written in a file; undefined when there is no constant default. */
  fallback: unknown
}

/** Every section, list and setting in the order of declaration, each section before its settings. */
export function* declarations(schema: z.core.$ZodType, path = ''): Generator<Declared> {
  const info = settingInfo.get(schema)
  if (info === undefined) throw new TypeError(`${path} is not declared by src/config/settings.ts`)
  const shape = shapeOf(schema)
  const settings = shape.kind === 'list' ? shapeOf(shape.item) : shape
  const kind = shape.kind === 'section' ? 'section' : settings.kind === 'section' ? 'list' : 'setting'
  yield { path, kind, info, fallback: fallbackOf(schema) }
  if (settings.kind !== 'section') return
  const prefix = path === '' ? '' : shape.kind === 'list' ? `${path}[]/` : `${path}/`
  for (const [key, setting] of Object.entries(settings.settings)) yield* declarations(setting, prefix + key)
}

function fallbackOf(schema: z.core.$ZodType): unknown {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault ? schema.def.defaultValue : undefined
}
