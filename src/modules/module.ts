/** What is a module? A name, settings, metrics and hooks, declared in one place by defineModule(), and what becomes of it
 *  when it is put to work. docs/modules.md tells the story for those who write one. */

import type * as z from 'zod'
import { BowlineError } from '../config/error.ts'
import { group } from '../config/settings.ts'
import { type Owner, runAs } from '../io/blame.ts'
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

/** Something that operators can have a module do: `bowline module run NAME VERB WORDS…`. */
export interface Verb<Config, State, Metric extends string> {
  /** What it does, in one sentence. */
  about: string
  /** In each worker. What it gives is shown to the operator: text, or anything that JSON can hold. An error it throws is, too. */
  run(words: readonly string[], own: Own<Config, State, Metric>): unknown
}

/** Something done again and again, in each worker. */
export interface Repeated<Config, State, Metric extends string> {
  everyMs: number
  run(own: Own<Config, State, Metric>): unknown
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
  /** The worker ends, be it that the service does, or that a reload has put another in its place, which has called start(). */
  stop?(own: Own<ConfigOf<Shape>, State, Metric>): void
  /** What is done from time to time, by names of your choice. */
  timers?: Readonly<Record<string, Repeated<ConfigOf<Shape>, State, Metric>>>
  /** What operators can have it do, by name in kebab case. */
  verbs?: Readonly<Record<string, Verb<ConfigOf<Shape>, State, Metric>>>
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
  readonly about: string
  /** What it has counted so far, by metric. */
  readonly counts: Readonly<Record<string, number>>
  /** False: it has been switched off for its faults. */
  readonly isOn: boolean
  /** What each verb does, by name. */
  readonly verbs: Readonly<Record<string, string>>
  /** Rejects with a BowlineError when there is no such verb, or it cannot do it. */
  runVerb(verb: string, words: readonly string[]): Promise<unknown>
  stop(): void
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
const STEPS: ReadonlySet<unknown> = new Set<Step>(['pass', 'produce', 'consume', 'wait', 'pause', 'done', 'fail'])
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
  for (const verb of Object.keys(definition.verbs ?? {}))
    if (!NAME.test(verb)) throw new TypeError(`"${verb}" is no name for a verb: write it in kebab case`)
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

class Running implements RunningModule, Owner {
  readonly name: string
  readonly seesCached: boolean
  readonly metrics: Readonly<Record<string, string>>
  readonly counts: Record<string, number> = {}
  readonly about: string
  readonly verbs: Record<string, string> = {}
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
  readonly #timers = new Set<Timer>()
  /** Requests that waited too long: they are not asked about again. */
  readonly #givenUp = new WeakSet<Request>()

  constructor(definition: AnyDefinition, config: unknown, tools: Tools, budget: Budget | undefined) {
    this.name = definition.name
    this.about = definition.about ?? ''
    this.seesCached = definition.seesCached ?? false
    this.#definition = definition
    this.#tools = tools
    this.#budget = budget
    this.metrics = definition.metrics ?? {}
    for (const metric of Object.keys(this.metrics)) this.counts[metric] = 0
    for (const [verb, { about }] of Object.entries(definition.verbs ?? {})) this.verbs[verb] = about
    const setting: Setting<ConfigOf<ConfigShape>, string> = {
      ...tools,
      clock: this.#guardedClock(),
      config: config as ConfigOf<ConfigShape>,
      count: (metric, amount = 1) => {
        this.counts[metric] = (this.counts[metric] ?? 0) + amount
      },
      ask: (query, onArrival) =>
        this.#theDriver.ask(query, (arrival) => this.#beside('arrival', () => onArrival(arrival))),
      resolve: (qname, type, onEnd) =>
        this.#theDriver.resolve(qname, type, (ended) => this.#beside('end', () => onEnd(ended))),
    }
    this.#own = { ...setting, state: definition.start?.(setting) }
    for (const hook of HOOKS) if (definition[hook] !== undefined) this.#hang(hook)
    for (const [timer, repeated] of Object.entries(definition.timers ?? {})) this.#repeat(timer, repeated)
  }

  attach(driver: Driver): void {
    this.#driver ??= driver // of several cores, the first is the one for questions of nobody in particular
  }

