/** What is the true answer to a question, as a resolver should give it, and can it be proven? Worked out from the world's
 *  description alone, across zones and without any server: the deepest zone that holds the name, its records, aliases
 *  followed anywhere; as secure as the weakest zone on the way (RFC 4035 §4.3, RFC 5155 §9.2 for opt-out). */

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
  /** Whether resolvers have to agree with this (`fine`, `broken`, `forged`) or may differ (`moot`). */
  fate: Fate
  /** Whether a validator with the lab's trust anchor can prove it; what is forged it can prove to be so. */
  security: 'secure' | 'insecure' | 'bogus'
}

/** What of a client's flags matters: DO and AD say that it can read AD, CD that it does not want to be spared. */
export interface ClientFlags {
  do: boolean
  cd: boolean
}

/** How the answer to a client's question has to look. `ad` undefined: resolvers may differ. */
export interface Expectation extends Pick<Truth, 'rcode' | 'answer' | 'fate'> {
  ad: boolean | undefined
}

/** Aliases after which a chain counts as endless. */
const MAX_ALIASES = 64

type Owners = Map<string, { owner: Name; rrsets: Map<number, RRset> }>

/** What a zone has at a name. */
interface Holding {
  rrsets: Map<number, RRset>
  by: 'own name' | 'empty non-terminal' | 'wildcard'
}

/** Digest types and algorithms that validators know. */
const KNOWN_DIGESTS = [1, 2, 4]
const KNOWN_ALGORITHMS = [5, 7, 8, 10, 13, 14, 15, 16]

export class Oracle {
  private readonly world: World
  private readonly zones = new Map<string, Zone>()
  private readonly contents = new Map<Zone, Owners>()

  constructor(world: World) {
    this.world = world
    for (const zone of world.zones.values()) this.zones.set(nameKey(nameFromText(zone.origin)), zone)
  }

  /** What a resolver should answer that validates if the world is signed. */
  truth(qnameText: string, qtypeText: string): Truth {
    const told = this.tell(qnameText, qtypeText)
    if (told.security !== 'bogus') return told
    return { ...told, rcode: 'SERVFAIL', answer: [] }
  }

  /** What it should answer to a client with these flags. */
  expect(qnameText: string, qtypeText: string, flags: ClientFlags): Expectation {
    const { rcode, answer, fate, security } = flags.cd
      ? this.tell(qnameText, qtypeText)
      : this.truth(qnameText, qtypeText)
    const isProven = security === 'secure' && rcode !== 'SERVFAIL'
    if (flags.cd) return { rcode, answer, fate, ad: isProven ? undefined : false } // RFC 6840 §5.9 leaves it open
    return { rcode, answer, fate, ad: isProven && flags.do } // RFC 6840 §5.8
  }

  /** What is there, forged or not. */
  private tell(qnameText: string, qtypeText: string): Truth {
    const qtype = typeFromText(qtypeText)
    if (qtype === undefined) throw new Error(`no such type: ${qtypeText}`)
    const { rcode, answer, zones, isProven } = this.follow(nameFromText(qnameText), qtype)
    const failed: Omit<Truth, 'fate'> = { rcode: 'SERVFAIL', answer: [], security: 'insecure' }
    if (rcode === undefined) return { ...failed, fate: 'moot' }
    if (zones.some((zone) => this.isWithin(zone, 'broken'))) return { ...failed, fate: 'broken' }
    const isForged = zones.some((zone) => zone.fate === 'forged' && this.isSecure(zone))
    const security = isForged ? 'bogus' : isProven ? 'secure' : 'insecure'
    const fate = zones.some((zone) => zone.fate === 'moot') ? 'moot' : isForged ? 'forged' : 'fine'
    return { rcode, answer, fate, security }
  }

