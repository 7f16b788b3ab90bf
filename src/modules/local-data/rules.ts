/** The operator's rules about names, ready to be asked: which one counts for a question? */

import type { Verdict } from '../../config/policy.ts'
import type { Name } from '../../wire/name.ts'
import type { RRset } from '../../wire/rrset.ts'
import { NameTable } from './name-table.ts'

export interface Rule {
  /** Undefined: the rule only has data. */
  verdict: Verdict | undefined
  /** By type; the owner does not matter. Shared by all names of the rule. */
  data: ReadonlyMap<number, RRset>
  /** Types without data have none; else they are looked up. */
  nodata: boolean
  tags: readonly string[]
  ttl: number
  message: string | undefined
  /** Types that there are none of, whatever the verdict. */
  blocked?: ReadonlySet<number>
  /** Octets of the name a wildcard stands below: it is for longer names only (RFC 4592 §2.1.1). */
  below?: number
}

export class Rules {
  readonly #exact = new NameTable()
  readonly #subtree = new NameTable()
  /** What table values stand for: the rules for one name, in their order. */
  readonly #lists: Rule[][] = []
  readonly #alone = new Map<Rule, number>()

  get size(): number {
    return this.#exact.size + this.#subtree.size
  }

  /** Octets of memory that names take. */
  get octets(): number {
    return this.#exact.octets + this.#subtree.octets
  }

  /** All rules are there. */
  complete(): void {
    this.#exact.trim()
    this.#subtree.trim()
  }

  addExact(name: Name, rule: Rule): void {
    this.#add(this.#exact, name, rule)
  }

  addSubtree(name: Name, rule: Rule): void {
    this.#add(this.#subtree, name, rule)
  }

  /** The rule for the longest name at or above `name` that applies to clients with `tags` and whose verdict `counts`. */
  find(name: Name, tags: ReadonlySet<string>, counts: (rule: Rule) => boolean = () => true): Rule | undefined {
    let found: Rule | undefined
    const accept = (value: number) => {
      found = this.#lists[value].find((rule) => applies(rule, tags) && isBelow(name, rule) && counts(rule))
      return found !== undefined
    }
    const exact = this.#exact.size === 0 ? -1 : this.#exact.get(name)
    if (exact < 0 || !accept(exact)) this.#subtree.findUp(name, accept)
    return found
  }

  #add(table: NameTable, name: Name, rule: Rule): void {
    const known = table.get(name)
    table.set(name, known < 0 ? this.#listOf(rule) : this.#newList([...this.#lists[known], rule]))
  }

  #listOf(rule: Rule): number {
    let list = this.#alone.get(rule)
    if (list === undefined) {
      list = this.#newList([rule])
      this.#alone.set(rule, list)
    }
    return list
  }

  #newList(rules: Rule[]): number {
    return this.#lists.push(rules) - 1
  }
}

function isBelow(name: Name, { below }: Rule): boolean {
  return below === undefined || name.length > below
}

/** A rule without tags is for all. */
function applies({ tags }: Rule, clientTags: ReadonlySet<string>): boolean {
  return tags.length === 0 || tags.some((tag) => clientTags.has(tag))
}
