/** For which clients do the same ready answers hold, and which part of the cache is theirs? Those of views that say the same
 *  share a policy, a small number. */

import { compileViews, type ViewConfig } from './choose.ts'
import { NO_VIEW, ViewTable } from './table.ts'

/** The policy of clients of whom no view says anything special. */
export const COMMON_POLICY = 0
/** Of those whom a view refuses, or that may have to be refused: the views module tells. */
export const NO_POLICY = -1

export class Policies {
  readonly table: ViewTable
  /** The partition of each policy's clients. */
  readonly #partitions: number[] = [0]
  /** By view. */
  readonly #ofView: Int32Array

  constructor(config: readonly ViewConfig[]) {
    const views = compileViews(config)
    this.table = new ViewTable(views)
    const [plain] = compileViews([{ ...PLAIN_VIEW }])
    const policies = new Map([[plain.key, COMMON_POLICY]])
    this.#ofView = Int32Array.from(views, ({ answer, key, partition }) => {
      if (answer !== 'allow') return NO_POLICY
      const policy = policies.get(key) ?? policies.size
      if (policy === policies.size) this.#partitions.push(partition)
      policies.set(key, policy)
      return policy
    })
  }

  /** HOT: the policy of a client. Allocates nothing. */
  of(address: Uint8Array | undefined, destination: Uint8Array | undefined, overUdp: boolean): number {
    return this.ofView(this.table.find(address, destination, overUdp), address)
  }

  /** HOT: the same for one whose view is known, or NO_VIEW. */
  ofView(view: number, address: Uint8Array | undefined): number {
    if (view !== NO_VIEW) return this.#ofView[view]
    return address !== undefined && this.table.covers(address) ? NO_POLICY : COMMON_POLICY
  }

  partitionOf(policy: number): number {
    return policy === NO_POLICY ? 0 : this.#partitions[policy]
  }
}

/** A view that says nothing but that its clients are served. */
const PLAIN_VIEW: ViewConfig = {
  subnets: [],
  'dst-subnet': [],
  protocols: [],
  tags: [],
  answer: undefined,
  options: { minimize: undefined, dns64: undefined, fallback: undefined, 'price-factor': 1, 'cache-partition': 0 },
}
