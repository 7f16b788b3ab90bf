/** What is the true answer to a question, as a resolver should give it? Worked out from the world's description alone,
 *  across zones and without any server: the deepest zone that holds the name, its records, aliases followed anywhere. */

import {
  equalNames,
  isAtOrBelow,
  isBelow,
  type Name,
  nameFromText,
  nameKey,
  nameToText,
  parentName,
  replaceSuffix,
} from '../../src/wire/name.ts'
import { type RRset, rrset } from '../../src/wire/rrset.ts'
import { parseZoneText } from '../../src/wire/text.ts'
import { Type, typeFromText } from '../../src/wire/types.ts'
import { type Fate, type World, type Zone, zoneText } from './world.ts'

export interface Truth {
  rcode: 'NOERROR' | 'NXDOMAIN' | 'YXDOMAIN' | 'SERVFAIL'
  /** RRsets of the answer section, aliases first, in the order they are followed. */
  answer: RRset[]
  /** Whether resolvers have to agree with this (`fine`, `broken`) or may differ (`moot`). */
  fate: Fate
}

/** Aliases after which a chain counts as endless. */
const MAX_ALIASES = 64

type Owners = Map<string, { owner: Name; rrsets: Map<number, RRset> }>

export class Oracle {
  private readonly zones = new Map<string, Zone>()
  private readonly contents = new Map<Zone, Owners>()

  constructor(world: World) {
    for (const zone of world.zones.values()) this.zones.set(nameKey(nameFromText(zone.origin)), zone)
  }

  /** What a resolver should answer. */
  truth(qnameText: string, qtypeText: string): Truth {
    const qtype = typeFromText(qtypeText)
    if (qtype === undefined) throw new Error(`no such type: ${qtypeText}`)
    const { rcode, answer, zones } = this.follow(nameFromText(qnameText), qtype)
    if (rcode === undefined) return { rcode: 'SERVFAIL', answer: [], fate: 'moot' }
    if (zones.some((zone) => this.isBroken(zone))) return { rcode: 'SERVFAIL', answer: [], fate: 'broken' }
    return { rcode, answer, fate: zones.some((zone) => zone.fate === 'moot') ? 'moot' : 'fine' }
  }

  /** The records on the way from a name, aliases followed through whatever zones they lead, reachable or not.
   *  No rcode: the aliases have no end. */
  follow(qname: Name, qtype: number): { rcode: Truth['rcode'] | undefined; answer: RRset[]; zones: Zone[] } {
    const answer: RRset[] = []
    const zones: Zone[] = []
    let sname = qname
    for (let aliases = 0; aliases < MAX_ALIASES; aliases++) {
      const zone = this.zoneOf(sname, qtype)
      zones.push(zone)
      const dname = this.dnameAbove(zone, sname)
      if (dname !== undefined) {
        if (!answer.includes(dname)) answer.push(dname)
        const target = replaceSuffix(sname, dname.owner, dname.rdatas[0])
        if (target === undefined) return { rcode: 'YXDOMAIN', answer, zones }
        answer.push(rrset(sname, Type.CNAME, dname.ttl, [target]))
        if (qtype === Type.CNAME) return { rcode: 'NOERROR', answer, zones }
        sname = target
        continue
      }
      const rrsets = this.recordsAt(zone, sname)
      if (rrsets === undefined) return { rcode: 'NXDOMAIN', answer, zones }
      const alias = qtype === Type.CNAME ? undefined : rrsets.get(Type.CNAME)
      const found = alias ?? rrsets.get(qtype)
      if (found !== undefined) answer.push({ ...found, owner: sname })
      if (alias === undefined) return { rcode: 'NOERROR', answer, zones }
      sname = alias.rdatas[0]
    }
    return { rcode: undefined, answer, zones }
  }

  /** The deepest zone at or above the name; for DS the one above the cut. */
  zoneOf(name: Name, qtype: number): Zone {
    for (let above = qtype === Type.DS && name.length > 1 ? parentName(name) : name; ; above = parentName(above)) {
      const zone = this.zones.get(nameKey(above))
      if (zone !== undefined) return zone
    }
  }

  private isBroken(zone: Zone): boolean {
    for (let above = nameFromText(zone.origin); above.length > 1; above = parentName(above))
      if (this.zones.get(nameKey(above))?.fate === 'broken') return true
    return false
  }

  private dnameAbove(zone: Zone, name: Name): RRset | undefined {
    const apex = nameFromText(zone.origin)
    for (let above = parentName(name); name.length > 1 && isAtOrBelow(above, apex); above = parentName(above)) {
      const dname = this.owners(zone).get(nameKey(above))?.rrsets.get(Type.DNAME)
      if (dname !== undefined) return dname
      if (above.length === 1) break
    }
    return undefined
  }

  /** The RRsets a name has, its own or those of a wildcard; none for an empty non-terminal; undefined: no such name. */
  private recordsAt(zone: Zone, name: Name): Map<number, RRset> | undefined {
    const owners = this.owners(zone)
    const own = owners.get(nameKey(name))?.rrsets
    if (own !== undefined) return own
    if (this.hasBelow(owners, name)) return new Map()
    let encloser = parentName(name)
    while (!owners.has(nameKey(encloser)) && !this.hasBelow(owners, encloser)) encloser = parentName(encloser)
    const wildcard = encloser.length + 2 > 255 ? undefined : Uint8Array.of(1, 0x2a, ...encloser)
    if (wildcard === undefined) return undefined
    const synthesised = owners.get(nameKey(wildcard))?.rrsets
    return synthesised ?? (this.hasBelow(owners, wildcard) ? new Map() : undefined)
  }

  private hasBelow(owners: Owners, name: Name): boolean {
    for (const { owner } of owners.values()) if (isBelow(owner, name)) return true
    return false
  }

  private owners(zone: Zone): Owners {
    const known = this.contents.get(zone)
    if (known !== undefined) return known
    const owners: Owners = new Map()
    this.contents.set(zone, owners)
    for (const { owner, ttl, type, rdata } of parseZoneText(zoneText(zone), nameFromText(zone.origin))) {
      const key = nameKey(owner)
      const here = owners.get(key) ?? { owner, rrsets: new Map<number, RRset>() }
      owners.set(key, here)
      const known = here.rrsets.get(type)
      if (known === undefined) here.rrsets.set(type, rrset(owner, type, ttl, [rdata]))
      else known.rdatas.push(rdata)
    }
    return owners
  }
}

/** How a truth reads in a message about a test. */
export function truthText(truth: Truth): string {
  const answer = truth.answer.map((found) => `${nameToText(found.owner)} ${found.type} ×${found.rdatas.length}`)
  return [truth.rcode, ...answer].join(' · ')
}

/** Whether two RRsets say the same: owner, type and records, in any order. */
export function saySame(a: RRset, b: RRset, canonical: (rdata: Uint8Array, type: number) => Uint8Array): boolean {
  const keys = (found: RRset) =>
    found.rdatas.map((rdata) => Buffer.from(canonical(rdata, found.type)).toString('latin1')).sort()
  return a.type === b.type && equalNames(a.owner, b.owner) && JSON.stringify(keys(a)) === JSON.stringify(keys(b))
}
