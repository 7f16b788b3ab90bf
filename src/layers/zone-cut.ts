/** Where to ask: the servers of a zone cut, their addresses, and the look-ups for those that have none.
 *  RFC 1034 §5.3.3 steps 2 and 3, with the bounds that NXNSAttack and non-responsive delegations call for. */

import type { Contacts, Delegation, Nameserver } from '../cache/delegation.ts'
import { ServerAddress } from '../io/address.ts'
import type { Random } from '../io/interfaces.ts'
import type { Iteration, Request } from '../request.ts'
import type { RootHint } from '../root-hints.ts'
import type { ForwardRule, Settings } from '../settings.ts'
import { type ForbiddenOptions, isForbidden } from '../upstream/forbidden.ts'
import { Tries } from '../upstream/tries.ts'
import { countLabels, equalNames, isAtOrBelow, type Name, ROOT } from '../wire/name.ts'
import { nsName, type RRset, rrset } from '../wire/rrset.ts'
import { Rcode, Type } from '../wire/types.ts'

/** Servers considered per delegation, and addresses per server name. */
export const MAX_NAMESERVERS = 13
export const MAX_ADDRESSES = 6

/** The root's servers as the hints have them. They lease nothing: what is learned from the root carries its own TTL. */
export function hintedRoot(hints: readonly RootHint[]): Delegation {
  const nameservers = hints.map((hint) => ({
    name: hint.name,
    addresses: hint.addresses.map((octets) => ({ octets, untilMs: Number.POSITIVE_INFINITY })),
  }))
  return { zone: ROOT, leaseUntilMs: Number.POSITIVE_INFINITY, nameservers, configured: true }
}

/** A delegation made of a referral's NS set and glue; `parent` is the cut it came from. */
export function delegationFrom(
  zone: Name,
  nsSet: RRset,
  glue: readonly RRset[],
  parent: Delegation,
  checking: Settings['glueChecking'],
  nowMs: number,
): Delegation {
  // A cut lives no longer than its parent's word on it, and that no longer than the grandparent's (ghost domains).
  const leaseUntilMs = Math.min(nowMs + nsSet.ttl * 1000, parent.leaseUntilMs)
  const nameservers = nsSet.rdatas.slice(0, MAX_NAMESERVERS).map((rdata): Nameserver => {
    const name = nsName(rdata)
    const addresses = glueIsBelieved(name, zone, parent.zone, checking) ? glueFor(name, glue, nowMs, leaseUntilMs) : []
    return { name, addresses }
  })
  // Below an unsigned zone all is unsigned; else what is signed is still to be seen.
  return { zone, leaseUntilMs, nameservers, signed: parent.signed === 'no' ? 'no' : 'unknown' }
}

/** Glue is the word of the parent's servers, so it counts for names they may speak of (RFC 2181 §5.4.1, RFC 5452 §6). */
function glueIsBelieved(server: Name, zone: Name, parentZone: Name, checking: Settings['glueChecking']): boolean {
  if (checking === 'permissive') return true
  return isAtOrBelow(server, checking === 'strict' ? zone : parentZone)
}

function glueFor(name: Name, glue: readonly RRset[], nowMs: number, leaseUntilMs: number): Nameserver['addresses'] {
  const addresses: Nameserver['addresses'] = []
  for (const set of glue) {
    if (!equalNames(set.owner, name)) continue
    const untilMs = Math.min(nowMs + set.ttl * 1000, leaseUntilMs)
    for (const octets of set.rdatas) if (addresses.length < MAX_ADDRESSES) addresses.push({ octets, untilMs })
  }
  return addresses
}

export interface CutOptions {
  settings: Settings
  forbidden: ForbiddenOptions
  random: Random
}

/** Begins asking the servers of `cut`, which is either remembered or has just been learned. */
export function enterCut(cut: Delegation, remembered: boolean, nowMs: number, options: CutOptions): Iteration {
  const { contacts } = cut
  const isGood = contacts?.by === options && nowMs < contacts.untilMs
  const { candidates, withoutAddress, troubles } = isGood ? contacts : contactsOf(cut, nowMs, options)
  const iteration: Iteration = {
    cut,
    candidates,
    lookups: NO_LOOKUPS,
    tried: new Tries(),
    spent: 0,
    revealed: countLabels(cut.zone),
    minimise: options.settings.minimise,
    remembered,
    rule: undefined,
    setback: undefined,
    lastResort: false,
    retry: undefined,
    troubles: troubles.length === 0 ? [] : troubles.slice(),
    silences: [],
  }
  if (withoutAddress.length > 0) iteration.lookups = planLookups(withoutAddress, options)
  return iteration
}

const NO_LOOKUPS: Iteration['lookups'] = []

