import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { open } from 'lmdb'
import { BatchWriter, Operation } from '../../src/cache/batch.ts'
import { Cache } from '../../src/cache/cache.ts'
import { expiresMsOf, Shape } from '../../src/cache/entry.ts'
import { LmdbFile, type LmdbFileOptions } from '../../src/cache/lmdb-file.ts'
import { Rank } from '../../src/cache/rank.ts'
import { WRITE_KINDS } from '../../src/metrics/keeper.ts'
import { BUCKETS, readHistogram } from '../../src/metrics/tables.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { rrset } from '../../src/wire/rrset.ts'
import { Type } from '../../src/wire/types.ts'
import { ManualClock } from '../support/clock.ts'
import { LocalKeeper, MIB, temporaryFolder } from './local-keeper.ts'
import { octets, textOf } from './store-suite.ts'

function batchOf(...keys: string[]): Uint8Array {
  const batch = new BatchWriter()
  for (const key of keys) batch.add(Operation.PUT, octets(key), octets(`=${key}`))
  return batch.take()
}

describe('LmdbFile: which file is trusted', () => {
  let folder: string
  let path: string
  let log: { event: string; reason: string }[]
  let files = 0
  const openFile = (options: Partial<LmdbFileOptions> = {}) =>
    new LmdbFile({
      path,
      sizeMax: 16 * MIB,
      clock: new ManualClock(),
      bootId: 'this boot',
      newFileId: () => `file ${++files}`,
      log: (event, fields) => void log.push({ event, reason: String(fields.reason) }),
      ...options,
    })
  /** What there is under 'key', read by a handle of its own; and that the file can be written. */
  const check = async (file: LmdbFile): Promise<string | undefined> => {
    const db = open<Uint8Array, Uint8Array>({
      path,
      noSubdir: true,
      readOnly: true,
      keyEncoding: 'binary',
      encoding: 'binary',
    })
    const value = textOf(db.getBinary(Buffer.from('key')))
    await db.close()
    expect(file.write([batchOf('another')])).to.equal(true)
    return value
  }

  beforeEach(async () => {
    folder = temporaryFolder()
    path = join(folder, 'deep', 'data.mdb')
    log = []
    const file = openFile()
    file.write([batchOf('key')])
    await file.close()
    expect(log).to.deep.equal([])
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const setState = (state: object | string) =>
    writeFileSync(`${path}-state`, typeof state === 'string' ? state : JSON.stringify(state))

  /** Opens once more, expects `event` (or none), and that the old entry is there only when nothing happened. */
  const reopen = async (event: string | undefined, options: Partial<LmdbFileOptions> = {}) => {
    const file = openFile(options)
    expect(log.map((line) => line.event)).to.deep.equal(event === undefined ? [] : [event])
    expect(await check(file)).to.equal(event === undefined ? '=key' : undefined)
    expect(existsSync(`${path}.damaged`)).to.equal(event === 'cache-set-aside')
    const { fileId } = file
    await file.close()
    return fileId
  }

  it('one closed in order, under whatever boot', async () => {
    await reopen(undefined)
    await reopen(undefined, { bootId: 'another boot' })
  })

  it('keeps its id for as long as it lives', async () => {
    const id = await reopen(undefined)
    expect(await reopen(undefined)).to.equal(id)
  })

  it('one whose keeper was killed, under the same boot', async () => {
    setState({ phase: 'open', bootId: 'this boot', attempts: 0 })
    await reopen(undefined)
  })

  it('not one left open when the machine went down', async () => {
    setState({ phase: 'open', bootId: 'earlier boot', attempts: 0 })
    await reopen('cache-discarded')
  })

  it('not one whose state is absent or unreadable', async () => {
    rmSync(`${path}-state`)
    await reopen('cache-discarded')
    log = []
    setState('{"phase":')
    await reopen('cache-discarded')
    log = []
    setState('null')
    await reopen('cache-discarded')
  })

  it('not one the keeper died of, three times in a row', async () => {
    setState({ phase: 'opening', bootId: 'this boot', attempts: 2 })
    await reopen(undefined)
    setState({ phase: 'opening', bootId: 'this boot', attempts: 3 })
    await reopen('cache-set-aside')
  })

  it('counts how often it is being opened', async () => {
    setState({ phase: 'opening', bootId: 'this boot', attempts: 1 })
    writeFileSync(path, 'damaged')
    let seen = ''
    const file = openFile({ log: () => (seen = readFileSync(`${path}-state`, 'utf8')) })
    expect(JSON.parse(seen)).to.include({ phase: 'opening', attempts: 2 })
    await file.close()
  })

  it('not one of garbage, of text, or with a broken head', async () => {
    for (const content of [
      Buffer.alloc(65_536, 0xa5),
      Buffer.alloc(65_536),
      Buffer.from('hello, world\n'),
      Buffer.of(1),
    ]) {
      writeFileSync(path, content)
      log = []
      await reopen('cache-set-aside')
      expect(readFileSync(`${path}.damaged`).equals(content)).to.equal(true)
      rmSync(`${path}.damaged`)
    }
  })

  it('one of no length is simply filled', async () => {
    writeFileSync(path, '')
    const file = openFile()
    expect(log).to.deep.equal([])
    expect(await check(file)).to.equal(undefined)
    await file.close()
  })

  it('not one cut short', async () => {
    const file = openFile()
    file.write([batchOf(...Array.from({ length: 3000 }, (_, i) => `filling ${i}`))])
    await file.close()
    truncateSync(path, Math.floor(statSync(path).size / 2 / 4096) * 4096)
    await reopen('cache-set-aside')
  })

  it('not one of another format or byte order', async () => {
    for (const place of [0, 1]) {
      const db = open<Uint8Array, Uint8Array>({ path, noSubdir: true, keyEncoding: 'binary', encoding: 'binary' })
      const key = [...db.getKeys({ start: Buffer.of(255, 255) })][0]
      const mark = db.getBinary(key)!
      mark[place] ^= 7
      db.putSync(key, mark)
      await db.close()
      log = []
      await reopen('cache-set-aside')
      expect(log[0].reason).to.match(/not of format/)
      rmSync(`${path}.damaged`)
    }
  })

  it('not one that some other program made with LMDB', async () => {
    rmSync(path)
    const db = open<Uint8Array, Uint8Array>({ path, noSubdir: true, keyEncoding: 'binary', encoding: 'binary' })
    db.putSync(Buffer.from('key'), Buffer.from('=key'))
    await db.close()
    await reopen('cache-set-aside')
  })

  it('says so by throwing when no file can be made at all', () => {
    writeFileSync(join(folder, 'in the way'), '')
    path = join(folder, 'in the way', 'data.mdb')
    expect(() => openFile()).to.throw(/ENOTDIR|EEXIST/)
  })
})

describe('LmdbFile: batches', () => {
  let keeper: LocalKeeper
  beforeEach(() => {
    keeper = new LocalKeeper()
  })
  afterEach(() => keeper.close())

  it('damaged ones do no harm; what came before the damage counts', () => {
    const whole = batchOf('a', 'b')
    for (let end = 0; end < whole.length; end++) keeper.file.write([whole.subarray(0, end)])
    for (let at = 0; at < whole.length; at++) {
      const damaged = whole.slice()
      damaged[at] ^= 0x81
      expect(keeper.file.write([damaged])).to.equal(true)
    }
    keeper.file.write([whole])
    keeper.store.acknowledge(0) // a fresh snapshot
    expect(textOf(keeper.store.get(octets('b')))).to.equal('=b')
    expect(keeper.file.stats().failedCommits).to.equal(0)
  })

  it('never touch the file’s own mark', async () => {
    const batch = new BatchWriter()
    const own = Buffer.from('\xff\xffbowline', 'latin1')
    batch.add(Operation.PUT, own, octets('x'))
    batch.add(Operation.REMOVE, own, octets(''))
    batch.add(Operation.REMOVE_RANGE, octets('\0'), octets('\xff\xff\xff'))
    keeper.file.write([batch.take()])
    keeper.store.connected('another') // reads the mark
    expect(keeper.store.stats()).to.include({ entries: 1, readErrors: 0 })
  })

  it('purge counts what it removes', () => {
    keeper.file.write([batchOf(...Array.from({ length: 5000 }, (_, i) => `a${i}`), 'b', 'c')])
    const purging = keeper.file.purging([{ range: [octets('a'), octets('b')] }, { range: [octets('c'), octets('d')] }])
    let step = purging.next()
    while (!step.done) step = purging.next()
    const removed = step.value
    expect(removed).to.equal(5001)
    keeper.store.acknowledge(0) // a fresh snapshot
    expect(textOf(keeper.store.get(octets('b')))).to.equal('=b')
  })
})

describe('LmdbFile: keeping within its size', () => {
  const limit = 8 * MIB
  let clock: ManualClock
  let keeper: LocalKeeper
  let cache: Cache
  beforeEach(() => {
    clock = new ManualClock()
    keeper = new LocalKeeper({ clock, file: { sizeMax: limit } })
    cache = new Cache(keeper.store, clock, { ttlMin: 0, ttlMax: 86_400, negativeTtlMax: 3600 })
  })
  afterEach(() => keeper.close())

  const insert = async (count: number, ttl: (i: number) => number, label: string, watch = () => {}) => {
    for (let i = 0; i < count; i++) {
      const owner = nameFromText(`${label}-${(i * 7919) % 100_003}.example.org`)
      cache.insert(rrset(owner, Type.TXT, ttl(i), [new Uint8Array(150)]), { rank: Rank.ANSWER, security: 'insecure' })
      if (i % 100 === 99) {
        await keeper.settle()
        watch()
      }
    }
  }
  /** What is left of each entry's time, in seconds. */
  const remaining = () => {
    keeper.store.acknowledge(0) // a fresh snapshot
    const entries = [...keeper.store.range(octets('\0'), octets('\xfe'))]
    return entries.map(({ value }) => (expiresMsOf(value) - clock.wallMs()) / 1000)
  }

  it('the file never grows beyond the limit, however much comes in', async () => {
    let largest = 0
    await insert(
      40_000,
      () => 300,
      'flood',
      () => {
        largest = Math.max(largest, keeper.file.stats().fileBytes)
      },
    )
    expect(largest).to.be.within(0.75 * limit, limit)
    expect(keeper.file.stats()).to.include({ failedCommits: 0, evictedExpired: 0 })
    expect(remaining()).to.have.length.greaterThan(5000)
  })

  it('evicts no more than it must', async () => {
    await insert(40_000, () => 300, 'fill')
    while (keeper.file.evictStep());
    expect(keeper.file.stats().usedBytes).to.be.within(0.7 * limit, 0.75 * limit)
    const { evictedLive } = keeper.file.stats()
    expect(keeper.file.evictStep()).to.equal(false)
    expect(keeper.file.stats().evictedLive).to.equal(evictedLive)
  })

  it('lets go of what has expired first', async () => {
    await insert(16_000, () => 60, 'short')
    clock.advance(60_000)
    await insert(16_000, () => 80_000, 'long')
    const { evictedExpired, evictedLive } = keeper.file.stats()
    expect(evictedExpired).to.be.greaterThan(5 * evictedLive)
    expect(evictedExpired).to.be.greaterThan(1000)
  })

  it('keeps what is asked for, and what costs much to learn again, rather than what is not', async () => {
    const asked = nameFromText('asked.example.org')
    cache.insert(rrset(asked, Type.TXT, 300, [new Uint8Array(150)]), { rank: Rank.ANSWER, security: 'insecure' })
    for (let i = 0; i < 200; i++)
      cache.insertDelegation({
        zone: nameFromText(`zone-${i}.org`),
        leaseUntilMs: clock.wallMs() + 300_000,
        nameservers: [{ name: nameFromText('ns.example.org'), addresses: [] }],
      })
    for (let i = 0; i < 1000; i++) cache.lookup(asked, Type.TXT)
    await keeper.settle()
    await insert(60_000, () => 300, 'flood')
    keeper.store.acknowledge(0)
    const delegations = Array.from({ length: 200 }, (_, i) => cache.closestDelegation(nameFromText(`zone-${i}.org`)))
    expect(delegations.filter((delegation) => delegation !== undefined)).to.have.length(200)
    expect(keeper.file.stats().evictedLive).to.be.above(20_000)
    expect(cache.lookup(asked, Type.TXT)).to.not.equal(undefined)
  })

  it('does not outgrow its limit while a reader holds on to an old snapshot, and stores again when it lets go', async () => {
    const db = open<Uint8Array, Uint8Array>({ path: join(keeper.folder, 'data.mdb'), noSubdir: true, readOnly: true })
    await insert(24_000, () => 300, 'before')
    const held = db.useReadTransaction()
    let largest = 0
    await insert(
      30_000,
      () => 300,
      'meanwhile',
      () => {
        largest = Math.max(largest, keeper.file.stats().fileBytes)
        clock.advance(100)
      },
    )
    expect(largest).to.be.at.most(limit)
    const stats = keeper.file.stats()
    expect(stats.refusedCommits).to.be.within(5, 30)
    expect(stats.failedCommits).to.be.greaterThan(250)
    expect(keeper.log).to.have.length(1)
    expect(keeper.log[0]).to.deep.include({ event: 'cache-held' })
    expect(keeper.log[0].fields.holder).to.equal(process.pid)
    held.done()
    await db.close()
    clock.advance(10_000)
    await insert(2000, () => 300, 'afterwards')
    expect(keeper.file.stats().fileBytes).to.be.at.most(limit)
    expect(keeper.file.stats().failedCommits).to.equal(stats.failedCommits)
  })

  it('counts what eviction took, and how long storing waited behind it at most', async () => {
    let readings = 0
    clock.monotonicMs = () => readings++ // a millisecond each time somebody looks
    await insert(40_000, () => 300, 'flood')
    const stats = keeper.file.stats()
    expect(stats.evictions).to.be.above(10)
    expect(stats.evictionMs).to.be.at.least(stats.evictions)
    const { count, sum, atMost } = readHistogram(keeper.file.evictionTimes, 0)
    expect([count, atMost[BUCKETS.indexOf(0.005)]]).to.deep.equal([stats.evictions, stats.evictions])
    expect(sum).to.be.closeTo(stats.evictionMs / 1000, 1e-6)
    expect(stats.longestEvictionMs).to.be.within(1, 5)
    expect(stats.longestWaitMs).to.be.at.least(stats.longestEvictionMs)
    expect(stats.commitMs).to.be.at.least(400)
  })
})

describe('LmdbFile: transactions that LMDB refuses', () => {
  let keeper: LocalKeeper
  beforeEach(() => {
    keeper = new LocalKeeper()
    keeper.file.write([batchOf('before')])
  })
  afterEach(() => keeper.close())

  const CONFUSED = Object.assign(new Error('reserved freelist had a data entry'), { code: -30782 })
  /** The next `times` transactions fail; unless told otherwise, after what there is to do and with what LMDB says of a list of
   *  free pages it is confused by. */
  const refuse = (times: number, error = CONFUSED) => {
    const { db } = keeper.file as unknown as { db: { transactionSync(action: () => void): void } }
    const real = db.transactionSync
    Object.defineProperty(db, 'transactionSync', {
      configurable: true,
      value(action: () => void) {
        return real.call(this, () => {
          action()
          if (times-- > 0) throw error
        })
      },
    })
  }
  const value = () => {
    keeper.store.acknowledge(0) // a fresh snapshot
    return ['before', 'a'].map((key) => textOf(keeper.store.get(octets(key))))
  }
  it('are tried again, and nothing is lost', () => {
    refuse(1)
    expect(keeper.file.write([batchOf('a')])).to.equal(true)
    expect(value()).to.deep.equal(['=before', '=a'])
    expect(keeper.file.stats()).to.include({ repeatedCommits: 1, reopenings: 0, failedCommits: 0 })
    expect(keeper.log).to.deep.equal([])
  })

  it('are tried once more with the file closed, checked and opened again; it is the same file', () => {
    const { fileId } = keeper.file
    refuse(2)
    expect(keeper.file.write([batchOf('a')])).to.equal(true)
    expect(keeper.file.fileId).to.equal(fileId)
    expect(value()).to.deep.equal(['=before', '=a'])
    expect(keeper.file.stats()).to.include({ repeatedCommits: 1, reopenings: 1, failedCommits: 0 })
    expect(keeper.log.map(({ event }) => event)).to.deep.equal(['cache-reopened'])
  })

  it('count for nothing in what was stored, which is told by kind', () => {
    expect(WRITE_KINDS).to.have.length(Math.max(...Object.values(Shape)))
    const cache = new Cache(keeper.store, new ManualClock(), { ttlMin: 0, ttlMax: 86_400, negativeTtlMax: 3600 })
    const insert = (owner: string) =>
      cache.insert(rrset(nameFromText(owner), Type.A, 300, [Uint8Array.of(192, 0, 2, 1)]), {
        rank: Rank.ANSWER,
        security: 'insecure',
      })
    const written = () => [keeper.file.written[Shape.RRSET], keeper.file.written[Shape.NXDOMAIN]]
    refuse(1)
    insert('one.example.org')
    cache.insertDenial('nxdomain', nameFromText('two.example.org'), Type.A, [], { security: 'insecure', ttl: 300 })
    keeper.settle()
    expect(written()).to.deep.equal([1, 1])
    refuse(1, Object.assign(new Error('No space left on device'), { code: 28 }))
    insert('three.example.org')
    keeper.settle()
    expect(written()).to.deep.equal([1, 1])
    expect(keeper.file.stats()).to.include({ full: 1, failedCommits: 1 })
  })
})
