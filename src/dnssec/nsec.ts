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
  prependLabel,
} from '../wire/name.ts'
import type { RRset } from '../wire/rrset.ts'
import { bitmapHas } from '../wire/type-bitmap.ts'
import { Type } from '../wire/types.ts'

/** `owner` is followed by `next` in the zone, and has the types of `bitmap`. */
export interface Nsec {
  owner: Name
  next: Name
  bitmap: Uint8Array
}

const ASTERISK = Uint8Array.of(0x2a)

/** The NSEC of a verified set; undefined if it is none or speaks of names outside `zone`, its signer (whoever lets the
 *  next name lie elsewhere could deny what is not his). */
export function readNsec(rrset: RRset, zone: Name): Nsec | undefined {
  const rdata = rrset.rdatas[0]
  let end = 0
  while (rdata[end] !== 0) {
    if (!(rdata[end] < 0x40)) return undefined
    end += rdata[end] + 1
  }
  const next = rdata.subarray(0, end + 1)
  if (!isAtOrBelow(rrset.owner, zone) || !isAtOrBelow(next, zone)) return undefined
  return { owner: rrset.owner, next, bitmap: rdata.subarray(end + 1) }
}

export function nsecHas(nsec: Pick<Nsec, 'bitmap'>, type: number): boolean {
  return bitmapHas(nsec.bitmap, type)
}

/** The parent's record at a zone cut: it knows nothing of what is below (RFC 6840 §4.1). */
export function isParentSide(nsec: Pick<Nsec, 'bitmap'>): boolean {
  return nsecHas(nsec, Type.NS) && !nsecHas(nsec, Type.SOA)
}

/** The record at `name`, if any. */
export function nsecAt(nsecs: readonly Nsec[], name: Name): Nsec | undefined {
  return nsecs.find((nsec) => equalNames(nsec.owner, name))
}

/** A record that shows `name` not to be there: it lies in the gap between owner and next. An empty non-terminal lies in
 *  such a gap too and exists all the same; see isEmptyNonTerminal(). */
export function nsecCovering(nsecs: readonly Nsec[], name: Name): Nsec | undefined {
  return nsecs.find((nsec) => covers(nsec, name))
}

function covers(nsec: Nsec, name: Name): boolean {
  if (compareCanonical(nsec.owner, name) >= 0) return false
  // The last record of a zone points back to the apex: all that follows is its gap.
  const isLast = compareCanonical(nsec.owner, nsec.next) >= 0
  if (!isLast && compareCanonical(name, nsec.next) >= 0) return false
  // RFC 6840 §4.1: records at a cut or a DNAME deny nothing below their owner.
  return !(isBelow(name, nsec.owner) && (isParentSide(nsec) || nsecHas(nsec, Type.DNAME)))
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

/** `*.encloser`; undefined where that name would be too long to exist. */
export function wildcardOf(encloser: Name): Name | undefined {
  return prependLabel(ASTERISK, encloser)
}

/** Whether these records prove that `qname` does not exist and no wildcard stands in for it. RFC 4035 §3.1.3.2. */
export function nsecProvesNoName(nsecs: readonly Nsec[], qname: Name): boolean {
  const covering = nsecCovering(nsecs, qname)
  if (covering === undefined || isEmptyNonTerminal(covering, qname)) return false
  const wildcard = wildcardOf(closestEncloserBy(covering, qname))
  if (wildcard === undefined) return true
  const gap = nsecCovering(nsecs, wildcard)
  return gap !== undefined && !isEmptyNonTerminal(gap, wildcard)
}

/** Whether these records prove that there is no `qtype` at `qname`, which exists: by its own name, as an empty
 *  non-terminal, or through a wildcard. RFC 4035 §3.1.3.1, §3.1.3.4. */
export function nsecProvesNoData(nsecs: readonly Nsec[], qname: Name, qtype: number): boolean {
  const own = nsecAt(nsecs, qname)
  if (own !== undefined) return lacks(own, qname, qtype)
  const covering = nsecCovering(nsecs, qname)
  if (covering === undefined) return false
  if (isEmptyNonTerminal(covering, qname)) return true
  const wildcard = wildcardOf(closestEncloserBy(covering, qname))
  const standIn = wildcard && nsecAt(nsecs, wildcard)
  return standIn !== undefined && lacks(standIn, wildcard as Name, qtype)
}

/** Whether a record at `name` may be taken to say that `qtype` is not there. */
export function lacks(record: Pick<Nsec, 'bitmap'>, name: Name, qtype: number): boolean {
  if (nsecHas(record, qtype)) return false
  if (nsecHas(record, Type.CNAME)) return false // RFC 6840 §4.3: the CNAME would have been the answer
  // DS is denied by the parent, all else by the child (RFC 6840 §4.1, §4.4); the root has no parent.
  if (qtype === Type.DS) return !nsecHas(record, Type.SOA) || name.length === 1
  return !isParentSide(record)
}

/** Whether these records prove that `qname` is not there itself, so that the wildcard of `encloser` answered rightly:
 *  RFC 4035 §5.3.4. Nothing between the two may exist either. */
export function nsecProvesExpansion(nsecs: readonly Nsec[], qname: Name, encloser: Name): boolean {
  const covering = nsecCovering(nsecs, qname)
  if (covering === undefined || isEmptyNonTerminal(covering, qname)) return false
  return equalNames(closestEncloserBy(covering, qname), encloser)
}
