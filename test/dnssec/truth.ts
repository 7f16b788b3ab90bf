/** What is true of a zone, read from its unsigned text by the rules of RFC 1034 §4.3.2, RFC 4592 and RFC 6672: the measure of
 *  what denials may prove. It knows nothing of NSEC and NSEC3. */

import {
  ancestorWith,
  countLabels,
  equalNames,
  isAtOrBelow,
  isBelow,
  type Name,
  nameFromText,
  nameKey,
  parentName,
} from '../../src/wire/name.ts'
import { parseZoneText } from '../../src/wire/text.ts'
import { Type } from '../../src/wire/types.ts'

/** How the zone answers a question. `delegated`: another zone does. `redirected`: a DNAME does. `expanded`: by the wildcard
 *  of `encloser`. */
export type Truth =
  | { kind: 'outside' | 'delegated' | 'redirected' | 'data' | 'no-data' }
  | { kind: 'expanded' | 'expanded-no-data' | 'no-name'; encloser: Name }

export class ZoneTruth {
  readonly apex: Name
  /** The names of the zone, empty non-terminals included; what is below a cut or a DNAME left out. */
  readonly nodes = new Map<string, { name: Name; types: Set<number> }>()

  constructor(origin: string, zoneText: string) {
    this.apex = nameFromText(origin)
    const records = parseZoneText(zoneText)
    const isApex = (name: Name) => equalNames(name, this.apex)
    const covers = records.filter(({ owner, type }) => type === Type.DNAME || (type === Type.NS && !isApex(owner)))
    for (const { owner, type } of records) {
      if (covers.some((cover) => isBelow(owner, cover.owner))) continue // glue
      this.#node(owner).types.add(type)
      for (let name = owner; !isApex(name); name = parentName(name)) this.#node(name)
    }
  }

  #node(name: Name): { name: Name; types: Set<number> } {
    const key = nameKey(name)
    const node = this.nodes.get(key) ?? { name, types: new Set() }
    this.nodes.set(key, node)
    return node
  }

  typesAt(name: Name): ReadonlySet<number> | undefined {
    return this.nodes.get(nameKey(name))?.types
  }

  isCut(name: Name): boolean {
    return !equalNames(name, this.apex) && this.typesAt(name)?.has(Type.NS) === true
  }

  answer(qname: Name, qtype: number): Truth {
    if (!isAtOrBelow(qname, this.apex)) return { kind: 'outside' }
    if (qtype === Type.DS && equalNames(qname, this.apex) && qname.length > 1) return { kind: 'outside' }
    for (let labels = countLabels(this.apex); labels <= countLabels(qname); labels++) {
      const name = ancestorWith(qname, labels)
      const types = this.typesAt(name)
      const whole = labels === countLabels(qname)
      if (types === undefined) return this.#standIn(ancestorWith(qname, labels - 1), qtype)
      if (this.isCut(name) && !(whole && qtype === Type.DS)) return { kind: 'delegated' }
      if (types.has(Type.DNAME) && !whole) return { kind: 'redirected' }
      if (whole) return { kind: has(types, qtype) ? 'data' : 'no-data' }
    }
    throw new Error('a name has an end')
  }

  #standIn(encloser: Name, qtype: number): Truth {
    const types = this.typesAt(Uint8Array.of(1, 0x2a, ...encloser))
    if (types === undefined) return { kind: 'no-name', encloser }
    return { kind: has(types, qtype) ? 'expanded' : 'expanded-no-data', encloser }
  }
}

function has(types: ReadonlySet<number>, qtype: number): boolean {
  return types.has(qtype) || types.has(Type.CNAME) || (qtype === Type.ANY && types.size > 0)
}
