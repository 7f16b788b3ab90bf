/** The way of a query through a worker, gone many times before the first client's: code that has never run is slow, and those
 *  who happen to meet a new worker first would wait for it, twenty milliseconds and more. Played with a cache of its own,
 *  at an address nobody knows, by all that clients will meet but for LMDB. */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Cache } from '../src/cache/cache.ts'
import { MemoryStore } from '../src/cache/memory-store.ts'
import { Rank } from '../src/cache/rank.ts'
import { chooseUdpKind } from '../src/io/batched-udp-open.ts'
import { systemClock } from '../src/io/clock.ts'
import type { Transport } from '../src/io/interfaces.ts'
import { systemRandom } from '../src/io/random.ts'
import { Counters } from '../src/metrics/counters.ts'
import { startModules } from '../src/modules/index.ts'
import { COMMON_POLICY } from '../src/modules/views/policies.ts'
import { Core } from '../src/resolve.ts'
import { defaultSettings } from '../src/settings.ts'
import { nameFromText } from '../src/wire/name.ts'
import { rrset } from '../src/wire/rrset.ts'
import { Class, Type } from '../src/wire/types.ts'
import { AnswerIndex } from './answer-index.ts'
import { ClientLimits } from './client-limits.ts'
import { FrameReader, framed } from './framing.ts'
import { Service } from './serve.ts'
import { TcpConnections } from './tcp-connections.ts'
import { TcpListener } from './tcp-listener.ts'
import { UdpListener } from './udp-listener.ts'

/** Names; of each, the first answer comes from the cache, and the others from the index of ready answers. */
const NAMES = 200
const ROUNDS = 5
/** As many as a worker finds in one batch when it is busy. */
const AT_ONCE = 50
/** It has to end even if something is lost; */
const MAX_MS = 3000
/** and sooner when a place is empty. */
const URGENT_MS = 100

/** Resolves with the number of answers, soon once `hurry` does. Never rejects. */
export async function rehearse(hurry: Promise<unknown>, rounds = ROUNDS): Promise<number> {
  const theatre = makeTheatre()
  const { service } = theatre
  const counters = new Counters()
  const connections = new TcpConnections(systemClock, counters)
  const point = { address: '127.0.0.1', port: 0, setting: '' }
  const opened: { close(): void }[] = [theatre]
  try {
    const udp = await UdpListener.open(point, service, counters, chooseUdpKind().kind)
    opened.push(udp)
    const tcp = await TcpListener.open(point, { service, connections, counters })
    opened.push(tcp)
    const clients = [await overUdp(udp.port), await overTcp(tcp.port)]
    opened.push(...clients)
    const parts = clients.map((client) => new Part(client, rounds * NAMES))
    const end = () => {
      for (const part of parts) part.end()
    }
    void hurry.then(() => setTimeout(end, URGENT_MS))
    const answers = await Promise.all(parts.map((part) => part.play()))
    return answers.reduce((sum, count) => sum + count)
  } catch {
    return 0 // clients will see to it
  } finally {
    for (const each of opened.reverse()) each.close()
  }
}

/** Plays clients over one transport, one packet out, one packet in. */
interface RehearsingClient {
  send(queries: readonly Uint8Array[]): void
  onAnswers(hear: (count: number) => void): void
  close(): void
}

async function overUdp(port: number): Promise<RehearsingClient> {
  const socket = createSocket('udp4')
  socket.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return {
    send: (queries) => {
      for (const query of queries) socket.send(query)
    },
    onAnswers: (hear) => socket.on('message', () => hear(1)),
    close: () => socket.close(),
  }
}

async function overTcp(port: number): Promise<RehearsingClient> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const frames = new FrameReader()
  return {
    send: (queries) => socket.write(Buffer.concat(queries.map(framed))),
    onAnswers: (hear) =>
      socket.on('data', (chunk) => {
        frames.push(chunk)
        let count = 0
        while (frames.next() !== undefined) count++
        hear(count)
      }),
    close: () => socket.destroy(),
  }
}

class Part {
  readonly #client: RehearsingClient
  readonly #wanted: number
  readonly #queries = Array.from({ length: NAMES }, (_, i) => queryFor(i))
  readonly #over = Promise.withResolvers<void>()
  #sent = 0
  #answered = 0

  constructor(client: RehearsingClient, answers: number) {
    this.#client = client
    this.#wanted = answers
  }

  end(): void {
    this.#over.resolve()
  }

  /** Resolves with the number of answers. */
  async play(): Promise<number> {
    const timer = setTimeout(() => this.end(), MAX_MS)
    this.#client.onAnswers((count) => {
      this.#answered += count
      if (this.#answered === this.#wanted) this.end()
      else if (this.#answered === this.#sent) this.#send()
    })
    this.#send()
    await this.#over.promise
    clearTimeout(timer)
    return this.#answered
  }

  #send(): void {
    const from = this.#sent % NAMES
    this.#sent += AT_ONCE
    this.#client.send(this.#queries.slice(from, from + AT_ONCE))
  }
}

function makeTheatre(): { service: Service; close(): void } {
  const cache = new Cache(new MemoryStore(), systemClock, { ttlMin: 5, ttlMax: 3600, negativeTtlMax: 60 })
  const meta = { security: 'insecure', rank: Rank.ANSWER } as const
  for (let i = 0; i < NAMES; i++)
    cache.insert(rrset(nameFromText(nameOf(i)), Type.A, 3600, [Uint8Array.of(192, 0, 2, i)]), meta)
  const settings = { ...defaultSettings, priming: false }
  const log = () => {}
  const modules = startModules(settings, { clock: systemClock, random: systemRandom, log })
  const index = new AnswerIndex({ octets: 1024 * 1024, udpSize: 1232, rotate: true, seed: 1 })
  const core = new Core({
    cache,
    transport: nowhere,
    clock: systemClock,
    random: systemRandom,
    settings,
    modules: modules.layers,
    onReady: (packet, response, secure) => index.insert(packet, response, secure, COMMON_POLICY),
  })
  const resolver = {
    inFlight: 0,
    tick: (wallMs: number) => index.tick(wallMs),
    answerAtOnce: (packet: Uint8Array, out: Uint8Array, overUdp: boolean) =>
      index.answer(packet, out, overUdp, COMMON_POLICY),
    handle: core.handle.bind(core),
    drain: core.drain.bind(core),
    close: () => core.close(),
  }
  const service = new Service({
    resolver,
    clock: systemClock,
    counters: new Counters(),
    limits: new ClientLimits(systemClock),
    allows: () => true,
    udpSize: 1232,
  })
  return {
    service,
    close() {
      core.close()
      modules.stop()
    },
  }
}

const nowhere: Transport = {
  exchange: () => ({ cancel() {} }),
}

function nameOf(index: number): string {
  return `rehearsal${index}.net.`
}

function queryFor(index: number): Uint8Array {
  const header = [index >> 8, index & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
  return Uint8Array.of(...header, ...nameFromText(nameOf(index)), 0, Type.A, 0, Class.IN)
}
