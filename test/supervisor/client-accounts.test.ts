/** What is kept account of for all workers together: what clients ask most, and how much they ask. */

import { expect } from 'chai'
import { loadLibc } from '../../src/io/libc.ts'
import { statsText } from '../../supervisor/commands/top.ts'
import { queryFor } from '../workers/fake-resolver.ts'
import { freePort, pause, TcpClient, UdpClient } from '../workers/sockets.ts'
import { bowline } from './command.ts'
import { type ServiceOptions, Services } from './service.ts'

describe('accounts of clients, of all workers', () => {
  const services = new Services()
  let port: number

  beforeEach(async () => {
    port = await freePort()
  })

  const start = (settings: ServiceOptions['settings']) => services.start({ port, workers: 2, settings })

  /** Asks from a port of its own: any worker may answer. Gives the message, undefined for silence. */
  async function ask(name: string, withinMs = 5000): Promise<Buffer | undefined> {
    const client = new UdpClient()
    try {
      return (await client.ask(queryFor(name), port, '127.0.0.1', withinMs)).message
    } catch {
      return undefined
    } finally {
      client.close()
    }
  }

  it('are told by bowline stats and bowline top', async () => {
    const service = await start({ stats: { enable: true } })
    for (let i = 0; i < 12; i++) {
      await ask(i % 3 === 0 ? 'seldom.now.example' : 'Often.now.example')
      await pause(2) // of several in one millisecond, some only are looked at
    }
    const tcp = await TcpClient.connect(port)
    tcp.send(queryFor('often.now.example', 5))
    await tcp.gather(1)
    tcp.close()
    const stats = JSON.parse((await bowline('stats', '--json', '-s', service.socket)).stdout)
    expect(stats.names.map(({ key }: { key: string }) => key)).to.deep.equal([
      'often.now.example. A',
      'seldom.now.example. A',
    ])
    expect(stats.clients).to.have.length(1)
    expect(stats.clients[0]).to.include({ key: '127.0.0.1', error: 0 })
    expect(stats).to.deep.include({ servfail: [], bogus: [] })
    const { stdout } = await bowline('top', 'names', '--limit', '1', '-s', service.socket)
    expect(stdout).to.match(/^\d+ {2}often\.now\.example\. A\n$/)
  })

  it('are not kept unless wanted, which is told', async () => {
    const service = await start({})
    const { code, stderr } = await bowline('top', 'clients', '-s', service.socket)
    expect(code).to.equal(1)
    expect(stderr).to.include('set stats/enable to true')
  })

  it('limit how much a client may ask all of them', async function () {
    if (typeof loadLibc() === 'string') this.skip()
    // a query is worth a hundred, so that time passing gives nobody another one
    const service = await start({
      views: [{ subnets: '127.0.0.0/8', options: { 'price-factor': 100 } }],
      'rate-limiting': { enable: true, 'rate-limit': 1, 'instant-limit': 500, slip: 1 },
    })
    const answers = []
    for (let i = 0; i < 12; i++) answers.push(await ask('now.example'))
    const truncated = answers.map((answer) => (answer![2] & 0x02) !== 0)
    expect(truncated).to.deep.equal([...new Array(5).fill(false), ...new Array(7).fill(true)])
    const tcp = await TcpClient.connect(port)
    tcp.send(queryFor('now.example', 5))
    expect((await tcp.gather(1))[0][2] & 0x02).to.equal(0)
    tcp.close()
    const { counters } = JSON.parse((await bowline('counters', '--json', '-s', service.socket)).stdout)
    const counted = counters.filter(({ name }: { name: string }) => name === 'bowline_rate_limited_total')
    const told = counted.find(({ labels }: { labels: { action: string } }) => labels.action === 'truncated')
    expect(told.value).to.equal(7)
  })
})

describe('bowline stats', () => {
  it('shows all tables, each under what it is about', () => {
    const entry = (key: string, error = 0) => ({ key, count: 9, error })
    const text = statsText({ names: [entry('a. A')], clients: [entry('192.0.2.1', 2)], servfail: [], bogus: [] })
    expect(text).to.equal(
      'asked for most often\n  9  a. A\n\nasking most\n  9  192.0.2.1  (up to 2 less)\n\n' +
        'answered with SERVFAIL most often\n  nothing\n\nfailing validation most often\n  nothing\n',
    )
  })
})
