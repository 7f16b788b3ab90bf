/** Does what arrives at this worker's sockets reach it, and can its resolver answer? A process whose event loop turns may
 *  have lost both, and would be taken for well by the supervisor.
 *
 *  A socket that has received something since the last look is well. One that has not is sent queries of our own, from many
 *  ports and with many ids: all workers share the address, the kernel chooses among them by these, and one of many comes
 *  here. The resolver is asked what it answers by itself. */

import { createSocket } from 'node:dgram'
import type { Clock, Random, Timer } from '../src/io/interfaces.ts'
import type { Log } from '../src/io/log.ts'
import { Type } from '../src/wire/types.ts'
import { isWildcard } from './addresses.ts'
import { composeTest, selfTest } from './self-test.ts'
import type { Resolver } from './serve.ts'

/** A socket that is listened on. */
export interface WatchedSocket {
  readonly point: { address: string; port: number }
  /** Packets it has received so far. */
  readonly received: number
}

export interface WatchdogOptions {
  intervalMs: number
  /** Looks in a row that may find something wrong, until `onFailing` is called. */
  failures: number
  sockets(): readonly WatchedSocket[]
  resolver: Resolver
  clock: Clock
  random: Random
  log: Log
  onFailing(reason: string): void
  /** After that, a look that found nothing wrong. */
  onRecovered(): void
}

/** With 64 workers, as many questions miss one of them once in fifty times; several looks in a row, once in a million. */
const ROUNDS = 16
const QUESTIONS_PER_ROUND = 16
const ROUND_MS = 50

export class Watchdog {
  readonly #options: WatchdogOptions
  /** What each socket had received when it was last looked at. Only one that has been well once can fail: an address that we
   *  cannot reach ourselves says nothing about the worker. */
  readonly #seen = new Map<string, { received: number; wasWell: boolean }>()
  #failures = 0
  #timer: Timer | undefined
  #stopped = false

  constructor(options: WatchdogOptions) {
    this.#options = options
    this.#wait()
  }

  /** Looks that found something wrong, in a row. */
  get failures(): number {
    return this.#failures
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #wait(): void {
    const { clock, intervalMs } = this.#options
    this.#timer = clock.after(intervalMs, async () => {
      await this.look()
      if (!this.#stopped) this.#wait()
    })
  }

  /** For tests; else called at every interval. */
  async look(): Promise<void> {
    const { failures, log, onFailing, onRecovered } = this.#options
    const wrong = (await this.#resolverTrouble()) ?? (await this.#socketTrouble())
    if (this.#stopped) return
    if (wrong === undefined) {
      if (this.#failures >= failures) onRecovered()
      this.#failures = 0
      return
    }
    this.#failures++
    log.warning({ event: 'watchdog', failures: this.#failures, of: failures }, `something is wrong here: ${wrong}`)
    if (this.#failures % failures === 0) onFailing(wrong)
  }

  async #resolverTrouble(): Promise<string | undefined> {
    try {
      await selfTest(this.#options.resolver, this.#options.clock)
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }

  async #socketTrouble(): Promise<string | undefined> {
    for (const socket of this.#options.sockets()) {
      const key = `${socket.point.address}@${socket.point.port}`
      const { received = 0, wasWell = false } = this.#seen.get(key) ?? {}
      const isWell = socket.received > received || (await this.#reaches(socket))
      this.#seen.set(key, { received: socket.received, wasWell: wasWell || isWell })
      if (!isWell && wasWell) return `no query over UDP to ${key} reaches this worker`
    }
    return undefined
  }

  async #reaches(socket: WatchedSocket): Promise<boolean> {
    const before = socket.received
    for (let round = 0; round < ROUNDS && !this.#stopped; round++) {
      this.#send(socket)
      await new Promise<void>((resolve) => this.#options.clock.after(ROUND_MS, resolve))
      if (socket.received > before) return true
    }
    return false
  }

  /** Questions from as many ports; the answers do not matter. */
  #send({ point: { address, port } }: WatchedSocket): void {
    const isV4 = !address.includes(':')
    const target = isWildcard(address) ? (isV4 ? '127.0.0.1' : '::1') : address
    for (let i = 0; i < QUESTIONS_PER_ROUND; i++) {
      const socket = createSocket(isV4 ? 'udp4' : 'udp6')
      const question = composeTest({ id: this.#options.random.u16(), name: 'localhost.', type: Type.A })
      socket.on('error', () => {}) // whether anything arrives is all that counts
      socket.send(question, port, target, () => this.#options.clock.after(ROUND_MS, () => socket.close()))
    }
  }
}
