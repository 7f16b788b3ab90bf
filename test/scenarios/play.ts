/** One scenario file, in each of its minimisation modes, against Bowline; and where the files are. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readHead } from './head.ts'
import { parseScenario } from './parse-rpl.ts'
import { type Outcome, replay, type Verdict } from './replay.ts'
import { replayOptions, whyUnsupported } from './settings.ts'

export interface Result {
  path: string
  verdict: Verdict | 'unsupported'
  /** What failed, what was not scripted or what is missing, by mode; empty for a pass. */
  reason: string
  /** One for each mode played. */
  outcomes: { minimise: boolean; outcome: Outcome }[]
}

/** The worst of the modes counts. Throws ScenarioError when the file is no scenario. */
export async function playFile(path: string): Promise<Result> {
  const scenario = parseScenario(readFileSync(path, 'utf8'), path)
  const missing = whyUnsupported(scenario)
  if (missing !== undefined) return { path, verdict: 'unsupported', reason: missing, outcomes: [] }
  const outcomes: Result['outcomes'] = []
  for (const minimise of readHead(scenario).minimise)
    outcomes.push({ minimise, outcome: await replay(scenario, replayOptions(scenario, minimise)) })
  const verdicts = outcomes.map(({ outcome }) => outcome.verdict)
  const verdict = verdicts.includes('fail') ? 'fail' : verdicts.includes('undefined') ? 'undefined' : 'pass'
  const reason = outcomes
    .filter(({ outcome }) => outcome.reason !== '')
    .map(({ minimise, outcome }) => `${modeText(minimise)}: ${outcome.reason}`)
    .join('\n')
  return { path, verdict, reason, outcomes }
}

export function modeText(minimise: boolean): string {
  return minimise ? 'minimised' : 'whole names'
}

/** All `.rpl` files at or below `path`, sorted. */
export function findScenarios(path: string): string[] {
  if (!existsSync(path)) return []
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.rpl'))
    .sort()
    .map((name) => join(path, name))
}

const here = dirname(fileURLToPath(import.meta.url))

/** Bowline's own scenarios. */
export const OWN_SCENARIOS = join(here, 'own')

/** The scenarios taken from public suites: beside the checkout, or where BOWLINE_SCENARIOS says; undefined: absent. */
export function sharedScenarios(): string | undefined {
  const path = resolve(process.env.BOWLINE_SCENARIOS ?? join(here, '../../../shared/scenarios'))
  return existsSync(path) ? path : undefined
}
