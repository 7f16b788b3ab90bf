import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { answererOf, queryFor } from '../workers/fake-resolver.ts'
import { eventually, freePort, pause, TcpClient, UdpClient } from '../workers/sockets.ts'
import { isRunning, type ServiceOptions, Services } from './service.ts'

describe('runSupervisor', () => {
  const services = new Services()
  const clients: UdpClient[] = []
  let port: number

  beforeEach(async () => {
    port = await freePort()
  })
  afterEach(() => {
    for (const client of clients.splice(0)) client.close()
  })

  const start = (options: Partial<ServiceOptions> = {}) => services.launch({ port, ...options })

  function client(): UdpClient {
    const made = new UdpClient()
    clients.push(made)
    return made
  }

  /** Asks until it is answered, as a stub resolver would, and tells how often it had to. */
  async function askUntilAnswered(query: Buffer): Promise<{ answerer: number; tries: number }> {
    for (let tries = 1; ; tries++) {
      const asker = new UdpClient()
      try {
        const { message } = await asker.ask(query, port, '127.0.0.1', 300)
        return { answerer: answererOf(message), tries }
      } catch (error) {
        if (tries === 20) throw error
      } finally {
        asker.close()
      }
    }
  }

  it('answers from every worker, stops on SIGTERM with exit code 0 and leaves nothing behind', async () => {
    const service = start()
    await service.says('started')
    const workers = service.pidsOf('worker')
    expect(workers).to.have.length(2)
    const seen = new Set<number>()
    for (let i = 0; i < 200 && seen.size < 2; i++) seen.add((await askUntilAnswered(queryFor('now.example'))).answerer)
    expect([...seen].sort()).to.deep.equal(workers.sort())
    service.process.kill('SIGTERM')
    expect(await service.ends()).to.equal(0)
    expect([...service.pidsOf('')].filter(isRunning)).to.deep.equal([])
    expect(service.other).to.equal('')
  })

  it('finishes what is in flight when it is stopped, over UDP and TCP', async () => {
    const service = start()
    await service.says('started')
    const [udp, tcp] = [client(), await TcpClient.connect(port)]
    udp.send(queryFor('after700.example', 1), port)
    tcp.send(queryFor('after700.example', 2), queryFor('now.example', 3))
    await tcp.gather(1)
    service.process.kill('SIGINT')
    await service.says('stopping')
    await pause(150)
    expect(await TcpClient.connect(port).catch((error) => error.code)).to.equal('ECONNREFUSED')
    expect((await udp.next()).message.readUInt16BE(0)).to.equal(1)
    expect((await tcp.gather(2)).map((message) => message.readUInt16BE(0))).to.deep.equal([3, 2])
    await tcp.gone()
    tcp.close()
    expect(await service.ends()).to.equal(0)
  })

  it('does not mind when all its processes are told to stop, as service managers do', async () => {
    const service = start()
    await service.says('started')
    const asker = client()
    asker.send(queryFor('after500.example', 4), port)
    await pause(50)
    service.process.kill('SIGTERM')
    await service.says('stopping')
    for (const pid of service.pidsOf('')) process.kill(pid, 'SIGTERM')
    expect((await asker.next()).message.readUInt16BE(0)).to.equal(4)
    expect(await service.ends()).to.equal(0)
    expect(service.lines.filter((line) => line.event === 'child-ended')).to.deep.equal([])
  })

  it('goes on after SIGHUP, and says that this changes nothing', async () => {
    const service = start()
    await service.says('started')
    service.process.kill('SIGHUP')
    expect((await service.says('no-reload')).level).to.equal('warning')
    await askUntilAnswered(queryFor('now.example'))
  })

  it('waits for what is in flight no longer than the drain time', async () => {
    const service = start({ drainMs: 300 })
    await service.says('started')
    client().send(queryFor('never.example'), port)
    await pause(50)
    const startMs = performance.now()
    service.process.kill('SIGTERM')
    expect(await service.ends()).to.equal(0)
    expect(performance.now() - startMs).to.be.at.least(290)
  })

  it('stops at once at the second signal', async () => {
    const service = start({ drainMs: 60_000 })
    await service.says('started')
    client().send(queryFor('never.example'), port)
    await pause(50)
    service.process.kill('SIGTERM')
    await service.says('stopping')
    service.process.kill('SIGTERM')
    expect(await service.ends()).to.equal(1)
    expect([...service.pidsOf('')].filter(isRunning)).to.deep.equal([])
  })

  it('starts a killed worker again; the other answers meanwhile', async () => {
    const service = start()
    await service.says('started')
    const [victim] = service.pidsOf('worker')
    let worstTries = 0
    let asking = true
    const asker = (async () => {
      for (; asking; await pause(1))
        worstTries = Math.max(worstTries, (await askUntilAnswered(queryFor('now.example'))).tries)
    })()
    await pause(50)
    process.kill(victim, 'SIGKILL')
    const ended = await service.says('child-ended')
    expect(ended.childPid).to.equal(victim)
    expect(ended.level).to.equal('err')
    expect(ended.msg).to.match(/SIGKILL.*again in 10 ms/)
    await eventually(() => service.pidsOf('worker').length === 3, 'a new worker')
    asking = false
    await asker
    // a query the dead worker had taken is lost; asked again from another port, another worker has it
    expect(worstTries).to.be.at.most(3)
    const replacement = service.pidsOf('worker')[2]
    await eventually(() => isRunning(replacement), 'the new worker')
    const seen = new Set<number>()
    for (let i = 0; i < 200 && !seen.has(replacement); i++)
      seen.add((await askUntilAnswered(queryFor('now.example'))).answerer)
    expect(seen.has(replacement)).to.equal(true)
  })

  it('starts a killed keeper again; not one query is lost', async () => {
    const service = start()
    await service.says('started')
    const [keeper] = service.pidsOf('keeper')
    process.kill(keeper, 'SIGKILL')
    const asker = client()
    for (let id = 0; service.pidsOf('keeper').length < 2; id++) {
      const { message } = await asker.ask(queryFor('now.example', id & 0xffff), port)
      expect(message.readUInt16BE(0)).to.equal(id & 0xffff)
    }
    expect((await service.says('child-ended')).child).to.equal('keeper')
  })

  it('ends a worker with a fault of its own with the stack in the log, and starts it again', async () => {
    const service = start()
    await service.says('started')
    client().send(queryFor('crash.example'), port)
    const fatal = await service.says('fatal')
    expect(fatal.level).to.equal('crit')
    expect(fatal.process).to.match(/^worker \d$/)
    expect(JSON.stringify(fatal)).to.contain('a query that crashes us').and.contain('fake-resolver.ts')
    expect((await service.says('child-ended')).msg).to.contain('exit code 70')
    await eventually(() => service.pidsOf('worker').length === 3, 'a new worker')
  })

  it('leaves no process behind when it is killed itself, and the port is free at once', async () => {
    const service = start()
    await service.says('started')
    const pids = service.pidsOf('')
    expect(pids).to.have.length(3)
    service.process.kill('SIGKILL')
    await eventually(() => !pids.some(isRunning), 'the end of the children')
    const again = start({ rundir: service.rundir })
    await again.says('started')
    again.process.kill('SIGTERM')
    expect(await again.ends()).to.equal(0)
  })

  it('refuses to start a second time on the same rundir, and says who is there', async () => {
    const first = start()
    await first.says('started')
    const second = start({ port: await freePort(), rundir: first.rundir })
    expect(await second.ends()).to.equal(1)
    const [line] = second.lines
    expect(second.lines).to.have.length(1)
    expect(line.level).to.equal('crit')
    expect(line.msg).to.contain(`rundir: ${first.rundir} is in use`).and.contain(`process ${first.process.pid}`)
    await askUntilAnswered(queryFor('now.example'))
  })

  it('is not kept from starting by a pid file that a dead service has left', async () => {
    const first = start()
    await first.says('started')
    first.process.kill('SIGTERM')
    await first.ends()
    mkdirSync(first.rundir, { recursive: true })
    writeFileSync(join(first.rundir, 'supervisor.pid'), `${process.pid}\n`) // a process that lives, but holds no lock
    const second = start({ rundir: first.rundir })
    await second.says('started')
  })

  it('says which address it cannot have, and leaves nothing running', async () => {
    const holder = createSocket('udp4').bind(port, '127.0.0.1')
    await once(holder, 'listening')
    try {
      const service = start()
      expect(await service.ends()).to.equal(1)
      const line = await service.says('start-failed')
      expect(line.msg).to.contain('network/listen[0]').and.contain(`127.0.0.1@${port}`)
      expect(line.msg).to.contain('another program has this address')
      expect(service.lines.filter((one) => ['crit', 'err', 'warning'].includes(one.level))).to.have.length(1)
      expect(service.pidsOf('').filter(isRunning)).to.deep.equal([])
    } finally {
      holder.close()
    }
  })

  it('does not share its port with another service unnoticed', async () => {
    const first = start()
    await first.says('started')
    const second = start()
    expect(await second.ends()).to.equal(1)
    expect((await second.says('start-failed')).msg).to.contain('another program has this address')
  })

  it('says which address this machine does not have', async () => {
    const service = start({ interface: [`192.0.2.77@${port}`] })
    expect(await service.ends()).to.equal(1)
    expect((await service.says('start-failed')).msg).to.match(
      /192\.0\.2\.77.*no such address; choose one of 127\.0\.0\.1/,
    )
  })

  it('gives the reason of a keeper that cannot work', async () => {
    const service = start({ env: { FAKE_KEEPER: 'fails' } })
    expect(await service.ends()).to.equal(1)
    expect((await service.says('start-failed')).msg).to.equal('cache/storage: nowhere to put it')
  })

  it('says so when the rundir cannot be made', async () => {
    const service = start({ rundir: '/dev/null/nowhere' })
    expect(await service.ends()).to.equal(1)
    expect((await service.says('start-failed')).msg).to.contain('rundir: /dev/null/nowhere cannot be used')
  })
})
