/** From the head of a scenario to a resolver: the baseline every scenario presumes, then what its head says. This is the
 *  one file that knows both the format and the core. */

import { basename } from 'node:path'
import { AnchorLookup } from '../../src/anchor-lookup.ts'
import { AnchorManager } from '../../src/anchors/manager.ts'
import { Cache } from '../../src/cache/cache.ts'
import { MemoryStore } from '../../src/cache/memory-store.ts'
import { makeConfig } from '../../src/config/load.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import { unmanaged } from '../../src/dnssec/rfc5011.ts'
import type { TrustAnchor } from '../../src/dnssec/trust-anchors.ts'
import { ServerAddress } from '../../src/io/address.ts'
import { startModules } from '../../src/modules/index.ts'
import { Partitions } from '../../src/partitions.ts'
import { Core } from '../../src/resolve.ts'
import { type RootHint, rootHint } from '../../src/root-hints.ts'
import { defaultSettings, type Settings } from '../../src/settings.ts'
import { settingsFromConfig } from '../../src/settings-from-config.ts'
import { nameKey } from '../../src/wire/name.ts'
import { Type } from '../../src/wire/types.ts'
import { type Head, readHead } from './head.ts'
import type { ScriptRecord } from './message.ts'
import type { Scenario } from './parse-rpl.ts'
import { joined, policyOf, presumed } from './policy.ts'
import type { ReplayOptions, ResolverUnderTest, World } from './replay.ts'

/** Seconds. Six days, as Knot Resolver has it. */
const DEFAULT_MAX_TTL = 518_400

/** Why the resolver cannot play this scenario as it is meant; undefined: it can. */
export function whyUnsupported(scenario: Scenario): string | undefined {
  const name = basename(scenario.path)
  if (name === 'view-module_view_tsig.rpl') return 'needs rules by the name of a TSIG key'
  return undefined
}

/** How to play `scenario`, with or without QNAME minimisation. */
export function replayOptions(scenario: Scenario, minimise: boolean): ReplayOptions {
  const head = readHead(scenario)
  return {
    startMs: head.startMs,
    timersFollowElapse: basename(scenario.path).includes('monotonic'),
    client: clientAddress(head),
    start: (world) => startResolver(head, basename(scenario.path), minimise, world),
  }
}

function startResolver(head: Head, file: string, minimise: boolean, world: World): ResolverUnderTest {
  const { clock, transport, random } = world
  const managed = file.startsWith('ta_update-') // the anchors are kept up to date, RFC 5011
  const presumption = presumed(file)
  const isOurs = head.config !== undefined
  const config = { ...joined(policyOf(head), presumption), ...(head.config as ConfigInput | undefined) }
  const { forward, taggedForward, fallback, sections, sparedMixedCase, ...rest } = settingsFromConfig(
    makeConfig(config),
  )
  const settings: Settings = {
    ...defaultSettings,
    ...(isOurs ? { nsid: rest.nsid, hostname: rest.hostname, refuseNoRd: rest.refuseNoRd } : {}),
    forward,
    taggedForward,
    fallback,
    sections,
    sparedMixedCase,
    rootHints: head.stub ? [{ name: head.stub.name, addresses: [head.stub.address.octets] }] : ROOT_HINTS_2017,
    priming: false,
    minimise,
    minimiseType: Type.NS,
    glueChecking: head.hardenGlue ? 'normal' : 'permissive',
    queryLoopback: head.queryLoopback || head.stub?.address.octets[0] === 127,
    doIpv4: head.doIpv4 && presumption.network?.['do-ipv4'] !== false,
    doIpv6: head.doIpv6 && presumption.network?.['do-ipv6'] !== false,
    ednsBufferSize: { upstream: 4096, downstream: 4096 },
    specialNames: isOurs,
    minimalAny: isOurs,
    validate: head.trustAnchors.length > 0,
    trustAnchors: trustAnchors(head.trustAnchors),
    negativeTrustAnchors: head.negativeTrustAnchors,
    sha1: true,
    maxNsec3Iterations: 150,
  }
  const ttlMin = Number(head.features.get('min_ttl') ?? 0)
  const ttlMax = Number(head.features.get('max_ttl') ?? DEFAULT_MAX_TTL)
  const store = new MemoryStore()
  let fault: string | undefined
  const common = {
    transport,
    clock,
    random,
    modules: startModules(settings, { clock, random, log: () => {} }).layers,
    log: (level: string, event: string, fields?: object) => {
      if (level === 'error') fault ??= `${event} ${JSON.stringify(fields)}`
    },
  }
  const core = new Partitions(settings, (partition, own) => {
    const cache = new Cache(store, clock, { ttlMin, ttlMax, negativeTtlMax: ttlMax, partition })
    return new Core({ ...common, ...own, cache })
  })
  const stopManaging = managed ? manageAnchors(settings, core, world) : undefined
  return {
    handle(packet, client, respond) {
      core.handle(packet, { overUdp: true, address: client.octets, port: client.port }, (answer) => {
        if (answer) respond(answer)
      })
    },
    fault: () => fault,
    close() {
      stopManaging?.()
      core.close()
    },
  }
}

