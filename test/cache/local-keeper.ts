/** An LMDB store whose keeper lives in the same process: what a store does, without sockets in between. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LmdbFile, type LmdbFileOptions } from '../../src/cache/lmdb-file.ts'
import { LmdbStore, type LmdbStoreOptions, type Outlet } from '../../src/cache/lmdb-store.ts'
import type { Clock } from '../../src/io/interfaces.ts'
import { ManualClock } from '../support/clock.ts'
import type { StoreUnderTest } from './store-suite.ts'

export const MIB = 1024 * 1024

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'bowline-cache-'))
}

export interface LocalKeeperOptions {
  clock?: Clock
  file?: Partial<LmdbFileOptions>
  store?: Partial<LmdbStoreOptions>
}

export class LocalKeeper implements StoreUnderTest, Outlet {
  readonly folder = temporaryFolder()
  readonly file: LmdbFile
  readonly store: LmdbStore
  /** False: batches are refused, as when the keeper is gone. */
  isThere = true
  /** Batches taken but not acknowledged until release(). */
  held: number[] | undefined
  readonly log: { event: string; fields: Record<string, unknown> }[] = []
  private flush: (() => void) | undefined

  constructor(options: LocalKeeperOptions = {}) {
    const clock = options.clock ?? new ManualClock()
    const path = join(this.folder, 'data.mdb')
    let files = 0
    this.file = new LmdbFile({
      path,
      sizeMax: 16 * MIB,
      clock,
      bootId: 'this boot',
      newFileId: () => `file ${++files}`,
      log: (event, fields) => void this.log.push({ event, fields }),
      ...options.file,
    })
    this.store = new LmdbStore({ path, clock, outlet: this, sizeMax: 16 * MIB, ...options.store })
    this.store.connected(this.file.fileId)
  }

  send(sequence: number, batch: Uint8Array): boolean {
    if (!this.isThere) return false
    this.file.write([batch])
    if (this.held === undefined) this.store.acknowledge(sequence)
    else this.held.push(sequence)
    return true
  }

  schedule(flush: () => void): void {
    this.flush = flush
  }

  /** The turn is over: its snapshot is let go, and what was written is handed over. */
  async settle(): Promise<void> {
    this.store.renewView()
    this.flush?.()
    this.flush = undefined
  }

  async close(): Promise<void> {
    await this.store.close()
    await this.file.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
