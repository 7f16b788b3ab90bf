/** What an operator can have the running service do: the one object behind signals, control API and command line. */

import { BowlineError } from '../src/config/error.ts'
import { readSettings } from '../src/config/load.ts'
import type { Config } from '../src/config/schema.ts'
import { cpuAffinity, WORKERS, workerCount } from '../src/config/workers.ts'
import type { Clock, Timer } from '../src/io/interfaces.ts'
import { groupLog, type Log, type LogLevel, setLogging } from '../src/io/log.ts'
import { systemRandom } from '../src/io/random.ts'
import type { Frequent, FrequentTable } from '../src/metrics/frequent.ts'
import type {
  CacheFacts,
  CacheOrder,
  ModuleFacts,
  ServersAnswer,
  ServersOrder,
  WaitingFacts,
} from '../workers/messages.ts'
import { mergeServers, type ServerOfAll } from './all-servers.ts'
import { AutoScale } from './auto-scale.ts'
import { usableCpus } from './cgroup.ts'
import { type Change, ReloadClass, withoutRestart } from './changes.ts'
import { loadOperatorConfig } from './commands/operator-config.ts'
import { Fleet, type FleetOptions, type WorkerFacts } from './fleet.ts'
import type { Json } from './json-patch.ts'
import { Exporter } from './metrics/exporter.ts'
import type { Snapshot } from './metrics/metric.ts'
import { OwnCounter } from './metrics/own-counters.ts'
import { type Health, MetricsServer } from './metrics/server.ts'
import { Prefill } from './prefill.ts'
import { type Edit, SettingsStore } from './settings-store.ts'
import { sumOfWorkers } from './sums.ts'
import { TrustAnchorKeeper } from './trust-anchor-keeper.ts'

export interface ManagerOptions extends Omit<FleetOptions, 'workers'> {
  version: string
  /** Files the configuration was read from, in order; undefined when it came from elsewhere. */
  configFiles?: readonly string[]
  /** What the configuration says in its own words; that of a predecessor may differ from the files. */
  document?: Json
  /** Of a predecessor: whether the number of workers follows the load, which an operator may have changed. */
  isAuto?: boolean
  /** Of a predecessor. */
  workers?: number
  /** A new generation takes over; rejects when it does not get ready. */
  upgrade?(): Promise<{ pid: number }>
  stop(): void
  /** For the service manager. */
  notify(...lines: string[]): void
}

export interface Status {
  version: string
  pid: number
  state: string
  uptimeMs: number
  /** What the number of workers follows: `fixed`, or `auto` between two bounds. */
  scaling: { mode: 'fixed' | 'auto'; workers: number; min?: number; max?: number; lastDecision?: string }
  keeper: { pid: number | undefined; state: string; restarts: number; uptimeMs: number }
  /** Octets the cache may take, and whether that was chosen by the memory there is. */
  cache: { sizeMax: number; auto: boolean }
  workers: WorkerFacts[]
  /** Workers that finish what they have. */
  leaving: number
  /** A change of the configuration waits to be confirmed. */
  unconfirmed: boolean
  /** Settings that differ from what is followed, until the service is restarted. */
  needsRestart: readonly string[]
}

export interface ReloadResult {
  changes: Change[]
  /** All workers are replaced. */
  rolls: boolean
  /** Settings that differ in the files, and are not followed before the service is restarted. */
  needsRestart: string[]
}

const DECIDE_MS = 1000
/** A worker that takes longer to answer a scrape is told as it last was. */
const SCRAPE_MS = 200
/** Clearing a cache of many gigabytes takes its time. */
const CACHE_ORDER_MS = 120_000

export class Manager {
  readonly fleet: Fleet
  readonly settings: SettingsStore
  readonly #anchors: TrustAnchorKeeper
  readonly #prefill: Prefill
  readonly #options: ManagerOptions
  readonly #rootLog: Log
  readonly #log: Log
  readonly #clock: Clock
  readonly #startedMs: number
  #state: 'starting' | 'running' | 'stopping' = 'starting'
  #auto: AutoScale | undefined
  #lastDecision: string | undefined
  #timer: Timer | undefined
  #busy: string | undefined
  readonly exporter = new Exporter(() => this.#look())
  readonly metrics: MetricsServer
  /** How the configuration fared since the start. */
  #changed: Snapshot['config'] = {
    generation: 1,
    lastReloadWorked: true,
    lastReloadMs: undefined,
    lastReloadTookMs: undefined,
  }
  /** Until when our own certificates hold, by what they are for. */
  certificates: Snapshot['certificates'] = []

