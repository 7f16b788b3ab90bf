/** A resolver whole: clients' packets in, responses out. Here layers and modules, what is known of servers, and the driver
 *  that takes each request through them (src/driver) are put together; and here it is drained, closed, and given other
 *  trust anchors. */

import { composeRefusal, composeResponse } from './answer.ts'
import type { Cache } from './cache/cache.ts'
import { type AnchorsInForce, type TrustAnchor, TrustAnchors } from './dnssec/trust-anchors.ts'
import { readQuery, wishesOf } from './driver/client-query.ts'
import { type CoreCounters, coreCounters } from './driver/counters.ts'
import { Hooks } from './driver/hooks.ts'
import type { Waiting } from './driver/joining.ts'
import { Stepper } from './driver/stepper.ts'
import type { ServerAddress } from './io/address.ts'
import type { Clock, Random, Transport } from './io/interfaces.ts'
import { createCacheLayer } from './layers/cache.ts'
import { Forwards } from './layers/forwards.ts'
import { createIterator } from './layers/iterator.ts'
import { createValidator } from './layers/validator.ts'
import { Ledger, type Resource } from './ledger.ts'
import type { RuleHits } from './metrics/rule-hits.ts'
import {
  type BogusEvidence,
  type Client,
  type Driver,
  type Layer,
  Request,
  type Trace,
  type Wishes,
} from './request.ts'
import { defaultSettings, type Settings } from './settings.ts'
import { ServerCookies } from './upstream/cookies.ts'
import { Exchanges } from './upstream/exchange.ts'
import { Servers } from './upstream/servers.ts'
import type { Edns, Question } from './wire/message.ts'
import { type Name, nameToText } from './wire/name.ts'
import { Beginnings } from './wire/pool.ts'
import { Class, Rcode, Type, typeText } from './wire/types.ts'

export type { Client } from './request.ts'

export type Log = (level: 'error' | 'warning' | 'notice' | 'info' | 'debug', event: string, fields?: object) => void

export interface CoreOptions {
  cache: Cache
  transport: Transport
  clock: Clock
  random: Random
  settings?: Partial<Settings>
  /** Behaviour around the built-in layers, in the order it is asked. */
  modules?: readonly Layer[]
  /** Addresses we listen on: never to be asked. */
  listening?: readonly ServerAddress[]
  /** The trust anchors, when modules go by them, too; unless given, those of the settings. */
  anchors?: AnchorsInForce
  /** How long a dead server is left alone at first, milliseconds. */
  nsTimeoutMs?: number
  /** Called with each answer that came straight from the cache, during handle(): for an index of ready answers in front
   *  of the core. `secure`: validation said so, whether or not this client was told. Nothing may be kept of the views. */
  onReady?: (packet: Uint8Array, response: Uint8Array, secure: boolean) => void
  /** Asked for each question of a client: who is to hear of its steps, if anybody. */
  trace?: () => Trace | undefined
  /** Where is counted which of the operator's rules questions meet. */
  ruleHits?: RuleHits
  log?: Log
}

const RESPONSE_ROOM = 65_535

export class Core {
  readonly settings: Settings
  readonly servers: Servers
  readonly counters: CoreCounters
  readonly #options: CoreOptions
  readonly #clock: Clock
  readonly #anchors: AnchorsInForce
  readonly #exchanges: Exchanges
  readonly #hooks: Hooks
  readonly #stepper: Stepper
  readonly #responseBuffer = new Uint8Array(RESPONSE_ROOM)
  readonly #responses = new Beginnings(this.#responseBuffer)
  #clockSuspected = false

