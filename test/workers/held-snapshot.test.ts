/** A reader that is stopped, or dies, in the middle of reading: the file stays within its limit however long that takes. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { MIB } from '../cache/local-keeper.ts'
import { octets } from '../cache/store-suite.ts'
import { KeeperProcess, pause, until, type WorkerEnd } from './keeper-process.ts'

const HOLDER = fileURLToPath(new URL('snapshot-holder.ts', import.meta.url))
/** The long form holds on for half a minute. */
const HELD_MS = process.env.CACHE_FAULT_ROUNDS === undefined ? 2000 : 30_000
const LIMIT = 8 * MIB

describe('the keeper, while a reader holds on to a snapshot', () => {
  let keeper: KeeperProcess
  let end: WorkerEnd
  let holder: ChildProcess | undefined
  let largest = 0
  let next = 0
  beforeEach(async () => {
    keeper = new KeeperProcess(LIMIT)
    await keeper.start()
    end = await keeper.connect()
    largest = next = 0
    await write(8000)
  })
  afterEach(async () => {
    holder?.kill('SIGKILL')
    await end.close()
    await keeper.remove()
  })

  /** Stores new entries, more than there is room for. */
  async function write(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      end.store.put(octets(`\0r${(next++ * 7919) % 1_000_003}`), entry(next))
      if (i % 40 !== 39) continue
      await pause(2)
      largest = Math.max(largest, statSync(keeper.path).size)
    }
  }

  async function hold(): Promise<ChildProcess> {
    holder = fork(HOLDER, [keeper.path])
    expect((await once(holder, 'message'))[0]).to.equal('holding')
    return holder
  }

  async function writeForLong(): Promise<void> {
    const endMs = Date.now() + HELD_MS
    while (Date.now() < endMs || !events().includes('cache-held')) await write(400)
  }

  const events = () => keeper.log.map(({ event }) => event)
  async function expectStoring(): Promise<void> {
    const other = await keeper.connect()
    await until('something new to be stored', () => {
      end.store.put(octets('\0rlater'), entry(1))
      return other.store.get(octets('\0rlater')) !== undefined
    })
    await other.close()
  }

  it(`stopped for ${HELD_MS / 1000} s: within the limit; the log names the process; afterwards all is stored again`, async () => {
    const stopped = await hold()
    stopped.kill('SIGSTOP')
    await writeForLong()
    expect(largest).to.be.at.most(LIMIT)
    expect(keeper.log.find(({ event }) => event === 'cache-held')).to.include({ holder: stopped.pid })
    stopped.kill('SIGCONT')
    stopped.send('let go')
    await once(stopped, 'exit')
    await pause(100)
    await expectStoring()
    await write(8000)
    expect(largest).to.be.at.most(LIMIT)
    expect(end.store.stats()).to.include({ readErrors: 0 })
    expect(events().filter((event) => !['cache-held'].includes(String(event)))).to.deep.equal([])
  }).timeout(HELD_MS + 60_000)

  it('killed with it: its place is cleared, and the keeper goes on', async () => {
    const dying = await hold()
    dying.kill('SIGSTOP')
    const until = Date.now() + 20_000
    while (!events().includes('cache-held') && Date.now() < until) await write(400)
    dying.kill('SIGKILL')
    await once(dying, 'exit')
    await expectStoring()
    await write(4000)
    expect(largest).to.be.at.most(LIMIT)
  }).timeout(60_000)
})

/** An entry that lives for long, of any kind. */
function entry(seed: number): Uint8Array {
  const value = Buffer.alloc(300, seed)
  value[0] = 1
  value.writeUIntBE(Date.now(), 2, 6)
  value.writeUIntBE(Date.now() + 3_600_000, 8, 6)
  return value
}
