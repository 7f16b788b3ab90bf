/** What did a server just tell us? A pure judgement of one reply: answer, alias, referral, denial, or nothing usable.
 *  Only what lies in the asked zone's bailiwick is looked at (RFC 2181 §5.4.1, RFC 5452 §6). RFC 1034 §5.3.3 step 4,
 *  RFC 2308 §2, RFC 6672 §2.3. */

import type { Reply } from '../wire/message.ts'
import { equalNames, isAtOrBelow, isBelow, type Name, nameToText, replaceSuffix } from '../wire/name.ts'
import { cnameTarget, nsName, parseSoa, type RRset } from '../wire/rrset.ts'
import { Class, Flag, Rcode, rcodeText, Type, typeText } from '../wire/types.ts'

export type Finding =
  /** The question is answered, after `chain` of aliases. */
  | { kind: 'answer'; chain: RRset[]; rrset: RRset; authoritative: boolean }
  /** Aliases lead to `target`, which this reply does not answer. */
  | { kind: 'alias'; chain: RRset[]; target: Name; authoritative: boolean }
  /** A DNAME would make a name longer than 255 octets: YXDOMAIN, RFC 6672 §2.2. */
  | { kind: 'too-long'; chain: RRset[] }
  /** The zone is cut at `zone`: ask there. */
  | { kind: 'referral'; zone: Name; nsSet: RRset; glue: RRset[]; proofs: RRset[] }
  /** `name` (the end of `chain`) does not exist, or has no such data. `soa` is absent in sloppy replies. */
  | ({ kind: 'denial'; chain: RRset[]; denial: 'nxdomain' | 'nodata'; name: Name } & Denying)
  /** The server is no use for this zone. */
  | {
      kind: 'lame'
      reason: LameReason
      /** The reply has what was asked for: better than nothing, where no other server is left. */
      usable?: boolean
      /** The DNAME that the rest of the reply contradicts. */
      dname?: RRset
    }
  /** The server would not or could not answer. `plain` when the reply shows that EDNS may be to blame. */
  | { kind: 'error'; rcode: Rcode; plain: boolean }
  | { kind: 'truncated' }

/** What an authority section says of a denial: the zone's SOA, its NS set if it is shown, NSEC and NSEC3. */
export interface Denying {
  soa: RRset | undefined
  apex: RRset[]
  proofs: RRset[]
}

export type LameReason =
  | 'not authoritative'
  | 'CNAME contradicts DNAME'
  | 'upward referral'
  | 'referral to itself'
  | 'sideways referral'
  | 'empty'

export interface Asked {
  qname: Name
  qtype: number
  zoneCut: Name
  /** Whether the query had OPT. */
  edns: boolean
}

/** Aliases followed within one reply; the request's own limit is checked over all replies. */
const MAX_CHAIN = 24

/** `forwarded`: by one that is not authoritative and need not be. */
export function classifyReply(asked: Asked, reply: Reply, forwarded = false): Finding {
  if (reply.flags & Flag.TC) return { kind: 'truncated' }
  const { rcode } = reply
  if (rcode !== Rcode.NOERROR && rcode !== Rcode.NXDOMAIN && rcode !== Rcode.YXDOMAIN)
    return { kind: 'error', rcode: rcode as Rcode, plain: asked.edns && blamesEdns(reply) }

  const authoritative = (reply.flags & Flag.AA) !== 0
  const chain: RRset[] = []
  let name = asked.qname
  for (let links = 0; links < MAX_CHAIN; links++) {
    const dname = findDname(reply, name, asked.zoneCut)
    const direct = dname === undefined ? findAnswer(reply, name, asked.qtype, asked.zoneCut) : undefined
    const cname = dname === undefined && direct === undefined ? findCname(reply, name, asked) : undefined
    const found = dname ?? direct ?? cname
    if (found === undefined) break
    if (!forwarded && !trusted(asked, reply, authoritative))
      return { kind: 'lame', reason: 'not authoritative', usable: true }
    if (direct !== undefined) return { kind: 'answer', chain, rrset: direct, authoritative }
    chain.push(found)
    if (dname !== undefined) {
      const target = replaceSuffix(name, dname.owner, cnameTarget(dname.rdatas[0]))
      if (target === undefined) return { kind: 'too-long', chain }
      const alias = synthesised(name, dname, target) // RFC 6672 §3.1: our own CNAME, not the server's
      if (contradicts(reply, alias)) return { kind: 'lame', reason: 'CNAME contradicts DNAME', dname }
      if (asked.qtype === Type.CNAME) return { kind: 'answer', chain, rrset: alias, authoritative }
      chain.push(alias)
    }
    name = cnameTarget(chain[chain.length - 1].rdatas[0])
    if (!isAtOrBelow(name, asked.zoneCut) || sameOwnerTwice(chain))
      return { kind: 'alias', chain, target: name, authoritative }
  }

  const soa = findSoa(reply, name, asked.zoneCut)
  // RFC 2308 §2.1: the RCODE speaks of the last name of the chain.
  if (rcode === Rcode.NXDOMAIN)
    return soa !== undefined || authoritative || forwarded
      ? { kind: 'denial', chain, denial: 'nxdomain', name, ...denying(reply, soa, asked.zoneCut) }
      : { kind: 'lame', reason: 'not authoritative' }
  if (chain.length > 0) {
    // The end of a chain is denied only by a SOA; without one the server just knows no more.
    if (soa !== undefined && isAtOrBelow(name, asked.zoneCut))
      return { kind: 'denial', chain, denial: 'nodata', name, ...denying(reply, soa, asked.zoneCut) }
    return { kind: 'alias', chain, target: name, authoritative }
  }

  const nsSet = soa === undefined ? findNsSet(reply, asked) : undefined
  if (nsSet !== undefined && !forwarded) {
    if (isBelow(nsSet.owner, asked.zoneCut) && isAtOrBelow(asked.qname, nsSet.owner)) {
      if (asked.qtype === Type.DS && equalNames(nsSet.owner, asked.qname))
        return dsBesideReferral(reply, asked, authoritative) // nobody below would know, RFC 4035 §3.1.4.1
      return referral(nsSet, reply, asked.zoneCut)
    } else if (isBelow(asked.zoneCut, nsSet.owner)) return { kind: 'lame', reason: 'upward referral' }
    else if (!isAtOrBelow(nsSet.owner, asked.zoneCut)) return { kind: 'lame', reason: 'sideways referral' }
    else if (!authoritative)
      return {
        kind: 'lame',
        reason: equalNames(nsSet.owner, asked.zoneCut) ? 'referral to itself' : 'sideways referral',
      }
  }
  if (soa === undefined && !authoritative && !forwarded)
    return { kind: 'lame', reason: reply.answer.length ? 'not authoritative' : 'empty' }
  if (rcode === Rcode.YXDOMAIN) return { kind: 'error', rcode: Rcode.YXDOMAIN, plain: false }
  return { kind: 'denial', chain, denial: 'nodata', name, ...denying(reply, soa, asked.zoneCut) }
}

