/** What operators can have the modules of a worker do: `bowline module run`. */

import { BowlineError } from '../src/config/error.ts'
import type { RunningModule } from '../src/modules/module.ts'
import type { ModuleFacts, VerbOutcome, WorkerOrder } from './messages.ts'

type VerbOrder = Extract<WorkerOrder, { kind: 'module-verb' }>

export function moduleFacts(modules: readonly RunningModule[] = []): ModuleFacts[] {
  return modules.map(({ name, about, isOn, verbs }) => ({ name, about, isOn, verbs }))
}

/** Never rejects: what goes wrong is part of the outcome. */
export async function runVerb(modules: readonly RunningModule[] = [], order: VerbOrder): Promise<VerbOutcome> {
  try {
    const module = modules.find(({ name }) => name === order.module)
    if (module === undefined)
      throw new BowlineError('module-verb', `no module ${order.module} runs; bowline module list shows those that do`)
    return { value: plain(await module.runVerb(order.verb, order.words)) }
  } catch (error) {
    if (!(error instanceof BowlineError)) throw error
    return { code: error.code, message: error.message }
  }
}

/** As JSON has it; what JSON cannot hold, as text. */
function plain(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value ?? null))
  } catch {
    return String(value)
  }
}
