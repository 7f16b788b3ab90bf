/** Takes over the configuration of another resolver, or an older one of Bowline. Nothing of it goes unsaid: each of its
 *  settings is in the configuration that comes out, or in the report, or in both. */

import { globSync, readFileSync } from 'node:fs'
import { isMap, isScalar, isSeq, type Node, type Pair, visit } from 'yaml'
import { ConfigError } from '../mistake.ts'
import { configSchema } from '../schema.ts'
import { whyUnreadable } from '../source.ts'
import { schemaAt, shapeOf } from '../tree.ts'
import type { Draft } from './draft.ts'
import { type Finding, findingText } from './finding.ts'
import { bowlineDraft, knotDraft } from './knot-resolver.ts'
import { kresdDraft } from './kresd.ts'
import { settle } from './settle.ts'
import { unboundDraft } from './unbound.ts'
import { CLAUSES, type Files, parseUnbound } from './unbound-text.ts'

export const KINDS = ['knot-resolver', 'unbound', 'kresd', 'bowline'] as const
export type Kind = (typeof KINDS)[number]

export interface Migration {
  kind: Kind
  /** In the words of a configuration file; it loads. */
  config: Record<string, unknown>
  /** The same as a file, with comments. */
  yaml: string
  report: Finding[]
}

const NAMES: Record<Kind, string> = {
  'knot-resolver': 'Knot Resolver 6',
  unbound: 'Unbound',
  kresd: 'kresd (Knot Resolver up to 5)',
  bowline: 'Bowline',
}

const disk: Files = { read: (file) => readFileSync(file, 'utf8'), match: (pattern) => globSync(pattern).sort() }

/** Reads `file`, whatever it is a configuration of, unless `kind` says. Throws a ConfigError for what cannot be read. */
export function migrateFile(file: string, kind?: Kind): Migration {
  let text: string
  try {
    text = disk.read(file)
  } catch (error) {
    throw new ConfigError([{ place: { file }, path: '', ...whyUnreadable(error as NodeJS.ErrnoException) }])
  }
  return migrateText(text, file, kind, disk)
}

export function migrateText(text: string, file: string, kind: Kind = kindOf(text), files: Files = disk): Migration {
  const draft = draftOf(text, file, kind, files)
  const keepsText = kind === 'knot-resolver' || kind === 'bowline'
  if (!keepsText) {
    settle(draft)
    sortLikeManual(draft.document.contents as Node, configSchema)
    writeShortListsInLine(draft)
  }
  const report = inOrder(draft.findings)
  return { kind, config: draft.value, yaml: yamlOf(draft, kind, file, report), report }
}

function draftOf(text: string, file: string, kind: Kind, files: Files): Draft {
  switch (kind) {
    case 'unbound':
      return unboundDraft(parseUnbound(text, file, files))
    case 'kresd':
      return kresdDraft(text, file)
    case 'knot-resolver':
      return knotDraft(text, file)
    default:
      return bowlineDraft(text, file)
  }
}

const UNBOUND = new RegExp(`^(?:\\s*server|${[...CLAUSES, 'include', 'include-toplevel'].join('|')}):(?:\\s|$)`, 'm')
const KRESD =
  /^\s*(?:--[\s[]|(?:net|cache|policy|view|hints|trust_anchors|modules|dns64|predict|stats)(?:[.[]|:\w)|modules\s*=|(?:net|policy|user|option|hostname|mode|verbose|log_level)\s*\()/m
/** Top settings that only Bowline has. */
const OWN = /^["{\s]*(?:user|drain-timeout|fallback|cookies|client-limits|stats|watchdog|modules)["\s]*:/m

/** By what stands in it. */
export function kindOf(text: string): Kind {
  if (UNBOUND.test(text)) return 'unbound'
  if (KRESD.test(text)) return 'kresd'
  return OWN.test(text) ? 'bowline' : 'knot-resolver'
}

function yamlOf({ document }: Draft, kind: Kind, file: string, report: readonly Finding[]): string {
  const left = report.filter(({ outcome }) => outcome === 'left-out')
  const header = [
    `Made by \`bowline config migrate\` from ${file}, a configuration of ${NAMES[kind]}.`,
    ...(left.length === 0 ? [] : ['Left out:', ...left.map((finding) => `  ${findingText(finding)}`)]),
  ]
  if (isMap(document.contents) && document.contents.flow) toBlocks(document.contents)
  const text = header.map((line) => `# ${line}\n`).join('')
  const isEmpty = isMap(document.contents) && document.contents.items.length === 0
  return isEmpty ? `${text}{}\n` : `${text}\n${document.toString({ lineWidth: 0 })}`
}

/** JSON becomes YAML as people write it. */
function toBlocks(root: Node): void {
  visit(root, {
    Collection: (_, node) => {
      node.flow = false
    },
    Scalar: (_, node) => {
      node.type = undefined
    },
  })
}

/** In the order of docs/configuration.md. */
function sortLikeManual(node: unknown, schema: Parameters<typeof shapeOf>[0]): void {
  const shape = shapeOf(schema)
  if (isMap(node) && shape.kind === 'section') {
    const order = Object.keys(shape.settings)
    const name = (pair: Pair) => String(isScalar(pair.key) ? pair.key.value : pair.key)
    node.items.sort((a, b) => order.indexOf(name(a)) - order.indexOf(name(b)))
    for (const pair of node.items) {
      const below = schemaAt(schema, [name(pair)])
      if (below !== undefined) sortLikeManual(pair.value, below)
    }
  }
  if (isSeq(node) && shape.kind === 'list') for (const item of node.items) sortLikeManual(item, shape.item)
}

const IN_LINE = 80

function writeShortListsInLine({ document }: Draft): void {
  visit(document, {
    Seq: (_, list) => {
      const plain = list.items.every((item) => isScalar(item) && !item.commentBefore)
      if (plain && list.items.length > 0 && JSON.stringify(list).length <= IN_LINE) list.flow = true
    },
  })
}

/** As the settings stand in their files, the first file first; what is in none comes before. */
function inOrder(findings: readonly Finding[]): Finding[] {
  const files = [...new Set(findings.map(({ place }) => place?.file))]
  const fileOrder = ({ place }: Finding) => (place === undefined ? -1 : files.indexOf(place.file))
  return findings.toSorted((a, b) => fileOrder(a) - fileOrder(b) || (a.place?.line ?? 0) - (b.place?.line ?? 0))
}