  constructor(options: ManagerOptions) {
    const { config, clock, log } = options
    this.#options = options
    this.#rootLog = log
    this.#log = groupLog(log, 'manager')
    this.#clock = clock
    this.#startedMs = clock.monotonicMs()
    this.#auto = (options.isAuto ?? isAutoIn(config)) ? new AutoScale(rangeOf(config)) : undefined
    this.fleet = new Fleet({
      ...options,
      log: groupLog(log, 'supervisor'),
      workers: options.workers ?? workersAtStart(config),
    })
    this.#anchors = new TrustAnchorKeeper({
      clock,
      random: systemRandom,
      log: groupLog(log, 'ta'),
      onChange: () => this.fleet.renewAnchors(),
    })
    this.#prefill = new Prefill({ clock, random: systemRandom, log: groupLog(log, 'cache') })
    this.metrics = new MetricsServer({
      exporter: this.exporter,
      health: () => this.health(),
      clock,
      log: groupLog(log, 'statis'),
    })
    this.settings = new SettingsStore({
      document: options.document ?? (readSettings(options.configFiles ?? []) as Json),
      config,
      isInherited: options.document !== undefined && options.configFiles !== undefined,
      clock,
      follow: (next, changes) => this.#tally(() => this.#follow(next, changes), true),
      log: (event, sentence) => this.#log.warning({ event }, sentence),
    })
  }

  get isWell(): boolean {
    return this.#state === 'running' && this.fleet.isWell
  }

  async start(): Promise<void> {
    await this.fleet.start()
    this.#state = 'running'
    this.#anchors.follow(this.fleet.config)
    this.#prefill.follow(this.fleet.config)
    const { cache } = this.status()
    if (cache.auto)
      this.#log.notice(
        { event: 'cache-size', sizeMax: cache.sizeMax },
        `the cache may take ${Math.floor(cache.sizeMax / 2 ** 20)} MiB, half of the memory there is`,
      )
    this.#decideLater()
  }

  /** No more changes; what is under way goes on. */
  retire(): void {
    this.#state = 'stopping'
    this.#timer?.cancel()
    this.#anchors.close()
    this.#prefill.close()
    this.settings.close()
  }

  status(): Status {
    const { keeper } = this.fleet
    return {
      version: this.#options.version,
      pid: process.pid,
      state: this.#busy ?? this.#state,
      uptimeMs: Math.round(this.#clock.monotonicMs() - this.#startedMs),
      scaling: {
        mode: this.#auto === undefined ? 'fixed' : 'auto',
        workers: this.fleet.size,
        min: this.#auto?.min,
        max: this.#auto?.max,
        lastDecision: this.#lastDecision,
      },
      keeper: { pid: keeper.pid, state: keeper.state, restarts: keeper.restarts, uptimeMs: Math.round(keeper.ranMs) },
      cache: {
        sizeMax: this.fleet.config.cache['size-max'],
        auto: this.settings.read(['cache', 'size-max']) === 'auto',
      },
      workers: this.fleet.facts(),
      leaving: this.fleet.leaving,
      unconfirmed: this.settings.isPending,
      needsRestart: this.settings.needsRestart,
    }
  }

  /** Whether the number of workers follows the load. */
  get isAuto(): boolean {
    return this.#auto !== undefined
  }

  /** By name, over all workers that ever were. */
  async counters(): Promise<{ name: string; labels: Record<string, string>; value: number }[]> {
    const families = await this.exporter.families()
    return families
      .filter(({ type }) => type === 'counter')
      .flatMap(({ name, samples }) => samples.map(({ labels, value }) => ({ name, labels: textOf(labels), value })))
  }

  /** Opens the endpoint for monitoring. Rejects with a BowlineError when that cannot be had where an operator wants it. */
  openMetrics(): Promise<void> {
    return this.metrics.follow(this.fleet.config)
  }

  health(): Health {
    const workers = this.fleet.measures()
    const running = workers.filter(({ state }) => state === 'running').length
    return {
      isReady: this.isWell,
      state: this.#busy ?? this.#state,
      version: this.#options.version,
      uptimeMs: Math.round(this.#clock.monotonicMs() - this.#startedMs),
      workers: { running, wanted: workers.length },
    }
  }

  async #look(): Promise<Snapshot> {
    const { fleet } = this
    const mode = fleet.config.monitoring.metrics
    fleet.counted[OwnCounter.SCRAPES]++
    if (mode === 'lazy' || mode === 'off') await fleet.ask(SCRAPE_MS)
    const totals = fleet.totals()
    const { user, system } = process.cpuUsage()
    return {
      version: this.#options.version,
      totals,
      sum: sumOfWorkers(totals),
      workers: fleet.measures(),
      leaving: fleet.leaving,
      keeper: { isUp: fleet.keeper.isUp, gauges: fleet.keeper.gauges },
      startedMs: this.#clock.wallMs() - (this.#clock.monotonicMs() - this.#startedMs),
      isReady: this.isWell,
      config: this.#changed,
      supervisor: { rssOctets: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 },
      anchors: this.#anchors.states,
      negativeAnchors: fleet.config.dnssec['negative-trust-anchors'].length,
      certificates: this.certificates,
      prefill: this.#prefill.counters(),
      ownOnly: mode === 'manager-only',
    }
  }

  /** What happens most often. */
  async frequent(table: FrequentTable, limit: number): Promise<Frequent[]> {
    if (table !== 'bogus' && !this.fleet.config.stats.enable)
      throw new BowlineError('stats-off', 'nobody keeps account of that; set stats/enable to true')
    return this.fleet.frequent(table, limit)
  }

  /** Has a worker resolve a question, and tell how. */
  trace(...order: Parameters<Fleet['trace']>): ReturnType<Fleet['trace']> {
    return this.fleet.trace(...order)
  }

  /** Questions that wait, those that began first, `limit` in all; and the workers that did not say. */
  async waiting(limit: number): Promise<{ waiting: (WaitingFacts & { worker: number })[]; silent: number[] }> {
    const looks = await this.fleet.look<WaitingFacts[]>({ kind: 'waiting', limit })
    const waiting = looks.flatMap(({ worker, facts = [] }) => facts.map((fact) => ({ worker, ...fact })))
    waiting.sort((one, other) => other.ageMs - one.ageMs)
    return { waiting: waiting.slice(0, limit), silent: silentOf(looks) }
  }

  /** What is remembered of other servers: of each what the worker has to say that heard of it last, and which know it. */
  async servers(order: ServersOrder): Promise<{ zoneCut?: string; servers: ServerOfAll[]; silent: number[] }> {
    const looks = await this.fleet.look<ServersAnswer>({ kind: 'servers', ...order })
    const { zoneCut } = looks.find(({ facts }) => facts?.zoneCut !== undefined)?.facts ?? {}
    return { zoneCut, servers: mergeServers(looks).slice(0, order.limit), silent: silentOf(looks) }
  }

  /** Which modules run, and in which workers one of them is switched off for its faults. */
  async modules(): Promise<(Omit<ModuleFacts, 'isOn'> & { offIn: number[] })[]> {
    const workers = await this.fleet.modules()
    return workers[0].modules.map(({ isOn: _, ...facts }) => {
      const isOff = (module: ModuleFacts) => module.name === facts.name && !module.isOn
      return { ...facts, offIn: workers.filter(({ modules }) => modules.some(isOff)).map(({ worker }) => worker) }
    })
  }

  /** Has a module do something, in each worker. */
  runVerb(...order: Parameters<Fleet['runVerb']>): ReturnType<Fleet['runVerb']> {
    return this.fleet.runVerb(...order)
  }

  /** Has the keeper clear the cache, or tell what is in it. */
  async cache(order: CacheOrder): Promise<unknown> {
    const answer = await this.fleet.keeper.askCache(order, CACHE_ORDER_MS)
    if (order.kind === 'clear') this.#prefill.cleared(order.name)
    return order.kind === 'stats' ? { ...(answer as CacheFacts), prefill: this.#prefill.facts() } : answer
  }

  /** Changes the configuration. */
  edit(edit: Edit): Promise<Change[]> {
    if (edit.dryRun) return this.settings.edit(edit)
    return this.#while('changing settings', () => this.settings.edit(edit))
  }

  /** `4`, `+2`, `-1` or `auto`. Resolves with the number of workers there are then. */
  scale(to: string): Promise<number> {
    return this.#while('scaling', () => this.#scale(to))
  }

  async #scale(to: string): Promise<number> {
    const { max } = WORKERS
    if (to === 'auto') {
      this.#auto = new AutoScale(rangeOf(this.settings.config))
      this.#log.notice({ event: 'scale-auto' }, `workers: from now on ${this.#auto.min} to ${this.#auto.max}`)
      return this.fleet.size
    }
    const match = /^([+-]?)(\d{1,3})$/.exec(to)
    if (match === null) throw new BowlineError('scale', `${to} is no number of workers; write 4, +2, -1 or auto`)
    const [, sign, digits] = match
    const step = sign === '-' ? -Number(digits) : Number(digits)
    const workers = sign === '' ? step : this.fleet.size + step
    if (workers < 1 || workers > max)
      throw new BowlineError('scale', `${workers} workers cannot be had; allowed: 1 to ${max}`)
    this.#auto = undefined
    await this.#scaleTo(workers, 'an operator asked for it')
    return this.fleet.size
  }

  /** Resolves with the number of workers there are then. */
  remove(worker: number): Promise<number> {
    return this.#while('scaling', () => this.#remove(worker))
  }

  async #remove(worker: number): Promise<number> {
    this.#auto = undefined
    await this.fleet.remove(worker)
    this.#lastDecision = `worker ${worker} left: an operator asked for it`
    this.#log.notice({ event: 'worker-removed', worker }, `workers: ${this.#lastDecision}`)
    return this.fleet.size
  }

  async restart(worker?: number): Promise<void> {
    await this.#while('restarting', () => this.fleet.restart(worker))
    this.#log.notice(
      { event: 'restarted', worker },
      worker === undefined ? 'all workers are new' : `worker ${worker} is new`,
    )
  }

  /** Reads the files again. Rejects when they have a mistake or the first worker with them does not do well; everything is
   *  as before then. `force`: workers are replaced even if no setting differs; `dryRun`: nothing is, it is only told what
   *  differs. */
  reload({ force = false, dryRun = false }: { force?: boolean; dryRun?: boolean } = {}): Promise<ReloadResult> {
    const files = this.#options.configFiles
    if (files === undefined) throw new BowlineError('no-files', 'this service was started without configuration files')
    return this.#while('reloading', async () => {
      await this.#tally(() => loadOperatorConfig(files), false) // for mistakes with file and line
      const changes = await this.settings.edit({ change: () => readSettings(files) as Json, dryRun })
      const rolls = changes.some((change) => change.class === ReloadClass.ROLL)
      const rollsAnyway = !rolls && (force || (changes.length === 0 && namesFiles(this.settings.config)))
      if (rollsAnyway && !dryRun) await this.fleet.roll(this.fleet.config)
      const waiting = changes.filter(needsRestart).map(({ path }) => path)
      return { changes, rolls: rolls || rollsAnyway, needsRestart: waiting }
    })
  }

  async upgrade(): Promise<{ pid: number }> {
    const { upgrade } = this.#options
    if (upgrade === undefined) throw new BowlineError('upgrade', 'this service cannot be replaced while it runs')
    if (this.settings.isPending)
      throw new BowlineError(
        'unconfirmed',
        'a change of the configuration waits to be confirmed, and would be forgotten; confirm it, or let it go back first',
      )
    return this.#while('upgrading', upgrade)
  }

  stop(): void {
    this.#options.stop()
  }

  setLogging(level: LogLevel, groups: readonly string[]): void {
    const { config } = this.fleet
    this.#tellLogging({ ...config, logging: { ...config.logging, level, groups: groups as never } })
  }

  #tellLogging(config: Config): void {
    setLogging(this.#rootLog, config.logging)
    this.fleet.follow(config)
  }

  async #follow(next: Config, changes: readonly Change[]): Promise<Config> {
    const former = this.fleet.config
    const config = withoutRestart(former, next)
    await this.metrics.follow(config)
    try {
      if (changes.some((change) => change.class === ReloadClass.ROLL)) await this.fleet.roll(config)
    } catch (error) {
      await this.metrics.follow(former).catch(() => {})
      throw error
    }
    const paths = changes.map(({ path }) => path)
    this.#tellLogging(config)
    this.#anchors.follow(config)
    this.#prefill.follow(config)
    if (paths.includes('workers')) {
      this.#auto = isAutoIn(config) ? new AutoScale(rangeOf(config)) : undefined
      const count = workerCount(config.workers)
      await this.#scaleTo(typeof count === 'number' ? count : this.fleet.size, 'the configuration says so')
    }
    for (const change of changes)
      this.#log.notice(
        { event: 'setting-changed', ...change },
        `${change.path} is now ${JSON.stringify(change.to)}` +
          (needsRestart(change) ? ', once the service is restarted' : ` (${change.class})`),
      )
    return config
  }

  /** Keeps account of a change of the configuration, or of a step without which there is none. */
  async #tally<Result>(change: () => Result | Promise<Result>, isWhole: boolean): Promise<Result> {
    const { generation } = this.#changed
    const lastReloadMs = this.#clock.wallMs()
    const startMs = this.#clock.monotonicMs()
    const tookMs = () => this.#clock.monotonicMs() - startMs
    try {
      const result = await change()
      if (isWhole) {
        this.#changed = {
          generation: generation + 1,
          lastReloadWorked: true,
          lastReloadMs,
          lastReloadTookMs: tookMs(),
        }
        this.fleet.counted[OwnCounter.RELOADS_DONE]++
      }
      return result
    } catch (error) {
      this.#changed = { generation, lastReloadWorked: false, lastReloadMs, lastReloadTookMs: tookMs() }
      this.fleet.counted[OwnCounter.RELOADS_FAILED]++
      throw error
    }
  }

  async #scaleTo(workers: number, reason: string): Promise<void> {
    const before = this.fleet.size
    if (workers === before) return
    this.#lastDecision = `${before} to ${workers}: ${reason}`
    this.#log.notice({ event: 'scale', from: before, to: workers, reason }, `workers: ${this.#lastDecision}`)
    await this.fleet.scaleTo(workers)
  }

  #decideLater(): void {
    this.#timer = this.#clock.after(DECIDE_MS, () => {
      const decision =
        this.#busy === undefined ? this.#auto?.decide(this.fleet.loads, this.#clock.monotonicMs()) : undefined
      if (this.#state !== 'running') return
      if (decision === undefined) return this.#decideLater()
      this.#scaleTo(decision.workers, decision.reason)
        .catch((error: Error) => this.#log.err({ event: 'scale-failed', err: error }, `workers: ${error.message}`))
        .finally(() => this.#decideLater())
    })
  }

  /** One thing at a time that takes a while; a second one is refused rather than kept waiting. */
  async #while<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
    if (this.#state !== 'running') throw new BowlineError('busy', `the service is ${this.#state}`)
    if (this.#busy !== undefined)
      throw new BowlineError('busy', `the service is ${this.#busy}; try again when it is done`)
    this.#busy = what
    const reload = what === 'reloading'
    if (reload) this.#options.notify('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`)
    try {
      return await act()
    } finally {
      this.#busy = undefined
      if (reload) this.#options.notify('READY=1')
    }
  }
}