/** As the supervisor of a service does it, in one process. Returns how to end it. */
function manageAnchors(settings: Settings, core: Partitions, world: World): () => void {
  const lookup = new AnchorLookup({ settings, ...world })
  const manager = new AnchorManager(unmanaged(settings.trustAnchors[0], world.clock.wallMs()), {
    ...world,
    policy: { sha1: true },
    ask: (name, type, done) => lookup.ask(name, type, done),
    store: () => {},
    onAnchor: (anchor) => core.replaceAnchors(anchor === undefined ? [] : [anchor]),
    onEvent: () => {},
    signal: false, // no script has an answer for it
  })
  manager.start()
  return () => {
    manager.stop()
    lookup.close()
  }
}

/** The anchors of a head, one for each zone. */
function trustAnchors(records: ScriptRecord[]): TrustAnchor[] {
  const anchors = new Map<string, TrustAnchor>()
  for (const { owner, type, rdata } of records) {
    const anchor = anchors.get(nameKey(owner)) ?? { zone: owner, ds: [], keys: [] }
    anchors.set(nameKey(owner), anchor)
    if (type === Type.DS) anchor.ds.push(rdata)
    else anchor.keys.push(rdata)
  }
  return [...anchors.values()]
}

/** Of the family of the root hint; only views look at it. */
function clientAddress(head: Head): ServerAddress {
  if (head.client !== undefined) return head.client
  const address = head.stub?.address.family === 6 ? 'fd00:dec::1' : '127.127.0.0'
  return ServerAddress.fromText(address, 40_000)!
}

/** IANA's hints of early 2017, for the one scenario that counts on them. */
const ROOT_HINTS_2017: RootHint[] = [
  rootHint('a.root-servers.net.', ['198.41.0.4', '2001:503:ba3e::2:30']),
  rootHint('b.root-servers.net.', ['192.228.79.201', '2001:500:84::b']),
  rootHint('c.root-servers.net.', ['192.33.4.12', '2001:500:2::c']),
  rootHint('d.root-servers.net.', ['199.7.91.13', '2001:500:2d::d']),
  rootHint('e.root-servers.net.', ['192.203.230.10', '2001:500:a8::e']),
  rootHint('f.root-servers.net.', ['192.5.5.241', '2001:500:2f::f']),
  rootHint('g.root-servers.net.', ['192.112.36.4', '2001:500:12::d0d']),
  rootHint('h.root-servers.net.', ['198.97.190.53', '2001:500:1::53']),
  rootHint('i.root-servers.net.', ['192.36.148.17', '2001:7fe::53']),
  rootHint('j.root-servers.net.', ['192.58.128.30', '2001:503:c27::2:30']),
  rootHint('k.root-servers.net.', ['193.0.14.129', '2001:7fd::1']),
  rootHint('l.root-servers.net.', ['199.7.83.42', '2001:500:9f::42']),
  rootHint('m.root-servers.net.', ['202.12.27.33', '2001:dc3::35']),
]
