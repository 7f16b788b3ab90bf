/** An authoritative server of our own: what does it answer, given the zones it holds? RFC 1034 §4.3.2, with wildcards
 *  as RFC 4592 makes them clear, DNAME (RFC 6672), denial (RFC 2308), EDNS (RFC 6891), and for clients that set DO
 *  signatures and proofs (RFC 4035 §3.1, RFC 5155 §7.2). CNAMEs are followed inside one zone. Plain and unhurried; zones
 *  are read when they are first asked for. */

import { composeMessage, type Outgoing } from '../../src/wire/compose.ts'
import { WireError } from '../../src/wire/error.ts'
import { type ClientQuery, parseQuery } from '../../src/wire/message.ts'
import {
  ancestorWith,
  countLabels,
  equalNames,
  isAtOrBelow,
  type Name,
  nameFromText,
  nameKey,
  parentName,
  prependLabel,
  replaceSuffix,
} from '../../src/wire/name.ts'
import { mxExchange, parseSoa, type RRset, rrset, rrsigFields, srvTarget } from '../../src/wire/rrset.ts'
import type { ZoneRecord } from '../../src/wire/text.ts'
import { Class, Flag, Opcode, Rcode, Type } from '../../src/wire/types.ts'
import { type ProofBook, proofBook } from './proof-book.ts'

/** Sections and code of an answer, before it is put into a message. */
export interface Answer {
  rcode: number
  authoritative: boolean
  answer: RRset[]
  authority: RRset[]
  additional: RRset[]
}

export interface ZoneSource {
  origin: string
  records: () => readonly ZoneRecord[]
  /** Has the last word on what is answered from the zone. */
  retell?: (answer: Answer, qname: Name, qtype: number, authority: Authority) => Answer
}

/** The most octets our servers send over UDP, whatever the client allows. */
const UDP_CEILING = 4096
/** CNAMEs and DNAMEs followed in one zone. */
const MAX_ALIASES = 16

export class Authority {
  private readonly sources = new Map<string, ZoneSource>()
  private readonly loaded = new Map<string, ZoneData>()

  constructor(sources: ZoneSource[]) {
    for (const source of sources) this.sources.set(nameKey(nameFromText(source.origin)), source)
  }

  /** `dnssec`: with what proves denials and expansions. Signatures come with their sets in any case. */
  answer(qname: Name, qtype: number, dnssec = false): Answer {
    const zone = this.zoneFor(qname, qtype)
    if (zone === undefined) return { ...emptyAnswer(), rcode: Rcode.REFUSED, authoritative: false }
    return answerFrom(zone, qname, qtype, dnssec)
  }

  /** What the zone of that origin has at a name. */
  rrset(origin: Name, owner: Name, type: number): RRset | undefined {
    return this.load(nameKey(origin))?.node(owner)?.rrsets.get(type)
  }

  proofs(origin: Name): ProofBook | undefined {
    return this.load(nameKey(origin))?.proofs
  }

  /** The reply to a packet, ready to send; undefined if it deserves none. */
  respond(packet: Uint8Array, protocol: 'udp' | 'tcp'): Uint8Array | undefined {
    const query = readQuery(packet)
    if (query === undefined) return undefined
    if (query === 'malformed')
      return composeReply(
        { ...bareQuery(packet) },
        { ...emptyAnswer(), rcode: Rcode.FORMERR, authoritative: false },
        protocol,
      )
    return composeReply(query, this.answerQuery(query), protocol)
  }

  answerQuery(query: ClientQuery): Answer {
    const failed = (rcode: number): Answer => ({ ...emptyAnswer(), rcode, authoritative: false })
    if (query.opcode !== Opcode.QUERY) return failed(Rcode.NOTIMP)
    if (query.question === undefined) return failed(Rcode.FORMERR)
    if (query.edns !== undefined && query.edns.version !== 0) return failed(Rcode.BADVERS) // RFC 6891 §6.1.3
    const { name, type } = query.question
    if (query.question.class !== Class.IN || type === Type.AXFR || type === Type.IXFR) return failed(Rcode.REFUSED)
    const answer = this.answer(name, type, query.edns?.do)
    return this.zoneFor(name, type)?.retell?.(answer, name, type, this) ?? answer
  }

  /** RFC 1034 §4.3.2 step 2: the nearest ancestor zone. DS is asked of the parent's side of a cut (RFC 4035 §3.1.4.1). */
  private zoneFor(qname: Name, qtype: number): ZoneData | undefined {
    const labels = countLabels(qname)
    for (let depth = qtype === Type.DS ? labels - 1 : labels; depth >= 0; depth--) {
      const zone = this.load(nameKey(ancestorWith(qname, depth)))
      if (zone !== undefined) return zone
    }
    return qtype === Type.DS ? this.load(nameKey(qname)) : undefined
  }

  private load(key: string): ZoneData | undefined {
    const source = this.sources.get(key)
    if (source === undefined) return undefined
    let zone = this.loaded.get(key)
    if (zone === undefined) this.loaded.set(key, (zone = new ZoneData(source)))
    return zone
  }
}

