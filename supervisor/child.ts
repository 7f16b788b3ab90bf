/** One process of the fleet, kept alive: started, watched, started again when it ends, and stopped in good order. */

import type { ChildProcess } from 'node:child_process'
import { BowlineError } from '../src/config/error.ts'
import type { Clock, Timer } from '../src/io/interfaces.ts'
import type { Log } from '../src/io/log.ts'
import type { Frequent, FrequentTable } from '../src/metrics/frequent.ts'
import {
  ALIVE_INTERVAL_MS,
  type AskCache,
  type AskWorker,
  type CacheOrder,
  type FromChild,
  type Report,
  type ToKeeper,
  type ToWorker,
  type UdpWays,
  type WorkerOrder,
} from '../workers/messages.ts'
import { BackOff, STABLE_MS } from './back-off.ts'
import type { CrashCause } from './metrics/own-counters.ts'
import { addTotals, NOTHING, type Totals } from './sums.ts'

export interface ChildOptions {
  /** For log and people: `keeper`, `worker 2`. */
  name: string
  /** Starts the process; not for the first time: to fill its empty place. */
  fork(firstTime: boolean): ChildProcess
  /** What it is told first; asked again at each start, after fork(). */
  startMessage(firstTime: boolean): ToWorker | ToKeeper
  clock: Clock
  log: Log
  /** It ended, and nobody had told it to. */
  onCrash?(crash: Crash): void
  /** It says of itself that it does not do its work, and says so again and again while that lasts. */
  onFailing?(reason: string, saysAgain: boolean): void
  /** It runs, or does not any more. */
  onChange?(): void
  /** It hangs and will be killed when this is done, which may find out what it is doing. */
  examine?(process: ChildProcess, lastWords: () => string): Promise<void>
}

export interface Crash {
  child: string
  pid: number | undefined
  cause: CrashCause
  /** `SIGKILL`, `exit code 70`. */
  reason: string
  wallMs: number
  ranMs: number
  /** What it said on standard error, cut to a few lines. */
  lastWords: string
}

/** `starting`: not ready yet; `resting`: waiting to be started again. */
export type ChildState = 'new' | 'starting' | 'running' | 'resting' | 'stopping' | 'stopped'

/** A process that has not said `ready` by then is taken for hung. */
const START_TIMEOUT_MS = 60_000
/** Nor has one whose event loop has not turned for so long. */
const HUNG_MS = 10_000
/** What a process may take to exit once its time to finish is up. */
const STOP_GRACE_MS = 1000
/** How long the examination of one that hangs may take. */
const EXAMINE_MS = 5000
/** A process that tells nothing for so long does not seem to be well. */
const SILENT_MS = 3 * ALIVE_INTERVAL_MS
const MAX_LAST_WORDS = 4096

export class Child {
  readonly name: string
  readonly #options: ChildOptions
  readonly #backOff = new BackOff()
  #state: ChildState = 'new'
  #process: ChildProcess | undefined
  #startedMs = 0
  #startsAtMs = 0
  /** What is to happen when the present wait is over: the next start, or the end of one that hangs. */
  #timer: Timer | undefined
  #firstStart: { resolve: () => void; reject: (error: Error) => void } | undefined
  #retired = false
  #failure: BowlineError | undefined
  #onStopped: (() => void)[] = []
  #lastWords = ''
  #asked = 0
  readonly #answers = new Map<number, () => void>()
  readonly #orders = new Map<number, (answer: unknown) => void>()
  readonly #tables = new Map<number, (entries: Frequent[]) => void>()
  /** Sums of the processes that have ended and have no more to say. */
  #past = NOTHING
  /** Of each of the others, the last it said. The last word of one that has ended may still be on its way. */
  readonly #told = new Map<ChildProcess, Totals>()
  #isHung = false
  /** When it last told how it is. */
  #heardMs = Number.NEGATIVE_INFINITY
  restarts = 0
  /** Its present process says of itself that it does not do its work. */
  isFailing = false
  lastCrash: Crash | undefined
  /** As it last said. */
  inFlight = 0
  utilisation = 0
  rssOctets = 0
  gauges: Float64Array = new Float64Array()
  /** Of a worker. */
  udp: UdpWays | undefined
  /** Whether it answered when it was last asked what it has counted. */
  answers = true

