/** What an operator can have the keeper do with the cache: clear, look, count. */

import { inspectName } from '../src/cache/inspect.ts'
import type { LmdbFile } from '../src/cache/lmdb-file.ts'
import { planPurge } from '../src/cache/purge.ts'
import type { Clock } from '../src/io/interfaces.ts'
import { nameFromText } from '../src/wire/name.ts'
import type { KeeperServer } from './keeper-server.ts'
import type { CacheContents, CacheFacts, CacheOrder, Cleared } from './messages.ts'

export interface OrderContext {
  file: LmdbFile
  server: KeeperServer
  clock: Clock
  sizeMax: number
}

/** Those there are, or the one that is named. */
function chosen(file: LmdbFile, partition: number | undefined): number[] {
  return partition === undefined ? file.partitions() : [partition]
}

export async function carryOut(
  order: CacheOrder,
  { file, server, clock, sizeMax }: OrderContext,
): Promise<Cleared | CacheContents | CacheFacts> {
  switch (order.kind) {
    case 'clear': {
      const { kind, name, partition, ...options } = order
      const plan = () => chosen(file, partition).flatMap((number) => planPurge(number, nameFromText(name), options))
      const { removed, unreached } = await server.clear(plan)
      return { count: removed ?? 0, complete: removed !== undefined && unreached === 0 }
    }
    case 'get': {
      const name = nameFromText(order.name)
      return {
        entries: chosen(file, order.partition).flatMap((number) => inspectName(file, number, name, clock.wallMs())),
      }
    }
    case 'stats':
      return { ...file.stats(), sizeMax, workers: server.connections }
  }
}
