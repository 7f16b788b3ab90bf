/** What is a module? A name, settings, metrics and hooks, declared in one place by defineModule(), and what becomes of it
 *  when it is put to work. docs/modules.md tells the story for those who write one. */

import type * as z from 'zod'
import { BowlineError } from '../config/error.ts'
import { group } from '../config/settings.ts'
import type { Clock, Random, Timer } from '../io/interfaces.ts'
import type { Arrival, Driver, Layer, Query, Request, Step } from '../request.ts'
import { Ede } from '../wire/types.ts'

/** Settings by name, each made by one of the functions of src/config/settings.ts: type, default, bounds and description. */
export type ConfigShape = z.core.$ZodShape
export type ConfigOf<Shape extends ConfigShape> = z.output<z.ZodObject<Shape>>

export type ModuleLog = (
  level: 'error' | 'warning' | 'notice' | 'info' | 'debug',
  event: string,
  fields?: object,
) => void

/** What the program gives every module. */
export interface Tools {
  clock: Clock
  random: Random
  log: ModuleLog
}

/** What start() gets: the module's settings and its ways to act. */
export interface Setting<Config, Metric extends string> extends Tools, Driver {
  config: Config
  /** Adds to one of the metrics the module declares. */
  count(metric: Metric, amount?: number): void
}

/** What the hooks get as their last argument: all that start() got, and what it gave. */
export interface Own<Config, State, Metric extends string> extends Setting<Config, Metric> {
  state: State
}

export interface ModuleDefinition<Shape extends ConfigShape, State, Metric extends string> {
  /** In kebab case, like the folder it lives in. */
  name: string
  /** What it does, in one sentence for the operator. */
  about?: string
  config?: Shape
  /** Name and help of each thing counted; `greeted` of the module `hello` is scraped as
   *  `bowline_module_greeted_total{module="hello"}`. */
  metrics?: Readonly<Record<Metric, string>>
  /** Modules that this one must stand in front of (nearer to the client), or behind. Those that are off do not matter. */
  before?: readonly string[]
  after?: readonly string[]
  /** It must see also those queries for which an answer is ready. That costs every query its quick answer. */
  seesCached?: boolean
  /** It is also to hear of our own questions: names of servers, keys, and what other modules ask for. */
  subRequests?: boolean
  /** What becomes of the request during which the module throws or stalls: `pass`, it goes on as if the module had nothing
   *  to say; `fail`, it ends with SERVFAIL. */
  whenFaulty?: 'pass' | 'fail'
  /** Called once, before the first request. Throws a BowlineError when the settings cannot be used. */
  start?(setting: Setting<ConfigOf<Shape>, Metric>): State
  stop?(own: Own<ConfigOf<Shape>, State, Metric>): void
  begin?(request: Request, own: Own<ConfigOf<Shape>, State, Metric>): Step
  produce?(request: Request, own: Own<ConfigOf<Shape>, State, Metric>): Step
  checkout?(request: Request, query: Query, own: Own<ConfigOf<Shape>, State, Metric>): Step
  consume?(request: Request, query: Query, arrival: Arrival, own: Own<ConfigOf<Shape>, State, Metric>): Step
  answer?(request: Request, own: Own<ConfigOf<Shape>, State, Metric>): Step
  finish?(request: Request, own: Own<ConfigOf<Shape>, State, Metric>): void
}

/** How much a module may hold up the worker and its requests. */
export interface Budget {
  /** Time one call of a hook may take: meanwhile nobody else is served. */
  callMs: number
  /** Time a request may be made to wait by one hook. */
  waitMs: number
  /** Faults after which the module is switched off until the next start. */
  faults: number
}

export const DEFAULT_BUDGET: Budget = { callMs: 50, waitMs: 2000, faults: 3 }

/** A module that can be put to work. */
export interface Module {
  readonly name: string
  readonly about: string
  readonly before: readonly string[]
  readonly after: readonly string[]
  readonly metrics: Readonly<Record<string, string>>
  /** The schema of its settings: what is written in a configuration, and what becomes of it. */
  readonly settings: z.ZodObject<ConfigShape>
  /** `budget`: for modules from outside; what comes with Bowline is as trustworthy as the rest of it. */
  start(config: unknown, tools: Tools, budget?: Budget): RunningModule
}

