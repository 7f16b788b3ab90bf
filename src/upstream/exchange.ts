/** One question to one server, from sending to what came of it. A reply counts only if it gives back all the chance the
 *  query carried (RFC 5452 §9.1); anything else is waited past, for a forger could have sent it. Requests that are about
 *  to ask the same question of the same zone at the same time share one query. */

import type { Clock, Exchange, ExchangeFailure, ExchangeSink, Random, Transport } from '../io/interfaces.ts'
import type { Arrival, Query } from '../request.ts'
import { WireError } from '../wire/error.ts'
import { parseReply } from '../wire/message.ts'
import { equalNames } from '../wire/name.ts'
import { type Filed, hashName, NameTable } from '../wire/name-table.ts'
import type { CookieVerdict, ServerCookies } from './cookies.ts'
import { composeUpstream, isReply, judgePacket, MAX_BAD_REPLIES, type SentQuery, type Verdict } from './query.ts'
import type { Servers } from './servers.ts'

export interface ExchangeCounters {
  upstreamUdp: number
  upstreamTcp: number
  upstreamTls: number
  /** Queries not sent because the same one was under way. */
  shared: number
  replies: number
  timeouts: number
  malformed: number
  /** Queries sent again because of a cookie. */
  again: number
  /** Replies by what was wrong with their cookie: another client's, none from a server that has shown them, BADCOOKIE, and the
   *  option refused. */
  cookies: Record<Exclude<CookieVerdict, 'fine'>, number>
  mismatch: Record<Exclude<Verdict, 'match'>, number>
}

export interface ExchangesOptions {
  transport: Transport
  clock: Clock
  random: Random
  servers: Servers
  /** EDNS buffer size to announce, octets. */
  udpSize: number
  /** What we show servers; undefined: nothing. */
  cookies?: ServerCookies | undefined
}

/** Hears once what came, and how many octets of it. */
export interface Listener {
  hear(arrival: Arrival, octets: number): void
}

/** Room for the longest query: header, name, question, OPT with some options. */
const QUERY_ROOM = 1024
const HEADER_OCTETS = 12
/** RFC 8467 §4.1: over TLS, queries are so long or a multiple of it, lest their length tell what they ask. */
const PADDED_QUERY_OCTETS = 128
/** How often a query is sent again, over the same protocol, because of its cookie. */
const MAX_AGAIN = 2

export class Exchanges {
  readonly counters: ExchangeCounters = {
    upstreamUdp: 0,
    upstreamTcp: 0,
    upstreamTls: 0,
    shared: 0,
    replies: 0,
    timeouts: 0,
    malformed: 0,
    again: 0,
    cookies: { forged: 0, missing: 0, renewed: 0, refused: 0 },
    mismatch: {
      'mismatch-id': 0,
      'mismatch-name': 0,
      'mismatch-case': 0,
      'mismatch-opcode': 0,
      'not-a-response': 0,
      malformed: 0,
    },
  }
  readonly #options: ExchangesOptions
  readonly #underWay = new NameTable<Flight>()
  readonly #buffer = new Uint8Array(QUERY_ROOM)

  constructor(options: ExchangesOptions) {
    this.#options = options
  }

  /** Asks, or joins those who ask the same; `listener` hears nothing before this returns. The query actually sent is that
   *  of who asked first. */
  ask(query: Query, timeoutMs: number, listener: Listener): { query: Query; exchange: Exchange } {
    const hash = hashName(query.qname, query.qtype)
    let flight = this.#underWay.first(hash)
    while (flight !== undefined && !flight.asks(query, hash)) flight = flight.nextFiled
    if (flight !== undefined) {
      this.counters.shared++
      flight.others.push(listener)
      const joined = flight
      return { query: flight.query, exchange: { cancel: () => joined.leave(listener) } }
    }
    const own = new Flight(this, query, hash, listener)
    this.#underWay.add(own)
    this.#send(own, timeoutMs)
    return own
  }