/** Whether an answer comes from the zone itself. Some servers forget AA; but one that offers recursion instead (RA)
 *  answers out of a cache, unless the zone's own SOA or NS stands beside the answer: it is lame (RFC 1912 §2.8). */
function trusted(asked: Asked, reply: Reply, authoritative: boolean): boolean {
  if (authoritative || !(reply.flags & Flag.RA)) return true
  return reply.authority.some(
    (set) =>
      (set.type === Type.NS || set.type === Type.SOA) && set.rdatas.length > 0 && equalNames(set.owner, asked.zoneCut),
  )
}

/** FORMERR, NOTIMP or BADVERS without OPT in the reply to a query with OPT: RFC 6891 §7 says such a server may not know EDNS. */
function blamesEdns(reply: Reply): boolean {
  if (reply.rcode === Rcode.BADVERS) return true
  return (
    reply.edns === undefined &&
    (reply.rcode === Rcode.FORMERR || reply.rcode === Rcode.NOTIMP || reply.rcode === Rcode.SERVFAIL)
  )
}

function findAnswer(reply: Reply, name: Name, type: number, zoneCut: Name): RRset | undefined {
  if (!isAtOrBelow(name, zoneCut)) return undefined
  if (type === Type.RRSIG) return signaturesAt(reply, name)
  for (const set of reply.answer)
    if (set.type === type && set.class === Class.IN && set.rdatas.length > 0 && equalNames(set.owner, name)) return set
  return undefined
}

/** Signatures asked for by themselves, as the records of a set (they are no RRset: RFC 4035 §2.2). */
function signaturesAt(reply: Reply, name: Name): RRset | undefined {
  const sets = reply.answer.filter((set) => set.signatures.length > 0 && equalNames(set.owner, name))
  if (sets.length === 0) return undefined
  return {
    owner: sets[0].owner,
    type: Type.RRSIG,
    class: Class.IN,
    ttl: Math.min(...sets.map((set) => set.ttl)),
    rdatas: sets.flatMap((set) => set.signatures),
    signatures: [],
  }
}

/** The DNAME at an ancestor of `name`. */
function findDname(reply: Reply, name: Name, zoneCut: Name): RRset | undefined {
  for (const set of reply.answer)
    if (set.type === Type.DNAME && set.rdatas.length > 0 && isBelow(name, set.owner) && isAtOrBelow(set.owner, zoneCut))
      return set
  return undefined
}

/** The CNAME at `name`, unless it is asked for itself. */
function findCname(reply: Reply, name: Name, asked: Asked): RRset | undefined {
  return asked.qtype === Type.CNAME ? undefined : findAnswer(reply, name, Type.CNAME, asked.zoneCut)
}

