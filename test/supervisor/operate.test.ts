/** A running service under the hands of its operator: workers come and go, settings change, it is replaced as a whole. */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Status } from '../../supervisor/manager.ts'
import { answererOf, queryFor } from '../workers/fake-resolver.ts'
import { eventually, freePort, pause, TcpClient, UdpClient } from '../workers/sockets.ts'
import { bowline } from './command.ts'
import { isRunning, type Service, type ServiceOptions, Services, settingsOf } from './service.ts'

describe('the running service', () => {
  const services = new Services()
  let port: number

  beforeEach(async () => {
    port = await freePort()
  })

  const start = (options: Partial<ServiceOptions> = {}) => services.start({ port, ...options })

  /** Runs a command for the service, which has to go well. */
  async function operate(service: Service, ...words: string[]) {
    const { code, stdout, stderr } = await bowline(...words, '--json', '-s', service.socket)
    expect({ code, stderr }, stdout).to.deep.equal({ code: 0, stderr: '' })
    return JSON.parse(stdout)
  }

  async function statusOf(service: Service): Promise<Status> {
    return JSON.parse((await bowline('status', '--json', '-s', service.socket)).stdout)
  }

  async function ask(name: string): Promise<number> {
    const client = new UdpClient()
    try {
      return answererOf((await client.ask(queryFor(name), port)).message)
    } finally {
      client.close()
    }
  }

  /** Who answers, of clients at many ports. */
  async function answerers(): Promise<number[]> {
    const seen = new Set<number>()
    for (let i = 0; i < 60; i++) seen.add(await ask('now.example'))
    return [...seen].sort()
  }

  it('scales up and down, and says so', async () => {
    const service = await start({ workers: 1 })
    expect(await operate(service, 'scale', '3')).to.deep.equal({ workers: 3 })
    const { workers, scaling } = await statusOf(service)
    expect(workers.map(({ id, state }) => [id, state])).to.deep.equal([1, 2, 3].map((id) => [id, 'running']))
    expect(scaling).to.include({ mode: 'fixed', workers: 3 })
    expect(await answerers()).to.deep.equal(workers.map(({ pid }) => pid).sort())
    await operate(service, 'scale', '+1')
    await operate(service, 'scale', '-2')
    expect((await statusOf(service)).workers).to.have.length(2)
    expect(service.lines.filter(({ event }) => event === 'scale').map(({ msg }) => msg)).to.deep.equal([
      'workers: 1 to 3: an operator asked for it',
      'workers: 3 to 4: an operator asked for it',
      'workers: 4 to 2: an operator asked for it',
    ])
  })

  it('takes queries with a new worker within a quarter of a second, its spare being ready', async () => {
    const service = await start({ workers: 1 })
    await pause(2500) // the spare is made once all is quiet
    const startMs = performance.now()
    const { stdout } = await bowline('scale', '2', '-s', service.socket)
    expect(stdout).to.equal('2 workers\n')
    const [scaled, ready] = [service.lines.find(({ event }) => event === 'scale'), service.lines.at(-1)]
    const between = Date.parse(ready!.time) - Date.parse(scaled!.time)
    // not a test of speed: without the spare, the process alone would take longer to load than both here
    expect(between).to.be.below((performance.now() - startMs) / 2)
  })

  it('answers what a leaving worker has, and hands its open connections over', async () => {
    const service = await start({ workers: 2 })
    const clients = await Promise.all(Array.from({ length: 16 }, () => TcpClient.connect(port)))
    for (const client of clients) client.send(queryFor('after600.example', 1), queryFor('now.example', 2))
    await Promise.all(clients.map((client) => client.gather(1)))
    await operate(service, 'scale', '1')
    await pause(800)
    for (const client of clients) client.send(queryFor('now.example', 3))
    const [{ pid }] = (await statusOf(service)).workers
    for (const client of clients) {
      const messages = await client.gather(3)
      expect(messages.map((message) => message.readUInt16BE(0))).to.deep.equal([2, 1, 3])
      expect(answererOf(messages[2])).to.equal(pid)
      client.close()
    }
  })

  it('hands a connection over in the middle of a message', async () => {
    const service = await start({ workers: 1 })
    const client = await TcpClient.connect(port)
    const query = queryFor('now.example', 9)
    const framed = Buffer.concat([Buffer.of(0, query.length), query])
    client.socket.write(framed.subarray(0, 7))
    await pause(100)
    const [{ pid }] = (await statusOf(service)).workers
    await operate(service, 'restart')
    client.socket.write(framed.subarray(7))
    const [answer] = await client.gather(1)
    expect(answer.readUInt16BE(0)).to.equal(9)
    expect(answererOf(answer)).to.not.equal(pid)
    client.close()
  })

  it('keeps what waits to be accepted when a worker is killed', async () => {
    const service = await start({ workers: 1 })
    const [victim] = service.pidsOf('worker')
    process.kill(victim, 'SIGSTOP') // so that the connection waits
    const client = await TcpClient.connect(port)
    client.send(queryFor('now.example', 5))
    process.kill(victim, 'SIGKILL')
    const [answer] = await client.gather(1)
    expect(answer.readUInt16BE(0)).to.equal(5)
    expect(answererOf(answer)).to.not.equal(victim)
    client.close()
  })

  it('replaces all workers, or the one named', async () => {
    const service = await start()
    const before = (await statusOf(service)).workers.map(({ pid }) => pid)
    await operate(service, 'restart', '--worker', '2')
    const between = (await statusOf(service)).workers.map(({ pid }) => pid)
    expect([between[0] === before[0], between[1] === before[1]]).to.deep.equal([true, false])
    await operate(service, 'restart')
    const after = (await statusOf(service)).workers.map(({ pid }) => pid)
    expect(after.filter((pid) => between.includes(pid))).to.deep.equal([])
    expect(await answerers()).to.deep.equal(after.sort())
    const wrong = await bowline('restart', '--worker', '7', '-s', service.socket)
    expect(wrong).to.include({ code: 1, stderr: 'there is no worker 7; there are 1, 2\n' })
  })

  it('follows its files, by command and by SIGHUP, and says what it takes', async () => {
    const service = await start({ withFile: true })
    const before = (await statusOf(service)).workers.map(({ pid }) => pid)
    const settings = settingsOf({ port, workers: 2 }, service.rundir)
    service.write({ ...settings, workers: 1, options: { minimize: false }, management: { group: 'root' } })
    const told = await operate(service, 'reload', '--dry-run')
    expect((await statusOf(service)).workers.map(({ pid }) => pid)).to.deep.equal(before) // nothing has happened
    const { changes, needsRestart, rolls } = await operate(service, 'reload')
    expect(told).to.deep.equal({ changes, needsRestart, rolls })
    expect(changes.map((change: { path: string; class: string }) => [change.path, change.class])).to.have.deep.members([
      ['workers', 'live'],
      ['management/group', 'restart'],
      ['options/minimize', 'roll'],
    ])
    expect(needsRestart).to.deep.equal(['management/group'])
    const { workers } = await statusOf(service)
    expect(workers).to.have.length(1)
    expect(before).to.not.include(workers[0].pid)
    service.write(settings)
    service.process.kill('SIGHUP')
    await service.says('reloaded')
    expect((await statusOf(service)).workers).to.have.length(2)
  })

  it('stays as it is when its files have a mistake, or the first worker with them does not get ready', async () => {
    const service = await start({ withFile: true })
    const before = (await statusOf(service)).workers.map(({ pid }) => pid)
    const settings = settingsOf({ port, workers: 2 }, service.rundir)
    service.write({ ...settings, workers: 0 })
    const wrong = await bowline('reload', '-s', service.socket)
    expect(wrong.code).to.equal(2)
    expect(wrong.stderr).to.match(/settings\.yaml:1:\d+: workers: found 0; allowed/)
    service.write({ ...settings, hostname: 'fails-its-test' })
    const failed = await bowline('reload', '-s', service.socket)
    expect(failed.code).to.equal(1)
    expect(failed.stderr).to.contain('does not pass its own test')
    expect((await statusOf(service)).workers.map(({ pid }) => pid)).to.deep.equal(before)
    expect(await operate(service, 'config', 'get', 'hostname')).to.equal('test')
    await answerers()
  })

  it('goes back when the first worker with new settings answers worse than the others', async () => {
    const service = await start({ withFile: true })
    service.write({ ...settingsOf({ port, workers: 2 }, service.rundir), hostname: 'answers-servfail' })
    let asking = true
    const load = (async () => {
      for (; asking; await pause(1)) await ask('now.example')
    })()
    const { code, stderr } = await bowline('reload', '-s', service.socket)
    asking = false
    await load
    expect(stderr).to.match(/answered 100 % with SERVFAIL, the others 0 %/)
    expect(code).to.equal(1)
    expect((await statusOf(service)).workers.map(({ state }) => state)).to.deep.equal(['running', 'running'])
    expect(await operate(service, 'config', 'get', 'hostname')).to.equal('test')
  })

  it('is replaced by a new supervisor, which goes on counting', async () => {
    const service = await start()
    const client = await TcpClient.connect(port)
    for (let i = 0; i < 20; i++) await ask('now.example')
    const slow = new UdpClient()
    slow.send(queryFor('after900.example', 4), port)
    await pause(50)
    const { pid } = await operate(service, 'upgrade')
    expect(pid).to.not.equal(service.process.pid)
    expect((await slow.next()).message.readUInt16BE(0)).to.equal(4)
    slow.close()
    client.send(queryFor('now.example', 6))
    const [answer] = await client.gather(1)
    const status = await statusOf(service)
    expect(status.pid).to.equal(pid)
    expect(status.workers.map((worker) => worker.pid)).to.include(answererOf(answer))
    client.close()
    await eventually(() => !isRunning(service.process.pid!), 'the end of the old one')
    await eventually(() => service.lines.some(({ event }) => event === 'left'), 'its last words')
    const { counters } = (await operate(service, 'counters')) as { counters: { name: string; value: number }[] }
    expect(counters.find(({ name }) => name === 'bowline_udp_answers_total')?.value).to.be.at.least(21)
    await operate(service, 'stop')
    await eventually(() => !isRunning(pid), 'the end of the new one')
    expect([...service.pidsOf('')].filter(isRunning)).to.deep.equal([])
  })

  it('goes on when its successor does not get ready', async () => {
    const service = await start({ withFile: true })
    service.write({ ...settingsOf({ port, workers: 2 }, service.rundir), workers: 0 })
    const { code, stderr } = await bowline('upgrade', '-s', service.socket)
    expect(code).to.equal(1)
    expect(stderr).to.contain('the present one goes on')
    expect((await statusOf(service)).pid).to.equal(service.process.pid)
    await answerers()
  })

  it('keeps under a new supervisor what was changed by command, and what waits for a restart', async () => {
    const service = await start({ workers: 1, withFile: true })
    await operate(service, 'config', 'set', 'hostname', 'by-command')
    await operate(service, 'config', 'set', 'user', 'nobody')
    await operate(service, 'scale', 'auto')
    const before = await statusOf(service)
    await operate(service, 'upgrade')
    const after = await statusOf(service)
    expect(after.pid).to.not.equal(before.pid)
    expect(after.scaling).to.deep.include({ mode: 'auto', min: before.scaling.min, max: before.scaling.max })
    expect(after.needsRestart).to.deep.equal(['user'])
    expect(await operate(service, 'config', 'get', 'hostname')).to.equal('by-command')
    const { changes } = await operate(service, 'reload', '--dry-run')
    expect(changes).to.deep.equal([{ path: 'hostname', from: 'by-command', to: 'test', class: 'roll' }])
  })

  it('goes on under a new supervisor that cannot take commands everywhere, and says so', async () => {
    const service = await start({ workers: 1, withFile: true })
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const access = join(service.rundir, 'access')
    writeFileSync(access, 'read cn:nobody\n')
    const management = { interface: `127.0.0.1@${(taken.address() as AddressInfo).port}`, 'access-file': access }
    service.write({ ...settingsOf({ port, workers: 1 }, service.rundir), management })
    await operate(service, 'reload')
    const { pid } = await operate(service, 'upgrade')
    taken.close()
    expect((await service.says('no-control')).msg).to.match(/^management\/interface: .*EADDRINUSE/)
    expect((await statusOf(service)).pid).to.equal(pid)
    await answerers()
  })

  it('names the question at which a worker died', async () => {
    const service = await start({ workers: 1 })
    await ask('now.before.example')
    const client = new UdpClient()
    client.send(queryFor('crash.poison.example'), port)
    const line = (await service.says('last-questions')) as unknown as { questions: { question: string }[] }
    expect(line.questions.map(({ question }) => question).slice(0, 2)).to.deep.equal([
      'crash.poison.example. A',
      'now.before.example. A',
    ])
    client.close()
    await eventually(() => service.pidsOf('worker').length === 2, 'a new worker')
    const [{ restarts, lastCrash }] = (await statusOf(service)).workers
    expect(restarts).to.equal(1)
    expect(lastCrash?.reason).to.equal('exit code 70')
    expect((await bowline('status', '-s', service.socket)).stdout).to.match(
      /worker 1 ended at \S+: exit code 70, after crash\.poison\.example\. A from 127\.0\.0\.1#\d+\n/,
    )
  })

  it('starts a worker that always ends later and later, and says so', async () => {
    const service = await start({ workers: 1, settings: { hostname: 'cannot-live' } })
    const loop = (await service.says('crash-loop')) as unknown as { child: string; delayMs: number; level: string }
    expect(loop).to.include({ level: 'crit', child: 'worker 1', delayMs: 200 })
    await eventually(() => service.lines.filter(({ event }) => event === 'crash-loop').length >= 2, 'the next end')
    const ends = service.lines.filter(({ event }) => event === 'child-ended') as unknown as { delayMs: number }[]
    expect(ends.slice(0, 5).map(({ delayMs }) => delayMs)).to.deep.equal([10, 10, 10, 200, 400])
    const { stdout } = await bowline('status', '-s', service.socket)
    expect(stdout).to.match(/worker 1 ends again and again; next start in \d+ s\n/)
    const [{ isLooping }] = (await statusOf(service)).workers
    expect(isLooping).to.equal(true)
  })

  it('says where a worker is stuck before it is killed', async function () {
    this.timeout(40_000)
    const service = await start({ workers: 2 })
    const client = new UdpClient()
    client.send(queryFor('hang.example'), port)
    const stuck = (await service.says('child-stuck-in', 20_000)) as unknown as { stack: string[]; profilePath: string }
    expect(stuck.stack[0]).to.match(/^handle \(workers\/fake-resolver\.ts:\d+\)$/)
    expect(stuck.profilePath).to.match(/\.cpuprofile$/)
    await service.says('child-ended')
    const line = (await service.says('last-questions')) as unknown as {
      questions: { question: string; unfinished: boolean }[]
    }
    expect(line.questions[0]).to.include({ question: 'hang.example. A', unfinished: true })
    client.close()
  })

  it('says what a reload did beside changing settings', async () => {
    const service = await start({ workers: 1, withFile: true })
    const reload = async (...words: string[]) => (await bowline('reload', ...words, '-s', service.socket)).stdout
    expect(await reload()).to.equal('no setting differs\n')
    expect(await reload('--force', '--dry-run')).to.equal(
      'no setting differs\nall workers would be replaced, one by one\n',
    )
    expect(await reload('--force')).to.equal('no setting differs\nall workers were replaced, one by one\n')
    service.write({ ...settingsOf({ port, workers: 1 }, service.rundir), user: 'nobody' })
    expect(await reload()).to.equal(
      'user: not set → "nobody" (restart)\nnot followed before the service is restarted: user\n',
    )
    expect((await bowline('status', '-s', service.socket)).stdout).to.contain(
      'a restart of the service is needed for user\n',
    )
  })

  it('shows what is logged, and gives the tag that a careful change needs', async () => {
    const service = await start({ workers: 1, withFile: true })
    await operate(service, 'log', 'info', '--group', 'select')
    expect((await bowline('log', '-s', service.socket)).stdout).to.equal('logging info, and everything of select\n')
    const wrong = await bowline('log', '--group', 'select', '-s', service.socket)
    expect(wrong).to.deep.equal({
      code: 2,
      stdout: '',
      stderr: 'name a level with the groups, as in bowline log notice --group select\n',
    })
    const { etag } = await operate(service, 'config', 'get', 'nsid', '--etag')
    await operate(service, 'config', 'set', 'nsid', 'one', '--if-match', etag)
    const late = await bowline('config', 'set', 'nsid', 'two', '--if-match', etag, '-s', service.socket)
    expect(late.code).to.equal(1)
    expect(late.stderr).to.contain('read it again')
  })

  it('waits for a service that is on its way, and says so when it does not come', async () => {
    const service = services.launch({ port, workers: 1 })
    await eventually(() => existsSync(join(service.rundir, 'supervisor.pid')), 'its lock')
    expect((await bowline('status', '-s', service.socket)).code).to.equal(0)
    const lonely = join(service.rundir, 'lonely')
    mkdirSync(lonely)
    writeFileSync(join(lonely, 'supervisor.pid'), `${process.pid}\n`)
    const { code, stderr } = await bowline('status', '-s', join(lonely, 'control.sock'))
    expect(code).to.equal(3)
    expect(stderr).to.match(new RegExp(`^the service \\(process ${process.pid}\\) takes no commands at .* yet`))
  })

  it('says so when it has not answered for a while', async () => {
    const service = await start({ workers: 1 })
    service.process.kill('SIGSTOP')
    const asked = bowline('status', '-s', service.socket)
    setTimeout(() => service.process.kill('SIGCONT'), 7000)
    const { code, stderr } = await asked
    expect(code).to.equal(0)
    expect(stderr).to.contain(
      `no answer from ${service.socket} yet; still waiting (its supervisor is process ${service.process.pid}`,
    )
  }).timeout(30_000)

  it('stops while workers are replaced, and leaves none behind', async () => {
    const service = await services.start({ port, workers: 3 })
    const restarted = bowline('restart', '-s', service.socket)
    await eventually(() => service.lines.some(({ event }) => event === 'control'), 'the restart')
    await pause(50) // a process takes longer to start
    service.process.kill('SIGTERM')
    expect(await service.ends()).to.equal(0) // and all that had its standard error
    expect((await restarted).code).to.equal(1)
  })

  it('ends with 3 when there is no service', async () => {
    const { code, stderr } = await bowline('status', '-s', '/tmp/no-such-service.sock')
    expect(code).to.equal(3)
    expect(stderr).to.contain('no service takes commands at /tmp/no-such-service.sock')
  })
})
