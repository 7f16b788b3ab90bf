/** The iterator: from the root down, which server is asked what next? RFC 1034 §5.3.3, RFC 9156 (minimisation), RFC 9609
 *  (priming). What a reply says is found by classify.ts; accept.ts makes an answer of it, troubles.ts another try. */

import type { Cache, Delegation } from '../cache/cache.ts'
import { nsecHas, readNsec } from '../dnssec/nsec.ts'
import type { ServerAddress } from '../io/address.ts'
import type { Clock, Random } from '../io/interfaces.ts'
import type { RuleHits } from '../metrics/rule-hits.ts'
import type { Arrival, Iteration, Layer, Query, Request, Step } from '../request.ts'
import type { ForwardRule, Settings } from '../settings.ts'
import type { ForbiddenOptions } from '../upstream/forbidden.ts'
import type { Servers } from '../upstream/servers.ts'
import { Tries } from '../upstream/tries.ts'
import {
  ancestorWith,
  countLabels,
  equalNames,
  isAtOrBelow,
  isBelow,
  type Name,
  nameToText,
  ROOT,
} from '../wire/name.ts'
import type { RRset } from '../wire/rrset.ts'
import { Ede, Type } from '../wire/types.ts'
import { acceptAnswer, acceptDenial, acceptOverflow, followAlias, learnDenial, learned } from './accept.ts'
import { classifyReply, type Finding, findingText } from './classify.ts'
import { Fallback } from './fallback.ts'
import { Forwards } from './forwards.ts'
import type { IteratorCounters } from './iterator-counters.ts'
import { labelsToReveal } from './minimise.ts'
import { MAX_TRIES_PER_ADDRESS, Troubles } from './troubles.ts'
import {
  type CutOptions,
  delegationFrom,
  enterCut,
  enterRule,
  gatherAddresses,
  glueAnswer,
  hintedRoot,
} from './zone-cut.ts'

/** Address look-ups under way at once for one delegation. */
const LOOKUPS_AT_ONCE = 2
/** Queries at one cut; with more servers than that failing, the zone is broken. */
const MAX_TRIES_PER_CUT = 16
/** A forwarder has to ask others before it can answer. */
const FORWARDER_WISH = { minTimeoutMs: 1500 }
const NO_WISH = {}

export interface IteratorOptions {
  cache: Cache
  servers: Servers
  clock: Clock
  random: Random
  settings: Settings
  forbidden: ForbiddenOptions
  counters: IteratorCounters
  ruleHits?: RuleHits | undefined
}

export function createIterator(options: IteratorOptions): Layer {
  return new Iterator(options)
}

class Iterator implements Layer {
  readonly name = 'iterator'
  readonly #cache: Cache
  readonly #servers: Servers
  readonly #clock: Clock
  readonly #settings: Settings
  readonly #counters: IteratorCounters
  readonly #ruleHits: RuleHits | undefined
  readonly #cutOptions: CutOptions
  readonly #hints: Delegation
  readonly #forwards: Forwards
  readonly #fallback: Fallback
  readonly #troubles: Troubles

  constructor(options: IteratorOptions) {
    this.#cache = options.cache
    this.#servers = options.servers
    this.#clock = options.clock
    this.#settings = options.settings
    this.#counters = options.counters
    this.#ruleHits = options.ruleHits
    this.#cutOptions = options
    this.#hints = hintedRoot(options.settings.rootHints)
    this.#forwards = new Forwards(options.settings.forward)
    this.#fallback = new Fallback(options.settings.fallback, options.clock)
    this.#troubles = new Troubles(options.servers)
  }

