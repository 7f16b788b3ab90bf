/** What a running service logs, and how an operator changes it. */

import { expect } from 'chai'
import { queryFor } from '../workers/fake-resolver.ts'
import { eventually, freePort, pause, UdpClient } from '../workers/sockets.ts'
import { bowline } from './command.ts'
import { type LogLine, Service } from './service.ts'

describe('the log of a running service', function () {
  this.timeout(60_000)
  let service: Service | undefined
  let port: number

  beforeEach(async () => {
    port = await freePort()
    service = new Service({
      port,
      workers: 2,
      real: true,
      settings: { logging: { level: 'notice' }, 'local-data': { records: 'now.example. A 192.0.2.1' } },
    })
    await service.says('started')
  })
  afterEach(async () => {
    await service?.clean()
    service = undefined
  })

  async function ask(): Promise<void> {
    const client = new UdpClient()
    await client.ask(queryFor('now.example'), port)
    client.close()
  }

  /** Changes what is logged, and lets the workers hear of it. */
  async function log(...words: string[]): Promise<void> {
    const { code, stderr } = await bowline('log', ...words, '-s', service!.socket)
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
    await pause(100)
  }

  const steps = () => (service as Service).lines.filter(({ event }) => event.startsWith('request-')) as Step[]

  it('shows the steps of requests while a group is asked for, in all workers', async () => {
    await ask()
    await log('notice', '--group', 'resolv')
    for (let i = 0; i < 40; i++) await ask()
    await eventually(() => steps().length >= 40, 'a line for each')
    expect(new Set(steps().map((line) => line.process))).to.deep.equal(new Set(['worker 1', 'worker 2']))
    expect(steps()[0]).to.include({ level: 'debug', group: 'resolv', event: 'request-answer', name: 'now.example.' })
    await log('notice')
    const before = steps().length
    await ask()
    await pause(200)
    expect(steps()).to.have.length(before)
  })

  it('says how UDP comes in and goes out', () => {
    const started = service?.lines.find(({ event }) => event === 'started') as LogLine & { udp: object }
    expect(started.udp).to.have.keys('listener', 'upstream')
    expect(started.msg).to.match(/^answering with 2 workers, UDP by (libc|dgram)/)
  })
})

interface Step extends LogLine {
  group: string
  name: string
}
