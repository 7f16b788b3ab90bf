/** From a client's packet to its answer: who may ask, how much may wait, and what is not answered at all. The listeners
 *  bring packets here; the resolver decides what the answer is. */

import type { Clock } from '../src/io/interfaces.ts'
import { AnswerShapes, MessageSizes } from '../src/metrics/answers.ts'
import { Counter, type Counters } from '../src/metrics/counters.ts'
import type { Frequent } from '../src/metrics/frequent.ts'
import { Histograms, histogramAt, observeNoTime } from '../src/metrics/tables.ts'
import type { RunningModule } from '../src/modules/module.ts'
import { ADMITTED, type RateLimiter } from '../src/modules/rate-limiting/index.ts'
import type { Stats } from '../src/modules/stats/index.ts'
import type { Request } from '../src/request.ts'
import { composeMessage, edeOption } from '../src/wire/compose.ts'
import { parseQuery } from '../src/wire/message.ts'
import { Ede, Flag, Rcode } from '../src/wire/types.ts'
import type { ClientLimits } from './client-limits.ts'
import { countAnswer } from './count-answer.ts'
import type { LastQuestions } from './last-questions.ts'
import { isLoopback } from './local-clients.ts'
import type { ModuleCount, ServersAnswer, ServersOrder, Traced, WaitingFacts, WorkerOrder } from './messages.ts'

/** Who asked. `address` has 4 or 16 octets. */
export interface Client {
  overUdp: boolean
  address: Uint8Array
  port: number
  /** The address of ours that was asked; undefined where a socket listens on all of them. */
  destination?: Uint8Array
}

/** Called exactly once; the response is a view good during the call only, undefined when nothing is to be sent. `request`
 *  is what became of the question, if there was one. */
export type Respond = (response: Uint8Array | undefined, request?: Request) => void

/** The resolver, as far as a worker uses it. */
export interface Resolver {
  readonly inFlight: number
  /** Tells the time before a batch of answerAtOnce(), milliseconds of the wall clock. */
  tick?(wallMs: number): void
  /** Writes the answer to a plain query whose answer is ready into `out`, and gives its octets; 0: go the full way. */
  answerAtOnce?(
    packet: Uint8Array,
    out: Uint8Array,
    overUdp: boolean,
    address: Uint8Array,
    destination: Uint8Array | undefined,
  ): number
  /** Answers one packet. Keeps nothing of `packet` after the call; may respond during it. Never throws. */
  handle(packet: Uint8Array, client: Client, respond: Respond): void
  /** Calls `done` when no request is in flight any more, at the latest after `timeoutMs`. */
  drain(timeoutMs: number, done: () => void): void
  /** Goes by the trust anchors as they are in the files now. */
  readAnchors?(): void
  /** Whether this COOKIE option is one of ours (RFC 7873 §5.2.5). */
  isGoodCookie?(option: Uint8Array, address: Uint8Array, nowSeconds: number): boolean
  /** Names, each with its type, whose answers failed validation most often. */
  frequentBogus?(): Frequent[]
  /** Resolves a question of an operator, and tells how. */
  trace?(order: Extract<WorkerOrder, { kind: 'trace' }>): Promise<Traced>
  /** Which questions wait, and what for? Those that began first. */
  waitingQuestions?(limit: number): WaitingFacts[]
  /** What is remembered of other servers? */
  knownServers?(order: ServersOrder): ServersAnswer
  /** What clients ask most, for another worker (frequent-questions.ts). */
  frequentQuestions?(limit: number): Promise<Uint8Array>
  /** The modules that run. */
  readonly modules?: readonly RunningModule[]
  /** How UDP goes out to servers. */
  readonly udpBy?: string
  /** Adds what was counted here to `counters`, a copy. */
  report?(counters: Counters): void
  /** Puts down how things are, by Gauge. */
  measure?(gauges: Float64Array): void
  /** What modules have counted. */
  moduleCounts?(): ModuleCount[]
  close(): void | Promise<void>
}

export interface ServiceOptions {
  resolver: Resolver
  clock: Clock
  counters: Counters
  limits: ClientLimits
  /** Who may ask; the others get REFUSED. */
  allows(address: Uint8Array): boolean
  /** Octets we tell clients to send at most over UDP (RFC 6891 §6.2.3). */
  udpSize: number
  /** A client that waited longer than this over UDP has asked again already; the late answer would only serve an attacker
   *  who lets answers pile up. The question itself goes on and fills the cache. */
  discardMs?: number
  /** Who asks too much over UDP. */
  limiter?: RateLimiter
  /** What keeps account of what is asked most. */
  stats?: Stats
  /** Where questions are noted before they are looked at. */
  lastQuestions?: LastQuestions
}

const HEADER_OCTETS = 12
/** The index of ready answers keeps none longer than 4096 octets, without OPT. */
const READY_ROOM = 4608
const OPCODE_BITS = 0x7800
const RCODE_BITS = 0x0f
const DISCARD_MS = 1900