/** Whether the reply has another CNAME where a DNAME gives `alias`: someone has tampered with it. */
function contradicts(reply: Reply, alias: RRset): boolean {
  return reply.answer.some(
    (set) =>
      set.type === Type.CNAME &&
      set.rdatas.length > 0 &&
      equalNames(set.owner, alias.owner) &&
      !equalNames(cnameTarget(set.rdatas[0]), cnameTarget(alias.rdatas[0])),
  )
}

/** The CNAME a DNAME stands for. It carries the DNAME's TTL and no signature, RFC 6672 §3.1 and §5.3.1. */
export function synthesised(owner: Name, dname: RRset, target: Name): RRset {
  return { owner, type: Type.CNAME, class: Class.IN, ttl: dname.ttl, rdatas: [target], signatures: [] }
}

function sameOwnerTwice(chain: RRset[]): boolean {
  const last = chain[chain.length - 1]
  for (let i = 0; i < chain.length - 1; i++)
    if (chain[i].type === last.type && equalNames(chain[i].owner, last.owner)) return true
  return false
}

/** The SOA of a denial: its owner is an ancestor of (or is) the denied name, and inside the asked zone. */
function findSoa(reply: Reply, name: Name, zoneCut: Name): RRset | undefined {
  for (const set of reply.authority)
    if (
      set.type === Type.SOA &&
      set.rdatas.length > 0 &&
      isAtOrBelow(set.owner, zoneCut) &&
      isAtOrBelow(name, set.owner)
    )
      return set
  return undefined
}

/** The parts of the authority section that belong to a denial, in bailiwick. */
function denying(reply: Reply, soa: RRset | undefined, zoneCut: Name): Denying {
  const inZone = reply.authority.filter((set) => set.rdatas.length > 0 && isAtOrBelow(set.owner, zoneCut))
  return {
    soa,
    apex: inZone.filter((set) => set.type === Type.NS && soa !== undefined && equalNames(set.owner, soa.owner)),
    proofs: inZone.filter((set) => set.type === Type.NSEC || set.type === Type.NSEC3),
  }
}

/** The NS set that concerns the question: the deepest one on its way. Stray ones (unsolicited, they poison: RFC 5452 §6)
 *  only count when there is nothing else, to tell what is wrong with the reply. */
function findNsSet(reply: Reply, asked: Asked): RRset | undefined {
  let concerning: RRset | undefined
  let stray: RRset | undefined
  for (const set of reply.authority) {
    if (set.type !== Type.NS || set.rdatas.length === 0) continue
    if (!isAtOrBelow(asked.qname, set.owner)) stray ??= set
    else if (concerning === undefined || isBelow(set.owner, concerning.owner)) concerning = set
  }
  return concerning ?? stray
}

/** Some servers answer a question for DS as if it were about the child: with a referral, beside which the DS set or the
 *  proof that there is none stands all the same. */
function dsBesideReferral(reply: Reply, asked: Asked, authoritative: boolean): Finding {
  const ds = reply.authority.find(
    (set) => set.type === Type.DS && set.rdatas.length > 0 && equalNames(set.owner, asked.qname),
  )
  if (ds !== undefined) return { kind: 'answer', chain: [], rrset: ds, authoritative }
  const denial = denying(reply, undefined, asked.zoneCut)
  return { kind: 'denial', chain: [], denial: 'nodata', name: asked.qname, ...denial }
}

function referral(nsSet: RRset, reply: Reply, zoneCut: Name): Finding {
  const glue = reply.additional.filter(
    (set) =>
      (set.type === Type.A || set.type === Type.AAAA) &&
      set.rdatas.length > 0 &&
      nsSet.rdatas.some((rdata) => equalNames(nsName(rdata), set.owner)),
  )
  const proofs = reply.authority.filter(
    (set) =>
      (set.type === Type.DS && equalNames(set.owner, nsSet.owner)) ||
      ((set.type === Type.NSEC || set.type === Type.NSEC3) && isAtOrBelow(set.owner, zoneCut)),
  )
  return { kind: 'referral', zone: nsSet.owner, nsSet, glue, proofs }
}

/** Seconds a denial may be kept: RFC 2308 §5, the lower of the SOA's own TTL and its MINIMUM. Without SOA: 0. */
export function denialTtl(soa: RRset | undefined): number {
  return soa === undefined ? 0 : Math.min(soa.ttl, parseSoa(soa.rdatas[0]).minimum)
}

/** A finding in a few words, for trace and EDE. */
export function findingText(finding: Finding): string {
  switch (finding.kind) {
    case 'answer':
      return `answer ${typeText(finding.rrset.type)}`
    case 'alias':
      return `alias to ${nameToText(finding.target)}`
    case 'referral':
      return `referral to ${nameToText(finding.zone)}`
    case 'denial':
      return finding.denial
    case 'lame':
      return finding.reason
    case 'error':
      return rcodeText(finding.rcode)
    case 'too-long':
      return 'DNAME overflow'
    case 'truncated':
      return 'truncated'
    default:
      return unreachable(finding)
  }
}

function unreachable(finding: never): never {
  throw new Error(`unknown finding ${JSON.stringify(finding)}`)
}
