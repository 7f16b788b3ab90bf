/** What is the next step of a request, and when is it over? Each is taken through the hooks of the layers, to the network
 *  and back, waits for its sub-requests and for who asked the same first, and ends exactly once, in time and within its
 *  budget. Layers decide what; this decides when. */

import type { Clock } from '../io/interfaces.ts'
import { type Arrival, Request, type Step } from '../request.ts'
import type { Settings } from '../settings.ts'
import type { Exchanges } from '../upstream/exchange.ts'
import { Ede, Rcode } from '../wire/types.ts'
import type { CoreCounters } from './counters.ts'
import type { Hooks } from './hooks.ts'
import { Joining, type Waiting } from './joining.ts'
import { Pursuit, type Runner } from './pursuit.ts'
import { subRequest } from './sub-requests.ts'
import { Turns } from './turns.ts'

export interface StepperOptions {
  hooks: Hooks
  exchanges: Pick<Exchanges, 'ask'>
  clock: Clock
  settings: Settings
  counters: CoreCounters
  /** Told of mistakes of ours. The request pays, and nobody else. */
  onFault: (error: unknown, request: Request) => void
}

/** Steps of one request before we call it a loop of our own making. */
const MAX_STEPS = 2000

export class Stepper implements Runner {
  /** Called whenever nobody outside waits for an answer any more. */
  onIdle: (() => void) | undefined = undefined
  readonly #hooks: Hooks
  readonly #exchanges: Pick<Exchanges, 'ask'>
  readonly #clock: Clock
  readonly #settings: Settings
  readonly #counters: CoreCounters
  readonly #onFault: StepperOptions['onFault']
  readonly #joining: Joining
  readonly #turns: Turns
  #inFlight = 0
  #closed = false

  constructor(options: StepperOptions) {
    this.#hooks = options.hooks
    this.#exchanges = options.exchanges
    this.#clock = options.clock
    this.#settings = options.settings
    this.#counters = options.counters
    this.#onFault = options.onFault
    this.#joining = new Joining(options.settings, options.counters)
    this.#turns = new Turns(options.clock, this)
  }

  /** Requests begun from outside that have no answer yet. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** As Joining.waiting(). */
  waiting(limit: number): Waiting[] {
    return this.#joining.waiting(limit)
  }

  /** Takes a new request up; `onEnd` is called exactly once, perhaps before this returns. */
  begin(request: Request, onEnd: (request: Request) => void): void {
    this.#inFlight++
    const pursuit = new Pursuit(this, request, undefined, onEnd)
    pursuit.isCounted = true
    this.run(pursuit)
  }

  /** Ends what is under way with SERVFAIL, and whatever comes and needs more than the layers' first word. */
  close(): void {
    this.#closed = true
    for (const leader of this.#joining.leaders()) {
      leader.request.addEde(Ede.NOT_READY, 'shutting down')
      this.#fail(leader)
    }
  }

  // --- step by step -------------------------------------------------------------------------------------------------

