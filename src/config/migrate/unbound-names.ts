/** Unbound's `local-zone:`, `local-data:` and `local-data-ptr:`, as `local-data`. */

import ipaddr from 'ipaddr.js'
import type { YAMLSeq } from 'yaml'
import type { Verdict } from '../policy.ts'
import { timeText } from '../units.ts'
import type { Draft } from './draft.ts'
import type { Attribute, Clause } from './unbound-text.ts'
import { absolute } from './unbound-zones.ts'

interface ZoneKind {
  subtree: Verdict
  note?: string
  ignoresData?: boolean
  address?: string[]
}

/** What the names of a zone get for which there is no local data. */
const ZONES: Record<string, ZoneKind> = {
  deny: { subtree: 'drop' },
  refuse: { subtree: 'refused' },
  static: { subtree: 'nxdomain' },
  redirect: { subtree: 'redirect' },
  truncate: { subtree: 'truncate' },
  inform: { subtree: 'log' },
  inform_deny: { subtree: 'drop', note: 'who asks is not logged' },
  inform_redirect: { subtree: 'redirect', note: 'who asks is not logged' },
  always_transparent: { subtree: 'pass', ignoresData: true },
  always_refuse: { subtree: 'refused', ignoresData: true },
  always_nxdomain: { subtree: 'nxdomain', ignoresData: true },
  always_nodata: { subtree: 'empty', ignoresData: true },
  always_deny: { subtree: 'drop', ignoresData: true },
  always_null: { subtree: 'redirect', ignoresData: true, address: ['0.0.0.0', '::'] },
}

/** Unbound's TTL of local data that has none. */
const TTL = 3600

interface Zone {
  name: string
  type: string
  from: Attribute
}

interface LocalRecord {
  owner: string
  /** Seconds. */
  ttl: number
  type: string
  rdata: string
  /** The whole, as in a zone file. */
  text: string
  from: Attribute
}

export function takeNames(draft: Draft, clauses: readonly Clause[], server: readonly Attribute[]): void {
  const zones = new Map<string, Zone>()
  for (const from of server.filter(({ name }) => name === 'local-zone')) {
    const zone = zoneOf(from)
    if (zones.has(zone.name)) draft.notNeeded(from, 'the zone is there already; the first one counts')
    else zones.set(zone.name, zone)
  }
  const records = new Map<string, LocalRecord[]>()
  for (const record of server.flatMap((attribute) => recordOf(draft, attribute) ?? []))
    records.set(record.owner, [...(records.get(record.owner) ?? []), record])
  const withoutData = namesWithoutData(zones, records)
  const around: Around = { zones, records, withoutData, rules: new Map(), forwarded: forwardedNames(clauses) }
  takeRecords(draft, around)
  for (const zone of zones.values()) takeZone(draft, zone, around)
}

interface Around {
  zones: ReadonlyMap<string, Zone>
  /** By their owner. */
  records: ReadonlyMap<string, LocalRecord[]>
  /** By the apex of their static zone. */
  withoutData: ReadonlyMap<string, string[]>
  /** Where in `local-data/rules` the rule is that says the same: lists for blocking have names by the thousands. */
  rules: Map<string, number>
  /** Names for which servers are given. */
  forwarded: readonly string[]
}

function forwardedNames(clauses: readonly Clause[]): string[] {
  return clauses
    .filter(({ name }) => name === 'stub-zone' || name === 'forward-zone')
    .flatMap(({ attributes }) => attributes.filter(({ name }) => name === 'name'))
    .map(({ value }) => canonical(value))
}

/** Records stand by themselves, unless the rule for their zone has them. */
function takeRecords(draft: Draft, { zones, records }: Around): void {
  const plain: string[] = []
  for (const { owner, text, from } of [...records.values()].flat()) {
    const zone = zoneAt(owner, zones)
    const type = zone?.type ?? 'transparent'
    if (type === 'typetransparent') draft.append(from, 'local-data/rules', { records: text, nodata: false })
    else if (ZONES[type]?.ignoresData) draft.notNeeded(from, `its local-zone is ${type}: it was not used`)
    else if (!type.endsWith('redirect')) {
      plain.push(text)
      draft.findings.push({ ...from, outcome: 'taken', into: 'local-data/records' })
    } else if (zone?.name === owner) draft.findings.push({ ...from, outcome: 'taken', into: 'local-data/rules' })
    else draft.leaveOut(from, 'its local-zone redirects all names below; put it at the zone itself')
  }
  if (plain.length > 0) draft.document.setIn(['local-data', 'records'], `${plain.join('\n')}\n`)
}

function takeZone(draft: Draft, zone: Zone, around: Around): void {
  const { name, type, from } = zone
  const told = Object.hasOwn(ZONES, type) ? ZONES[type] : undefined
  if (OPEN.includes(type)) takeOpenZone(draft, zone, around)
  else if (type === 'block_a') addToRule(draft, from, around, name, { block: 'A' })
  else if (told === undefined) draft.leaveOut(from, `write a rule of local-data/rules that does what ${type} does`)
  else {
    for (const bare of around.withoutData.get(name) ?? []) addToRule(draft, from, around, bare, { exact: 'empty' })
    addToRule(draft, from, around, name, ruleFor(told, around.records.get(name) ?? []), told.note)
  }
}

