import { once } from 'node:events'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { expect } from 'chai'
import { Cache } from '../../src/cache/cache.ts'
import { Rank } from '../../src/cache/rank.ts'
import { systemClock } from '../../src/io/clock.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { rrset } from '../../src/wire/rrset.ts'
import { Type } from '../../src/wire/types.ts'
import type { CacheOrder } from '../../workers/messages.ts'
import { describeCache } from '../cache/cache-suite.ts'
import { MIB } from '../cache/local-keeper.ts'
import { describeStore, octets, textOf } from '../cache/store-suite.ts'
import { KeeperProcess, pause, until, type WorkerEnd } from './keeper-process.ts'

describe('the keeper process', () => {
  describe('behind a store and a cache', () => {
    let keeper: KeeperProcess
    before(async () => {
      keeper = new KeeperProcess()
      expect(await keeper.start()).to.deep.equal({ kind: 'ready' })
    })
    after(() => keeper.remove())

    const cleared = async () => {
      const end = await keeper.connect()
      end.store.clear()
      await end.settle()
      await until('an empty file', () => end.store.stats().entries <= 1)
      return end
    }
    describeStore('LmdbStore with a keeper process', cleared)
    describeCache('LMDB with a keeper process', cleared)
  })

  describe('its life', () => {
    let keeper: KeeperProcess
    const ends: WorkerEnd[] = []
    const connectEnd = async (options = {}) => {
      const end = await keeper.connect(options)
      ends.push(end)
      return end
    }
    beforeEach(() => {
      keeper = new KeeperProcess()
    })
    afterEach(async () => {
      for (const end of ends.splice(0)) await end.close()
      await keeper.remove()
    })

    const put = (end: WorkerEnd, key: string) => end.store.put(octets(key), octets(`=${key}`))
    const get = (end: WorkerEnd, key: string) => textOf(end.store.get(octets(key)))

    it('what one worker stores, another sees', async () => {
      await keeper.start()
      const [one, other] = [await connectEnd(), await connectEnd()]
      expect(get(other, 'a')).to.equal(undefined)
      put(one, 'a')
      await until('it to be seen', () => get(other, 'a') === '=a')
      other.store.remove(octets('a'))
      await other.settle()
      await until('it to be gone', () => get(one, 'a') === undefined)
    })

    const order = async (asked: CacheOrder): Promise<unknown> => {
      keeper.process!.send({ kind: 'ask-cache', id: 1, order: asked })
      for (;;) {
        const [message] = await once(keeper.process!, 'message')
        if (message.kind === 'cache') return message.answer
      }
    }

    it('clears also what workers have not handed over yet, and tells them all', async () => {
      await keeper.start()
      let cleared = 0
      const held = await connectEnd({ onCleared: () => cleared++ })
      const other = await connectEnd({ onCleared: () => cleared++ })
      const clock = systemClock
      const cache = new Cache(held.store, clock, { ttlMin: 0, ttlMax: 3600, negativeTtlMax: 3600 })
      const mirror = new Cache(other.store, clock, { ttlMin: 0, ttlMax: 3600, negativeTtlMax: 3600 })
      const set = (owner: string) => rrset(nameFromText(owner), Type.A, 300, [Uint8Array.of(192, 0, 2, 1)])
      for (const owner of ['a.example', 'b.example', 'example.org'])
        cache.insert(set(owner), { rank: Rank.ANSWER, security: 'insecure' })
      expect(await order({ kind: 'clear', name: 'example' })).to.deep.equal({ count: 2, complete: true })
      expect(cleared).to.equal(2)
      for (const end of [cache, mirror])
        expect(
          ['a.example', 'example.org'].map((owner) => end.lookup(nameFromText(owner), Type.A)?.kind),
        ).to.deep.equal([undefined, 'rrset'])
    })

    it('of the workers that want to refresh a name before it expires, only one does', async () => {
      await keeper.start()
      const limits = { ttlMin: 0, ttlMax: 3600, negativeTtlMax: 3600 }
      const ends = [await connectEnd(), await connectEnd(), await connectEnd()]
      const caches = ends.map((end) => new Cache(end.store, systemClock, limits))
      const expiring = nameFromText('www.example')
      expect(caches[0].claimRefresh(expiring, Type.A)).to.equal(true)
      expect(caches[0].claimRefresh(expiring, Type.A)).to.equal(false)
      await ends[0].settle()
      await pause(0) // the others' snapshots are of this turn
      expect(caches.slice(1).map((cache) => cache.claimRefresh(expiring, Type.A))).to.deep.equal([false, false])
      expect(caches[1].claimRefresh(expiring, Type.AAAA)).to.equal(true)
    })

    it('a worker that was away while something was cleared does not bring it back', async () => {
      await keeper.start()
      let cleared = 0
      const end = await connectEnd({ onCleared: () => cleared++ })
      await keeper.kill()
      await until('the loss', () => !end.link.isConnected)
      put(end, '\0ra')
      const path = keeper.socketPath
      Object.assign(keeper, { socketPath: `${path}-elsewhere` })
      await keeper.start()
      await order({ kind: 'clear', name: '.' })
      await keeper.stop()
      Object.assign(keeper, { socketPath: path })
      await keeper.start()
      await until('the worker to be back', () => end.link.isConnected)
      expect(get(end, '\0ra')).to.equal(undefined)
      expect(cleared).to.equal(1)
    })

    it('what was stored outlives a restart in order', async () => {
      await keeper.start()
      const end = await connectEnd()
      put(end, 'a')
      await end.settle()
      expect(await keeper.stop()).to.equal(0)
      expect(existsSync(keeper.socketPath)).to.equal(false)
      await keeper.start()
      const later = await connectEnd()
      expect(get(later, 'a')).to.equal('=a')
      expect(keeper.log).to.deep.equal([])
    })

    it('writes what is on its way before it stops', async () => {
      await keeper.start()
      const end = await connectEnd()
      for (let i = 0; i < 2000; i++) put(end, `key ${i}`)
      await pause(0) // one turn: the batch is handed over
      await until('the batch to be on its way', () => end.link.isConnected)
      await end.settle()
      await keeper.stop()
      await keeper.start()
      const later = await connectEnd()
      for (let i = 0; i < 2000; i++) expect(get(later, `key ${i}`)).to.equal(`=key ${i}`)
    })

    it('killed and back, it goes on with the same file, and gets what was learnt meanwhile', async () => {
      await keeper.start()
      const end = await connectEnd()
      put(end, 'before')
      await end.settle()
      await keeper.kill()
      await until('the loss to be noticed', () => !end.link.isConnected)
      put(end, 'meanwhile')
      expect(get(end, 'meanwhile')).to.equal('=meanwhile')
      expect(get(end, 'before')).to.equal('=before')
      await keeper.start()
      await end.settle()
      const other = await connectEnd()
      expect([get(other, 'before'), get(other, 'meanwhile')]).to.deep.equal(['=before', '=meanwhile'])
      expect(end.link.counted.lost).to.equal(1)
      expect(keeper.log).to.deep.equal([])
    })

    it('a damaged file is set aside with one line in the log, and workers move to the new one', async () => {
      await keeper.start()
      const end = await connectEnd()
      put(end, 'old')
      await end.settle()
      expect(await keeper.stop()).to.equal(0)
      writeFileSync(keeper.path, Buffer.alloc(100_000, 'garbage'))
      expect(await keeper.start()).to.deep.equal({ kind: 'ready' })
      expect(keeper.log.map(({ event }) => event)).to.deep.equal(['cache-set-aside'])
      expect(existsSync(`${keeper.path}.damaged`)).to.equal(true)
      await until('the worker to be back', () => end.link.isConnected)
      put(end, 'new')
      await end.settle()
      const other = await connectEnd()
      for (const worker of [end, other])
        expect([get(worker, 'old'), get(worker, 'new')]).to.deep.equal([undefined, '=new'])
    })

    it('goes on when the disk has no room, and stores again', async () => {
      keeper = new KeeperProcess(64 * MIB)
      // A limit on the size of files, in blocks of 512 octets, stands in for a full disk.
      await keeper.start('trap "" XFSZ; ulimit -f 4096')
      const end = await connectEnd()
      const value = new Uint8Array(1000)
      for (let i = 0; i < 6000; i++) {
        end.store.put(octets(`key ${i}`), value)
        if (i % 50 === 49) await pause(1)
      }
      await end.settle()
      expect(statSync(keeper.path).size).to.be.at.most(2 * MIB)
      expect(keeper.process?.exitCode).to.equal(null)
      expect(keeper.log.map(({ event }) => event)).to.include('cache-no-space')
      const other = await connectEnd()
      await until('something new to be stored', () => {
        put(end, 'later')
        return get(other, 'later') === '=later'
      })
      expect(end.store.stats().readErrors).to.equal(0)
    }).timeout(30_000)

    it('says why when no file can be made', async () => {
      writeFileSync(keeper.storage, 'in the way')
      const said = await keeper.start()
      expect(said).to.include({ kind: 'failed', code: 'cache-storage' })
      expect(said.kind === 'failed' && said.message).to.match(/cache\/storage/)
      expect(said.kind === 'failed' && said.message).to.include(keeper.storage)
      await until('its end', () => keeper.process?.exitCode === 1)
    })

    it('keeps a second one off its folder, unless the first is just ending', async () => {
      await keeper.start()
      const second = new KeeperProcess(keeper.sizeMax, keeper.storage)
      try {
        const said = await second.start()
        expect(said).to.include({ kind: 'failed', code: 'cache-in-use' })
        expect(said.kind === 'failed' && said.message).to.include(
          `process ${process.pid}, with the keeper ${keeper.process?.pid}`,
        )
        setTimeout(() => void keeper.stop(), 300)
        expect(await second.start()).to.deep.equal({ kind: 'ready' })
      } finally {
        await second.remove()
      }
    })

    it('ends by itself, in order, when the supervisor is gone', async () => {
      await keeper.start()
      keeper.process?.disconnect()
      await until('its end', () => keeper.process?.exitCode === 0)
    })

    it('takes no harm from whoever speaks another language to it', async () => {
      await keeper.start()
      const end = await connectEnd()
      for (const noise of [
        Buffer.from('GET / HTTP/1.1\r\n\r\n'),
        Buffer.alloc(100, 255),
        Buffer.of(0, 0, 0, 0),
        Buffer.of(0, 0, 0, 3, 1, 2, 3),
      ]) {
        const socket = connect(keeper.socketPath)
        socket.on('error', () => {})
        socket.resume()
        socket.write(noise)
        await until('it to be hung up on', () => socket.closed)
      }
      put(end, 'a')
      await end.settle()
      expect(get(end, 'a')).to.equal('=a')
    })

    it('a worker whose keeper is slow keeps what it cannot hand over, and does so when there is room', async () => {
      await keeper.start()
      const end = await connectEnd({ maxWaiting: 300_000 })
      keeper.process?.kill('SIGSTOP')
      for (let i = 0; i < 3000; i++) {
        end.store.put(octets(`key ${i}`), new Uint8Array(1000).fill(i))
        if (i % 10 === 9) await pause(0)
      }
      await until('batches to be refused', () => end.link.counted.refused > 0)
      expect(end.store.get(octets('key 2999'))?.length).to.equal(1000)
      keeper.process?.kill('SIGCONT')
      await end.settle()
      expect(end.store.stats().dropped).to.equal(0)
      const other = await connectEnd()
      for (let i = 0; i < 3000; i++) expect(other.store.get(octets(`key ${i}`))?.[999]).to.equal(i & 255)
    })

    it('nobody but its user may write to it', async () => {
      await keeper.start()
      expect(statSync(keeper.socketPath).mode & 0o077).to.equal(0)
    })
  })
})
