/** Runs the service: one keeper and some workers, until it is told to stop. Sees no DNS traffic itself, so nothing a
 *  client or server sends can bring it down.
 *
 *  SIGTERM or SIGINT: nothing new is taken, what is in flight is finished. A second one: at once. SIGHUP: the configuration
 *  is read again. Should this process be killed, the others notice that their channel to it is closed, and end as after
 *  SIGTERM. */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { BowlineError } from '../src/config/error.ts'
import { makeConfig } from '../src/config/load.ts'
import type { Config, ConfigInput } from '../src/config/schema.ts'
import { systemClock } from '../src/io/clock.ts'
import type { Timer } from '../src/io/interfaces.ts'
import { createLog, groupLog, type Log } from '../src/io/log.ts'
import type { UdpWays } from '../workers/messages.ts'
import { checkOperatorConfig } from './commands/operator-config.ts'
import { type ControlFiles, readControlFiles, unreadableControlFiles } from './control/files.ts'
import { ControlServer } from './control/server.ts'
import type { Fleet } from './fleet.ts'
import { ListeningSockets } from './listening-sockets.ts'
import { holdLock, lockRunFolder, type RunLock } from './lock.ts'
import { Manager } from './manager.ts'
import { OwnCounter } from './metrics/own-counters.ts'
import { notifyManager, watchdogMs } from './notify.ts'
import { becomeUser } from './privileges.ts'
import { Predecessor, Successor, type TakeOver } from './succession.ts'
import { packageVersion } from './version.ts'

export interface SupervisorOptions {
  /** Where the configuration was read from. Without it, it cannot be read again. */
  configFiles?: readonly string[]
  /** What is in flight may take so long when the service is stopped; otherwise the configuration says it. */
  drainMs?: number
  /** The processes' main files; others only in a test. */
  workerPath?: string
  keeperPath?: string
}

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** The exit code: 0 after an orderly stop; 1 when the service could not be started (the log says why, and nothing is
 *  left running) or was stopped by force. */
export async function runSupervisor(given: Config, options: SupervisorOptions = {}): Promise<number> {
  const log = createLog({ ...given.logging, process: 'supervisor' })
  try {
    const predecessor = await Predecessor.meet()
    const hasFiles = options.configFiles !== undefined // else its settings are not in a document
    const config = predecessor !== undefined && hasFiles ? configOf(predecessor.takeOver) : given
    const controlFiles = readControlFiles(config) // which only root may be able to read
    if (config.user !== undefined) becomeUser(config.user, [config.rundir, config.cache.storage])
    for (const { setting, file } of unreadableControlFiles(config))
      log.warning(
        { event: 'control-file-unreadable', setting, file },
        `${setting}: ${file} cannot be read by the user of this service; until it can, reloads, changes of settings and upgrades ` +
          `are refused: have that user own it`,
      )
    const lock =
      predecessor === undefined
        ? lockRunFolder(config.rundir)
        : holdLock(config.rundir, predecessor.takeOver.lockFd, false)
    keepCompiledCode(config.rundir)
    try {
      return await new Supervisor(config, options, log, lock, predecessor).run(controlFiles)
    } finally {
      lock.release()
    }
  } catch (error) {
    if (!(error instanceof BowlineError)) throw error
    log.crit({ event: 'start-failed', code: error.code }, error.message)
    return 1
  }
}

/** An upgrade is no reload: the settings stay what they were, those changed by command since the files were read included. */
function configOf({ document, kept }: TakeOver): Config {
  const config = checkOperatorConfig(makeConfig(document as ConfigInput))
  if (kept === undefined) return config
  const { rundir, user, storage } = kept
  return { ...config, rundir, user, cache: { ...config.cache, storage } }
}

/** What we start finds its program compiled already, by those before it: half of the time a worker needs to start from the
 *  sources, a tenth of it from dist/.
 *  The folder is this user's alone, since what lies there is run. */
