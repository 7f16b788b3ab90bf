/** All that would be slow for the first clients of a new worker is done before there are any: in a process that replaces
 *  another with little claim to the processors, in one that fills an empty place without delay. */

import { flushCompileCache } from 'node:module'
import { getPriority } from 'node:os'
import { serialize } from 'node:v8'
import { systemClock } from '../src/io/clock.ts'
import { setPriorityOfThreads } from '../src/io/priority.ts'
import { askFirst } from './frequent-questions.ts'
import type { StartWorker } from './messages.ts'
import { selfTest } from './self-test.ts'
import type { Resolver } from './serve.ts'

/** What its own questions may take. */
const QUESTIONS_MS = 3000
const URGENT_QUESTIONS_MS = 50
/** Until the code that tells the supervisor how things are is quick. */
const WARM_REPORTS = 20

export class Preparation {
  readonly #start: StartWorker

  /** Who is needed at once goes before others from now on, if it may. */
  constructor(start: StartWorker) {
    this.#start = start
    const { urgent, priority } = start
    if (urgent && priority !== undefined) setPriorityOfThreads(Math.min(priority, getPriority()))
  }

  /** Rejects with a BowlineError 'self-test' when it makes no sense to go on. */
  async try(resolver: Resolver, rehearsal: Promise<unknown>): Promise<void> {
    const { questions, urgent } = this.#start
    await selfTest(resolver, systemClock)
    await rehearsal
    if (questions !== undefined)
      await askFirst(questions, resolver, systemClock, urgent ? URGENT_QUESTIONS_MS : QUESTIONS_MS)
  }

  /** The last of it; from now on this process is like those that answer. */
  end(report: () => unknown): void {
    const { urgent, priority } = this.#start
    for (let i = 0; i < WARM_REPORTS; i++) serialize(report())
    if (!urgent) globalThis.gc?.()
    flushCompileCache() // the next to start need not compile what this one had to
    if (priority !== undefined) setPriorityOfThreads(priority)
  }
}
