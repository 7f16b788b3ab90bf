import { expect } from 'chai'
import { systemClock } from '../../src/io/clock.ts'
import { createLog } from '../../src/io/log.ts'
import { Counters } from '../../src/metrics/counters.ts'
import { ClientLimits } from '../../workers/client-limits.ts'
import { Service } from '../../workers/serve.ts'
import { UdpListener } from '../../workers/udp-listener.ts'
import { Watchdog, type WatchdogOptions, type WatchedSocket } from '../../workers/watchdog.ts'
import { SeededRandom } from '../support/random.ts'
import { FakeResolver, queryFor } from './fake-resolver.ts'
import { freePort, UdpClient } from './sockets.ts'

const log = createLog({ level: 'crit', process: 'test' })

describe('Watchdog', () => {
  const open: { close(): void }[] = []
  const watchdogs: Watchdog[] = []
  let resolver: FakeResolver
  let reasons: string[]
  let recoveries: number

  beforeEach(() => {
    resolver = new FakeResolver()
    reasons = []
    recoveries = 0
  })
  afterEach(() => {
    for (const watchdog of watchdogs.splice(0)) watchdog.stop()
    for (const thing of open.splice(0)) thing.close()
  })

  /** One that looks when the test says so. */
  function watch(sockets: readonly WatchedSocket[], options: Partial<WatchdogOptions> = {}): Watchdog {
    const watchdog = new Watchdog({
      intervalMs: 3_600_000,
      failures: 2,
      sockets: () => sockets,
      resolver,
      clock: systemClock,
      random: new SeededRandom(),
      log,
      onFailing: (reason) => reasons.push(reason),
      onRecovered: () => recoveries++,
      ...options,
    })
    watchdogs.push(watchdog)
    return watchdog
  }

  async function listen(port: number): Promise<UdpListener> {
    const counters = new Counters()
    const limits = new ClientLimits(systemClock)
    const service = new Service({ resolver, clock: systemClock, counters, limits, allows: () => true, udpSize: 1232 })
    const listener = await UdpListener.open({ address: '127.0.0.1', port, setting: 'x' }, service, counters, 'dgram')
    open.push(listener)
    return listener
  }

  it('reaches its own socket among those of several workers', async () => {
    const port = await freePort()
    const listeners = [await listen(port), await listen(port), await listen(port)]
    const watchdog = watch([listeners[1]])
    await watchdog.look()
    expect(listeners[1].received).to.be.greaterThan(0)
    expect(watchdog.failures).to.equal(0)
  })

  it('does not ask where others have asked', async () => {
    const listener = await listen(await freePort())
    const watchdog = watch([listener])
    await watchdog.look()
    const client = new UdpClient()
    open.push(client)
    await client.ask(queryFor('now.example'), listener.point.port)
    const { received } = listener
    await watchdog.look()
    expect(listener.received).to.equal(received)
  })

  it('tells when nothing reaches a socket any more, after several looks', async () => {
    const socket = { point: { address: '127.0.0.1', port: await freePort() }, received: 1 } // nobody is there
    const watchdog = watch([socket])
    await watchdog.look()
    expect(watchdog.failures).to.equal(0)
    await watchdog.look()
    expect(reasons).to.deep.equal([])
    await watchdog.look()
    expect(reasons).to.deep.equal([`no query over UDP to 127.0.0.1@${socket.point.port} reaches this worker`])
    socket.received++
    await watchdog.look()
    expect(watchdog.failures).to.equal(0)
  })

  it('says nothing of a socket that nothing has ever reached', async () => {
    const watchdog = watch([{ point: { address: '127.0.0.1', port: await freePort() }, received: 0 }])
    for (let i = 0; i < 3; i++) await watchdog.look()
    expect(reasons).to.deep.equal([])
  })

  it('tells when the resolver gives no answer', async () => {
    const watchdog = watch([])
    await watchdog.look()
    resolver.isSick = true
    for (let i = 0; i < 4; i++) await watchdog.look()
    expect(reasons).to.have.length(2) // again, as long as nobody does anything about it
    expect(reasons[0]).to.include('no answer for localhost. A')
    expect(recoveries).to.equal(0)
  })

  it('tells when it is well again after that, once', async () => {
    const watchdog = watch([])
    resolver.isSick = true
    await watchdog.look()
    resolver.isSick = false
    await watchdog.look()
    expect({ failing: reasons.length, recoveries }).to.deep.equal({ failing: 0, recoveries: 0 }) // one look is no failure
    resolver.isSick = true
    for (let i = 0; i < 3; i++) await watchdog.look()
    resolver.isSick = false
    for (let i = 0; i < 2; i++) await watchdog.look()
    expect({ failing: reasons.length, recoveries }).to.deep.equal({ failing: 1, recoveries: 1 })
  })
})
