/** One question to one server, from sending to what came of it. A reply counts only if it gives back all the chance the
 *  query carried (RFC 5452 §9.1); anything else is waited past, for a forger could have sent it. Requests that are about
 *  to ask the same question of the same zone at the same time share one query. */

import type { Clock, Exchange, ExchangeFailure, Random, Transport } from '../io/interfaces.ts'
import type { Arrival, Query } from '../request.ts'
import { WireError } from '../wire/error.ts'
import { parseReply } from '../wire/message.ts'
import { nameKey } from '../wire/name.ts'
import { composeUpstream, isReply, judgePacket, MAX_BAD_REPLIES, type SentQuery, type Verdict } from './query.ts'
import type { Servers } from './servers.ts'

export interface ExchangeCounters {
  upstreamUdp: number
  upstreamTcp: number
  /** Queries not sent because the same one was under way. */
  shared: number
  replies: number
  timeouts: number
  malformed: number
  mismatch: Record<Exclude<Verdict, 'match'>, number>
}

export interface ExchangesOptions {
  transport: Transport
  clock: Clock
  random: Random
  servers: Servers
  /** EDNS buffer size to announce, octets. */
  udpSize: number
}

/** Called once with what came, and how many octets of it. */
export type Deliver = (arrival: Arrival, octets: number) => void

/** Room for the longest query: header, name, question, OPT with some options. */
const QUERY_ROOM = 1024
const HEADER_OCTETS = 12

export class Exchanges {
  readonly counters: ExchangeCounters = {
    upstreamUdp: 0,
    upstreamTcp: 0,
    shared: 0,
    replies: 0,
    timeouts: 0,
    malformed: 0,
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
  readonly #underWay = new Map<string, Flight>()
  readonly #buffer = new Uint8Array(QUERY_ROOM)

  constructor(options: ExchangesOptions) {
    this.#options = options
  }

  /** Asks, or joins those who ask the same; `deliver` is never called before this returns. The query actually sent is
   *  in the result: that of who asked first. */
  ask(query: Query, timeoutMs: number, deliver: Deliver): { query: Query; exchange: Exchange } {
    const flags = `${query.recursionDesired ? 'rd' : ''}${query.checkingDisabled ? 'cd' : ''}`
    const key = `${query.qtype}/${query.protocol}/${query.edns}/${flags}/${nameKey(query.zoneCut)}/${nameKey(query.qname)}`
    let flight = this.#underWay.get(key)
    if (flight === undefined) {
      flight = new Flight(query, key)
      this.#underWay.set(key, flight)
      this.#send(flight, timeoutMs)
    } else this.counters.shared++
    const listening = flight
    listening.listeners.add(deliver)
    return { query: flight.query, exchange: { cancel: () => this.#leave(listening, deliver) } }
  }

  #send(flight: Flight, timeoutMs: number): void {
    const { query } = flight
    const { transport, random, udpSize, servers } = this.#options
    if (query.protocol === 'udp') this.counters.upstreamUdp++
    else this.counters.upstreamTcp++
    const sent = composeUpstream(this.#buffer, { ...query, choice: query, random, udpSize })
    const startMs = this.#options.clock.monotonicMs()
    let badReplies = 0
    flight.exchange = transport.exchange(query.server, query.protocol, sent.octets, timeoutMs, {
      accept: (packet) => {
        const verdict = judgePacket(sent, packet)
        if (isReply(verdict, query.protocol)) {
          // Over TCP nobody could have forged it: the server itself loses the case.
          if (verdict === 'mismatch-case') servers.learn(query.server, { kind: 'case-broken' })
          const arrival = this.#read(packet, sent, query, startMs)
          if (arrival !== undefined) {
            this.#land(flight, arrival, packet.length)
            return true
          }
        } else if (verdict !== 'match') this.counters.mismatch[verdict]++
        if (verdict === 'mismatch-case' || ++badReplies >= MAX_BAD_REPLIES) {
          // A near miss: a forger, or a server that loses the case. TCP will tell, and it is asked for at once.
          flight.exchange?.cancel()
          this.#land(flight, { kind: 'silence', reason: verdict === 'mismatch-case' ? 'miscased' : 'spoofed' }, 0)
        }
        return false
      },
      failed: (reason: ExchangeFailure) => {
        if (reason === 'timeout') this.counters.timeouts++
        this.#land(flight, { kind: 'silence', reason }, 0)
      },
    })
  }

  /** The reply; undefined when it cannot be read and, over UDP, may be forged, so that the wait goes on. */
  #read(packet: Uint8Array, sent: SentQuery, query: Query, startMs: number): Arrival | undefined {
    // Names in the reply are compressed against the question: with the client's spelling put back there, our play with
    // upper and lower case does not reach the client.
    if (sent.mixedCase && packet.length >= HEADER_OCTETS + query.qname.length && (packet[4] | packet[5]) !== 0)
      packet.set(query.qname, HEADER_OCTETS)
    try {
      const reply = parseReply(packet)
      this.counters.replies++
      return { kind: 'reply', reply, rttMs: this.#options.clock.monotonicMs() - startMs }
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.counters.malformed++
      return query.protocol === 'tcp' ? { kind: 'silence', reason: 'malformed' } : undefined
    }
  }

  #land(flight: Flight, arrival: Arrival, octets: number): void {
    if (this.#underWay.get(flight.key) === flight) this.#underWay.delete(flight.key)
    const listeners = [...flight.listeners]
    flight.listeners.clear()
    for (const deliver of listeners) deliver(arrival, octets)
  }

  #leave(flight: Flight, deliver: Deliver): void {
    if (!flight.listeners.delete(deliver) || flight.listeners.size > 0) return
    if (this.#underWay.get(flight.key) === flight) this.#underWay.delete(flight.key)
    flight.exchange?.cancel()
  }
}

/** A query on its way and those who wait for its reply. */
class Flight {
  readonly query: Query
  readonly key: string
  readonly listeners = new Set<Deliver>()
  exchange: Exchange | undefined

  constructor(query: Query, key: string) {
    this.query = query
    this.key = key
  }
}
