import { expect } from 'chai'
import { Cache } from '../../src/cache/cache.ts'
import { MemoryStore } from '../../src/cache/memory-store.ts'
import { Rank } from '../../src/cache/rank.ts'
import type { Transport } from '../../src/io/interfaces.ts'
import { COMMON_POLICY } from '../../src/modules/views/policies.ts'
import { Core } from '../../src/resolve.ts'
import { defaultSettings } from '../../src/settings.ts'
import { composeQuery } from '../../src/wire/compose.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { Class, Flag, Type } from '../../src/wire/types.ts'
import { AnswerIndex } from '../../workers/answer-index.ts'
import { FrameReader, framed } from '../../workers/framing.ts'
import { askFirst, frequentQuestions } from '../../workers/frequent-questions.ts'
import { ManualClock } from '../support/clock.ts'
import { sets } from '../support/messages.ts'
import { SeededRandom } from '../support/random.ts'

const UDP_SIZE = 1232
const OTHER_POLICY = 7
const silence: Transport = { exchange: () => ({ cancel: () => {} }) }

interface Asked {
  name: string
  flags?: number
  dnssec?: boolean
}

function packetOf({ name, flags = Flag.RD, dnssec }: Asked): Uint8Array {
  const buffer = new Uint8Array(512)
  const question = { name: nameFromText(name), type: Type.A, class: Class.IN }
  const edns = dnssec ? { udpSize: UDP_SIZE, do: true } : undefined
  return buffer.slice(0, composeQuery(buffer, { id: 0, flags, question, edns }))
}

/** A worker, as far as it matters here: its cache knows three names. */
class Worker {
  readonly clock = new ManualClock()
  readonly index = new AnswerIndex({ octets: 64 * 1024, udpSize: UDP_SIZE, rotate: false, seed: 42 })
  readonly core: Core
  policy = COMMON_POLICY
  readonly #out = new Uint8Array(8192)

  constructor() {
    const random = new SeededRandom(3)
    const cache = new Cache(new MemoryStore(), this.clock, { ttlMin: 0, ttlMax: 86_400, negativeTtlMax: 10_800 })
    for (const name of ['one.org.', 'two.org.', 'three.org.'])
      for (const set of sets(`${name} 300 A 192.0.2.1`)) cache.insert(set, { rank: Rank.ANSWER, security: 'insecure' })
    this.core = new Core({
      cache,
      transport: silence,
      clock: this.clock,
      random,
      settings: { ...defaultSettings, validate: false, priming: false },
      onReady: (packet, response, secure) => this.index.insert(packet, response, secure, this.policy),
    })
    this.tick()
  }

  tick(): void {
    this.index.tick(this.clock.wallMs())
  }

  handle: Core['handle'] = (packet, client, respond) => this.core.handle(packet, client, respond)

  isReady(packet: Uint8Array): boolean {
    return this.index.answer(packet, this.#out, true, COMMON_POLICY) > 0
  }

  /** As a client: once for the answer to get ready, and then so often. */
  ask(asked: Asked, times: number): void {
    const packet = packetOf(asked)
    this.core.handle(packet, { overUdp: true }, () => {})
    for (let i = 0; i < times; i++) this.index.answer(packet, this.#out, true, this.policy)
  }
}

function packetsIn(questions: Uint8Array): Uint8Array[] {
  const frames = new FrameReader()
  frames.push(Buffer.from(questions))
  const packets: Uint8Array[] = []
  for (let next = frames.next(); next !== undefined; next = frames.next()) packets.push(Uint8Array.from(next))
  return packets
}

describe('frequentQuestions', () => {
  it('are those asked most, as they were asked: with DO, with CD', async () => {
    const worker = new Worker()
    worker.ask({ name: 'one.org.' }, 1)
    worker.ask({ name: 'two.org.', dnssec: true }, 5)
    worker.ask({ name: 'three.org.', flags: Flag.RD | Flag.CD }, 3)
    expect(packetsIn(await frequentQuestions(worker.index, 2))).to.deep.equal([
      packetOf({ name: 'two.org.', dnssec: true }),
      packetOf({ name: 'three.org.', flags: Flag.RD | Flag.CD }),
    ])
  })

  it('leave out what nobody asked again, what has run out, and what only some clients may be told', async () => {
    const worker = new Worker()
    worker.ask({ name: 'one.org.' }, 1)
    worker.clock.advance(299_000)
    worker.tick()
    worker.ask({ name: 'two.org.' }, 0)
    worker.policy = OTHER_POLICY
    worker.ask({ name: 'three.org.' }, 4)
    expect(await frequentQuestions(worker.index, 10)).to.have.length(0)
  })
})

describe('askFirst', () => {
  it('makes their answers ready in another worker', async () => {
    const [former, next] = [new Worker(), new Worker()]
    former.ask({ name: 'one.org.' }, 2)
    former.ask({ name: 'two.org.', dnssec: true }, 2)
    const questions = await frequentQuestions(former.index, 10)
    expect(await askFirst(questions, next, next.clock, 1000)).to.equal(2)
    expect(next.isReady(packetOf({ name: 'one.org.' }))).to.equal(true)
    expect(next.isReady(packetOf({ name: 'two.org.', dnssec: true }))).to.equal(true)
    expect(next.isReady(packetOf({ name: 'three.org.' }))).to.equal(false)
  })

  it('asks no longer than it may', async () => {
    const worker = new Worker()
    const questions = Buffer.concat(['one.org.', 'two.org.', 'three.org.'].map((name) => framed(packetOf({ name }))))
    const handle: Core['handle'] = (packet, client, respond) => {
      worker.clock.advance(400)
      worker.handle(packet, client, respond)
    }
    expect(await askFirst(questions, { handle }, worker.clock, 700)).to.equal(2)
    expect(worker.isReady(packetOf({ name: 'two.org.' }))).to.equal(true)
    expect(worker.isReady(packetOf({ name: 'three.org.' }))).to.equal(false)
  })
})
