/** The way to the servers, and how it went: each query is counted by what came of it, each reply by how long it took. */

import type { ServerAddress } from '../src/io/address.ts'
import type { Clock, Exchange, ExchangeFailure, ExchangeSink, Protocol, Transport } from '../src/io/interfaces.ts'
import { FAMILIES, Histograms, histogramAt, observe, RESULTS, Tables, TRANSPORTS } from '../src/metrics/tables.ts'

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
    const transport = TRANSPORTS.indexOf(protocol)
    const family = server.family === 6 ? 1 : 0
    const first = Tables.UPSTREAM.start + (transport * FAMILIES.length + family) * RESULTS.length
    const startMs = this.#clock.monotonicMs()
    let isOver = false
    const end = (result: number) => {
      if (isOver) return
      isOver = true
      this.inFlight--
      this.values[first + result]++
      if (result === REPLY)
        observe(this.values, histogramAt(Histograms.UPSTREAM, transport), this.#clock.monotonicMs() - startMs)
    }
    this.inFlight++
    const exchange = this.#inner.exchange(server, protocol, query, timeoutMs, {
      accept: (packet) => {
        const isReply = sink.accept(packet)
        if (isReply) end(REPLY)
        return isReply
      },
      failed: (reason: ExchangeFailure) => {
        end(RESULTS.indexOf(reason))
        sink.failed(reason)
      },
    })
    return {
      cancel: () => {
        end(CANCELLED)
        exchange.cancel()
      },
    }
  }
}
