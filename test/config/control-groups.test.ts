import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { usableMemory } from '../../src/config/control-groups.ts'

const GIB = 1024 ** 3

describe('the memory that the service may use', () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'bowline-cgroup-'))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  function file(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }

  it('is that of the machine when no control group limits it', () => {
    expect(usableMemory(root, 8 * GIB)).to.equal(8 * GIB)
    file('proc/self/cgroup', '0::/system.slice\n')
    file('sys/fs/cgroup/system.slice/memory.max', 'max\n')
    expect(usableMemory(root, 8 * GIB)).to.equal(8 * GIB)
  })

  it('is what the tightest group of cgroup v2 on the way up allows', () => {
    file('proc/self/cgroup', '0::/a/b\n')
    file('sys/fs/cgroup/a/b/memory.max', `${4 * GIB}\n`)
    file('sys/fs/cgroup/a/memory.max', `${2 * GIB}\n`)
    expect(usableMemory(root, 8 * GIB)).to.equal(2 * GIB)
    expect(usableMemory(root, GIB)).to.equal(GIB)
  })

  it('is what the mount point says when the path is that of the host', () => {
    file('proc/self/cgroup', '0::/docker/0123\n')
    file('sys/fs/cgroup/memory.max', `${3 * GIB}\n`)
    expect(usableMemory(root, 8 * GIB)).to.equal(3 * GIB)
  })

  it('is what cgroup v1 allows, where a huge number means no limit', () => {
    file('proc/self/cgroup', '4:memory:/x\n3:cpu,cpuacct:/x\n0::/\n')
    file('sys/fs/cgroup/memory/x/memory.limit_in_bytes', `${GIB}\n`)
    expect(usableMemory(root, 8 * GIB)).to.equal(GIB)
    file('sys/fs/cgroup/memory/x/memory.limit_in_bytes', '9223372036854771712\n')
    expect(usableMemory(root, 8 * GIB)).to.equal(8 * GIB)
  })
})
