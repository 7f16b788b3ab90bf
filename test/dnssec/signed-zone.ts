/** A signed zone as RRsets with their signatures. */

import { type DnsKey, parseDnsKey } from '../../src/dnssec/keys.ts'
import { type Price, type Signed, verifyRRset } from '../../src/dnssec/signature.ts'
import type { Verdict } from '../../src/dnssec/verdict.ts'
import { type Name, nameFromText, nameKey } from '../../src/wire/name.ts'
import { type RRset, rrset, rrsigFields } from '../../src/wire/rrset.ts'
import { parseZoneText } from '../../src/wire/text.ts'
import { Type } from '../../src/wire/types.ts'

export class SignedZone {
  readonly apex: Name
  readonly sets: RRset[]
  readonly keys: DnsKey[]
  /** An hour into the life of the youngest signature. */
  readonly nowSeconds: number

  constructor(origin: string, zoneText: string) {
    this.apex = nameFromText(origin)
    this.sets = groupRecords(zoneText)
    this.keys = (this.find(this.apex, Type.DNSKEY)?.rdatas ?? []).map((rdata) => parseDnsKey(rdata) as DnsKey)
    const inceptions = this.sets.flatMap((set) => set.signatures.map((rdata) => rrsigFields(rdata).inception))
    this.nowSeconds = Math.max(...inceptions) + 3600
  }

  find(owner: Name, type: number): RRset | undefined {
    return this.sets.find((set) => set.type === type && nameKey(set.owner) === nameKey(owner))
  }

  ofType(type: number): RRset[] {
    return this.sets.filter((set) => set.type === type)
  }

  verify(set: RRset): Signed | Verdict {
    return verifyRRset(set, this.apex, this.keys, this.nowSeconds, { sha1: true }, FREE)
  }
}

/** Nothing is too expensive. */
export const FREE: Price = { verification: () => true, failure: () => true }

function groupRecords(zoneText: string): RRset[] {
  const sets = new Map<string, RRset>()
  const at = (owner: Name, type: number, ttl: number): RRset => {
    const key = `${nameKey(owner)} ${type}`
    const set = sets.get(key) ?? rrset(owner, type, ttl, [])
    sets.set(key, set)
    return set
  }
  for (const { owner, type, ttl, rdata } of parseZoneText(zoneText)) {
    if (type === Type.RRSIG) at(owner, rrsigFields(rdata).typeCovered, ttl).signatures.push(rdata)
    else at(owner, type, ttl).rdatas.push(rdata)
  }
  return [...sets.values()]
}
