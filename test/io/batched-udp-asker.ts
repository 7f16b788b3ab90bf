/** Clients for tests of server sockets: many ports, many packets on the way, every one accounted for. */

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

export interface Answer {
  packet: Buffer
  from: string
}

/** One client with a port of its own. */
export class Asker {
  readonly socket: Socket
  readonly answers: Answer[] = []
  #heard: (() => void) | undefined

  private constructor(family: 4 | 6) {
    this.socket = createSocket(family === 4 ? 'udp4' : 'udp6')
    this.socket.on('message', (packet, { address }) => {
      this.answers.push({ packet, from: address })
      this.#heard?.()
    })
  }

  static async open(family: 4 | 6 = 4): Promise<Asker> {
    const asker = new Asker(family)
    asker.socket.bind(0, family === 4 ? '127.0.0.1' : '::1')
    await once(asker.socket, 'listening')
    return asker
  }

  get port(): number {
    return this.socket.address().port
  }

  send(packet: Uint8Array | string, port: number, address: string): void {
    this.socket.send(packet, port, address)
  }

  async ask(packet: Uint8Array | string, port: number, address: string): Promise<Answer> {
    this.send(packet, port, address)
    await this.heard(this.answers.length + 1)
    return this.answers.at(-1)!
  }

  /** Waits until there are `count` answers. */
  async heard(count: number, withinMs = 5000): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.answers.length} answers of ${count} came`)), withinMs)
      this.#heard = () => {
        if (this.answers.length < count) return
        clearTimeout(timer)
        this.#heard = undefined
        resolve()
      }
      this.#heard()
    })
  }

  close(): void {
    this.socket.close()
  }
}

/** Keeps up to `atOnce` numbered queries on the way, until stop() is called; tells what became of them. */
export class Load {
  readonly #sockets: Socket[]
  readonly #port: number
  readonly #waiting = new Set<number>()
  #next = 0
  #answered = 0
  #stopped = false
  #ended: (() => void) | undefined

  private constructor(sockets: Socket[], port: number) {
    this.#sockets = sockets
    this.#port = port
    for (const socket of sockets) socket.on('message', (packet) => this.#heard(packet.readUInt32BE(1)))
  }

  static async start(port: number, { clients, atOnce }: { clients: number; atOnce: number }): Promise<Load> {
    const sockets = Array.from({ length: clients }, () => createSocket('udp4').bind(0, '127.0.0.1'))
    await Promise.all(sockets.map((socket) => once(socket, 'listening')))
    const load = new Load(sockets, port)
    for (let i = 0; i < atOnce; i++) load.#ask()
    return load
  }

  get answered(): number {
    return this.#answered
  }

  /** Asks nothing more. Gives how many queries were asked, and how many got no answer within `withinMs`. */
  async stop(withinMs = 1500): Promise<{ asked: number; lost: number }> {
    this.#stopped = true
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs)
      this.#ended = () => {
        if (this.#waiting.size > 0) return
        clearTimeout(timer)
        resolve()
      }
      this.#ended()
    })
    for (const socket of this.#sockets) socket.close()
    return { asked: this.#next, lost: this.#waiting.size }
  }

  #ask(): void {
    const number = this.#next++
    const query = Buffer.alloc(40)
    query.write(number % 4 === 0 ? 'l' : 'e')
    query.writeUInt32BE(number, 1)
    this.#waiting.add(number)
    this.#sockets[number % this.#sockets.length].send(query, this.#port, '127.0.0.1')
  }

  #heard(number: number): void {
    if (!this.#waiting.delete(number)) return
    this.#answered++
    if (this.#stopped) this.#ended?.()
    else this.#ask()
  }
}
