/** The configuration that is being made of another one, with what is to be said about it. */

import { Document, isMap, isPair, isScalar, isSeq, type Pair, type YAMLSeq } from 'yaml'
import type { SettingPath } from '../settings.ts'
import type { Finding, Statement } from './finding.ts'

export class Draft {
  readonly document: Document
  readonly findings: Finding[] = []
  /** Which statement a node of the document comes from. */
  readonly #origins = new Map<unknown, Statement>()

  constructor(document: Document = new Document({})) {
    this.document = document
  }

  /** The configuration so far. */
  get value(): Record<string, unknown> {
    return (this.document.toJS() ?? {}) as Record<string, unknown>
  }

  /** Sets `path`. With a note, it is not quite what the statement meant; the file says so, too, unless it is `quiet`. */
  take(from: Statement, path: string, value: unknown, note?: string, quiet = false): void {
    const blocker = this.#notASection(keysOf(path))
    if (blocker !== undefined) {
      this.leaveOut(from, `write ${path}; ${blocker} is no section`)
      return
    }
    const keys = keysOf(path)
    this.document.setIn(keys, this.document.createNode(value))
    this.#remember(from, keys, path, note)
    if (note !== undefined && !quiet) this.#comment(keys, note)
  }

  /** Puts an item at the end of the list at `path`. */
  append(from: Statement, path: string, item: unknown, note?: string, quiet = false): void {
    const keys = keysOf(path)
    if (!isSeq(this.document.getIn(keys))) this.document.setIn(keys, this.document.createNode([]))
    const list = this.document.getIn(keys) as YAMLSeq
    list.add(this.document.createNode(item))
    const place = [...keys, list.items.length - 1]
    this.#remember(from, place, path, note)
    if (note !== undefined && !quiet) this.#comment(place, note)
  }

  notNeeded(from: Statement, why: string): void {
    this.findings.push({ ...from, outcome: 'not-needed', note: why })
  }

  leaveOut(from: Statement, instead: string): void {
    this.findings.push({ ...from, outcome: 'left-out', note: instead })
  }

  /** The statement that the value at `path`, or what it stands in, comes from. */
  originOf(path: SettingPath): Statement | undefined {
    for (let length = path.length; length > 0; length--) {
      const origin = this.#origins.get(this.document.getIn(path.slice(0, length), true))
      if (origin !== undefined) return origin
    }
    return undefined
  }

  /** What was said about a statement no longer holds. */
  takeBack(from: Statement): void {
    for (let at = this.findings.length - 1; at >= 0; at--)
      if (this.findings[at].place === from.place && this.findings[at].setting === from.setting)
        this.findings.splice(at, 1)
  }

  /** Where a value stands in which a setting ought to be. */
  #notASection(keys: SettingPath): string | undefined {
    const isOpen = (key: string | number, node: unknown) => (typeof key === 'number' ? isSeq(node) : isMap(node))
    const blocking = keys.findIndex((key, at) => {
      const above = keys.slice(0, at)
      return at > 0 && this.document.hasIn(above) && !isOpen(key, this.document.getIn(above, true))
    })
    return blocking < 0 ? undefined : keys.slice(0, blocking).join('/')
  }

  #remember(from: Statement, keys: SettingPath, into: string, note: string | undefined): void {
    const node = this.document.getIn(keys, true)
    this.#origins.set(node, from)
    this.findings.push({ ...from, outcome: note === undefined ? 'taken' : 'translated', into, note })
  }

  #comment(keys: SettingPath, note: string): void {
    const text = ` ${note}`
    const pair = pairAt(this.document, keys)
    const bearer = pair === undefined ? this.document.getIn(keys, true) : pair.key
    const node = bearer as { commentBefore?: string | null }
    const lines = node.commentBefore?.split('\n') ?? []
    if (!lines.includes(text)) node.commentBefore = [...lines, text].join('\n')
  }
}

/** The pair whose value stands at `keys`, its key a node that can bear comments; undefined for an item of a list. */
export function pairAt(document: Document, keys: SettingPath): Pair | undefined {
  const parent = keys.length === 1 ? document.contents : document.getIn(keys.slice(0, -1), true)
  if (!isMap(parent)) return undefined
  const pair = parent.items.find((item) => String(isScalar(item.key) ? item.key.value : item.key) === keys.at(-1))
  if (isPair(pair) && !isScalar(pair.key)) pair.key = document.createNode(pair.key)
  return pair
}

/** `network/listen/0` as the keys that lead there. */
export function keysOf(path: string): (string | number)[] {
  return path.split('/').map((key) => (/^\d+$/.test(key) ? Number(key) : key))
}