  /** Chooses name, type and server of the next query; or waits for servers' addresses. */
  produce(request: Request): Step {
    if (request.iteration === undefined && !this.#start(request)) return 'wait' // for the root to be primed
    if (this.#fallback.isOverdue(request)) this.#enterRule(request, this.#fallback.rule as ForwardRule)
    const iteration = request.iteration as Iteration
    if (request.purpose === 'server-address' && this.#answerByGlue(request, iteration)) return 'done'
    if (!gatherAddresses(request, iteration, this.#cutOptions)) return this.#overBudget(request)

    const untried = iteration.candidates.some((address) => !iteration.tried.has(address.key))
    if (iteration.retry === undefined && !untried && iteration.lookups.length > 0 && this.#lookUp(request, iteration))
      return 'wait'
    return this.#choose(request, iteration) ? 'consume' : this.#giveUp(request, iteration)
  }

  /** Makes of a reply, or of silence, the next step. */
  consume(request: Request, query: Query, arrival: Arrival): Step {
    const iteration = request.iteration as Iteration
    if (arrival.kind === 'silence') return this.#troubles.hearSilence(iteration, query, arrival.reason)
    const { reply, rttMs } = arrival
    this.#servers.learn(query.server, {
      kind: 'reply',
      rttMs,
      protocol: query.protocol,
      rcode: reply.rcode,
      edns: query.edns,
    })
    const finding = classifyReply(query, reply, isForwarded(iteration))
    request.trace?.({ kind: 'arrival', depth: request.depth, query, arrival, finding: findingText(finding) })
    request.learnedLeaseMs = iteration.cut.leaseUntilMs
    if (query.minimised) return this.#consumeMinimised(request, iteration, query, finding)
    switch (finding.kind) {
      case 'answer':
        return this.#acceptAnswer(request, finding, reply.additional)
      case 'alias':
        return followAlias(request, finding)
      case 'too-long':
        return acceptOverflow(request, finding.chain)
      case 'referral':
        return this.#descend(request, iteration, finding)
      case 'denial':
        return acceptDenial(request, finding)
      case 'lame':
        return this.#troubles.hearLame(request, iteration, query, finding) ?? this.consume(request, query, arrival)
      case 'error':
        return this.#troubles.hearError(iteration, query, finding)
      case 'truncated':
        return this.#troubles.hearTruncated(iteration, query)
      default:
        return unreachable(finding)
    }
  }

  // --- where to ask -------------------------------------------------------------------------------------------------

  /** Goes to the deepest known cut for the name pursued. False while the root's servers are being asked for. */
  #start(request: Request): boolean {
    const cut = request.purpose === 'priming' ? this.#hints : this.#startingCut(request)
    if (cut === undefined) return false
    if ('servers' in cut) this.#enterRule(request, cut)
    else this.#enter(request, cut, true)
    return true
  }

  #startingCut(request: Request): Delegation | ForwardRule | undefined {
    // DS lives on the parent's side of the cut, RFC 4035 §3.1.4.1.
    const side = request.qtype === Type.DS && request.sname.length > 1 ? 'strictly-above' : 'at-or-above'
    const known = this.#knownCut(request.sname, side)
    if (known !== undefined) return known
    if (!this.#settings.priming || request.isAfter(ROOT, Type.NS)) return this.#hints
    if (request.need(ROOT, Type.NS, 'priming') === undefined) return undefined
    return this.#cache.closestDelegation(request.sname, side) ?? this.#hints // RFC 9609 §3: primed, or the hints have to do
  }

  /** The operator's word, or the cut learned last. Below a zone whose servers the operator has named, its own word on
   *  deeper cuts counts; a forwarder's subtree has none. */
  #knownCut(name: Name, side: 'at-or-above' | 'strictly-above'): Delegation | ForwardRule | undefined {
    const rule = this.#forwards.find(name, side)
    if (rule !== undefined && !rule.authoritative) return rule
    const learned = this.#cache.closestDelegation(name, side)
    return rule === undefined || (learned !== undefined && isBelow(learned.zone, rule.subtree)) ? learned : rule
  }

  #enterRule(request: Request, rule: ForwardRule): void {
    const isFallback = rule === this.#fallback.rule
    if (isFallback) request.addEde(Ede.OTHER, 'asked a fallback server')
    request.iteration = enterRule(rule, this.#cutOptions)
    if (!isFallback)
      this.#ruleHits?.count(`forward/${nameToText(rule.subtree)}`, rule.authoritative ? 'stub' : 'forward')
    request.source = isFallback ? 'fallback' : rule.authoritative ? 'recursion' : 'forward'
    this.#traceCut(request, request.iteration)
  }

  #enter(request: Request, cut: Delegation, remembered: boolean): void {
    request.iteration = enterCut(cut, remembered, this.#clock.wallMs(), this.#cutOptions)
    request.source = 'recursion'
    const { minimize } = request.view?.options ?? {}
    if (minimize !== undefined) request.iteration.minimise = minimize
    this.#traceCut(request, request.iteration)
  }

  #traceCut({ trace, depth, sname }: Request, { cut, candidates }: Iteration): void {
    trace?.({ kind: 'cut', depth, sname, zoneCut: cut.zone, servers: candidates.length })
  }

  /** Unless `strict` wants the zone's own word, glue is good enough to find a server by. */
  #answerByGlue(request: Request, { cut }: Iteration): boolean {
    if (this.#settings.glueChecking === 'strict') return false
    const glue = glueAnswer(cut, request.sname, request.qtype, this.#clock.wallMs())
    if (glue !== undefined) request.answer.push(glue)
    return glue !== undefined
  }

  /** Starts look-ups of server addresses. False when there is none left that may be started or is under way. */
  #lookUp(request: Request, iteration: Iteration): boolean {
    let underWay = iteration.lookups.filter(({ name, type }) => request.isPending(name, type)).length
    for (const { name, type } of iteration.lookups) {
      if (underWay >= LOOKUPS_AT_ONCE) break
      if (request.isPending(name, type)) continue
      if (request.isAfter(name, type)) {
        // Its address is what we are looking for already: a cyclic delegation.
        request.loops++
        iteration.lookups = iteration.lookups.filter((lookup) => lookup.name !== name || lookup.type !== type)
        iteration.troubles.push(`${nameToText(name)} depends on itself`)
        continue
      }
      if (!request.ledger.charge('address-lookups')) return underWay > 0
      request.trace?.({ kind: 'lookup', depth: request.depth, name, type })
      request.need(name, type, 'server-address')
      underWay++
    }
    return underWay > 0
  }

  #choose(request: Request, iteration: Iteration): boolean {
    const { retry, tried } = iteration
    iteration.retry = undefined
    const [qname, qtype] = this.#nextQuestion(request, iteration)
    const minimised = qname !== request.sname
    if (retry === undefined && iteration.spent >= MAX_TRIES_PER_CUT) return false
    const isHopeful = (address: ServerAddress) => (tried.get(address.key) ?? 0) < MAX_TRIES_PER_ADDRESS
    const hopeful = tried.size === 0 ? iteration.candidates : iteration.candidates.filter(isHopeful)
    const forwarder = isForwarder(iteration)
    const wish = forwarder ? FORWARDER_WISH : NO_WISH
    let choice =
      retry === undefined
        ? this.#servers.choose(hopeful, tried, wish)
        : (this.#servers.choose([retry.server], new Tries(), { ...wish, tcp: retry.tcp }) ??
          this.#servers.choose(hopeful, tried, wish))
    if (choice !== undefined && choice.protocol === 'udp' && isTcpOnly(iteration, choice.address))
      choice = this.#servers.choose([choice.address], new Tries(), { ...wish, tcp: true })
    if (choice === undefined) return false
    const { address: server, protocol, edns, mixCase } = choice
    const patienceMs = this.#fallback.patienceMs(request)
    if (retry === undefined) tried.set(server.key, (tried.get(server.key) ?? 0) + 1)
    iteration.spent++
    if (minimised) {
      request.minimisedQueries++
      this.#counters.minimised++
    }
    this.#countRetry(iteration)
    request.query = {
      qname,
      qtype,
      server,
      protocol,
      timeoutMs: Math.min(choice.timeoutMs, patienceMs),
      edns,
      mixCase: mixCase && this.#settings.caseRandomization && !this.#isSparedMixedCase(qname),
      zoneCut: iteration.cut.zone,
      minimised,
      cutShort: patienceMs < choice.timeoutMs,
      recursionDesired: forwarder,
      checkingDisabled: forwarder && (request.wishes.cd || (request.mustValidate && iteration.rule?.dnssec === true)),
      options: undefined,
    }
    return true
  }

  #countRetry(iteration: Iteration): void {
    const { setback } = iteration
    if (setback === undefined) return
    const { retries } = this.#counters
    retries[setback] = (retries[setback] ?? 0) + 1
    iteration.setback = undefined
  }

