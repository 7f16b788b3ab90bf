/** A running service and what it tells: over workers that come, crash and hang, and over keepers and supervisors. */

import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { expect } from 'chai'
import { queryFor } from '../../workers/fake-resolver.ts'
import { eventually, freePort, pause, UdpClient } from '../../workers/sockets.ts'
import { bowline } from '../command.ts'
import { type Service, type ServiceOptions, Services } from '../service.ts'
import { expectNoStepBack, type Series, scrape, total } from './scrape.ts'

describe('the metrics endpoint of a running service', function () {
  this.timeout(60_000)
  const services = new Services()
  let port: number
  let metricsPort: number

  beforeEach(async () => {
    port = await freePort()
    metricsPort = await freePort()
  })

  function launch(options: Partial<ServiceOptions> = {}): Service {
    const monitoring = { interface: `127.0.0.1@${metricsPort}`, ...options.settings?.monitoring }
    return services.launch({ port, ...options, settings: { ...options.settings, monitoring } })
  }

  async function start(options: Partial<ServiceOptions> = {}): Promise<Service> {
    const service = launch(options)
    await service.says('started')
    return service
  }

  /** Each from a port of its own, so that all workers get some. */
  async function askMany(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const client = new UdpClient()
      await client.ask(queryFor('now.example'), port)
      client.close()
    }
  }

  async function operate(service: Service, ...words: string[]): Promise<void> {
    const { code, stderr, stdout } = await bowline(...words, '--json', '-s', service.socket)
    expect({ code, stderr }, stdout).to.deep.equal({ code: 0, stderr: '' })
  }

  const look = () => scrape(metricsPort)
  const asked = (series: Series) => total(series, 'bowline_queries_total')

  it('adds up what all workers have counted', async () => {
    await start({ workers: 3 })
    await askMany(30)
    const series = await look()
    expect(asked(series)).to.equal(30)
    expect(total(series, 'bowline_queries_total', 'transport="udp"', 'family="ipv4"')).to.equal(30)
    expect(total(series, 'bowline_worker_queries_total')).to.equal(30)
    expect(total(series, 'resolver_request_udp_total')).to.equal(30)
    expect(total(series, 'bowline_request_duration_seconds_count')).to.equal(30)
    expect(total(series, 'bowline_workers', 'state="running"')).to.equal(3)
    expect(total(series, 'bowline_worker_up')).to.equal(3)
    expect(total(series, 'bowline_worker_udp_info', 'listener="')).to.equal(3)
    expect(series.get('bowline_ready')).to.equal(1)
  })

  it('never goes back: not when workers leave, crash or are replaced, nor when the keeper or the supervisor is', async () => {
    const service = await start({
      workers: 2,
      real: true,
      settings: { 'local-data': { records: 'now.example. A 192.0.2.1' }, views: [{ subnets: '127.0.0.0/8' }] },
    })
    let before = await look()
    const steps: [what: string, act: () => Promise<unknown>][] = [
      ['more workers', () => operate(service, 'scale', '3')],
      ['fewer workers', () => operate(service, 'scale', '1')],
      ['new workers', () => operate(service, 'restart')],
      ['a worker killed', () => killAndWait(service, 'worker')],
      ['a keeper killed', () => killAndWait(service, 'keeper')],
      [
        'a new supervisor',
        async () => {
          await operate(service, 'upgrade')
          await service.says('left')
          await pause(300) // it tells its successor at the very end
        },
      ],
    ]
    let sent = 0
    for (const [what, act] of steps) {
      await askMany(20)
      sent += 20
      const between = await look()
      expectNoStepBack(before, between)
      expect(asked(between), `before ${what}`).to.equal(sent)
      await act()
      before = await look()
      expectNoStepBack(between, before)
      expect(asked(before), `after ${what}`).to.equal(sent)
      expect(total(before, 'bowline_queries_total', 'view="0"'), `after ${what}`).to.equal(sent)
      expect(total(before, 'bowline_rule_hits_total', 'action="data"'), `after ${what}`).to.equal(sent)
      expect(total(before, 'bowline_request_size_bytes_count'), `after ${what}`).to.equal(sent)
      expect(total(before, 'bowline_rules', 'list="local-data"'), `after ${what}`).to.equal(1)
    }
    expect(total(before, 'bowline_worker_restarts_total', 'cause="signal"')).to.equal(1)
    expect(total(before, 'bowline_worker_restarts_total', 'cause="replaced"')).to.equal(1)
    expect(total(before, 'bowline_keeper_restarts_total', 'cause="signal"')).to.equal(1)
    expect(total(before, 'bowline_upgrades_total')).to.equal(1)
    expect(total(before, 'bowline_module_answered_total', 'module="local-data"')).to.equal(sent)
  })

  it('refuses nobody while one supervisor takes the place of another', async () => {
    const service = await start({ workers: 1 })
    let isOver = false
    let scrapes = 0
    const asking = (async () => {
      for (; !isOver; scrapes++)
        await fetch(`http://127.0.0.1:${metricsPort}/healthz`, { headers: { connection: 'close' } })
    })()
    await operate(service, 'upgrade')
    await service.says('left')
    isOver = true
    await asking
    expect(scrapes).to.be.above(10)
  })

  it('tells the last known figures of a worker that hangs, soon, and that it hangs', async () => {
    const service = await start({ workers: 2 })
    await askMany(20)
    await look()
    const client = new UdpClient()
    client.send(queryFor('hang.example'), port)
    await pause(100)
    const series = await look()
    expect(service.lines.filter(({ event }) => event === 'child-hung')).to.deep.equal([]) // it has not waited for its end
    client.close()
    expect(asked(series)).to.be.at.least(20)
    expect(total(series, 'bowline_worker_up')).to.equal(1)
    expect(total(series, 'resolver_metrics_loaded')).to.equal(1)
  })

  it('says that it is ready when it is, and not when it stops', async () => {
    const service = await start()
    const readiness = () => fetch(`http://127.0.0.1:${metricsPort}/readyz`)
    const ready = await readiness()
    expect([ready.status, statusOf(await ready.json())]).to.deep.equal([200, 'ready'])
    const client = new UdpClient()
    client.send(queryFor('after2000.example'), port)
    await pause(100)
    service.process.kill('SIGTERM')
    await service.says('stopping')
    const stopping = await readiness()
    expect(stopping.status).to.equal(503)
    expect(await stopping.json()).to.include({ status: 'not ready', state: 'stopping' })
    const alive = await fetch(`http://127.0.0.1:${metricsPort}/healthz`)
    expect([alive.status, statusOf(await alive.json())]).to.deep.equal([200, 'alive'])
    client.close()
    await service.ends()
  })

  it('takes GET and HEAD, of a reasonable size, from few at a time', async () => {
    await start({ workers: 1 })
    const url = `http://127.0.0.1:${metricsPort}`
    const head = await fetch(`${url}/metrics`, { method: 'HEAD' })
    expect([head.status, await head.text()]).to.deep.equal([200, ''])
    expect((await fetch(`${url}/metrics`, { method: 'POST', body: 'x' })).status).to.equal(405)
    expect((await fetch(`${url}/elsewhere`)).status).to.equal(404)
    expect((await fetch(`${url}/metrics`, { headers: { 'x-long': 'x'.repeat(10_000) } })).status).to.equal(431)
    const idle = Array.from({ length: 40 }, () => connect(metricsPort, '127.0.0.1').on('error', () => {}))
    let closed = 0
    for (const socket of idle) socket.once('close', () => closed++)
    await eventually(() => closed >= 8, 'too many connections are closed')
    for (const socket of idle) socket.destroy()
  })

  it('does not keep the service from ending by being connected to', async () => {
    const service = await start({ workers: 1 })
    const silent = connect(metricsPort, '127.0.0.1').on('error', () => {})
    await new Promise((connected) => silent.once('connect', connected))
    service.process.kill('SIGTERM')
    expect(await service.ends(5000)).to.equal(0)
    silent.destroy()
  })

  it('moves and goes off while the service runs', async () => {
    const service = await start({ workers: 1, withFile: true })
    const other = await freePort()
    await operate(service, 'config', 'set', 'monitoring/interface', `"127.0.0.1@${other}"`)
    expect(total(await scrape(other), 'bowline_config_generation')).to.equal(2)
    expect(await refused(metricsPort)).to.equal(true)
    await operate(service, 'config', 'set', 'monitoring/metrics', '"manager-only"')
    const own = await scrape(other)
    expect(own.has('bowline_config_generation')).to.equal(true)
    expect([...own.keys()].filter((key) => /^resolver_|^bowline_queries/.test(key))).to.deep.equal([])
    await operate(service, 'config', 'set', 'monitoring/metrics', '"off"')
    expect(await refused(other)).to.equal(true)
  })

  describe('when another program has its port', () => {
    let other: Server | undefined
    afterEach(() => void other?.close())

    async function occupy(port: number): Promise<void> {
      other = createServer()
      await new Promise<void>((resolve) => {
        other?.once('error', () => resolve()) // somebody has it already, which is as good
        other?.listen(port, '127.0.0.1', resolve)
      })
    }

    it('does not start when an operator named it, and says why', async () => {
      await occupy(metricsPort)
      const service = launch()
      expect(await service.ends()).to.equal(1)
      expect(service.lines.find(({ event }) => event === 'start-failed')).to.include({
        code: 'monitoring',
        msg: `monitoring/interface: metrics cannot be told at 127.0.0.1@${metricsPort}: is in use by another program; name another address or port`,
      })
    })

    it('starts with a warning when it is the default', async () => {
      await occupy(9153)
      const settings = { monitoring: { metrics: 'lazy' as const } }
      const service = await services.start({ port, workers: 1, settings })
      expect(service.lines.find(({ event }) => event === 'no-metrics')?.level).to.equal('warning')
    })
  })
})

/** Kills the process that was ready last, and waits for the next. */
async function killAndWait(service: Service, name: string): Promise<void> {
  const pids = service.pidsOf(name)
  process.kill(pids.at(-1)!, 'SIGKILL')
  await eventually(() => service.pidsOf(name).length > pids.length, `the next ${name}`)
}

function statusOf(body: unknown): string {
  return (body as { status: string }).status
}

function refused(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/healthz`).then(
    () => false,
    () => true,
  )
}
