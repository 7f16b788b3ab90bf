/** The worker's end of the way to the keeper: hands batches over, and hears when they are in the file. Never waits, never
 *  fails: while the keeper is gone or slow, batches are refused, and it keeps trying to reach it. */

import { connect, type Socket } from 'node:net'
import type { LmdbStore, Outlet } from '../src/cache/lmdb-store.ts'
import type { Clock, Timer } from '../src/io/interfaces.ts'
import type { Log } from '../src/io/log.ts'
import { composeBatch, composeDone, parseKeeperSays, STREAM_VERSION, StreamFrames } from './keeper-stream.ts'

export interface KeeperLinkOptions {
  socketPath: string
  clock: Clock
  log?: Log
  /** Called when something was cleared: whatever was made of it and is kept in memory is out of date. */
  onCleared?: () => void
  /** Octets that may wait in this process for the keeper to read them; beyond that batches are refused. */
  maxWaiting?: number
}

const RETRY_FIRST_MS = 20
const RETRY_MAX_MS = 500
/** How long entries are gathered into one batch. */
const GATHER_MS = 20
const DEFAULT_MAX_WAITING = 8 * 1024 * 1024

export class KeeperLink implements Outlet {
  private readonly options: KeeperLinkOptions
  private store: LmdbStore | undefined
  private socket: Socket | undefined
  /** Said hello on this connection, so it is there and of our version. */
  private isGreeted = false
  /** Of the file when we last heard; undefined: never. */
  private generation: number | undefined
  /** The file of a keeper with which we cannot speak. */
  private readFrom: string | undefined
  private retryMs = RETRY_FIRST_MS
  private retry: Timer | undefined
  private isClosed = false
  private readonly waiting: (() => void)[] = []
  /** Connections lost since the start, and batches refused. */
  readonly counted = { lost: 0, refused: 0 }

  constructor(options: KeeperLinkOptions) {
    this.options = options
  }

  /** Begins to connect; `store` is told what the keeper says. */
  start(store: LmdbStore): void {
    this.store = store
    this.connect()
  }

  get isConnected(): boolean {
    return this.isGreeted
  }

  /** Resolves true when the keeper has been reached, false when it has not been within `timeoutMs`. */
  connected(timeoutMs: number): Promise<boolean> {
    if (this.isGreeted) return Promise.resolve(true)
    return new Promise((resolve) => {
      const timer = this.options.clock.after(timeoutMs, () => resolve(false))
      this.waiting.push(() => {
        timer.cancel()
        resolve(true)
      })
    })
  }

  send(sequence: number, batch: Uint8Array): boolean {
    const { socket } = this
    const maxWaiting = this.options.maxWaiting ?? DEFAULT_MAX_WAITING
    if (socket === undefined || !this.isGreeted || socket.writableLength + batch.length > maxWaiting) {
      this.counted.refused++
      return false
    }
    socket.write(composeBatch(sequence, batch))
    return true
  }

  /** Not at once: sending costs as much for a hundred entries as for one, and meanwhile the overlay has them. */
  schedule(flush: () => void): void {
    this.options.clock.after(GATHER_MS, flush)
  }

  /** Ends the connection after what was handed over is on its way. */
  close(): void {
    this.isClosed = true
    this.isGreeted = false
    this.retry?.cancel()
    this.socket?.end()
    this.socket?.unref()
  }

  private connect(): void {
    const frames = new StreamFrames()
    const socket = connect(this.options.socketPath)
    this.socket = socket
    socket.on('data', (chunk) => {
      for (const frame of frames.push(chunk) ?? [NOT_OURS]) if (!this.hear(frame)) return void socket.destroy()
    })
    socket.on('drain', () => this.store?.resume())
    socket.on('error', () => {}) // 'close' follows
    socket.on('close', () => this.lost(socket))
  }

  /** False when the other end does not speak our language. */
  private hear(frame: Buffer): boolean {
    const says = parseKeeperSays(frame)
    if (says === undefined || this.store === undefined) return false
    if (says.kind === 'acknowledge') {
      this.store.acknowledge(says.sequence)
      return true
    }
    if (says.kind === 'settle') {
      this.store.handOver()
      this.socket?.write(composeDone(says.token))
      return true
    }
    if (says.kind === 'forget') {
      this.generation = says.generation
      this.store.forgetUnsent()
      this.options.onCleared?.()
      this.socket?.write(composeDone(says.token))
      return true
    }
    if (says.version !== STREAM_VERSION) {
      this.readOnly(says)
      return false
    }
    if (this.generation !== undefined && this.generation !== says.generation) {
      this.store.forgetPending() // something was cleared while we were not there; it must not come back with us
      this.options.onCleared?.()
    }
    this.generation = says.generation
    this.retryMs = RETRY_FIRST_MS
    this.isGreeted = true
    this.store.connected(says.fileId)
    for (const tell of this.waiting.splice(0)) tell()
    return true
  }

  /** A keeper of another version: that of the service before us, while one takes the place of the other. What it keeps can
   *  be read, if its file is of our version; what we learn waits for our own keeper. */
  private readOnly({ generation, fileId }: { generation: number; fileId: string }): void {
    if (this.readFrom === fileId) return
    this.readFrom = fileId
    this.generation ??= generation
    this.store?.connected(fileId)
    for (const tell of this.waiting.splice(0)) tell()
    this.options.log?.notice(
      { event: 'keeper-differs' },
      'the keeper is of another version: only reading until it is replaced',
    )
  }

  private lost(socket: Socket): void {
    if (this.socket !== socket) return
    this.socket = undefined
    if (this.isGreeted) {
      this.counted.lost++
      this.options.log?.info({ event: 'keeper-lost' }, 'the keeper is gone; what is learnt meanwhile may be lost')
    }
    this.isGreeted = false
    if (this.isClosed) return
    this.retry = this.options.clock.after(this.retryMs, () => this.connect())
    this.retryMs = Math.min(this.retryMs * 2, RETRY_MAX_MS)
  }
}

const NOT_OURS = Buffer.alloc(0)
