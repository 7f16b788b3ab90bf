/** What does this worker remember of other servers: how fast they are, and what is wrong with them? As plain data for an
 *  operator; of all servers, of one address, or of those that would be asked about a name. */

import type { Cache } from '../src/cache/cache.ts'
import { ServerAddress } from '../src/io/address.ts'
import { Forwards } from '../src/layers/forwards.ts'
import { hintedRoot } from '../src/layers/zone-cut.ts'
import type { Core } from '../src/resolve.ts'
import type { KnownServer } from '../src/upstream/server-table.ts'
import { type Name, nameFromText, nameToText } from '../src/wire/name.ts'
import { Type } from '../src/wire/types.ts'
import type { ServerFacts, ServersAnswer, ServersOrder } from './messages.ts'

/** Those that were heard of last come first; of those asked about a name, those the zone names first. */
export function knownServers(core: Core, cache: Cache, wallMs: number, order: ServersOrder): ServersAnswer {
  const { of, limit } = order
  const address = of === undefined ? undefined : ServerAddress.fromText(of)
  const met = [...core.servers.known()]
  const told = (servers: (KnownServer & Named)[]) =>
    servers
      .filter((server) => !order.troubled || hasTrouble(server, wallMs))
      .slice(0, limit)
      .map((server) => factsOf(server, wallMs))
  if (of === undefined || address !== undefined) {
    const meant = met.filter((server) => address === undefined || isMeant(server.address, address, of as string))
    return { servers: told(meant.sort((one, other) => agoMs(one) - agoMs(other))) }
  }
  const { zoneCut, servers } = serversFor(core, cache, wallMs, nameFromText(of))
  const byKey = new Map(met.map((server) => [server.address.key, server]))
  const withMemory = servers.map(({ address: at, name }) => {
    const memory = byKey.get(at.key) ?? { ...UNKNOWN, ...cache.lookupServer(at) }
    return { ...memory, address: at, name }
  })
  return { zoneCut: nameToText(zoneCut), servers: told(withMemory) }
}

interface Named {
  name?: string
}

interface Asked extends Named {
  address: ServerAddress
}

const UNKNOWN = { srttMs: 0, rttvarMs: 0, timeouts: 0, deadUntilMs: 0, ednsBroken: false, caseBroken: false }

function agoMs({ learnedAgoMs }: KnownServer): number {
  return learnedAgoMs ?? Number.MAX_VALUE
}

function isMeant(address: ServerAddress, wanted: ServerAddress, text: string): boolean {
  return text.includes('@') ? address.key === wanted.key : address.hostText === wanted.hostText
}

function hasTrouble({ timeouts, deadUntilMs, ednsBroken, caseBroken, tcpOnly }: KnownServer, wallMs: number): boolean {
  return timeouts > 0 || deadUntilMs > wallMs || ednsBroken || caseBroken || tcpOnly === true
}

/** Whom a question for `name` would go to, as far as their addresses are known. */
function serversFor(core: Core, cache: Cache, wallMs: number, name: Name): { zoneCut: Name; servers: Asked[] } {
  const { forward, rootHints, upstreamPort } = core.settings
  const rule = new Forwards(forward).find(name)
  if (rule !== undefined) return { zoneCut: rule.subtree, servers: rule.servers.map(({ address }) => ({ address })) }
  const { zone, nameservers } = cache.closestDelegation(name) ?? hintedRoot(rootHints)
  const servers = new Map<string, Asked>()
  for (const server of nameservers) {
    const glue = server.addresses.filter(({ untilMs }) => untilMs > wallMs).map(({ octets }) => octets)
    for (const octets of [...glue, ...lookedUp(cache, server.name)]) {
      const address = new ServerAddress(octets, upstreamPort)
      servers.set(address.key, { address, name: nameToText(server.name) })
    }
  }
  return { zoneCut: zone, servers: [...servers.values()] }
}

function lookedUp(cache: Cache, name: Name): Uint8Array[] {
  return [Type.A, Type.AAAA].flatMap((type) => {
    const entry = cache.lookup(name, type)
    return entry?.kind === 'rrset' ? [...entry.rrset.rdatas] : []
  })
}

function factsOf(server: KnownServer & Named, wallMs: number): ServerFacts {
  const { address, name, srttMs, rttvarMs, timeouts, deadUntilMs } = server
  const { ednsBroken, caseBroken, tcpOnly = false, learnedAgoMs } = server
  return {
    address: address.toString(),
    srttMs: Math.round(10 * srttMs) / 10,
    rttvarMs: Math.round(10 * rttvarMs) / 10,
    timeouts,
    ...(deadUntilMs > wallMs ? { deadForMs: Math.round(deadUntilMs - wallMs) } : {}),
    ednsBroken,
    caseBroken,
    tcpOnly,
    ...(learnedAgoMs === undefined ? {} : { learnedAgoMs: Math.round(learnedAgoMs) }),
    ...(name === undefined ? {} : { name }),
  }
}
