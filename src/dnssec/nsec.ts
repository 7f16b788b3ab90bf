/** What do NSEC records prove to be absent? RFC 4034 §4, RFC 4035 §5.4, RFC 6840 §4 (what they must not be used for),
 *  RFC 4592 (wildcards), RFC 9824 (compact denial). Every record here has been verified; these are claims about its words. */

import {
  commonAncestor,
  compareCanonical,
  countLabels,
  equalNames,
  isAtOrBelow,
  isBelow,
  type Name,
} from '../wire/name.ts'
import { type RRset, rrsigFields } from '../wire/rrset.ts'
import { bitmapHas, typesInBitmap } from '../wire/type-bitmap.ts'
import { Type } from '../wire/types.ts'
import { signedLabels, wildcardOf } from './wildcard.ts'

/** `owner` is followed by `next` in the zone, and has the types of `bitmap`. */
export interface Nsec {
  owner: Name
  /** The apex, where `owner` is the last name of the zone. */
  next: Name
  bitmap: Uint8Array
}

/** The NSEC of a verified set; undefined if it is none that its signer `zone` may have: one whose next name lies outside the
 *  zone would deny what is not his, one expanded from a wildcard what is not in its place. */
export function readNsec(rrset: RRset, zone: Name): Nsec | undefined {
  const { owner, rdatas } = rrset
  if (rdatas.length !== 1 || !belongsTo(rrset, zone)) return undefined
  const rdata = rdatas[0]
  let end = 0
  while (rdata[end] !== 0) {
    if (!(rdata[end] < 0x40)) return undefined
    end += rdata[end] + 1
  }
  const next = rdata.subarray(0, end + 1)
  if (!isAtOrBelow(owner, zone) || !isAtOrBelow(next, zone)) return undefined
  // RFC 4034 §4.1.1: names ascend, but for the last, which leads back to the apex.
  if (compareCanonical(owner, next) >= 0 && !equalNames(next, zone)) return undefined
  return { owner, next, bitmap: rdata.subarray(end + 1) }
}

/** Whether the signatures of a denial say that its owner is a name of `zone`: made by its keys, and not from a wildcard. */
export function belongsTo({ owner, signatures }: RRset, zone: Name): boolean {
  const ownerLabels = signedLabels(owner)
  return signatures.every((rdata) => {
    const { signer, labels } = rrsigFields(rdata)
    return equalNames(signer, zone) && labels === ownerLabels
  })
}

export function nsecHas(nsec: Pick<Nsec, 'bitmap'>, type: number): boolean {
  return bitmapHas(nsec.bitmap, type)
}

/** The parent's record at a zone cut: it knows nothing of what is below (RFC 6840 §4.1). */
export function isParentSide(nsec: Pick<Nsec, 'bitmap'>): boolean {
  return nsecHas(nsec, Type.NS) && !nsecHas(nsec, Type.SOA)
}

/** Whether a record at a name says that the name does not exist: compact denial, RFC 9824 §3.5. */
export function saysNoName(record: Pick<Nsec, 'bitmap'>): boolean {
  return nsecHas(record, Type.NXNAME) && hasNoData(record)
}

/** Whether a record at a name lists nothing but what denial itself brings there. */
function hasNoData(record: Pick<Nsec, 'bitmap'>): boolean {
  return typesInBitmap(record.bitmap).every((type) => withDenial.has(type))
}

const withDenial: ReadonlySet<number> = new Set([Type.NSEC, Type.RRSIG, Type.NXNAME])

/** Whether a record at `name` may be taken to say that `qtype` is not there. */
export function lacks(record: Pick<Nsec, 'bitmap'>, name: Name, qtype: number): boolean {
  if (qtype === Type.ANY) return hasNoData(record) // which has no bit of its own
  if (nsecHas(record, qtype)) return false
  if (nsecHas(record, Type.CNAME)) return false // RFC 6840 §4.3: the CNAME would have been the answer
  // DS is denied by the parent, all else by the child (RFC 6840 §4.1, §4.4); the root has no parent.
  if (qtype === Type.DS) return !nsecHas(record, Type.SOA) || name.length === 1
  return !isParentSide(record)
}