export interface RunningModule extends Layer {
  /** Help of each metric. */
  readonly metrics: Readonly<Record<string, string>>
  /** What it has counted so far, by metric. */
  readonly counts: Readonly<Record<string, number>>
  /** False: it has been switched off for its faults. */
  readonly isOn: boolean
  stop(): void
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
const HOOKS = ['begin', 'produce', 'checkout', 'consume', 'answer', 'finish'] as const
type HookName = (typeof HOOKS)[number]

/** Declares a module. Throws a TypeError for a name that is none. */
export function defineModule<
  const Shape extends ConfigShape = Record<never, never>,
  State = undefined,
  const Metric extends string = never,
>(definition: ModuleDefinition<Shape, State, Metric>): Module {
  const { name, about = `The module ${name}.` } = definition
  if (!NAME.test(name)) throw new TypeError(`"${name}" is no name for a module: write it in kebab case`)
  const settings = group(about, definition.config ?? ({} as Shape)) as unknown as z.ZodObject<ConfigShape>
  return {
    name,
    about,
    before: definition.before ?? [],
    after: definition.after ?? [],
    metrics: definition.metrics ?? {},
    settings,
    start: (config, tools, budget) => new Running(definition as never, config, tools, budget),
  }
}

/** Whether this is what defineModule() gives; perhaps that of another copy of Bowline. */
export function isModule(value: unknown): value is Module {
  const module = value as Partial<Module> | undefined
  return typeof module === 'object' && typeof module?.name === 'string' && typeof module.start === 'function'
}

type AnyDefinition = ModuleDefinition<ConfigShape, unknown, string>

class Running implements RunningModule {
  readonly name: string
  readonly seesCached: boolean
  readonly metrics: Readonly<Record<string, string>>
  readonly counts: Record<string, number> = {}
  isOn = true
  begin?: Layer['begin']
  produce?: Layer['produce']
  checkout?: Layer['checkout']
  consume?: Layer['consume']
  answer?: Layer['answer']
  finish?: Layer['finish']
  readonly #definition: AnyDefinition
  readonly #own: Own<ConfigOf<ConfigShape>, unknown, string>
  readonly #tools: Tools
  readonly #budget: Budget | undefined
  #driver: Driver | undefined
  #faults = 0
  /** Requests made to wait, and when that is too long. */
  readonly #waiting = new Map<Request, Timer>()
  /** Requests that waited too long: they are not asked about again. */
  readonly #givenUp = new WeakSet<Request>()

  constructor(definition: AnyDefinition, config: unknown, tools: Tools, budget: Budget | undefined) {
    this.name = definition.name
    this.seesCached = definition.seesCached ?? false
    this.#definition = definition
    this.#tools = tools
    this.#budget = budget
    this.metrics = definition.metrics ?? {}
    for (const metric of Object.keys(this.metrics)) this.counts[metric] = 0
    const setting: Setting<ConfigOf<ConfigShape>, string> = {
      ...tools,
      config: config as ConfigOf<ConfigShape>,
      count: (metric, amount = 1) => {
        this.counts[metric] = (this.counts[metric] ?? 0) + amount
      },
      ask: (...question) => this.#theDriver.ask(...question),
      resolve: (...question) => this.#theDriver.resolve(...question),
    }
    this.#own = { ...setting, state: definition.start?.(setting) }
    for (const hook of HOOKS) if (definition[hook] !== undefined) this.#hang(hook)
  }

  attach(driver: Driver): void {
    this.#driver ??= driver // of several cores, the first is the one for questions of nobody in particular
  }

