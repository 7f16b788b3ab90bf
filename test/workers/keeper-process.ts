/** Starts keepers as processes of their own, as the supervisor does, and worker's ends that reach them. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LmdbStore, type LmdbStoreOptions } from '../../src/cache/lmdb-store.ts'
import { systemClock } from '../../src/io/clock.ts'
import { KeeperLink, type KeeperLinkOptions } from '../../workers/keeper-link.ts'
import type { FromChild } from '../../workers/messages.ts'
import { MIB, temporaryFolder } from '../cache/local-keeper.ts'
import type { StoreUnderTest } from '../cache/store-suite.ts'
import { PATIENCE_MS } from './sockets.ts'

const KEEPER = fileURLToPath(new URL('../../workers/keeper.ts', import.meta.url))

export class KeeperProcess {
  readonly folder = temporaryFolder()
  readonly storage: string
  readonly path: string
  readonly socketPath = join(this.folder, 'keeper.sock')
  readonly sizeMax: number
  /** What it wrote to its log, one parsed line each. */
  readonly log: Record<string, unknown>[] = []
  process: ChildProcess | undefined

  constructor(sizeMax = 64 * MIB, storage?: string) {
    this.sizeMax = sizeMax
    this.storage = storage ?? join(this.folder, 'storage')
    this.path = join(this.storage, 'data.mdb')
  }

  /** Resolves with what the keeper says first. `prelude` is run by a shell that then becomes the keeper. */
  async start(prelude = ''): Promise<FromChild> {
    const child =
      prelude === ''
        ? spawn(process.execPath, [KEEPER], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
        : spawn('/bin/sh', ['-c', `${prelude}; exec "$0" "$@"`, process.execPath, KEEPER], {
            stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
          })
    this.process = child
    let rest = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.startsWith('{')) this.log.push(JSON.parse(line))
    })
    const config = {
      cache: { storage: this.storage, 'size-max': this.sizeMax },
      logging: { level: 'notice', target: 'stderr' },
    }
    child.send({ kind: 'start', config, socketPath: this.socketPath })
    const [first] = await once(child, 'message')
    return first as FromChild
  }

  /** Resolves with the exit code. */
  async stop(): Promise<number | null> {
    const child = this.process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const gone = once(child, 'exit')
    child.send({ kind: 'stop', timeoutMs: 1000 })
    return (await gone)[0]
  }

  async kill(): Promise<void> {
    const child = this.process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  /** A worker's end, connected. */
  async connect(options: Partial<LmdbStoreOptions & KeeperLinkOptions> = {}): Promise<WorkerEnd> {
    const end = new WorkerEnd(this, options)
    if (!(await end.link.connected(PATIENCE_MS))) throw new Error('the keeper cannot be reached')
    return end
  }

  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export class WorkerEnd implements StoreUnderTest {
  readonly link: KeeperLink
  readonly store: LmdbStore

  constructor(keeper: KeeperProcess, options: Partial<LmdbStoreOptions & KeeperLinkOptions>) {
    const { path, socketPath, sizeMax } = keeper
    this.link = new KeeperLink({ socketPath, clock: systemClock, ...options })
    this.store = new LmdbStore({ path, clock: systemClock, outlet: this.link, sizeMax, ...options })
    this.link.start(this.store)
  }

  /** Resolves when the keeper has acknowledged all. */
  async settle(): Promise<void> {
    for (let tries = 0; this.store.stats().pending > 0; tries++) {
      if (tries > 5000) throw new Error('the keeper does not acknowledge')
      await pause(1)
    }
  }

  async close(): Promise<void> {
    await this.store.close()
    this.link.close()
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Waits for `condition`, and fails naming `what` when it has not come true in time. */
export async function until(what: string, condition: () => boolean, timeoutMs = PATIENCE_MS): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs} ms`)
    await pause(5)
  }
}
