/** What the resolution core can be told, as plain values with their defaults; src/config turns an operator's file into them. */

import type { Config } from './config/schema.ts'
import { ROOT_ANCHORS, type TrustAnchor } from './dnssec/trust-anchors.ts'
import type { ServerAddress } from './io/address.ts'
import { DEFAULT_LIMITS, type LedgerMode, type Limits } from './ledger.ts'
import { ROOT_HINTS, type RootHint } from './root-hints.ts'
import type { Name } from './wire/name.ts'
import { Type } from './wire/types.ts'

export interface StaleSettings {
  /** How long a client waits at most, where there is an old answer for it. */
  clientTimeoutMs: number
  /** How long after their end answers are still given. */
  maxAgeMs: number
  /** TTL of such answers, seconds. */
  replyTtl: number
}

/** A part of the name space for which other servers are asked than those the zones name. */
export interface ForwardRule {
  /** At and below this, but for what has a rule of its own. */
  subtree: Name
  /** None: the names are resolved from the root, an exception from a rule further up. */
  servers: readonly ForwardTarget[]
  /** They hold the zone; else they resolve for us. */
  authoritative: boolean
  /** Whether what they say is validated. */
  dnssec: boolean
}

/** One for clients of views with one of these tags; it goes before one for all. */
export interface TaggedForwardRule extends ForwardRule {
  tags: readonly string[]
}

export interface ForwardTarget {
  address: ServerAddress
  /** TCP only; one with an identity is asked over TLS in any case. */
  tcp: boolean
}

/** What an operator's file says in the sections of modules, paths replaced by what the files hold. A module without its
 *  section is off. */
export interface Sections {
  views?: Config['views']
  'local-data'?: LocalData
  dns64?: Config['dns64']
  rebinding?: { allowed: readonly string[] }
  /** The secret all servers of a fleet share; empty: one of its own. */
  cookies?: { master: string }
  /** How long idle connections of clients are kept. */
  keepalive?: { idleMs: number }
  renumber?: Config['network']['address-renumbering']
  /** Whether jumps of the clock are told, and whether it is compared with the root zone's signatures. */
  clock?: { jump: boolean; skew: boolean }
}

export type LocalData = Omit<Config['local-data'], 'addresses-files' | 'rules'> & {
  'addresses-files': readonly ListFile[]
  rules: readonly LocalRule[]
}
export type LocalRule = Omit<Config['local-data']['rules'][number], 'file'> & { file: readonly ListFile[] }

/** What it holds may be long, and is not kept. */
export interface ListFile {
  path: string
  read(): Buffer
}

/** How long a connection of a client may be idle (RFC 7766 §6.2.3). */
export const TCP_IDLE_MS = 10_000