function keepCompiledCode(rundir: string): void {
  if (process.env.NODE_COMPILE_CACHE !== undefined) return
  const folder = join(rundir, 'code')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  process.env.NODE_COMPILE_CACHE = folder
}

class Supervisor {
  readonly #log: Log
  readonly #lock: RunLock
  readonly #predecessor: Predecessor | undefined
  readonly #manager: Manager
  readonly #stopping = listenForStop()
  #control: ControlServer | undefined
  #successor: Successor | undefined
  #watchdog: Timer | undefined

  constructor(config: Config, options: SupervisorOptions, log: Log, lock: RunLock, predecessor?: Predecessor) {
    this.#log = groupLog(log, 'system')
    this.#lock = lock
    this.#predecessor = predecessor
    let sockets: ListeningSockets | undefined
    if (predecessor !== undefined) {
      sockets = new ListeningSockets()
      sockets.adopt(predecessor.takeOver.sockets)
    }
    this.#manager = new Manager({
      ...options,
      config,
      clock: systemClock,
      log,
      version: packageVersion(),
      sockets,
      keeperRuns: predecessor !== undefined,
      workers: predecessor?.takeOver.workers,
      document: predecessor?.takeOver.document,
      isAuto: predecessor?.takeOver.isAuto,
      questions: predecessor?.takeOver.questions,
      upgrade: () => this.#upgrade(),
      stop: () => process.kill(process.pid, 'SIGTERM'),
      notify: notifyManager,
    })
  }

  async run(controlFiles: ControlFiles): Promise<number> {
    const { fleet } = this.#manager
    const log = this.#log
    const reload = () => void this.#reload()
    process.on('SIGHUP', reload)
    try {
      log.info({ event: 'starting' }, 'starting')
      if (this.#predecessor === undefined) await this.#manager.openMetrics()
      const outcome = await Promise.race([this.#manager.start().then(() => 'started' as const), this.#stopping.first])
      if (outcome === 'started') {
        if (this.#predecessor !== undefined) await this.#succeed(this.#predecessor)
        this.#control = new ControlServer(fleet.config, controlFiles, this.#manager, this.#log)
        await this.#control.open(this.#predecessor !== undefined)
        const udp = udpWays(fleet)
        log.notice(
          { event: 'started', workers: fleet.size, udp },
          `answering with ${fleet.size} workers, ${udpText(udp)}`,
        )
        notifyManager('READY=1', `MAINPID=${process.pid}`)
        this.#feedWatchdog()
        await this.#stopping.first
      }
      this.#watchdog?.cancel()
      this.#manager.retire()
      return this.#successor === undefined ? await this.#stop() : await this.#makeWay(this.#successor)
    } catch (error) {
      await fleet.stop(0)
      throw error
    } finally {
      this.#control?.close()
      this.#manager.metrics.end()
      process.off('SIGHUP', reload)
      this.#stopping.end()
    }
  }

  async #stop(): Promise<number> {
    const { fleet } = this.#manager
    const log = this.#log
    notifyManager('STOPPING=1')
    this.#control?.close()
    log.notice({ event: 'stopping', drainMs: fleet.drainMs }, 'stopping; what is in flight is finished')
    let code = 0
    void this.#stopping.second.then(() => {
      log.warning({ event: 'stopped-by-force' }, 'told to stop again: at once')
      code = 1
      fleet.kill()
    })
    await fleet.stop(fleet.drainMs)
    log.notice({ event: 'stopped' }, 'stopped')
    return code
  }

  async #reload(): Promise<void> {
    try {
      const { changes } = await this.#manager.reload()
      this.#log.notice(
        { event: 'reloaded', changes: changes.length },
        `configuration read again: ${changes.length} changes`,
      )
    } catch (error) {
      if (!(error instanceof BowlineError)) throw error
      const [event, level] =
        error.code === 'no-files' ? (['no-reload', 'warning'] as const) : (['reload-failed', 'err'] as const)
      this.#log[level]({ event, code: error.code }, `the configuration stays as it is: ${error.message}`)
    }
  }

  /** Starts the one that takes our place; resolves when it answers, and then ends this one. */
  async #upgrade(): Promise<{ pid: number }> {
    const { fleet, settings } = this.#manager
    this.#log.notice({ event: 'upgrading' }, 'starting a new supervisor from the program on disk')
    const successor = await Successor.start(this.#lock.fd, fleet.sockets.all(), {
      workers: fleet.size,
      document: settings.document,
      isAuto: this.#manager.isAuto,
      kept: { rundir: fleet.config.rundir, user: fleet.config.user, storage: fleet.config.cache.storage },
      questions: await fleet.frequentQuestions(),
      metrics: this.#manager.metrics.handed,
    })
    this.#successor = successor
    this.#log.notice({ event: 'upgraded', successor: successor.pid }, `process ${successor.pid} takes over`)
    notifyManager(`MAINPID=${successor.pid}`)
    this.#control?.release()
    this.#manager.metrics.close()
    fleet.counted[OwnCounter.UPGRADES]++
    await fleet.ask()
    successor.lead(fleet.totals())
    this.#stopping.now()
    return { pid: successor.pid }
  }

  /** The old one's end: its workers finish, its keeper goes last. */
  async #makeWay(successor: Successor): Promise<number> {
    const { fleet } = this.#manager
    await fleet.leave(fleet.drainMs, successor.heirs)
    await successor.yours(fleet.totals())
    this.#log.notice({ event: 'left' }, 'the last query of this supervisor is answered')
    return 0
  }

  /** The new one's beginning. */
  async #succeed(predecessor: Predecessor): Promise<void> {
    const { fleet } = this.#manager
    const counted = await predecessor.ready(fleet.heirs)
    if (counted !== undefined) fleet.inherit(counted)
    holdLock(fleet.config.rundir, predecessor.takeOver.lockFd)
    this.#manager.metrics.adopt(predecessor.takeOver.metrics)
    // the service goes on; that nobody can see its figures is no reason to end it
    await this.#manager
      .openMetrics()
      .catch((error: Error) => this.#log.err({ event: 'no-metrics', err: error }, error.message))
    void predecessor.gone().then(async (total) => {
      if (total !== undefined) fleet.inherit(total)
      if (process.connected) process.disconnect()
      await fleet
        .adoptKeeper()
        .catch((error: Error) => this.#log.err({ event: 'keeper-failed', err: error }, error.message))
    })
  }

  #feedWatchdog(): void {
    const intervalMs = watchdogMs()
    if (intervalMs === undefined) return
    if (this.#manager.isWell) notifyManager('WATCHDOG=1')
    this.#watchdog = systemClock.after(intervalMs / 3, () => this.#feedWatchdog())
  }
}

/** How UDP comes in and goes out; all workers are of one kind. */
function udpWays(fleet: Fleet): UdpWays | undefined {
  return fleet.measures().find(({ udp }) => udp !== undefined)?.udp
}

function udpText(udp: UdpWays | undefined): string {
  if (udp === undefined) return 'UDP unknown'
  const { listener, upstream } = udp
  return listener === upstream
    ? `UDP by ${listener}`
    : `UDP by ${listener} to clients and by ${upstream} to other servers`
}

/** Two promises: that of the first reason to stop and that of the second. */
function listenForStop() {
  let count = 0
  const first = Promise.withResolvers<'stop'>()
  const second = Promise.withResolvers<'stop'>()
  const hear = () => (++count === 1 ? first : second).resolve('stop')
  for (const signal of STOP_SIGNALS) process.on(signal, hear)
  return {
    first: first.promise,
    second: second.promise,
    now: hear,
    end() {
      for (const signal of STOP_SIGNALS) process.off(signal, hear)
    },
  }
}