function textOf(labels: Record<string, string | number>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([label, value]) => [label, String(value)]))
}

/** As many as there may be: a service that starts at its busiest hour is not to grow first. */
function workersAtStart(config: Config): number {
  const count = workerCount(config.workers)
  return typeof count === 'number' ? count : rangeOf(config).max
}

function rangeOf({ workers }: Config): { min: number; max: number } {
  const count = workerCount(workers)
  if (typeof count === 'object') return count
  const cpus = cpuAffinity(workers)
  return { min: WORKERS.min, max: Array.isArray(cpus) ? usableCpus('/', cpus.length) : usableCpus() }
}

function isAutoIn(config: Config): boolean {
  return typeof workerCount(config.workers) !== 'number'
}

function needsRestart(change: Change): boolean {
  return change.class === ReloadClass.RESTART
}

function silentOf(looks: readonly { worker: number; facts: unknown }[]): number[] {
  return looks.filter(({ facts }) => facts === undefined).map(({ worker }) => worker)
}

/** What these files hold may have changed though their names have not. */
function namesFiles({ options, dnssec, cookies, modules, forward, fallback, 'local-data': data }: Config): boolean {
  const forwarders = [...forward.map((rule) => rule.servers), fallback.servers].flat()
  return (
    options['root-hints-file'] !== undefined ||
    dnssec['trust-anchors-files'].length > 0 ||
    data['addresses-files'].length > 0 ||
    data.rules.some((rule) => rule.file.length > 0) ||
    cookies['secret-file'] !== undefined ||
    forwarders.some((server) => typeof server !== 'string' && server['ca-file'] !== undefined) ||
    modules.length > 0
  )
}
