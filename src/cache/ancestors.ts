/** What is known at the names above a name that concerns all below them? A zone cut, a DNAME, a name error, proofs of what
 *  a zone does not have. Nearly every question asks this of the same few names, so the answers are kept for a moment.
 *
 *  What this process writes shows at once; what others write, within FRESH_MS. Till then a question goes the way it would
 *  have gone a moment before. That something is there is looked up again; that nothing is there, and cuts, are not. */

import { FOLD, type Name, parentName } from '../wire/name.ts'
import { type Filed, hashName, NameTable } from '../wire/name-table.ts'
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

class Seen implements Ancestor, Filed {
  readonly hash: number
  nextFiled: this | undefined = undefined
  readonly name: Name
  readonly parent: Seen | undefined
  readonly delegation: Delegation | undefined
  readonly hasDname: boolean
  readonly hasNameError: boolean
  readonly hasProofs: boolean
  readonly below: number
  readonly belowUntilMs: number
  readonly seenMs: number
  /** Something was written here, or it is not in the table any more, so that nobody would hear of it. */
  isGone = false

  constructor(name: Name, hash: number, parent: Seen | undefined, sight: Sight, seenMs: number) {
    this.name = name
    this.hash = hash
    this.parent = parent
    this.delegation = sight.delegation
    this.hasDname = sight.hasDname
    this.hasNameError = sight.hasNameError
    this.hasProofs = sight.hasProofs
    this.below = sight.below
    this.belowUntilMs = sight.belowUntilMs
    this.seenMs = seenMs
  }

  /** With all that is above it. */
  isFresh(nowMs: number): boolean {
    for (let seen: Seen | undefined = this; seen !== undefined; seen = seen.parent)
      if (!seen.isFreshItself(nowMs)) return false
    return true
  }

  isFreshItself(nowMs: number): boolean {
    return !this.isGone && nowMs - this.seenMs < FRESH_MS && nowMs >= this.seenMs
  }
}

/** As long as it takes, at most, until what another process has stored is seen. */
export const FRESH_MS = 1000

/** Names that are remembered; then all are forgotten. They are good for a moment only, anyway. */
const MOST_NAMES = 16_384

export class Ancestors {
  readonly #look: (name: Name, nowMs: number, before: Sight | undefined) => Sight
  /** What was asked for last: a question asks several times. */
  #lastName: Name | undefined
  #lastMs = 0
  #last: Seen | undefined
  #table = new NameTable<Seen>()

  /** `look` reads what the store has at a name, which had `before` when it was last seen. */
  constructor(look: (name: Name, nowMs: number, before: Sight | undefined) => Sight) {
    this.#look = look
  }

  /** The name above `name`, and so on up to the root; undefined above the root. */
  above(name: Name, nowMs: number): Ancestor | undefined {
    if (name === this.#lastName && nowMs === this.#lastMs) return this.#last
    if (name[0] === 0) return undefined
    const from = name[0] + 1
    const hash = hashName(name, 0, from)
    const known = this.#find(name, from, hash)
    const found = known?.isFresh(nowMs) ? known : this.#see(parentName(name), hash, nowMs)
    this.#lastName = name
    this.#lastMs = nowMs
    this.#last = found
    return found
  }

  /** Something was stored at `name`. */
  changed(name: Name): void {
    const known = this.#find(name, 0, hashName(name))
    if (known !== undefined) known.isGone = true
    this.#lastName = undefined // that may go by one which is not in the table
  }

  /** Anything may have been removed. */
  forget(): void {
    for (const seen of this.#table.all()) seen.isGone = true
    this.#table = new NameTable()
    this.#lastName = undefined
  }

  /** What is remembered of the name that begins at the label at `from`. */
  #find(name: Name, from: number, hash: number): Seen | undefined {
    let seen = this.#table.first(hash)
    while (seen !== undefined && (seen.hash !== hash || !isTail(seen.name, name, from))) seen = seen.nextFiled
    return seen
  }

  #see(name: Name, hash: number, nowMs: number): Seen {
    const before = this.#find(name, 0, hash)
    if (before?.isFresh(nowMs)) return before
    let parent: Seen | undefined
    if (name[0] !== 0) {
      const above = parentName(name)
      parent = this.#see(above, hashName(above), nowMs)
    }
    const isSame = before?.isFreshItself(nowMs) === true // only what is above it is to be seen anew
    const sight = isSame ? before : this.#look(name, nowMs, before?.isGone ? undefined : before)
    const seen = new Seen(before?.name ?? name.slice(), hash, parent, sight, isSame ? before.seenMs : nowMs)
    if (before !== undefined) {
      before.isGone = true // those below go by it still, and would not hear of a change
      this.#table.remove(before)
    }
    if (this.#table.size >= MOST_NAMES) this.forget()
    this.#table.add(seen)
    return seen
  }
}

/** Whether `whole` is, from the label at `from` on, the name `tail`. */
function isTail(tail: Name, whole: Name, from: number): boolean {
  if (tail.length !== whole.length - from) return false
  for (let i = 0; i < tail.length; i++) if (FOLD[tail[i]] !== FOLD[whole[from + i]]) return false
  return true
}