export class Service {
  readonly #options: ServiceOptions
  readonly #scratch = new Uint8Array(1232)
  readonly #ready = new Uint8Array(READY_ROOM)
  readonly #readyShapes = new AnswerShapes()
  readonly #otherShapes = new AnswerShapes()
  readonly #sizes = new MessageSizes()
  readonly #querySizes = new MessageSizes()
  /** Begins as no number, so that V8 keeps the number there is as an object, made once per batch: from a field that has only
   *  ever held doubles it would make a new one for each call that it is handed to. */
  #nowMs: number | undefined
  /** Queries over UDP that wait for an answer. */
  #waiting = 0
  #isOver = false

  constructor(options: ServiceOptions) {
    this.#options = options
  }

  /** To be called before a batch of answerAtOnce(). */
  tick(): void {
    const { resolver, clock } = this.#options
    const nowMs = clock.wallMs()
    this.#nowMs = nowMs
    resolver.tick?.(nowMs)
  }

  /** HOT: first of all for each packet over UDP: whether it may be looked at. ADMITTED, or the octets of what is answered to one
   *  over its limit, 0 for nothing. Allocates nothing for those within. */
  judge(packet: Uint8Array, address: Uint8Array, destination: Uint8Array | undefined, out: Uint8Array): number {
    const { limiter, stats } = this.#options
    this.#querySizes.count(true, packet.length)
    if (limiter === undefined && stats === undefined) return ADMITTED
    if (packet.length < HEADER_OCTETS || (packet[2] & (Flag.QR >> 8)) !== 0) return ADMITTED
    if (stats !== undefined) stats.note(packet, address, this.#nowMs!)
    return limiter === undefined ? ADMITTED : limiter.judge(packet, address, destination, this.#nowMs!, out)
  }

  /** HOT: writes the answer to a query over UDP, if it is ready, into `out`, and gives its octets; 0: serve() it.
   *  Allocates nothing; the addresses are not kept. */
  answerAtOnce(
    packet: Uint8Array,
    address: Uint8Array,
    port: number,
    out: Uint8Array,
    destination?: Uint8Array,
  ): number {
    const { resolver, lastQuestions } = this.#options
    if (resolver.answerAtOnce === undefined) return 0
    if (packet.length < HEADER_OCTETS || (packet[2] & (Flag.QR >> 8)) !== 0 || !this.#options.allows(address)) return 0
    const slot = lastQuestions === undefined ? 0 : lastQuestions.begin(packet, address, port, this.#nowMs!)
    const octets = resolver.answerAtOnce(packet, out, true, address, destination)
    if (lastQuestions !== undefined) lastQuestions.done(slot)
    if (octets > 0) {
      this.#countReady(packet, out, octets)
      this.#sizes.count(true, octets)
    }
    return octets
  }

  /** Answers one packet through `respond`, called exactly once. Never throws, whatever the packet. Over UDP
   *  answerAtOnce() comes first, and has no answer. */
  serve(packet: Uint8Array, client: Client, respond: Respond): void {
    const { lastQuestions, clock } = this.#options
    if (!client.overUdp) this.#querySizes.count(false, packet.length)
    if (lastQuestions === undefined) {
      this.#serve(packet, client, respond)
      return
    }
    const slot = lastQuestions.begin(packet, client.address, client.port, clock.wallMs())
    this.#serve(packet, client, respond)
    lastQuestions.done(slot)
  }

  #serve(packet: Uint8Array, client: Client, respond: Respond): void {
    const { counters, limits } = this.#options
    if (packet.length < HEADER_OCTETS) {
      counters.add(Counter.DROPPED_MALFORMED)
      respond(undefined)
    } else if ((packet[2] & (Flag.QR >> 8)) !== 0) {
      counters.add(Counter.DROPPED_RESPONSE) // two servers that answer answers would talk to each other for ever
      respond(undefined)
    } else if (!this.#options.allows(client.address)) {
      counters.add(Counter.REFUSED_CLIENT)
      respond(this.#refuse(packet, client, Rcode.REFUSED, Ede.PROHIBITED, 'not a local client'))
    } else if (!isLoopback(client.address) && limits.isFull(client, packet)) {
      counters.add(Counter.REFUSED_WAITING)
      respond(this.#refuse(packet, client, Rcode.SERVFAIL, Ede.OTHER, 'too many of your queries are waiting'))
    } else {
      this.#resolve(packet, client, respond)
    }
  }

  #resolve(packet: Uint8Array, client: Client, respond: Respond): void {
    const { resolver, counters, limits, clock, stats } = this.#options
    if (!client.overUdp) {
      stats?.note(packet, client.address, clock.wallMs())
      resolver.tick?.(clock.wallMs())
      const ready = resolver.answerAtOnce?.(packet, this.#ready, false, client.address, client.destination) ?? 0
      if (ready > 0) {
        this.#countReady(packet, this.#ready, ready)
        this.#sizes.count(false, ready)
        respond(this.#ready.subarray(0, ready))
        return
      }
    }
    const limited = !isLoopback(client.address) // nobody from outside can pretend to be our own machine
    let state: 'asking' | 'answered' | 'waiting' = 'asking'
    const startMs = clock.monotonicMs()
    let askedMs = 0
    resolver.handle(packet, client, (response, request) => {
      if (this.#isOver && client.overUdp) return
      if (response !== undefined) {
        const tookMs = clock.monotonicMs() - startMs
        countAnswer(counters, this.#otherShapes, response, request, tookMs)
        this.#sizes.count(client.overUdp, response.length)
      }
      if (response === undefined) counters.add(Counter.NO_ANSWER)
      else if ((response[3] & RCODE_BITS) === Rcode.SERVFAIL) {
        counters.add(Counter.SERVFAIL)
        stats?.noteFailure(response, clock.wallMs())
      }
      if (state === 'waiting') this.#answerLate(client, limited, askedMs, response, respond)
      else respond(response)
      state = 'answered'
    })
    if (state !== 'asking') return
    state = 'waiting'
    if (client.overUdp) this.#waiting++
    askedMs = clock.monotonicMs()
    if (limited) limits.enter(client.address)
  }

  #countReady(packet: Uint8Array, answer: Uint8Array, octets: number): void {
    const hasEdns = packet[11] // ready answers are for queries with one additional record at most; theirs stands last
    this.#readyShapes.count(answer, hasEdns, hasEdns & (answer[octets - 4] >> 7))
    this.#options.counters.add(Counter.ANSWERED_AT_ONCE)
  }

  /** Adds to `counters`, a copy of those that everybody counts in, what is kept here in another form. */
  addTo(counters: Counters): void {
    this.#readyShapes.addTo(counters, 'answer-index')
    this.#otherShapes.addTo(counters)
    this.#sizes.addTo(counters, Histograms.SIZES)
    this.#querySizes.addTo(counters, Histograms.REQUEST_SIZES)
    observeNoTime(counters.values, histogramAt(Histograms.REQUESTS, 0), counters.get(Counter.ANSWERED_AT_ONCE))
  }

  /** The sockets are about to close: over UDP, who still waits gets no answer from here. */
  end(): void {
    this.#isOver = true
    this.#options.counters.add(Counter.DROPPED_SHUTDOWN, this.#waiting)
  }

  #refuse(packet: Uint8Array, { overUdp }: Client, rcode: Rcode, ede: Ede, text: string): Uint8Array | undefined {
    const refusal = this.#refusal(packet, rcode, ede, text)
    if (refusal === undefined) return undefined
    countAnswer(this.#options.counters, this.#otherShapes, refusal, undefined, 0)
    this.#sizes.count(overUdp, refusal.length)
    return refusal
  }

  #answerLate(
    client: Client,
    limited: boolean,
    askedMs: number,
    response: Uint8Array | undefined,
    respond: Respond,
  ): void {
    const { counters, limits, clock, discardMs = DISCARD_MS } = this.#options
    if (!limited) {
      if (client.overUdp) this.#waiting--
      respond(response)
      return
    }
    let answer = response
    if (answer !== undefined && client.overUdp && clock.monotonicMs() - askedMs > discardMs) {
      counters.add(Counter.DROPPED_TOO_OLD)
      answer = undefined
    }
    const when = limits.leave(client.address, () => {
      if (client.overUdp) this.#waiting--
      respond(answer)
    })
    if (when === 'now') return
    counters.add(Counter.ANSWERS_PACED)
    answer &&= answer.slice() // the resolver reuses its buffer before the answer's turn comes
  }

  /** An answer that needs no resolver: the question comes back, with `rcode` and the reason (RFC 8914). A view into
   *  this object's buffer; undefined when the question is damaged. */
  #refusal(packet: Uint8Array, rcode: Rcode, ede: Ede, text: string): Uint8Array | undefined {
    try {
      const { id, flags, question, edns } = parseQuery(packet)
      const kept = flags & (OPCODE_BITS | Flag.RD | Flag.CD) // copied into the response, RFC 1035 §4.1.1, RFC 4035 §3.2.2
      const octets = composeMessage(
        this.#scratch,
        {
          id,
          flags: Flag.QR | Flag.RA | kept,
          rcode,
          question,
          edns: edns && { udpSize: this.#options.udpSize, do: edns.do, options: [edeOption(ede, text)] },
        },
        { limit: this.#scratch.length, dnssec: false, truncate: true },
      )
      return this.#scratch.subarray(0, octets)
    } catch {
      return undefined // somebody who is not served anyway
    }
  }
}
