/** The processes of one service: the keeper, which alone writes the cache, and the workers, which answer. Workers come, go
 *  and are replaced while the others answer; whoever leaves finishes what it has. */

import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cpusOfProcess, cpusText } from '../src/config/cpus.ts'
import { BowlineError } from '../src/config/error.ts'
import { listenPoints } from '../src/config/listen-points.ts'
import type { Config } from '../src/config/schema.ts'
import { cpuAffinity } from '../src/config/workers.ts'
import type { Clock, Timer } from '../src/io/interfaces.ts'
import type { Log } from '../src/io/log.ts'
import { Counter } from '../src/metrics/counters.ts'
import { type Frequent, type FrequentTable, mergeFrequent } from '../src/metrics/frequent.ts'
import type { ModuleFacts, StartWorker, Traced, UdpWays, VerbOutcome, WorkerOrder } from '../workers/messages.ts'
import { Child, type ChildState, type Crash } from './child.ts'
import { cpusOfWorker, movesWorkers } from './cpu-affinity.ts'
import { FrequentQuestions } from './frequent-questions.ts'
import { ListeningSockets } from './listening-sockets.ts'
import { KEEPER_CRASH, OWN_COUNTERS, OwnCounter, WORKER_CRASH } from './metrics/own-counters.ts'
import { fullPriority, startFirst, startFully } from './priority.ts'
import { handedSockets, mainFile, Spare, startInBackground, startProcess } from './processes.ts'
import { examineStuck } from './stuck.ts'
import { addCounters, addFleetTotals, addTotals, type FleetTotals, NOTHING, type Totals } from './sums.ts'
import { readLastQuestions, type SeenQuestion } from './suspects.ts'

export interface FleetOptions {
  config: Config
  workers: number
  clock: Clock
  log: Log
  /** What is in flight may take so long when a worker leaves; otherwise the configuration says it. */
  drainMs?: number
  /** Sockets of a service whose place this one takes. */
  sockets?: ListeningSockets
  /** That service's keeper still runs; adoptKeeper() will be called when it has ended. */
  keeperRuns?: boolean
  /** What its clients ask most, as messages over TCP. */
  questions?: Uint8Array
  /** The processes' main files; others only in a test. */
  workerPath?: string
  keeperPath?: string
  onChange?(): void
}

export interface WorkerFacts {
  id: number
  pid: number | undefined
  /** Of the process: `running`, `starting`, `resting` while it waits to be started again, `stopping`. */
  state: string
  uptimeMs: number
  /** Over the last seconds. */
  queriesPerSecond: number
  /** Share of the time its event loop is busy, 0 to 1. */
  utilisation: number
  rssOctets: number
  inFlight: number
  restarts: number
  /** On which CPUs it may run, as in `0-3,8`, where workers are to stay on some. */
  cpus?: string
  /** It ends again and again. */
  isLooping: boolean
  /** Of one that is resting. */
  startsInMs?: number
  lastCrash?: CrashFacts
}

/** What is scraped of a worker beside what it has counted. */
export interface WorkerMeasure {
  id: number
  /** It runs, and has answered when it was asked. */
  isUp: boolean
  state: ChildState
  /** By Gauge; empty before it has told. */
  gauges: Float64Array
  udp: UdpWays | undefined
  uptimeMs: number
  queriesPerSecond: number
  /** When its place last lost a process. */
  lastCrashMs: number | undefined
}

export interface CrashFacts extends Crash {
  /** The latest first; what the worker was at when it died is `unfinished`. */
  questions: SeenQuestion[]
}

interface Worker extends Child {
  /** Where its present process takes over connections of others. */
  inheritancePath?: string
}

/** One place of the fleet, kept over restarts and replacements. */
interface Place {
  id: number
  child: Worker
  meter: Meter
  lastCrash?: CrashFacts
  /** Its present process, while a successor for it is under way because it fails. */
  failingPid?: number
}

/** What the keeper needs at most, once nobody hands it anything any more. */
const KEEPER_STOP_MS = 5000
/** A worker whose place stays empty goes on accepting for so long: handshakes that have begun with its sockets take a
 *  round trip to complete, on bad lines with a packet sent again. */
