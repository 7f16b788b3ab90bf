/** Takes out of a draft what Bowline's schema refuses, and reports it: what remains is a configuration that loads. */

import { isCollection, isMap, type Node, type YAMLSeq } from 'yaml'
import { explainIssue } from '../explain.ts'
import { type Mistake, pathText, valueText } from '../mistake.ts'
import { configSchema } from '../schema.ts'
import type { SettingPath } from '../settings.ts'
import { type Draft, keysOf } from './draft.ts'
import type { Statement } from './finding.ts'

type FindStatement = (path: SettingPath) => Statement

/** `statementAt` tells where a setting stands that the draft knows no origin of. */
export function settle(draft: Draft, statementAt: FindStatement = nowhere): void {
  for (let mistakes = mistakesIn(draft); mistakes.length > 0; mistakes = mistakesIn(draft)) {
    const units = new Map(mistakes.map((mistake) => [pathText(unitOf(draft, keysOf(mistake.path))), mistake]))
    for (const [unit, mistake] of [...units].sort(([a], [b]) => lastFirst(a, b))) {
      const keys = keysOf(unit)
      if (!draft.document.hasIn(keys)) continue // went with what it stood in
      const from = draft.originOf(keys) ?? statementAt(keys)
      draft.takeBack(from)
      draft.leaveOut(from, whyNot(mistake))
      remove(draft, keys, statementAt)
    }
  }
  prune(draft, draft.document.contents as Node | null, [])
}

function mistakesIn(draft: Draft): Mistake[] {
  const none = () => undefined
  const written = { schema: configSchema, value: draft.value, placeOfKey: none, placeOfValue: none }
  return (configSchema.safeParse(written.value).error?.issues ?? []).flatMap((issue) => explainIssue(issue, written))
}

function whyNot({ found, allowed, remedy }: Mistake): string {
  return found === 'an unknown setting' ? `${found}; ${remedy}` : `found ${found}; allowed: ${allowed}; ${remedy}`
}

/** What goes when there is a mistake at `keys`. An item of a list goes as a whole: half a rule may do the opposite of what
 *  it was written for. */
function unitOf(draft: Draft, keys: SettingPath): SettingPath {
  let unit = keys
  while (unit.length > 1 && !draft.document.hasIn(unit)) unit = unit.slice(0, -1)
  const index = unit.findLastIndex((key) => typeof key === 'number')
  return index < 0 ? unit : unit.slice(0, index + 1)
}

/** With the last item of a list goes the rule it stands in: without subnets, a view would be for everybody. */
function remove(draft: Draft, keys: SettingPath, statementAt: FindStatement): void {
  draft.document.deleteIn(keys)
  const list = keys.slice(0, -1)
  if (typeof keys.at(-1) !== 'number' || (draft.document.getIn(list) as YAMLSeq).items.length > 0) return
  const index = list.findLastIndex((key) => typeof key === 'number')
  const rule = index < 0 ? list : list.slice(0, index + 1)
  if (index >= 0) draft.leaveOut(draft.originOf(rule) ?? statementAt(rule), `nothing is left of its ${list.at(-1)}`)
  remove(draft, rule, statementAt)
}

/** Items of one list from the last to the first, since those after one that is removed move up. */
function lastFirst(a: string, b: string): number {
  return b.localeCompare(a, 'en', { numeric: true })
}

/** Sections in which nothing is left say nothing. */
function prune(draft: Draft, node: Node | null, keys: SettingPath): void {
  if (isMap(node))
    for (const { key, value } of [...node.items])
      if (isCollection(value)) prune(draft, value, [...keys, String((key as { value?: unknown }).value ?? key)])
  if (keys.length > 0 && isCollection(node) && node.items.length === 0) draft.document.deleteIn(keys)
}

function nowhere(path: SettingPath): Statement {
  return { setting: pathText(path), value: valueText(undefined) }
}
