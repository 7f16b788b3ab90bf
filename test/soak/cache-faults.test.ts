/** What may befall the cache of a running service, with real processes, while clients ask. Here in a short form;
 *  `npm run test:cache-faults` is the long one. */

import { execFileSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { MIB } from '../cache/local-keeper.ts'
import { FaultyCache, type FaultyCacheOptions } from './faulty-cache.ts'

const ROUNDS = Number(process.env.CACHE_FAULT_ROUNDS ?? 4)
const KILLS_A_SERVICE = 10
const DAY_MS = 86_400_000

describe('a service whose cache suffers', function () {
  this.timeout(60_000 + ROUNDS * 20_000)
  let lab: FaultyCache | undefined
  afterEach(async () => {
    await lab?.stop()
    lab = undefined
  })

  async function start(context: Mocha.Context, options: FaultyCacheOptions = {}): Promise<FaultyCache> {
    try {
      lab = await FaultyCache.start(options)
    } catch (error) {
      if (!['EACCES', 'EADDRNOTAVAIL', 'EADDRINUSE'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
      console.log(`      skipped: no port 53 (${(error as Error).message})`)
      context.skip()
    }
    lab.begin()
    return lab
  }

  /** All answers were right, and there always were some. */
  async function expectWell({ service, settle }: FaultyCache): Promise<void> {
    const seen = await settle.call(lab)
    expect(seen.wrong).to.deep.equal([])
    expect(seen).to.include({ servfail: 0, unanswered: 0 })
    expect(seen.answered).to.be.above(100)
    expect(service.exitCode).to.equal(undefined)
    expect(service.lines.filter(({ event }) => event === 'fatal')).to.deep.equal([])
    expect(await lab?.remembers(), 'it stores and finds').to.equal(true)
  }

  it(`${ROUNDS} kills of workers and the keeper, by chance`, async function () {
    const storage = mkdtempSync(join(tmpdir(), 'bowline-faults-'))
    try {
      for (let round = 0; round < ROUNDS; round += KILLS_A_SERVICE) {
        if (round > 0) console.log(`      ${round} of ${ROUNDS} kills`)
        // each service goes on with the cache of the one before: a supervisor lets those rest that die again and again
        const faulty = await start(this, { storage: join(storage, 'cache') })
        await killSome(faulty, round, Math.min(KILLS_A_SERVICE, ROUNDS - round))
        await expectWell(faulty)
        await faulty.stop()
        lab = undefined
      }
    } finally {
      rmSync(storage, { recursive: true, force: true })
    }
  })

  async function killSome(faulty: FaultyCache, first: number, kills: number): Promise<void> {
    for (let round = first; round < first + kills; round++) {
      await pause(200 + ((round * 131) % 500))
      await faulty.until(() => faulty.running('worker').length > 1, 60_000, 'a second worker') // one is left to answer
      const victims = [...faulty.running('worker').slice(1), ...faulty.running('keeper')]
      process.kill(victims[(round * 7) % victims.length], 'SIGKILL')
      if (round % 5 === 4) for (const pid of faulty.running('keeper')) process.kill(pid, 'SIGKILL')
    }
    await faulty.until(() => faulty.running('keeper').length > 0, 60_000, 'a keeper')
    await pause(1000)
  }

  it('files damaged while nobody writes them are set aside, and a fresh one is begun', async function () {
    const faulty = await start(this, { workers: 2 })
    const path = join(faulty.storage, 'data.mdb')
    const garbage = Buffer.alloc(64 * 1024, 0xa5)
    const damages: [what: string, damage: () => void][] = [
      ['garbage', () => replaceBy(path, garbage)],
      ['cut short', () => replaceBy(path, Buffer.alloc(4096, 0))],
      ['text', () => replaceBy(path, Buffer.from('hello, world\n'))],
    ]
    for (const [what, damage] of damages) {
      await pause(500)
      const before = faulty.service.lines.length
      await faulty.replaceKeeper(damage)
      const events = faulty.service.lines.slice(before).map(({ event }) => event)
      expect(events, what).to.include('cache-set-aside')
    }
    await pause(1000)
    await expectWell(faulty)
  })

  it('a file cut short under running processes costs some of them, and no answer', async function () {
    const faulty = await start(this, { workers: 2 })
    await pause(1500)
    const path = join(faulty.storage, 'data.mdb')
    truncateSync(path, Math.floor(statSync(path).size / 8192) * 4096)
    await faulty.until(() => faulty.events().includes('cache-set-aside'), 30_000, 'a fresh file')
    await faulty.until(() => faulty.running('worker').length === 2, 30_000, 'two workers')
    await pause(500)
    await expectWell(faulty)
  })

  it('pages overwritten under running processes', async function () {
    const faulty = await start(this, { workers: 2 })
    await pause(1500)
    const path = join(faulty.storage, 'data.mdb')
    const file = openSync(path, 'r+')
    writeSync(file, Buffer.alloc(statSync(path).size - 8192, 0x5a), 0, undefined, 8192)
    closeSync(file)
    await faulty.until(() => faulty.events().includes('cache-set-aside'), 30_000, 'a fresh file')
    await faulty.until(() => faulty.running('worker').length === 2, 30_000, 'two workers')
    await pause(500)
    await expectWell(faulty)
  })

  it('no folder to keep a file in: it answers without, and keeps one again when there is', async function () {
    const faulty = await start(this, { workers: 2 })
    await pause(500)
    const away = `${faulty.storage}.away`
    renameSync(faulty.storage, away)
    writeFileSync(faulty.storage, 'in the way')
    for (const pid of faulty.running('keeper')) process.kill(pid, 'SIGKILL')
    await pause(3000)
    const { answered } = faulty.seen
    await pause(1000)
    expect(faulty.seen.answered).to.be.above(answered)
    rmSync(faulty.storage)
    renameSync(away, faulty.storage)
    await faulty.until(() => faulty.running('keeper').length > 0, 60_000, 'a keeper')
    await pause(1000)
    await expectWell(faulty)
  })

  it('a full filesystem costs new entries and no answers; with room again, all is stored again', async function () {
    const storage = mkdtempSync(join(tmpdir(), 'bowline-tmpfs-'))
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', storage], { stdio: 'ignore' })
    } catch {
      rmSync(storage, { recursive: true, force: true })
      console.log('      skipped: a filesystem cannot be mounted')
      return this.skip()
    }
    try {
      writeFileSync(join(storage, 'filler'), Buffer.alloc(5.6 * MIB))
      const faulty = await start(this, { workers: 2, storage: join(storage, 'cache') })
      await faulty.until(() => faulty.events().includes('cache-no-space'), 60_000, 'want of space')
      await pause(1000)
      rmSync(join(storage, 'filler'))
      await pause(2000)
      await expectWell(faulty)
      await lab?.stop()
      lab = undefined
    } finally {
      execFileSync('umount', ['-l', storage])
      rmSync(storage, { recursive: true, force: true })
    }
  })

  it('the clock jumping back and forth: nothing wrong, no TTL longer than it was', async function () {
    const faulty = await start(this, { workers: 2 })
    const jumps = [DAY_MS, 0, -DAY_MS, 3_600_000, -60_000, 400 * DAY_MS, 0]
    for (let round = 0; round < Math.max(1, ROUNDS / 10); round++)
      for (const skewMs of jumps) {
        faulty.skew(skewMs)
        await pause(700)
        // who starts now finds a file from the future, or the past
        if (Math.abs(skewMs) === DAY_MS) await faulty.replaceKeeper()
      }
    const farthestMs = Math.max(...faulty.service.lines.map(({ time }) => Math.abs(Date.parse(time) - Date.now())))
    expect(farthestMs, 'of the processes’ clocks').to.be.above(DAY_MS / 2)
    await expectWell(faulty)
  })

  it('a second service on the same cache is refused, and says why; the first does not mind', async function () {
    const faulty = await start(this, { workers: 2 })
    const second = await faulty.second({ workers: 1 })
    try {
      expect(await second.ends()).to.equal(1)
      const [keeper] = faulty.running('keeper')
      const told = second.lines.find(({ event }) => event === 'start-failed')
      expect(told).to.include({ code: 'cache-in-use' })
      expect(told?.msg).to.equal(
        `cache/storage: ${faulty.storage} is in use by another service (process ${faulty.service.process.pid}, with the keeper ${keeper}); ` +
          'stop that one first, or give this one a folder of its own',
      )
    } finally {
      await second.clean()
    }
    await expectWell(faulty)
  })

  it('a cache that is always full stays within its size', async function () {
    const faulty = await start(this, { workers: 2, sizeMaxMb: 4 })
    let largest = 0
    for (let round = 0; round < 4 * ROUNDS; round++) {
      await pause(250)
      largest = Math.max(largest, statSync(join(faulty.storage, 'data.mdb')).size)
    }
    expect(largest).to.be.at.most(4 * MIB)
    await expectWell(faulty)
  })

  function replaceBy(path: string, content: Buffer): void {
    mkdirSync(join(path, '..'), { recursive: true })
    rmSync(path, { force: true })
    writeFileSync(path, content)
  }
})