const ACCEPT_MS = 1000
/** The first worker with a new configuration is watched for so long before the others follow. */
const CANARY_MS = 1000
/** So many answers say something about it, */
const CANARY_ANSWERS = 50
/** and so much more of them may be SERVFAIL than among the others. */
const CANARY_SERVFAIL = 0.1
const COUNTERS_MS = 500
/** A worker that has not done so by then will not matter any more: it hangs. */
const SPREAD_MS = 1000
/** Longer than a question may take. */
const TRACE_MS = 65_000
/** What a worker knows it tells at once, unless it hangs. */
const LOOK_MS = 1000
/** What a module is told to do may take so long. */
const MODULE_MS = 30_000
/** One that replaces another leaves the processors to others no longer than this: on a machine that is always busy, it would never
 *  be done. */
const MODEST_MS = 5000
/** Suspects that are written to the log. */
const LOGGED_QUESTIONS = 5

export class Fleet {
  readonly #options: FleetOptions
  readonly #sockets: ListeningSockets
  readonly #spare: Spare
  readonly #questions: FrequentQuestions
  readonly #places = new Map<number, Place>()
  /** With the number of the place they had. */
  readonly #leaving = new Map<Child, number>()
  #config: Config
  /** As workers that run were last told, or started with. */
  #followed: Config['workers']
  #keeper: Child
  /** Will take the place of another when it is ready. */
  #arriving: Child | undefined
  /** Counted by workers that have left, and by former keepers. */
  readonly #departed = new Map<number, Totals>()
  #keeperPast: Float64Array = new Float64Array()
  #inherited: FleetTotals | undefined
  /** By OwnCounter. */
  readonly counted = new Float64Array(OWN_COUNTERS)
  #turn: Promise<unknown> = Promise.resolve()
  #processes = 0
  #stopping = false
  /** Another service still answers beside us. */
  #predecessorRuns: boolean
  /** A worker is just being told. */
  #spreading: Promise<unknown> = Promise.resolve()