/** The record at `name`, if any. */
export function nsecAt(nsecs: readonly Nsec[], name: Name): Nsec | undefined {
  return nsecs.find((nsec) => equalNames(nsec.owner, name))
}

/** A record in whose gap, between owner and next, `name` lies. It does not exist then, unless it is an empty
 *  non-terminal; see isEmptyNonTerminal(). */
export function nsecCovering(nsecs: readonly Nsec[], name: Name): Nsec | undefined {
  return nsecs.find((nsec) => covers(nsec, name))
}

function covers({ owner, next, bitmap }: Nsec, name: Name): boolean {
  if (compareCanonical(owner, name) >= 0) return false
  // After the last name of a zone comes whatever else is in the zone, but nothing beyond.
  const isLast = compareCanonical(owner, next) >= 0
  if (isLast ? !isBelow(name, next) : compareCanonical(name, next) >= 0) return false
  // RFC 6840 §4.1: records at a cut or a DNAME deny nothing below their owner.
  return !(isBelow(name, owner) && (isParentSide({ bitmap }) || bitmapHas(bitmap, Type.DNAME)))
}

/** Whether the record that covers `name` shows it to be an empty non-terminal: something exists below it. */
export function isEmptyNonTerminal(covering: Nsec, name: Name): boolean {
  return isBelow(covering.next, name)
}

/** The deepest existing ancestor of a covered name: what it shares with one end of the gap (RFC 4035 §5.4). */
export function closestEncloserBy(covering: Nsec, name: Name): Name {
  const byOwner = commonAncestor(name, covering.owner)
  const byNext = commonAncestor(name, covering.next)
  return countLabels(byOwner) >= countLabels(byNext) ? byOwner : byNext
}

/** Whether these records prove that `qname` does not exist and no wildcard stands in for it. RFC 4035 §3.1.3.2. */
export function nsecProvesNoName(nsecs: readonly Nsec[], qname: Name): boolean {
  const own = nsecAt(nsecs, qname)
  if (own !== undefined) return saysNoName(own)
  return gapsAround(nsecs, qname).some((gap) => {
    const wildcard = wildcardOf(closestEncloserBy(gap, qname))
    return gapsAround(nsecs, wildcard).length > 0
  })
}

/** Whether these records prove that there is no `qtype` at `qname`, which exists: by its own name, as an empty
 *  non-terminal, or through a wildcard. RFC 4035 §3.1.3.1, §3.1.3.4. */
export function nsecProvesNoData(nsecs: readonly Nsec[], qname: Name, qtype: number): boolean {
  const own = nsecAt(nsecs, qname)
  if (own !== undefined) return lacks(own, qname, qtype)
  if (provesEmptyNonTerminal(nsecs, qname)) return true
  return gapsAround(nsecs, qname).some((gap) => {
    const wildcard = wildcardOf(closestEncloserBy(gap, qname))
    const standIn = nsecAt(nsecs, wildcard)
    if (standIn !== undefined) return lacks(standIn, wildcard, qtype)
    return provesEmptyNonTerminal(nsecs, wildcard) // RFC 4592 §2.2.2: such a wildcard stands in as well
  })
}

/** Whether these records prove that `qname` is not there itself, so that the wildcard of `encloser` answered rightly:
 *  RFC 4035 §5.3.4. Nothing between the two may exist either. */
export function nsecProvesExpansion(nsecs: readonly Nsec[], qname: Name, encloser: Name): boolean {
  return gapsAround(nsecs, qname).some((gap) => equalNames(closestEncloserBy(gap, qname), encloser))
}

/** The records that show `name` not to exist. */
function gapsAround(nsecs: readonly Nsec[], name: Name): Nsec[] {
  return nsecs.filter((nsec) => covers(nsec, name) && !isEmptyNonTerminal(nsec, name))
}

function provesEmptyNonTerminal(nsecs: readonly Nsec[], name: Name): boolean {
  return nsecs.some((nsec) => covers(nsec, name) && isEmptyNonTerminal(nsec, name))
}
