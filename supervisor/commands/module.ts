/** `bowline module …`: begin a module of one's own, and run its tests. docs/modules.md tells the rest. */

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { BowlineError } from '../../src/config/error.ts'
import { moduleTemplate } from '../module-template.ts'
import { conclude, ExitCode } from './outcome.ts'

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
/** Gives modules what they import as `bowline`. */
const PROVIDER = new URL(
  import.meta.url.endsWith('.ts') ? '../../src/provide-bowline.ts' : '../../src/provide-bowline.js',
  import.meta.url,
)

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
    .description('Run the tests of a module, *.test.ts and *.test.js in its folder.')
    .argument('[folder]', 'folder of the module', '.')
    .action((folder: string) => conclude(false, () => testModule(resolve(folder))))
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

function testModule(folder: string): Promise<number> {
  const tests = existsSync(folder) ? readdirSync(folder).filter((file) => /\.test\.[mc]?[jt]s$/.test(file)) : []
  if (tests.length === 0)
    throw new BowlineError('module-tests', `${folder} holds no tests; name the folder of a module with *.test.ts in it`)
  const child = spawn(process.execPath, ['--import', PROVIDER.href, '--test', ...tests], {
    cwd: folder,
    stdio: 'inherit',
  })
  return new Promise((done) => child.on('exit', (code) => done(code === 0 ? ExitCode.DONE : ExitCode.FAILED)))
}