  constructor(options: FleetOptions) {
    this.#options = options
    this.#config = options.config
    this.#followed = options.config.workers
    this.#predecessorRuns = options.keeperRuns ?? false
    this.#sockets = options.sockets ?? new ListeningSockets()
    this.#spare = new Spare({
      modulePath: this.#workerPath,
      logTarget: options.config.logging.target,
      clock: options.clock,
      fds: () => this.#sockets.all().map(({ fd }) => fd),
    })
    this.#questions = new FrequentQuestions({
      clock: options.clock,
      latest: options.questions,
      ask: async (limit) => (await this.#askOne({ kind: 'frequent-questions', limit })) as Uint8Array | undefined,
    })
    this.#keeper = this.#makeKeeper()
  }

  get keeper(): Child {
    return this.#keeper
  }

  /** How many workers there are to be now. */
  get size(): number {
    return this.#places.size
  }

  get config(): Config {
    return this.#config
  }

  get sockets(): ListeningSockets {
    return this.#sockets
  }

  get drainMs(): number {
    return this.#options.drainMs ?? this.#config['drain-timeout']
  }

  /** Shares of busy time of the workers that run. */
  get loads(): number[] {
    return [...this.#places.values()]
      .filter(({ child }) => child.state === 'running')
      .map(({ child }) => child.utilisation)
  }

  /** Where workers that run take over connections of others. */
  get heirs(): string[] {
    return pathsOf([...this.#places.values()].map(({ child }) => child))
  }

  get isWell(): boolean {
    return [...this.#places.values()].some(({ child }) => child.state === 'running' && !child.isFailing)
  }

  /** Resolves when every process is ready. Rejects with the reason when one cannot be; the others still run then. */
  async start(): Promise<void> {
    const { workers, keeperRuns, sockets } = this.#options
    mkdirSync(this.#questionsFolder, { recursive: true, mode: 0o700 })
    if (!keeperRuns) rmSync(join(this.#config.rundir, 'heirs'), { recursive: true, force: true })
    if (!keeperRuns) await this.#keeper.start()
    await this.#sockets.open(listenPoints(this.#config.network.listen), idsTo(workers))
    const [first, ...others] = idsTo(workers).map((id) => this.#makePlace(id, this.#config))
    // it looks whether the addresses are free, which the others would hide from it
    await first.child.start()
    await Promise.all(others.map(({ child }) => child.start()))
    this.#steer()
    if (sockets === undefined) this.#prepareSpare()
    void this.#questions.renew()
  }

  /** Resolves when so many workers run; those that leave are still finishing what they have. Rejects when a new one cannot
   *  start, with as many as there were before. */
  scaleTo(workers: number): Promise<void> {
    return this.#inTurn(async () => {
      const present = this.#places.size
      if (workers !== present) this.counted[workers > present ? OwnCounter.SCALED_UP : OwnCounter.SCALED_DOWN]++
      if (workers > present) await this.#grow(workers)
      else for (const id of this.#ids.slice(workers)) this.#shrink(id)
      this.#steer()
      this.#prepareSpare()
    })
  }

  /** Has the worker `id` leave. Rejects when it is not there, or the last. */
  remove(id: number): Promise<void> {
    return this.#inTurn(async () => {
      this.#expect(id)
      if (this.#places.size === 1) throw new BowlineError('scale', `worker ${id} is the last; stop the service instead`)
      this.#shrink(id)
      this.#prepareSpare()
    })
  }

  /** Replaces the worker `id`, or one after the other all of them, by new processes. */
  restart(id?: number): Promise<void> {
    return this.#inTurn(async () => {
      if (id !== undefined) this.#expect(id)
      await this.#questions.renew()
      for (const place of this.#places.values())
        if (id === undefined || place.id === id) await this.#replace(place, this.#config)
      this.#prepareSpare({ anew: true })
    })
  }

  /** Has all workers follow `config`: the first alone, watched, then the others one by one. Rejects when a new one cannot
   *  start or answers worse than the others do; all follow the former configuration again then. */
  roll(config: Config): Promise<void> {
    return this.#inTurn(async () => {
      const former = this.#config
      const points = listenPoints(config.network.listen)
      await this.#sockets.open(points, [...this.#places.keys()])
      const done: Place[] = []
      await this.#questions.renew()
      try {
        if (config.cache['size-max'] !== former.cache['size-max']) await this.#renewKeeper(config)
        for (const place of this.#places.values()) {
          const isCanary = done.length === 0
          await this.#replace(place, config)
          done.push(place)
          if (isCanary && this.#places.size > 1) await this.#watchCanary(place)
        }
        this.#config = config
      } catch (error) {
        if (this.#stopping) throw error
        this.counted[OwnCounter.ROLLED_BACK]++
        this.#options.log.err(
          { event: 'roll-back', err: error },
          `going back to the former configuration: ${(error as Error).message}`,
        )
        for (const place of done.reverse()) await this.#replace(place, former).catch(() => {})
        if (config.cache['size-max'] !== former.cache['size-max']) await this.#renewKeeper(former)
        this.#sockets.keepOnly(listenPoints(former.network.listen))
        throw error
      }
      this.#sockets.keepOnly(points)
      this.#steer()
      this.#prepareSpare({ anew: true })
    })
  }

  /** For settings that running processes take over as they are. */
  follow(config: Config): void {
    this.#config = config
    if (movesWorkers(this.#followed, config.workers))
      for (const { id, child } of this.#places.values())
        child.tell({ kind: 'set-cpus', cpus: cpusOfWorker(config.workers, id) ?? cpusOfProcess('self') ?? [] })
    this.#followed = config.workers
    const { level, groups } = config.logging
    for (const child of this.#everyChild()) child.tell({ kind: 'set-logging', level, groups })
  }

  /** Trust anchors have changed, and are in the files. */
  renewAnchors(): void {
    for (const { child } of this.#places.values()) child.tell({ kind: 'anchors-changed' })
  }

  /** What clients ask most: messages as over TCP, of those whose answers are ready. */
  async frequentQuestions(): Promise<Uint8Array | undefined> {
    await this.#questions.renew()
    return this.#questions.latest
  }

  /** A table of all workers together. */
  async frequent(table: FrequentTable, limit: number): Promise<Frequent[]> {
    const tables = [...this.#places.values()].map(({ child }) => child.askFrequent(table, COUNTERS_MS))
    return mergeFrequent(await Promise.all(tables), limit)
  }

  /** Has the worker `id`, or the first that runs, resolve a question. */
  async trace(
    order: Extract<WorkerOrder, { kind: 'trace' }>,
    id?: number,
  ): Promise<{ worker: number; traced: Traced }> {
    if (id !== undefined) this.#expect(id)
    const worker = id ?? this.#ids.find((one) => this.#places.get(one)?.child.state === 'running') ?? this.#ids[0]
    const traced = (await this.#places.get(worker)?.child.askWorker(order, TRACE_MS)) as Traced | undefined
    if (traced === undefined) throw new BowlineError('trace', `worker ${worker} cannot tell how it resolves`)
    return { worker, traced }
  }

  /** Which modules run, by worker. */
  async modules(): Promise<{ worker: number; modules: ModuleFacts[] }[]> {
    const answers = await this.#askAll({ kind: 'modules' })
    return answers.map(({ worker, answer }) => ({ worker, modules: answer as ModuleFacts[] }))
  }

  /** Has a module do something, in each worker. */
  async runVerb(
    order: Omit<Extract<WorkerOrder, { kind: 'module-verb' }>, 'kind'>,
  ): Promise<{ worker: number; outcome: VerbOutcome }[]> {
    const answers = await this.#askAll({ kind: 'module-verb', ...order })
    return answers.map(({ worker, answer }) => ({ worker, outcome: answer as VerbOutcome }))
  }

  /** What each worker that answers at once has to say; one that hangs does not keep the others from being heard. */
  async look<Facts>(order: WorkerOrder): Promise<{ worker: number; facts: Facts | undefined }[]> {
    const running = [...this.#places].filter(([, { child }]) => child.state === 'running')
    const looks = running.map(async ([worker, { child }]) => {
      const facts = (await child.askWorker(order, LOOK_MS).catch(() => undefined)) as Facts | undefined
      return { worker, facts }
    })
    return (await Promise.all(looks)).sort((one, other) => one.worker - other.worker)
  }

  /** Of the worker that has run longest. Rejects when there is none. */
  #askOne(order: WorkerOrder): Promise<unknown> {
    const running = [...this.#places.values()].map(({ child }) => child).filter(({ state }) => state === 'running')
    const [first] = running.sort((one, other) => other.ranMs - one.ranMs)
    return first?.askWorker(order, LOOK_MS) ?? Promise.reject(new BowlineError('not-there', 'no worker runs'))
  }

  /** Rejects when no worker runs, or one of them does not answer. */
  async #askAll(order: WorkerOrder): Promise<{ worker: number; answer: unknown }[]> {
    const running = [...this.#places].filter(([, { child }]) => child.state === 'running')
    if (running.length === 0) throw new BowlineError('not-there', 'no worker runs; try again when one does')
    return Promise.all(
      running.map(async ([worker, { child }]) => ({ worker, answer: await child.askWorker(order, MODULE_MS) })),
    )
  }

  /** Counted by the service whose place we take. */
  inherit(totals: FleetTotals): void {
    this.#inherited = totals
  }

  /** The keeper of the service whose place we take has ended: ours begins. */
  async adoptKeeper(): Promise<void> {
    this.#predecessorRuns = false
    this.#spread()
    await this.#keeper.start()
    this.#prepareSpare()
  }

  /** Resolves when every process is gone. Workers first: what they learn until the end is still kept. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true
    this.#spare.close()
    this.#questions.close()
    this.#keeper.retire()
    this.#sockets.close()
    const workers = this.#everyChild().filter((child) => child !== this.#keeper)
    await Promise.all(workers.map((worker) => worker.stop(timeoutMs)))
    await this.#keeper.stop(KEEPER_STOP_MS)
    this.#forgetQuestions()
  }

  /** As stop(), of a service whose sockets and place another has taken over; open connections go to `heirs`. */
  async leave(timeoutMs: number, heirs: readonly string[]): Promise<void> {
    this.#stopping = true
    this.#spare.close()
    this.#questions.close()
    await this.#spreading
    const workers = this.#everyChild().filter((child) => child !== this.#keeper)
    await Promise.all(workers.map((worker) => worker.stop(timeoutMs, { heirs })))
    await this.#keeper.stop(KEEPER_STOP_MS)
    this.#forgetQuestions()
  }

  /** Ends every process that is left at once. */
  kill(): void {
    this.#spare.close()
    for (const child of this.#everyChild()) child.kill()
  }

  facts(): WorkerFacts[] {
    const places = this.#ids.map((id) => this.#places.get(id) as Place)
    const stay = cpuAffinity(this.#config.workers) !== undefined
    return places.map(({ id, child, meter, lastCrash }) => ({
      id,
      pid: child.pid,
      state: child.state,
      uptimeMs: Math.round(child.ranMs),
      queriesPerSecond: meter.perSecond(queriesOf(child.counters), this.#options.clock.monotonicMs()),
      utilisation: child.utilisation,
      rssOctets: child.rssOctets,
      inFlight: child.inFlight,
      restarts: child.restarts,
      cpus: stay && child.pid !== undefined ? cpusText(cpusOfProcess(child.pid) ?? []) : undefined,
      isLooping: child.isLooping,
      startsInMs: child.startsInMs,
      lastCrash,
    }))
  }

  /** Workers that finish what they have. */
  get leaving(): number {
    return this.#leaving.size
  }

  /** Has every process tell what it has counted; who does not within `timeoutMs` counts as it last said. */
  async ask(timeoutMs = COUNTERS_MS): Promise<void> {
    await Promise.all(this.#everyChild().map((child) => child.askCounters(timeoutMs)))
  }

  /** Counted by all that ever belonged to the service, as far as they have told. Never goes back. */
  totals(): FleetTotals {
    const present = [...this.#places.values()].map(({ id, child }): [number, Totals] => [id, child.totals])
    const leaving = [...this.#leaving].map(([child, id]): [number, Totals] => [id, child.totals])
    const sums = new Map(this.#departed)
    for (const [id, totals] of [...leaving, ...present]) sums.set(id, addTotals(sums.get(id) ?? NOTHING, totals))
    const ours = {
      workers: [...sums],
      keeper: addCounters(this.#keeperPast, this.#keeper.counters),
      own: this.counted,
    }
    return this.#inherited === undefined ? ours : addFleetTotals(this.#inherited, ours)
  }

  /** What is to be told of each worker beside what it has counted. */
  measures(): WorkerMeasure[] {
    return [...this.#places.values()].map(({ id, child, meter, lastCrash }) => ({
      id,
      isUp: child.isUp,
      state: child.state,
      gauges: child.gauges,
      udp: child.udp,
      uptimeMs: child.ranMs,
      queriesPerSecond: meter.perSecond(queriesOf(child.counters), this.#options.clock.monotonicMs()),
      lastCrashMs: lastCrash?.wallMs,
    }))
  }

  async #grow(workers: number): Promise<void> {
    const missing = this.#freeIds(workers - this.#places.size)
    await this.#sockets.open(listenPoints(this.#config.network.listen), missing)
    this.#steer() // sockets of places that have nobody yet get no connections
    this.#refuseIfStopping()
    const made = missing.map((id) => this.#makePlace(id, this.#config))
    const outcomes = await Promise.allSettled(made.map(({ child }) => child.start()))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed === undefined) return
    for (const { id } of made) this.#shrink(id)
    throw failed.reason
  }

  get #ids(): number[] {
    return [...this.#places.keys()].sort((one, other) => one - other)
  }

  #freeIds(count: number): number[] {
    return idsTo(this.#places.size + count)
      .filter((id) => !this.#places.has(id))
      .slice(0, count)
  }

  #expect(id: number): void {
    if (!this.#places.has(id))
      throw new BowlineError('no-such-worker', `there is no worker ${id}; there are ${this.#ids.join(', ')}`)
  }

  #shrink(id: number): void {
    const place = this.#places.get(id)
    if (place === undefined) return
    this.#places.delete(id)
    this.#steer()
    void this.#dismiss(place, place.child, { acceptMs: ACCEPT_MS, heirs: this.heirs })
  }

  /** Rejects when the successor does not get ready; then the present one stays. */
  async #replace(place: Place, config: Config): Promise<void> {
    this.#refuseIfStopping()
    const former = place.child
    const successor = this.#makeWorker(place.id, config, { urgent: false })
    this.#arriving = successor
    await successor.start().finally(() => {
      this.#arriving = undefined
    })
    place.child = successor
    place.meter = new Meter()
    this.counted[OwnCounter.WORKER_REPLACED]++
    void this.#dismiss(place, former, { heirs: pathsOf([successor]) })
  }

  /** Who would be started now would outlive us. */
  #refuseIfStopping(): void {
    if (this.#stopping) throw new BowlineError('stopping', 'the service stops')
  }

  /** Nothing is lost if its successor cannot start, either: it stays, and when it says so again, the next is tried. */
  async #replaceFailing(id: number, child: Child, reason: string, saysAgain: boolean): Promise<void> {
    const { log } = this.#options
    const { pid } = child
    const place = this.#places.get(id)
    if (place?.child !== child || place.failingPid === pid) return
    place.failingPid = pid
    const fields = { child: child.name, childPid: pid, reason }
    if (!saysAgain) log.err({ event: 'child-failing', ...fields }, `${child.name} is replaced: ${reason}`)
    try {
      await this.#inTurn(async () => {
        const isThere = this.#places.get(id) === place && place.child === child && child.pid === pid
        if (isThere && !this.#stopping) await this.#replace(place, this.#config)
      })
    } catch (error) {
      const { message } = error as Error
      log.err({ event: 'child-not-replaced', ...fields, err: error }, `${child.name} stays as it is: ${message}`)
    }
    if (place.failingPid === pid) place.failingPid = undefined
  }

  async #dismiss({ id }: Place, child: Child, leaving: { acceptMs?: number; heirs: readonly string[] }): Promise<void> {
    this.#leaving.set(child, id)
    await this.#spreading
    await child.stop(this.drainMs, leaving)
    this.#leaving.delete(child)
    this.#departed.set(id, addTotals(this.#departed.get(id) ?? NOTHING, child.totals))
    this.#spread()
    this.#options.onChange?.()
  }

  async #watchCanary(canary: Place): Promise<void> {
    const { child } = canary
    const others = [...this.#places.values()].filter((place) => place !== canary).map((place) => place.child)
    const before = others.map((other) => other.counters)
    const restarts = child.restarts
    await this.#pause(CANARY_MS)
    const ours = await child.askCounters(COUNTERS_MS)
    if (child.state !== 'running' || child.restarts > restarts)
      throw new BowlineError('canary', `the first worker with the new configuration ended (${child.lastCrash?.reason})`)
    const share = servfailShare(ours, new Float64Array())
    const shares = others.map((other, index) => servfailShare(other.counters, before[index]))
    const usual = Math.max(0, ...shares.filter((one) => one !== undefined))
    if (share !== undefined && share > usual + CANARY_SERVFAIL)
      throw new BowlineError(
        'canary',
        `the first worker with the new configuration answered ${Math.round(100 * share)} % with SERVFAIL, ` +
          `the others ${Math.round(100 * usual)} %`,
      )
  }

  async #renewKeeper(config: Config): Promise<void> {
    this.#refuseIfStopping()
    const former = this.#keeper
    former.retire()
    await former.stop(KEEPER_STOP_MS)
    this.#keeperPast = addCounters(this.#keeperPast, former.counters)
    this.counted[OwnCounter.KEEPER_REPLACED]++
    this.#refuseIfStopping()
    this.#keeper = this.#makeKeeper(config)
    await this.#keeper.start()
  }

  #makeKeeper(config = this.#config): Child {
    const { clock, log, onChange, keeperPath } = this.#options
    const socketPath = this.#socketPath
    return new Child({
      name: 'keeper',
      fork: () => startProcess(keeperPath ?? mainFile('keeper'), [], config.logging.target),
      startMessage: () => ({ kind: 'start', config: { ...config, logging: this.#config.logging }, socketPath }),
      clock,
      log,
      onChange,
      onCrash: ({ cause }) => {
        this.counted[KEEPER_CRASH[cause]]++
      },
    })
  }

  #makePlace(id: number, config: Config): Place {
    const place: Place = {
      id,
      child: this.#makeWorker(id, config, { urgent: !this.#predecessorRuns }),
      meter: new Meter(),
    }
    this.#places.set(id, place)
    return place
  }

  /** `urgent`: nobody is at its place. */
  #makeWorker(id: number, config: Config, { urgent }: { urgent: boolean }): Worker {
    const { clock, log, onChange, sockets } = this.#options
    let modesty: Timer | undefined
    let handed: Pick<StartWorker, 'listening' | 'notOurs'> = {}
    let questionsPath = ''
    const worker: Worker = new Child({
      name: `worker ${id}`,
      fork: (firstTime) => {
        const ours = this.#sockets.of(id, listenPoints(config.network.listen))
        const fds = ours.map(({ fd }) => fd)
        const start = urgent || !firstTime ? startProcess : startInBackground
        const started = this.#spare.take(fds) ?? {
          process: start(this.#workerPath, fds, config.logging.target),
          fds,
        }
        const { pid } = started.process
        if (!firstTime) {
          startFirst(pid)
          this.#prepareSpare({ soon: true })
        } else if (!urgent) {
          modesty = clock.after(MODEST_MS, () => startFully(pid))
        }
        handed = handedSockets(started.fds, ours)
        return started.process
      },
      startMessage: (firstTime) => {
        const name = `${id}-${process.pid}-${++this.#processes}`
        questionsPath = join(this.#questionsFolder, name)
        worker.inheritancePath = join(this.#config.rundir, 'heirs', name)
        const alone = firstTime && sockets === undefined && id === 1 && this.#places.size <= this.#options.workers
        return {
          kind: 'start',
          config: { ...config, logging: this.#config.logging },
          index: id,
          socketPath: this.#socketPath,
          alone: alone && this.loads.length === 0,
          questionsPath,
          inheritancePath: worker.inheritancePath,
          priority: fullPriority(),
          cpus: cpusOfWorker((firstTime ? config : this.#config).workers, id),
          urgent: urgent || !firstTime,
          // should one of them be what it dies of, it begins without
          questions: worker.isLooping ? undefined : this.#questions.latest,
          ...handed,
        }
      },
      clock,
      log,
      onChange: () => {
        if (worker.state !== 'starting') modesty?.cancel()
        this.#steer()
        this.#spread()
        onChange?.()
      },
      onCrash: (crash) => this.#crashed(id, crash, questionsPath),
      onFailing: (reason, saysAgain) => void this.#replaceFailing(id, worker, reason, saysAgain),
      examine: async (hung, lastWords) => {
        const report = await examineStuck(hung, lastWords, this.#config.rundir)
        if (report === undefined) return
        const { stack, profilePath } = report
        log.err(
          { event: 'child-stuck-in', child: `worker ${id}`, stack, profilePath },
          `worker ${id} is stuck in ${stack[0] ?? 'nothing'}; profile in ${profilePath}`,
        )
      },
    })
    return worker
  }

  #crashed(id: number, crash: Crash, questionsPath: string): void {
    const questions = readLastQuestions(questionsPath)
    this.counted[WORKER_CRASH[crash.cause]]++
    this.counted[OwnCounter.SUSPECTS] += questions.filter(({ unfinished }) => unfinished).length
    rmSync(questionsPath, { force: true })
    const place = this.#places.get(id)
    if (place !== undefined) place.lastCrash = { ...crash, questions }
    if (questions.length > 0) {
      const told = questions.slice(0, LOGGED_QUESTIONS)
      this.#options.log.err(
        { event: 'last-questions', child: crash.child, questions: told },
        `${crash.child} ended after ${told.map(({ question, client }) => `${question} from ${client}`).join(', ')}`,
      )
    }
  }

  /** New connections go to places whose worker runs, and to those of workers that will be back at once. */
  #steer(): void {
    if (this.#stopping) return
    const places = [...this.#places.values()]
    const able = places.filter(({ child }) => child.state === 'running')
    this.#sockets.steer((able.length > 0 ? able : places).map(({ id }) => id))
  }

  /** Has queries over UDP spread by their ids, if that is the wish, once all who share the sockets' addresses are there to
   *  stay: the kernel would go on choosing one that leaves, whose first act is thus to end it. */
  #spread(): void {
    const children = [...this.#places.values()].map(({ child }) => child)
    const isSettled = this.#leaving.size === 0 && children.every(({ state }) => state === 'running')
    if (this.#config.network['udp-spread-by'] !== 'query' || this.#stopping || this.#predecessorRuns || !isSettled)
      return
    const order = { kind: 'spread-by-query', workers: children.length } as const
    this.#spreading = this.#spreading.then(() => children[0]?.askWorker(order, SPREAD_MS)).catch(() => {})
  }

  /** `anew`: the one there is was made for another configuration, or another program. `soon`: it may be needed before all is quiet. */
  #prepareSpare(how: { anew?: boolean; soon?: boolean } = {}): void {
    if (this.#stopping) return
    void this.#inTurn(async () => {
      // its sockets must be among those that the spare is given when it starts
      await this.#sockets.open(listenPoints(this.#config.network.listen), this.#freeIds(1))
      this.#steer()
      this.#spare.prepare(how)
    }).catch(() => {})
  }

  /** What our own workers have left; a successor's are in the same folder. */
  #forgetQuestions(): void {
    if (!existsSync(this.#questionsFolder)) return // it has not got that far
    for (const name of readdirSync(this.#questionsFolder))
      if (name.includes(`-${process.pid}-`)) rmSync(join(this.#questionsFolder, name), { force: true })
  }

  /** One change of the fleet at a time. */
  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(change)
    this.#turn = result.catch(() => {})
    return result
  }

  #everyChild(): Child[] {
    const arriving = this.#arriving === undefined ? [] : [this.#arriving]
    const present = [...this.#places.values()].map(({ child }) => child)
    return [...present, ...arriving, ...this.#leaving.keys(), this.#keeper]
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.clock.after(ms, resolve))
  }

  get #workerPath(): string {
    return this.#options.workerPath ?? mainFile('worker')
  }

  get #socketPath(): string {
    return join(this.#config.rundir, 'keeper.sock')
  }

  get #questionsFolder(): string {
    return join(this.#config.rundir, 'questions')
  }
}

/** Tells how fast a number grows, between two looks at least a second apart. */
class Meter {
  #from: { value: number; ms: number } | undefined
  #perSecond = 0

  perSecond(value: number, nowMs: number): number {
    if (this.#from === undefined) this.#from = { value, ms: nowMs }
    const elapsedMs = nowMs - this.#from.ms
    if (elapsedMs >= 1000) {
      this.#perSecond = Math.round((1000 * (value - this.#from.value)) / elapsedMs)
      this.#from = { value, ms: nowMs }
    }
    return this.#perSecond
  }
}

function pathsOf(workers: readonly Worker[]): string[] {
  return workers.flatMap(({ state, inheritancePath }) =>
    state === 'running' && inheritancePath !== undefined ? [inheritancePath] : [],
  )
}

function queriesOf(counters: Float64Array): number {
  return (counters[Counter.UDP_PACKETS] ?? 0) + (counters[Counter.TCP_QUERIES] ?? 0)
}

/** undefined: too few answers to say. */
function servfailShare(now: Float64Array, before: Float64Array): number | undefined {
  const grown = (counter: Counter) => (now[counter] ?? 0) - (before[counter] ?? 0)
  const answers = grown(Counter.UDP_ANSWERS) + grown(Counter.TCP_ANSWERS)
  return answers < CANARY_ANSWERS ? undefined : grown(Counter.SERVFAIL) / answers
}

function idsTo(count: number): number[] {
  return Array.from({ length: count }, (_, place) => place + 1)
}
