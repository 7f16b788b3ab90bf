/** What is on the lab's internet: hosts at 127.x.y.z, the zones they serve, who delegates to whom, and which questions
 *  are worth asking. One description; zone files, servers and the oracle are all made from it, the same at every run.
 *  Everything is plain zone text (RFC 1035 §5), so that a reader sees what a zone holds. */

import type { Name } from '../../src/wire/name.ts'
import type { ZoneRecord } from '../../src/wire/text.ts'
import type { Answer, Authority } from './authority.ts'
import { addCases } from './cases.ts'
import { addForgeries, type Forgery } from './forgeries.ts'
import { addOrdinaryZones } from './ordinary.ts'
import { addSignedCases } from './signed-cases.ts'
import type { SigningPlan } from './signer.ts'
import { dnskeyLines, dsLines, type Signing, signingOf } from './signing.ts'
import { addTroubles, type Trouble } from './troubles.ts'

/** Which server plays a host when Debian's are used; without them all are played by authority.ts. */
export type Software = 'knot' | 'nsd' | 'bind' | 'typescript'

export interface Host {
  name: string
  software: Software
  addresses: string[]
  /** Origins of the zones it serves. */
  zones: string[]
}

/** What becomes of questions in a zone: `fine`; `broken`: no resolver can get there; `forged`: none that validates can;
 *  `moot`: resolvers may differ. */
export type Fate = 'fine' | 'broken' | 'forged' | 'moot'

export interface Zone {
  origin: string
  hosts: string[]
  /** NS names as the zone and its parent both list them. */
  nameservers: string[]
  /** Zone text below SOA and NS, names relative to the origin. */
  body: string
  /** NS and glue lines of the zones delegated from here, names absolute. */
  delegations: Set<string>
  fate: Fate
  /** Undefined: the zone is unsigned, as all are in a world without DNSSEC. */
  signing: Signing | undefined
  tampering: Tampering | undefined
}

/** How what is served of a zone differs from what is right. All of it is played by our own server. */
export interface Tampering {
  /** Of its hosts, those that do it; all without it. */
  hosts?: string[]
  /** DNSKEY lines of the zone, and DS lines in its parent. */
  keys?(lines: string[]): string[]
  ds?(lines: string[]): string[]
  /** How it is signed. */
  plan?(plan: SigningPlan): SigningPlan
  /** The zone when it is signed. */
  records?(records: ZoneRecord[]): ZoneRecord[]
  /** What is said of it, to clients that set DO. */
  answer?(answer: Answer, qname: Name, qtype: number, authority: Authority): Answer
}

export interface WorldQuestion {
  qname: string
  qtype: string
}

export interface ZoneOptions {
  fate?: Fate
  /** NS names; without it the usual names of `hosts`. */
  nameservers?: string[]
  /** `needed`: addresses of NS names at or below the child; `sibling`: also of other names below the parent; `none`. */
  glue?: 'needed' | 'sibling' | 'none'
  /** How it is signed in a world with DNSSEC; without it as signing.ts says. */
  signing?: Signing
  tampering?: Tampering
  /** Questions besides those the oracle samples by itself. */
  ask?: string[]
}

/** Parts of the world besides the root and the TLDs, which are always there; the last two need DNSSEC. */
export type Part = 'ordinary' | 'cases' | 'troubles' | 'signed' | 'forgeries'

export interface WorldOptions {
  /** Second octet of all addresses, so that several labs can stand side by side on one machine. */
  block?: number
  only?: Part[]
  /** Whether [::1] is the lab's to use: it is the one IPv6 loopback address, and only one lab can have it. */
  ipv6?: boolean
  /** Whether zones are signed. */
  dnssec?: boolean
}

/** Default TTL of the lab's records, and the SOA's negative TTL (RFC 2308 §4). */
export const DEFAULT_TTL = 3600
export const NEGATIVE_TTL = 300

export class World {
  readonly block: number
  readonly ipv6: boolean
  readonly dnssec: boolean
  readonly hosts = new Map<string, Host>()
  readonly zones = new Map<string, Zone>()
  /** Addresses by NS name: where glue comes from. */
  readonly nameservers = new Map<string, string[]>()
  readonly questions: WorldQuestion[] = []
  readonly troubles: Trouble[] = []
  readonly forgeries: Forgery[] = []
  /** Names and addresses of the root servers. */
  readonly roots: { name: string; address: string }[] = []
  private usualNames = new Map<string, string[]>()

