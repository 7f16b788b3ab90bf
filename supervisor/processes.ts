/** Starting processes of the fleet. A worker that is needed at once takes the place of the spare: a process that has loaded
 *  the program already and waits to be told its place. */

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Config } from '../src/config/schema.ts'
import type { Clock, Timer } from '../src/io/interfaces.ts'
import { FIRST_HANDED_FD, LOG_FD, type StartWorker } from '../workers/messages.ts'
import { startModestly } from './priority.ts'

const EXEC_ARGV = [
  // For a process that hangs: the inspector is opened on demand (SIGUSR1), at a port the system chooses, and only on
  // standard error, which we alone read, is the secret told that its visitors must know.
  '--inspect-port=127.0.0.1:0',
  '--inspect-publish-uid=stderr',
  // A worker tidies its heap up before it begins, so that it does not have to soon after (workers/preparation.ts).
  '--expose-gc',
  // V8 would let the young generation grow to six times as much, which saves no CPU time and makes pauses long
  // (docs/performance.md).
  '--max-semi-space-size=8',
]

/** Starts `modulePath` with a channel to us. It finds `fds` from FIRST_HANDED_FD on. */
export function startProcess(modulePath: string, fds: readonly number[], logTarget: Config['logging']['target']) {
  return fork(modulePath, [], {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc', logTarget === 'stdout' ? 1 : 2, ...fds],
    execArgv: [...process.execArgv.filter((option) => !option.startsWith('--inspect')), ...EXEC_ARGV],
    serialization: 'advanced', // counters travel as they are
    env: { ...process.env, BOWLINE_LOG_FD: `${LOG_FD}` },
  })
}

/** As startProcess(): those that answer go before it until it is told to take its full share. */
export function startInBackground(...what: Parameters<typeof startProcess>): ChildProcess {
  const started = startProcess(...what)
  startModestly(started.pid)
  return started
}

/** `workers/<name>` beside us, in the source and in the built package alike. */
export function mainFile(name: string): string {
  const here = fileURLToPath(import.meta.url)
  const extension = here.slice(here.lastIndexOf('.'))
  return fileURLToPath(new URL(`../workers/${name}${extension}`, import.meta.url))
}

/** A worker process and the open files it was given. */
export interface WorkerProcess {
  process: ChildProcess
  fds: readonly number[]
}

/** What a worker is told of the files it was given: those in `ours` are to be listened on. */
export function handedSockets(
  given: readonly number[],
  ours: readonly { address: string; port: number; fd: number }[],
): Pick<StartWorker, 'listening' | 'notOurs'> {
  const places = new Map(given.map((fd, index) => [fd, FIRST_HANDED_FD + index]))
  const listening = ours.map(({ address, port, fd }) => ({ address, port, fd: places.get(fd)! }))
  const used = new Set(listening.map(({ fd }) => fd))
  return { listening, notOurs: [...places.values()].filter((fd) => !used.has(fd)) }
}

/** How long nothing must have happened before a spare is started: it costs time on the machine's processors. */
const QUIET_MS = 1000

interface SpareOptions {
  modulePath: string
  logTarget: Config['logging']['target']
  clock: Clock
  /** Open files that it may need, whatever its place will be. */
  fds(): readonly number[]
}

export class Spare {
  readonly #options: SpareOptions
  #waiting: WorkerProcess | undefined
  #timer: Timer | undefined
  #closed = false

  constructor(options: SpareOptions) {
    this.#options = options
  }

  /** A process that has `fds`, and maybe more; undefined when there is none ready. */
  take(fds: readonly number[]): WorkerProcess | undefined {
    const waiting = this.#waiting
    if (waiting === undefined || !fds.every((fd) => waiting.fds.includes(fd))) return undefined
    this.#waiting = undefined
    waiting.process.removeAllListeners()
    return waiting.process.exitCode === null && waiting.process.connected ? waiting : undefined
  }

  /** Has one made, once all is quiet or `soon`, if there is none; the one there is goes if it lacks a file by now, or `anew` is
   *  set. */
  prepare({ anew = false, soon = false }: { anew?: boolean; soon?: boolean } = {}): void {
    if (this.#closed) return
    if (this.#waiting !== undefined && (anew || !this.#options.fds().every((fd) => this.#waiting?.fds.includes(fd))))
      this.drop()
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(soon ? 0 : QUIET_MS, () => {
      if (this.#waiting !== undefined || this.#closed) return
      const fds = this.#options.fds()
      const made = { process: startInBackground(this.#options.modulePath, fds, this.#options.logTarget), fds }
      this.#waiting = made
      const gone = () => {
        if (this.#waiting === made) this.#waiting = undefined
      }
      made.process.once('exit', gone)
      made.process.once('error', gone)
    })
  }

  drop(): void {
    this.#waiting?.process.removeAllListeners()
    this.#waiting?.process.once('error', () => {})
    this.#waiting?.process.kill('SIGKILL')
    this.#waiting = undefined
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.drop()
  }
}
