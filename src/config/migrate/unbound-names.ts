/** Unbound's `local-zone:`, `local-data:` and `local-data-ptr:`, as `local-data`. */

import ipaddr from 'ipaddr.js'
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
  text: string
  from: Attribute
}

export function takeNames(draft: Draft, clauses: readonly Clause[], server: readonly Attribute[]): void {
  const zones = server.filter(({ name }) => name === 'local-zone').map(zoneOf)
  const records = server.flatMap((attribute) => recordOf(draft, attribute) ?? [])
  const zoneAbove = (owner: string) =>
    zones.filter(({ name }) => isAtOrBelow(owner, name)).sort((a, b) => b.name.length - a.name.length)[0]
  const kindOf = (owner: string) => zoneAbove(owner)?.type ?? 'transparent'
  takePlainRecords(
    draft,
    records.filter(({ owner }) => isPlain(kindOf(owner))),
  )
  for (const record of records) {
    const kind = kindOf(record.owner)
    if (kind === 'typetransparent')
      draft.append(record.from, 'local-data/rules', { records: record.text, nodata: false })
    else if (ZONES[kind]?.ignoresData) draft.notNeeded(record.from, `its local-zone is ${kind}: it was not used`)
    else if (kind.endsWith('redirect') && zoneAbove(record.owner).name !== record.owner)
      draft.leaveOut(record.from, 'its local-zone redirects all names below; put it at the zone itself')
  }
  const forwarded = clauses
    .filter(({ name }) => name === 'stub-zone' || name === 'forward-zone')
    .flatMap(({ attributes }) => attributes.filter(({ name }) => name === 'name'))
    .map(({ value }) => canonical(value))
  for (const zone of zones) takeZone(draft, zone, { zones, records, forwarded })
}

/** Records stand by themselves but where the rule for their zone has them. */
function isPlain(kind: string): boolean {
  return kind !== 'typetransparent' && !kind.endsWith('redirect') && !ZONES[kind]?.ignoresData
}

function takePlainRecords(draft: Draft, records: readonly LocalRecord[]): void {
  if (records.length === 0) return
  for (const { from } of records) draft.findings.push({ ...from, outcome: 'taken', into: 'local-data/records' })
  draft.document.setIn(['local-data', 'records'], `${records.map(({ text }) => text).join('\n')}\n`)
}

interface Around {
  zones: readonly Zone[]
  records: readonly LocalRecord[]
  /** Names for which servers are given. */
  forwarded: readonly string[]
}

function takeZone(draft: Draft, zone: Zone, { zones, records, forwarded }: Around): void {
  const { name, type, from } = zone
  const told = Object.hasOwn(ZONES, type) ? ZONES[type] : undefined
  const own = type.endsWith('redirect') ? records.filter(({ owner }) => owner === name) : []
  if (OPEN.includes(type)) takeOpenZone(draft, zone, zones, forwarded)
  else if (type === 'block_a') draft.append(from, 'local-data/rules', { name, block: 'A' })
  else if (told === undefined) draft.leaveOut(from, `write a rule of local-data/rules that does what ${type} does`)
  else {
    for (const record of own) draft.findings.push({ ...record.from, outcome: 'taken', into: 'local-data/rules' })
    if (type === 'static') takeNamesWithoutData(draft, zone, records)
    draft.append(from, 'local-data/rules', { name, ...ruleFor(told, own) }, told.note)
  }
}

/** In a static zone its apex exists, and so do the names above data (RFC 8020 §2): they have no data, and are not denied. */
function takeNamesWithoutData(draft: Draft, { name: apex, from }: Zone, records: readonly LocalRecord[]): void {
  const names = new Set([apex])
  for (const { owner } of records)
    for (let name = owner; isAtOrBelow(name, apex) && name !== apex; name = name.slice(name.indexOf('.') + 1))
      names.add(name)
  const bare = [...names].filter((name) => !records.some(({ owner }) => owner === name))
  if (bare.length > 0) draft.append(from, 'local-data/rules', { name: bare, exact: 'empty' })
}

function ruleFor({ subtree, address }: ZoneKind, own: readonly LocalRecord[]) {
  if (address !== undefined) return { subtree, address, ttl: timeText(TTL * 1_000_000) }
  if (subtree !== 'redirect') return { subtree }
  if (own.length === 0) return { subtree: 'empty' } // nothing to redirect to
  return { subtree, records: `${own.map(({ text }) => text).join('\n')}\n` }
}

/** Zones whose names are resolved as ever where there is no data. */
const OPEN = ['transparent', 'typetransparent', 'nodefault']

/** Such a zone is an exception from one further up, or from those that are always answered from here, as the reverse zones of
 *  private addresses (RFC 6303). */
function takeOpenZone(draft: Draft, { name, from }: Zone, zones: readonly Zone[], forwarded: readonly string[]): void {
  if (zones.some((other) => other.name !== name && isAtOrBelow(name, other.name)))
    draft.append(from, 'local-data/rules', { name, subtree: 'pass' })
  else if (forwarded.some((other) => isAtOrBelow(other, name)))
    draft.notNeeded(from, 'servers are named for it in forward')
  else if (!/(?:^|\.)(?:in-addr|ip6|home)\.arpa\.$/.test(name)) draft.notNeeded(from, 'it is resolved as ever')
  else draft.append(from, 'forward', { subtree: name, servers: 'recurse' }, 'it is not answered from here (RFC 6303)')
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
  const owner = canonical(parts[1])
  return { owner, text: `${owner} ${parts[2] ?? parts[3] ?? TTL} ${parts[4]} ${parts[5]}`, from }
}

function pointerOf(draft: Draft, from: Attribute): LocalRecord | undefined {
  const words = from.value.trim().split(/\s+/)
  const [address = '', target = ''] = [words[0], words.at(-1)]
  if (words.length < 2 || words.length > 3 || !ipaddr.isValid(address)) {
    draft.leaveOut(from, 'write an address and a name')
    return undefined
  }
  const owner = reverseName(address)
  return { owner, text: `${owner} ${words.length === 3 ? words[1] : TTL} PTR ${absolute(target)}`, from }
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