  constructor(options: WorldOptions = {}) {
    this.block = options.block ?? 53
    this.ipv6 = options.ipv6 ?? false
    this.dnssec = options.dnssec ?? false
    const parts = options.only ?? ['ordinary', 'cases', 'troubles', 'signed', 'forgeries']
    addTop(this)
    if (parts.includes('cases')) addCases(this)
    if (parts.includes('signed') && this.dnssec) addSignedCases(this)
    if (parts.includes('forgeries') && this.dnssec) addForgeries(this)
    if (parts.includes('troubles')) addTroubles(this)
    if (parts.includes('ordinary')) addOrdinaryZones(this, 1000)
  }

  /** `0.1` becomes 127.<block>.0.1. */
  address(tail: string): string {
    return `127.${this.block}.${tail}`
  }

  /** A host with one NS name an address. */
  host(name: string, software: Software, nameservers: Record<string, string>): void {
    const names = Object.keys(nameservers)
    const addresses = [...new Set(Object.values(nameservers))]
    this.hosts.set(name, { name, software, addresses, zones: [] })
    this.usualNames.set(name, names)
    for (const nsName of names) this.nameserver(nsName, nameservers[nsName])
  }

  nameserver(nsName: string, ...addresses: string[]): void {
    this.nameservers.set(nsName, addresses)
  }

  /** A zone on `hosts`, delegated from the deepest zone above it that is already there. */
  zone(origin: string, hosts: string[], body: string, options: ZoneOptions = {}): Zone {
    const nameservers = options.nameservers ?? hosts.flatMap((host) => this.usualNames.get(host) ?? [])
    const { fate = 'fine', tampering } = options
    const signing = this.dnssec ? (options.signing ?? signingOf(origin)) : undefined
    const zone: Zone = { origin, hosts, nameservers, body, delegations: new Set(), fate, signing, tampering }
    for (const host of hosts) this.hosts.get(host)!.zones.push(origin)
    const parent = this.zoneAbove(origin)
    if (parent !== undefined) this.delegate(parent, zone, options.glue ?? 'needed')
    this.zones.set(origin, zone)
    for (const question of options.ask ?? []) this.ask(question)
    return zone
  }

  /** `www.example.org. AAAA`, or without the type, which then is A. */
  ask(question: string): void {
    const [qname, qtype = 'A'] = question.split(/\s+/)
    this.questions.push({ qname, qtype })
  }

  /** The deepest zone strictly above `origin`. */
  zoneAbove(origin: string): Zone | undefined {
    for (let above = origin; above !== '.'; ) {
      above = textAbove(above)
      const zone = this.zones.get(above)
      if (zone !== undefined) return zone
    }
    return undefined
  }

  private delegate(parent: Zone, child: Zone, glue: 'needed' | 'sibling' | 'none'): void {
    for (const nsName of child.nameservers) {
      parent.delegations.add(`${child.origin} NS ${nsName}`)
      if (glue === 'none' || !isTextAtOrBelow(nsName, glue === 'needed' ? child.origin : parent.origin)) continue
      for (const line of this.addressLines(nsName)) parent.delegations.add(line)
    }
    if (child.signing === undefined || parent.signing === undefined) return
    const lines = dsLines(child.origin, child.signing)
    for (const line of child.tampering?.ds?.(lines) ?? lines) parent.delegations.add(line)
  }

  /** A and AAAA lines of an NS name; none if its addresses are unknown, as behind glue that is missing on purpose. */
  addressLines(nsName: string): string[] {
    const addresses = this.nameservers.get(nsName) ?? []
    return addresses.map((address) => `${nsName} ${address.includes(':') ? 'AAAA' : 'A'} ${address}`)
  }
}

