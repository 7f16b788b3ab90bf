/** One configuration file: its settings as plain values, and where in the file each of them stands. YAML 1.2, of which
 *  JSON is a part. */

import { readFileSync } from 'node:fs'
import {
  type Document,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml'
import { type Mistake, type Place, pathText, valueText } from './mistake.ts'
import type { SettingPath } from './settings.ts'

const ALLOWED = 'YAML 1.2 or JSON'

export interface Source {
  readonly file: string
  /** What the file says; an empty map when it cannot be read or makes no sense. */
  readonly value: unknown
  /** What is wrong with the text itself. */
  readonly mistakes: readonly Mistake[]
  /** Where the value of a setting begins; undefined when this file does not have it. */
  placeOfValue(path: SettingPath): Place | undefined
  /** Where the name of a setting stands. */
  placeOfKey(path: SettingPath): Place | undefined
}

/** Reads and parses a file; a file that cannot be read is one mistake. */
export function readSource(file: string): Source {
  try {
    return parseSource(readFileSync(file, 'utf8'), file)
  } catch (error) {
    const mistake: Mistake = { place: { file }, path: '', ...whyUnreadable(error as NodeJS.ErrnoException) }
    return { file, value: {}, mistakes: [mistake], placeOfValue: () => undefined, placeOfKey: () => undefined }
  }
}

export function parseSource(text: string, file: string): Source {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true })
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { file, line, column: col }
  }
  const mistakes = [...document.errors, ...document.warnings].map((error) => explain(error, document, place))
  let value: unknown = {}
  if (document.errors.every((error) => error.code === 'DUPLICATE_KEY')) {
    try {
      value = document.toJS({ maxAliasCount: 100 }) ?? {}
    } catch (error) {
      mistakes.push(explainAlias(error as Error, document, place)) // an alias without its anchor, or a bomb of aliases
    }
  }
  if (typeof value !== 'object' || Array.isArray(value)) {
    mistakes.push({
      place: place(document.contents?.range[0] ?? 0),
      path: '',
      found: valueText(value),
      allowed: 'a map of settings',
      remedy: 'write each setting as "key: value", on a line of its own',
    })
    value = {}
  }
  return {
    file,
    value,
    mistakes,
    placeOfValue(path) {
      const node = path.length === 0 ? document.contents : document.getIn(path, true)
      const range = (node as { range?: [number, number, number] } | null | undefined)?.range
      return range && place(range[0])
    },
    placeOfKey(path) {
      const range = keyNode(document, path)?.range
      return range ? place(range[0]) : undefined
    },
  }
}

function keyNode(document: Document.Parsed, path: SettingPath) {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  const key = String(path.at(-1))
  if (!isMap(parent)) return undefined
  const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
  return isScalar(pair?.key) ? pair.key : undefined
}

/** What is wrong when a file cannot be read. */
export function whyUnreadable(error: NodeJS.ErrnoException): { found: string; allowed: string; remedy: string } {
  const allowed = `a readable file of ${ALLOWED}`
  switch (error.code) {
    case 'ENOENT':
      return { found: 'no such file', allowed, remedy: 'correct the path' }
    case 'EACCES':
      return {
        found: 'a file that may not be read',
        allowed,
        remedy: 'give the user of the service the right to read it',
      }
    case 'EISDIR':
      return { found: 'a folder', allowed, remedy: 'name a file in it' }
    default:
      return { found: `a file that cannot be read (${error.message})`, allowed, remedy: 'correct the path' }
  }
}

/** What the commonest damages are called, and the remedy; the parser's own words serve for the rest. */
const SYNTAX: Record<string, { found: string; remedy: string }> = {
  TAB_AS_INDENT: { found: 'a tab as indentation', remedy: 'indent with spaces' },
  MULTIPLE_DOCS: {
    found: 'a second document',
    remedy: 'take the line "---" out, or put what follows into a file of its own',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    found: 'a second ": " in one line',
    remedy: 'begin the inner setting on a line of its own, or put the value in quotes',
  },
  MULTILINE_IMPLICIT_KEY: {
    found: 'a name of a setting that goes over several lines',
    remedy: 'indent the settings of a section alike, each with its own ": "',
  },
  BAD_INDENT: { found: 'an indentation that fits nothing above', remedy: 'indent the settings of a section alike' },
}

function explain(error: YAMLError, document: Document.Parsed, placeAt: (offset: number) => Place): Mistake {
  const place = placeAt(error.pos[0])
  if (error.code === 'DUPLICATE_KEY') return explainDuplicate(error.pos[0], document, placeAt)
  const known = SYNTAX[error.code]
  return {
    place,
    path: '',
    found: known?.found ?? `text that is not YAML (${error.message})`,
    allowed: ALLOWED,
    remedy: known?.remedy ?? 'correct the line; values with special characters go in quotes',
  }
}

function explainDuplicate(offset: number, document: Document.Parsed, placeAt: (offset: number) => Place): Mistake {
  let path: SettingPath = []
  let first = offset
  visit(document, {
    Pair(_, pair, ancestors) {
      if (!isScalar(pair.key) || pair.key.range?.[0] !== offset) return undefined
      path = pathOf(pair, ancestors as readonly unknown[])
      first = keyNode(document, path)?.range?.[0] ?? offset
      return visit.BREAK
    },
  })
  const place = placeAt(offset)
  return {
    place,
    path: pathText(path),
    found: `the setting a second time, after line ${placeAt(first).line}`,
    allowed: 'each setting once',
    remedy: 'take one of the two out',
  }
}

function explainAlias(error: Error, document: Document.Parsed, placeAt: (offset: number) => Place): Mistake {
  let offset = 0
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined && error.message.startsWith('Unresolved')) return undefined
      offset = alias.range?.[0] ?? 0
      return visit.BREAK
    },
  })
  const unresolved = error.message.startsWith('Unresolved')
  return {
    place: placeAt(offset),
    path: '',
    found: unresolved ? 'an alias (*name) without its anchor (&name)' : 'aliases that multiply',
    allowed: 'an alias for an anchor above it, at most 100 values in all',
    remedy: unresolved ? 'put values that contain a * in quotes' : 'write the values out',
  }
}

/** The names and positions that lead from the top of the document to `pair`. */
function pathOf(pair: Pair, ancestors: readonly unknown[]): SettingPath {
  const line = [...ancestors, pair]
  return line.flatMap((node, depth): (string | number)[] => {
    const parent = line[depth - 1]
    if (isSeq(parent)) return [parent.items.indexOf(node)]
    return isPair(node) && isScalar(node.key) ? [String(node.key.value)] : []
  })
}
