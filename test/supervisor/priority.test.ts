import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { expect } from 'chai'
import { fullPriority, startFirst, startFully } from '../../supervisor/priority.ts'
import { eventually, freePort } from '../workers/sockets.ts'
import { Service } from './service.ts'

describe('the priority of a worker', function () {
  this.timeout(30_000)
  let service: Service

  before(async function () {
    if (fullPriority() === undefined) this.skip() // it could not be taken back
    service = new Service({ port: await freePort(), workers: 2 })
    await service.says('started')
  })
  after(() => service?.clean())

  const threadsOf = (pid: number) => readdirSync(`/proc/${pid}/task`).map(Number)

  it('is what it was of all threads of one that answers, and less of the spare, which loads the program meanwhile', async () => {
    const answering = service.pidsOf('')
    const spares = () => childrenOf(service.process.pid!).filter((pid) => !answering.includes(pid))
    await eventually(() => spares().some((pid) => getPriority(pid) === getPriority() + 10), 'a modest spare')
    for (const pid of service.pidsOf('worker'))
      for (const thread of threadsOf(pid)) expect(getPriority(thread)).to.equal(getPriority())
  })

  it('is more of one that starts to fill an empty place, until it answers', async function () {
    const starting = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
    try {
      startFirst(starting.pid)
      if (getPriority(starting.pid!) === getPriority()) this.skip() // not allowed, or it could not be undone
      expect(getPriority(starting.pid!)).to.equal(getPriority() - 10)
      startFully(starting.pid)
      expect(getPriority(starting.pid!)).to.equal(getPriority())
    } finally {
      starting.kill('SIGKILL')
    }
    const [victim] = service.pidsOf('worker 1')
    process.kill(victim, 'SIGKILL')
    const back = () => service.pidsOf('worker 1').find((pid) => pid !== victim)
    await eventually(() => back() !== undefined, 'the return of worker 1')
    for (const thread of threadsOf(back()!)) expect(getPriority(thread)).to.equal(getPriority())
  })
})

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number)
}
