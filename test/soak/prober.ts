/** A client that looks at every answer it gets: is it the right one, and how long did it take? dnsperf only counts. It asks
 *  from many ports over UDP, and over TCP with a connection for each question, which thus waits to be accepted. */

import { createSocket, type Socket } from 'node:dgram'
import { connect } from 'node:net'
import { parseReply } from '../../src/wire/message.ts'
import { Rcode } from '../../src/wire/types.ts'
import { FrameReader } from '../../workers/framing.ts'
import { queryFor } from '../workers/fake-resolver.ts'
import { addressOf, NAMES, nameOf } from './internet.ts'

export interface Probed {
  udp: number
  tcp: number
  /** Not answered in time, over UDP. */
  lost: number
  /** Refused, reset, closed or not answered, over TCP. */
  failed: number
  /** Answers that were not what had been asked for. */
  wrong: number
  /** The first of them, for people. */
  examples: string[]
}

const SOCKETS = 32
/** A socket is another one after so many questions, so that each worker is met. */
const QUESTIONS_PER_SOCKET = 64
const LOST_AFTER_MS = 3000
const EXAMPLES = 5
/** From one name to the next; all have their turn. */
const STRIDE = 137

export class Prober {
  readonly #port: number
  readonly #timers: NodeJS.Timeout[] = []
  readonly #sockets: UdpProbe[] = []
  readonly #probed: Probed = { udp: 0, tcp: 0, lost: 0, failed: 0, wrong: 0, examples: [] }
  readonly #latencies = new Map<string, number[]>()
  #next = 0
  #turn = 0
  #waiting = 0
  /** What is going on. */
  phase = 'start'

  constructor(port: number) {
    this.#port = port
  }