  /** The name to show to this cut's servers and the type to ask for; what the cache knows of the way down is skipped. */
  #nextQuestion(request: Request, iteration: Iteration): [Name, number] {
    const { sname, qtype } = request
    const total = countLabels(sname)
    while (iteration.minimise) {
      const labels = labelsToReveal(sname, iteration.revealed, request.minimisedQueries)
      if (labels >= total) break
      const shortened = ancestorWith(sname, labels)
      if (this.#cache.lookup(shortened, this.#settings.minimiseType) === undefined)
        return [shortened, this.#settings.minimiseType]
      iteration.revealed = labels
    }
    return [sname, qtype]
  }

  #isSparedMixedCase(qname: Name): boolean {
    return this.#settings.sparedMixedCase.some((zone) => isAtOrBelow(qname, zone))
  }

  #overBudget(request: Request): Step {
    return request.failWith(Ede.OTHER, 'too many of the servers of a delegation have no address')
  }

  /** No server of this cut helps. A remembered cut may have moved since, or its glue have expired: the parent is asked
   *  once more before the request fails. */
  #giveUp(request: Request, iteration: Iteration): Step {
    if (iteration.remembered && iteration.cut.zone.length > 1) {
      const parent = this.#knownCut(iteration.cut.zone, 'strictly-above') ?? this.#hints
      if ('servers' in parent) this.#enterRule(request, parent)
      else this.#enter(request, parent, false)
      return 'produce'
    }
    if (this.#fallback.mayHelp(request)) {
      this.#enterRule(request, this.#fallback.rule as ForwardRule)
      return 'produce'
    }
    const zone = nameToText(iteration.cut.zone)
    const troubles = firstFew(iteration.troubles)
    const silences = firstFew(iteration.silences)
    const none = troubles === '' && silences === '' ? 'no server has an address' : troubles
    request.addEde(Ede.NO_REACHABLE_AUTHORITY, `${zone} ${none}`.trimEnd())
    if (silences !== '') request.addEde(Ede.NETWORK_ERROR, silences)
    return 'fail'
  }

  // --- what a reply means -------------------------------------------------------------------------------------------

  /** A shortened name only tells the way: at a cut we descend, anything else lets us show one label more. */
  #consumeMinimised(request: Request, iteration: Iteration, query: Query, finding: Finding): Step {
    switch (finding.kind) {
      case 'referral':
        return this.#descend(request, iteration, finding)
      case 'truncated':
        return this.#troubles.hearTruncated(iteration, query)
      case 'answer':
        request.learned.push(learned(finding.rrset, finding.authoritative))
        break
      case 'denial':
        // Some servers deny empty non-terminals (against RFC 8020), or say nothing about them, not even in a SOA: what
        // they think of the whole name is all there is to learn from them.
        if (finding.denial === 'nxdomain' || finding.soa === undefined || showsDname(finding, query.qname))
          this.#showWholeName(iteration)
        else if (finding.chain.length === 0) learnDenial(request, finding, query.qtype)
        break
      case 'alias':
      case 'too-long':
        break
      case 'lame':
      case 'error':
        iteration.troubles.push(`${query.server.hostText} ${findingText(finding)} for ${nameToText(query.qname)}`)
        this.#showWholeName(iteration) // RFC 9156 §2.3: broken servers get it
        iteration.tried.delete(query.server.key)
        if (finding.kind === 'error' && finding.plain) return this.#troubles.hearError(iteration, query, finding)
        break
      default:
        return unreachable(finding)
    }
    iteration.revealed = countLabels(query.qname)
    // The server has proven useful, and so may be asked again.
    iteration.tried.delete(query.server.key)
    iteration.spent--
    return 'produce'
  }

  #showWholeName(iteration: Iteration): void {
    iteration.minimise = false
    this.#counters.minimisingGivenUp++
  }

  #acceptAnswer(request: Request, finding: Finding & { kind: 'answer' }, additional: RRset[]): Step {
    const step = acceptAnswer(request, finding)
    const stands = request.answer.at(-1) === finding.rrset
    if (request.purpose === 'priming' && stands) this.#acceptPriming(request, finding.rrset, additional)
    return step
  }

  /** The root's own word on its servers replaces the hints, RFC 9609 §4. */
  #acceptPriming(request: Request, nsSet: RRset, additional: RRset[]): void {
    const root = delegationFrom(ROOT, nsSet, additional, this.#hints, 'permissive', this.#clock.wallMs())
    if (root.nameservers.some((server) => server.addresses.length > 0)) request.learnedDelegation = root
  }

  /** One zone cut further down, RFC 1034 §5.3.3 step 4b. */
  #descend(request: Request, iteration: Iteration, finding: Finding & { kind: 'referral' }): Step {
    const { zone, nsSet, glue, proofs } = finding
    const { glueChecking } = this.#settings
    const delegation = delegationFrom(zone, nsSet, glue, iteration.cut, glueChecking, this.#clock.wallMs())
    for (const set of proofs) if (set.type === Type.DS) request.learned.push(learned(set, false))
    request.learnedDelegation = delegation
    this.#enter(request, delegation, false)
    return 'produce'
  }
}

/** The servers resolve for us. */
function isForwarder({ rule }: Iteration): boolean {
  return rule !== undefined && !rule.authoritative
}

/** Their answers need no authority. */
function isForwarded(iteration: Iteration): boolean {
  return iteration.lastResort || isForwarder(iteration)
}

function isTcpOnly({ rule }: Iteration, server: ServerAddress): boolean {
  return rule?.servers.some(({ address, tcp }) => tcp && address.key === server.key) ?? false
}

/** Whether the proof of a denial shows a DNAME at the name: there are no cuts below it to look for. */
function showsDname({ proofs }: Finding & { kind: 'denial' }, name: Name): boolean {
  return proofs.some((set) => {
    if (set.type !== Type.NSEC || !equalNames(set.owner, name)) return false
    const nsec = readNsec(set, ROOT)
    return nsec !== undefined && nsecHas(nsec, Type.DNAME)
  })
}

/** Some of what went wrong, each once: one line for people. */
function firstFew(reasons: readonly string[]): string {
  return [...new Set(reasons)].slice(0, 3).join(', ')
}

function unreachable(finding: never): never {
  throw new Error(`unknown finding ${JSON.stringify(finding)}`)
}
