/** PooledUdpClient over sockets that a test plays: under any order of events each exchange ends once, hears nothing that was
 *  meant for another, and is sent once, whole. */

import { expect } from 'chai'
import { ServerAddress } from '../../src/io/address.ts'
import type { Exchange, ExchangeFailure, ExchangeSink } from '../../src/io/interfaces.ts'
import { MESSAGES, type SocketCalls } from '../../src/io/libc-sockets.ts'
import { PooledUdpClient } from '../../src/io/pooled-udp-client.ts'
import { SourceAddresses } from '../../src/io/source-addresses.ts'
import { ManualClock } from '../support/clock.ts'
import { SeededRandom } from '../support/random.ts'
import { queryWithId } from './sink.ts'

const POOL = 4
const SERVER = ServerAddress.fromText('192.0.2.1', 53) as ServerAddress
const OTHER = ServerAddress.fromText('2001:db8::1', 53) as ServerAddress

/** One socket: what was sent through it, and what is there to be read. */
class PlayedSocket {
  readonly sent: Uint8Array[] = []
  readonly inbox: Uint8Array[] = []
  error: string | undefined = undefined
  tag = -1
}

/** A kernel with sockets, and chance for what goes wrong with them. */
class Kernel implements SocketCalls {
  readonly sockets = new Map<number, PlayedSocket>()
  ready: (tag: number) => void = () => {}
  /** One call of so many fails; 0: none. */
  failsOneIn = 0
  readonly #random: SeededRandom
  readonly #slots: Uint8Array[] = []
  readonly #received = Array.from({ length: MESSAGES }, () => new Uint8Array(2048))
  readonly #lengths: number[] = []
  #code = ''
  #nextFd = 3

  constructor(random: SeededRandom) {
    this.#random = random
  }

  open(): number {
    if (this.#fails('EMFILE')) return -1
    this.sockets.set(this.#nextFd, new PlayedSocket())
    return this.#nextFd++
  }

  bind(fd: number): number {
    return this.#at(fd) && this.#fails(this.#random.pick(['EADDRINUSE', 'EACCES', 'EINVAL'])) ? -1 : 0
  }

  connect(fd: number): number {
    return this.#at(fd) && this.#fails('ENETUNREACH') ? -1 : 0
  }

  put(slot: number, source: Uint8Array, from: number, to: number): void {
    expect(slot).to.be.within(0, MESSAGES - 1)
    this.#slots[slot] = source.slice(from, to)
  }

  send(fd: number, from: number, to: number): number {
    if (this.#fails('ENOBUFS')) return -1
    const count = this.#failsToo() ? 1 + this.#random.below(to - from) : to - from
    this.#at(fd).sent.push(...this.#slots.slice(from, from + count))
    return count
  }

  receive(fd: number, count: number): number {
    const socket = this.#at(fd)
    this.#code = socket.error ?? 'EAGAIN'
    const { length } = socket.inbox
    const isError = socket.error !== undefined
    socket.error = undefined
    if (isError || length === 0) return -1
    const taken = socket.inbox.splice(0, Math.min(count, MESSAGES))
    for (const room of this.#received) room.fill(0xff) // views of the last time are worth nothing now
    for (const [slot, packet] of taken.entries()) {
      this.#received[slot].set(packet)
      this.#lengths[slot] = packet.length
    }
    return taken.length
  }

  packet(slot: number): Uint8Array {
    return this.#received[slot].subarray(0, this.#lengths[slot])
  }

  close(fd: number): void {
    this.#at(fd)
    this.sockets.delete(fd)
  }

  error(): string {
    return this.#code
  }

  watcher(ready: (tag: number) => void) {
    this.ready = ready
    const add = (fd: number, tag: number) => {
      this.#at(fd).tag = tag
      return true
    }
    return { add, close: () => {} }
  }

  /** Rings for `socket` as long as there is something to read. */
  ring(socket: PlayedSocket): void {
    for (let rung = 0; rung < 100; rung++) {
      if (![...this.sockets.values()].includes(socket)) return
      if (socket.inbox.length === 0 && socket.error === undefined) return
      this.ready(socket.tag)
    }
    throw new Error('what is to be read is not read')
  }

  #at(fd: number): PlayedSocket {
    const socket = this.sockets.get(fd)
    if (socket === undefined) throw new Error(`socket ${fd} is not open`)
    return socket
  }

  #fails(code: string): boolean {
    this.#code = code
    return this.#failsToo()
  }

  #failsToo(): boolean {
    return this.failsOneIn > 0 && this.#random.below(this.failsOneIn) === 0
  }
}

/** Takes the packet that equals its question, and may do whatever else when it hears of one. */
class Asker implements ExchangeSink {
  readonly query: Uint8Array
  exchange: Exchange | undefined
  /** Packets that were not its reply. */
  bad = 0
  ends: (ExchangeFailure | 'accepted' | 'cancelled')[] = []
  readonly #then: () => void

