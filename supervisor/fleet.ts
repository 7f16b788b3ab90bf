/** The processes of one service: the keeper, which alone writes the cache, and the workers, which answer. */

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../src/config/schema.ts'
import type { Clock } from '../src/io/interfaces.ts'
import type { Log } from '../src/io/log.ts'
import { Child } from './child.ts'

export interface FleetOptions {
  config: Config
  workers: number
  clock: Clock
  log: Log
  /** The processes' main files; others only in a test. */
  workerPath?: string
  keeperPath?: string
}

/** What the keeper needs at most, once nobody hands it anything any more. */
const KEEPER_STOP_MS = 5000

export class Fleet {
  readonly keeper: Child
  readonly workers: Child[]

  constructor(options: FleetOptions) {
    const { config, clock, log } = options
    const socketPath = join(config.rundir, 'keeper.sock')
    this.keeper = new Child({
      name: 'keeper',
      modulePath: options.keeperPath ?? mainFile('keeper'),
      startMessage: () => ({ kind: 'start', config, socketPath }),
      clock,
      log,
    })
    this.workers = Array.from({ length: options.workers }, (_, place) => {
      const index = place + 1
      return new Child({
        name: `worker ${index}`,
        modulePath: options.workerPath ?? mainFile('worker'),
        startMessage: (firstTime) => ({ kind: 'start', config, index, socketPath, alone: firstTime && index === 1 }),
        clock,
        log,
      })
    })
  }

  /** Resolves when every process is ready. Rejects with the reason when one cannot be; the others still run then. */
  async start(): Promise<void> {
    await this.keeper.start()
    const [first, ...others] = this.workers
    await first.start() // it looks whether the addresses are free, which the others would hide from it
    await Promise.all(others.map((worker) => worker.start()))
  }

  /** Resolves when every process is gone. Workers first: what they learn until the end is still kept. */
  async stop(timeoutMs: number): Promise<void> {
    this.keeper.retire()
    await Promise.all(this.workers.map((worker) => worker.stop(timeoutMs)))
    await this.keeper.stop(KEEPER_STOP_MS)
  }

  /** Ends every process that is left at once. */
  kill(): void {
    for (const child of [...this.workers, this.keeper]) child.kill()
  }
}

/** `workers/<name>` beside us, in the source and in the built package alike. */
function mainFile(name: string): string {
  const here = fileURLToPath(import.meta.url)
  const extension = here.slice(here.lastIndexOf('.'))
  return fileURLToPath(new URL(`../workers/${name}${extension}`, import.meta.url))
}
