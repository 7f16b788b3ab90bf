/** The life of a worker process: it is told to start, opens its listeners, answers, and leaves in good order. What it
 *  answers is the resolver's business, which is handed in. */

import { BowlineError } from '../src/config/error.ts'
import { systemClock } from '../src/io/clock.ts'
import { createLog, type Log } from '../src/io/log.ts'
import { Counters } from '../src/metrics/counters.ts'
import { listenPoints } from './addresses.ts'
import { ClientLimits } from './client-limits.ts'
import { Listeners } from './listeners.ts'
import { LocalClients } from './local-clients.ts'
import { ALIVE_INTERVAL_MS, type FromChild, type StartWorker, type ToWorker } from './messages.ts'
import { type Resolver, Service } from './serve.ts'
import { TcpConnections } from './tcp-connections.ts'

export type MakeResolver = (start: StartWorker, log: Log) => Promise<Resolver> | Resolver

/** What is in flight may take so long when the supervisor is gone and cannot say. */
const ORPHAN_DRAIN_MS = 10_000
/** Time for what the kernel has queued at our sockets to be read, once nothing new comes. */
const QUEUE_MS = 50
const LOOK_MS = 10

/** sysexits.h's "internal software error": a fault of ours, and a reason to start again. */
const EX_SOFTWARE = 70

export function runWorker(makeResolver: MakeResolver): void {
  let log = createLog({ level: 'notice', process: 'worker' })
  let worker: Worker | undefined
  const stop = (timeoutMs: number) => {
    if (worker === undefined) process.exit(0)
    void worker.stop(timeoutMs).then(() => process.exit(0))
  }

  const fatal = (error: unknown) => {
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
    if (order.kind === 'stop') return stop(order.timeoutMs)
    log = createLog({ ...order.config.logging, process: `worker ${order.index}` })
    try {
      const starting = new Worker(order, await makeResolver(order, log), log)
      await starting.open()
      worker = starting
      tell({ kind: 'ready' })
      setInterval(() => tell({ kind: 'alive', inFlight: starting.inFlight }), ALIVE_INTERVAL_MS).unref()
    } catch (error) {
      if (!(error instanceof BowlineError)) throw error
      tell({ kind: 'failed', code: error.code, message: error.message }, () => process.exit(1))
    }
  })
}

class Worker {
  readonly #start: StartWorker
  readonly #resolver: Resolver
  readonly #limits = new ClientLimits(systemClock)
  readonly #connections: TcpConnections
  readonly #listeners: Listeners
  #stopping: Promise<void> | undefined

  constructor(start: StartWorker, resolver: Resolver, log: Log) {
    const counters = new Counters()
    const localClients = new LocalClients()
    this.#start = start
    this.#resolver = resolver
    this.#connections = new TcpConnections(systemClock, counters)
    const service = new Service({
      resolver,
      clock: systemClock,
      counters,
      limits: this.#limits,
      allows: (address) => localClients.includes(address),
      udpSize: start.config.network['edns-buffer-size'].downstream,
    })
    const connections = this.#connections
    this.#listeners = new Listeners({ service, connections, counters, localClients, clock: systemClock, log })
  }

  get inFlight(): number {
    return this.#resolver.inFlight
  }

  open(): Promise<void> {
    return this.#listeners.open(listenPoints(this.#start.config.network.listen), { alone: this.#start.alone })
  }

  /** Resolves when everything that had arrived is answered, at the latest after `timeoutMs`. */
  stop(timeoutMs: number): Promise<void> {
    this.#stopping ??= this.#drain(systemClock.monotonicMs() + timeoutMs)
    return this.#stopping
  }

  async #drain(deadlineMs: number): Promise<void> {
    const leftMs = () => Math.max(0, deadlineMs - systemClock.monotonicMs())
    this.#listeners.leave()
    await pause(Math.min(QUEUE_MS, leftMs()))
    await new Promise<void>((drained) => this.#resolver.drain(leftMs(), drained))
    while (leftMs() > 0 && (this.#connections.open > 0 || this.#limits.clients > 0)) await pause(LOOK_MS)
    this.#listeners.close()
    await this.#resolver.close()
  }
}

function tell(message: FromChild, sent: () => void = () => {}): void {
  if (process.connected) process.send?.(message, sent)
  else sent()
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => systemClock.after(ms, resolve))
}