  stop(): void {
    for (const timer of this.#waiting.values()) timer.cancel()
    this.#waiting.clear()
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    this.#beside('stop', () => this.#definition.stop?.(this.#own))
  }

  async runVerb(verb: string, words: readonly string[]): Promise<unknown> {
    const known = this.#definition.verbs?.[verb]
    if (known === undefined) {
      const verbs = Object.keys(this.verbs)
      const remedy = verbs.length === 0 ? 'it has none' : `write one of ${verbs.join(', ')}`
      throw new BowlineError('module-verb', `${verb} is nothing that the module ${this.name} can be told; ${remedy}`)
    }
    if (!this.isOn)
      throw new BowlineError('module-off', `the module ${this.name} is switched off for its faults; restart it`)
    try {
      return await runAs(this, () => known.run(words, this.#own))
    } catch (error) {
      throw new BowlineError('module-verb', `${this.name} ${verb}: ${(error as Error)?.message ?? String(error)}`)
    }
  }

  /** See Owner: what it throws from timers and promises of its own making. */
  blame(error: unknown): void {
    this.#fault('module-fault', { hook: 'its own', error: textOf(error) })
  }

  get #theDriver(): Driver {
    if (this.#driver === undefined) throw new Error(`${this.name}: nothing can be asked before the resolver runs`)
    return this.#driver
  }

  #hang(hook: HookName): void {
    const own = this.#own
    const call = this.#definition[hook]?.bind(this.#definition) as (...args: unknown[]) => Step
    const hearsAll = this.#definition.subRequests === true
    // What a module from elsewhere resolves by itself must not come back to it: it would never end.
    const hearsOurs = this.#budget === undefined
    const hears = (request: Request) =>
      hearsAll || (request.parent === undefined && (hearsOurs || request.client !== undefined))
    let hung: (request: Request, ...rest: unknown[]) => Step
    if (this.#budget !== undefined)
      hung = (request, ...rest) =>
        hears(request) ? this.#guard(request, hook, () => call(request, ...rest, own)) : 'pass'
    else if (hook === 'checkout' || hook === 'consume')
      hung = (request, ...rest) => (hears(request) ? call(request, ...rest, own) : 'pass')
    else hung = (request) => (hears(request) ? call(request, own) : 'pass') // the common ones, for every query
    this[hook] = hung as never
  }

  #repeat(name: string, { everyMs, run }: Repeated<ConfigOf<ConfigShape>, unknown, string>): void {
    const timer = this.#tools.clock.after(everyMs, () => {
      this.#timers.delete(timer)
      if (!this.isOn) return
      this.#beside(name, () => run(this.#own))
      this.#repeat(name, { everyMs, run })
    })
    this.#timers.add(timer)
  }

  /** What the module is told when its time has come is guarded like its hooks. */
  #guardedClock(): Clock {
    const { clock } = this.#tools
    if (this.#budget === undefined) return clock
    return {
      wallMs: () => clock.wallMs(),
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs, action) => clock.after(delayMs, () => this.#beside('timer', action)),
      soon: (action) => clock.soon(() => this.#beside('timer', action)),
    }
  }

  /** Calls code of the module that no request waits for. */
  #beside(what: string, call: () => unknown): void {
    if (this.#budget === undefined) {
      call()
      return
    }
    if (!this.isOn && what !== 'stop') return
    const startMs = this.#tools.clock.monotonicMs()
    try {
      this.#disown(what, runAs(this, call))
      this.#time(what, startMs, this.#budget)
    } catch (error) {
      this.#fault('module-fault', { hook: what, error: textOf(error) })
    }
  }

  /** A promise that nobody waits for: only its failure is of interest. */
  #disown(hook: string, value: unknown): void {
    if (value instanceof Promise) value.catch((error) => this.#fault('module-fault', { hook, error: textOf(error) }))
  }

  #time(hook: string, startMs: number, { callMs }: Budget): void {
    const tookMs = this.#tools.clock.monotonicMs() - startMs
    if (tookMs > callMs) this.#fault('module-slow', { hook, tookMs: Math.round(tookMs), allowedMs: callMs })
  }

  /** Calls a hook of a module that may be badly made: what it throws, and how long it takes, is its own matter. */
  #guard(request: Request, hook: HookName, call: () => Step): Step {
    if (!this.isOn) return 'pass'
    if (this.#givenUp.has(request)) return this.#definition.whenFaulty ?? 'pass'
    const budget = this.#budget as Budget
    const startMs = this.#tools.clock.monotonicMs()
    try {
      const step = runAs(this, call) ?? 'pass'
      this.#time(hook, startMs, budget)
      if (!STEPS.has(step)) {
        this.#disown(hook, step)
        throw new Error(`${hook}() gives ${kindOf(step)}, and not a step; to wait, hold the request, and say wait`)
      }
      this.#watch(request, hook, step, budget)
      return step
    } catch (error) {
      this.#fault('module-fault', { hook, error: textOf(error) })
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
    if (this.#budget === undefined || this.#faults < this.#budget.faults || !this.isOn) return
    this.isOn = false
    this.#tools.log('error', 'module-switched-off', { module: this.name, faults: this.#faults })
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function kindOf(value: unknown): string {
  return value instanceof Promise ? 'a promise' : JSON.stringify(value)
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
