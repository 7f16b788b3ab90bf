/** The operator's rules about names, ready to be asked: which one counts for a question?
 *
 *  Some few kinds of rules are objects; which names they are for, and the data of single names, are octets, which processes
 *  can share. What a table says of a name is the number of a kind, where that is all there is to say; else, behind these, the
 *  first of its nodes in the pool, which make a list in the order of the rules:
 *
 *    node     next u32 · kind u32 · first record u32        `next` as in the table, or END; no record: 0
 *    record   next u32 · ttl u32 · type u16 · octets u16 · rdata */

import type { Verdict } from '../../config/policy.ts'
import { type Name, ROOT } from '../../wire/name.ts'
import { type RRset, rrset } from '../../wire/rrset.ts'
import { NameTable, type NameTableParts } from './name-table.ts'
import { Pool } from './pool.ts'

export interface Rule {
  /** Where it stands in the configuration. */
  list: string
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
  /** It is for what does not exist below the name (RFC 4592 §2.1.1). */
  wildcard?: boolean
}

/** What rules consist of but for their kinds, for another process. */
export interface RulesParts {
  exact: NameTableParts
  subtree: NameTableParts
  pool: Uint8Array
}

const END = 0xffff_ffff
const NODE_OCTETS = 12
const RECORD_HEAD = 12
/** Nobody has a record with data at 0. */
const NO_RECORD = 0

export class Rules {
  readonly #kinds: readonly Rule[]
  readonly #exact: NameTable
  readonly #subtree: NameTable
  readonly #pool: Pool
  readonly #hasWildcards: boolean
  /** Stands for names that exist as others below them do (RFC 4592 §2.2.2). */
  readonly #nothing: number

  /** Without `parts`, the rules that are to be added, of these kinds. */
  constructor(kinds: readonly Rule[], parts?: RulesParts) {
    this.#kinds = kinds
    this.#nothing = kinds.length
    this.#exact = new NameTable(parts?.exact)
    this.#subtree = new NameTable(parts?.subtree)
    this.#pool = new Pool(parts?.pool)
    this.#hasWildcards = kinds.some(({ wildcard }) => wildcard === true)
    if (parts === undefined) this.#pool.take(NODE_OCTETS) // so that 0 means none
  }

  get size(): number {
    return this.#exact.size + this.#subtree.size
  }

  /** Octets of memory that names and their data take. */
  get octets(): number {
    return this.#exact.octets + this.#subtree.octets + this.#pool.octets.length
  }