export interface Settings {
  /** Where resolution starts, RFC 9609. */
  rootHints: readonly RootHint[]
  /** Ask the root servers for their own names first, RFC 9609. */
  priming: boolean
  /** QNAME minimisation, RFC 9156. */
  minimise: boolean
  /** Type asked for with shortened names; RFC 9156 §2.1 recommends A or AAAA: it hides more and breaks fewer servers than NS. */
  minimiseType: number
  /** 0x20: mixed-case question names that a forger has to guess. */
  caseRandomization: boolean
  /** Which addresses in a referral are believed. `normal`: of servers named inside the asked zone; `strict`: inside the
   *  delegated zone only; `permissive`: all. */
  glueChecking: 'normal' | 'strict' | 'permissive'
  /** Whether loopback addresses may be asked, as in a lab. */
  queryLoopback: boolean
  doIpv4: boolean
  doIpv6: boolean
  /** Octets, RFC 6891 §6.2.5; 1232 keeps answers unfragmented. */
  ednsBufferSize: { upstream: number; downstream: number }
  /** Port of authoritative servers; something else than 53 only in a lab. */
  upstreamPort: number
  /** Queries without RD are refused: they only serve to look into the cache. */
  refuseNoRd: boolean
  /** Show DNS cookies to the servers that are asked, RFC 7873 §5.1. */
  upstreamCookies: boolean
  /** Rotate the records of address sets, so that clients spread. */
  reorderRrset: boolean
  /** Answer special-use names (RFC 6761 and successors) and locally served zones (RFC 6303) ourselves. */
  specialNames: boolean
  /** Answer ANY over UDP with one HINFO, RFC 8482 §4.2. */
  minimalAny: boolean
  /** Answers to `hostname.bind` and `id.server` CH TXT (RFC 4892) and to NSID (RFC 5001); undefined: none is given. */
  hostname: string | undefined
  nsid: string | undefined
  version: string | undefined
  /** Validate by DNSSEC what clients do not want to validate themselves. */
  validate: boolean
  trustAnchors: readonly TrustAnchor[]
  /** Names at and below which nothing is validated, RFC 7646. */
  negativeTrustAnchors: readonly Name[]
  /** Answer sentinel questions for root keys, RFC 8509. */
  sentinel: boolean
  /** Tell the servers of managed zones once a day which keys are trusted, RFC 8145. */
  signalQuery: boolean
  /** Tell the log of answers that fail validation. */
  logBogus: boolean
  /** Whether algorithms and digests with SHA-1 count. */
  sha1: boolean
  /** Zones whose NSEC3 records ask for more are treated as unsigned, RFC 9276 §3.2. */
  maxNsec3Iterations: number
  /** Deny names, and answer from wildcards, by proofs that came with other answers: RFC 8198. */
  aggressiveNsec: boolean
  /** Ask again for what is asked for often, shortly before its time is over. */
  prefetchExpiring: boolean
  /** Give old answers where no new ones are to be had, RFC 8767; undefined: never. */
  serveStale: StaleSettings | undefined
  limits: Limits
  ledgerMode: LedgerMode
  forward: readonly ForwardRule[]
  taggedForward: readonly TaggedForwardRule[]
  /** Resolvers to ask when all else has failed, or has taken too long. */
  fallback: { servers: readonly ForwardTarget[]; afterMs: number } | undefined
  /** Names at and below which servers are spared mixed case. */
  sparedMixedCase: readonly Name[]
  sections: Sections
  /** Clients joined to one question in flight; more get SERVFAIL. */
  maxJoined: number
  /** Questions that may be on their way to servers, those that follow from others counted; beyond, a client's new one gets
   *  SERVFAIL. Answers from the cache are not held up by them. */
  maxRecursions: number
}

export const defaultSettings: Settings = {
  rootHints: ROOT_HINTS,
  priming: true,
  minimise: true,
  minimiseType: Type.A,
  caseRandomization: true,
  glueChecking: 'normal',
  queryLoopback: false,
  doIpv4: true,
  doIpv6: true,
  ednsBufferSize: { upstream: 1232, downstream: 1232 },
  upstreamPort: 53,
  refuseNoRd: true,
  upstreamCookies: true,
  reorderRrset: true,
  specialNames: true,
  minimalAny: true,
  hostname: undefined,
  nsid: undefined,
  version: 'Bowline',
  validate: true,
  trustAnchors: ROOT_ANCHORS,
  negativeTrustAnchors: [],
  sentinel: true,
  signalQuery: true,
  logBogus: false,
  sha1: true,
  maxNsec3Iterations: 50,
  aggressiveNsec: true,
  prefetchExpiring: true,
  serveStale: undefined,
  limits: DEFAULT_LIMITS,
  ledgerMode: 'enforce',
  forward: [],
  taggedForward: [],
  fallback: undefined,
  sparedMixedCase: [],
  sections: { cookies: { master: '' }, keepalive: { idleMs: TCP_IDLE_MS }, clock: { jump: true, skew: true } },
  maxJoined: 100,
  maxRecursions: 10_000,
}
