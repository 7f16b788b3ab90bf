import { expect } from 'chai'
import type { WorkerFacts } from '../../supervisor/fleet.ts'
import { freePort, pause } from '../workers/sockets.ts'
import { bowline } from './command.ts'
import { isRunning, Service } from './service.ts'

describe('bowline workers', () => {
  let service: Service

  before(async () => {
    service = new Service({ port: await freePort(), workers: 3 })
    await service.says('started')
  })
  after(() => service.clean())

  const run = (...words: string[]) => bowline('workers', ...words, '-s', service.socket)

  async function list(): Promise<(WorkerFacts & { share: number })[]> {
    const { code, stdout } = await run('list', '--json')
    expect(code).to.equal(0)
    return JSON.parse(stdout).workers
  }

  it('list shows each, and its share of the queries', async () => {
    const workers = await list()
    expect(workers.map(({ id, state, share }) => [id, state, share])).to.deep.equal([
      [1, 'running', 0],
      [2, 'running', 0],
      [3, 'running', 0],
    ])
    const { stdout } = await run('list')
    const [titles, ...rows] = stdout.trimEnd().split('\n')
    expect(titles).to.match(/^worker +pid +state .* share/)
    expect(rows.map((row) => row.trim().split(/ +/)[1])).to.deep.equal(workers.map(({ pid }) => `${pid}`))
  })

  it('remove has the one named leave, and add fills its place', async () => {
    const [first, second] = await list()
    expect((await run('remove', '2')).stdout).to.equal('2 workers\n')
    expect((await list()).map(({ id }) => id)).to.deep.equal([1, 3])
    expect((await list())[0].pid).to.equal(first.pid)
    for (let tries = 0; tries < 100 && isRunning(second.pid!); tries++) await pause(50)
    expect(isRunning(second.pid!)).to.equal(false)
    expect((await run('add', '2')).stdout).to.equal('4 workers\n')
    expect((await list()).map(({ id, state }) => [id, state])).to.deep.equal([1, 2, 3, 4].map((id) => [id, 'running']))
    expect((await run('remove')).stdout).to.equal('3 workers\n')
    expect((await list()).map(({ id }) => id)).to.deep.equal([1, 2, 3])
  })

  it('restart replaces one', async () => {
    const before = await list()
    expect((await run('restart', '3')).code).to.equal(0)
    const same = (await list()).map(({ pid }, at) => pid === before[at].pid)
    expect(same).to.deep.equal([true, true, false])
  })

  it('refuses what is not there, what is no number, and to remove the last', async () => {
    const { code, stderr } = await run('remove', '9')
    expect({ code, stderr }).to.deep.equal({ code: 1, stderr: 'there is no worker 9; there are 1, 2, 3\n' })
    expect((await run('remove', 'all')).code).to.equal(2)
    await bowline('scale', '1', '-s', service.socket)
    const last = await run('remove', '1')
    expect(last).to.include({ code: 2, stderr: 'worker 1 is the last; stop the service instead\n' })
  })
})
