/** Plays scenario files and prints what came of them: `npm run scenarios -- [--verbose] [PATH…]`. Paths are files or
 *  folders; without any, all scenarios there are. Exit status 1: some failed that expectations.ts does not list. */

import { relative } from 'node:path'
import { EXPECTATIONS } from './expectations.ts'
import { findScenarios, modeText, OWN_SCENARIOS, playFile, type Result, sharedScenarios } from './play.ts'

const args = process.argv.slice(2)
const verbose = args.includes('--verbose') || args.includes('-v')
const paths = args.filter((arg) => !arg.startsWith('-'))
const shared = sharedScenarios()
const folders = paths.length > 0 ? paths : [OWN_SCENARIOS, ...(shared === undefined ? [] : [shared])]

const totals: Record<Result['verdict'], number> = { pass: 0, fail: 0, undefined: 0, unsupported: 0 }
let listed = 0
let surprises = 0
for (const path of folders.flatMap(findScenarios)) {
  const result = await playFile(path)
  totals[result.verdict]++
  const expectation = EXPECTATIONS[nameOf(path)]
  const isListed = expectation !== undefined && expectation.verdict === result.verdict
  if (isListed) listed++
  else if (result.verdict === 'fail' || result.verdict === 'undefined') surprises++
  const reason = isListed ? `as listed: ${expectation.reason}` : result.reason
  const [firstLine, ...rest] = reason.split('\n')
  console.log(`${result.verdict.padEnd(12)}${nameOf(path).padEnd(56)} ${firstLine}`.trimEnd())
  for (const line of rest) console.log(`${''.padEnd(16)}${line}`)
  if (verbose) tellStory(result)
}
const counts = Object.entries(totals).map(([verdict, count]) => `${count} ${verdict}`)
console.log(`${counts.join(', ')}; ${listed} of them deviate as listed, ${surprises} as not`)
process.exitCode = surprises > 0 ? 1 : 0

function nameOf(path: string): string {
  const base = shared !== undefined && path.startsWith(shared) ? shared : process.cwd()
  return relative(base, path)
}

function tellStory({ outcomes }: Result): void {
  for (const { minimise, outcome } of outcomes) {
    console.log(`  --- ${modeText(minimise)}: ${outcome.verdict}`)
    for (const line of outcome.story) console.log(`  ${line().replaceAll('\n', '\n  ')}`)
  }
}
