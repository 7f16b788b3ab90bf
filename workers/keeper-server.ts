/** The keeper's end: takes batches from any number of workers and writes them into the file, all that arrived in one
 *  turn of the event loop in one transaction, then tells each worker how far its own have got. */

import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { LmdbFile } from '../src/cache/lmdb-file.ts'
import { composeAcknowledge, composeHello, parseBatch, StreamFrames } from './keeper-stream.ts'

/** With so much waiting to be written, nothing more is read from the workers until it is less. */
const MAX_QUEUED_OCTETS = 32 * 1024 * 1024

interface Queued {
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

  constructor(file: LmdbFile) {
    this.file = file
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

  /** Takes no more, and writes what it has. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve))
    while (this.queue.length > 0) this.writeSome()
    for (const worker of this.workers) worker.destroy()
    await closed
  }

  /** Tells every worker when the file has become another. */
  checkFile(): void {
    if (this.file.fileId === this.toldFileId) return
    this.toldFileId = this.file.fileId
    for (const worker of this.workers) worker.write(composeHello(this.toldFileId))
  }

  private greet(worker: Socket): void {
    const frames = new StreamFrames()
    this.workers.add(worker)
    worker.write(composeHello(this.file.fileId))
    worker.on('data', (chunk) => {
      for (const frame of frames.push(chunk) ?? [NOT_OURS]) {
        const parsed = parseBatch(frame)
        if (parsed === undefined) return void worker.destroy()
        this.queue.push({ worker, ...parsed })
        this.queuedOctets += parsed.batch.length
      }
      this.schedule()
      this.holdBack()
    })
    worker.on('error', () => {}) // 'close' follows
    worker.on('close', () => {
      this.workers.delete(worker)
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
    this.file.write(taken.map(({ batch }) => batch))
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
