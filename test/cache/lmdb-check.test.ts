import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { open } from 'lmdb'
import { findDamage } from '../../src/cache/lmdb-check.ts'
import { temporaryFolder } from './local-keeper.ts'

describe('findDamage: is an LMDB file whole?', () => {
  let folder: string
  let path: string
  let whole: Buffer
  let treePages: number
  before(async () => {
    folder = temporaryFolder()
    path = join(folder, 'data.mdb')
    const db = open<Uint8Array, Uint8Array>({ path, noSubdir: true, keyEncoding: 'binary', encoding: 'binary' })
    for (let round = 0; round < 10; round++)
      db.transactionSync(() => {
        for (let i = 0; i < 100; i++)
          db.put(Buffer.from(`key ${(i * 7919) % 311} ${round}`), Buffer.alloc(i % 25 === 0 ? 9000 : 100, i))
        for (let i = 0; i < 20; i++) db.remove(Buffer.from(`key ${(i * 7919) % 311} ${round - 2}`))
      })
    const stats = db.getStats() as { treeBranchPageCount: number; treeLeafPageCount: number }
    treePages = stats.treeBranchPageCount + stats.treeLeafPageCount
    await db.close()
    whole = readFileSync(path)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const damageOf = (content: Uint8Array) => {
    writeFileSync(path, content)
    return findDamage(path)
  }

  it('finds nothing wrong with one that is', () => {
    expect(damageOf(whole)).to.equal(undefined)
  })

  it('finds nothing wrong with one that nothing was ever put into', async () => {
    const empty = join(folder, 'empty.mdb')
    await open<Uint8Array, Uint8Array>({
      path: empty,
      noSubdir: true,
      keyEncoding: 'binary',
      encoding: 'binary',
    }).close()
    expect(findDamage(empty)).to.equal(undefined)
  })

  it('finds what is no LMDB file', () => {
    expect(damageOf(Buffer.alloc(0))).to.match(/cut short/)
    expect(damageOf(Buffer.from('hello'))).to.match(/cut short/)
    expect(damageOf(Buffer.alloc(65_536))).to.match(/no LMDB file/)
    expect(damageOf(Buffer.alloc(65_536, 0xa5))).to.match(/no LMDB file/)
  })

  it('finds either head broken, or of another version', () => {
    for (const at of [0x18, 0x30, 0x1018]) {
      const content = Buffer.from(whole)
      content[at] ^= 0xff
      expect(damageOf(content), `at ${at}`).to.be.a('string')
    }
    const version = Buffer.from(whole)
    version.writeUInt32LE(3, 0x1c)
    expect(damageOf(version)).to.match(/version/)
  })

  it('finds the other byte order', () => {
    const content = Buffer.from(whole)
    for (const page of [0, 4096]) content.subarray(page + 24, page + 28).reverse()
    expect(damageOf(content)).to.match(/byte order/)
  })

  it('finds any page of the tree overwritten or gone', () => {
    let noticed = 0
    for (let page = 2; page * 4096 < whole.length; page++) {
      const content = Buffer.from(whole)
      content.fill(0x5a, page * 4096, page * 4096 + 4096)
      if (damageOf(content) !== undefined) noticed++
    }
    expect(noticed).to.be.greaterThan(treePages) // also those that large values begin on; the rest is free, or the values
  })

  it('finds it cut short anywhere in what is used', () => {
    expect(damageOf(whole.subarray(0, 8192))).to.be.a('string')
    expect(damageOf(whole.subarray(0, Math.floor(whole.length / 8192) * 4096))).to.be.a('string')
  })

  it('never throws, whatever octets are changed', () => {
    let seed = 1
    const random = (below: number) => (seed = (seed * 48_271) % 0x7fff_ffff) % below
    for (let run = 0; run < 200; run++) {
      const content = Buffer.from(whole)
      for (let i = 0; i < 20; i++) content[random(content.length)] = random(256)
      for (let i = 0; i < 5; i++) content[random(200)] = random(256)
      damageOf(content)
    }
  })
})
