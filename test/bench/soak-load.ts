/** Asks for names of the soak, as fast as answers come or at a fixed rate, and looks at every answer. */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { UdpPeer, UdpReceiver, UdpSocket } from '../../src/io/batched-udp.ts'
import { openUdpSocket } from '../../src/io/batched-udp-open.ts'
import { Rcode } from '../../src/wire/types.ts'
import { median, quantile } from './numbers.ts'
import { addressFor, numberOf, type SoakInternet, writeName } from './soak-internet.ts'

export interface SoakCounts {
  sent: number
  answered: number
  /** Not one A record, the right one. */
  wrong: number
  servfail: number
  /** Of any other rcode than NOERROR and SERVFAIL. */
  refused: number
  lost: number
  seconds: number
}

/** Of answers for which nobody was asked. */
export interface HitLatencies {
  count: number
  /** Medians of the seconds' quantiles: a second in which the machine did something else counts as one. */
  p50Ms: number
  p99Ms: number
  p999Ms: number
  /** Of all. */
  maxMs: number
}

const SOCKETS = 16
/** Questions that wait for an answer at a time, of one socket. */
const WINDOW = 16
/** After so long a query is lost; no resolver gives up later. */
const LOST_MS = 10_000
const LOOK_MS = 500
const QNAME = 12
/** Recursion desired, one question, OPT (for Extended DNS Errors, RFC 8914). */
const QUERY_HEAD = Uint8Array.of(0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1)
const QUERY_TAIL = Uint8Array.of(0, 1, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0)
const EDE_OPTION = 15

/** One socket's questions. The ID is where in the window a question stands, and how often that place was used. */
class Asker implements UdpReceiver {
  socket!: UdpSocket
  /** The server; undefined until it has been heard. */
  peer: UdpPeer | undefined
  readonly numbers = new Float64Array(WINDOW).fill(-1)
  readonly ids = new Uint16Array(WINDOW)
  readonly sentMs = new Float64Array(WINDOW)
  readonly sentAt = new Float64Array(WINDOW)
  private readonly load: SoakLoad

  constructor(load: SoakLoad) {
    this.load = load
  }

  begin(): void {}
  count(): void {}
  shorten(): number {
    return 0
  }

  receive(packet: Uint8Array, out: Uint8Array, slot: number): number {
    this.peer ??= this.socket.peerOf(slot)
    const place = packet[1] & (WINDOW - 1)
    if (this.numbers[place] < 0 || ((packet[0] << 8) | packet[1]) !== this.ids[place]) return 0 // was lost
    this.load.judge(packet, this.numbers[place], this.sentMs[place], this.sentAt[place])
    this.numbers[place] = -1
    return this.load.hasNext ? this.ask(place, this.load.next(), out) : 0
  }

  /** Writes the question; gives its octets. */
  ask(place: number, number: number, out: Uint8Array): number {
    this.numbers[place] = number
    this.ids[place] += WINDOW
    this.sentMs[place] = performance.now()
    this.sentAt[place] = ++this.load.internet.clock
    out.set(QUERY_HEAD)
    const id = (this.ids[place] & ~(WINDOW - 1)) | place
    this.ids[place] = id
    out[0] = id >> 8
    out[1] = id
    const end = writeName(number, out, QNAME)
    out.set(QUERY_TAIL, end)
    this.load.counts.sent++
    return end + QUERY_TAIL.length
  }
}

export class SoakLoad {
  readonly internet: SoakInternet
  counts: SoakCounts = noCounts()
  /** Why there was SERVFAIL, how often, in all runs. */
  readonly reasons: Record<string, number> = {}
  private readonly askers: Asker[] = []
  private readonly scratch = new Uint8Array(512)
  private draw: () => number = () => 0
  private left = 0
  /** By the second in which the question was asked. */
  private latencies: number[][] | undefined
  private beganMs = 0
  /** Whether a place that is free is filled at once. */
  private isFast = false

  private constructor(internet: SoakInternet) {
    this.internet = internet
  }

  /** Rejects when nobody answers at the port. */
  static async open(internet: SoakInternet, port: number): Promise<SoakLoad> {
    const load = new SoakLoad(internet)
    for (let tries = 0; load.askers.length < SOCKETS; tries++) {
      if (tries > 20 * SOCKETS) throw new Error(`nobody answers at port ${port}`)
      const asker = new Asker(load)
      asker.socket = await openUdpSocket({ address: '127.0.0.1', port: 0, reusePort: true, receiver: asker }, 'libc')
      if (await meet(asker, port)) load.askers.push(asker)
      else asker.socket.close()
    }
    return load
  }

  close(): void {
    for (const { socket } of this.askers.splice(0)) socket.close()
  }

  get hasNext(): boolean {
    return this.isFast && this.left > 0
  }

  next(): number {
    this.left--
    return this.draw()
  }

  /** Asks `count` questions, as fast as the answers come. */
  async runFast(count: number, draw: () => number): Promise<SoakCounts> {
    return this.run(count, draw, true, async () => {
      for (const asker of this.askers) for (let place = 0; place < WINDOW; place++) this.askAt(asker, place)
      while (this.left > 0 || this.outstanding() > 0) {
        await pause(this.left > 0 ? LOOK_MS : 5)
        this.giveUp()
      }
    })
  }

