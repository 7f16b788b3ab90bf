/** `bowline module …`: begin a module of one's own, run its tests, and tell modules of the running service what to do.
 *  docs/modules.md tells the rest. */

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { BowlineError } from '../../src/config/error.ts'
import { moduleTemplate } from '../module-template.ts'
import { conclude, ExitCode } from './outcome.ts'
import { findsService, order, type ServiceOptions } from './service.ts'

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
const ours = (path: string) =>
  new URL(`../../${path}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
/** Gives modules what they import as `bowline`. */
const PROVIDER = ours('src/provide-bowline').href
const PLAYER = fileURLToPath(ours('workers/play-scenarios'))
const DESCRIBER = fileURLToPath(ours('workers/describe-module'))

export function addModuleCommands(program: Command): void {
  const module = program.command('module').description('Write modules: behaviour of your own in the resolver.')

  module
    .command('new')
    .description('Make a folder with a module that works: source, tests, configuration and manual.')
    .argument('<name>', 'in kebab case, as in my-module')
    .option('--in <folder>', 'where the folder is to be made', '.')
    .action((name: string, options: { in: string }) => conclude(false, () => makeModule(name, options.in)))

  module
    .command('test')
    .description('Run the tests of a module, *.test.ts and *.test.js in its folder, and play its scenario*.yaml.')
    .argument('[folder]', 'folder of the module', '.')
    .action((folder: string) => conclude(false, () => testModule(resolve(folder))))

  module
    .command('describe')
    .description('Show the settings and metrics of a module, made of its declarations.')
    .argument('[folder]', 'folder of the module', '.')
    .option('--json', 'its settings as JSON Schema')
    .action((folder: string, options: { json?: boolean }) =>
      conclude(options.json, async () => {
        const isWell = await runNode('.', [DESCRIBER, resolve(folder), ...(options.json ? ['json'] : [])])
        return isWell ? ExitCode.DONE : ExitCode.FAILED
      }),
    )

  findsService(module.command('list').description('Show the modules that run, and what they can be told.')).action(
    (options: ServiceOptions) => order<Modules>(options, { method: 'GET', path: '/v1/modules' }, modulesText),
  )

  findsService(
    module
      .command('run')
      .description('Have a module do something, in each worker; bowline module list shows what.')
      .argument('<name>', 'the module')
      .argument('<verb>', 'what it is to do')
      .argument('[words...]', 'what else the verb wants to be told'),
  ).action((name: string, verb: string, words: string[], options: ServiceOptions) =>
    order<Outcomes>(
      options,
      { method: 'POST', path: '/v1/modules/run', body: { module: name, verb, words } },
      verbText,
    ),
  )
}

interface Modules {
  modules: { name: string; about: string; verbs: Record<string, string>; offIn: number[] }[]
}

interface Outcomes {
  outcomes: { worker: number; value?: unknown }[]
}

function modulesText({ modules }: Modules): string {
  const lines = modules.flatMap(({ name, about, verbs, offIn }) => [
    `${name.padEnd(18)}${offIn.length > 0 ? `(switched off in worker ${offIn.join(', ')}) ` : ''}${about}`,
    ...Object.entries(verbs).map(([verb, what]) => `  run ${name} ${verb}: ${what}`),
  ])
  return `${lines.join('\n')}\n`
}

/** What all workers say alike is shown once. */
export function verbText({ outcomes }: Outcomes): string {
  const said = outcomes.map(({ value }) => (typeof value === 'string' ? value : JSON.stringify(value ?? null, null, 2)))
  if (said.every((text) => text === said[0])) return `${said[0]}\n`
  return outcomes.map(({ worker }, at) => `worker ${worker}: ${said[at]}\n`).join('')
}

function makeModule(name: string, where: string): number {
  if (!NAME.test(name))
    throw new BowlineError('module-name', `${name} is no name for a module; write it in kebab case, as in my-module`)
  const folder = resolve(where, name)
  if (existsSync(folder)) throw new BowlineError('module-folder', `${folder} is there already; choose another name`)
  mkdirSync(folder, { recursive: true })
  for (const file of moduleTemplate(name)) writeFileSync(join(folder, file.name), file.text)
  process.stdout.write(`${folder} is ready; try: bowline module test ${folder}\n`)
  return ExitCode.DONE
}

async function testModule(folder: string): Promise<number> {
  const files = existsSync(folder) ? readdirSync(folder) : []
  const tests = files.filter((file) => /\.test\.[mc]?[jt]s$/.test(file))
  const scenarios = files.filter((file) => /^scenario.*\.ya?ml$/.test(file))
  if (tests.length + scenarios.length === 0)
    throw new BowlineError(
      'module-tests',
      `${folder} holds no tests; name the folder of a module with *.test.ts or scenario*.yaml in it`,
    )
  const played = scenarios.length === 0 || (await runNode(folder, [PLAYER, resolve(folder), ...scenarios.toSorted()]))
  const tested = tests.length === 0 || (await runNode(folder, ['--test', ...tests]))
  return played && tested ? ExitCode.DONE : ExitCode.FAILED
}

function runNode(folder: string, parameters: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, ['--import', PROVIDER, ...parameters], { cwd: folder, stdio: 'inherit' })
  return new Promise((done) => child.on('exit', (code) => done(code === 0)))
}