  /** The records on the way from a name, aliases followed through whatever zones they lead, reachable or not.
   *  No rcode: the aliases have no end. */
  follow(
    qname: Name,
    qtype: number,
  ): { rcode: Truth['rcode'] | undefined; answer: RRset[]; zones: Zone[]; isProven: boolean } {
    const answer: RRset[] = []
    const zones: Zone[] = []
    let isProven = true
    let sname = qname
    for (let aliases = 0; aliases < MAX_ALIASES; aliases++) {
      const zone = this.zoneOf(sname, qtype)
      zones.push(zone)
      isProven &&= this.isSecure(zone)
      const dname = this.dnameAbove(zone, sname)
      if (dname !== undefined) {
        if (!answer.includes(dname)) answer.push(dname)
        const target = replaceSuffix(sname, dname.owner, dname.rdatas[0])
        if (target === undefined) return { rcode: 'YXDOMAIN', answer, zones, isProven }
        answer.push(rrset(sname, Type.CNAME, dname.ttl, [target]))
        if (qtype === Type.CNAME) return { rcode: 'NOERROR', answer, zones, isProven }
        sname = target
        continue
      }
      const holding = this.holdingAt(zone, sname)
      if (isOptOut(zone)) isProven &&= this.isProvenDespiteOptOut(zone, sname, qtype, holding)
      if (holding === undefined) return { rcode: 'NXDOMAIN', answer, zones, isProven }
      const { rrsets } = holding
      const alias = qtype === Type.CNAME ? undefined : rrsets.get(Type.CNAME)
      const found = alias ?? rrsets.get(qtype)
      if (found !== undefined) answer.push({ ...found, owner: sname })
      if (alias === undefined) return { rcode: 'NOERROR', answer, zones, isProven }
      sname = alias.rdatas[0]
    }
    return { rcode: undefined, answer, zones, isProven }
  }

  /** Whether a chain of trust leads from the root to the zone: RFC 4035 §5.2. */
  isSecure(zone: Zone): boolean {
    if (zone.signing === undefined) return false
    const parent = this.world.zoneAbove(zone.origin)
    if (parent === undefined) return true
    const { algorithms, digests } = zone.signing
    if (!algorithms.some((algorithm) => KNOWN_ALGORITHMS.includes(algorithm))) return false
    return digests.some((digest) => KNOWN_DIGESTS.includes(digest)) && this.isSecure(parent)
  }

  /** RFC 5155 §9.2: a gap with opt-out proves nothing to be absent. What has a record of its own in the chain is well. */
  private isProvenDespiteOptOut(zone: Zone, name: Name, qtype: number, holding: Holding | undefined): boolean {
    if (holding === undefined || holding.by === 'wildcard') return false
    const isCut = name.length > nameFromText(zone.origin).length && holding.rrsets.has(Type.NS)
    if (isCut) return qtype !== Type.DS || holding.rrsets.has(Type.DS)
    if (holding.by === 'own name') return true
    // an empty non-terminal is in the chain for what is signed below it
    const below = [...this.owners(zone).values()].filter(({ owner }) => isBelow(owner, name))
    return below.some(({ owner, rrsets }) => rrsets.has(Type.DS) || !this.isAtOrBelowCut(zone, owner))
  }

  private isAtOrBelowCut(zone: Zone, name: Name): boolean {
    const apex = nameFromText(zone.origin)
    for (let above = name; above.length > apex.length; above = parentName(above))
      if (this.owners(zone).get(nameKey(above))?.rrsets.has(Type.NS)) return true
    return false
  }

  /** The deepest zone at or above the name; for DS the one above the cut. */
  zoneOf(name: Name, qtype: number): Zone {
    for (let above = qtype === Type.DS && name.length > 1 ? parentName(name) : name; ; above = parentName(above)) {
      const zone = this.zones.get(nameKey(above))
      if (zone !== undefined) return zone
    }
  }

  private isWithin(zone: Zone, fate: Fate): boolean {
    for (let above = nameFromText(zone.origin); above.length > 1; above = parentName(above))
      if (this.zones.get(nameKey(above))?.fate === fate) return true
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
  private holdingAt(zone: Zone, name: Name): Holding | undefined {
    const owners = this.owners(zone)
    const own = owners.get(nameKey(name))?.rrsets
    if (own !== undefined) return { rrsets: own, by: 'own name' }
    if (this.hasBelow(owners, name)) return { rrsets: new Map(), by: 'empty non-terminal' }
    let encloser = parentName(name)
    while (!owners.has(nameKey(encloser)) && !this.hasBelow(owners, encloser)) encloser = parentName(encloser)
    const wildcard = encloser.length + 2 > 255 ? undefined : Uint8Array.of(1, 0x2a, ...encloser)
    if (wildcard === undefined) return undefined
    const synthesised = owners.get(nameKey(wildcard))?.rrsets
    if (synthesised !== undefined) return { rrsets: synthesised, by: 'wildcard' }
    return this.hasBelow(owners, wildcard) ? { rrsets: new Map(), by: 'wildcard' } : undefined
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

function isOptOut({ signing }: Zone): boolean {
  return signing?.denial.kind === 'nsec3' && signing.denial.optOut
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
