/** How the managers of trust anchors ask a zone's servers: by a resolver of their own, with a cache that serves no one
 *  else, and without validation, which is the managers' own business. */

import { Cache } from './cache/cache.ts'
import { MemoryStore } from './cache/memory-store.ts'
import type { Clock, Random, Transport } from './io/interfaces.ts'
import { Core, type Log } from './resolve.ts'
import type { Settings } from './settings.ts'
import { equalNames, type Name, ROOT } from './wire/name.ts'
import type { RRset } from './wire/rrset.ts'
import { Class } from './wire/types.ts'

export interface AnchorLookupOptions {
  transport: Transport
  clock: Clock
  random: Random
  settings: Settings
  log?: Log
}

/** Wishes of somebody who validates by himself: all signatures, no checking (RFC 4035 §3.2). */
const WISHES = { rd: true, cd: true, ad: false, do: true }

export class AnchorLookup {
  readonly #cache: Cache
  readonly #core: Core

  constructor({ settings, ...surroundings }: AnchorLookupOptions) {
    this.#cache = new Cache(new MemoryStore(), surroundings.clock, { ttlMin: 0, ttlMax: 3600, negativeTtlMax: 60 })
    // The name of a key tag query is meant to be seen by the zone's servers; nothing is to be minimised.
    this.#core = new Core({
      ...surroundings,
      cache: this.#cache,
      settings: { ...settings, validate: false, minimise: false },
    })
  }

  /** For AnchorManagerOptions.ask. */
  ask(name: Name, type: number, done: (rrset: RRset | undefined) => void): void {
    this.#cache.purge(ROOT) // what the servers say now is what counts
    this.#core.pursue({ name, type, class: Class.IN }, WISHES, {}, ({ answer }) =>
      done(answer.find((set) => set.type === type && equalNames(set.owner, name))),
    )
  }

  close(): void {
    this.#core.close()
  }
}
