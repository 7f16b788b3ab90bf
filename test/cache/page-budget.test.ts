import { join } from 'node:path'
import { expect } from 'chai'
import { open } from 'lmdb'
import { BatchWriter, Operation, portionsOf } from '../../src/cache/batch.ts'
import { readerOptions } from '../../src/cache/lmdb-file.ts'
import { type FileStats, PageBudget, pagesFor } from '../../src/cache/page-budget.ts'
import { ManualClock } from '../support/clock.ts'
import { SeededRandom } from '../support/random.ts'
import { LocalKeeper, MIB } from './local-keeper.ts'

const stats = (last: number, leaves: number): FileStats => {
  const free = { treeDepth: 1, treeBranchPageCount: 0, treeLeafPageCount: 1, overflowPages: 0, entryCount: 2 }
  const tree = {
    treeDepth: 2,
    treeBranchPageCount: 1,
    treeLeafPageCount: leaves,
    overflowPages: 0,
    entryCount: 9 * leaves,
  }
  return { pageSize: 4096, lastPageNumber: last, lastTxnId: 10, ...tree, free }
}
const WORK = { writes: 10, octets: 3000, longOctets: 0 }

describe('PageBudget', () => {
  it('knows that a file with room in itself need not grow', () => {
    const roomy = stats(1000, 500)
    expect(new PageBudget().growth(pagesFor(WORK, roomy), WORK, roomy)).to.equal(0)
    const full = stats(503, 500)
    expect(new PageBudget().growth(pagesFor(WORK, full), WORK, full)).to.equal(pagesFor(WORK, full))
  })

  it('counts as taken what the last transactions gave back, the more the older the oldest snapshot', () => {
    const budget = new PageBudget()
    const now = stats(1000, 500)
    for (let i = 0; i < 4; i++) budget.note(100, now, now)
    const grows = (oldest?: number) => budget.growth(450, WORK, now, oldest)
    const free = 1000 + 1 - 2 - 501 - 1
    expect([grows(), grows(10), grows(9), grows(8), grows(7)]).to.deep.equal(
      [100, 100, 200, 300, 400].map((unusable) => Math.max(0, 450 - (free - unusable))),
    )
    expect(grows(6)).to.equal(450) // that was before the first it knows of
  })

  it('expects long values to find no place', () => {
    const roomy = stats(1000, 500)
    expect(new PageBudget().growth(20, { ...WORK, longOctets: 9000 }, roomy)).to.equal(3)
  })
})

describe('LmdbFile: its limit', () => {
  const SHAPES = [
    { operations: 1, octets: 300 },
    { operations: 209, octets: 300 },
    { operations: 600, octets: 40 },
    { operations: 60, octets: 2500 },
    { operations: 8, octets: 20_000 },
    { operations: 150, octets: 6000 },
  ]
  for (const { operations, octets } of SHAPES)
    it(`holds for batches of ${operations} entries of ${octets} octets and more, with a snapshot held and without`, async () => {
      const sizeMax = 2 * MIB
      const clock = new ManualClock()
      const random = new SeededRandom(operations)
      const keeper = new LocalKeeper({ clock, file: { sizeMax } })
      keeper.store.renewView() // its own snapshot, which would last as long as this turn
      let stored = 0
      const write = (total: number) => {
        for (let left = total; left > 0; left -= operations * octets) {
          const batch = new BatchWriter()
          for (let i = 0; i < operations; i++) {
            const value = Buffer.alloc(octets + random.below(octets), 1)
            value.writeUIntBE(clock.wallMs(), 2, 6)
            value.writeUIntBE(clock.wallMs() + 3_600_000, 8, 6)
            batch.add(Operation.PUT, Buffer.from(`\0r${random.below(1_000_000)}`), value)
          }
          if (keeper.file.write([batch.take()])) stored++
          clock.advance(100)
          expect(keeper.file.stats().fileBytes).to.be.at.most(sizeMax)
        }
      }
      write(3 * sizeMax)
      expect(stored).to.be.greaterThan(0)
      const reader = open<Uint8Array, Uint8Array>(readerOptions(join(keeper.folder, 'data.mdb'), sizeMax))
      const held = reader.useReadTransaction()
      reader.getBinary(Buffer.from('any'))
      write(sizeMax)
      held.done()
      await reader.close()
      stored = 0
      write(sizeMax)
      expect(stored).to.be.greaterThan(0)
      await keeper.close()
    })
})

describe('portionsOf', () => {
  const batchOf = (...lengths: number[]) => {
    const batch = new BatchWriter()
    for (const [i, length] of lengths.entries()) batch.add(Operation.PUT, Uint8Array.of(i), new Uint8Array(length))
    return batch.take()
  }
  const cut = (batches: Uint8Array[], octets: number, writes = 1000) => [...portionsOf(batches, { octets, writes })]
  const lengths = (batches: Uint8Array[], octets: number, writes?: number) =>
    cut(batches, octets, writes).map((portion) => portion.batches.map(({ length }) => length))

  it('puts small batches together, and cuts a large one between its operations', () => {
    expect(lengths([batchOf(92), batchOf(92)], 200)).to.deep.equal([[100, 100]])
    expect(lengths([batchOf(92), batchOf(92, 92)], 200)).to.deep.equal([[100, 100], [100]])
    expect(lengths([batchOf(92, 92, 92, 92)], 1000, 3)).to.deep.equal([[300], [100]])
    expect(lengths([batchOf(492)], 200)).to.deep.equal([[500]])
    expect(lengths([], 200)).to.deep.equal([])
  })

  it('leaves a long value by itself', () => {
    const portions = cut([batchOf(92, 4992, 92)], 10_000)
    expect(portions.map(({ octets, longOctets }) => [octets, longOctets])).to.deep.equal([
      [100, 0],
      [5000, 4992],
      [100, 0],
    ])
  })

  it('counts what changes entries, and tells of ranges', () => {
    const batch = new BatchWriter()
    batch.add(Operation.TOUCH, Uint8Array.of(1), new Uint8Array())
    batch.add(Operation.REMOVE, Uint8Array.of(2), new Uint8Array())
    batch.add(Operation.REMOVE_RANGE, Uint8Array.of(3), Uint8Array.of(4))
    const [portion] = cut([batch.take()], 1000)
    expect(portion).to.include({ writes: 1, octets: 25 })
    expect(portion.ranges.map(({ from, to }) => [...from, ...to])).to.deep.equal([[3, 4]])
  })

  it('keeps what is damaged, and all that follows in its batch, together', () => {
    const damaged = Buffer.concat([batchOf(92), Uint8Array.of(9, 0, 1, 0, 0, 0, 0, 1), batchOf(92)])
    expect(lengths([damaged, batchOf(92)], 150)).to.deep.equal([[100], [108], [100]])
    expect(lengths([batchOf(92, 92).subarray(0, 150)], 1000)).to.deep.equal([[150]])
  })
})