  #send(flight: Flight, timeoutMs: number): void {
    const { query } = flight
    const { transport, random, udpSize, clock, cookies } = this.#options
    if (query.protocol === 'udp') this.counters.upstreamUdp++
    else if (query.protocol === 'tcp') this.counters.upstreamTcp++
    else this.counters.upstreamTls++
    const { qname, qtype, recursionDesired, checkingDisabled, options } = query
    const encrypted = query.protocol === 'tls' // its server is known by better than a cookie
    flight.cookie = cookies !== undefined && query.edns && !encrypted ? cookies.optionFor(query.server) : undefined
    flight.timeoutMs = timeoutMs
    flight.sent = composeUpstream(this.#buffer, {
      qname,
      qtype,
      choice: query,
      random,
      recursionDesired,
      checkingDisabled,
      udpSize,
      options,
      cookie: flight.cookie,
      padTo: encrypted ? PADDED_QUERY_OCTETS : undefined,
    })
    flight.startMs = clock.monotonicMs()
    flight.way = transport.exchange(query.server, query.protocol, flight.sent.octets, timeoutMs, flight)
  }

  /** Whether `packet` ends the flight with a reply. */
  accept(flight: Flight, packet: Uint8Array): boolean {
    const { query, sent } = flight
    const verdict = judgePacket(sent as SentQuery, packet)
    if (isReply(verdict, query.protocol)) {
      // Over a connection nobody could have forged it: the server itself loses the case.
      if (verdict === 'mismatch-case') this.#options.servers.learn(query.server, { kind: 'case-broken' })
      const arrival = this.#read(packet, flight)
      const cookie =
        arrival?.kind === 'reply' && flight.cookie !== undefined ? this.#judgeCookie(flight, arrival) : 'fine'
      if (cookie !== 'fine') this.counters.cookies[cookie]++
      if ((cookie === 'renewed' || cookie === 'refused') && flight.again++ < MAX_AGAIN) {
        this.counters.again++
        this.#send(flight, flight.timeoutMs)
        return true
      }
      if (cookie === 'missing' || cookie === 'renewed') {
        this.#land(flight, { kind: 'silence', reason: 'unproven' }, 0) // it is asked over TCP, which will tell
        return true
      }
      if (arrival !== undefined && cookie !== 'forged') {
        this.#land(flight, arrival, packet.length)
        return true
      }
    } else if (verdict !== 'match') this.counters.mismatch[verdict]++
    if (verdict === 'mismatch-case' || ++flight.badReplies >= MAX_BAD_REPLIES) {
      // A near miss: a forger, or a server that loses the case. TCP will tell, and it is asked for at once.
      flight.way?.cancel()
      this.#land(flight, { kind: 'silence', reason: verdict === 'mismatch-case' ? 'miscased' : 'spoofed' }, 0)
    }
    return false
  }

  fail(flight: Flight, reason: ExchangeFailure): void {
    if (reason === 'timeout') this.counters.timeouts++
    if (reason === 'timeout' && flight.cookie !== undefined && flight.query.protocol === 'udp')
      this.#options.cookies?.unanswered(flight.query.server)
    this.#land(flight, { kind: 'silence', reason }, 0)
  }

  /** Nobody waits for it any more. */
  abandon(flight: Flight): void {
    this.#underWay.remove(flight)
    flight.way?.cancel()
  }

  /** The reply; undefined when it cannot be read and, over UDP, may be forged, so that the wait goes on. */
  #read(packet: Uint8Array, { query, sent, startMs }: Flight): Arrival | undefined {
    // Names in the reply are compressed against the question: with the client's spelling put back there, our play with
    // upper and lower case does not reach the client.
    if (sent?.mixedCase && packet.length >= HEADER_OCTETS + query.qname.length && (packet[4] | packet[5]) !== 0)
      packet.set(query.qname, HEADER_OCTETS)
    try {
      const reply = parseReply(packet, query.qname)
      this.counters.replies++
      return { kind: 'reply', reply, rttMs: this.#options.clock.monotonicMs() - startMs }
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.counters.malformed++
      return query.protocol !== 'udp' ? { kind: 'silence', reason: 'malformed' } : undefined
    }
  }

  #judgeCookie({ query, cookie }: Flight, { reply }: Arrival & { kind: 'reply' }): CookieVerdict {
    const { cookies } = this.#options
    if (cookies === undefined || cookie === undefined) return 'fine'
    return cookies.judge(query.server, cookie, reply, query.protocol)
  }

  #land(flight: Flight, arrival: Arrival, octets: number): void {
    this.#underWay.remove(flight)
    flight.way = undefined // it has come to its end
    const { listener, others } = flight
    flight.listener = undefined
    listener?.hear(arrival, octets)
    // What comes of it may be that others no longer wait: they leave, and do not hear of it.
    for (let other = others.shift(); other !== undefined; other = others.shift()) other.hear(arrival, octets)
  }
}

/** A query on its way and those who wait for its reply: to the transport its sink, to who asked first the exchange. */
class Flight implements Filed, ExchangeSink, Exchange {
  readonly query: Query
  readonly hash: number
  nextFiled: this | undefined = undefined
  /** Who asked first, and who joined; each may have left. */
  listener: Listener | undefined
  others: Listener[] = []
  sent: SentQuery | undefined = undefined
  way: Exchange | undefined = undefined
  startMs = 0
  timeoutMs = 0
  badReplies = 0
  /** The COOKIE option it was sent with, and how often it was sent again because of that. */
  cookie: Uint8Array | undefined = undefined
  again = 0
  readonly #exchanges: Exchanges

  constructor(exchanges: Exchanges, query: Query, hash: number, listener: Listener) {
    this.#exchanges = exchanges
    this.query = query
    this.hash = hash
    this.listener = listener
  }

  /** As Exchanges.ask() gives it to who asked first. */
  get exchange(): Exchange {
    return this
  }

  /** Whether the reply to this one will be that to `query`, too. */
  asks(query: Query, hash: number): boolean {
    const own = this.query
    return (
      this.hash === hash &&
      own.qtype === query.qtype &&
      own.protocol === query.protocol &&
      own.server.tls?.key === query.server.tls?.key && // what one is trusted with, another may not be
      own.edns === query.edns &&
      own.recursionDesired === query.recursionDesired &&
      own.checkingDisabled === query.checkingDisabled &&
      equalNames(own.qname, query.qname) &&
      equalNames(own.zoneCut, query.zoneCut)
    )
  }

  accept(packet: Uint8Array): boolean {
    return this.#exchanges.accept(this, packet)
  }

  failed(reason: ExchangeFailure): void {
    this.#exchanges.fail(this, reason)
  }

  cancel(): void {
    this.leave(this.listener)
  }

  leave(listener: Listener | undefined): void {
    if (listener === undefined) return
    if (listener === this.listener) this.listener = undefined
    else {
      const at = this.others.indexOf(listener)
      if (at < 0) return
      this.others.splice(at, 1)
    }
    if (this.listener === undefined && this.others.length === 0) this.#exchanges.abandon(this)
  }
}
