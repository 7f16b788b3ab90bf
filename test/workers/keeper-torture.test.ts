/** The promise that readers may come, go and die as they like, and the keeper too: with real processes, under full load. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { findDamage } from '../../src/cache/lmdb-check.ts'
import { MIB } from '../cache/local-keeper.ts'
import { KeeperProcess, pause, until } from './keeper-process.ts'

const WORKER = fileURLToPath(new URL('keeper-torture-worker.ts', import.meta.url))
/** The long form has 200. */
const ROUNDS = Number(process.env.CACHE_FAULT_ROUNDS ?? 30)
const DEPARTURES = 10 * ROUNDS
const KEEPER_KILLS = ROUNDS
/** Workers that come and go, at a time; and such that stay to the end, as busy as they can be. */
const GUESTS = 6
const SURVIVORS = 1
const LONGEST_MS = 5700 * ROUNDS

interface Report {
  reads: number
  hits: number
  writes: number
  ranges: number
  readErrors: number
  lastError: string | undefined
  dropped: number
  lost: number
}

describe('the keeper and its readers, dying', () => {
  const keeper = new KeeperProcess(8 * MIB)
  const running = new Set<ChildProcess>()
  const faults: string[] = []
  after(async () => {
    for (const worker of running) worker.kill('SIGKILL')
    await keeper.remove()
  })

  const startWorker = (stay: 'survivor' | 'guest') => {
    const worker = fork(WORKER, [keeper.path, keeper.socketPath, String(keeper.sizeMax), stay], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    running.add(worker)
    worker.stderr?.on('data', (text) => faults.push(String(text)))
    worker.on('exit', (code, signal) => {
      running.delete(worker)
      if (code !== 0 && signal !== 'SIGKILL' && signal !== 'SIGTERM')
        faults.push(`a worker ended with ${code ?? signal}`)
    })
    return worker
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
      worker.send('report')
      const [report] = (await once(worker, 'message')) as [Report]
      console.log(`      a survivor: ${JSON.stringify(report)}`)
      expect(report).to.include({ readErrors: 0, dropped: 0 }) // what a dead keeper did not take, the next one got
      expect(report.hits).to.be.greaterThan(report.reads / 4)
      expect(report.lost).to.be.at.least(KEEPER_KILLS / 2)
    }
    // It still works, and the file is whole.
    const [end, other] = [await keeper.connect(), await keeper.connect()]
    await until('the last word to be read', () => {
      end.store.put(Buffer.from('last'), Buffer.from('word')) // the others write on, and it may be evicted at once
      return other.store.get(Buffer.from('last'))?.length === 4
    })
    await end.close()
    await other.close()
    for (const worker of survivors) {
      const gone = once(worker, 'exit')
      worker.kill('SIGTERM')
      expect((await gone)[0]).to.equal(0)
    }
    expect(await keeper.stop()).to.equal(0)
    expect(findDamage(keeper.path)).to.equal(undefined)
    // Under this load a small file may outgrow its limit for a moment, or readers hold on to it; nothing else is worth a word.
    const expected: unknown[] = ['cache-too-large', 'cache-held']
    expect(keeper.log.map(({ event }) => event).filter((event) => !expected.includes(event))).to.deep.equal([])
  }).timeout(LONGEST_MS + 30_000)
})
