/** Unbound's zones with servers of their own: `forward-zone:` and `stub-zone:` as `forward`, `auth-zone:` as
 *  `cache/prefill`. */

import { familyOf, parseInterface } from '../listen.ts'
import type { Draft } from './draft.ts'
import type { Attribute, Clause } from './unbound-text.ts'

type Server = string | { address: string; transport: 'tls' | 'tcp'; hostname?: string; 'ca-file'?: string }

/** Settings of a zone that need nothing, or have no match; without the `forward-` or `stub-` they begin with. */
const OTHERS: Record<string, { harmless: string; note: string }> = {
  first: {
    harmless: 'no',
    note: 'nobody else is asked when its servers fail; `fallback` is for when resolution fails',
  },
  prime: { harmless: 'no', note: 'the servers that are named are asked, and no others' },
  'no-cache': { harmless: 'no', note: 'what they say is cached; cache/ttl-max bounds for how long, for all zones' },
  'tls-upstream': { harmless: '', note: '' },
  'ssl-upstream': { harmless: '', note: '' },
  'tcp-upstream': { harmless: '', note: '' },
}

export function takeZones(draft: Draft, clauses: readonly Clause[], server: readonly Attribute[]): void {
  for (const clause of clauses) {
    if (clause.name === 'forward-zone' || clause.name === 'stub-zone') takeForward(draft, clause, server)
    else if (clause.name === 'auth-zone') takeAuthZone(draft, clause)
  }
  const forwards = clauses.some(({ name }) => name === 'forward-zone' || name === 'stub-zone')
  for (const attribute of server) {
    if (!FOR_ALL_ZONES.includes(attribute.name)) continue
    if (forwards) draft.findings.push({ ...attribute, outcome: 'taken', into: 'forward' })
    else if (attribute.value === 'yes') draft.leaveOut(attribute, '`transport` is a setting of forward[]/servers')
    else draft.notNeeded(attribute, 'no servers are named')
  }
}

const FOR_ALL_ZONES = ['tcp-upstream', 'tls-upstream', 'ssl-upstream', 'tls-cert-bundle', 'ssl-cert-bundle']

function takeForward(draft: Draft, clause: Clause, server: readonly Attribute[]): void {
  const kind = clause.name === 'stub-zone' ? 'stub' : 'forward'
  const own = new Map<string, Attribute[]>()
  for (const attribute of clause.attributes) {
    const name = attribute.name.replace(`${kind}-`, '')
    own.set(name, [...(own.get(name) ?? []), attribute])
  }
  const name = own.get('name')?.at(-1)
  const from = { place: clause.place, setting: clause.name, value: name?.value ?? '' }
  if (name === undefined) {
    draft.leaveOut(from, 'it has no name')
    return
  }
  const named = [...(own.get('addr') ?? []), ...(own.get('host') ?? [])]
  const how = transportOf(own, server)
  const servers = (own.get('addr') ?? []).flatMap((attribute) => serverOf(draft, attribute, how) ?? [])
  for (const host of own.get('host') ?? []) draft.leaveOut(host, 'write its addresses: host names are not looked up')
  for (const [name, attributes] of own) for (const attribute of attributes) tellOther(draft, attribute, name)
  if (named.length > 0 && servers.length === 0)
    draft.leaveOut(from, 'none of its servers could be taken: its names would be resolved from the root')
  else
    draft.append(from, 'forward', {
      subtree: absolute(name.value),
      servers: named.length === 0 ? 'recurse' : servers,
      ...(kind === 'stub' && { options: { authoritative: true } }),
    })
}

function tellOther(draft: Draft, attribute: Attribute, name: string): void {
  if (['name', 'addr', 'host'].includes(name)) return
  const told = Object.hasOwn(OTHERS, name) ? OTHERS[name] : undefined
  if (told === undefined) draft.leaveOut(attribute, 'not known here')
  else if (told.harmless === '') draft.findings.push({ ...attribute, outcome: 'taken', into: 'forward' })
  else if (attribute.value === told.harmless) draft.notNeeded(attribute, 'it is always so')
  else draft.leaveOut(attribute, told.note)
}

interface Transport {
  transport: 'udp' | 'tcp' | 'tls'
  caFile: string | undefined
}

function transportOf(own: ReadonlyMap<string, Attribute[]>, server: readonly Attribute[]): Transport {
  const ofServer = (name: string) => server.findLast((attribute) => attribute.name === name)?.value
  const says = (name: string) => own.get(name)?.at(-1)?.value ?? ofServer(name)
  const caFile = ofServer('tls-cert-bundle') ?? ofServer('ssl-cert-bundle')
  const overTls = says('tls-upstream') === 'yes' || says('ssl-upstream') === 'yes'
  return { transport: overTls ? 'tls' : says('tcp-upstream') === 'yes' ? 'tcp' : 'udp', caFile: caFile || undefined }
}

/** `192.0.2.53@853#dns.example.net` as a server; undefined when it cannot be asked as it was. */
function serverOf(draft: Draft, from: Attribute, { transport, caFile }: Transport): Server | undefined {
  const [at, hostname] = from.value.split('#')
  const address = at.replace(transport === 'tls' ? /@853$/ : /@53$/, '')
  if (familyOf(parseInterface(address)?.host ?? '') === undefined) {
    draft.leaveOut(from, 'write its address in numbers')
    return undefined
  }
  if (transport === 'tls' && hostname === undefined) {
    draft.leaveOut(from, 'write #NAME after it, the name its certificate is for: others could pretend to be it')
    return undefined
  }
  draft.findings.push({ ...from, outcome: 'taken', into: 'forward' })
  if (transport === 'udp') return address
  if (transport === 'tcp') return { address, transport }
  return { address, transport, hostname, ...(caFile === undefined ? {} : { 'ca-file': caFile }) }
}

/** Only the root zone is known to be signed as a whole. */
function takeAuthZone(draft: Draft, clause: Clause): void {
  const values = (...names: string[]) =>
    clause.attributes.filter(({ name }) => names.includes(name)).map(({ value }) => value)
  const origin = values('name').at(-1) ?? ''
  const from = { place: clause.place, setting: clause.name, value: origin }
  const url = values('url').find((text) => text.startsWith('https:'))
  const primary = values('primary', 'master').find((text) => familyOf(parseInterface(text)?.host ?? '') !== undefined)
  const source = url ?? (primary === undefined ? undefined : `axfr://${primary}`)
  if (origin !== '.')
    draft.leaveOut(from, 'cache/prefill takes signed zones; others: `forward` to their servers, `authoritative: true`')
  else if (source === undefined) draft.leaveOut(from, 'write cache/prefill with a url that begins with https: or axfr:')
  else draft.append(from, 'cache/prefill', { origin, url: source }, 'only what the zone’s owner has signed is taken')
  for (const attribute of clause.attributes)
    if (attribute.name !== 'name') draft.notNeeded(attribute, 'part of the zone above')
}

export function absolute(name: string): string {
  return name.endsWith('.') ? name : `${name}.`
}
