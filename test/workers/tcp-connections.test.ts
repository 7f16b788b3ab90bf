import { expect } from 'chai'
import { Counter, Counters } from '../../src/metrics/counters.ts'
import { DEFAULT_TCP_LIMITS, type Held, TcpConnections } from '../../workers/tcp-connections.ts'
import { ManualClock } from '../support/clock.ts'

class FakeConnection implements Held {
  readonly source: string
  readonly unlimited = false
  isIdle = true
  closed = false
  constructor(source = '192.0.2.1') {
    this.source = source
  }
  leave(): void {}
  close(): void {
    this.closed = true
  }
}

describe('TcpConnections', () => {
  it('refuses a source its 65th connection, and takes it after one has gone', () => {
    const counters = new Counters()
    const book = new TcpConnections(new ManualClock(), counters)
    const first = new FakeConnection()
    expect(book.add(first)).to.equal(true)
    for (let i = 1; i < 64; i++) expect(book.add(new FakeConnection())).to.equal(true)
    expect(book.add(new FakeConnection())).to.equal(false)
    expect(book.add(new FakeConnection('192.0.2.2'))).to.equal(true)
    expect(counters.get(Counter.TCP_REFUSED_SOURCE)).to.equal(1)
    book.remove(first)
    book.remove(first)
    expect(book.add(new FakeConnection())).to.equal(true)
    expect(book.add(new FakeConnection())).to.equal(false)
  })

  it('closes what has been idle for the idle time, and only that (RFC 7766 §6.2.3)', () => {
    const clock = new ManualClock()
    const book = new TcpConnections(clock, new Counters())
    const [idle, used, busy] = [new FakeConnection(), new FakeConnection(), new FakeConnection()]
    for (const connection of [idle, used, busy]) book.add(connection)
    busy.isIdle = false
    clock.advance(8000)
    book.touch(used)
    clock.advance(3000)
    expect([idle.closed, used.closed, busy.closed]).to.deep.equal([true, false, false])
    clock.advance(8000)
    expect(used.closed).to.equal(true)
    expect(book.open).to.equal(1)
    busy.isIdle = true
    clock.advance(1000)
    expect(busy.closed).to.equal(true)
    expect(clock.pending).to.equal(0)
  })

  it('closes the oldest idle connection first when the memory is used up', () => {
    const book = new TcpConnections(new ManualClock(), new Counters(), { ...DEFAULT_TCP_LIMITS, budget: 100_000 })
    const [busy, older, newer] = [new FakeConnection(), new FakeConnection(), new FakeConnection()]
    for (const connection of [busy, older, newer]) book.add(connection)
    busy.isIdle = false
    book.hold(newer, 30_000)
    expect(older.closed).to.equal(false)
    book.hold(newer, 80_000)
    expect([busy.closed, older.closed, newer.closed]).to.deep.equal([false, true, false])
    book.hold(busy, 50_000)
    expect([busy.closed, newer.closed]).to.deep.equal([false, true])
    book.hold(busy, 200_000)
    expect(busy.closed).to.equal(true)
    expect(book.octets).to.equal(0)
  })

  it('counts an open connection as memory, so that there is a limit to their number', () => {
    const book = new TcpConnections(new ManualClock(), new Counters())
    for (let i = 0; i < 5000; i++) book.add(new FakeConnection(`198.18.${i >> 8}.${i & 255}`))
    expect(book.open).to.equal(2048)
    expect(book.octets).to.be.at.most(DEFAULT_TCP_LIMITS.budget)
  })
})