  stop(): void {
    for (const timer of this.#waiting.values()) timer.cancel()
    this.#waiting.clear()
    this.#definition.stop?.(this.#own)
  }

  get #theDriver(): Driver {
    if (this.#driver === undefined) throw new Error(`${this.name}: nothing can be asked before the resolver runs`)
    return this.#driver
  }

  #hang(hook: HookName): void {
    const own = this.#own
    const call = this.#definition[hook]?.bind(this.#definition) as (...args: unknown[]) => Step
    const hearsAll = this.#definition.subRequests === true
    const hears = (request: Request) => hearsAll || request.parent === undefined
    let hung: (request: Request, ...rest: unknown[]) => Step
    if (this.#budget !== undefined)
      hung = (request, ...rest) =>
        hears(request) ? this.#guard(request, hook, () => call(request, ...rest, own)) : 'pass'
    else if (hook === 'checkout' || hook === 'consume')
      hung = (request, ...rest) => (hears(request) ? call(request, ...rest, own) : 'pass')
    else hung = (request) => (hears(request) ? call(request, own) : 'pass') // the common ones, for every query
    this[hook] = hung as never
  }

  /** Calls a hook of a module that may be badly made: what it throws, and how long it takes, is its own matter. */
  #guard(request: Request, hook: HookName, call: () => Step): Step {
    if (!this.isOn) return 'pass'
    if (this.#givenUp.has(request)) return this.#definition.whenFaulty ?? 'pass'
    const budget = this.#budget as Budget
    const startMs = this.#tools.clock.monotonicMs()
    try {
      const step = call() ?? 'pass'
      const tookMs = this.#tools.clock.monotonicMs() - startMs
      if (tookMs > budget.callMs)
        this.#fault('module-slow', { hook, tookMs: Math.round(tookMs), allowedMs: budget.callMs })
      this.#watch(request, hook, step, budget)
      return step
    } catch (error) {
      this.#fault('module-fault', { hook, error: error instanceof Error ? error.stack : String(error) })
      return this.#consequence(request)
    }
  }

  #watch(request: Request, hook: HookName, step: Step, budget: Budget): void {
    const timer = this.#waiting.get(request)
    if (step !== 'wait') {
      timer?.cancel()
      this.#waiting.delete(request)
    } else if (timer === undefined) {
      const giveUp = () => {
        this.#waiting.delete(request)
        this.#givenUp.add(request)
        this.#fault('module-stalled', { hook, allowedMs: budget.waitMs })
        request.wake()
      }
      this.#waiting.set(request, this.#tools.clock.after(budget.waitMs, giveUp))
    }
  }

  #consequence(request: Request): Step {
    if (this.#definition.whenFaulty !== 'fail') return 'pass'
    return request.failWith(Ede.OTHER, `the module ${this.name} failed`)
  }

  #fault(event: string, fields: object): void {
    this.#faults++
    this.#tools.log('error', event, { module: this.name, ...fields })
    if (this.#faults < (this.#budget as Budget).faults || !this.isOn) return
    this.isOn = false
    this.#tools.log('error', 'module-switched-off', { module: this.name, faults: this.#faults })
  }
}

/** The modules in the order in which they are asked: `base` as it is, the others where they want to be, by default at
 *  `place`. Throws a BowlineError when wishes contradict each other. */
export function arrange<Item extends { module: Module }>(
  base: readonly Item[],
  others: readonly Item[],
  place: number,
): Item[] {
  const order = [...base]
  let at = place
  for (const item of others) {
    const { module } = item
    if (order.some((known) => known.module.name === module.name))
      throw new BowlineError('modules', `modules: there are two called ${module.name}; take one of them out`)
    let [from, to] = [0, order.length]
    for (const [index, known] of order.entries()) {
      if (module.after.includes(known.module.name) || known.module.before.includes(module.name))
        from = Math.max(from, index + 1)
      if (module.before.includes(known.module.name) || known.module.after.includes(module.name))
        to = Math.min(to, index)
    }
    if (from > to) {
      const [behind, front] = [order[from - 1], order[to]].map((known) => known.module.name)
      throw new BowlineError(
        'modules',
        `modules: ${module.name} cannot stand behind ${behind} and in front of ${front}, which comes first; drop one of the two wishes`,
      )
    }
    at = Math.min(Math.max(at, from), to)
    order.splice(at, 0, item)
    at++
  }
  return order
}