  constructor(options: ChildOptions) {
    this.name = options.name
    this.#options = options
  }

  get state(): ChildState {
    return this.#state
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** It ends again and again, and is started later and later. */
  get isLooping(): boolean {
    return this.#backOff.isLooping && this.ranMs < STABLE_MS
  }

  /** When it is to be started again, milliseconds from now; undefined: it does not wait for that. */
  get startsInMs(): number | undefined {
    return this.#state === 'resting'
      ? Math.max(0, Math.round(this.#startsAtMs - this.#options.clock.monotonicMs()))
      : undefined
  }

  /** Milliseconds since its present process was started. */
  get ranMs(): number {
    return this.#process === undefined ? 0 : this.#options.clock.monotonicMs() - this.#startedMs
  }

  /** Whether it runs, has told something lately, and answered when it was last asked. */
  get isUp(): boolean {
    return this.#state === 'running' && this.answers && this.#options.clock.monotonicMs() - this.#heardMs < SILENT_MS
  }

  /** Counted by its processes since it was made; as far as the last word of the present one goes. */
  get totals(): Totals {
    return [...this.#told.values()].reduce(addTotals, this.#past)
  }

  get counters(): Float64Array {
    return this.totals.counters
  }

  /** Resolves when the process is ready. Rejects when it cannot do its work, and then tries no more; once it was ready,
   *  it is started again whenever it ends. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#state !== 'new') {
        reject(new BowlineError('child-ended', `${this.name} was stopped before it was started`))
        return
      }
      this.#firstStart = { resolve, reject }
      this.#launch()
    })
  }

  /** The service is about to stop: should the process end by itself before stop() is called, it stays away. A manager
   *  of services may well send SIGTERM to all of us. */
  retire(): void {
    this.#retired = true
  }

  /** Has it finish what is in flight within `timeoutMs`; resolves when it is gone, by force at last. */
  stop(timeoutMs: number, leaving: { acceptMs?: number; heirs?: readonly string[] } = {}): Promise<void> {
    return new Promise((resolve) => {
      this.#timer?.cancel()
      if (this.#process === undefined) {
        this.#become('stopped')
        resolve()
        return
      }
      this.#onStopped.push(resolve)
      this.#become('stopping')
      this.tell({ kind: 'stop', timeoutMs, ...leaving })
      this.#timer = this.#options.clock.after(timeoutMs + STOP_GRACE_MS, () => {
        this.#options.log.warning(
          { event: 'child-killed', child: this.name },
          `${this.name} did not stop in time: killed`,
        )
        this.kill()
      })
    })
  }

  /** Ends it at once. Unless stop() was called, it will be started again. */
  kill(): void {
    this.#process?.kill('SIGKILL')
  }

  tell(message: ToWorker | ToKeeper): void {
    this.#process?.send(message, () => {}) // a process that is gone cannot hear; 'exit' says so
  }

  /** As they are now; as they last were when it does not answer within `timeoutMs`. */
  async askCounters(timeoutMs: number): Promise<Float64Array> {
    if (this.#state === 'running' || this.#state === 'stopping') {
      const id = ++this.#asked
      const answered = new Promise<boolean>((resolve) => this.#answers.set(id, () => resolve(true)))
      this.tell({ kind: 'ask-counters', id })
      let timer: Timer | undefined
      const tooLate = new Promise<boolean>((resolve) => {
        timer = this.#options.clock.after(timeoutMs, () => resolve(false))
      })
      this.answers = await Promise.race([answered, tooLate])
      timer?.cancel()
      this.#answers.delete(id)
    }
    return this.counters
  }

  /** Of a worker: one of its tables; empty when it does not answer within `timeoutMs`. */
  async askFrequent(name: FrequentTable, timeoutMs: number): Promise<Frequent[]> {
    if (this.#state !== 'running') return []
    const id = ++this.#asked
    const table = await new Promise<Frequent[]>((resolve) => {
      const timer = this.#options.clock.after(timeoutMs, () => resolve([]))
      this.#tables.set(id, (entries) => {
        timer.cancel()
        resolve(entries)
      })
      this.tell({ kind: 'ask-frequent', id, table: name })
    })
    this.#tables.delete(id)
    return table
  }

  /** Of the keeper: has an order carried out. Rejects when there is nobody to do it, or not in time. */
  askCache(order: CacheOrder, timeoutMs: number): Promise<unknown> {
    return this.#order((id) => ({ kind: 'ask-cache', id, order }), timeoutMs)
  }

  /** Of a worker: likewise. */
  askWorker(order: WorkerOrder, timeoutMs: number): Promise<unknown> {
    return this.#order((id) => ({ kind: 'ask-worker', id, order }), timeoutMs)
  }

  async #order(compose: (id: number) => AskCache | AskWorker, timeoutMs: number): Promise<unknown> {
    if (this.#state !== 'running')
      throw new BowlineError('not-there', `${this.name} is ${this.#state}; try again when it runs`)
    const id = ++this.#asked
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.after(timeoutMs, () => {
        this.#orders.delete(id)
        reject(new BowlineError('no-answer', `${this.name} has not answered in time; try again`))
      })
      this.#orders.set(id, (answer) => {
        timer.cancel()
        this.#orders.delete(id)
        resolve(answer)
      })
      this.tell(compose(id))
    })
  }

  #launch(): void {
    const { startMessage, clock, fork } = this.#options
    this.#become('starting')
    this.#startedMs = clock.monotonicMs()
    this.#failure = undefined
    this.isFailing = false
    this.#lastWords = ''
    const firstTime = this.#firstStart !== undefined
    const child = fork(firstTime)
    this.#process = child
    let over = false
    const end = (reason: string, cause: CrashCause) => {
      if (over) return
      over = true
      this.#ended(reason, cause)
    }
    this.#told.set(child, NOTHING)
    child.on('message', (message) => this.#hear(child, message as FromChild))
    child.once('disconnect', () => {
      this.#past = addTotals(this.#past, this.#told.get(child) ?? NOTHING)
      this.#told.delete(child)
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (this.#lastWords.length < MAX_LAST_WORDS) this.#lastWords += text.slice(0, MAX_LAST_WORDS)
    })
    child.once('exit', (code, signal) =>
      signal === null ? end(`exit code ${code}`, 'exit') : end(signal, this.#isHung ? 'hung' : 'signal'),
    )
    child.on('error', (error) => {
      if (child.pid === undefined) end(error.message, 'failed') // could not even be forked; else 'exit' will follow
    })
    this.tell(startMessage(firstTime))
    this.#expectSignOfLife(START_TIMEOUT_MS)
  }

  #hear(child: ChildProcess, message: FromChild): void {
    switch (message.kind) {
      case 'ready':
        if (this.#state !== 'starting') return
        this.udp = message.udp
        this.#become('running')
        this.#options.log.info({ event: 'child-ready', child: this.name, childPid: this.pid }, `${this.name} is ready`)
        this.#expectSignOfLife(HUNG_MS)
        this.#firstStart?.resolve()
        this.#firstStart = undefined
        return
      case 'failed':
        this.#failure = new BowlineError(message.code, message.message)
        return
      case 'alive':
        this.inFlight = message.inFlight
        this.utilisation = message.utilisation ?? 0
        this.rssOctets = message.rssOctets ?? 0
        this.#take(child, message)
        if (this.#state === 'running') this.#expectSignOfLife(HUNG_MS)
        return
      case 'failing':
        if (child === this.#process) this.#failing(message.reason)
        return
      case 'counters':
        this.#take(child, message)
        this.#answers.get(message.id)?.()
        return
      case 'frequent':
        this.#tables.get(message.id)?.(message.entries)
        return
      case 'cache':
      case 'done':
        this.#orders.get(message.id)?.(message.answer)
    }
  }

  #failing(reason: string | undefined): void {
    const wasFailing = this.isFailing
    this.isFailing = reason !== undefined
    if (reason !== undefined) this.#options.onFailing?.(reason, wasFailing)
    else
      this.#options.log.notice(
        { event: 'child-recovered', child: this.name, childPid: this.pid },
        `${this.name} finds itself well again`,
      )
  }

  #take(child: ChildProcess, { counters, modules = [], gauges }: Partial<Report>): void {
    this.#heardMs = this.#options.clock.monotonicMs()
    if (counters !== undefined) this.#told.set(child, { counters, modules })
    if (gauges !== undefined && child === this.#process) this.gauges = gauges
  }

  /** Kills the process when it stays silent. Should this very process have been suspended, all timers are late; the
   *  second look, after the waiting messages have been read, is the one that counts. */
  #expectSignOfLife(withinMs: number): void {
    const { clock, log, examine } = this.#options
    this.#timer?.cancel()
    this.#timer = clock.after(withinMs, () => {
      this.#timer = clock.after(ALIVE_INTERVAL_MS, async () => {
        const hung = this.#process
        this.#isHung = true
        log.err({ event: 'child-hung', child: this.name, childPid: this.pid }, `${this.name} hangs: killed`)
        if (hung !== undefined && examine !== undefined) {
          const late = Promise.withResolvers<void>()
          this.#timer = clock.after(EXAMINE_MS, late.resolve)
          await Promise.race([examine(hung, () => this.#lastWords).catch(() => {}), late.promise])
          this.#timer.cancel()
        }
        hung?.kill('SIGKILL')
      })
    })
  }

  #ended(reason: string, cause: CrashCause): void {
    const { clock, log, onCrash } = this.#options
    const wasStopping = this.#state === 'stopping' || this.#retired
    const childPid = this.pid
    const ranMs = Math.round(this.ranMs)
    this.#process = undefined
    this.#isHung = false
    this.gauges = new Float64Array()
    this.inFlight = 0
    this.utilisation = 0
    this.rssOctets = 0
    this.#timer?.cancel()
    if (wasStopping || this.#firstStart !== undefined) {
      this.#become('stopped')
      const said = this.#lastWords === '' ? '' : `: ${this.#lastWords.trim()}`
      const why =
        this.#failure ?? new BowlineError('child-ended', `${this.name} ended while starting (${reason})${said}`)
      this.#firstStart?.reject(why)
      this.#firstStart = undefined
      for (const resolve of this.#onStopped.splice(0)) resolve()
      return
    }
    const delayMs = this.#backOff.delayMs(ranMs)
    this.#startsAtMs = clock.monotonicMs() + delayMs
    const because = this.#failure === undefined ? reason : this.#failure.message
    const lastWords = this.#lastWords.trim()
    this.lastCrash = {
      child: this.name,
      pid: childPid,
      cause: this.#failure === undefined ? cause : 'failed',
      reason: because,
      wallMs: clock.wallMs(),
      ranMs,
      lastWords,
    }
    log.err(
      {
        event: 'child-ended',
        child: this.name,
        childPid,
        reason,
        ranMs,
        delayMs,
        lastWords: lastWords === '' ? undefined : lastWords,
      },
      `${this.name} ended (${because}); starting it again in ${delayMs} ms`,
    )
    if (this.#backOff.isLooping)
      log.crit(
        { event: 'crash-loop', child: this.name, restarts: this.restarts, delayMs },
        `${this.name} ends again and again, and is started later each time: see its last questions`,
      )
    this.#become('resting')
    onCrash?.(this.lastCrash)
    this.#timer = clock.after(delayMs, () => {
      this.restarts++
      this.#launch()
    })
  }

  #become(state: ChildState): void {
    this.#state = state
    this.#options.onChange?.()
  }
}
