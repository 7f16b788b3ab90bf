import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { addressOf, nameOf, SoakInternet } from '../soak/internet.ts'
import { freePort } from '../workers/sockets.ts'
import { bowline } from './command.ts'
import { Service } from './service.ts'

describe('bowline trace', () => {
  let folder: string
  let internet: SoakInternet
  let service: Service

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-trace-'))
    internet = await SoakInternet.open(await freePort())
    service = new Service({ port: await freePort(), workers: 2, real: true, settings: internet.settings(folder) })
    await service.says('started')
  })
  after(async () => {
    await service.clean()
    await internet.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const trace = (...words: string[]) => bowline('trace', ...words, '-s', service.socket)

  it('shows whom a worker asked, and the response', async () => {
    const { code, stdout } = await trace(nameOf(7))
    expect(code).to.equal(0)
    const [steps, response] = stdout.split('\n\n')
    expect(steps).to.match(/^;; by worker 1\n/)
    expect(steps.toLowerCase()).to.match(/;; ask +127\.0\.0\.1@\d+ udp h7\.soak\.net\. a/)
    expect(steps).to.match(/;; answer +NOERROR for h7\.soak\.net\. A$/)
    expect(response).to.contain('status: NOERROR')
    expect(stdout).to.contain(addressOf(7).join('.'))
  })

  it('--json gives the same as data, and what the cache has needs no server', async () => {
    const { stdout } = await trace(nameOf(7), '--json', '--worker', '2')
    const { worker, source, response, trace: steps } = JSON.parse(stdout)
    expect({ worker, source, status: response.status }).to.deep.equal({ worker: 2, source: 'cache', status: 'NOERROR' })
    expect(steps.map(({ kind }: { kind: string }) => kind)).to.not.include('query')
    expect(response.answer).to.have.length(1)
  })

  it('ends with 1 when the name cannot be resolved, with 2 when it is none', async () => {
    expect((await trace('a..b')).code).to.equal(2)
    expect((await trace(nameOf(1), 'NOSUCHTYPE')).code).to.equal(2)
    const absent = await trace('no.soak.net', '--worker', '9')
    expect(absent).to.include({ code: 1, stderr: 'there is no worker 9; there are 1, 2\n' })
    expect((await trace('no.soak.net')).code).to.equal(0) // NXDOMAIN is an answer
  })
})
