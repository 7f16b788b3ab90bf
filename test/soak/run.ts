/** `npm run test:soak -- [options]`: the fleet under load for long. Each run scales 1 → 4 → 2 → 3 workers, reloads twenty times,
 *  upgrades three times, and then kills workers twenty times, under as much traffic as is answered. Exit code 1 when a query
 *  was lost where none may be, or an answer was wrong. What runs is what users run, built just now. */

import { writeFileSync } from 'node:fs'
import { program } from 'commander'
import { failuresOf, type Run, summaryText, tableText } from './report.ts'
import { operateUnderLoad, type Step } from './under-load.ts'

interface Options {
  runs?: string
  reloads?: string
  upgrades?: string
  kills?: string
  udp: string
  tcp: string
  steady?: string
  between: string
  quick?: boolean
  json?: string
  verbose?: boolean
}

const values = program
  .name('npm run test:soak --')
  .option('--runs <n>', 'runs in a row (10)')
  .option('--reloads <n>', 'in each run (20)')
  .option('--upgrades <n>', 'in each run (3)')
  .option('--kills <n>', 'in each run (20)')
  .option('--udp <n>', 'queries per second by dnsperf over UDP; 0: as many as are answered', '0')
  .option('--tcp <n>', 'over TCP', '5000')
  .option('--steady <ms>', 'with nothing happening, for comparison (4000)')
  .option('--between <ms>', 'between two steps', '100')
  .option('--quick', 'a tenth of it all')
  .option('--json <file>', 'what was seen in each run')
  .option('--verbose', 'each step')
  .parse()
  .opts<Options>()
const amount = (given: string | undefined, whole: number, quick: number) =>
  Number(given ?? (values.quick ? quick : whole))
const runs = amount(values.runs, 10, 1)
const reloads = amount(values.reloads, 20, 2)
const upgrades = amount(values.upgrades, 3, 1)
const kills = amount(values.kills, 20, 3)
const steadyMs = amount(values.steady, 4000, 1000)

const scale = (workers: number): Step => ({ kind: 'scale', workers })
const some = (count: number, ...steps: Step[]): Step[] => Array.from({ length: count }, () => steps).flat()
const steady: Step = { kind: 'steady', ms: steadyMs }

const operation: Step[] = [
  ...[scale(4), scale(2), scale(3), scale(2), steady],
  ...some(reloads, { kind: 'reload' }),
  ...some(upgrades, { kind: 'upgrade' }),
  ...[scale(3), { kind: 'restart' } as Step, scale(2)],
]
const killing: Step[] = [scale(4), ...some(kills, { kind: 'kill' })]

const traffic = { udp: Number(values.udp), tcp: Number(values.tcp), betweenMs: Number(values.between), built: true }
const say = values.verbose ? (line: string) => process.stderr.write(`    ${line}\n`) : undefined
const done: Run[] = []
for (let number = 1; number <= runs; number++) {
  const operated = await operateUnderLoad({ ...traffic, steps: operation, say })
  const killed = kills === 0 ? undefined : await operateUnderLoad({ ...traffic, steps: killing, say })
  const run = { number, operated, killed }
  done.push(run)
  process.stdout.write(tableText([run], number === 1))
  for (const failure of failuresOf(run)) process.stdout.write(`  ${failure}\n`)
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ runs: done, failures: done.flatMap(failuresOf) }, undefined, 2)}\n`)
}
process.stdout.write(summaryText(done))
process.exitCode = done.some((run) => failuresOf(run).length > 0) ? 1 : 0
