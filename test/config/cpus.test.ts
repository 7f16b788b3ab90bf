import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { cpusOfProcess, cpusText, cpusToBeHad, parseCpus } from '../../src/config/cpus.ts'

describe('CPUs of the machine', () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'bowline-cpus-'))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  function file(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }

  it('are written as ranges', () => {
    expect(parseCpus('0-3,8,10-11\n')).to.deep.equal([0, 1, 2, 3, 8, 10, 11])
    expect(parseCpus('\n')).to.deep.equal([])
    for (const text of ['0', '0-1', '0-3,8,10-11', '']) expect(cpusText(parseCpus(text))).to.equal(text)
  })

  it('can be had when they run', () => {
    expect(cpusToBeHad(root)).to.equal(undefined)
    file('sys/devices/system/cpu/online', '0-2,4\n')
    expect(cpusToBeHad(root)).to.deep.equal([0, 1, 2, 4])
  })

  it('can be had when the nearest control group that knows of a cpuset has them', () => {
    file('sys/devices/system/cpu/online', '0-7\n')
    file('proc/self/cgroup', '0::/system.slice/bowline.service\n')
    file('sys/fs/cgroup/system.slice/cpuset.cpus.effective', '2-5\n')
    file('sys/fs/cgroup/cpuset.cpus.effective', '0-7\n')
    expect(cpusToBeHad(root)).to.deep.equal([2, 3, 4, 5])
    file('proc/self/cgroup', '3:cpuset:/box\n0::/\n')
    file('sys/fs/cgroup/cpuset/box/cpuset.effective_cpus', '6-9\n')
    expect(cpusToBeHad(root)).to.deep.equal([6, 7])
  })

  it('are those of a process by its status', () => {
    file('proc/12/status', 'Name:\tnode\nCpus_allowed:\tf\nCpus_allowed_list:\t0,3\nMems_allowed:\t1\n')
    expect(cpusOfProcess(12, root)).to.deep.equal([0, 3])
    expect(cpusOfProcess(13, root)).to.equal(undefined)
  })
})
