/** The driver: when is which hook of which layer called? It steps every request through its layers, sends what they
 *  produce, starts the sub-requests they wait for, joins identical questions, and sees that each request ends exactly
 *  once, in time and within its budget. Layers decide what; nothing here knows DNS beyond header and question. */

import { composeRefusal, composeResponse } from './answer.ts'
import type { Cache } from './cache/cache.ts'
import { type AnchorsInForce, type TrustAnchor, TrustAnchors } from './dnssec/trust-anchors.ts'
import type { ServerAddress } from './io/address.ts'
import type { Clock, Exchange, Random, Timer, Transport } from './io/interfaces.ts'
import { createCacheLayer } from './layers/cache.ts'
import { type CacheCounters, cacheCounters } from './layers/cache-counters.ts'
import { Forwards } from './layers/forwards.ts'
import { createIterator } from './layers/iterator.ts'
import { createValidator } from './layers/validator.ts'
import { Ledger, type Resource } from './ledger.ts'
import {
  type Arrival,
  type BogusEvidence,
  type Client,
  type Driver,
  type Layer,
  Request,
  type Step,
  type Trace,
  type Wishes,
} from './request.ts'
import { defaultSettings, type Settings } from './settings.ts'
import { ServerCookies } from './upstream/cookies.ts'
import { type ExchangeCounters, Exchanges, type Listener } from './upstream/exchange.ts'
import { Servers } from './upstream/servers.ts'
import { WireError } from './wire/error.ts'
import { type ClientQuery, type Edns, parseQuery, type Question } from './wire/message.ts'
import { type Name, nameToText } from './wire/name.ts'
import { type Filed, hashName, NameTable } from './wire/name-table.ts'
import { Beginnings } from './wire/pool.ts'
import { Class, Ede, Flag, Opcode, Rcode, Type, typeText } from './wire/types.ts'

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
  log?: Log
}

export interface CoreCounters {
  cache: CacheCounters
  /** What was asked of servers, and what came of it. */
  exchanges: ExchangeCounters
  requests: number
  /** Those of them that no client asked for. */
  ownRequests: number
  subRequests: number
  joined: number
  refusedJoins: number
  refusedRecursions: number
  failures: number
  faults: number
  bogus: number
  /** Times that a request let others have their turn between signatures. */
  pauses: number
  exceeded: Partial<Record<Resource, number>>
}

/** Steps of one request before we call it a loop of our own making. */
const MAX_STEPS = 2000
const RESPONSE_ROOM = 65_535
const HEADER = 12

/** A question that waits for something. */
export interface Waiting {
  request: Request
  /** `reply`: of the server that `request.query` went to; `others`: what it depends on; `turn`: for others to have theirs. */
  waitsFor: 'reply' | 'others' | 'turn'
  /** Who asked the same, and gets the same outcome. */
  joined: readonly Request[]
}

/** What the driver does when something comes to pass that a pursuit waits for. */
interface Stepper {
  run(pursuit: Pursuit): void
  hear(pursuit: Pursuit, arrival: Arrival, octets: number): void
}

/** A request on its way through the layers; what only the driver needs to know of it. */
class Pursuit implements Filed, Listener {
  readonly request: Request
  readonly hash: number
  nextFiled: this | undefined = undefined
  readonly #stepper: Stepper
  readonly parent: Pursuit | undefined
  /** Called once, when the request has ended. */
  onEnd: (request: Request) => void
  phase: 'begin' | 'produce' | 'consume' | 'answer' | 'ended' = 'begin'
  /** In the phases begin, consume and answer: which hook to go on with; and what arrived. */
  next = 0
  arrival: Arrival | undefined
  consumed: Step = 'pass'
  exchange: Exchange | undefined
  timer: Timer | undefined
  /** When it goes off, the client is given an old answer, if there is one. */
  patience: Timer | undefined
  /** Identical requests that wait for this one's outcome. */
  followers: Pursuit[] = NOBODY
  /** The identical request this one waits for. */
  leader: Pursuit | undefined
  leads = false
  /** Somebody outside waits for the answer. */
  isCounted = false
  subs: Map<string, Pursuit> | undefined = undefined
  running = false
  wokenWhileRunning = false

