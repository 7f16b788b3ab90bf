/** A file of Knot Resolver 6, or of Bowline, while it is changed: where its settings stand, and what is done to them. */

import { join } from 'node:path'
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml'
import { ConfigError, type Place, pathText, valueText } from '../mistake.ts'
import type { SettingPath } from '../settings.ts'
import { parseSource } from '../source.ts'
import { Draft, keysOf, pairAt } from './draft.ts'
import type { Statement } from './finding.ts'
import { settle } from './settle.ts'

/** Knot Resolver's, unless its file names another. */
const RUNDIR = '/run/knot-resolver'

/** Throws a ConfigError when the text is not YAML, or of another version. */
export class KnotFile {
  readonly draft: Draft
  readonly #file: string
  readonly #lines = new LineCounter()
  /** The run folder, if Bowline's is another one. */
  readonly #formerRundir: string | undefined

  constructor(text: string, file: string) {
    const { mistakes } = parseSource(text, file)
    if (mistakes.length > 0) throw new ConfigError(mistakes)
    this.#file = file
    const document = parseDocument(text, { lineCounter: this.#lines, merge: true })
    if (document.contents === null) document.contents = document.createNode({}) as never
    withoutAliases(document)
    this.draft = new Draft(document)
    const version = this.value('version')
    if (version !== undefined && version !== 1)
      throw new ConfigError([
        {
          place: this.#placeOf(['version']),
          path: 'version',
          found: valueText(version),
          allowed: '1, the only one there is',
          remedy: 'migrate it with the version it was made for',
        },
      ])
    const rundir = this.value('rundir')
    const isKept = typeof rundir === 'string' && !rundir.includes('knot-resolver')
    this.#formerRundir = isKept ? undefined : typeof rundir === 'string' ? rundir : RUNDIR
  }

  value(path: string): unknown {
    const node = this.draft.document.getIn(keysOf(path), true)
    return (node as Node | undefined)?.toJS?.(this.draft.document)
  }

  /** The paths in the file that fit `network/listen[]/kind`. */
  matching(pattern: string): string[] {
    let found = ['']
    for (const step of pattern.split('/')) {
      const key = step.replace('[]', '')
      found = found.map((path) => (path === '' ? key : `${path}/${key}`)).filter((path) => this.#has(path))
      if (!step.endsWith('[]')) continue
      found = found.flatMap((path) => {
        const list = this.draft.document.getIn(keysOf(path))
        return isSeq(list) ? list.items.map((_, index) => `${path}/${index}`) : []
      })
    }
    return found
  }

  emptySettings(): string[] {
    return this.#leaves().flatMap((keys) => (this.value(pathText(keys)) === null ? [pathText(keys)] : []))
  }

  /** A path as it was meant: relative ones start in the run folder. */
  inRundir(path: string): string {
    return path.startsWith('/') || this.#formerRundir === undefined ? path : join(this.#formerRundir, path)
  }

  notNeeded(path: string, from: Statement, why: string): void {
    this.draft.notNeeded(from, why)
    this.draft.document.deleteIn(keysOf(path))
  }

  leaveOut(path: string, from: Statement, instead: string): void {
    this.draft.leaveOut(from, instead)
    this.draft.document.deleteIn(keysOf(path))
  }

  replace(path: string, value: unknown, from: Statement, note: string): void {
    this.draft.take(from, path, value, note, true)
  }

  move(path: string, to: string, value: unknown, from: Statement, note: string): void {
    this.draft.document.deleteIn(keysOf(path))
    this.draft.take(from, to, value, note, true)
  }

  /** Takes out what is not to be had, and counts what remains as taken. */
  finish(): void {
    settle(this.draft, (path) => this.statementAt(path))
    for (const keys of this.#leaves()) {
      if (this.draft.originOf(keys) !== undefined) continue
      this.draft.findings.push({ ...this.statementAt(keys), outcome: 'taken', into: pathText(keys) })
    }
  }

  statementAt(keys: SettingPath): Statement {
    const value = this.value(pathText(keys))
    const shown = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
    return { place: this.#placeOf(keys), setting: pathText(keys), value: shown }
  }

  #placeOf(keys: SettingPath): Place {
    const key = pairAt(this.draft.document, keys)?.key as Node | undefined
    const node = key?.range ? key : (this.draft.document.getIn(keys, true) as Node | undefined)
    const offset = node?.range?.[0]
    if (offset === undefined) return { file: this.#file }
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.#file, line, column: col }
  }

  #has(path: string): boolean {
    return this.draft.document.hasIn(keysOf(path))
  }

  /** The paths of all values that are neither sections nor lists of sections. */
  #leaves(): SettingPath[] {
    const walk = (node: unknown, keys: SettingPath): SettingPath[] => {
      if (isMap(node))
        return node.items.flatMap(({ key, value }) => walk(value, [...keys, String(isScalar(key) ? key.value : key)]))
      if (isSeq(node) && node.items.some(isMap)) return node.items.flatMap((item, at) => walk(item, [...keys, at]))
      return [keys]
    }
    return walk(this.draft.document.contents, []).filter((keys) => keys.length > 0)
  }
}

/** Each alias becomes a copy of what it stands for, and what is merged stands where it counts: so that one can be changed
 *  without the other. */
function withoutAliases(document: Document.Parsed): void {
  visit(document, { Alias: (_, alias) => alias.resolve(document)?.clone() as Node | undefined })
  visit(document, {
    Map(_, map) {
      const own = map.items.filter(({ key }) => !isMergeKey(key))
      const merged = map.items
        .filter(({ key }) => isMergeKey(key))
        .flatMap(({ value }) => (isSeq(value) ? value.items : value))
      map.items = own
      for (const source of merged)
        if (isMap(source)) for (const pair of source.items) if (!map.has(pair.key)) map.items.push(pair as never)
    },
    Node(_, node) {
      if (!isAlias(node)) node.anchor = undefined
    },
  })
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.value === '<<'
}
