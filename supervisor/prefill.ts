/** Which zones are taken into the cache, and when again (`cache/prefill`)? Each time by a process of its own. What fails is
 *  tried again, later each time; what is in the cache stays there meanwhile, for as long as its TTLs say. */

import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Config } from '../src/config/schema.ts'
import type { Clock, Random, Timer } from '../src/io/interfaces.ts'
import type { Log } from '../src/io/log.ts'
import { isAtOrBelow, nameFromText } from '../src/wire/name.ts'
import type { Prefilled, PrefillOutcome, StartPrefill } from '../workers/messages.ts'
import { mainFile, startProcess } from './processes.ts'

export interface PrefillOptions {
  clock: Clock
  random: Random
  log: Log
  /** Starts the process; another only in a test. */
  start?(logTarget: Config['logging']['target']): ChildProcess
}

/** For people and metrics. Times are of the wall clock. */
export interface PrefillFacts {
  origin: string
  url: string
  state: 'waiting' | 'fetching' | 'filled' | 'failed'
  /** When it was last taken in, and what came of it. */
  filledMs?: number
  last?: Omit<Prefilled, 'kind'>
  /** Why not, the last time. */
  reason?: string
  nextMs?: number
  /** Since the service was started. */
  successes: number
  failures: number
}

interface Zone {
  config: Config['cache']['prefill'][number]
  facts: PrefillFacts
  /** In a row. */
  failures: number
  timer: Timer | undefined
  process: ChildProcess | undefined
  /** What its process writes has been cleared meanwhile. */
  isCleared: boolean
}

/** The first time is soon, but not of all zones at once, nor of all services of a site. */
const FIRST_MS = 1000
/** But for that, never more often. */
const LEAST_MS = 60_000
/** After a failure; twice as long the next time, up to an hour, and never longer than the refresh interval. */
const RETRY_MS = 30_000
const LONGEST_RETRY_MS = 3_600_000
/** A process that has not come to an end by then is ended. */
const TIMEOUT_MS = 900_000
/** A refresh comes earlier than it must by up to so much of its interval. */
const JITTER = 1 / 10

export class Prefill {
  readonly #options: PrefillOptions
  #config: Config | undefined
  #zones: Zone[] = []
  #followed = ''

  constructor(options: PrefillOptions) {
    this.#options = options
  }

  /** Does what `config` says from now on. */
  follow(config: Config): void {
    this.#config = config
    const { prefill, storage } = config.cache
    const concerned = JSON.stringify([prefill, storage])
    if (concerned === this.#followed) return
    const former = this.#zones
    this.#end(former)
    this.#followed = concerned
    this.#zones = prefill.map((zone) => {
      const { origin, url } = zone
      const same = former.find((one) => JSON.stringify(one.config) === JSON.stringify(zone))
      const facts: PrefillFacts = same?.facts ?? { origin, url, state: 'waiting', successes: 0, failures: 0 }
      return { config: zone, facts, failures: 0, timer: undefined, process: undefined, isCleared: false }
    })
    for (const zone of this.#zones) this.#plan(zone, this.#options.random.below(FIRST_MS))
  }

  /** What was at and below `name` has been cleared: zones that were there are fetched again. */
  cleared(name: string): void {
    for (const zone of this.#zones) {
      if (!isAtOrBelow(nameFromText(zone.config.origin), nameFromText(name))) continue
      if (zone.process !== undefined) zone.isCleared = true
      else this.#plan(zone, this.#options.random.below(FIRST_MS))
    }
  }

  facts(): PrefillFacts[] {
    return this.#zones.map(({ facts }) => ({ ...facts }))
  }

  counters(): { name: string; labels: Record<string, string>; value: number }[] {
    return this.#zones.flatMap(({ facts: { origin, successes, failures } }) => [
      { name: 'bowline_prefill_total', labels: { origin, result: 'filled' }, value: successes },
      { name: 'bowline_prefill_total', labels: { origin, result: 'failed' }, value: failures },
    ])
  }

  close(): void {
    this.#end(this.#zones)
    this.#zones = []
    this.#followed = ''
  }

  #end(zones: readonly Zone[]): void {
    for (const { timer, process } of zones) {
      timer?.cancel()
      process?.removeAllListeners()
      process?.once('error', () => {})
      process?.kill('SIGKILL')
    }
  }

  #plan(zone: Zone, afterMs: number): void {
    const { clock } = this.#options
    zone.timer?.cancel()
    zone.facts.nextMs = clock.wallMs() + afterMs
    zone.timer = clock.after(afterMs, () => this.#fetch(zone))
  }

  #fetch(zone: Zone): void {
    const { clock, start = startPrefill } = this.#options
    const config = this.#config!
    const process = start(config.logging.target)
    let outcome: PrefillOutcome | undefined
    let lastWords = ''
    zone.process = process
    zone.isCleared = false
    zone.facts.state = 'fetching'
    zone.timer = clock.after(TIMEOUT_MS, () => process.kill('SIGKILL'))
    process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-LAST_WORDS)
    })
    process.on('message', (message) => {
      outcome = message as PrefillOutcome
    })
    process.once('error', (error) => {
      outcome ??= { kind: 'not-prefilled', reason: error.message }
    })
    process.once('close', (code, signal) => {
      zone.timer?.cancel()
      zone.process = undefined
      const reason = `its process ended (${signal ?? `exit code ${code}`}) ${lastWords}`.trim()
      this.#concluded(zone, outcome ?? { kind: 'not-prefilled', reason })
    })
    const socketPath = join(config.rundir, 'keeper.sock')
    process.send({ kind: 'start', config, zone: zone.config, socketPath } satisfies StartPrefill)
  }

  #concluded(zone: Zone, outcome: PrefillOutcome): void {
    const { clock, log, random } = this.#options
    const { facts, config } = zone
    const { origin, url } = config
    const intervalMs = config['refresh-interval'] * 1000
    if (outcome.kind === 'prefilled') {
      const { kind: _, ...last } = outcome
      zone.failures = 0
      Object.assign(facts, { state: 'filled', filledMs: clock.wallMs(), last, reason: undefined })
      facts.successes++
      log.notice(
        { event: 'prefilled', origin, url, ...last },
        `zone ${origin}, serial ${last.serial}, is in the cache: ${last.written} entries written, ${last.unchanged} as they ` +
          `were, ${last.removed} removed`,
      )
      // What was taken ends with the lease; after that, the parent can be asked for another.
      const endMs = Math.max(LEAST_MS, (last.leaseMs ?? intervalMs) + FIRST_MS)
      const nextMs = intervalMs - random.below(Math.floor(intervalMs * JITTER))
      this.#plan(zone, zone.isCleared ? FIRST_MS : Math.min(nextMs, endMs))
      return
    }
    const { reason } = outcome
    const retryMs = Math.min(RETRY_MS * 2 ** Math.min(zone.failures++, 16), LONGEST_RETRY_MS, intervalMs)
    Object.assign(facts, { state: 'failed', reason })
    facts.failures++
    log.warning(
      { event: 'prefill-failed', origin, url, reason, retryMs },
      `zone ${origin} is not taken into the cache from ${url}: ${reason}; tried again in ${Math.round(retryMs / 1000)} s`,
    )
    this.#plan(zone, retryMs - random.below(Math.floor(retryMs * JITTER)))
  }
}

const LAST_WORDS = 500

function startPrefill(logTarget: Config['logging']['target']): ChildProcess {
  return startProcess(mainFile('prefill'), [], logTarget)
}
