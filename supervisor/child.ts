/** One process of the fleet, kept alive: started, watched, started again when it ends, and stopped in good order. */

import { type ChildProcess, fork } from 'node:child_process'
import { BowlineError } from '../src/config/error.ts'
import type { Clock, Timer } from '../src/io/interfaces.ts'
import type { Log } from '../src/io/log.ts'
import { ALIVE_INTERVAL_MS, type FromChild, type ToKeeper, type ToWorker } from '../workers/messages.ts'
import { BackOff } from './back-off.ts'

export interface ChildOptions {
  /** For log and people: `keeper`, `worker 2`. */
  name: string
  /** The process's main file. */
  modulePath: string
  /** What it is told first; asked again at each start. */
  startMessage(firstTime: boolean): ToWorker | ToKeeper
  clock: Clock
  log: Log
}

/** `starting`: not ready yet; `resting`: waiting to be started again. */
export type ChildState = 'new' | 'starting' | 'running' | 'resting' | 'stopping' | 'stopped'

/** A process that has not said `ready` by then is taken for hung. */
const START_TIMEOUT_MS = 60_000
/** Nor has one whose event loop has not turned for so long. */
const HUNG_MS = 10_000
/** What a process may take to exit once its time to finish is up. */
const STOP_GRACE_MS = 1000

export class Child {
  readonly name: string
  readonly #options: ChildOptions
  readonly #backOff = new BackOff()
  #state: ChildState = 'new'
  #process: ChildProcess | undefined
  #startedMs = 0
  /** What is to happen when the present wait is over: the next start, or the end of one that hangs. */
  #timer: Timer | undefined
  #firstStart: { resolve: () => void; reject: (error: Error) => void } | undefined
  #retired = false
  #failure: BowlineError | undefined
  #onStopped: (() => void)[] = []
  restarts = 0
  /** As it last said. */
  inFlight = 0

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
  stop(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#timer?.cancel()
      if (this.#process === undefined) {
        this.#state = 'stopped'
        resolve()
        return
      }
      this.#onStopped.push(resolve)
      this.#state = 'stopping'
      this.#tell({ kind: 'stop', timeoutMs })
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

  #launch(): void {
    const { modulePath, startMessage, clock } = this.#options
    this.#state = 'starting'
    this.#startedMs = clock.monotonicMs()
    this.#failure = undefined
    const child = fork(modulePath, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#process = child
    let over = false
    const end = (reason: string) => {
      if (over) return
      over = true
      this.#ended(reason)
    }
    child.on('message', (message) => this.#hear(message as FromChild))
    child.once('exit', (code, signal) => end(signal === null ? `exit code ${code}` : signal))
    child.on('error', (error) => {
      if (child.pid === undefined) end(error.message) // could not even be forked; else 'exit' will follow
    })
    this.#tell(startMessage(this.#firstStart !== undefined))
    this.#expectSignOfLife(START_TIMEOUT_MS)
  }

  #hear(message: FromChild): void {
    switch (message.kind) {
      case 'ready':
        if (this.#state !== 'starting') return
        this.#state = 'running'
        this.#timer?.cancel()
        this.#options.log.info({ event: 'child-ready', child: this.name, childPid: this.pid }, `${this.name} is ready`)
        this.#firstStart?.resolve()
        this.#firstStart = undefined
        return
      case 'failed':
        this.#failure = new BowlineError(message.code, message.message)
        return
      case 'alive':
        this.inFlight = message.inFlight
        if (this.#state === 'running') this.#expectSignOfLife(HUNG_MS)
    }
  }

  /** Kills the process when it stays silent. Should this very process have been suspended, all timers are late; the
   *  second look, after the waiting messages have been read, is the one that counts. */
  #expectSignOfLife(withinMs: number): void {
    const { clock, log } = this.#options
    this.#timer?.cancel()
    this.#timer = clock.after(withinMs, () => {
      this.#timer = clock.after(ALIVE_INTERVAL_MS, () => {
        log.err({ event: 'child-hung', child: this.name, childPid: this.pid }, `${this.name} hangs: killed`)
        this.kill()
      })
    })
  }

  #ended(reason: string): void {
    const { clock, log } = this.#options
    const wasStopping = this.#state === 'stopping' || this.#retired
    const childPid = this.pid
    this.#process = undefined
    this.inFlight = 0
    this.#timer?.cancel()
    if (wasStopping || this.#firstStart !== undefined) {
      this.#state = 'stopped'
      const why = this.#failure ?? new BowlineError('child-ended', `${this.name} ended while starting (${reason})`)
      this.#firstStart?.reject(why)
      this.#firstStart = undefined
      for (const resolve of this.#onStopped.splice(0)) resolve()
      return
    }
    const ranMs = clock.monotonicMs() - this.#startedMs
    const delayMs = this.#backOff.delayMs(ranMs)
    const because = this.#failure === undefined ? reason : this.#failure.message
    log.err(
      { event: 'child-ended', child: this.name, childPid, reason, ranMs: Math.round(ranMs), delayMs },
      `${this.name} ended (${because}); starting it again in ${delayMs} ms`,
    )
    this.#state = 'resting'
    this.#timer = clock.after(delayMs, () => {
      this.restarts++
      this.#launch()
    })
  }

  #tell(message: ToWorker | ToKeeper): void {
    this.#process?.send(message, () => {}) // a process that is gone cannot hear; 'exit' says so
  }
}
