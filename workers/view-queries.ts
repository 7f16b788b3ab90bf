/** HOT: how many queries come from the clients of each view? count() runs once per client packet where there are views.
 *
 *    values   Float64Array   by view, then as Tables.QUERIES: udp ipv4 · udp ipv6 · tcp ipv4 · tcp ipv6 */

import { Tables } from '../src/metrics/tables.ts'
import type { ModuleCount } from './messages.ts'

const CELLS = Tables.QUERIES.length

export class ViewQueries {
  readonly #values: Float64Array

  constructor(views: number) {
    this.#values = new Float64Array(views * CELLS)
  }

  /** `address` has 4 or 16 octets. */
  count(view: number, overUdp: boolean, address: Uint8Array): void {
    this.#values[view * CELLS + (overUdp ? 0 : 2) + (address.length === 16 ? 1 : 0)]++
  }

  /** By view, transport and family; those there are. */
  counts(): ModuleCount[] {
    return Array.from(this.#values.keys()).flatMap((at) => {
      const labels = { ...Tables.QUERIES.labelsOf(at % CELLS), view: `${Math.floor(at / CELLS)}` }
      const value = this.#values[at]
      return value === 0 ? [] : [{ module: 'views', metric: 'queries', help: '', labels, value }]
    })
  }
}