  /** Asks so often, over UDP and TCP, until stop(). */
  start(udpPerSecond: number, tcpPerSecond: number): void {
    for (let i = 0; i < SOCKETS; i++) this.#sockets.push(new UdpProbe(this.#port))
    // a few at a time: a timer for each would be late
    const everyMs = 5
    let due = 0
    this.#timers.push(
      setInterval(() => {
        for (due += (udpPerSecond * everyMs) / 1000; due >= 1; due--) void this.askUdp(this.#index())
      }, everyMs),
      setInterval(() => void this.askTcp(this.#index()), 1000 / tcpPerSecond),
    )
  }

  /** Asks for every name once, over UDP and TCP. */
  async askAll(): Promise<void> {
    if (this.#sockets.length === 0) this.#sockets.push(new UdpProbe(this.#port))
    for (let i = 0; i < NAMES; i++) await Promise.all([this.askUdp(i), this.askTcp(i)])
  }

  async askUdp(index: number): Promise<void> {
    const place = this.#next++ % this.#sockets.length
    let socket = this.#sockets[place]
    if (socket.asked >= QUESTIONS_PER_SOCKET) {
      socket.retire()
      socket = this.#sockets[place] = new UdpProbe(this.#port)
    }
    this.#probed.udp++
    this.#waiting++
    const { phase } = this
    const startMs = performance.now()
    const answer = await socket.ask(index)
    this.#waiting--
    if (answer === undefined) {
      this.#probed.lost++
      return
    }
    this.#look(answer, index)
    // what ended during a step belongs to it, but a steady time begins clean
    const during = this.phase === 'steady' ? phase : this.phase
    const latencies = this.#latencies.get(during)
    if (latencies === undefined) this.#latencies.set(during, [performance.now() - startMs])
    else latencies.push(performance.now() - startMs)
  }

  async askTcp(index: number): Promise<void> {
    this.#probed.tcp++
    this.#waiting++
    const answer = await askOverTcp(this.#port, queryFor(nameOf(index), index + 1))
    this.#waiting--
    if (typeof answer === 'string') {
      this.#probed.failed++
      this.#example(`TCP, ${nameOf(index)}: ${answer}`)
    } else this.#look(answer, index)
  }

  /** Resolves when every question has been answered or given up. */
  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
    while (this.#waiting > 0) await new Promise((resolve) => setTimeout(resolve, 20))
    for (const socket of this.#sockets.splice(0)) socket.retire()
  }

  get probed(): Probed {
    return this.#probed
  }

  /** Milliseconds, ascending, of all questions of the phases that `belongs` says. */
  latencies(belongs: (phase: string) => boolean): number[] {
    return [...this.#latencies]
      .flatMap(([phase, values]) => (belongs(phase) ? values : []))
      .sort((one, other) => one - other)
  }

  #index(): number {
    return (this.#turn += STRIDE) % NAMES
  }

  #look(answer: Buffer, index: number): void {
    const mistake = mistakeIn(answer, index)
    if (mistake === undefined) return
    this.#probed.wrong++
    this.#example(`${nameOf(index)}: ${mistake}`)
  }

  #example(text: string): void {
    if (this.#probed.examples.length < EXAMPLES) this.#probed.examples.push(`${new Date().toISOString()} ${text}`)
  }
}

/** undefined: it is the answer, the whole answer, and to this question. */
export function mistakeIn(answer: Buffer, index: number): string | undefined {
  try {
    const reply = parseReply(answer)
    if (reply.rcode !== Rcode.NOERROR) return `rcode ${reply.rcode}`
    if (reply.answer.length !== 1) return `${reply.answer.length} sets of records`
    const [{ rdatas }] = reply.answer
    const addresses = rdatas.map((rdata) => [...rdata].join('.')).join(', ')
    return addresses === addressOf(index).join('.') ? undefined : `the address ${addresses}`
  } catch (error) {
    return `no DNS message (${(error as Error).message})`
  }
}

/** One port. Questions are told apart by their id, which is that of the name. */
class UdpProbe {
  readonly #socket: Socket = createSocket('udp4')
  readonly #port: number
  readonly #waiting = new Map<number, { index: number; hear: (answer: Buffer | undefined) => void }>()
  #retired = false
  asked = 0

  constructor(port: number) {
    this.#port = port
    this.#socket.on('error', () => {})
    this.#socket.on('message', (message) => {
      const id = message.length < 2 ? -1 : message.readUInt16BE(0)
      const waiting = this.#waiting.get(id)
      if (waiting === undefined) return
      this.#waiting.delete(id)
      waiting.hear(message)
      this.#closeIfDone()
    })
  }

  ask(index: number): Promise<Buffer | undefined> {
    const id = ++this.asked
    return new Promise((hear) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id)
        hear(undefined)
        this.#closeIfDone()
      }, LOST_AFTER_MS)
      this.#waiting.set(id, {
        index,
        hear(answer) {
          clearTimeout(timer)
          hear(answer)
        },
      })
      this.#socket.send(queryFor(nameOf(index), id), this.#port, '127.0.0.1')
    })
  }

  retire(): void {
    this.#retired = true
    this.#closeIfDone()
  }

  #closeIfDone(): void {
    if (!this.#retired || this.#waiting.size > 0) return
    this.#socket.close()
    this.#socket.removeAllListeners()
  }
}

/** The answer, or what went wrong. */
function askOverTcp(port: number, query: Buffer): Promise<Buffer | string> {
  return new Promise((resolve) => {
    const frames = new FrameReader()
    const socket = connect({ port, host: '127.0.0.1' })
    const end = (outcome: Buffer | string) => {
      clearTimeout(timer)
      socket.removeAllListeners()
      socket.on('error', () => {})
      socket.destroy()
      resolve(outcome)
    }
    const timer = setTimeout(() => end('no answer'), LOST_AFTER_MS)
    socket.on('connect', () => socket.write(Buffer.concat([Buffer.of(query.length >> 8, query.length & 255), query])))
    socket.on('data', (chunk) => {
      frames.push(chunk)
      const message = frames.next()
      if (message !== undefined) end(Buffer.from(message))
    })
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
    socket.on('end', () => end('closed without an answer'))
  })
}
