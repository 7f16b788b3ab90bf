import { expect } from 'chai'
import { cpuLimit, usableCpus } from '../../supervisor/cgroup.ts'
import { MachineRoot } from '../support/machine-root.ts'

describe('usableCpus', () => {
  let root: MachineRoot
  beforeEach(() => {
    root = new MachineRoot()
  })
  afterEach(() => root.remove())

  it('is the number of CPUs when no control group limits it', () => {
    expect(usableCpus(root.path, 6)).to.equal(6)
    root.file('proc/self/cgroup', '0::/system.slice\n')
    root.file('sys/fs/cgroup/system.slice/cpu.max', 'max 100000\n')
    expect(usableCpus(root.path, 6)).to.equal(6)
  })

  it('obeys cpu.max of cgroup v2, rounded down, at least 1', () => {
    root.file('proc/self/cgroup', '0::/a/b\n')
    root.file('sys/fs/cgroup/a/b/cpu.max', '250000 100000\n')
    expect(usableCpus(root.path, 64)).to.equal(2)
    root.file('sys/fs/cgroup/a/b/cpu.max', '50000 100000\n')
    expect(usableCpus(root.path, 64)).to.equal(1)
  })

  it('obeys the tightest group on the way up', () => {
    root.file('proc/self/cgroup', '0::/a/b\n')
    root.file('sys/fs/cgroup/a/b/cpu.max', '800000 100000\n')
    root.file('sys/fs/cgroup/a/cpu.max', '300000 100000\n')
    expect(cpuLimit(root.path)).to.equal(3)
  })

  it('looks at the mount point when the path is that of the host', () => {
    root.file('proc/self/cgroup', '0::/docker/0123\n')
    root.file('sys/fs/cgroup/cpu.max', '200000 100000\n')
    expect(cpuLimit(root.path)).to.equal(2)
  })

  it('obeys the quota of cgroup v1', () => {
    root.file('proc/self/cgroup', '4:memory:/x\n3:cpu,cpuacct:/x\n1:name=systemd:/\n0::/\n')
    root.file('sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us', '400000\n')
    root.file('sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us', '100000\n')
    expect(cpuLimit(root.path)).to.equal(4)
    root.file('sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us', '-1\n')
    expect(cpuLimit(root.path)).to.equal(Number.POSITIVE_INFINITY)
  })
})
