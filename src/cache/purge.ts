/** What goes when an operator clears part of the cache? By name and below, or the very name; by type; only what denies, or
 *  only what was found bogus. Proofs that there is nothing at the name go in any case where denials do: those of its own
 *  zone, and of the zones above. */

import { isValidationFailure } from '../dnssec/verdict.ts'
import type { Name } from '../wire/name.ts'
import { decodeFailure, Shape, securityOf, shapeOf } from './entry.ts'
import { type KeyRange, Kind, ownerRange, proofRanges, subtreeRange } from './keys.ts'

export interface PurgeOptions {
  /** Only what belongs to the very name; else also everything below it. */
  exact?: boolean
  /** Only this type. */
  type?: number
  /** Only what denies: that a name or type does not exist. */
  negative?: boolean
  /** Only what failed validation. */
  bogus?: boolean
}

/** A range of entries to remove. */
export interface PurgeTask {
  range: KeyRange
  /** Of the range, only the last entry. */
  last?: boolean
  /** Of the range, only what this says. */
  only?: (key: Uint8Array, value: Uint8Array) => boolean
}

/** What to remove from one partition. */
export function planPurge(partition: number, name: Name, options: PurgeOptions = {}): PurgeTask[] {
  const { exact, type, negative, bogus } = options
  const isWhole = type === undefined && !negative && !bogus
  const rangeOf = exact === true ? ownerRange : subtreeRange
  const tasks: PurgeTask[] = []
  const add = (kind: Kind, only?: PurgeTask['only']) => tasks.push({ range: rangeOf(partition, kind, name), only })
  const isType: PurgeTask['only'] = type === undefined ? undefined : (key) => typeOf(key) === type
  if (isWhole) {
    for (const kind of namedKinds) add(kind)
    if (exact !== true) add(Kind.BELOW) // else what is below stays
  } else if (bogus) {
    add(Kind.RRSET, (key, value) => isBogus(value) && (isType?.(key, value) ?? true))
    add(Kind.FAILURE, (key, value) => isBogus(value) && (isType?.(key, value) ?? true))
  } else {
    add(Kind.RRSET, (key, value) => (!negative || shapeOf(value) === Shape.NODATA) && (isType?.(key, value) ?? true))
    if (!negative) add(Kind.FAILURE, isType)
    if (type === undefined) add(Kind.NXDOMAIN)
  }
  return bogus ? tasks : [...tasks, ...proofRanges(partition, name)]
}

/** The kinds whose entries belong to a name. */
const namedKinds: readonly Kind[] = [Kind.RRSET, Kind.NXDOMAIN, Kind.DELEGATION, Kind.FAILURE, Kind.ZONE]

function typeOf(key: Uint8Array): number {
  return (key[key.length - 2] << 8) | key[key.length - 1]
}

function isBogus(value: Uint8Array): boolean {
  if (shapeOf(value) === Shape.FAILURE) return isValidationFailure(decodeFailure(value)?.ede ?? 0)
  return securityOf(value) === 'bogus'
}
