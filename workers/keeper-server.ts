/** The keeper's end: takes batches from any number of workers and writes them into the file, all that arrived in one
 *  turn of the event loop in one transaction, then tells each worker how far its own have got. */

import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { LmdbFile } from '../src/cache/lmdb-file.ts'
import type { PurgeTask } from '../src/cache/purge.ts'
import type { Clock } from '../src/io/interfaces.ts'
import { KEEPER_COUNTERS, KeeperCounter, KeeperHistograms } from '../src/metrics/keeper.ts'
import { observe } from '../src/metrics/tables.ts'
import {
  composeAcknowledge,
  composeForget,
  composeHello,
  composeSettle,
  parseWorkerSays,
  StreamFrames,
} from './keeper-stream.ts'

/** With so much waiting to be written, nothing more is read from the workers until it is less. */
const MAX_QUEUED_OCTETS = 32 * 1024 * 1024

/** A worker that has not answered by then is counted as unreached. */
const ANSWER_MS = 2000

interface Queued {
  arrivedMs: number
  worker: Socket
  sequence: number
  batch: Uint8Array
}

export class KeeperServer {
  private readonly file: LmdbFile
  private readonly server: Server
  private readonly workers = new Set<Socket>()
  private queue: Queued[] = []
  private queuedOctets = 0
  private isScheduled = false
  private isPaused = false
  private toldFileId: string
  private readonly clock: Clock
  /** By KeeperCounter. */
  readonly counted = new Float64Array(KEEPER_COUNTERS)
  private lastToken = 0
  /** Workers that have not answered yet, by token, and what to do when all have. */
  private readonly asked = new Map<number, { missing: Set<Socket>; answered: () => void }>()

  constructor(file: LmdbFile, clock: Clock) {
    this.file = file
    this.clock = clock
    this.toldFileId = file.fileId
    this.server = createServer((worker) => this.greet(worker))
  }

  /** Rejects as net.Server does. A socket file left by a keeper that died is replaced. */
  listen(socketPath: string): Promise<void> {
    rmSync(socketPath, { force: true })
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(socketPath, () => {
        this.server.off('error', reject)
        chmodSync(socketPath, 0o600) // whoever writes here writes the cache
        resolve()
      })
    })
  }

  /** Workers connected. */
  get connections(): number {
    return this.workers.size
  }

  /** That wait to be written. */
  get queued(): number {
    return this.queuedOctets
  }

  /** Takes no more, and writes what it has. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve))
    while (this.queue.length > 0) this.writeSome()
    for (const worker of this.workers) worker.destroy()
    await closed
  }

  /** Clears what the tasks say. When this resolves, no worker gives an answer made of it any more. The number of entries
   *  removed, undefined when some could not be; and of workers that did not answer. */
  async clear(plan: () => readonly PurgeTask[]): Promise<{ removed: number | undefined; unreached: number }> {
    const unsettled = await this.ask(composeSettle)
    while (this.queue.length > 0) this.writeSome()
    const purging = this.file.purging(plan())
    let step = purging.next()
    for (; !step.done; step = purging.next()) await new Promise((resolve) => setImmediate(resolve))
    this.file.countGeneration()
    const { generation } = this.file
    const unreached = await this.ask((token) => composeForget(token, generation))
    return { removed: step.value, unreached: Math.max(unsettled, unreached) }
  }

  /** Asks all workers for something; resolves when all have said that it is done, with the number of those that have not. */
  private ask(compose: (token: number) => Buffer): Promise<number> {
    this.lastToken = (this.lastToken + 1) >>> 0
    const token = this.lastToken
    const missing = new Set(this.workers)
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel()
        this.asked.delete(token)
        resolve(missing.size)
      }
      const timer = this.clock.after(ANSWER_MS, end)
      this.asked.set(token, { missing, answered: end })
      for (const worker of this.workers) worker.write(compose(token))
      if (missing.size === 0) end()
    })
  }

  private heard(worker: Socket, token?: number): void {
    for (const [number, { missing, answered }] of this.asked)
      if ((token === undefined || token === number) && missing.delete(worker) && missing.size === 0) answered()
  }

  /** Tells every worker when the file has become another. */
  checkFile(): void {
    if (this.file.fileId === this.toldFileId) return
    this.toldFileId = this.file.fileId
    for (const worker of this.workers) worker.write(composeHello(this.file.generation, this.toldFileId))
  }

  private greet(worker: Socket): void {
    const frames = new StreamFrames()
    this.workers.add(worker)
    worker.write(composeHello(this.file.generation, this.file.fileId))
    worker.on('data', (chunk) => {
      for (const frame of frames.push(chunk) ?? [NOT_OURS]) {
        const says = parseWorkerSays(frame)
        if (says === undefined) return void worker.destroy()
        if (says.kind === 'done') this.heard(worker, says.token)
        else {
          const arrivedMs = this.clock.monotonicMs()
          this.queue.push({ arrivedMs, worker, sequence: says.sequence, batch: says.batch })
          this.queuedOctets += says.batch.length
          this.counted[KeeperCounter.BATCHES]++
          this.counted[KeeperCounter.BATCH_OCTETS] += says.batch.length
        }
      }
      this.schedule()
      this.holdBack()
    })
    worker.on('error', () => {}) // 'close' follows
    worker.on('close', () => {
      this.workers.delete(worker)
      this.heard(worker)
      this.file.clearReaders()
    })
  }

  private schedule(): void {
    if (this.isScheduled || this.queue.length === 0) return
    this.isScheduled = true
    setImmediate(() => {
      this.isScheduled = false
      this.writeSome()
      this.holdBack()
      this.schedule()
    })
  }

  /** One transaction; what is more waits for the next, so that reading goes on in between. What fails is lost, and acknowledged all the same: sending it again would not make room. */
  private writeSome(): void {
    let octets = 0
    let count = 0
    while (count < this.queue.length && (count === 0 || octets < this.file.transactionOctets))
      octets += this.queue[count++].batch.length
    const taken = this.queue.splice(0, count)
    this.queuedOctets -= octets
    const startMs = this.clock.monotonicMs()
    this.file.write(taken.map(({ batch }) => batch))
    const endMs = this.clock.monotonicMs()
    observe(this.counted, KeeperHistograms.TRANSACTIONS.start, endMs - startMs)
    for (const { arrivedMs } of taken) observe(this.counted, KeeperHistograms.WAITS.start, endMs - arrivedMs)
    const reached = new Map<Socket, number>()
    for (const { worker, sequence } of taken) reached.set(worker, sequence)
    for (const [worker, sequence] of reached) if (worker.writable) worker.write(composeAcknowledge(sequence))
    this.checkFile()
  }

  /** Lets the kernel's buffers fill, and after them the workers', when writing cannot keep up. */
  private holdBack(): void {
    const pause = this.queuedOctets > MAX_QUEUED_OCTETS
    if (pause === this.isPaused) return
    this.isPaused = pause
    for (const worker of this.workers) pause ? worker.pause() : worker.resume()
  }
}

const NOT_OURS = Buffer.alloc(0)