  constructor(options: CoreOptions) {
    this.#options = options
    this.#clock = options.clock
    this.settings = { ...defaultSettings, ...options.settings }
    const { transport, cache, clock, random } = options
    const { settings } = this
    this.#anchors = options.anchors ?? anchorsInForce(settings)
    this.servers = new Servers(cache, clock, random, {
      ipv4: settings.doIpv4,
      ipv6: settings.doIpv6,
      mixCase: settings.caseRandomization,
      onFamily: ({ family, works }) => this.#log('notice', works ? 'family-works' : 'family-dead', { family }),
      ...(options.nsTimeoutMs === undefined ? {} : { nsTimeoutMs: options.nsTimeoutMs }),
    })
    const udpSize = settings.ednsBufferSize.upstream
    const cookies = settings.upstreamCookies ? new ServerCookies(clock, random) : undefined
    this.#exchanges = new Exchanges({ transport, clock, random, servers: this.servers, udpSize, cookies })
    this.counters = coreCounters(this.#exchanges.counters)
    const layers = [...(options.modules ?? []), ...this.#builtInLayers()]
    this.#hooks = new Hooks(layers)
    this.#stepper = new Stepper({
      hooks: this.#hooks,
      exchanges: this.#exchanges,
      clock,
      settings,
      counters: this.counters,
      onFault: this.#fault,
    })
    const driver: Driver = {
      ask: (query, onArrival) => this.#exchanges.ask(query, query.timeoutMs, { hear: onArrival }).exchange,
      resolve: (name, type, onEnd) => {
        const wishes = { rd: true, cd: false, ad: false, do: false }
        this.pursue({ name, type, class: Class.IN }, wishes, {}, onEnd)
      },
      refresh: (name, type) => {
        const wishes = { rd: true, cd: false, ad: false, do: true }
        this.#clock.soon(() => this.pursue({ name, type, class: Class.IN }, wishes, { refresh: true }, () => {}))
      },
    }
    for (const layer of layers) layer.attach?.(driver)
  }

