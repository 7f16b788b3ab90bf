import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { loadLibc } from '../../src/io/libc.ts'
import { mapFile } from '../../src/io/shared-memory.ts'

const SOURCE = fileURLToPath(new URL('../../src/io/shared-memory.ts', import.meta.url))

describe('mapFile', () => {
  let folder: string
  before(function () {
    if (typeof loadLibc() === 'string') this.skip()
  })
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-shared-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('gives memory that other processes see, and that outlives them', () => {
    const path = join(folder, 'shared')
    const ours = new Float64Array(mapFile(path, 8192)!)
    expect([...ours]).to.deep.equal(new Array(1024).fill(0))
    ours[1000] = 17.5
    const theirs = `import { mapFile } from ${JSON.stringify(SOURCE)}
      const memory = new Float64Array(mapFile(${JSON.stringify(path)}, 8192))
      memory[7] = memory[1000] * 2`
    execFileSync(process.execPath, ['--input-type=module', '--eval', theirs])
    expect(ours[7]).to.equal(35)
    expect(statSync(path)).to.deep.include({ size: 8192, mode: 0o100600 })
  })

  it('never shortens what others have mapped', () => {
    const path = join(folder, 'shared')
    const long = new Uint8Array(mapFile(path, 65_536)!)
    mapFile(path, 4096)
    long[65_535] = 1 // would be the end of the process
    expect(statSync(path).size).to.equal(65_536)
  })

  it('gives undefined where there is no folder, and does not follow links', () => {
    expect(mapFile(join(folder, 'missing', 'file'), 4096)).to.equal(undefined)
    writeFileSync(join(folder, 'elsewhere'), 'precious')
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'link'))
    expect(mapFile(join(folder, 'link'), 4096)).to.equal(undefined)
  })
})
