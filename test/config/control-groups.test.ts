import { expect } from 'chai'
import { usableMemory } from '../../src/config/control-groups.ts'
import { MachineRoot } from '../support/machine-root.ts'

const GIB = 1024 ** 3

describe('the memory that the service may use', () => {
  let root: MachineRoot
  beforeEach(() => {
    root = new MachineRoot()
  })
  afterEach(() => root.remove())

  it('is that of the machine when no control group limits it', () => {
    expect(usableMemory(root.path, 8 * GIB)).to.equal(8 * GIB)
    root.file('proc/self/cgroup', '0::/system.slice\n')
    root.file('sys/fs/cgroup/system.slice/memory.max', 'max\n')
    expect(usableMemory(root.path, 8 * GIB)).to.equal(8 * GIB)
  })

  it('is what the tightest group of cgroup v2 on the way up allows', () => {
    root.file('proc/self/cgroup', '0::/a/b\n')
    root.file('sys/fs/cgroup/a/b/memory.max', `${4 * GIB}\n`)
    root.file('sys/fs/cgroup/a/memory.max', `${2 * GIB}\n`)
    expect(usableMemory(root.path, 8 * GIB)).to.equal(2 * GIB)
    expect(usableMemory(root.path, GIB)).to.equal(GIB)
  })

  it('is what the mount point says when the path is that of the host', () => {
    root.file('proc/self/cgroup', '0::/docker/0123\n')
    root.file('sys/fs/cgroup/memory.max', `${3 * GIB}\n`)
    expect(usableMemory(root.path, 8 * GIB)).to.equal(3 * GIB)
  })

  it('is what cgroup v1 allows, where a huge number means no limit', () => {
    root.file('proc/self/cgroup', '4:memory:/x\n3:cpu,cpuacct:/x\n0::/\n')
    root.file('sys/fs/cgroup/memory/x/memory.limit_in_bytes', `${GIB}\n`)
    expect(usableMemory(root.path, 8 * GIB)).to.equal(GIB)
    root.file('sys/fs/cgroup/memory/x/memory.limit_in_bytes', '9223372036854771712\n')
    expect(usableMemory(root.path, 8 * GIB)).to.equal(8 * GIB)
  })
})
