/** The promise that readers may come, go and die as they like, and the keeper too: with real processes, under full load. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { findDamage } from '../../src/cache/lmdb-check.ts'
import { MIB } from '../cache/local-keeper.ts'
import { KeeperProcess, pause } from './keeper-process.ts'

const WORKER = fileURLToPath(new URL('keeper-torture-worker.ts', import.meta.url))
/** The long form has 200. */
const ROUNDS = Number(process.env.CACHE_FAULT_ROUNDS ?? 30)
const DEPARTURES = 10 * ROUNDS
const KEEPER_KILLS = ROUNDS
/** Workers that come and go, at a time; and such that stay to the end, as busy as they can be. */
const GUESTS = 6
const SURVIVORS = 1
/** Only a test that fails takes so long. */
const LONGEST_MS = 20_000 * ROUNDS

interface Report {
  reads: number
  hits: number
  writes: number
  ranges: number
  readErrors: number
  lastError: string | undefined
  dropped: number
  lost: number
  isConnected: boolean
}

describe('the keeper and its readers, dying', () => {
  const keeper = new KeeperProcess(8 * MIB)
  const running = new Set<ChildProcess>()
  const faults: string[] = []
  const pids: unknown[] = []
  after(async () => {
    for (const worker of running) worker.kill('SIGKILL')
    await keeper.remove()
  })

  const startWorker = (stay: 'survivor' | 'guest') => {
    const worker = fork(WORKER, [keeper.path, keeper.socketPath, String(keeper.sizeMax), stay], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    running.add(worker)
    pids.push(worker.pid)
    worker.stderr?.on('data', (text) => faults.push(String(text)))
    worker.on('exit', (code, signal) => {
      running.delete(worker)
      if (code !== 0 && signal !== 'SIGKILL' && signal !== 'SIGTERM')
        faults.push(`a worker ended with ${code ?? signal}`)
    })
    return worker
  }

  const reportOf = async (worker: ChildProcess): Promise<Report> => {
    worker.send('report')
    return (await once(worker, 'message'))[0] as Report
  }
  const isWithKeeper = async (worker: ChildProcess) => {
    while (!(await reportOf(worker)).isConnected) await pause(5)
  }

  it(`${DEPARTURES} departures and ${KEEPER_KILLS} dead keepers: no wrong value, no error, nobody dragged along`, async () => {
    expect(await keeper.start()).to.deep.equal({ kind: 'ready' })
    const survivors = Array.from({ length: SURVIVORS }, () => startWorker('survivor'))
    await Promise.all(survivors.map((worker) => once(worker, 'message')))
    const startMs = Date.now()
    const isOver = () => faults.length > 0 || Date.now() - startMs > LONGEST_MS
    let departures = 0
    let kills = 0

    const guest = async (place: number) => {
      for (let visit = 0; departures < DEPARTURES && !isOver(); visit++) {
        const worker = startWorker('guest')
        const gone = once(worker, 'exit')
        if ((visit + place) % 4 !== 0) await Promise.race([once(worker, 'message'), gone]) // else it dies while starting
        await pause((visit * 37 + place * 11) % 120)
        worker.kill((visit + place) % 3 === 0 ? 'SIGTERM' : 'SIGKILL')
        await gone
        departures++
      }
    }
    const reaper = async () => {
      while ((kills < KEEPER_KILLS || departures < DEPARTURES) && !isOver()) {
        await pause(100 + ((kills * 53) % 400))
        if (kills % 2 === 0) await Promise.all(survivors.map(isWithKeeper)) // else it dies whether they have it or not
        await keeper.kill()
        await keeper.start()
        kills++
      }
    }
    const teller = setInterval(
      () => console.log(`      ${departures} departures, ${kills} keepers killed, ${Date.now() - startMs} ms`),
      5000,
    )
    await Promise.all([reaper(), ...Array.from({ length: GUESTS }, (_, place) => guest(place))])
    clearInterval(teller)

    expect(faults).to.deep.equal([])
    expect(departures, 'departures').to.be.at.least(DEPARTURES)
    expect(kills, 'keepers killed').to.be.at.least(KEEPER_KILLS)
    expect(survivors.map((worker) => worker.exitCode)).to.deep.equal(survivors.map(() => null))
    for (const worker of survivors) {
      await isWithKeeper(worker)
      const report = await reportOf(worker)
      console.log(`      a survivor: ${JSON.stringify(report)}`)
      expect(report).to.include({ readErrors: 0, dropped: 0 }) // what a dead keeper did not take, the next one got
      expect(report.hits).to.be.greaterThan(report.reads / 4)
      expect(report.lost).to.be.within(kills / 2, kills)
    }
    for (const worker of survivors) {
      const gone = once(worker, 'exit')
      worker.kill('SIGTERM')
      expect((await gone)[0]).to.equal(0)
    }
    expect(await keeper.stop()).to.equal(0)
    expect(findDamage(keeper.path)).to.equal(undefined)
    expect(statSync(keeper.path).size).to.be.at.most(keeper.sizeMax)
    // A reader that is kept waiting for the processor may be in the way; nothing else is worth a word.
    for (const line of keeper.log) {
      expect(line).to.include({ event: 'cache-held' })
      expect(pids).to.include(line.holder)
    }
    // It still works: what is put once is there for everybody. Nothing is in its way now, and it is the last to be evicted.
    expect(await keeper.start()).to.deep.equal({ kind: 'ready' })
    const [end, other] = [await keeper.connect(), await keeper.connect()]
    const word = entryFor(3_600_000)
    end.store.put(Buffer.from('last'), word)
    await end.settle()
    expect(Buffer.from(other.store.get(Buffer.from('last')) ?? [])).to.deep.equal(word)
    await end.close()
    await other.close()
    expect(await keeper.stop()).to.equal(0)
  }).timeout(LONGEST_MS + 30_000)
})

/** An entry of today that has so long to live: what eviction cannot read it takes for expired. */
function entryFor(leftMs: number): Buffer {
  const value = Buffer.alloc(20, 1)
  value.writeUIntBE(Date.now(), 2, 6)
  value.writeUIntBE(Date.now() + leftMs, 8, 6)
  return value
}
