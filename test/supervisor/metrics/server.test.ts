import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { makeConfig } from '../../../src/config/load.ts'
import { systemClock } from '../../../src/io/clock.ts'
import { createLog } from '../../../src/io/log.ts'
import { MetricsServer } from '../../../supervisor/metrics/server.ts'
import { freePort, pause } from '../../workers/sockets.ts'

describe('MetricsServer', () => {
  it('tries the default port again that another program had', async () => {
    const port = await freePort()
    const other = createServer().listen({ host: '127.0.0.1', port, exclusive: true })
    await once(other, 'listening')
    const server = new MetricsServer({
      exporter: undefined as never,
      health: () => ({ isReady: true }) as never,
      clock: systemClock,
      log: createLog({ level: 'crit', process: 'test' }),
      defaults: { interface: `127.0.0.1@${port}`, retryMs: 10 },
    })
    await server.follow(makeConfig({}))
    expect(server.handed).to.equal(undefined)
    await new Promise((closed) => other.close(closed))
    while (server.handed === undefined) await pause(5)
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).to.equal(200)
    server.end()
  })
})
