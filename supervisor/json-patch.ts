/** Changing a JSON document: pointers (RFC 6901), merge patches (RFC 7396) and the operations of RFC 6902 that a
 *  configuration needs. Documents are never changed in place. */

import { BowlineError } from '../src/config/error.ts'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** `/cache/size-max` as its parts. Throws a BowlineError 'pointer'. */
export function parsePointer(pointer: string): string[] {
  if (pointer === '' || pointer === '/') return []
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer))
    throw new BowlineError('pointer', `${pointer} is no JSON pointer; write one like /cache/size-max (RFC 6901)`)
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~')) // RFC 6901 §4: in this order
}

/** undefined: there is nothing. */
export function getAt(document: Json, path: readonly string[]): Json | undefined {
  let current: Json | undefined = document
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined
    current = (current as Record<string, Json>)[key]
  }
  return current
}

/** Sections that are missing on the way are made; `-` stands for the end of a list (RFC 6901 §4). */
export function setAt(document: Json, path: readonly string[], value: Json): Json {
  const [key, ...rest] = path
  if (key === undefined) return value
  if (Array.isArray(document)) {
    const index = key === '-' ? document.length : listIndex(key, document.length)
    return document.toSpliced(index, 1, setAt(document[index] ?? {}, rest, value))
  }
  const section = isObject(document) ? document : {}
  return { ...section, [safeKey(key)]: setAt(section[key] ?? {}, rest, value) }
}

/** Throws a BowlineError 'no-such-setting' when there is nothing to remove. */
export function removeAt(document: Json, path: readonly string[]): Json {
  const [key, ...rest] = path
  if (key === undefined) return {}
  if (getAt(document, [key]) === undefined)
    throw new BowlineError('no-such-setting', `/${path.join('/')} is not set; there is nothing to remove`)
  if (Array.isArray(document)) {
    const index = listIndex(key, document.length - 1)
    return rest.length === 0
      ? document.toSpliced(index, 1)
      : document.toSpliced(index, 1, removeAt(document[index], rest))
  }
  const section = document as { [key: string]: Json }
  if (rest.length > 0) return { ...section, [key]: removeAt(section[key], rest) }
  return Object.fromEntries(Object.entries(section).filter(([name]) => name !== key))
}

/** RFC 7396 §2. */
export function mergePatch(document: Json, patch: Json): Json {
  if (!isObject(patch)) return patch
  const merged = new Map(Object.entries(isObject(document) ? document : {}))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(safeKey(key), mergePatch(merged.get(key) ?? {}, value))
  }
  return Object.fromEntries(merged)
}

export interface PatchStep {
  op: 'add' | 'replace' | 'remove' | 'test'
  path: string
  value?: Json
}

/** RFC 6902 §4 and §5: all steps or none. Throws a BowlineError 'patch-test' when a test does not hold. */
export function applySteps(document: Json, steps: readonly PatchStep[]): Json {
  let result = document
  for (const { op, path, value = null } of steps) {
    const parts = parsePointer(path)
    if (op === 'remove') result = removeAt(result, parts)
    else if (op === 'test') {
      if (JSON.stringify(getAt(result, parts)) !== JSON.stringify(value))
        throw new BowlineError('patch-test', `${path} is not ${JSON.stringify(value)}; nothing was changed`)
    } else if (op === 'add' && Array.isArray(getAt(result, parts.slice(0, -1)))) {
      const list = getAt(result, parts.slice(0, -1)) as Json[]
      const last = parts.at(-1)!
      const index = last === '-' ? list.length : listIndex(last, list.length)
      result = setAt(result, parts.slice(0, -1), list.toSpliced(index, 0, value)) // §4.1: inserted, not replaced
    } else result = setAt(result, parts, value)
  }
  return result
}

function isObject(value: unknown): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function listIndex(text: string, max: number): number {
  const index = /^(0|[1-9]\d*)$/.test(text) ? Number(text) : Number.NaN
  if (!(index <= max)) throw new BowlineError('pointer', `${text} is no place in a list of ${max}`)
  return index
}

/** What would reach behind the document. */
function safeKey(key: string): string {
  if (key === '__proto__') throw new BowlineError('pointer', '__proto__ is no name of a setting')
  return key
}