interface Node {
  owner: Name
  rrsets: Map<number, RRset>
}

/** What the walk down from the apex came to. A node with an `encloser` is the wildcard right below it. */
type Finding =
  | { kind: 'delegation'; ns: RRset; node: Node }
  | { kind: 'dname'; dname: RRset }
  | { kind: 'node'; node: Node; encloser?: Name }
  | { kind: 'nothing'; encloser: Name }

class ZoneData {
  readonly apex: Name
  readonly soa: RRset
  readonly proofs: ProofBook
  readonly retell: ZoneSource['retell']
  private readonly nodes = new Map<string, Node>()

  constructor(source: ZoneSource) {
    this.apex = nameFromText(source.origin)
    this.retell = source.retell
    const records = source.records()
    const sets = new Map<string, RRset>()
    const setKey = (owner: Name, type: number) => `${type} ${nameKey(owner)}`
    for (const { owner, ttl, type, rdata } of records) {
      if (type === Type.RRSIG) continue
      const known = sets.get(setKey(owner, type))
      if (known === undefined) sets.set(setKey(owner, type), rrset(owner, type, ttl, [rdata]))
      else known.rdatas.push(rdata)
    }
    for (const { owner, type, rdata } of records)
      if (type === Type.RRSIG) sets.get(setKey(owner, rrsigFields(rdata).typeCovered))?.signatures.push(rdata)
    // RFC 5155 §7.2.8: names that only NSEC3 records have are as if they were not there
    for (const set of sets.values()) if (set.type !== Type.NSEC3) this.nodeAt(set.owner).rrsets.set(set.type, set)
    this.soa = this.nodeAt(this.apex).rrsets.get(Type.SOA)!
    this.proofs = proofBook(this.apex, [...sets.values()])
  }

  /** The node of `owner`, made if need be together with all above it: an empty non-terminal exists (RFC 4592 §2.2.2). */
  private nodeAt(owner: Name): Node {
    const key = nameKey(owner)
    const known = this.nodes.get(key)
    if (known !== undefined) return known
    const node: Node = { owner, rrsets: new Map() }
    this.nodes.set(key, node)
    if (!equalNames(owner, this.apex)) this.nodeAt(parentName(owner))
    return node
  }

  node(owner: Name): Node | undefined {
    return this.nodes.get(nameKey(owner))
  }

  /** RFC 1034 §4.3.2 step 3: matching down, label by label. */
  find(sname: Name, qtype: number): Finding {
    const labels = countLabels(sname)
    for (let depth = countLabels(this.apex); depth <= labels; depth++) {
      const node = this.node(ancestorWith(sname, depth))
      if (node === undefined) return this.findWildcard(ancestorWith(sname, depth - 1))
      const ns = node.rrsets.get(Type.NS)
      const isApex = equalNames(node.owner, this.apex)
      if (ns !== undefined && !isApex && !(qtype === Type.DS && depth === labels))
        return { kind: 'delegation', ns, node } // step 3b
      const dname = node.rrsets.get(Type.DNAME)
      if (dname !== undefined && depth < labels) return { kind: 'dname', dname } // RFC 6672 §3.2
      if (depth === labels) return { kind: 'node', node }
    }
    return { kind: 'nothing', encloser: this.apex }
  }

  /** Step 3c. RFC 4592 §3.3.1: only the wildcard right below the closest encloser counts. */
  private findWildcard(closestEncloser: Name): Finding {
    const wildcard = prependLabel(Uint8Array.of(0x2a), closestEncloser)
    const node = wildcard && this.node(wildcard)
    return node === undefined
      ? { kind: 'nothing', encloser: closestEncloser }
      : { kind: 'node', node, encloser: closestEncloser }
  }
}

function answerFrom(zone: ZoneData, qname: Name, qtype: number, dnssec: boolean): Answer {
  const result = emptyAnswer()
  const prove = (sets: () => RRset[]) => {
    if (dnssec) for (const set of sets()) if (!result.authority.includes(set)) result.authority.push(set)
  }
  let sname = qname
  for (let aliases = 0; aliases <= MAX_ALIASES && isAtOrBelow(sname, zone.apex); aliases++) {
    const finding = zone.find(sname, qtype)
    switch (finding.kind) {
      case 'delegation':
        result.authoritative = result.answer.length > 0 // RFC 1034 §6.2.7: authoritative for the alias, not beyond the cut
        result.authority.push(finding.ns)
        prove(() => delegationProof(zone, finding.node))
        addAddresses(zone, finding.ns, result)
        return result
      case 'nothing':
        result.rcode = Rcode.NXDOMAIN // RFC 2308 §2.1; after a CNAME too, it speaks of the last name
        result.authority.push(denialSoa(zone))
        prove(() => zone.proofs.noName(sname, finding.encloser))
        return result
      case 'dname': {
        const { dname } = finding
        if (!result.answer.includes(dname)) result.answer.push(dname)
        const target = replaceSuffix(sname, dname.owner, dname.rdatas[0])
        if (target === undefined) {
          result.rcode = Rcode.YXDOMAIN // RFC 6672 §2.2
          return result
        }
        result.answer.push(rrset(sname, Type.CNAME, dname.ttl, [target]))
        sname = target
        break
      }
      case 'node': {
        const { node, encloser } = finding
        const cname = node.rrsets.get(Type.CNAME)
        const followed = cname !== undefined && qtype !== Type.CNAME && qtype !== Type.ANY && qtype !== Type.RRSIG
        const found = followed || answerAt(zone, node, sname, qtype, result)
        if (!found) prove(() => (encloser ? zone.proofs.wildcardNoData(sname, encloser) : zone.proofs.noData(sname)))
        else if (encloser !== undefined) prove(() => zone.proofs.expansion(sname, encloser)) // RFC 4035 §3.1.3.3
        if (!followed) return result
        if (result.answer.some((known) => known.type === Type.CNAME && equalNames(known.owner, sname))) return result // a loop
        result.answer.push({ ...cname, owner: sname })
        sname = cname.rdatas[0]
        break
      }
    }
  }
  return result
}