  /** Asks `perSecond` questions for so many seconds; tells how long those took that the cache answered. */
  async runAtRate(
    seconds: number,
    perSecond: number,
    draw: () => number,
  ): Promise<{ counts: SoakCounts; hits: HitLatencies }> {
    const latencies: number[][] = Array.from({ length: seconds }, () => [])
    this.latencies = latencies
    const count = seconds * perSecond
    const counts = await this.run(count, draw, false, async () => {
      this.beganMs = performance.now()
      for (let sent = 0, turn = 0; sent < count; await pause(1)) {
        const due = Math.min(count, Math.floor(((performance.now() - this.beganMs) / 1000) * perSecond))
        for (let tries = 0; sent < due && tries < SOCKETS * WINDOW; tries++, turn++) {
          const asker = this.askers[turn % SOCKETS]
          const place = asker.numbers.indexOf(-1)
          if (place < 0) continue
          this.askAt(asker, place)
          sent++
        }
        this.giveUp()
      }
      while (this.outstanding() > 0) {
        await pause(5)
        this.giveUp()
      }
    })
    this.latencies = undefined
    return { counts, hits: distribution(latencies) }
  }

  judge(packet: Uint8Array, number: number, sentMs: number, sentAt: number): void {
    const { counts } = this
    counts.answered++
    const rcode = packet[3] & 15
    if (rcode === Rcode.SERVFAIL) {
      counts.servfail++
      const reason = reasonOf(packet)
      this.reasons[reason] = (this.reasons[reason] ?? 0) + 1
    } else if (rcode !== Rcode.NOERROR) counts.refused++
    else if (!isRight(packet, number)) counts.wrong++
    if (this.latencies !== undefined && this.internet.lastAsked[number] < sentAt)
      this.latencies[Math.floor((sentMs - this.beganMs) / 1000)]?.push(performance.now() - sentMs)
  }

  private async run(count: number, draw: () => number, isFast: boolean, ask: () => Promise<void>): Promise<SoakCounts> {
    this.counts = noCounts()
    this.draw = draw
    this.left = count
    this.isFast = isFast
    const startMs = performance.now()
    await ask()
    this.counts.seconds = (performance.now() - startMs) / 1000
    return this.counts
  }

  private askAt(asker: Asker, place: number): void {
    if (this.left <= 0) return
    const octets = asker.ask(place, this.next(), this.scratch)
    asker.socket.send(asker.peer!, this.scratch.subarray(0, octets))
  }

  private outstanding(): number {
    return this.askers.reduce((sum, { numbers }) => sum + numbers.reduce((n, number) => n + (number < 0 ? 0 : 1), 0), 0)
  }

  private giveUp(): void {
    const beforeMs = performance.now() - LOST_MS
    for (const asker of this.askers)
      for (let place = 0; place < WINDOW; place++) {
        if (asker.numbers[place] < 0 || asker.sentMs[place] > beforeMs) continue
        asker.numbers[place] = -1
        this.counts.lost++
        if (this.isFast) this.askAt(asker, place)
      }
  }
}

/** A server's socket answers those it has heard of. So that it hears of the resolver, a socket that shares its port asks
 *  the first question, and is gone when the answer comes; if it is not, false. */
async function meet(asker: Asker, port: number): Promise<boolean> {
  const first = createSocket({ type: 'udp4', reusePort: true })
  first.bind(asker.socket.port, '127.0.0.1')
  await once(first, 'listening')
  const query = Buffer.concat([QUERY_HEAD, Buffer.alloc(64)])
  const end = writeName(0, query, QNAME)
  query.set(QUERY_TAIL, end)
  first.send(query.subarray(0, end + QUERY_TAIL.length), port, '127.0.0.1', () => first.close())
  for (let looks = 0; looks < 20 && asker.peer === undefined; looks++) await pause(5)
  return asker.peer !== undefined
}

/** One question, ours, and one A record that is what it must be. */
function isRight(packet: Uint8Array, number: number): boolean {
  if (numberOf(packet) !== number || packet[7] !== 1 || packet[6] !== 0) return false
  let at = QNAME
  while (packet[at] > 0) at += 1 + packet[at]
  at += 5
  if ((packet[at] & 0xc0) !== 0xc0 || packet[at + 3] !== 1 || packet[at + 11] !== 4) return false
  at += 12
  const address = ((packet[at] << 24) | (packet[at + 1] << 16) | (packet[at + 2] << 8) | packet[at + 3]) >>> 0
  return address === addressFor(number)
}

/** The Extended DNS Error of an answer that has nothing but that. */
function reasonOf(packet: Uint8Array): string {
  let at = QNAME
  while (packet[at] > 0) at += 1 + packet[at]
  at += 5 + 9
  const octets = (packet[at] << 8) | packet[at + 1]
  if (octets < 6 || packet[at + 3] !== EDE_OPTION) return 'not said'
  const end = at + 6 + ((packet[at + 4] << 8) | packet[at + 5])
  const text = Buffer.from(packet.subarray(at + 8, end)).toString()
  return `${(packet[at + 6] << 8) | packet[at + 7]} ${text.replaceAll(/([0-9a-f]{8}\.)?z\d+\./g, '…')}`
}

function distribution(seconds: number[][]): HitLatencies {
  const sorted = seconds.filter((one) => one.length > 0).map((one) => Float64Array.from(one).sort())
  const middle = (share: number) => median(sorted.map((one) => quantile(one, share)))
  return {
    count: sorted.reduce((sum, one) => sum + one.length, 0),
    p50Ms: middle(0.5),
    p99Ms: middle(0.99),
    p999Ms: middle(0.999),
    maxMs: Math.max(...sorted.map((one) => one.at(-1)!)),
  }
}

function noCounts(): SoakCounts {
  return { sent: 0, answered: 0, wrong: 0, servfail: 0, refused: 0, lost: 0, seconds: 0 }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
