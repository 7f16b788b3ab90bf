import { MemoryStore } from '../../src/cache/memory-store.ts'
import { describeCache } from './cache-suite.ts'
import { LocalKeeper } from './local-keeper.ts'

describeCache('memory', async () => {
  const store = new MemoryStore()
  return { store, settle: async () => {}, close: () => store.close() }
})

describeCache('LMDB', async () => new LocalKeeper())