/** Root, arpa, TLDs, and four hosting companies that most zones live with: one for each server program. */
function addTop(world: World): void {
  for (const [index, software] of (['knot', 'nsd', 'bind'] as const).entries()) {
    const name = `${'abc'[index]}.root-servers.net.`
    const address = world.address(`0.${index + 1}`)
    world.roots.push({ name, address })
    world.host(`root-${'abc'[index]}`, software, { [name]: address })
  }
  world.host('tld-a', 'knot', { 'a.gtld-servers.net.': world.address('1.1') })
  world.host('tld-b', 'nsd', { 'b.gtld-servers.net.': world.address('1.2') })
  world.host('tld-c', 'bind', { 'c.nic.cz.': world.address('1.3') })
  world.host('tld-d', 'typescript', { 'd.nic.cz.': world.address('1.4') })
  const hosting: [string, Software, string, number][] = [
    ['hosting-a', 'knot', 'sheet-bend.net.', 2],
    ['hosting-b', 'nsd', 'clove-hitch.com.', 3],
    ['hosting-c', 'bind', 'reef-knot.org.', 4],
    ['hosting-d', 'typescript', 'figure-eight.cz.', 5],
  ]
  for (const [host, software, domain, octet] of hosting)
    world.host(host, software, {
      [`ns1.${domain}`]: world.address(`${octet}.1`),
      [`ns2.${domain}`]: world.address(`${octet}.2`),
    })

  const roots = ['root-a', 'root-b', 'root-c']
  const addressesOf = (...names: string[]) => names.flatMap((name) => world.addressLines(name)).join('\n')
  world.zone('.', roots, '', { ask: ['. NS', '. SOA', 'nonexistent-tld.', 'nothing.at-all.nonexistent-tld. MX'] })
  world.zone('arpa.', roots, '')
  world.zone('in-addr.arpa.', roots, '')
  world.zone('com.', ['tld-a', 'tld-b'], '', {
    glue: 'sibling',
    ask: ['com. NS', 'com. SOA', 'com.', 'no-such-zone.com.'],
  })
  world.zone('net.', ['tld-a', 'tld-b'], '', { glue: 'sibling' })
  world.zone('org.', ['tld-b', 'tld-c'], '', { glue: 'sibling' })
  world.zone('cz.', ['tld-c', 'tld-d'], addressesOf('c.nic.cz.', 'd.nic.cz.'), { ask: ['c.nic.cz.', 'nic.cz. A'] })
  world.zone('info.', ['tld-c', 'tld-d'], '', { glue: 'sibling' })
  world.zone('xn--j1amh.', ['tld-d', 'tld-a'], '', { glue: 'sibling', ask: ['XN--J1AMH. NS'] })

  world.zone('root-servers.net.', roots, addressesOf(...world.roots.map((root) => root.name)), { glue: 'needed' })
  world.zone('gtld-servers.net.', ['tld-a', 'tld-b'], addressesOf('a.gtld-servers.net.', 'b.gtld-servers.net.'))
  for (const [host, , domain] of hosting)
    world.zone(domain, [host], addressesOf(`ns1.${domain}`, `ns2.${domain}`), {
      ask: [`ns1.${domain}`, `ns2.${domain} AAAA`],
    })
}

/** The whole zone as a master file, before it is signed. */
export function zoneText(zone: Zone): string {
  const at = zone.origin === '.' ? '' : zone.origin
  const keys = zone.signing === undefined ? [] : dnskeyLines(zone.origin, zone.signing)
  return [
    `$ORIGIN ${zone.origin}`,
    `$TTL ${DEFAULT_TTL}`,
    `@ SOA ${zone.nameservers[0]} hostmaster.${at || 'root-servers.net.'} 2026010101 7200 1800 1209600 ${NEGATIVE_TTL}`,
    ...zone.nameservers.map((nsName) => `@ NS ${nsName}`),
    ...(zone.tampering?.keys?.(keys) ?? keys),
    ...zone.body.split('\n').map((line) => line.trim()), // a line that begins with a blank would belong to the owner before
    ...zone.delegations,
    '',
  ].join('\n')
}

/** The name above, by text; zone origins of this world hold no escapes. */
export function textAbove(origin: string): string {
  return origin.slice(origin.indexOf('.') + 1) || '.'
}

export function isTextAtOrBelow(name: string, zone: string): boolean {
  return zone === '.' || name === zone || name.endsWith(`.${zone}`)
}

/** Addresses for the data of the world: 198.18.0.0/15 (RFC 2544), which no server of the lab has. */
export function dataAddress(number: number): string {
  return `198.${18 + ((number >> 16) & 1)}.${(number >> 8) & 255}.${number & 255}`
}
