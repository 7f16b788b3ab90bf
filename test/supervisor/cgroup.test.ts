import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { cpuLimit, usableCpus } from '../../supervisor/cgroup.ts'

describe('usableCpus', () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'bowline-cgroup-'))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  function file(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }

  it('is the number of CPUs when no control group limits it', () => {
    expect(usableCpus(root, 6)).to.equal(6)
    file('proc/self/cgroup', '0::/system.slice\n')
    file('sys/fs/cgroup/system.slice/cpu.max', 'max 100000\n')
    expect(usableCpus(root, 6)).to.equal(6)
  })

  it('obeys cpu.max of cgroup v2, rounded down, at least 1', () => {
    file('proc/self/cgroup', '0::/a/b\n')
    file('sys/fs/cgroup/a/b/cpu.max', '250000 100000\n')
    expect(usableCpus(root, 64)).to.equal(2)
    file('sys/fs/cgroup/a/b/cpu.max', '50000 100000\n')
    expect(usableCpus(root, 64)).to.equal(1)
  })

  it('obeys the tightest group on the way up', () => {
    file('proc/self/cgroup', '0::/a/b\n')
    file('sys/fs/cgroup/a/b/cpu.max', '800000 100000\n')
    file('sys/fs/cgroup/a/cpu.max', '300000 100000\n')
    expect(cpuLimit(root)).to.equal(3)
  })

  it('looks at the mount point when the path is that of the host', () => {
    file('proc/self/cgroup', '0::/docker/0123\n')
    file('sys/fs/cgroup/cpu.max', '200000 100000\n')
    expect(cpuLimit(root)).to.equal(2)
  })

  it('obeys the quota of cgroup v1', () => {
    file('proc/self/cgroup', '4:memory:/x\n3:cpu,cpuacct:/x\n1:name=systemd:/\n0::/\n')
    file('sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us', '400000\n')
    file('sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us', '100000\n')
    expect(cpuLimit(root)).to.equal(4)
    file('sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us', '-1\n')
    expect(cpuLimit(root)).to.equal(Number.POSITIVE_INFINITY)
  })
})
