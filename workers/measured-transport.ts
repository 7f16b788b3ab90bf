/** The way to the servers, and how it went: each query is counted by what came of it, each reply by how long it took. */

import type { ServerAddress } from '../src/io/address.ts'
import type { Clock, Exchange, ExchangeFailure, ExchangeSink, Protocol, Transport } from '../src/io/interfaces.ts'
import {
  FAMILIES,
  Histograms,
  histogramAt,
  observe,
  RESULTS,
  Tables,
  UPSTREAM_TRANSPORTS,
} from '../src/metrics/tables.ts'

const REPLY = RESULTS.indexOf('reply')
const CANCELLED = RESULTS.indexOf('cancelled')

export class MeasuredTransport implements Transport {
  readonly #inner: Transport
  readonly #clock: Clock
  /** Where to count: Counters.values. */
  readonly values: Float64Array
  /** Queries without an outcome yet. */
  inFlight = 0

  constructor(inner: Transport, clock: Clock, values: Float64Array) {
    this.#inner = inner
    this.#clock = clock
    this.values = values
  }

  exchange(
    server: ServerAddress,
    protocol: Protocol,
    query: Uint8Array,
    timeoutMs: number,
    sink: ExchangeSink,
  ): Exchange {
    const exchange = new MeasuredExchange(this, protocol, server.family, sink)
    this.inFlight++
    exchange.inner = this.#inner.exchange(server, protocol, query, timeoutMs, exchange)
    return exchange
  }

  nowMs(): number {
    return this.#clock.monotonicMs()
  }
}

/** Stands between an exchange and its sink. */
class MeasuredExchange implements Exchange, ExchangeSink {
  inner: Exchange | undefined = undefined
  readonly #owner: MeasuredTransport
  readonly #transport: number
  /** The first of the counters of this protocol and family. */
  readonly #first: number
  readonly #sink: ExchangeSink
  readonly #startMs: number
  #isOver = false

  constructor(owner: MeasuredTransport, protocol: Protocol, family: 4 | 6, sink: ExchangeSink) {
    this.#owner = owner
    this.#transport = UPSTREAM_TRANSPORTS.indexOf(protocol)
    const kind = this.#transport * FAMILIES.length + (family === 6 ? 1 : 0)
    this.#first = Tables.UPSTREAM.start + kind * RESULTS.length
    this.#sink = sink
    this.#startMs = owner.nowMs()
  }

  accept(packet: Uint8Array): boolean {
    const isReply = this.#sink.accept(packet)
    if (isReply) this.#end(REPLY)
    return isReply
  }

  failed(reason: ExchangeFailure): void {
    this.#end(RESULTS.indexOf(reason === 'untrusted' ? 'refused' : reason)) // by us; bowline_upstream_tls_… has more
    this.#sink.failed(reason)
  }

  cancel(): void {
    this.#end(CANCELLED)
    this.inner?.cancel()
  }

  #end(result: number): void {
    if (this.#isOver) return
    this.#isOver = true
    const owner = this.#owner
    owner.inFlight--
    owner.values[this.#first + result]++
    if (result === REPLY)
      observe(owner.values, histogramAt(Histograms.UPSTREAM, this.#transport), owner.nowMs() - this.#startMs)
  }
}