/** RFC 4035 §3.1.4: the DS set, or the proof that there is none. */
function delegationProof(zone: ZoneData, { owner, rrsets }: Node): RRset[] {
  const ds = rrsets.get(Type.DS)
  return ds === undefined ? zone.proofs.noData(owner) : [ds]
}

/** The records of one node, owned by `sname` where they come from a wildcard. False: NODATA, there are none. */
function answerAt(zone: ZoneData, node: Node, sname: Name, qtype: number, result: Answer): boolean {
  const all = [...node.rrsets.values()]
  const wanted =
    qtype === Type.RRSIG
      ? all.filter((set) => set.signatures.length > 0).map((set) => ({ ...set, rdatas: [] }))
      : all.filter((set) => qtype === Type.ANY || set.type === qtype)
  if (wanted.length === 0) result.authority.push(denialSoa(zone))
  for (const found of wanted) {
    result.answer.push({ ...found, owner: equalNames(node.owner, sname) ? node.owner : sname })
    addAddresses(zone, found, result)
  }
  return wanted.length > 0
}

/** Additional section: addresses of the hosts that NS, MX and SRV records name, as far as this zone holds them. */
function addAddresses(zone: ZoneData, from: RRset, result: Answer): void {
  const hostOf = { [Type.NS]: (rdata: Uint8Array) => rdata, [Type.MX]: mxExchange, [Type.SRV]: srvTarget }[from.type]
  if (hostOf === undefined) return
  for (const rdata of from.rdatas) {
    const node = zone.node(hostOf(rdata))
    for (const type of [Type.A, Type.AAAA]) {
      const addresses = node?.rrsets.get(type)
      if (addresses !== undefined && !result.additional.includes(addresses)) result.additional.push(addresses)
    }
  }
}

/** RFC 2308 §3: the SOA of a denial lives no longer than its MINIMUM. */
function denialSoa(zone: ZoneData): RRset {
  return { ...zone.soa, ttl: Math.min(zone.soa.ttl, parseSoa(zone.soa.rdatas[0]).minimum) }
}

export function emptyAnswer(): Answer {
  return { rcode: Rcode.NOERROR, authoritative: true, answer: [], authority: [], additional: [] }
}

/** The message that carries `answer` to whoever asked. `limit`: octets, without it what the client and we can take. */
export function composeReply(
  query: ClientQuery,
  answer: Answer,
  protocol: 'udp' | 'tcp',
  limit = replyLimit(query, protocol),
): Uint8Array {
  const message: Outgoing = {
    id: query.id,
    flags: Flag.QR | (query.opcode << 11) | (query.flags & Flag.RD) | (answer.authoritative ? Flag.AA : 0),
    rcode: answer.rcode,
    question: query.question,
    answer: answer.answer,
    authority: answer.authority,
    additional: answer.additional,
    edns: query.edns === undefined ? undefined : { udpSize: 1232, do: query.edns.do },
  }
  const buffer = new Uint8Array(limit)
  return buffer.subarray(0, composeMessage(buffer, message, { limit, dnssec: query.edns?.do ?? false, truncate: true }))
}

function replyLimit(query: ClientQuery, protocol: 'udp' | 'tcp'): number {
  if (protocol === 'tcp') return 65535
  return Math.min(Math.max(query.edns?.udpSize ?? 512, 512), UDP_CEILING)
}

/** The query in a packet; `malformed` when it cannot be read; undefined when it is no query at all. */
export function readQuery(packet: Uint8Array): ClientQuery | 'malformed' | undefined {
  if (packet.length < 12 || (packet[2] & 0x80) !== 0) return undefined // never answer an answer
  try {
    return parseQuery(packet)
  } catch (failure) {
    if (failure instanceof WireError) return 'malformed'
    throw failure
  }
}

/** The little that can be said of a query that could not be read. */
function bareQuery(packet: Uint8Array): ClientQuery {
  const flags = (packet[2] << 8) | packet[3]
  const id = (packet[0] << 8) | packet[1]
  return {
    id,
    flags,
    opcode: (flags >> 11) & 15,
    question: undefined,
    edns: undefined,
    tsig: false,
  }
}
