/** A store in front of another that passes on only what changes: what stands there already, and has most of its time left,
 *  is not written again. For data that comes as a whole, again and again. */

import type { Delegation } from './delegation.ts'
import { bodyOf, decodeDelegation, expiresMsOf, rankOf, Shape, securityOf, shapeOf, storedMsOf } from './entry.ts'
import type { RangeOptions, Store, StoredPair, StoreStats } from './store.ts'

/** An entry is written again when that gives it so much more time, or less, as a share of the time it is given. */
const WORTH = 1 / 4

export class DifferenceStore implements Store {
  private readonly store: Store
  readonly counted = { written: 0, unchanged: 0, removed: 0 }

  constructor(store: Store) {
    this.store = store
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.store.get(key)
  }

  range(from: Uint8Array, to: Uint8Array, options?: RangeOptions): Iterable<StoredPair> {
    return this.store.range(from, to, options)
  }

  put(key: Uint8Array, value: Uint8Array): void {
    if (shapeOf(value) === Shape.BELOW) {
      this.store.put(key, value) // not data, but where to look for it
      return
    }
    const old = this.store.get(key)
    if (old !== undefined && saysTheSame(old, value) && !isAnotherTime(old, value)) {
      this.counted.unchanged++
      return
    }
    this.counted.written++
    this.store.put(key, value)
  }

  remove(key: Uint8Array): void {
    if (this.store.get(key) === undefined) return
    this.counted.removed++
    this.store.remove(key)
  }

  removeRange(from: Uint8Array, to: Uint8Array): void {
    for (const _ of this.store.range(from, to)) this.counted.removed++
    this.store.removeRange(from, to)
  }

  clear(): void {
    this.store.clear()
  }

  close(): Promise<void> {
    return this.store.close()
  }

  stats(): StoreStats {
    return this.store.stats()
  }
}

function isAnotherTime(old: Uint8Array, fresh: Uint8Array): boolean {
  const gainedMs = expiresMsOf(fresh) - expiresMsOf(old)
  return Math.abs(gainedMs) > WORTH * (expiresMsOf(fresh) - storedMsOf(fresh))
}

/** Times aside. */
function saysTheSame(old: Uint8Array, fresh: Uint8Array): boolean {
  if (shapeOf(old) !== shapeOf(fresh) || securityOf(old) !== securityOf(fresh) || rankOf(old) !== rankOf(fresh))
    return false
  if (shapeOf(old) !== Shape.DELEGATION) return Buffer.compare(bodyOf(old), bodyOf(fresh)) === 0
  const [a, b] = [old, fresh].map((entry) => decodeDelegation(entry, NO_NAME))
  return a !== undefined && b !== undefined && a.signed === b.signed && serversOf(a) === serversOf(b)
}

const NO_NAME = new Uint8Array(1)

function serversOf({ nameservers }: Delegation): string {
  const hex = (octets: Uint8Array) => Buffer.from(octets).toString('hex')
  return nameservers
    .map(({ name, addresses }) => `${hex(name)} ${addresses.map(({ octets }) => hex(octets)).join(' ')}`)
    .join(',')
}