function contactsOf(cut: Delegation, nowMs: number, options: CutOptions): Contacts {
  const candidates: ServerAddress[] = []
  const withoutAddress: Name[] = []
  const troubles: string[] = []
  let untilMs = Number.POSITIVE_INFINITY
  for (const server of cut.nameservers) {
    let usable = 0
    for (const { octets, untilMs: endMs } of server.addresses) {
      if (endMs <= nowMs) continue
      untilMs = Math.min(untilMs, endMs)
      const address = candidateFor(octets, cut, candidates, options)
      if (address instanceof ServerAddress) candidates.push(address)
      if (typeof address === 'string') troubles.push(address)
      else if (address !== undefined) usable++
    }
    if (usable === 0) withoutAddress.push(server.name)
  }
  cut.contacts = { by: options, candidates, withoutAddress, troubles, untilMs }
  return cut.contacts
}

/** Begins asking the servers an operator has named. They may be anywhere; the cut leases nothing. */
export function enterRule(rule: ForwardRule, { settings }: CutOptions): Iteration {
  const cut: Delegation = {
    zone: rule.subtree,
    leaseUntilMs: Number.POSITIVE_INFINITY,
    nameservers: [],
    configured: true,
  }
  const isOn = ({ family }: ServerAddress) => (family === 4 ? settings.doIpv4 : settings.doIpv6)
  return {
    cut,
    candidates: rule.servers.map(({ address }) => address).filter(isOn),
    lookups: NO_LOOKUPS,
    tried: new Tries(),
    spent: 0,
    revealed: countLabels(cut.zone),
    minimise: settings.minimise && rule.authoritative, // a forwarder has to know the whole question
    remembered: false,
    rule,
    setback: undefined,
    lastResort: false,
    retry: undefined,
    silences: [],
    troubles: [],
  }
}

/** The glue for the very server whose address is asked for: its own zone need not be asked then (RFC 1034 §4.2.1). */
export function glueAnswer(cut: Delegation, name: Name, type: number, nowMs: number): RRset | undefined {
  const server = cut.nameservers.find((nameserver) => equalNames(nameserver.name, name))
  const usable =
    server?.addresses.filter((a) => a.untilMs > nowMs && a.octets.length === (type === Type.A ? 4 : 16)) ?? []
  if (usable.length === 0) return undefined
  const ttl = Math.floor((Math.min(...usable.map((address) => address.untilMs)) - nowMs) / 1000)
  const rdatas = usable.map((address) => address.octets)
  return rrset(name, type, Number.isFinite(ttl) ? ttl : 0, rdatas)
}

/** Adds an address of the cut's servers, unless it is known, forbidden or of a family that is off. */
export function addCandidate(iteration: Iteration, octets: Uint8Array, options: CutOptions): boolean {
  const address = candidateFor(octets, iteration.cut, iteration.candidates, options)
  if (address instanceof ServerAddress) iteration.candidates = [...iteration.candidates, address]
  if (typeof address === 'string') iteration.troubles.push(address)
  return address !== undefined && typeof address !== 'string'
}

/** The address, or true when it is known; undefined for a family that is off, or why it must not be asked. */
function candidateFor(
  octets: Uint8Array,
  { configured }: Delegation,
  known: readonly ServerAddress[],
  { settings, forbidden }: CutOptions,
): ServerAddress | true | string | undefined {
  if (!(octets.length === 4 ? settings.doIpv4 : settings.doIpv6)) return undefined
  const address = new ServerAddress(octets, settings.upstreamPort)
  if (known.some((other) => other.key === address.key)) return true
  if (!configured && isForbidden(address, forbidden)) return `${address.hostText} must not be asked`
  return address
}

/** IPv4 addresses of all names first, starting anywhere, then IPv6: the first that is found ends the search. */
function planLookups(names: readonly Name[], { settings, random }: CutOptions): Iteration['lookups'] {
  const lookups: { name: Name; type: number }[] = []
  const start = random.below(names.length)
  for (const type of [Type.A, Type.AAAA]) {
    if (!(type === Type.A ? settings.doIpv4 : settings.doIpv6)) continue
    for (let i = 0; i < names.length; i++) lookups.push({ name: names[(start + i) % names.length], type })
  }
  return lookups
}

/** Takes what ended look-ups brought into the candidates. False when the ledger allows no further failure. */
export function gatherAddresses(request: Request, iteration: Iteration, options: CutOptions): boolean {
  if (iteration.lookups.length === 0) return true
  let affordable = true
  const nonexistent: Name[] = []
  iteration.lookups = iteration.lookups.filter(({ name, type }) => {
    const finding = request.finding(name, type)
    if (finding === undefined) return true
    let found = false
    for (const set of finding.answer)
      if (set.type === type)
        for (const octets of set.rdatas.slice(0, MAX_ADDRESSES))
          found = addCandidate(iteration, octets, options) || found
    if (finding.rcode === Rcode.NXDOMAIN) nonexistent.push(name) // has no address of the other family either
    // The budget is for look-ups that lead nowhere; those that do are paid for as queries.
    if (found) request.ledger.charge('address-lookups', -1)
    else if (!request.ledger.charge('failed-lookups')) affordable = false
    return false
  })
  if (nonexistent.length > 0) iteration.lookups = iteration.lookups.filter(({ name }) => !nonexistent.includes(name))
  return affordable
}
