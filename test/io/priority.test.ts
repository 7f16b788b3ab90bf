import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { getPriority } from 'node:os'
import { expect } from 'chai'
import { setPriorityOfThreads } from '../../src/io/priority.ts'
import { eventually } from '../workers/sockets.ts'

describe('setPriorityOfThreads', () => {
  let child: ChildProcess
  const threads = () => readdirSync(`/proc/${child.pid}/task`).map(Number)

  before(function () {
    if (process.platform !== 'linux') this.skip()
    child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  })
  after(() => child?.kill('SIGKILL'))

  it('is about all threads of a process', async () => {
    await eventually(() => threads().length > 1, 'threads of Node')
    const modest = getPriority() + 5
    setPriorityOfThreads(modest, child.pid)
    const running = threads()
    expect(running.map((thread) => getPriority(thread))).to.deep.equal(running.map(() => modest))
  })

  it('says nothing of one that has ended', async () => {
    child.kill('SIGKILL')
    await eventually(() => child.signalCode !== null, 'its end')
    expect(() => setPriorityOfThreads(getPriority() + 5, child.pid)).not.to.throw()
  })
})
