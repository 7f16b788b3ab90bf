/** Adding up what processes count. Arrays of different versions may differ in length; new counters stand at the end. */

import type { ModuleCount } from '../workers/messages.ts'

export function addCounters(one: Float64Array, other: Float64Array): Float64Array {
  const [long, short] = one.length >= other.length ? [one, other] : [other, one]
  const sum = long.slice()
  for (let i = 0; i < short.length; i++) sum[i] += short[i]
  return sum
}

/** What one or more processes have counted. */
export interface Totals {
  counters: Float64Array
  modules: readonly ModuleCount[]
}

export const NOTHING: Totals = { counters: new Float64Array(), modules: [] }

export function addTotals(one: Totals, other: Totals): Totals {
  return {
    counters: addCounters(one.counters, other.counters),
    modules: addModules(one.modules, other.modules),
  }
}

function addModules(one: readonly ModuleCount[], other: readonly ModuleCount[]): readonly ModuleCount[] {
  if (one.length === 0) return other
  if (other.length === 0) return one
  const sums = new Map(one.map((count) => [keyOf(count), count]))
  for (const count of other) {
    const key = keyOf(count)
    const value = (sums.get(key)?.value ?? 0) + count.value
    sums.set(key, { ...count, value })
  }
  return [...sums.values()]
}

function keyOf({ module, metric, labels }: ModuleCount): string {
  const key = `${module}/${metric}`
  return labels === undefined ? key : `${key}/${JSON.stringify(labels)}`
}

/** What everybody has counted that ever belonged to a service: all that goes over to the one that takes its place. */
export interface FleetTotals {
  /** By the number of the worker. */
  workers: [id: number, totals: Totals][]
  keeper: Float64Array
  /** By OwnCounter. */
  own: Float64Array
}

/** Of all workers together. */
export function sumOfWorkers({ workers }: FleetTotals): Totals {
  return workers.reduce((sum, [, totals]) => addTotals(sum, totals), NOTHING)
}

export function addFleetTotals(one: FleetTotals, other: FleetTotals): FleetTotals {
  const workers = new Map(one.workers)
  for (const [id, totals] of other.workers) workers.set(id, addTotals(workers.get(id) ?? NOTHING, totals))
  return {
    workers: [...workers],
    keeper: addCounters(one.keeper, other.keeper),
    own: addCounters(one.own, other.own),
  }
}