  run(pursuit: Pursuit): void {
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
      this.#onFault(error, pursuit.request)
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

  /** Up the list: what is made of the outcome for this client. */
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
      this.#onFault(error, request)
      failed(request)
    }
    return this.#end(pursuit)
  }

  // --- waiting for others -------------------------------------------------------------------------------------------

  /** Goes on when others have had their turn. */
  #pause(pursuit: Pursuit): false {
    this.#counters.pauses++
    this.#watch(pursuit)
    this.#turns.pause(pursuit)
    return false
  }

  /** Starts what need() asked for. True when something ended at once, so that the hook can be called again. */
  #startSubs(pursuit: Pursuit): boolean {
    const { request } = pursuit
    this.#watch(pursuit)
    const before = request.foundCount
    for (const wanted of request.takeWanted()) {
      this.#counters.subRequests++
      const { key } = wanted
      const sub = subRequest(request, wanted)
      const subPursuit = new Pursuit(this, sub, pursuit, (ended) => {
        pursuit.subs?.delete(key)
        request.find(key, ended)
        if (pursuit.phase !== 'ended') this.run(pursuit)
      })
      request.expect(key)
      pursuit.subs ??= new Map()
      pursuit.subs.set(key, subPursuit)
      if (request.ledger.reach('depth', sub.depth)) this.run(subPursuit)
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
    const leader = this.#joining.leaderFor(pursuit)
    if (leader === undefined) {
      if (this.#joining.lead(pursuit)) return false
      this.#fail(pursuit)
      return true
    }
    request.takeWanted() // that is the leader's concern
    if (leader.request.background && this.#rescue(request))
      this.#conclude(pursuit) // who asked first has waited in vain
    else if (this.#joining.follow(pursuit, leader)) this.#watch(pursuit)
    else this.#fail(pursuit)
    return true
  }

  /** What a leader found is its followers' answer too; but where only its budget ran out, they try by themselves. */
  #release(follower: Pursuit, outcome: Request): void {
    if (follower.phase === 'ended') return
    follower.leader = undefined
    if (outcome.rcode === Rcode.SERVFAIL && outcome.ledger.exceeded !== undefined && outcome.parent !== undefined) {
      this.run(follower)
      return
    }
    follower.request.adopt(outcome)
    if (outcome.rcode === Rcode.SERVFAIL) this.#rescue(follower.request)
    this.#conclude(follower)
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

  hear(pursuit: Pursuit, arrival: Arrival, octets: number): void {
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
    this.run(pursuit)
  }

  // --- in time ------------------------------------------------------------------------------------------------------

  /** From its first wait on, a client's request has an alarm: it ends in time even if something it waits for does not. */
  #watch(pursuit: Pursuit): void {
    if (pursuit.parent !== undefined || pursuit.timer !== undefined) return
    const { ledger } = pursuit.request
    pursuit.timer = this.#clock.after(Math.max(0, ledger.deadlineMs - this.#clock.monotonicMs()), () => {
      if (pursuit.phase === 'ended') return
      ledger.isLate(Number.POSITIVE_INFINITY)
      this.#fail(pursuit)
    })
    const { serveStale, limits } = this.#settings
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
    const meanwhile = new Pursuit(this, old, undefined, pursuit.onEnd)
    meanwhile.phase = 'answer'
    meanwhile.isCounted = pursuit.isCounted
    pursuit.isCounted = false
    pursuit.onEnd = () => {}
    request.background = true
    this.run(meanwhile)
  }

  /** Puts an old answer into a client's request that has none, if there is one. */
  #rescue(request: Request): boolean {
    const isClients = request.parent === undefined && !request.refresh
    if (this.#settings.serveStale === undefined || !isClients || this.#closed) return false
    return this.#hooks.rescue.some((rescue) => rescue(request) === 'done')
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
    this.#counters.failures++
    if (pursuit.phase === 'answer') return this.#end(pursuit)
    this.#rescue(request)
    return this.#conclude(pursuit)
  }

  /** The outcome stands. Identical requests share it; what is made of it for a client is each client's own. */
  #conclude(pursuit: Pursuit): boolean {
    pursuit.exchange?.cancel()
    const followers = this.#joining.leave(pursuit)
    pursuit.phase = 'answer'
    pursuit.next = 0
    for (const follower of followers) this.#release(follower, pursuit.request)
    if (pursuit.parent !== undefined) return this.#end(pursuit)
    if (!pursuit.running) this.run(pursuit)
    return true
  }

  #end(pursuit: Pursuit): false {
    const { request } = pursuit
    if (pursuit.phase === 'ended') return false
    pursuit.phase = 'ended'
    this.#counters.loops += request.loops
    pursuit.timer?.cancel()
    pursuit.patience?.cancel()
    try {
      for (const finish of this.#hooks.finish) finish(request)
    } catch (error) {
      this.#onFault(error, request)
    }
    request.trace?.({ kind: 'answer', depth: request.depth, request })
    if (pursuit.isCounted) this.#inFlight--
    try {
      pursuit.onEnd(request)
    } catch (error) {
      this.#onFault(error, request)
    }
    if (this.#inFlight === 0) this.onIdle?.()
    return false
  }
}

/** SERVFAIL, and nothing else. */
function failed(request: Request): void {
  request.rcode = Rcode.SERVFAIL
  request.answer = []
  request.authority = []
  request.additional = []
}