  constructor(stepper: Stepper, request: Request, parent: Pursuit | undefined, onEnd: (request: Request) => void) {
    this.#stepper = stepper
    this.request = request
    this.hash = hashName(request.qname, request.qtype)
    this.parent = parent
    this.onEnd = onEnd
    request.stepper = this
  }

  wake(): void {
    this.#stepper.run(this)
  }

  hear(arrival: Arrival, octets: number): void {
    this.#stepper.hear(this, arrival, octets)
  }
}

const NOBODY: Pursuit[] = []

/** The hooks of all layers that have them, in the order they are called. */
class Hooks {
  readonly begin: NonNullable<Layer['begin']>[]
  readonly produce: NonNullable<Layer['produce']>[]
  readonly checkout: NonNullable<Layer['checkout']>[]
  readonly consume: NonNullable<Layer['consume']>[]
  readonly answer: NonNullable<Layer['answer']>[]
  readonly rescue: NonNullable<Layer['rescue']>[]
  readonly finish: NonNullable<Layer['finish']>[]

  /** `layers` from the client's side to the network's: down the list on the way out, up on the way back. */
  constructor(layers: readonly Layer[]) {
    const upwards = layers.toReversed()
    this.begin = layers.flatMap((layer) => layer.begin?.bind(layer) ?? [])
    this.produce = layers.flatMap((layer) => layer.produce?.bind(layer) ?? [])
    this.checkout = layers.flatMap((layer) => layer.checkout?.bind(layer) ?? [])
    this.consume = upwards.flatMap((layer) => layer.consume?.bind(layer) ?? [])
    this.answer = upwards.flatMap((layer) => layer.answer?.bind(layer) ?? [])
    this.rescue = layers.flatMap((layer) => layer.rescue?.bind(layer) ?? [])
    this.finish = upwards.flatMap((layer) => layer.finish?.bind(layer) ?? [])
  }
}

