/** HOT: which records form one RRset? RFC 2181 §5: same owner, class and type; no record twice; one TTL, the lowest.
 *  Runs once per record that arrives. A section with few sets is searched from its end; many sets get a Map, and large
 *  sets a Set of their RDATA, so the work stays linear whatever a server sends.
 *  Twin: groupPlainly in test/wire/dns-packet.test.ts. Bench: test/bench/wire.ts. */

import { WireError } from './error.ts'
import { equalNames, FOLD, type Name, nameKey } from './name.ts'
import { canonicalRdata } from './rdata.ts'
import { MAX_RECORDS, MAX_RRSET_OCTETS, type RRset } from './rrset.ts'
import { Type } from './types.ts'

/** Sets in a section, and records in a set, up to which a plain search is quicker than hashing. */
const FEW = 16

/** Collects the records of one section into RRsets, in order of first appearance. */
export class Grouping {
  readonly rrsets: RRset[] = []
  private octets = 0
  private index: Map<string, RRset> | undefined = undefined
  private seen: Map<Uint8Array[], Set<string>> | undefined = undefined

  /** Adds one record. `ttl` as it came; `rdata` decompressed. RRSIGs go to the set they cover; when that is not here,
   *  they form one without records. Throws WireError 'limit' for more than one RRset may have. */
  add(owner: Name, type: number, recordClass: number, ttl: number, rdata: Uint8Array): void {
    const signs = type === Type.RRSIG
    const rrset = this.find(owner, signs ? (rdata[0] << 8) | rdata[1] : type, recordClass)
    if (ttl > 0x7fffffff) ttl = 0 // RFC 2181 §8
    if (rrset.ttl < 0 || ttl < rrset.ttl) rrset.ttl = ttl // RFC 2181 §5.2
    const records = signs ? rrset.signatures : rrset.rdatas
    if (records.length > 0 && this.holds(records, type, rdata)) return
    if (records.length === MAX_RECORDS) throw new WireError('limit', `an RRset has more than ${MAX_RECORDS} records`)
    records.push(rdata)
    // A set can only be too large when all sets together are.
    if ((this.octets += rdata.length) > MAX_RRSET_OCTETS) checkSize(rrset)
  }

  /** The set of these, a new one (TTL -1) if need be. */
  private find(owner: Name, type: number, recordClass: number): RRset {
    const { rrsets } = this
    if (this.index !== undefined) return this.findIndexed(owner, type, recordClass, this.index)
    for (let i = rrsets.length - 1; i >= 0; i--) {
      const rrset = rrsets[i]
      if (rrset.type === type && rrset.class === recordClass && equalNames(rrset.owner, owner)) return rrset
    }
    if (rrsets.length === FEW) {
      this.index = new Map()
      for (const rrset of rrsets) this.index.set(keyOf(rrset.owner, rrset.type, rrset.class), rrset)
      return this.findIndexed(owner, type, recordClass, this.index)
    }
    const rrset: RRset = { owner, type, class: recordClass, ttl: -1, rdatas: [], signatures: [] }
    rrsets.push(rrset)
    return rrset
  }

  private findIndexed(owner: Name, type: number, recordClass: number, index: Map<string, RRset>): RRset {
    const key = keyOf(owner, type, recordClass)
    const known = index.get(key)
    if (known !== undefined) return known
    const rrset: RRset = { owner, type, class: recordClass, ttl: -1, rdatas: [], signatures: [] }
    index.set(key, rrset)
    this.rrsets.push(rrset)
    return rrset
  }

  /** True when `rdata` is already among `records`, the case of names in it aside (RFC 2181 §5, RFC 4034 §6.3). */
  private holds(records: Uint8Array[], type: number, rdata: Uint8Array): boolean {
    if (records.length <= FEW) {
      for (let i = 0; i < records.length; i++) if (isSameRdata(records[i], rdata, type)) return true
      return false
    }
    this.seen ??= new Map()
    let texts = this.seen.get(records)
    if (texts === undefined) {
      texts = new Set(records.map((record) => textOf(record, type)))
      this.seen.set(records, texts)
    }
    const text = textOf(rdata, type)
    if (texts.has(text)) return true
    texts.add(text)
    return false
  }
}

function keyOf(owner: Name, type: number, recordClass: number): string {
  return String.fromCharCode(type, recordClass) + nameKey(owner)
}

/** The canonical RDATA as a string, one character an octet. */
function textOf(rdata: Uint8Array, type: number): string {
  const { buffer, byteOffset, length } = canonicalRdata(rdata, type)
  return Buffer.from(buffer, byteOffset, length).toString('latin1')
}

/** True when both have the same canonical form. RFC 4034 §6.3. */
export function isSameRdata(a: Uint8Array, b: Uint8Array, type: number): boolean {
  const { length } = a
  if (length !== b.length) return false
  let differsInCase = false
  for (let i = 0; i < length; i++) {
    if (a[i] === b[i]) continue
    if (FOLD[a[i]] !== FOLD[b[i]]) return false
    differsInCase = true
  }
  if (!differsInCase) return true
  const canonicalA = canonicalRdata(a, type)
  const canonicalB = canonicalRdata(b, type)
  for (let i = 0; i < length; i++) if (canonicalA[i] !== canonicalB[i]) return false
  return true
}

function checkSize(rrset: RRset): void {
  let octets = 0
  for (const rdata of rrset.rdatas) octets += rdata.length
  for (const rdata of rrset.signatures) octets += rdata.length
  if (octets > MAX_RRSET_OCTETS) throw new WireError('limit', `an RRset has more than ${MAX_RRSET_OCTETS} octets`)
}
