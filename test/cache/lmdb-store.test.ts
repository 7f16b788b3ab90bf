import { expect } from 'chai'
import { ManualClock } from '../support/clock.ts'
import { SeededRandom } from '../support/random.ts'
import { LocalKeeper, MIB } from './local-keeper.ts'
import { describeStore, octets, textOf } from './store-suite.ts'

describeStore('LmdbStore with a keeper in this process', async () => new LocalKeeper())

describe('LmdbStore: between put and the keeper’s word', () => {
  let clock: ManualClock
  let keeper: LocalKeeper
  beforeEach(() => {
    clock = new ManualClock()
    keeper = new LocalKeeper({ clock, store: { overlay: { entries: 10, bytes: 10_000, ageMs: 5000 } } })
  })
  afterEach(() => keeper.close())

  const get = (key: string) => textOf(keeper.store.get(octets(key)))
  const put = (key: string, value = `=${key}`) => keeper.store.put(octets(key), octets(value))

  it('finds its own entries although nobody took them', async () => {
    keeper.isThere = false
    put('a')
    await keeper.settle()
    expect(get('a')).to.equal('=a')
    expect(keeper.store.stats().dropped).to.equal(0) // not yet
    expect(keeper.file.stats().entries).to.equal(1) // the mark
  })

  it('lets them go when they have waited too long', async () => {
    keeper.isThere = false
    put('a')
    keeper.store.removeRange(octets('x'), octets('y'))
    await keeper.settle()
    clock.advance(5001)
    expect(get('a')).to.equal(undefined)
    expect(keeper.store.stats()).to.include({ pending: 0, dropped: 1 })
  })

  it('counts what was never handed over as dropped, and not what was written again meanwhile', async () => {
    keeper.isThere = false
    for (let i = 0; i < 30; i++) {
      put(`key ${i}`)
      put('the same')
      await keeper.settle()
    }
    expect(keeper.store.stats()).to.include({ pending: 10, dropped: 21 })
  })

  it('hands over in order what could not be handed over, once there is room', async () => {
    keeper.held = []
    put('sent')
    await keeper.settle()
    keeper.isThere = false
    put('refused')
    put('changed', 'first')
    await keeper.settle()
    keeper.isThere = true
    put('changed', 'second')
    await keeper.settle() // not before the others
    expect(keeper.held).to.have.length(1)
    keeper.store.resume()
    expect(keeper.held).to.have.length(2)
    keeper.store.acknowledge(keeper.held[0])
    expect(keeper.store.stats().pending).to.equal(2)
    keeper.store.acknowledge(keeper.held[1])
    expect(keeper.store.stats()).to.include({ pending: 0, dropped: 0 })
    expect(['sent', 'refused', 'changed'].map(get)).to.deep.equal(['=sent', '=refused', 'second'])
    put('and on')
    await keeper.settle()
    expect(keeper.held).to.have.length(3)
  })

  it('forgets what could not be handed over when something is cleared meanwhile, and only then', async () => {
    put('sent')
    await keeper.settle()
    keeper.held = []
    put('on its way')
    await keeper.settle()
    keeper.store.forgetUnsent()
    expect(keeper.store.stats().pending).to.equal(1)
    keeper.isThere = false
    put('refused')
    await keeper.settle()
    keeper.store.forgetUnsent()
    keeper.isThere = true
    keeper.store.resume()
    put('and on')
    await keeper.settle()
    expect(keeper.held).to.have.length(2)
    expect(['sent', 'refused', 'and on'].map(get)).to.deep.equal(['=sent', undefined, '=and on'])
  })

  it('hands over much in batches that are not too large for anybody, and stops where there is no more room', async () => {
    const large = new LocalKeeper({ clock, file: { sizeMax: 64 * MIB } })
    large.isThere = false
    for (let i = 0; i < 3000; i++) large.store.put(octets(`key ${i}`), new Uint8Array(1000).fill(i))
    await large.settle()
    const taken: number[] = []
    large.send = (sequence, batch) => {
      if (taken.length === 20) return false
      taken.push(sequence)
      return batch.length < 80_000 && large.file.write([batch])
    }
    large.store.connected(large.file.fileId)
    expect(taken).to.have.length(20)
    for (const sequence of taken) large.store.acknowledge(sequence)
    expect(large.store.stats().pending).to.be.within(1500, 1900)
    taken.splice(0)
    large.store.resume()
    taken.splice(0)
    large.store.resume()
    large.store.acknowledge(1000)
    expect(large.store.stats()).to.include({ pending: 0, dropped: 0 })
    for (let i = 0; i < 3000; i++) expect(large.store.get(octets(`key ${i}`))?.[999]).to.equal(i & 255)
    await large.close()
  })

  it('sends them again to a keeper that is back, removals too', async () => {
    put('old')
    put('gone')
    await keeper.settle()
    keeper.isThere = false
    put('a')
    keeper.store.remove(octets('gone'))
    keeper.store.removeRange(octets('o'), octets('p'))
    await keeper.settle()
    keeper.isThere = true
    keeper.store.connected(keeper.file.fileId)
    await keeper.settle()
    expect(keeper.store.stats().pending).to.equal(0)
    expect([get('a'), get('gone'), get('old')]).to.deep.equal(['=a', undefined, undefined])
  })

  it('keeps only so many, the newest', async () => {
    keeper.isThere = false
    for (let i = 0; i < 30; i++) put(`key ${i}`)
    expect(keeper.store.stats().pending).to.equal(10)
    expect(get('key 29')).to.equal('=key 29')
    expect(get('key 0')).to.equal(undefined)
    put('large', 'x'.repeat(9_950))
    expect(keeper.store.stats().pending).to.be.lessThan(10)
    expect(get('large')).to.have.length(9_950)
  })

  it('does not lose a second value to the word about the first', async () => {
    keeper.held = []
    put('a', 'first')
    await keeper.settle()
    put('a', 'second')
    keeper.store.acknowledge(keeper.held[0])
    expect(get('a')).to.equal('second')
    await keeper.settle()
    keeper.store.acknowledge(keeper.held[1])
    expect(keeper.store.stats().pending).to.equal(0)
    expect(get('a')).to.equal('second')
  })

  it('sees in the same turn what has just been acknowledged', async () => {
    expect(get('a')).to.equal(undefined) // now there is a snapshot without it
    put('a')
    await keeper.settle()
    expect(keeper.store.stats().pending).to.equal(0)
    expect(get('a')).to.equal('=a')
  })

  it('reads the new file when the keeper has begun one', async () => {
    put('a')
    await keeper.settle()
    expect(get('a')).to.equal('=a')
    keeper.store.connected('another file') // as it would say; the path leads to the same one here
    expect(get('a')).to.equal('=a')
    expect(keeper.store.stats().readErrors).to.equal(0)
  })

  it('takes nothing once closed, and does not mind', async () => {
    await keeper.store.close()
    put('a')
    keeper.store.remove(octets('a'))
    keeper.store.acknowledge(7)
    expect(get('a')).to.equal(undefined)
    expect([...keeper.store.range(octets('a'), octets('z'))]).to.deep.equal([])
  })
})