  get parts(): RulesParts {
    return { exact: this.#exact.parts, subtree: this.#subtree.parts, pool: this.#pool.octets }
  }

  /** All rules are there. */
  complete(): void {
    if (this.#hasWildcards) this.#addEmptyNonTerminals()
    this.#exact.trim()
    this.#subtree.trim()
    this.#pool.trim()
  }

  /** The rule is for exactly the name in the first `length` octets. */
  addExact(name: Uint8Array, kind: number, length = name.length): void {
    this.#add(this.#exact, name, kind, length)
  }

  /** The rule is for the name and all below. */
  addSubtree(name: Uint8Array, kind: number, length = name.length): void {
    this.#add(this.#subtree, name, kind, length)
  }

  /** The name has this record; of the same type it gets no more than `most`. The first one's TTL is that of all. */
  addRecord(name: Name, kind: number, type: number, ttl: number, rdata: Uint8Array, most = Infinity): void {
    const table = this.#kinds[kind].wildcard ? this.#subtree : this.#exact
    const node = this.#nodeFor(table, name, kind)
    const { view, octets } = this.#pool
    let count = 0
    let link = node + 8 // where the place of the next record stands
    for (let record = view.getUint32(link); record !== NO_RECORD; record = view.getUint32(record)) {
      link = record
      if (view.getUint16(record + 8) !== type) continue
      const from = record + RECORD_HEAD
      if (++count >= most) return
      if (Buffer.compare(octets.subarray(from, from + view.getUint16(record + 10)), rdata) === 0) return
    }
    const added = this.#pool.take(RECORD_HEAD + rdata.length)
    const pool = this.#pool // may be another view by now
    pool.view.setUint32(link, added)
    pool.view.setUint32(added, NO_RECORD)
    pool.view.setUint32(added + 4, ttl)
    pool.view.setUint16(added + 8, type)
    pool.view.setUint16(added + 10, rdata.length)
    pool.octets.set(rdata, added + RECORD_HEAD)
  }

  /** The rule for the longest name at or above `name` that applies to clients with `tags` and whose verdict `counts`. */
  find(name: Name, tags: ReadonlySet<string>, counts: (rule: Rule) => boolean = () => true): Rule | undefined {
    let found: Rule | undefined
    let encloser: number | undefined
    const suits = (rule: Rule, from: number) => {
      if (!applies(rule, tags) || !counts(rule)) return false
      if (rule.wildcard !== true) return true
      encloser ??= this.#closestEncloser(name, tags)
      return from > 0 && from <= encloser
    }
    const accept = (value: number, from: number) => {
      found = this.#firstOf(value, (rule) => suits(rule, from))
      return found !== undefined
    }
    const exact = this.#exact.get(name)
    if (exact < 0 || !accept(exact, 0)) this.#subtree.findUp(name, accept)
    return found
  }

  /** Where in `name` the longest name begins that exists here (RFC 4592 §3.3.1): wildcards further up are not for it. */
  #closestEncloser(name: Name, tags: ReadonlySet<string>): number {
    let encloser = name.length
    this.#exact.findUp(name, (value, from) => {
      const exists =
        value === this.#nothing ||
        this.#firstOf(value, (rule) => rule.verdict === undefined && applies(rule, tags)) !== undefined
      if (exists) encloser = from
      return exists
    })
    return encloser
  }

  #firstOf(value: number, suits: (rule: Rule) => boolean): Rule | undefined {
    if (value < this.#kinds.length) return suits(this.#kinds[value]) ? this.#kinds[value] : undefined
    const { view } = this.#pool
    for (let next = value; next !== END && next !== this.#nothing; ) {
      const node = this.#placeOf(next)
      const rule = this.#kinds[view.getUint32(node + 4)]
      if (suits(rule)) return this.#withData(rule, view.getUint32(node + 8))
      next = view.getUint32(node)
    }
    return undefined
  }

  #withData(rule: Rule, first: number): Rule {
    if (first === NO_RECORD) return rule
    const { view, octets } = this.#pool
    const data = new Map<number, RRset>()
    for (let record = first; record !== NO_RECORD; record = view.getUint32(record)) {
      const type = view.getUint16(record + 8)
      const from = record + RECORD_HEAD
      const rdata = octets.slice(from, from + view.getUint16(record + 10))
      const set = data.get(type)
      if (set === undefined) data.set(type, rrset(ROOT, type, view.getUint32(record + 4), [rdata]))
      else set.rdatas.push(rdata)
    }
    return { ...rule, data }
  }

  #add(table: NameTable, name: Uint8Array, kind: number, length: number): void {
    const known = table.add(name, kind, length)
    if (known < 0 || this.#nodeOf(known, kind) !== undefined || known === kind) return
    table.set(name, this.#appended(known, kind), length)
  }

  /** The node for what this kind says of the name. */
  #nodeFor(table: NameTable, name: Name, kind: number): number {
    const known = table.get(name)
    const node = known < 0 ? undefined : this.#nodeOf(known, kind)
    if (node !== undefined) return node
    const head = known < 0 ? this.#valueOf(this.#newNode(kind)) : this.#appended(known, kind)
    table.set(name, head)
    return this.#nodeOf(head, kind) as number
  }

  #nodeOf(value: number, kind: number): number | undefined {
    if (value <= this.#nothing) return undefined
    for (let next = value; next !== END; next = this.#pool.view.getUint32(this.#placeOf(next))) {
      const node = this.#placeOf(next)
      if (this.#pool.view.getUint32(node + 4) === kind) return node
    }
    return undefined
  }

  /** What the table is to say when a rule comes behind those it told so far. */
  #appended(value: number, kind: number): number {
    const head = value > this.#nothing ? value : this.#valueOf(this.#newNode(value))
    let last = this.#placeOf(head)
    for (let next = END; (next = this.#pool.view.getUint32(last)) !== END; ) last = this.#placeOf(next)
    const added = this.#valueOf(this.#newNode(kind))
    this.#pool.view.setUint32(last, added)
    return head
  }

  #newNode(kind: number): number {
    const node = this.#pool.take(NODE_OCTETS)
    const { view } = this.#pool
    view.setUint32(node, END)
    view.setUint32(node + 4, kind)
    view.setUint32(node + 8, NO_RECORD)
    return node
  }

  /** In a table, places in the pool come behind the numbers of kinds. */
  #valueOf(node: number): number {
    return node + this.#nothing
  }

  #placeOf(value: number): number {
    return value - this.#nothing
  }

  #addEmptyNonTerminals(): void {
    for (const name of this.#exact.names()) this.#addExisting(name, name[0] + 1)
    for (const name of this.#subtree.names()) if (this.#hasWildcard(this.#subtree.get(name))) this.#addExisting(name, 0)
  }

  /** The names from `first` up exist; it matters only below a wildcard. */
  #addExisting(name: Name, first: number): void {
    let wildcardAt = 0
    for (let from = name[0] + 1; from < name.length; from += name[from] + 1)
      if (this.#hasWildcard(this.#subtree.get(name, from))) wildcardAt = from
    for (let from = first; from < wildcardAt; from += name[from] + 1)
      this.#exact.add(name.subarray(from), this.#nothing)
  }

  #hasWildcard(value: number): boolean {
    return value >= 0 && this.#firstOf(value, ({ wildcard }) => wildcard === true) !== undefined
  }
}

/** A rule without tags is for all. */
function applies({ tags }: Rule, clientTags: ReadonlySet<string>): boolean {
  return tags.length === 0 || tags.some((tag) => clientTags.has(tag))
}
