import { expect } from 'chai'
import { ServerAddress } from '../../src/io/address.ts'
import type { ExchangeSink, Transport } from '../../src/io/interfaces.ts'
import { Counters } from '../../src/metrics/counters.ts'
import { Histograms, histogramAt, readHistogram, Tables } from '../../src/metrics/tables.ts'
import { MeasuredTransport } from '../../workers/measured-transport.ts'
import { ManualClock } from '../support/clock.ts'

describe('MeasuredTransport', () => {
  const server = new ServerAddress(Uint8Array.of(192, 0, 2, 1), 53)
  const packet = Uint8Array.of(1)
  let clock: ManualClock
  let measured: MeasuredTransport
  let sinks: ExchangeSink[]

  beforeEach(() => {
    clock = new ManualClock()
    sinks = []
    const inner: Transport = {
      exchange: (_server, _protocol, _query, _timeoutMs, sink) => {
        sinks.push(sink)
        return { cancel() {} }
      },
    }
    measured = new MeasuredTransport(inner, clock, new Counters().values)
  })

  const ask = (accepts = true) => measured.exchange(server, 'udp', packet, 1000, { accept: () => accepts, failed() {} })
  const count = (result: string) =>
    Array.from({ length: Tables.UPSTREAM.length }, (_, cell) => cell)
      .filter((cell) => Tables.UPSTREAM.labelsOf(cell).result === result)
      .reduce((sum, cell) => sum + measured.values[Tables.UPSTREAM.start + cell], 0)

  it('counts a reply, and how long it took', () => {
    ask()
    expect(measured.inFlight).to.equal(1)
    clock.advance(30)
    sinks[0].accept(packet)
    expect([measured.inFlight, count('reply')]).to.deep.equal([0, 1])
    expect(readHistogram(measured.values, histogramAt(Histograms.UPSTREAM, 0))).to.include({ count: 1, sum: 0.03 })
  })

  it('waits on for the reply when a packet was not it', () => {
    ask(false)
    sinks[0].accept(packet)
    expect([measured.inFlight, count('reply')]).to.deep.equal([1, 0])
    sinks[0].failed('timeout')
    expect([measured.inFlight, count('timeout')]).to.deep.equal([0, 1])
  })

  it('counts each query once, also when it is cancelled after its end', () => {
    const exchange = ask()
    sinks[0].accept(packet)
    exchange.cancel()
    ask().cancel()
    expect([measured.inFlight, count('reply'), count('cancelled')]).to.deep.equal([0, 1, 1])
  })
})
