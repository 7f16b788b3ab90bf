/** Plays scenario files and prints what came of them: `npm run scenarios -- [--verbose] [PATH…]`. Paths are files or
 *  folders; without any, all scenarios there are. Exit status 1: some failed. */

import { relative } from 'node:path'
import { findScenarios, modeText, OWN_SCENARIOS, playFile, type Result, sharedScenarios } from './play.ts'

const args = process.argv.slice(2)
const verbose = args.includes('--verbose') || args.includes('-v')
const paths = args.filter((arg) => !arg.startsWith('-'))
const shared = sharedScenarios()
const folders = paths.length > 0 ? paths : [OWN_SCENARIOS, ...(shared === undefined ? [] : [shared])]

const totals: Record<Result['verdict'], number> = { pass: 0, fail: 0, undefined: 0, unsupported: 0 }
for (const path of folders.flatMap(findScenarios)) {
  const result = await playFile(path)
  totals[result.verdict]++
  const [firstLine, ...rest] = result.reason.split('\n')
  console.log(`${result.verdict.padEnd(12)}${nameOf(path).padEnd(56)} ${firstLine}`.trimEnd())
  for (const line of rest) console.log(`${''.padEnd(16)}${line}`)
  if (verbose) tellStory(result)
}
console.log(
  Object.entries(totals)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(', '),
)
process.exitCode = totals.fail > 0 ? 1 : 0

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
