/** What is known at the names above a name that concerns all below them? A zone cut, a DNAME, a name error, proofs of what
 *  a zone does not have. Nearly every question asks this of the same few names, so the answers are kept for a moment.
 *
 *  What this process writes shows at once; what others write, within FRESH_MS. Till then a question goes the way it would
 *  have gone a moment before. That something is there is looked up again; that nothing is there, and cuts, are not. */

import { FOLD, type Name, parentName } from '../wire/name.ts'
import { hashName } from '../wire/name-table.ts'
import type { Delegation } from './delegation.ts'

/** What the store has at one name. */
export interface Sight {
  /** What a parent says of the zone that begins here. */
  delegation: Delegation | undefined
  hasDname: boolean
  hasNameError: boolean
  /** There are proofs of what this zone does not have. */
  hasProofs: boolean
  /** What there is one label below, of Below, and until when at least that is written down. */
  below: number
  belowUntilMs: number
}

/** What few names have, and so need not be looked for below names where there is none. */
export const Below = { CUTS: 1, FAILURES: 2, NAME_ERRORS: 4, ALIASES: 8 } as const

/** One name, its sight, and the way up. */
export interface Ancestor extends Readonly<Sight> {
  readonly name: Name
  readonly parent: Ancestor | undefined
}

class Seen implements Ancestor {
  readonly name: Name
  readonly parent: Seen | undefined
  readonly delegation: Delegation | undefined
  readonly hasDname: boolean
  readonly hasNameError: boolean
  readonly hasProofs: boolean
  readonly below: number
  readonly belowUntilMs: number
  readonly seenMs: number
  /** Something was written here, or it is not to be found any more. */
  isGone = false

  constructor(name: Name, parent: Seen | undefined, sight: Sight, seenMs: number) {
    this.name = name
    this.parent = parent
    this.delegation = sight.delegation
    this.hasDname = sight.hasDname
    this.hasNameError = sight.hasNameError
    this.hasProofs = sight.hasProofs
    this.below = sight.below
    this.belowUntilMs = sight.belowUntilMs
    this.seenMs = seenMs
  }

  isFresh(nowMs: number): boolean {
    for (let seen: Seen | undefined = this; seen !== undefined; seen = seen.parent)
      if (seen.isGone || nowMs - seen.seenMs >= FRESH_MS || nowMs < seen.seenMs) return false
    return true
  }
}

/** As long as it takes, at most, until what another process has stored is seen. */
export const FRESH_MS = 1000

/** Names that are remembered, each in the one slot it can be in. */
const SLOTS = 4096

export class Ancestors {
  readonly #look: (name: Name, nowMs: number, before: Sight | undefined) => Sight
  /** What was asked for last: a question asks several times. */
  #lastName: Name | undefined
  #lastMs = 0
  #last: Seen | undefined
  #slots: (Seen | undefined)[] = new Array(SLOTS).fill(undefined)

  /** `look` reads what the store has at a name, which had `before` when it was last seen. */
  constructor(look: (name: Name, nowMs: number, before: Sight | undefined) => Sight) {
    this.#look = look
  }

  /** The name above `name`, and so on up to the root; undefined above the root. */
  above(name: Name, nowMs: number): Ancestor | undefined {
    if (name === this.#lastName && nowMs === this.#lastMs) return this.#last
    if (name[0] === 0) return undefined
    const from = name[0] + 1
    const known = this.#slots[slotOf(name, from)]
    const isGood = known !== undefined && isTail(known.name, name, from) && known.isFresh(nowMs)
    const found = isGood ? known : this.#see(parentName(name), nowMs)
    this.#lastName = name
    this.#lastMs = nowMs
    this.#last = found
    return found
  }

  /** Something was stored at `name`. */
  changed(name: Name): void {
    const slot = slotOf(name, 0)
    const known = this.#slots[slot]
    if (known === undefined || !isTail(known.name, name, 0)) return
    known.isGone = true
    this.#lastName = undefined
  }

  /** Anything may have been removed. */
  forget(): void {
    this.#slots.fill(undefined)
    this.#lastName = undefined
  }

  #see(name: Name, nowMs: number): Seen {
    const slot = slotOf(name, 0)
    const known = this.#slots[slot]
    const before = known !== undefined && !known.isGone && isTail(known.name, name, 0) ? known : undefined
    if (before?.isFresh(nowMs)) return before
    const parent = name[0] === 0 ? undefined : this.#see(parentName(name), nowMs)
    const seen = new Seen(before?.name ?? name.slice(), parent, this.#look(name, nowMs, before), nowMs)
    const displaced = this.#slots[slot]
    if (displaced !== undefined) displaced.isGone = true // or those below would not hear of a change there
    this.#slots[slot] = seen
    return seen
  }
}

function slotOf(name: Name, from: number): number {
  return hashName(name, 0, from) & (SLOTS - 1)
}

/** Whether `whole` is, from the label at `from` on, the name `tail`. */
function isTail(tail: Name, whole: Name, from: number): boolean {
  if (tail.length !== whole.length - from) return false
  for (let i = 0; i < tail.length; i++) if (FOLD[tail[i]] !== FOLD[whole[from + i]]) return false
  return true
}