/** Of several rules that say the same one is made. */
function addToRule(draft: Draft, from: Attribute, { rules }: Around, name: string, rule: object, note?: string): void {
  const key = JSON.stringify([rule, note])
  const known = rules.get(key)
  if (known !== undefined) {
    draft.append(from, `local-data/rules/${known}/name`, name, note, true)
    return
  }
  draft.append(from, 'local-data/rules', { name: [name], ...rule }, note)
  rules.set(key, (draft.document.getIn(['local-data', 'rules']) as YAMLSeq).items.length - 1)
}

/** In a static zone its apex exists, and so do the names above data (RFC 8020 §2): they have no data, and are not denied.
 *  For each such zone, in the order of the zones. */
function namesWithoutData(zones: ReadonlyMap<string, Zone>, records: ReadonlyMap<string, LocalRecord[]>) {
  const names = new Map<string, Set<string>>()
  for (const { name, type } of zones.values()) if (type === 'static') names.set(name, new Set([name]))
  for (const owner of records.keys()) {
    const apex = zoneAt(owner, zones)?.name ?? ''
    const above = names.get(apex)
    for (let name = owner; above !== undefined && name !== apex; name = parentOf(name)) above.add(name)
  }
  return new Map([...names].map(([apex, above]) => [apex, [...above].filter((name) => !records.has(name))]))
}

function ruleFor({ subtree, address }: ZoneKind, own: readonly LocalRecord[]) {
  if (address !== undefined) return { subtree, address, ttl: timeText(TTL * 1_000_000) }
  if (subtree !== 'redirect') return { subtree }
  if (own.length === 0) return { subtree: 'empty' } // nothing to redirect to
  const [{ ttl }] = own
  if (own.every((record) => /^A(AAA)?$/i.test(record.type) && record.ttl === ttl))
    return { subtree, address: own.map(({ rdata }) => rdata), ttl: timeText(ttl * 1_000_000) }
  return { subtree, records: `${own.map(({ text }) => text).join('\n')}\n` }
}

/** Zones whose names are resolved as ever where there is no data. */
const OPEN = ['transparent', 'typetransparent', 'nodefault']

/** Such a zone is an exception from one further up, or from those that are always answered from here, as the reverse zones of
 *  private addresses (RFC 6303). */
function takeOpenZone(draft: Draft, { name, from }: Zone, around: Around): void {
  if (name !== '.' && zoneAt(parentOf(name), around.zones) !== undefined)
    addToRule(draft, from, around, name, { subtree: 'pass' })
  else if (around.forwarded.some((other) => isAtOrBelow(other, name)))
    draft.notNeeded(from, 'servers are named for it in forward')
  else if (!/(?:^|\.)(?:in-addr|ip6|home)\.arpa\.$/.test(name)) draft.notNeeded(from, 'it is resolved as ever')
  else draft.append(from, 'forward', { subtree: name, servers: 'recurse' }, 'it is not answered from here (RFC 6303)')
}

/** The zone for the longest name at or above `name`. */
function zoneAt(name: string, zones: ReadonlyMap<string, Zone>): Zone | undefined {
  for (let above = name; above !== '.'; above = parentOf(above)) {
    const zone = zones.get(above)
    if (zone !== undefined) return zone
  }
  return zones.get('.')
}

function parentOf(name: string): string {
  return name.slice(name.indexOf('.') + 1) || '.'
}

function zoneOf(from: Attribute): Zone {
  const [name = '', type = ''] = from.values
  return { name: canonical(name), type, from }
}

/** The record with a TTL, its owner absolute; undefined for what is none, and what is no record of ours. */
function recordOf(draft: Draft, from: Attribute): LocalRecord | undefined {
  if (from.name === 'local-data-ptr') return pointerOf(draft, from)
  if (from.name !== 'local-data') return undefined
  const parts = /^\s*(\S+)\s+(?:(\d+)\s+)?(?:IN\s+)?(?:(\d+)\s+)?([a-z][a-z0-9]*)\s+(\S.*?)\s*$/i.exec(from.value)
  if (parts === null || /^(?:CH|HS|IN)$/i.test(parts[4])) {
    draft.leaveOut(from, 'write a record of class IN, as in a zone file')
    return undefined
  }
  return localRecord(from, canonical(parts[1]), Number(parts[2] ?? parts[3] ?? TTL), parts[4], parts[5])
}

function localRecord(from: Attribute, owner: string, ttl: number, type: string, rdata: string): LocalRecord {
  return { owner, ttl, type, rdata, text: `${owner} ${ttl} ${type} ${rdata}`, from }
}

function pointerOf(draft: Draft, from: Attribute): LocalRecord | undefined {
  const words = from.value.trim().split(/\s+/)
  const [address = '', target = ''] = [words[0], words.at(-1)]
  const ttl = words.length === 3 ? Number(words[1]) : TTL
  if (words.length < 2 || words.length > 3 || !ipaddr.isValid(address) || !Number.isInteger(ttl)) {
    draft.leaveOut(from, 'write an address and a name')
    return undefined
  }
  return localRecord(from, reverseName(address), ttl, 'PTR', absolute(target))
}

function reverseName(address: string): string {
  const octets = ipaddr.parse(address).toByteArray()
  if (octets.length === 4) return `${octets.reverse().join('.')}.in-addr.arpa.`
  const digits = Buffer.from(octets).toString('hex').split('').reverse()
  return `${digits.join('.')}.ip6.arpa.`
}

function canonical(name: string): string {
  return absolute(name.toLowerCase())
}

function isAtOrBelow(name: string, zone: string): boolean {
  return zone === '.' || name === zone || name.endsWith(`.${zone}`)
}
