/** Does a received message fit an entry? The MATCH line of scenario files, element by element. */

import { equalNames, isAtOrBelow, type Name } from '../../src/wire/name.ts'
import { Flag, rcodeText } from '../../src/wire/types.ts'
import {
  flagsText,
  questionText,
  recordKey,
  recordText,
  type ScriptMessage,
  type ScriptRecord,
  type Section,
} from './message.ts'
import type { Entry, MatchElement } from './parse-rpl.ts'

const OPCODE_BITS = 0x7800
const COMPARED_FLAGS = Flag.QR | Flag.AA | Flag.TC | Flag.RD | Flag.RA | Flag.AD | Flag.CD

/** What keeps `got` from fitting `entry`, in words; undefined: it fits, as everything fits an entry without MATCH. */
export function findMismatch(entry: Entry, got: ScriptMessage): string | undefined {
  for (const element of entry.match ?? []) {
    const problem = compareElement(element, entry.message, got)
    if (problem !== undefined) return `${element}: ${problem}`
  }
  return undefined
}

function compareElement(element: MatchElement, expected: ScriptMessage, got: ScriptMessage): string | undefined {
  switch (element) {
    case 'opcode':
      return (expected.flags & OPCODE_BITS) === (got.flags & OPCODE_BITS) ? undefined : 'differs'
    case 'rcode':
      return differ(rcodeText(expected.rcode), rcodeText(got.rcode))
    case 'flags':
      return differ(flagsText(expected.flags & COMPARED_FLAGS), flagsText(got.flags & COMPARED_FLAGS))
    case 'qtype':
      return compareQuestions(expected, got, (a, b) => a.type === b.type)
    case 'qname':
      return compareQuestions(expected, got, (a, b) => equalNames(a.name, b.name))
    case 'qcase':
      return compareQuestions(expected, got, (a, b) => sameOctets(a.name, b.name))
    case 'subdomain':
      if (!expected.question) return undefined
      if (got.question && isAtOrBelow(got.question.name, expected.question.name)) return undefined
      return `${questionText(got.question)} is not at or below ${questionText(expected.question)}`
    case 'answer':
    case 'authority':
    case 'additional':
      return compareSections(element, expected, got)
  }
}

function differ(expected: string, got: string): string | undefined {
  return expected === got ? undefined : `expected ${expected}, got ${got}`
}

type Question = NonNullable<ScriptMessage['question']>

function compareQuestions(
  expected: ScriptMessage,
  got: ScriptMessage,
  agree: (a: Question, b: Question) => boolean,
): string | undefined {
  if (!expected.question && !got.question) return undefined
  if (expected.question && got.question && agree(expected.question, got.question)) return undefined
  return `expected ${questionText(expected.question)}, got ${questionText(got.question)}`
}

/** Equal: as many records, each of one in the other. Order is free and TTLs are not looked at. */
function compareSections(section: Section, expected: ScriptMessage, got: ScriptMessage): string | undefined {
  const missing = notIn(expected[section], got[section])
  const surplus = notIn(got[section], expected[section])
  const sameCount = expected[section].length === got[section].length
  if (missing.length === 0 && surplus.length === 0 && sameCount) return undefined
  const lines = [
    ...(sameCount ? [] : [`expected ${expected[section].length} records, got ${got[section].length}`]),
    ...missing.map((record) => `    missing  ${recordText(record)}`),
    ...surplus.map((record) => `    surplus  ${recordText(record)}`),
  ]
  return lines.join('\n')
}

function notIn(records: ScriptRecord[], others: ScriptRecord[]): ScriptRecord[] {
  const known = new Set(others.map(recordKey))
  return records.filter((record) => !known.has(recordKey(record)))
}

function sameOctets(a: Name, b: Name): boolean {
  return a.length === b.length && a.every((octet, index) => octet === b[index])
}
