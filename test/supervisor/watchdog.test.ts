import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { answererOf, queryFor } from '../workers/fake-resolver.ts'
import { eventually, freePort, UdpClient } from '../workers/sockets.ts'
import { isRunning, Service } from './service.ts'

describe('a worker that finds itself failing, and says so at every second look', () => {
  let service: Service
  let client: UdpClient
  let port: number
  beforeEach(async () => {
    port = await freePort()
    service = new Service({ port, workers: 1, settings: { watchdog: { interval: '100ms', failures: 2 } } })
    client = new UdpClient()
    await service.says('started')
  })
  afterEach(async () => {
    client.close()
    await service.clean()
  })

  const ask = async (name: string) => answererOf((await client.ask(queryFor(name), port)).message)
  const count = (event: string) => service.lines.filter((line) => line.event === event).length

  it('is replaced, once, and the log tells of it once', async () => {
    const failing = await ask('sick.example')
    await eventually(() => !isRunning(failing), 'the end of the failing one')
    const workers = service.pidsOf('worker')
    expect(workers).to.have.length(2)
    expect(await ask('now.example')).to.equal(workers[1])
    expect(count('child-failing')).to.equal(1)
    expect(service.lines.find(({ event }) => event === 'child-failing')).to.include({ childPid: failing })
    expect(count('child-not-replaced')).to.equal(0)
  })

  it('stays when no successor gets ready; that is tried again, and told of, until one does', async () => {
    const bad = join(service.rundir, 'fails-its-test')
    writeFileSync(bad, '')
    const failing = await ask('sick.example')
    await eventually(() => count('child-not-replaced') === 2, 'the second attempt')
    expect(await ask('now.example')).to.equal(failing)
    expect(service.pidsOf('worker')).to.deep.equal([failing])
    rmSync(bad)
    await eventually(() => !isRunning(failing), 'the end of the failing one')
    expect(await ask('now.example')).to.equal(service.pidsOf('worker')[1])
    expect(count('child-failing')).to.equal(1)
  })

  it('and then finds itself well again stays, and tells anew when it fails anew', async () => {
    const bad = join(service.rundir, 'fails-its-test')
    writeFileSync(bad, '')
    const failing = await ask('sick.example')
    await service.says('child-not-replaced')
    await ask('healed.example')
    await eventually(() => count('child-recovered') === 1, 'the recovery')
    expect(count('child-failing')).to.equal(1)
    await ask('sick.example')
    await eventually(() => count('child-failing') === 2, 'the second failure')
    expect(service.pidsOf('worker')).to.deep.equal([failing])
  })
})