export class Core {
  readonly settings: Settings
  readonly servers: Servers
  readonly counters: CoreCounters
  readonly #options: CoreOptions
  readonly #clock: Clock
  readonly #hooks: Hooks
  /** Some module has to see what an index of ready answers would answer. */
  readonly #seesCached: boolean
  readonly #leaders = new NameTable<Pursuit>()
  readonly #stepper: Stepper = {
    run: (pursuit) => this.#run(pursuit),
    hear: (pursuit, arrival, octets) => this.#hear(pursuit, arrival, octets),
  }
  /** Requests that let others have their turn, first come, first to go on. */
  readonly #paused: Pursuit[] = []
  #resuming = false
  readonly #exchanges: Exchanges
  readonly #responseBuffer = new Uint8Array(RESPONSE_ROOM)
  readonly #responses = new Beginnings(this.#responseBuffer)
  readonly #anchors: AnchorsInForce
  #inFlight = 0
  #drained: (() => void) | undefined
  #clockSuspected = false
  #closed = false

  constructor(options: CoreOptions) {
    this.#options = options
    this.#clock = options.clock
    this.settings = { ...defaultSettings, ...options.settings }
    const { cache, clock, random } = options
    const { settings } = this
    this.servers = new Servers(cache, clock, random, {
      ipv4: settings.doIpv4,
      ipv6: settings.doIpv6,
      mixCase: settings.caseRandomization,
      onFamily: ({ family, works }) => this.#log('notice', works ? 'family-works' : 'family-dead', { family }),
      ...(options.nsTimeoutMs === undefined ? {} : { nsTimeoutMs: options.nsTimeoutMs }),
    })
    const udpSize = settings.ednsBufferSize.upstream
    const cookies = settings.upstreamCookies ? new ServerCookies(clock, random) : undefined
    const { transport } = options
    this.#exchanges = new Exchanges({ transport, clock, random, servers: this.servers, udpSize, cookies })
    this.counters = {
      cache: cacheCounters(),
      exchanges: this.#exchanges.counters,
      requests: 0,
      ownRequests: 0,
      subRequests: 0,
      joined: 0,
      refusedJoins: 0,
      refusedRecursions: 0,
      failures: 0,
      faults: 0,
      bogus: 0,
      pauses: 0,
      exceeded: {},
    }
    this.#anchors = options.anchors ?? anchorsInForce(settings)
    const forbidden = { queryLoopback: settings.queryLoopback, listening: options.listening ?? [] }
    const iterator = createIterator({ cache, servers: this.servers, clock, random, settings, forbidden })
    const validator = createValidator({
      clock,
      anchors: () => this.#anchors.current,
      policy: { sha1: settings.sha1 },
      maxIterations: settings.maxNsec3Iterations,
      onBogus: (event) => this.#bogus(event),
    })
    const cacheLayer = createCacheLayer({
      cache,
      aggressive: settings.aggressiveNsec,
      stale: settings.serveStale,
      forwards: new Forwards(settings.forward),
      prefetch: settings.prefetchExpiring,
      counters: this.counters.cache,
    })
    const layers = [...(options.modules ?? []), cacheLayer, validator, iterator]
    this.#hooks = new Hooks(layers)
    this.#seesCached = layers.some((layer) => layer.seesCached)
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
    return this.#inFlight
  }

  /** Questions that wait, those that others depend on included; the first `limit` in the order they began. For looking only. */
  waiting(limit: number): Waiting[] {
    const inOrder = this.#leaders.all().sort((a, b) => a.request.serial - b.request.serial)
    return inOrder.slice(0, limit).map(({ request, exchange, followers }) => ({
      request,
      waitsFor: exchange !== undefined ? 'reply' : request.isExpecting ? 'others' : 'turn',
      joined: followers.map((follower) => follower.request),
    }))
  }

  /** Answers one client packet. `respond` is called exactly once: with the response, a view good during the call only,
   *  or with undefined when nothing is to be sent; and with what became of the question, if there was one. Never throws. */
  handle(
    packet: Uint8Array,
    client: Client,
    respond: (response: Uint8Array | undefined, request?: Request) => void,
  ): void {
    const query = this.#readQuery(packet)
    if (typeof query === 'number') {
      respond(query === 0 ? undefined : this.#responses.of(query))
      return
    }
    const { question, edns, flags } = query
    const wishes = {
      rd: (flags & Flag.RD) !== 0,
      cd: (flags & Flag.CD) !== 0,
      ad: (flags & Flag.AD) !== 0,
      do: edns?.do ?? false,
    }
    let isAtOnce = true
    this.pursue(question, wishes, { client, edns, trace: this.#options.trace?.() }, (request) => {
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
        this.#fault(request, error)
        octets = composeRefusal(this.#responseBuffer, query, Rcode.SERVFAIL, this.settings)
      }
      const response = this.#responses.of(octets)
      const isReady =
        isAtOnce && request.source === 'cache' && !request.truncated && !request.personal && !this.#seesCached
      if (isReady && request.edes.length === 0 && request.options.length === 0)
        this.#options.onReady?.(packet, response, request.security === 'secure')
      respond(response, request)
    })
    isAtOnce = false
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
    this.#inFlight++
    const { limits, ledgerMode } = this.settings
    const ledger = new Ledger(limits, ledgerMode, this.#clock.monotonicMs(), this.#exceeded)
    const request = new Request(question, wishes, ledger, origin, this.#validates(wishes))
    const pursuit = new Pursuit(this.#stepper, request, undefined, onEnd)
    pursuit.isCounted = true
    this.#run(pursuit)
  }

  /** Calls back when no client request is in flight any more, at the latest after `timeoutMs`. */
  drain(timeoutMs: number, done: () => void): void {
    if (this.#inFlight === 0) {
      done()
      return
    }
    const timer = this.#clock.after(timeoutMs, () => finish())
    const finish = () => {
      timer.cancel()
      this.#drained = undefined
      done()
    }
    this.#drained = finish
  }

  /** Ends every request in flight with SERVFAIL. */
  close(): void {
    this.#closed = true
    for (const leader of this.#leaders.all()) {
      leader.request.addEde(Ede.NOT_READY, 'shutting down')
      this.#fail(leader)
    }
  }

  // --- client packets -----------------------------------------------------------------------------------------------

  /** The query in `packet`; or, for what is none, the length of a refusal in the response buffer, 0 for silence. */
  #readQuery(packet: Uint8Array): (ClientQuery & { question: Question }) | number {
    if (packet.length < HEADER || packet[2] & 0x80) return 0 // no query; answering responses would make loops
    const buffer = this.#responseBuffer
    let query: ClientQuery
    try {
      query = parseQuery(packet)
    } catch (error) {
      if (!(error instanceof WireError)) this.#fault(undefined, error)
      const header = { id: (packet[0] << 8) | packet[1], flags: (packet[2] << 8) | packet[3] }
      const damaged = { ...header, opcode: (packet[2] >> 3) & 15, question: undefined, edns: undefined }
      return composeRefusal(buffer, damaged as Parameters<typeof composeRefusal>[1], Rcode.FORMERR, this.settings)
    }
    const { question } = query
    if (query.opcode !== Opcode.QUERY)
      return composeRefusal(buffer, query, Rcode.NOTIMP, this.settings, Ede.NOT_SUPPORTED)
    if (query.edns !== undefined && query.edns.version > 0)
      return composeRefusal(buffer, query, Rcode.BADVERS, this.settings) // RFC 6891 §6.1.3
    if (question === undefined) return composeRefusal(buffer, query, Rcode.FORMERR, this.settings)
    if (question.class !== Class.IN && question.class !== Class.CH) {
      const rcode = question.class === Class.ANY ? Rcode.NOTIMP : Rcode.REFUSED
      return composeRefusal(buffer, query, rcode, this.settings, Ede.NOT_SUPPORTED)
    }
    return query as ClientQuery & { question: Question }
  }

  // --- stepping -----------------------------------------------------------------------------------------------------

  #run(pursuit: Pursuit): void {
    if (pursuit.running) {
      pursuit.wokenWhileRunning = true
      return
    }
    pursuit.running = true
    for (let steps = 0; pursuit.phase !== 'ended'; steps++) {
      pursuit.wokenWhileRunning = false
      const goesOn = this.#step(pursuit, steps)
      if (!goesOn && !pursuit.wokenWhileRunning) break
    }
    pursuit.running = false
  }

  #step(pursuit: Pursuit, steps: number): boolean {
    try {
      if (steps > MAX_STEPS) throw new Error('a request does not come to an end')
      return this.#advance(pursuit)
    } catch (error) {
      this.#fault(pursuit.request, error)
      return this.#fail(pursuit)
    }
  }

  /** Calls the next hook and does what it says. False: nothing more to do until something arrives. */
  #advance(pursuit: Pursuit): boolean {
    const { request } = pursuit
    const isUnderWay = pursuit.phase === 'produce' || pursuit.phase === 'consume'
    if (isUnderWay && (this.#closed || request.ledger.isLate(this.#clock.monotonicMs()))) return this.#fail(pursuit)
    switch (pursuit.phase) {
      case 'begin':
        return this.#begin(pursuit)
      case 'produce': {
        if (pursuit.leader !== undefined || pursuit.exchange !== undefined) return false
        switch (this.#produce(request)) {
          case 'produce':
            return true
          case 'consume':
            return this.#join(pursuit) || this.#send(pursuit)
          case 'wait':
            return this.#join(pursuit) || this.#startSubs(pursuit)
          case 'done':
            return this.#conclude(pursuit)
          default:
            return this.#fail(pursuit)
        }
      }
      case 'consume':
        return this.#consume(pursuit)
      case 'answer':
        return this.#answer(pursuit)
      default:
        return false
    }
  }

  /** Down the list until a layer answers; each is asked once, but for those that wait. */
  #begin(pursuit: Pursuit): boolean {
    const { request } = pursuit
    const { begin } = this.#hooks
    for (; pursuit.next < begin.length; pursuit.next++) {
      const step = begin[pursuit.next](request) ?? 'pass'
      if (step === 'done') return this.#conclude(pursuit)
      if (step === 'fail') return this.#fail(pursuit)
      if (step === 'wait') return this.#startSubs(pursuit)
    }
    pursuit.phase = 'produce'
    return true
  }

  /** Down the list until a layer has something to say. */
  #produce(request: Request): Step {
    for (const produce of this.#hooks.produce) {
      const step = produce(request) ?? 'pass'
      if (step !== 'pass') return step
    }
    return 'pass'
  }

  /** Up the list: every layer hears what arrived. */
  #consume(pursuit: Pursuit): boolean {
    const { request } = pursuit
    const arrival = pursuit.arrival as Arrival
    const { consume } = this.#hooks
    for (; pursuit.next < consume.length; pursuit.next++) {
      const step = consume[pursuit.next](request, request.query as never, arrival) ?? 'pass'
      if (step === 'wait') return this.#startSubs(pursuit)
      if (step === 'pause') return this.#pause(pursuit)
      if (step !== 'pass') pursuit.consumed = step
      if (step === 'fail') break
    }
    pursuit.arrival = undefined
    const next = pursuit.consumed
    if (next === 'done') return this.#conclude(pursuit)
    if (next !== 'produce') return this.#fail(pursuit)
    pursuit.phase = 'produce'
    return true
  }

  /** Goes on when others have had their turn. Of many that pause one goes on at a time: they would hold up everybody
   *  together as one of them would alone. */
  #pause(pursuit: Pursuit): false {
    this.counters.pauses++
    this.#watch(pursuit)
    this.#paused.push(pursuit)
    this.#resumeSoon()
    return false
  }

  #resumeSoon(): void {
    if (this.#resuming || this.#paused.length === 0) return
    this.#resuming = true
    this.#clock.soon(() => {
      this.#resuming = false
      const pursuit = this.#paused.shift() as Pursuit
      pursuit.request.ledger.noteTurn()
      this.#run(pursuit)
      this.#resumeSoon()
    })
  }

  // --- the network --------------------------------------------------------------------------------------------------

  #send(pursuit: Pursuit): boolean {
    const { request } = pursuit
    const query = request.query
    if (query === undefined) throw new Error('nothing was produced to be sent')
    for (const checkout of this.#hooks.checkout) {
      const step = checkout(request, query) ?? 'pass'
      if (step === 'fail') return this.#fail(pursuit)
      if (step === 'produce') return true
    }
    if (!request.ledger.charge('upstream-queries')) return this.#fail(pursuit)
    request.trace?.({ kind: 'query', depth: request.depth, query })
    this.#watch(pursuit)
    const leftMs = request.ledger.deadlineMs - this.#clock.monotonicMs()
    const timeoutMs = Math.max(1, Math.min(query.timeoutMs, leftMs))
    query.cutShort ||= timeoutMs < query.timeoutMs
    const asked = this.#exchanges.ask(query, timeoutMs, pursuit)
    query.server = asked.query.server // of who asked first; what the reply means to us is still our own question's matter
    pursuit.exchange = asked.exchange
    return false
  }

  #hear(pursuit: Pursuit, arrival: Arrival, octets: number): void {
    pursuit.exchange = undefined
    if (pursuit.phase === 'ended') return
    const { request } = pursuit
    if (!request.ledger.charge('received', octets)) {
      this.#fail(pursuit)
      return
    }
    if (arrival.kind === 'silence')
      request.trace?.({
        kind: 'arrival',
        depth: request.depth,
        query: request.query as never,
        arrival,
        finding: arrival.reason,
      })
    request.ledger.noteTurn()
    request.beginArrival()
    pursuit.arrival = arrival
    pursuit.consumed = 'pass'
    pursuit.next = 0
    pursuit.phase = 'consume'
    this.#run(pursuit)
  }

  /** From its first wait on, a client's request has an alarm: it ends in time even if something it waits for does not. */
  #watch(pursuit: Pursuit): void {
    if (pursuit.parent !== undefined || pursuit.timer !== undefined) return
    const { ledger } = pursuit.request
    pursuit.timer = this.#clock.after(Math.max(0, ledger.deadlineMs - this.#clock.monotonicMs()), () => {
      if (pursuit.phase === 'ended') return
      ledger.isLate(Number.POSITIVE_INFINITY)
      this.#fail(pursuit)
    })
    const { serveStale, limits } = this.settings
    if (serveStale === undefined || pursuit.request.background) return
    const waitedMs = this.#clock.monotonicMs() - (ledger.deadlineMs - limits.time)
    const leftMs = Math.max(0, serveStale.clientTimeoutMs - waitedMs)
    pursuit.patience = this.#clock.after(leftMs, () => this.#answerMeanwhile(pursuit))
  }

  /** The client has waited long enough: it gets an old answer, if there is one, while the request goes on for the cache's
   *  sake. RFC 8767 §5. */
  #answerMeanwhile(pursuit: Pursuit): void {
    const { request } = pursuit
    if (pursuit.phase === 'ended' || pursuit.phase === 'answer') return
    const { question, wishes, ledger, client, edns, trace, mustValidate } = request
    const old = new Request(question, wishes, ledger, { client, edns, trace }, mustValidate)
    old.view = request.view
    if (!this.#rescue(old)) return
    if (pursuit.leader !== undefined) {
      request.adopt(old)
      this.#conclude(pursuit)
      return
    }
    const meanwhile = new Pursuit(this.#stepper, old, undefined, pursuit.onEnd)
    meanwhile.phase = 'answer'
    meanwhile.isCounted = pursuit.isCounted
    pursuit.isCounted = false
    pursuit.onEnd = () => {}
    request.background = true
    this.#run(meanwhile)
  }

  /** Puts an old answer into a client's request that has none, if there is one. */
  #rescue(request: Request): boolean {
    const isClients = request.parent === undefined && !request.refresh
    if (this.settings.serveStale === undefined || !isClients || this.#closed) return false
    return this.#hooks.rescue.some((rescue) => rescue(request) === 'done')
  }

  // --- sub-requests and joining -------------------------------------------------------------------------------------

  /** Starts what need() asked for. True when something ended at once, so that the hook can be called again. */
  #startSubs(pursuit: Pursuit): boolean {
    const { request } = pursuit
    this.#watch(pursuit)
    const before = request.foundCount
    for (const { key, name, type, purpose } of request.takeWanted()) {
      this.counters.subRequests++
      const question = { name, type, class: Class.IN }
      const wishes = { rd: true, cd: request.wishes.cd, ad: false, do: true }
      // Addresses of servers need no proof: what the servers say does (RFC 4035 §5, and it would double the work).
      const mustValidate = purpose === 'proof' || (purpose === 'answer' && request.mustValidate)
      const sub = new Request(question, wishes, request.ledger, { parent: request, purpose }, mustValidate)
      const subPursuit = new Pursuit(this.#stepper, sub, pursuit, (ended) => {
        pursuit.subs?.delete(key)
        request.find(key, ended)
        if (pursuit.phase !== 'ended') this.#run(pursuit)
      })
      request.expect(key)
      pursuit.subs ??= new Map()
      pursuit.subs.set(key, subPursuit)
      if (request.ledger.reach('depth', sub.depth)) this.#run(subPursuit)
      else this.#fail(subPursuit)
    }
    if (request.foundCount > before) return true
    if (!request.isExpecting) throw new Error('waiting for nothing')
    return false
  }

  /** Makes this request wait for an identical one in flight. False: it leads, and others may join it. */
  #join(pursuit: Pursuit): boolean {
    if (pursuit.leads) return false
    const { request } = pursuit
    let leader = this.#leaders.first(pursuit.hash)
    while (leader !== undefined && !leader.request.isFor(request)) leader = leader.nextFiled
    if (leader === undefined) {
      if (request.parent === undefined && this.#leaders.size >= this.settings.maxRecursions) {
        this.counters.refusedRecursions++ // what the cache answers never comes here
        request.addEde(Ede.OTHER, 'too many questions wait for other servers')
        this.#fail(pursuit)
        return true
      }
      this.#leaders.add(pursuit)
      pursuit.leads = true
      return false
    }
    request.takeWanted()
    if (leader.request.background && this.#rescue(request)) {
      this.#conclude(pursuit) // who asked first has waited in vain
    } else if (waitsFor(leader, pursuit)) {
      request.addEde(Ede.OTHER, `${nameToText(request.qname)} ${typeText(request.qtype)} depends on itself`)
      this.#fail(pursuit)
    } else if (leader.followers.length >= this.settings.maxJoined) {
      this.counters.refusedJoins++
      request.addEde(Ede.OTHER, 'too many clients wait for the same answer')
      this.#fail(pursuit)
    } else {
      this.counters.joined++
      if (leader.followers === NOBODY) leader.followers = []
      leader.followers.push(pursuit)
      pursuit.leader = leader
      this.#watch(pursuit)
    }
    return true
  }

  // --- the end ------------------------------------------------------------------------------------------------------

  #fail(pursuit: Pursuit): boolean {
    if (pursuit.phase === 'ended') return false
    const { request } = pursuit
    const { exceeded, mode } = request.ledger
    if (exceeded !== undefined && (mode === 'enforce' || exceeded === 'time'))
      request.addEde(Ede.OTHER, `limit on ${exceeded} reached`)
    failed(request)
    if (request.source !== 'cache') request.source = 'failure'
    this.counters.failures++
    if (pursuit.phase === 'answer') return this.#end(pursuit)
    this.#rescue(request)
    return this.#conclude(pursuit)
  }

  /** The outcome stands. Identical requests share it; what is made of it for a client is each client's own. */
  #conclude(pursuit: Pursuit): boolean {
    const { request, followers } = pursuit
    pursuit.exchange?.cancel()
    if (pursuit.leads) this.#leaders.remove(pursuit)
    pursuit.leads = false
    if (pursuit.leader !== undefined) remove(pursuit.leader.followers, pursuit)
    pursuit.leader = undefined
    pursuit.followers = NOBODY
    pursuit.phase = 'answer'
    pursuit.next = 0
    for (const follower of followers) this.#release(follower, request)
    if (pursuit.parent !== undefined) return this.#end(pursuit)
    if (!pursuit.running) this.#run(pursuit)
    return true
  }

  /** The answer hooks, up the list. */
  #answer(pursuit: Pursuit): boolean {
    const { request } = pursuit
    try {
      const { answer } = this.#hooks
      while (pursuit.next < answer.length) {
        const step = answer[pursuit.next](request) ?? 'pass'
        if (step === 'wait') {
          if (this.#startSubs(pursuit)) continue
          return false
        }
        if (step === 'fail') failed(request)
        pursuit.next++
      }
    } catch (error) {
      this.#fault(request, error)
      failed(request)
    }
    return this.#end(pursuit)
  }

  #end(pursuit: Pursuit): false {
    const { request } = pursuit
    if (pursuit.phase === 'ended') return false
    pursuit.phase = 'ended'
    pursuit.timer?.cancel()
    pursuit.patience?.cancel()
    try {
      for (const finish of this.#hooks.finish) finish(request)
    } catch (error) {
      this.#fault(request, error)
    }
    request.trace?.({ kind: 'answer', depth: request.depth, request })
    if (pursuit.isCounted) this.#inFlight--
    try {
      pursuit.onEnd(request)
    } catch (error) {
      this.#fault(request, error)
    }
    if (this.#inFlight === 0) this.#drained?.()
    return false
  }

  /** What a leader found is its followers' answer too; but where only its budget ran out, they try by themselves. */
  #release(follower: Pursuit, outcome: Request): void {
    if (follower.phase === 'ended') return
    follower.leader = undefined
    if (outcome.rcode === Rcode.SERVFAIL && outcome.ledger.exceeded !== undefined && outcome.parent !== undefined) {
      this.#run(follower)
      return
    }
    follower.request.adopt(outcome)
    if (outcome.rcode === Rcode.SERVFAIL) this.#rescue(follower.request)
    this.#conclude(follower)
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
  #fault(request: Request | undefined, error: unknown): void {
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

/** Whether `leader` cannot end before `pursuit`, or one it serves, does: to wait for it would be for ever. */
function waitsFor(leader: Pursuit, pursuit: Pursuit): boolean {
  const lineage = new Set<Pursuit>()
  for (let p: Pursuit | undefined = pursuit; p !== undefined; p = p.parent) lineage.add(p)
  const seen = new Set<Pursuit>()
  const open = [leader]
  for (let p = open.pop(); p !== undefined; p = open.pop()) {
    if (lineage.has(p)) return true
    if (seen.has(p)) continue
    seen.add(p)
    if (p.subs !== undefined) open.push(...p.subs.values())
    if (p.leader !== undefined) open.push(p.leader)
  }
  return false
}

/** SERVFAIL, and nothing else. */
function failed(request: Request): void {
  request.rcode = Rcode.SERVFAIL
  request.answer = []
  request.authority = []
  request.additional = []
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item)
  if (at >= 0) list.splice(at, 1)
}
