/** Clients for tests: a UDP socket and a TCP connection that speak whole DNS messages, and a port nobody has. */

import { randomInt } from 'node:crypto'
import { createSocket, type Socket as DgramSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { FrameReader } from '../../workers/framing.ts'

/** What takes milliseconds may take so long on a machine that is busy; only a test that fails waits for that. */
export const PATIENCE_MS = 30_000

/** A port that is free over UDP and TCP on all loopback addresses, out of the range the system gives to clients. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + randomInt(18_000)
    try {
      const server = createServer().listen(port, '0.0.0.0')
      await once(server, 'listening')
      await new Promise((closed) => server.close(closed))
      const socket = createSocket('udp4').bind(port, '0.0.0.0')
      await once(socket, 'listening')
      await new Promise<void>((closed) => socket.close(closed))
      return port
    } catch {
      // somebody has it
    }
  }
}

export interface Received {
  message: Buffer
  from: string
}

export class UdpClient {
  readonly socket: DgramSocket
  readonly received: Received[] = []
  #waiting: ((received: Received) => void)[] = []

  constructor(family: 4 | 6 = 4) {
    this.socket = createSocket(family === 4 ? 'udp4' : 'udp6')
    this.socket.on('message', (message, from) => {
      const received = { message, from: from.address }
      const waiting = this.#waiting.shift()
      if (waiting === undefined) this.received.push(received)
      else waiting(received)
    })
  }

  send(message: Uint8Array, port: number, address = '127.0.0.1'): void {
    this.socket.send(message, port, address)
  }

  /** The next message; rejects when none comes in time. */
  next(withinMs = PATIENCE_MS): Promise<Received> {
    const waiting = this.received.shift()
    if (waiting !== undefined) return Promise.resolve(waiting)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== hear)
        reject(new Error('no answer over UDP'))
      }, withinMs)
      const hear = (received: Received) => {
        clearTimeout(timer)
        resolve(received)
      }
      this.#waiting.push(hear)
    })
  }

  async ask(message: Uint8Array, port: number, address = '127.0.0.1', withinMs = PATIENCE_MS): Promise<Received> {
    this.send(message, port, address)
    return await this.next(withinMs)
  }

  close(): void {
    this.socket.close()
  }
}

export class TcpClient {
  readonly socket: Socket
  readonly messages: Buffer[] = []
  closed = false
  readonly #frames = new FrameReader()
  #changed: (() => void) | undefined

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.#frames.push(chunk as Buffer)
      for (let message = this.#frames.next(); message !== undefined; message = this.#frames.next())
        this.messages.push(Buffer.from(message))
      this.#frames.settle()
      this.#changed?.()
    })
    socket.on('error', () => {})
    socket.on('end', () => this.#end())
    socket.on('close', () => this.#end())
  }

  static async connect(port: number, address = '127.0.0.1', from?: string): Promise<TcpClient> {
    const socket = connect({ port, host: address, allowHalfOpen: true, ...(from && { localAddress: from }) })
    const client = new TcpClient(socket)
    await once(socket, 'connect')
    return client
  }

  send(...messages: Uint8Array[]): void {
    this.socket.write(
      Buffer.concat(messages.flatMap((message) => [Buffer.from([message.length >> 8, message.length & 255]), message])),
    )
  }

  /** Waits until there are `count` messages. */
  gather(count: number, withinMs = PATIENCE_MS): Promise<Buffer[]> {
    return this.#until(() => this.messages.length >= count, withinMs, `${count} messages`).then(() => this.messages)
  }

  /** Waits until the other side has closed. */
  gone(withinMs = PATIENCE_MS): Promise<void> {
    return this.#until(() => this.closed, withinMs, 'the end')
  }

  close(): void {
    this.socket.destroy()
  }

  #end(): void {
    this.closed = true
    this.#changed?.()
  }

  #until(isSo: () => boolean, withinMs: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${what} did not come; ${this.messages.length} messages, closed: ${this.closed}`)),
        withinMs,
      )
      this.#changed = () => {
        if (!isSo()) return
        clearTimeout(timer)
        this.#changed = undefined
        resolve()
      }
      this.#changed()
    })
  }
}

/** Waits until it is so. Rejects with `what`, composed then, when that takes too long. */
export async function eventually(
  isSo: () => boolean,
  what: string | (() => string),
  withinMs = PATIENCE_MS,
): Promise<void> {
  for (const deadline = performance.now() + withinMs; !isSo(); await pause(5))
    if (performance.now() > deadline) throw new Error(`${typeof what === 'string' ? what : what()} did not happen`)
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