  /** From the client's side to the network's. */
  #builtInLayers(): Layer[] {
    const { settings, servers } = this
    const { cache, clock, random, listening, ruleHits } = this.#options
    const cacheLayer = createCacheLayer({
      cache,
      aggressive: settings.aggressiveNsec,
      stale: settings.serveStale,
      forwards: new Forwards(settings.forward),
      prefetch: settings.prefetchExpiring,
      counters: this.counters.cache,
    })
    const validator = createValidator({
      clock,
      anchors: () => this.#anchors.current,
      policy: { sha1: settings.sha1 },
      maxIterations: settings.maxNsec3Iterations,
      onBogus: (event) => this.#bogus(event),
      checks: this.counters.signatures,
    })
    const forbidden = { queryLoopback: settings.queryLoopback, listening: listening ?? [] }
    const iterator = createIterator({
      cache,
      servers,
      clock,
      random,
      settings,
      forbidden,
      counters: this.counters.iterator,
      ruleHits,
    })
    return [cacheLayer, validator, iterator]
  }

  /** From now on these keys are trusted, and no others. Whatever the cache holds stays as it was judged, but for keys that
   *  were not believed. */
  replaceAnchors(anchors: readonly TrustAnchor[]): void {
    this.#anchors.current = new TrustAnchors(anchors, suspended(this.settings))
    for (const { zone } of anchors) this.#options.cache.clearFailure(zone, Type.DNSKEY)
  }

  /** Keys of zones that were verified before are looked up again, and so are zone cuts: the cache was cleared. */
  forgetKeys(): void {
    this.#options.cache.forgetAncestors()
    this.replaceAnchors(this.#anchors.current.anchors)
  }

  /** Client requests that have no answer yet. */
  get inFlight(): number {
    return this.#stepper.inFlight
  }

  /** Questions that wait, those that others depend on included; the first `limit` in the order they began. For looking only. */
  waiting(limit: number): Waiting[] {
    return this.#stepper.waiting(limit)
  }

  /** Answers one client packet. `respond` is called exactly once: with the response, a view good during the call only,
   *  or with undefined when nothing is to be sent; and with what became of the question, if there was one. Never throws. */
  handle(
    packet: Uint8Array,
    client: Client,
    respond: (response: Uint8Array | undefined, request?: Request) => void,
  ): void {
    const query = readQuery(packet, this.#responseBuffer, this.settings, this.#fault)
    if (typeof query === 'number') {
      respond(query === 0 ? undefined : this.#responses.of(query))
      return
    }
    const { question, edns } = query
    let isAtOnce = true
    this.pursue(question, wishesOf(query), { client, edns, trace: this.#options.trace?.() }, (request) => {
      if (request.silent) {
        respond(undefined, request)
        return
      }
      let octets: number
      try {
        octets = composeResponse(this.#responseBuffer, request, {
          query,
          overUdp: client.overUdp,
          settings: this.settings,
        })
      } catch (error) {
        this.#fault(error, request)
        octets = composeRefusal(this.#responseBuffer, query, Rcode.SERVFAIL, this.settings)
      }
      const response = this.#responses.of(octets)
      if (isAtOnce && this.#isReady(request)) this.#options.onReady?.(packet, response, request.security === 'secure')
      respond(response, request)
    })
    isAtOnce = false
  }

  /** Whether whoever asks the same next could be given the same without being looked at. */
  #isReady({ source, truncated, personal, edes, options }: Request): boolean {
    const isPlain = source === 'cache' && !truncated && !personal && edes.length === 0 && options.length === 0
    return isPlain && !this.#hooks.seesCached
  }

  /** Pursues one question; `onEnd` is called exactly once, perhaps before this returns. Never throws. */
  pursue(
    question: Question,
    wishes: Wishes,
    origin: { client?: Client; edns?: Edns; trace?: Trace; refresh?: boolean },
    onEnd: (request: Request) => void,
  ): void {
    this.counters.requests++
    if (origin.client === undefined) this.counters.ownRequests++
    const { limits, ledgerMode } = this.settings
    const ledger = new Ledger(limits, ledgerMode, this.#clock.monotonicMs(), this.#exceeded)
    this.#stepper.begin(new Request(question, wishes, ledger, origin, this.#validates(wishes)), onEnd)
  }

  /** Calls back when no client request is in flight any more, at the latest after `timeoutMs`. */
  drain(timeoutMs: number, done: () => void): void {
    if (this.inFlight === 0) {
      done()
      return
    }
    const timer = this.#clock.after(timeoutMs, () => finish())
    const finish = () => {
      timer.cancel()
      this.#stepper.onIdle = undefined
      done()
    }
    this.#stepper.onIdle = finish
  }

  /** Ends every request in flight with SERVFAIL. */
  close(): void {
    this.#stepper.close()
  }

  #validates(wishes: Wishes): boolean {
    return this.settings.validate && !wishes.cd && this.#anchors.current.anchors.length > 0
  }

  // --- saying so ----------------------------------------------------------------------------------------------------

  #bogus({ qname, qtype, zoneCut, server, reason, keyTag, offBySeconds }: BogusEvidence): void {
    this.counters.bogus++
    const about = { qname: nameToText(qname), qtype: typeText(qtype), zoneCut: nameToText(zoneCut) }
    this.#log('debug', 'bogus-reply', { ...about, server, reason, keyTag, offBySeconds })
    // The root's signatures are never out of time: it is our clock that is wrong, and soon all validation will fail.
    if (offBySeconds === undefined || qname.length > 1 || this.#clockSuspected) return
    this.#clockSuspected = true
    this.#log('warning', 'clock-skew', { reason, offBySeconds })
  }

  readonly #exceeded = (resource: Resource): void => {
    this.counters.exceeded[resource] = (this.counters.exceeded[resource] ?? 0) + 1
  }

  /** A mistake of ours: this one request pays, and the log gets the stack. */
  readonly #fault = (error: unknown, request?: Request): void => {
    this.counters.faults++
    const about = request === undefined ? {} : { qname: nameToText(request.qname), qtype: typeText(request.qtype) }
    this.#log('error', 'fault', { ...about, error: error instanceof Error ? error.stack : String(error) })
  }

  #log(level: Parameters<Log>[0], event: string, fields?: object): void {
    this.#options.log?.(level, event, fields)
  }
}

/** The anchors that `settings` name, until others are learned. */
export function anchorsInForce(settings: Settings): AnchorsInForce {
  return { current: new TrustAnchors(settings.trustAnchors, suspended(settings)) }
}

/** Where nothing is validated: what the operator says so of, and what is forwarded to servers that do not need it. */
function suspended({ negativeTrustAnchors, forward }: Settings): Name[] {
  return [...negativeTrustAnchors, ...forward.filter((rule) => !rule.dnssec).map((rule) => rule.subtree)]
}
