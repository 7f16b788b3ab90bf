/** One supervisor takes the place of another while both answer: the old one starts the new one from the program now on disk,
 *  hands it the lock of the run folder and the listening sockets, and leaves when it is ready.
 *
 *    old → new   take-over     lock, sockets (that for metrics, too), number of workers, settings changed since the files were
 *                              read, what clients ask most
 *    new → old   ready         its workers answer, and take over open connections at these paths; or it ends, and the old one goes on as if nothing had been
 *    old → new   lead          the control socket is free
 *    old → new   yours         the last old worker and the old keeper have ended */

import { type ChildProcess, spawn } from 'node:child_process'
import { BowlineError } from '../src/config/error.ts'
import type { Json } from './json-patch.ts'
import type { PlacedSocket } from './listening-sockets.ts'
import type { HandedInterface } from './metrics/server.ts'
import type { FleetTotals } from './sums.ts'

export interface TakeOver {
  kind: 'take-over'
  lockFd: number
  sockets: PlacedSocket[]
  workers: number
  document: Json
  /** The socket at which figures are told, where libc could be called; undefined also from a version that keeps it. */
  metrics?: HandedInterface
  /** What clients ask most; undefined also from a version that does not know. */
  questions?: Uint8Array
  /** Whether the number of workers follows the load; undefined also from a version that does not say. */
  isAuto?: boolean
  /** What stays whatever the settings say by now: who leaves and who comes share files, ports and user. */
  kept?: { rundir: string; user: string | undefined; storage: string }
}

type Also = Omit<TakeOver, 'kind' | 'lockFd' | 'sockets'>

interface Lead {
  kind: 'lead'
  /** Counted so far; undefined from a version that counts otherwise. */
  totals?: FleetTotals
}

interface Yours {
  kind: 'yours'
  totals?: FleetTotals
}

interface Ready {
  kind: 'ready'
  heirs: string[]
}

type FromOld = TakeOver | Lead | Yours

/** Set in the environment of a supervisor that is to take another's place. */
const VARIABLE = 'BOWLINE_TAKE_OVER'
const READY_MS = 120_000
const FIRST_FD = 4

/** The old one's end. */
export class Successor {
  readonly #process: ChildProcess
  readonly heirs: readonly string[]

  private constructor(process: ChildProcess, { heirs }: Ready) {
    this.#process = process
    this.heirs = heirs
  }

  get pid(): number {
    return this.#process.pid!
  }

  /** Starts the program this process was started with. Resolves when it answers; rejects with a BowlineError 'upgrade'
   *  when it ends instead. */
  static start(lockFd: number, sockets: readonly PlacedSocket[], also: Also): Promise<Successor> {
    const { metrics } = also
    const fds = [lockFd, ...sockets.map(({ fd }) => fd), ...(metrics === undefined ? [] : [metrics.fd])]
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...fds],
      serialization: 'advanced',
      env: { ...process.env, [VARIABLE]: '1' },
    })
    const handed = sockets.map((socket, index) => ({ ...socket, fd: FIRST_FD + 1 + index }))
    const takeOver: TakeOver = { ...also, kind: 'take-over', lockFd: FIRST_FD, sockets: handed }
    if (metrics !== undefined) takeOver.metrics = { ...metrics, fd: FIRST_FD + fds.length - 1 }
    child.send(takeOver, () => {})
    return new Promise((resolve, reject) => {
      const fail = (reason: string) => {
        child.kill('SIGKILL')
        reject(new BowlineError('upgrade', `the new supervisor ${reason}; the present one goes on`))
      }
      const timer = setTimeout(() => fail('did not get ready'), READY_MS)
      child.once('exit', (code, signal) => fail(`ended (${signal ?? `exit code ${code}`}): its log says why`))
      child.once('error', (error) => fail(`could not be started (${error.message})`))
      child.once('message', (message) => {
        clearTimeout(timer)
        child.removeAllListeners()
        child.on('error', () => {})
        resolve(new Successor(child, message as Ready))
      })
    })
  }

  lead(totals: FleetTotals): void {
    this.#process.send({ kind: 'lead', totals } satisfies Lead, () => {})
  }

  /** Resolves when it knows. It lives on without us. */
  yours(totals: FleetTotals): Promise<void> {
    return new Promise((resolve) =>
      this.#process.send({ kind: 'yours', totals } satisfies Yours, () => {
        this.#process.disconnect()
        this.#process.unref()
        resolve()
      }),
    )
  }
}

/** The new one's end. */
export class Predecessor {
  readonly takeOver: TakeOver
  readonly #lead = Promise.withResolvers<FleetTotals | undefined>()
  readonly #yours = Promise.withResolvers<FleetTotals | undefined>()

  private constructor(takeOver: TakeOver) {
    this.takeOver = takeOver
    process.on('message', (message) => {
      const order = message as FromOld
      if (order.kind === 'lead') this.#lead.resolve(order.totals)
      if (order.kind === 'yours') this.#yours.resolve(order.totals)
    })
    // should it be killed meanwhile, all is ours at once
    process.once('disconnect', () => {
      this.#lead.resolve(undefined)
      this.#yours.resolve(undefined)
    })
  }

  /** undefined: this process was not started by one. */
  static async meet(): Promise<Predecessor | undefined> {
    if (process.env[VARIABLE] === undefined || process.send === undefined) return undefined
    delete process.env[VARIABLE]
    const message = await new Promise((resolve) => process.once('message', resolve))
    return new Predecessor(message as TakeOver)
  }

  /** Resolves when the control socket is free, with what the old service had counted by then. */
  ready(heirs: string[]): Promise<FleetTotals | undefined> {
    process.send?.({ kind: 'ready', heirs } satisfies Ready, () => {})
    return this.#lead.promise
  }

  /** Resolves when nothing of it is left, with what it has counted in all. */
  gone(): Promise<FleetTotals | undefined> {
    return this.#yours.promise
  }
}
