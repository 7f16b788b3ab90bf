/** Workers that stay on CPUs: which, and that they do. Everything here can be had on a machine of one CPU, too. */

import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { cpusOfProcess, cpusText } from '../../src/config/cpus.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import { cpusOfWorker, movesWorkers } from '../../supervisor/cpu-affinity.ts'
import type { Status } from '../../supervisor/manager.ts'
import { freePort, pause } from '../workers/sockets.ts'
import { bowline } from './command.ts'
import { Service, settingsOf } from './service.ts'

describe('cpusOfWorker', () => {
  it('is one CPU of ours after the other', () => {
    const all = [1, 2, 3].map((id) => cpusOfWorker({ 'cpu-affinity': 'auto' }, id, () => [4, 6]))
    expect(all).to.deep.equal([[4], [6], [4]])
  })

  it('is one CPU of the list after the other, whatever ours are', () => {
    const all = [1, 2, 3].map((id) => cpusOfWorker({ 'cpu-affinity': [9, 2] }, id, () => [4]))
    expect(all).to.deep.equal([[9], [2], [9]])
  })

  it('is nothing in particular when nothing is said, and none when there are none to choose from', () => {
    expect(cpusOfWorker(2, 1)).to.equal(undefined)
    expect(cpusOfWorker({ count: 2 }, 1)).to.equal(undefined)
    expect(cpusOfWorker({ 'cpu-affinity': 'auto' }, 1, () => [])).to.deep.equal([])
  })

  it('changes with the setting, not with how many workers there are', () => {
    expect(movesWorkers({ count: 1, 'cpu-affinity': [1] }, { count: 2, 'cpu-affinity': [1] })).to.equal(false)
    expect(movesWorkers(2, { count: 2, 'cpu-affinity': 'auto' })).to.equal(true)
  })
})

describe('a service whose workers stay on CPUs', () => {
  const ours = process.platform === 'linux' ? (cpusOfProcess('self') ?? []) : []
  let service: Service
  let port: number

  before(async function () {
    if (ours.length === 0) this.skip()
    port = await freePort()
    service = new Service({ port, withFile: true, settings: affinity('auto') })
    await service.says('started')
  })
  after(() => service?.clean())

  function affinity(cpus: 'auto' | number[] | undefined): ConfigInput {
    return { workers: { count: 2, ...(cpus && { 'cpu-affinity': cpus }) } }
  }

  async function operate(...words: string[]): Promise<void> {
    const { code, stdout } = await bowline(...words, '--json', '-s', service.socket)
    expect(code, stdout).to.equal(0)
  }

  async function workers(): Promise<Status['workers']> {
    return JSON.parse((await bowline('status', '--json', '-s', service.socket)).stdout).workers
  }

  /** Where threads of each worker may run, and that all of one may run at the same places. */
  async function places(): Promise<string[]> {
    return (await workers()).map(({ pid }) => {
      const tasks = readdirSync(`/proc/${pid}/task`)
      const lists = tasks.map((task) => /Cpus_allowed_list:\s*(.*)/.exec(statusOf(pid!, task))?.[1])
      expect(lists).to.have.length.above(3) // V8 and libuv have threads of their own
      expect(new Set(lists).size).to.equal(1)
      return lists[0]!
    })
  }

  function statusOf(pid: number, task: string): string {
    return readFileSync(`/proc/${pid}/task/${task}/status`, 'latin1')
  }

  async function comeTrue(holds: () => Promise<boolean>): Promise<void> {
    for (let looks = 0; !(await holds()); looks++) {
      expect(looks).to.be.below(50)
      await pause(100)
    }
  }

  const cpuOf = (id: number) => `${ours[(id - 1) % ours.length]}`

  it('has each on one, all of its threads, and shows it', async () => {
    expect(await places()).to.deep.equal([cpuOf(1), cpuOf(2)])
    expect((await workers()).map(({ cpus }) => cpus)).to.deep.equal([cpuOf(1), cpuOf(2)])
    const { stdout } = await bowline('workers', 'list', '-s', service.socket)
    expect(stdout.split('\n')[0]).to.match(/ cpu$/)
  })

  it('has those that are added, replaced or started again there', async () => {
    await operate('scale', '+1')
    expect(await places()).to.deep.equal([1, 2, 3].map(cpuOf))
    await operate('restart')
    expect(await places()).to.deep.equal([1, 2, 3].map(cpuOf))
    const [, { pid }] = await workers()
    process.kill(pid!, 'SIGKILL')
    await comeTrue(async () => (await workers()).every((one) => one.state === 'running' && one.pid !== pid))
    expect(await places()).to.deep.equal([1, 2, 3].map(cpuOf))
  })

  it('has those of a new supervisor there', async () => {
    const before = (await workers()).map(({ pid }) => pid)
    await operate('upgrade')
    await comeTrue(async () => (await workers()).length === 3)
    expect((await workers()).filter(({ pid }) => before.includes(pid))).to.deep.equal([])
    expect(await places()).to.deep.equal([1, 2, 3].map(cpuOf))
  })

  it('moves those that run when the setting changes, and lets go of them', async () => {
    const before = (await workers()).slice(0, 2).map(({ pid }) => pid)
    const last = ours.at(-1)!
    service.write(settingsOf({ port, settings: affinity([last]) }, service.rundir))
    await operate('reload')
    await comeTrue(async () => (await places()).every((place) => place === `${last}`))
    service.write(settingsOf({ port, settings: affinity(undefined) }, service.rundir))
    await operate('reload')
    await comeTrue(async () => (await places()).every((place) => place === cpusText(ours)))
    const after = await workers()
    expect(after.map(({ pid, cpus }) => [pid, cpus])).to.deep.equal(before.map((pid) => [pid, undefined]))
  })

  it('refuses a CPU that is not there, and goes on', async () => {
    const [{ pid }] = await workers()
    service.write(settingsOf({ port, settings: affinity([0, 8191]) }, service.rundir))
    const { code, stderr } = await bowline('reload', '-s', service.socket)
    expect(code).to.equal(2)
    expect(stderr).to.match(/settings\.yaml:1:\d+: workers\/cpu-affinity\/1: found 8191; allowed: CPUs that run .*: 0/)
    expect((await workers())[0].pid).to.equal(pid)
  })
})
