/** What does a resolver answer without asking anyone? Special-use names (RFC 6761 and its successors) and locally served
 *  zones (RFC 6303), by the table in special-names-table.ts. Pure. */

import { SPECIAL_ZONES, type SpecialZone } from './special-names-table.ts'
import { FOLD, type Name, nameFromText, nameKey } from './wire/name.ts'
import { type RRset, rrset } from './wire/rrset.ts'
import { Rcode, Type } from './wire/types.ts'

export interface SpecialAnswer {
  kind: 'answer' | 'nodata' | 'nxdomain'
  rcode: Rcode
  answer: RRset[]
  /** The zone's SOA, for denials (RFC 2308 §3). */
  authority: RRset[]
  /** The document and section that asks for this answer. */
  source: string
}

/** RFC 6303 §3: TTL of the zones' own records, and MINIMUM of their SOA. */
const SPECIAL_TTL = 10_800

interface Zone extends SpecialZone {
  name: Name
  hostKeys: Set<string>
}

const zones = new Map<string, Zone>()
/** Hashes of the last labels of all zones; what ends in none of them is an ordinary name. */
const lastLabels = new Set<number>()
for (const row of SPECIAL_ZONES) {
  const name = nameFromText(row.zone)
  const key = nameKey(name)
  zones.set(key, { ...row, name, hostKeys: new Set(row.hosts?.map((host) => nameKey(nameFromText(host)))) })
  lastLabels.add(hashOfLastLabel(name))
}

/** What to answer for `qname` (class IN) without resolving it; undefined: it is an ordinary question. */
export function answerSpecialName(qname: Name, qtype: number): SpecialAnswer | undefined {
  if (!lastLabels.has(hashOfLastLabel(qname))) return undefined
  const key = nameKey(qname)
  const zone = findZone(key)
  if (zone === undefined) return undefined
  const isApex = key.length === zone.name.length
  if (isApex && qtype === Type.DS && zone.delegated) return undefined // the parent's to answer, RFC 4035 §3.1.4.1
  const data = zoneData(zone, qname, isApex, key, qtype)
  if (data !== undefined)
    return { kind: 'answer', rcode: Rcode.NOERROR, answer: [data], authority: [], source: zone.source }
  const isThere = isApex || zone.kind === 'localhost' || zone.kind === 'nodata' || isAtOrAboveHost(zone, key)
  return {
    kind: isThere ? 'nodata' : 'nxdomain',
    rcode: isThere ? Rcode.NOERROR : Rcode.NXDOMAIN,
    answer: [],
    authority: [soaOf(zone)],
    source: zone.source,
  }
}

function zoneData(zone: Zone, qname: Name, isApex: boolean, key: string, qtype: number): RRset | undefined {
  if (isApex && qtype === Type.SOA) return soaOf(zone)
  if (isApex && qtype === Type.NS) return rrset(qname, Type.NS, SPECIAL_TTL, [zone.name]) // RFC 6303 §3: NS is the apex itself
  if (zone.kind === 'localhost' && qtype === Type.A) return rrset(qname, Type.A, SPECIAL_TTL, [LOOPBACK_IPV4])
  if (zone.kind === 'localhost' && qtype === Type.AAAA) return rrset(qname, Type.AAAA, SPECIAL_TTL, [LOOPBACK_IPV6])
  if (qtype === Type.PTR && zone.hostKeys.has(key)) return rrset(qname, Type.PTR, SPECIAL_TTL, [LOCALHOST])
  return undefined
}

const LOCALHOST = nameFromText('localhost.')
const LOOPBACK_IPV4 = Uint8Array.of(127, 0, 0, 1)
const LOOPBACK_IPV6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)

/** The deepest zone at or above the name with this key. */
function findZone(key: string): Zone | undefined {
  for (let at = 0; at < key.length; at += key.charCodeAt(at) + 1) {
    const zone = zones.get(key.slice(at))
    if (zone !== undefined) return zone
  }
  return undefined
}

function hashOfLastLabel(name: Name): number {
  let start = 0
  for (let at = 0; name[at] > 0; at += name[at] + 1) start = at
  let hash = 0 // not hashName(), whose hashes change when a process has begun
  for (let i = start; i < name.length; i++) hash = Math.imul(hash ^ FOLD[name[i]], 0x01000193)
  return hash
}

/** Hosts and the empty names above them exist (RFC 8020). */
function isAtOrAboveHost(zone: Zone, key: string): boolean {
  for (const host of zone.hostKeys) {
    for (let at = 0; at < host.length - zone.name.length; at += host.charCodeAt(at) + 1)
      if (host.slice(at) === key) return true
  }
  return false
}

/** RFC 6303 §3: `@ 10800 IN SOA @ nobody.invalid. 1 3600 1200 604800 10800`. */
function soaOf(zone: Zone): RRset {
  const rdata = new Uint8Array(zone.name.length + NOBODY.length + 20)
  rdata.set(zone.name)
  rdata.set(NOBODY, zone.name.length)
  const numbers = new DataView(rdata.buffer, zone.name.length + NOBODY.length)
  for (const [i, number] of [1, 3600, 1200, 604_800, SPECIAL_TTL].entries()) numbers.setUint32(4 * i, number)
  return rrset(zone.name, Type.SOA, SPECIAL_TTL, [rdata])
}

const NOBODY = nameFromText('nobody.invalid.')
