import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { ServerOfAll } from '../../supervisor/all-servers.ts'
import type { WaitingFacts } from '../../workers/messages.ts'
import { nameOf, SoakInternet } from '../soak/internet.ts'
import { freePort } from '../workers/sockets.ts'
import { bowline } from './command.ts'
import { Service } from './service.ts'

describe('bowline requests and bowline servers', () => {
  let folder: string
  let internet: SoakInternet
  let silent: Socket
  let service: Service

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-look-'))
    internet = await SoakInternet.open(await freePort())
    silent = createSocket('udp4').bind(0, '127.0.0.1')
    await once(silent, 'listening')
    const settings = {
      ...internet.settings(folder),
      forward: [{ subtree: 'silent.net', servers: [`127.0.0.1@${silent.address().port}`] }],
    }
    service = new Service({ port: await freePort(), workers: 2, real: true, settings })
    await service.says('started')
  })
  after(async () => {
    await service.clean()
    silent.close()
    await internet.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const run = (...words: string[]) => bowline(...words, '-s', service.socket)

  async function waiting(): Promise<(WaitingFacts & { worker: number })[]> {
    const { code, stdout } = await run('requests', '--json')
    expect(code).to.equal(0)
    return JSON.parse(stdout).waiting
  }

  async function servers(...words: string[]): Promise<{ zoneCut?: string; servers: ServerOfAll[] }> {
    return JSON.parse((await run('servers', ...words, '--json')).stdout)
  }

  it('show what waits for whom, and nothing once it is over', async () => {
    expect((await run('requests')).stdout).to.equal('nothing waits\n')
    const asked = run('trace', 'www.silent.net', 'AAAA', '--worker', '2')
    let [question] = await waiting()
    while (question === undefined) [question] = await waiting() // until mocha's patience ends
    const server = `127.0.0.1@${silent.address().port}`
    expect(question).to.include({
      worker: 2,
      name: 'www.silent.net.',
      type: 'AAAA',
      waitsFor: 'reply',
      joined: 0,
      server,
    })
    expect(question.queries).to.be.at.least(1)
    expect((await run('requests')).stdout).to.match(/^worker +age .*\n +2 +\d+ ms .*www\.silent\.net\. AAAA/)
    await asked
    expect(await waiting()).to.deep.equal([])
  })

  it('tell what is known of all servers, of one, and of those of a zone', async () => {
    await run('trace', nameOf(1))
    const all = await servers()
    const good = all.servers.find(({ timeouts }) => timeouts === 0) as ServerOfAll
    expect(good.srttMs).to.be.above(0)
    expect(good.workers).to.include(1)
    expect((await servers(good.address)).servers.map(({ address }) => address)).to.deep.equal([good.address])
    const ofZone = await servers(nameOf(1))
    expect(ofZone.zoneCut).to.equal('.')
    expect(ofZone.servers[0]).to.deep.include({ address: good.address, name: 'ns.soak.net.', srttMs: good.srttMs })
    const forwarder = await servers('x.silent.net')
    expect(forwarder.zoneCut).to.equal('silent.net.')
    expect(forwarder.servers[0].timeouts).to.be.above(0)
    const troubled = (await servers('--troubled')).servers
    expect(troubled.map(({ address }) => address)).to.deep.equal(forwarder.servers.map(({ address }) => address))
    expect((await run('servers')).stdout).to.match(/^ *rtt +time-outs +heard +server +findings\n/)
    expect((await run('servers', 'a..b')).code).to.equal(2)
  })
})
