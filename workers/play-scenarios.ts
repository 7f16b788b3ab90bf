/** Main file of the process that plays the scenarios of a module, for `bowline module test FOLDER`: the folder, then the files in
 *  it. Exit code 1: one of them fails. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { BowlineError } from '../src/config/error.ts'
import { loadModule } from './load-modules.ts'
import { playModuleScenario, readModuleScenario } from './module-scenario.ts'

const [folder, ...files] = process.argv.slice(2)
try {
  const module = await loadModule(folder, '.', 'module')
  for (const file of files) {
    const scenario = readModuleScenario(parse(readFileSync(join(folder, file), 'utf8')), file)
    const faults = await playModuleScenario(module, scenario)
    if (faults.length > 0) process.exitCode = 1
    process.stdout.write(`${file} ${faults.length === 0 ? 'passes' : 'fails'}\n`)
    for (const fault of faults) process.stdout.write(`  ${fault}\n`)
  }
} catch (error) {
  if (!(error instanceof BowlineError)) throw error
  process.stderr.write(`bowline: ${error.message}\n`)
  process.exitCode = 1
}
