/** The life of a worker process: it is told to start, tries its resolver, opens its listeners, answers, and leaves in good
 *  order. What it answers is the resolver's business, which is handed in. */

import { closeSync } from 'node:fs'
import { getPriority } from 'node:os'
import { performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { BowlineError } from '../src/config/error.ts'
import { pointText } from '../src/config/listen-points.ts'
import { chooseUdpKind } from '../src/io/batched-udp-open.ts'
import { isBlamed } from '../src/io/blame.ts'
import { systemClock } from '../src/io/clock.ts'
import { createLog, groupLog, type Log, setLogging } from '../src/io/log.ts'
import { setPriorityOfThreads } from '../src/io/priority.ts'
import { systemRandom } from '../src/io/random.ts'
import { Counter, Counters } from '../src/metrics/counters.ts'
import type { Frequent, FrequentTable } from '../src/metrics/frequent.ts'
import { GAUGES, Gauge } from '../src/metrics/gauges.ts'
import type { RateLimiter } from '../src/modules/rate-limiting/index.ts'
import { Stats } from '../src/modules/stats/index.ts'
import { compileViews } from '../src/modules/views/choose.ts'
import { ViewTable } from '../src/modules/views/table.ts'
import { listenPoints } from './addresses.ts'
import { ClientLimits } from './client-limits.ts'
import { stayOn } from './cpu-affinity.ts'
import { countPauses } from './gc-pauses.ts'
import { Heirs, Inheritance } from './handover.ts'
import { LastQuestions } from './last-questions.ts'
import { Listeners } from './listeners.ts'
import { LocalClients } from './local-clients.ts'
import {
  ALIVE_INTERVAL_MS,
  type Alive,
  type FromChild,
  type Report,
  type StartWorker,
  type ToWorker,
} from './messages.ts'
import { moduleFacts, runVerb } from './module-verbs.ts'
import { Preparation } from './preparation.ts'
import { clientLimits, openRateLimiter, reportLimits } from './rate-limits.ts'
import { type Resolver, Service } from './serve.ts'
import { TcpConnections } from './tcp-connections.ts'
import { inherit } from './tcp-listener.ts'
import { Watchdog } from './watchdog.ts'

export type MakeResolver = (start: StartWorker, log: Log) => Promise<Resolver> | Resolver

/** What is in flight may take so long when the supervisor is gone and cannot say. */
const ORPHAN_DRAIN_MS = 10_000
/** Time for what the kernel has queued at our sockets to be read, once nothing new comes. */
const QUEUE_MS = 50
const LOOK_MS = 10

/** In which a new worker has answered what came in while its sockets were opened. */
const SETTLE_MS = 20

/** About a tenth of a claim to the processors (sched(7)). */
const LESS = 10

/** sysexits.h's "internal software error": a fault of ours, and a reason to start again. */
const EX_SOFTWARE = 70

/** Entries of a table that go to the supervisor. */
const FREQUENT = 1000

/** What a CountersNow that nobody asked for has as its id. */
const UNASKED = 0

/** `rehearse`: what is done before anybody can ask, while this process may be nothing but the spare; to be cut short once
 *  its promise resolves. */
export function runWorker(
  makeResolver: MakeResolver,
  rehearse: (hurry: Promise<void>) => Promise<unknown> = async () => {},
): void {
  const urgency = Promise.withResolvers<void>()
  const rehearsal = rehearse(urgency.promise)
  let log = createLog({ level: 'notice', process: 'worker' })
  let worker: Worker | undefined
  const stop = (timeoutMs: number, acceptMs = 0, heirs: readonly string[] = []) => {
    const stopping = worker
    if (stopping === undefined) process.exit(0)
    void stopping.stop(timeoutMs, acceptMs, heirs).then(() => {
      tell({ kind: 'counters', id: UNASKED, ...stopping.report() }, () => process.exit(0))
    })
  }

  const fatal = (error: unknown) => {
    if (isBlamed(error)) return // a module's own, of which it has no more than three
    const err = error instanceof Error ? error : new Error(String(error))
    log.crit({ event: 'fatal', err }, `ending because of a fault in Bowline: ${err.message}`)
    process.exit(EX_SOFTWARE)
  }
  process.on('uncaughtException', fatal)
  process.on('unhandledRejection', fatal)
  process.on('SIGINT', () => {}) // Ctrl-C reaches every process of the terminal; the supervisor tells us what to do
  process.on('SIGTERM', () => stop(ORPHAN_DRAIN_MS))
  process.on('disconnect', () => stop(ORPHAN_DRAIN_MS)) // the supervisor is gone: leave nothing that holds the port

  process.on('message', async (message) => {
    const order = message as ToWorker
    switch (order.kind) {
      case 'stop':
        return stop(order.timeoutMs, order.acceptMs, order.heirs)
      case 'set-logging':
        return setLogging(log, order)
      case 'set-cpus':
        return stayOn(order.cpus, groupLog(log, 'worker'))
      case 'anchors-changed':
        return worker?.readAnchors()
      case 'ask-frequent':
        return tell({ kind: 'frequent', id: order.id, entries: worker?.frequent(order.table) ?? [] })
      case 'ask-worker':
        return tell({ kind: 'done', id: order.id, answer: await worker?.carryOut(order.order) })
      case 'ask-counters':
        return tell({ kind: 'counters', id: order.id, ...(worker?.report() ?? { counters: new Float64Array() }) })
    }
    for (const fd of order.notOurs ?? []) closeSync(fd)
    if (order.urgent) urgency.resolve()
    const preparation = new Preparation(order)
    log = createLog({ ...order.config.logging, process: `worker ${order.index}` })
    try {
      const resolver = await makeResolver(order, log)
      await preparation.try(resolver, rehearsal)
      const starting = new Worker(order, resolver, log)
      preparation.end(() => starting.alive())
      if (order.cpus !== undefined) stayOn(order.cpus, groupLog(log, 'worker')) // until now, it was in nobody's way there
      await starting.open(log)
      worker = starting
      if (!order.urgent) await pause(SETTLE_MS) // to tell of it, and what follows from that, has time
      tell({ kind: 'ready', udp: { listener: chooseUdpKind().kind, upstream: resolver.udpBy ?? 'none' } })
      tell(starting.alive())
      setInterval(() => tell(starting.alive()), ALIVE_INTERVAL_MS).unref()
    } catch (error) {
      if (!(error instanceof BowlineError)) throw error
      tell({ kind: 'failed', code: error.code, message: error.message }, () => process.exit(1))
    }
  })
}

class Worker {
  readonly #start: StartWorker
  readonly #resolver: Resolver
  readonly #service: Service
  readonly #limits: ClientLimits
  readonly #counters = new Counters()
  readonly #connections: TcpConnections
  readonly #listeners: Listeners
  readonly #inheritance: Inheritance | undefined
  readonly #limiter: RateLimiter | undefined
  readonly #stats: Stats | undefined
  #watchdog: Watchdog | undefined
  #stopping: Promise<void> | undefined
  #busy = performance.eventLoopUtilization()
  #utilisation = 0
  /** When alive() is to be called next, and how much too late it was. */
  #dueMs = Number.POSITIVE_INFINITY
  #lagSeconds = 0

  constructor(start: StartWorker, resolver: Resolver, log: Log) {
    const counters = this.#counters
    countPauses(counters)
    const localClients = new LocalClients()
    const views = compileViews(start.config.views)
    const table = new ViewTable(views)
    if (views.length === 0 && start.index === 1)
      groupLog(log, 'worker').notice(
        { event: 'local-clients-only' },
        'serving local clients only; views in the configuration lets others in',
      )
    this.#start = start
    this.#resolver = resolver
    this.#connections = new TcpConnections(systemClock, counters)
    const surroundings = { views, log, isGoodCookie: resolver.isGoodCookie }
    this.#limits = new ClientLimits(systemClock, clientLimits(start.config, surroundings))
    this.#limiter = openRateLimiter(start.config, surroundings)
    this.#stats = makeStats(start.config)
    const service = new Service({
      resolver,
      clock: systemClock,
      counters,
      limits: this.#limits,
      allows: (address) => localClients.includes(address) || table.covers(address),
      udpSize: start.config.network['edns-buffer-size'].downstream,
      discardMs: start.config['client-limits']['discard-timeout'],
      limiter: this.#limiter,
      stats: this.#stats,
      lastQuestions: start.questionsPath === undefined ? undefined : LastQuestions.open(start.questionsPath),
    })
    this.#service = service
    const connections = this.#connections
    const listening = new Map(start.listening?.map((socket) => [pointText(socket), socket.fd]))
    if (start.inheritancePath !== undefined)
      this.#inheritance = Inheritance.open(start.inheritancePath, (fd, received) =>
        inherit(fd, received, { service, connections, counters }),
      )
    this.#listeners = new Listeners({
      service,
      connections,
      counters,
      localClients,
      clock: systemClock,
      log: groupLog(log, 'net'),
      listening,
    })
  }

  report(): Report {
    const counters = this.#counters.copy()
    this.#resolver.report?.(counters)
    this.#service.addTo(counters)
    if (this.#limiter !== undefined) reportLimits(this.#limiter, counters)
    counters.set(Counter.DROPPED_KERNEL_QUEUE, this.#listeners.dropped)
    const { user, system } = process.cpuUsage()
    counters.set(Counter.CPU_SECONDS, (user + system) / 1e6)
    const gauges = new Float64Array(GAUGES)
    this.#resolver.measure?.(gauges)
    gauges[Gauge.IN_FLIGHT] = this.#resolver.inFlight
    gauges[Gauge.CLIENTS_WAITING] = this.#limits.clients
    gauges[Gauge.TCP_CONNECTIONS] = this.#connections.open
    gauges[Gauge.TCP_BUFFER_OCTETS] = this.#connections.octets
    gauges[Gauge.UTILISATION] = this.#utilisation
    gauges[Gauge.LAG_SECONDS] = this.#lagSeconds
    gauges[Gauge.RSS_OCTETS] = process.memoryUsage.rss()
    gauges[Gauge.HEAP_OCTETS] = getHeapStatistics().used_heap_size
    return { counters: counters.values, gauges, modules: this.#resolver.moduleCounts?.() ?? [] }
  }

  alive(): Alive {
    const before = this.#busy
    this.#busy = performance.eventLoopUtilization()
    this.#utilisation = performance.eventLoopUtilization(this.#busy, before).utilization
    const nowMs = systemClock.monotonicMs()
    this.#lagSeconds = Math.max(0, nowMs - this.#dueMs) / 1000
    this.#dueMs = nowMs + ALIVE_INTERVAL_MS
    return {
      kind: 'alive',
      inFlight: this.#resolver.inFlight,
      utilisation: this.#utilisation,
      rssOctets: process.memoryUsage.rss(),
      ...this.report(),
    }
  }

  readAnchors(): void {
    this.#resolver.readAnchors?.()
  }

  frequent(table: FrequentTable): Frequent[] {
    if (table === 'bogus') return this.#resolver.frequentBogus?.() ?? []
    return this.#stats?.top(table, FREQUENT, systemClock.wallMs()) ?? []
  }

  carryOut(order: Extract<ToWorker, { kind: 'ask-worker' }>['order']): unknown {
    switch (order.kind) {
      case 'spread-by-query':
        if (this.#stopping === undefined) this.#listeners.spreadByQuery(order.workers)
        return undefined
      case 'trace':
        return this.#resolver.trace?.(order)
      case 'waiting':
        return this.#resolver.waitingQuestions?.(order.limit) ?? []
      case 'servers':
        return this.#resolver.knownServers?.(order) ?? { servers: [] }
      case 'frequent-questions':
        return this.#resolver.frequentQuestions?.(order.limit)
      case 'modules':
        return moduleFacts(this.#resolver.modules)
      case 'module-verb':
        return runVerb(this.#resolver.modules, order)
    }
  }

  async open(log: Log): Promise<void> {
    const { config, alone } = this.#start
    await this.#listeners.open(listenPoints(config.network.listen), { alone })
    if (!config.watchdog.enable) return
    this.#watchdog = new Watchdog({
      intervalMs: config.watchdog.interval,
      failures: config.watchdog.failures,
      sockets: () => this.#listeners.udpListeners,
      resolver: this.#resolver,
      clock: systemClock,
      random: systemRandom,
      log: groupLog(log, 'worker'),
      onFailing: (reason) => tell({ kind: 'failing', reason }),
      onRecovered: () => tell({ kind: 'failing', reason: undefined }),
    })
  }

  /** Resolves when everything that had arrived is answered, at the latest after `timeoutMs`. Connections are accepted for
   *  `acceptMs` longer; those that are open go to `heirs`. */
  stop(timeoutMs: number, acceptMs: number, heirs: readonly string[]): Promise<void> {
    this.#connections.heirs = Heirs.of(heirs)
    this.#stopping ??= this.#drain(systemClock.monotonicMs() + timeoutMs, acceptMs)
    return this.#stopping
  }

  async #drain(deadlineMs: number, acceptMs: number): Promise<void> {
    const leftMs = () => Math.max(0, deadlineMs - systemClock.monotonicMs())
    this.#watchdog?.stop()
    const left = this.#listeners.leave()
    void this.#connections.leave()
    if (acceptMs > 0) await pause(Math.min(acceptMs, leftMs()))
    this.#listeners.stopAccepting()
    await pause(Math.min(QUEUE_MS, leftMs()))
    await Promise.race([left, pause(leftMs())])
    await new Promise<void>((drained) => this.#resolver.drain(leftMs(), drained))
    while (leftMs() > 0 && (this.#connections.open > 0 || this.#limits.clients > 0)) await pause(LOOK_MS)
    this.#service.end()
    setPriorityOfThreads(getPriority() + LESS) // nobody waits for the rest; giving the memory back takes its time
    this.#listeners.close()
    this.#inheritance?.close()
    await this.#resolver.close()
  }
}

function makeStats({ stats }: StartWorker['config']): Stats | undefined {
  if (!stats.enable) return undefined
  return new Stats({ room: stats.size, windowMs: stats.window * 1000, seed: systemRandom.u16() })
}

function tell(message: FromChild, sent: () => void = () => {}): void {
  if (process.connected) process.send?.(message, sent)
  else sent()
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => systemClock.after(ms, resolve))
}