describe('LmdbStore beside a Map', () => {
  for (let seed = 1; seed <= 12; seed++) {
    it(`shows what was written last, whenever batches are taken, refused, lost and sent again (seed ${seed})`, async () => {
      const random = new SeededRandom(seed)
      const keeper = new LocalKeeper({ store: { overlay: { entries: 10_000, bytes: MIB, ageMs: 5000 } } })
      const { store } = keeper
      const truth = new Map<string, string>()
      /** On their way, in order; and those that are written, but not acknowledged yet. */
      let sent: { sequence: number; batch: Uint8Array }[] = []
      let written: number[] = []
      let room = 3
      keeper.send = (sequence, batch) => {
        if (!keeper.isThere || sent.length >= room) return false
        sent.push({ sequence, batch })
        return true
      }
      const write = () => {
        const next = sent.shift()
        if (next === undefined) return
        expect(keeper.file.write([next.batch])).to.equal(true)
        written.push(next.sequence)
      }
      const acknowledge = () => {
        const sequence = written.pop()
        if (sequence === undefined) return
        written = [] // one word for all
        store.acknowledge(sequence)
      }
      const key = () => `${'abcdefgh'[random.below(8)]}${random.below(12)}`
      const step = async () => {
        switch (random.below(14)) {
          case 0:
          case 1:
          case 2:
          case 3: {
            const [at, value] = [key(), `${random.next()}`]
            store.put(octets(at), octets(value))
            truth.set(at, value)
            break
          }
          case 4: {
            const at = key()
            store.remove(octets(at))
            truth.delete(at)
            break
          }
          case 5: {
            if (random.below(4) > 0) break
            const [from, to] = [key(), key()].sort()
            store.removeRange(octets(from), octets(to))
            for (const at of truth.keys()) if (at >= from && at < to) truth.delete(at)
            break
          }
          case 6:
          case 7:
            await keeper.settle()
            break
          case 8:
          case 9:
            write()
            break
          case 10:
            acknowledge()
            break
          case 11:
            room = 1 + random.below(4)
            store.resume()
            break
          case 12:
            if (random.below(4) === 0) keeper.isThere = false
            break
          default: // what was on its way is lost, and so is the word about what was written
            if (random.below(4) > 0) break
            sent = []
            written = []
            keeper.isThere = true
            store.connected(keeper.file.fileId)
        }
      }
      const shown = (reverse: boolean) =>
        [...store.range(octets('a'), octets('i'), { reverse })].map((pair) => [textOf(pair.key), textOf(pair.value)])
      for (let i = 0; i < 600; i++) {
        await step()
        const at = key()
        expect(textOf(store.get(octets(at))), `step ${i}`).to.equal(truth.get(at))
        if (i % 10 > 0) continue
        const sorted = [...truth].sort(([a], [b]) => (a < b ? -1 : 1))
        expect(shown(false), `step ${i}`).to.deep.equal(sorted)
        expect(shown(true), `step ${i}`).to.deep.equal(sorted.reverse())
      }
      keeper.isThere = true
      room = 1000
      await keeper.settle()
      store.resume()
      while (sent.length > 0) write()
      acknowledge()
      expect(store.stats()).to.include({ pending: 0, dropped: 0 })
      expect(shown(false)).to.deep.equal([...truth].sort(([a], [b]) => (a < b ? -1 : 1)))
      await keeper.close()
    })
  }
})
