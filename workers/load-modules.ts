/** Modules that do not come with Bowline: found by path or by package, loaded, and given their settings. */

import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BowlineError } from '../src/config/error.ts'
import { explainIssue } from '../src/config/explain.ts'
import { mistakeText } from '../src/config/mistake.ts'
import type { Config } from '../src/config/schema.ts'
import type { OutsideModule } from '../src/modules/index.ts'
import { DEFAULT_BUDGET, isModule, type Module } from '../src/modules/module.ts'

/** What a module's folder may have as its main file. */
const MAIN_FILES = ['index.ts', 'index.js', 'index.mjs']

type Listed = Pick<Config['modules'][number], 'from' | 'config'> & Partial<Config['modules'][number]>

/** Loads what `modules` names, in that order. Rejects with a BowlineError that tells the setting. */
export async function loadModules({
  modules,
  rundir,
}: {
  modules: readonly Listed[]
  rundir: string
}): Promise<OutsideModule[]> {
  if (modules.length === 0) return []
  await import('../src/provide-bowline.ts')
  const loaded: OutsideModule[] = []
  for (const [index, { from, config, ...limits }] of modules.entries()) {
    const setting = `modules/${index}`
    const module = await loadModule(from, rundir, `${setting}/from`)
    const budget = {
      callMs: limits['call-time'] ?? DEFAULT_BUDGET.callMs,
      waitMs: limits['wait-time'] ?? DEFAULT_BUDGET.waitMs,
      faults: limits.faults ?? DEFAULT_BUDGET.faults,
    }
    loaded.push({ module, config: checkSettings(module, config, `${setting}/config`), budget })
  }
  return loaded
}

/** What lies at `from`, seen from `folder`. Rejects with a BowlineError that names `setting`. */
export async function loadModule(from: string, folder: string, setting: string): Promise<Module> {
  const url =
    from.includes('/') && !from.startsWith('@') ? urlOfPath(from, folder, setting) : urlOfPackage(from, folder, setting)
  let exported: Record<string, unknown>
  try {
    exported = await import(url)
  } catch (error) {
    throw unusable(setting, from, `cannot be loaded (${(error as Error).message})`, 'correct the module')
  }
  const module = [exported.default, ...Object.values(exported)].find(isModule)
  if (module === undefined)
    throw unusable(setting, from, 'exports no module', 'export what defineModule() gives as its default')
  return module
}

function urlOfPath(from: string, folder: string, setting: string): string {
  const path = resolve(folder, from)
  if (!existsSync(path)) throw unusable(setting, from, `is not there (${path})`, 'name a folder or a file')
  if (!statSync(path).isDirectory()) return pathToFileURL(path).href
  const main = MAIN_FILES.map((file) => join(path, file)).find(existsSync)
  if (main === undefined) throw unusable(setting, from, `has no ${MAIN_FILES.join(', ')}`, 'name the file')
  return pathToFileURL(main).href
}

function urlOfPackage(from: string, folder: string, setting: string): string {
  for (const start of [join(folder, 'from-here.js'), import.meta.url]) {
    try {
      return pathToFileURL(createRequire(start).resolve(from)).href
    } catch {
      // not found from there
    }
  }
  throw unusable(setting, from, `is no package installed at ${folder} or beside Bowline`, 'install it, or name a path')
}

function checkSettings(module: Module, written: unknown, setting: string): unknown {
  const parsed = module.settings.safeParse(written)
  if (parsed.success) return parsed.data
  const nowhere = () => undefined
  const around = { schema: module.settings, value: written, placeOfKey: nowhere, placeOfValue: nowhere }
  const mistakes = parsed.error.issues.flatMap((issue) => explainIssue(issue, around))
  const lines = mistakes.map((mistake) =>
    mistakeText({ ...mistake, path: mistake.path === '' ? setting : `${setting}/${mistake.path}` }),
  )
  throw new BowlineError('module-settings', lines.join('\n'))
}

function unusable(setting: string, from: string, why: string, remedy: string): BowlineError {
  return new BowlineError('module', `${setting}: ${from} ${why}; ${remedy}`)
}