  constructor(query: Uint8Array, then: () => void) {
    this.query = query
    this.#then = then
  }

  accept(packet: Uint8Array): boolean {
    expect(this.ends).to.deep.equal([])
    const isReply = Buffer.compare(packet, this.query) === 0
    if (isReply) this.ends.push('accepted')
    else this.bad++
    this.#then()
    if (this.ends[0] === 'cancelled') return false
    if (isReply) expect(Buffer.compare(packet, this.query), 'the packet stays as it is').to.equal(0)
    return isReply
  }

  failed(reason: ExchangeFailure): void {
    expect(this.ends).to.deep.equal([])
    this.ends.push(reason)
    this.#then()
  }

  cancel(): void {
    if (this.ends.length === 0) this.ends.push('cancelled')
    this.exchange?.cancel()
  }
}

interface Play {
  kernel: Kernel
  clock: ManualClock
  client: PooledUdpClient
  random: SeededRandom
  askers: Asker[]
  ask(server?: ServerAddress, octets?: number): Asker
  /** What happens when an asker hears something. */
  onWord: () => void
}

function play(seed: number, maxSockets = 40): Play {
  const random = new SeededRandom(seed)
  const kernel = new Kernel(random)
  const clock = new ManualClock()
  const sources = new SourceAddresses([], random)
  const client = new PooledUdpClient({ calls: kernel, clock, random, sources, maxSockets, pool: POOL })
  const askers: Asker[] = []
  const table: Play = {
    kernel,
    clock,
    client,
    random,
    askers,
    onWord: () => {},
    ask(server = SERVER, octets = 14) {
      const query = new Uint8Array(octets)
      query.set(queryWithId(random.below(64), askers.length)) // so few IDs that they meet
      const asker = new Asker(query, () => table.onWord())
      askers.push(asker)
      asker.exchange = client.exchange(server, query, 20 + random.below(400), asker)
      return asker
    },
  }
  return table
}

/** Microtasks, and what waits for the next turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Answers everything until POOL sockets are idle, so that those are used again. */
async function warm({ kernel, ask }: Play): Promise<void> {
  for (let round = 0; round < 2 * POOL; round++) {
    ask()
    await turn()
    answerAll(kernel)
  }
}

function answerAll(kernel: Kernel): void {
  for (const socket of [...kernel.sockets.values()]) {
    socket.inbox.push(...socket.sent.splice(0))
    kernel.ring(socket)
  }
}

describe('PooledUdpClient over any sockets', () => {
  for (let seed = 1; seed <= 60; seed++) {
    it(`ends every exchange once, with its own reply or without one (seed ${seed})`, async () => {
      const table = play(seed, seed % 3 === 0 ? 7 : 40)
      const { kernel, clock, client, random, askers, ask } = table
      await warm(table)
      kernel.failsOneIn = seed % 2 === 0 ? 8 : 0
      const late: Uint8Array[] = []
      let budget = 400
      table.onWord = () => {
        if (budget-- <= 0 || random.below(3) > 0) return
        if (random.below(2) === 0) ask(random.pick([SERVER, SERVER, OTHER]))
        else random.pick(askers).cancel()
      }
      for (let step = 0; step < 300; step++) {
        const all = [...kernel.sockets.values()]
        const socket = all.length > 0 ? random.pick(all) : new PlayedSocket()
        switch (random.below(8)) {
          case 0:
          case 1:
            for (let many = random.below(40); many > 0; many--) ask(random.pick([SERVER, SERVER, SERVER, OTHER]))
            break
          case 2: // replies in any order, some of them twice, some never
            for (const sent of socket.sent.splice(0).sort(() => random.below(3) - 1)) {
              if (random.below(8) === 0) late.push(sent)
              else socket.inbox.push(sent)
              if (random.below(8) === 0) socket.inbox.push(sent)
            }
            break
          case 3: // forgeries, and what belongs elsewhere
            socket.inbox.push(queryWithId(random.below(64), 60_000), new Uint8Array(random.below(3)))
            if (late.length > 0) socket.inbox.push(random.pick(late))
            break
          case 4:
            if (random.below(4) === 0) socket.error = random.pick(['ECONNREFUSED', 'EHOSTUNREACH', 'EINTR'])
            break
          case 5:
            random.pick(askers).cancel()
            break
          case 6:
            clock.advance(random.below(60))
            break
          default:
            await turn()
        }
        if (random.below(2) === 0) kernel.ring(socket)
      }
      await turn()
      clock.advance(1000)
      await turn()
      clock.advance(1000)
      await turn()
      for (const asker of askers) expect(asker.ends).to.have.length(1)
      client.close()
      expect(kernel.sockets.size).to.equal(0)
      expect(client.counters.socketsOpen).to.equal(0)
      expect(clock.pending).to.equal(0)
    })
  }

  it('sends each question of a turn once and whole, also when there are more than there is room for', async () => {
    const table = play(1)
    const { kernel, client } = table
    await warm(table)
    const queries = Array.from({ length: 40 }, (_, i) => {
      const query = new Uint8Array(4000).fill(i)
      query.set(queryWithId(2000 + i, i))
      return query
    })
    for (const query of queries) client.exchange(SERVER, query, 400, new Asker(query, () => {}))
    await turn()
    const sent = [...kernel.sockets.values()].flatMap((socket) => socket.sent)
    const sorted = (packets: Uint8Array[]) => packets.map((packet) => Buffer.from(packet).toString('hex')).sort()
    expect(sorted(sent)).to.deep.equal(sorted(queries))
    client.close()
  })

  it('counts no reply that comes twice, or late, as a guess at the others', async () => {
    const table = play(2)
    const { kernel, clock, client } = table
    await warm(table)
    const asked = Array.from({ length: 16 }, (_, i) => {
      const asker = new Asker(queryWithId(1000 + i, i), () => {})
      asker.exchange = client.exchange(SERVER, asker.query, i === 0 ? 50 : 400, asker)
      return asker
    })
    await turn()
    const [socket] = [...kernel.sockets.values()].filter(({ sent }) => sent.length > 0)
    expect(socket.sent).to.have.length(16)
    clock.advance(60) // one is given up
    for (const packet of socket.sent) socket.inbox.push(packet, packet)
    kernel.ring(socket)
    expect(asked.map(({ ends, bad }) => [ends, bad])).to.deep.equal([
      [['timeout'], 0],
      ...asked.slice(1).map(() => [['accepted'], 0]),
    ])
    client.close()
  })

  it('does not take for the fault of a server that there is no room for what is to be sent', async () => {
    const table = play(3)
    const { kernel, clock, client, ask } = table
    await warm(table)
    kernel.send = () => -1
    kernel.error = () => 'EAGAIN'
    const asker = ask()
    await turn()
    await turn()
    expect(asker.ends).to.deep.equal(['no-socket'])
    expect(client.counters.noSocket).to.equal(1)
    client.close()
    expect(clock.pending).to.equal(0)
  })

  it('ends all exchanges silently when it is closed, also those for which there is no socket', async () => {
    const { kernel, client, ask } = play(4)
    const waiting = ask()
    await turn()
    kernel.open = () => -1
    const without = ask()
    client.close()
    await turn()
    expect([...waiting.ends, ...without.ends]).to.deep.equal([])
  })
})
