/** Runs the service: one keeper and some workers, until it is told to stop. Sees no DNS traffic itself, so nothing a
 *  client or server sends can bring it down.
 *
 *  SIGTERM or SIGINT: nothing new is taken, what is in flight is finished. A second one: at once. Should this process be
 *  killed, the others notice that their channel to it is closed, and end as after SIGTERM. */

import { BowlineError } from '../src/config/error.ts'
import type { Config } from '../src/config/schema.ts'
import { systemClock } from '../src/io/clock.ts'
import { createLog, type Log } from '../src/io/log.ts'
import { usableCpus } from './cgroup.ts'
import { Fleet } from './fleet.ts'
import { lockRunFolder } from './lock.ts'

export interface SupervisorOptions {
  /** Where the configuration was read from, for the log. */
  configPath?: string
  /** What is in flight may take so long when the service is stopped. */
  drainMs?: number
  /** The processes' main files; others only in a test. */
  workerPath?: string
  keeperPath?: string
}

export const DRAIN_MS = 10_000

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** The exit code: 0 after an orderly stop; 1 when the service could not be started (the log says why, and nothing is
 *  left running) or was stopped by force. */
export async function runSupervisor(config: Config, options: SupervisorOptions = {}): Promise<number> {
  const log = createLog({ ...config.logging, process: 'supervisor' })
  try {
    const lock = lockRunFolder(config.rundir)
    try {
      return await runFleet(config, options, log)
    } finally {
      lock.release()
    }
  } catch (error) {
    if (!(error instanceof BowlineError)) throw error
    log.crit({ event: 'start-failed', code: error.code }, error.message)
    return 1
  }
}

async function runFleet(config: Config, options: SupervisorOptions, log: Log): Promise<number> {
  const workers = config.workers === 'auto' ? usableCpus() : config.workers
  const fleet = new Fleet({ ...options, config, workers, clock: systemClock, log })
  const drainMs = options.drainMs ?? DRAIN_MS
  const stopping = listenForStop()
  const refuseReload = () =>
    log.warning({ event: 'no-reload' }, 'SIGHUP: settings are read at start; restart to change them')
  process.on('SIGHUP', refuseReload)
  try {
    log.info({ event: 'starting', workers, config: options.configPath }, `starting with ${workers} workers`)
    const outcome = await Promise.race([fleet.start().then(() => 'started' as const), stopping.first])
    if (outcome === 'started') {
      log.notice({ event: 'started', workers }, `answering with ${workers} workers`)
      await stopping.first
    }
    log.notice({ event: 'stopping', drainMs }, 'stopping; what is in flight is finished')
    let code = 0
    void stopping.second.then(() => {
      log.warning({ event: 'stopped-by-force' }, 'told to stop again: at once')
      code = 1
      fleet.kill()
    })
    await fleet.stop(drainMs)
    log.notice({ event: 'stopped' }, 'stopped')
    return code
  } catch (error) {
    await fleet.stop(0)
    throw error
  } finally {
    process.off('SIGHUP', refuseReload)
    stopping.end()
  }
}

/** Two promises: that of the first signal to stop and that of the second. */
function listenForStop() {
  let count = 0
  const first = Promise.withResolvers<'stop'>()
  const second = Promise.withResolvers<'stop'>()
  const hear = () => (++count === 1 ? first : second).resolve('stop')
  for (const signal of STOP_SIGNALS) process.on(signal, hear)
  return {
    first: first.promise,
    second: second.promise,
    end() {
      for (const signal of STOP_SIGNALS) process.off(signal, hear)
    },
  }
}
