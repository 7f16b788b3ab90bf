/** The cache layer: what is known already is not asked again, and what replies teach is kept. RFC 1034 §5.3.3 step 1,
 *  RFC 2181 §5.4.1, RFC 2308 §5, RFC 8020 (nothing is below a name that does not exist), RFC 8198 (what proofs say of
 *  other names), RFC 9520 (failures). */

import type { Cache, CacheEntry } from '../cache/cache.ts'
import { isValidationFailure } from '../dnssec/verdict.ts'
import type { Layer, Request, Step } from '../request.ts'
import { replaceSuffix } from '../wire/name.ts'
import { cnameTarget, type RRset } from '../wire/rrset.ts'
import { Ede, Rcode, Type } from '../wire/types.ts'
import { aliasLoop, hasAlias, tooManyAliases } from './aliases.ts'
import type { CacheCounters } from './cache-counters.ts'
import { synthesised } from './classify.ts'
import { deniedAbove, keepProofs, keepWildcard, synthesise } from './denial-synthesis.ts'
import type { Forwards } from './forwards.ts'
import { Prefetch } from './prefetch.ts'
import { showProofs } from './proofs.ts'
import { isGoodEnough, recall, type StaleOptions } from './recall.ts'

export interface CacheLayerOptions {
  cache: Cache
  /** Deny names by what is proven of their neighbours. */
  aggressive: boolean
  /** Give old answers: up to so old, with this TTL. Undefined: never. */
  stale: StaleOptions | undefined
  /** Where questions go elsewhere than to the zones' own servers. */
  forwards: Forwards
  /** Ask again for what is asked for often, before its time is over. */
  prefetch: boolean
  counters: CacheCounters
}

export function createCacheLayer(options: CacheLayerOptions): Layer {
  const { cache, counters } = options
  const prefetch = options.prefetch ? new Prefetch(cache, counters) : undefined
  return {
    name: 'cache',
    attach: (driver) => prefetch?.attach(driver),
    produce(request) {
      if (request.purpose === 'priming' || request.iteration !== undefined) return 'pass' // already under way
      if (request.refresh && request.sname === request.qname) return 'pass'
      const step = lookUp(options, request, prefetch)
      if (step === 'pass') counters.misses++
      else if (step !== 'produce') counters.hits++
      return step
    },
    consume: (request) => keep(options, request),
    rescue: (request) => rescue(options, request),
    finish: (request) => keepFailure(cache, request),
  }
}

/** What is known of `sname`: an answer, a denial, a failure, or an alias, whose target is looked for next. */
function lookUp(options: CacheLayerOptions, request: Request, prefetch: Prefetch | undefined): Step {
  const { cache } = options
  const { sname, qtype } = request
  const entry = cache.lookup(sname, qtype)
  if (entry !== undefined && isGoodEnough(entry, request)) {
    prefetch?.note(request, entry)
    return give(request, entry)
  }
  const alias = cachedAlias(cache, request)
  if (alias === undefined) {
    const nameError = cache.lookupNxdomain(sname)
    if (nameError !== undefined && isGoodEnough(nameError, request)) return give(request, nameError)
    return inferred(options, request) ?? cachedFailure(cache, request)
  }
  return followAlias(request, alias)
}

function followAlias(request: Request, alias: Alias): Step {
  const { sname, qtype } = request
  if (hasAlias(request.answer, { owner: sname, type: Type.CNAME })) return aliasLoop(request, sname)
  // One DNAME may serve several names of a chain; it is shown once.
  request.answer.push(...alias.records.filter((set) => !hasAlias(request.answer, set)))
  if (alias.target === undefined) {
    request.rcode = Rcode.YXDOMAIN
    request.source = 'cache'
    return 'done'
  }
  if (qtype === Type.CNAME) {
    request.source = 'cache' // a DNAME's alias is the answer
    return 'done'
  }
  if (!request.ledger.charge('aliases')) return tooManyAliases(request)
  request.trace?.({ kind: 'alias', depth: request.depth, target: alias.target })
  request.sname = alias.target
  return 'produce'
}

/** What follows from proofs that came with other answers. */
function inferred(options: CacheLayerOptions, request: Request): Step | undefined {
  const { cache, counters, aggressive } = options
  const side = request.qtype === Type.DS ? 'strictly-above' : 'at-or-above'
  const boundary = options.forwards.boundary(request.sname, side)
  const found = (aggressive ? synthesise(cache, request, boundary) : undefined) ?? deniedAbove(cache, request, boundary)
  if (found === undefined) return undefined
  request.judge('secure')
  request.source = 'cache'
  if (found.kind !== 'wildcard') {
    if (found.kind === 'nxdomain') request.rcode = Rcode.NXDOMAIN
    counters[found.kind === 'nxdomain' ? 'synthesisedNxdomain' : 'synthesisedNodata']++
    request.authority.push(...found.authority)
    return 'done'
  }
  counters.synthesisedWildcard++
  const { rrset, proofs } = found
  showProofs(request, proofs)
  if (rrset.type === Type.CNAME && request.qtype !== Type.CNAME)
    return followAlias(request, { records: [rrset], target: cnameTarget(rrset.rdatas[0]) })
  request.answer.push(rrset)
  return 'done'
}

function give(request: Request, entry: CacheEntry): Step {
  request.judge(entry.security)
  if (entry.kind === 'rrset') {
    request.answer.push(entry.rrset)
    showProofs(request, entry.proofs)
  } else {
    if (entry.kind === 'nxdomain') request.rcode = Rcode.NXDOMAIN
    request.authority.push(...entry.authority)
  }
  request.source = 'cache'
  return 'done'
}

interface Alias {
  records: RRset[]
  target: Uint8Array | undefined
}

/** A known CNAME at `sname`, or a DNAME at one of its ancestors (RFC 6672 §3.3). */
function cachedAlias(cache: Cache, request: Request): Alias | undefined {
  const { sname } = request
  const cname = request.qtype === Type.CNAME ? undefined : cache.lookupAlias(sname)
  if (cname?.kind === 'rrset' && isGoodEnough(cname, request)) {
    request.judge(cname.security)
    showProofs(request, cname.proofs)
    return { records: [cname.rrset], target: cnameTarget(cname.rrset.rdatas[0]) }
  }
  for (let place = cache.above(sname); place !== undefined; place = place.parent) {
    if (!place.hasDname) continue
    const dname = cache.lookup(place.name, Type.DNAME)
    if (dname?.kind !== 'rrset' || !isGoodEnough(dname, request)) continue
    request.judge(dname.security)
    const target = replaceSuffix(sname, dname.rrset.owner, cnameTarget(dname.rrset.rdatas[0]))
    const records = target === undefined ? [dname.rrset] : [dname.rrset, synthesised(sname, dname.rrset, target)]
    return { records, target }
  }
  return undefined
}

/** RFC 9520 §3.2: what failed a moment ago is not tried again at once. The reason is told as it was then, RFC 8914 §4.14. */
function cachedFailure(cache: Cache, request: Request): Step {
  const failure = cache.lookupFailure(request.sname, request.qtype)
  if (failure === undefined) return 'pass'
  if (isValidationFailure(failure.ede)) {
    if (!request.mustValidate) return 'pass' // RFC 4035 §4.7: with CD there may well be an answer
    request.security = 'bogus'
  }
  request.addEde(failure.ede as Ede, failure.text)
  request.source = 'cache'
  return request.failWith(Ede.CACHED_ERROR, '')
}

/** An old answer in place of SERVFAIL, or of a long wait. What was found to be bogus is not covered up. */
function rescue({ cache, stale, counters }: CacheLayerOptions, request: Request): Step {
  if (stale === undefined || request.security === 'bogus' || request.bogus !== undefined) return 'pass'
  const old = recall(cache, request, stale)
  if (old === undefined) return 'pass'
  const hasFailed = request.rcode === Rcode.SERVFAIL
  counters[hasFailed ? 'staleAfterFailure' : 'staleAfterTimeout']++
  keepFailure(cache, request)
  // RFC 8767 §5: not every client is to wait for a server that is not there.
  if (hasFailed && request.ledger.exceeded === 'time')
    cache.insertFailure(request.sname, request.qtype, Ede.NO_REACHABLE_AUTHORITY, 'no answer in time')
  Object.assign(request, old, { additional: [], source: 'stale' })
  request.addEde(old.rcode === Rcode.NXDOMAIN ? Ede.STALE_NXDOMAIN_ANSWER : Ede.STALE_ANSWER)
  return 'done'
}

/** Stores what the last reply taught and the validator left standing. */
function keep({ cache, aggressive }: CacheLayerOptions, request: Request): Step {
  const leaseUntilMs = request.learnedLeaseMs
  for (const item of request.learned) {
    const { rrset, rank, security, proofs } = item
    if (security === 'bogus') continue
    // What is kept for a time and what the first client is told must agree.
    rrset.ttl = cache.clampTtl(rrset.ttl, leaseUntilMs)
    cache.insert(rrset, { rank, security, leaseUntilMs, proofs })
    if (aggressive) keepWildcard(cache, item, leaseUntilMs)
  }
  if (aggressive) keepProofs(cache, request)
  const denial = request.learnedDenial
  if (denial !== undefined) {
    const { kind, owner, type, authority, ttl, security } = denial
    cache.insertDenial(kind, owner, type, authority, { security, ttl, leaseUntilMs })
  }
  if (request.learnedDelegation !== undefined) cache.insertDelegation(request.learnedDelegation)
  return 'pass'
}

/** The longest that data found bogus is not asked for again, RFC 4035 §4.7: its owner may have mended it. */
const BOGUS_MAX_MS = 60_000

/** A failure that is the question's own fault, not that of a budget some other request shares. */
function keepFailure(cache: Cache, request: Request): void {
  const { sname, qtype } = request
  if (request.source === 'cache' || request.ledger.exceeded !== undefined || request.rcode !== Rcode.SERVFAIL) return
  if (request.security === 'bogus') {
    const why = request.edes.find((note) => isValidationFailure(note.code))
    if (why !== undefined) cache.insertFailure(sname, qtype, why.code, why.text, BOGUS_MAX_MS)
    return
  }
  const why = request.edes.find((note) => note.code === Ede.NO_REACHABLE_AUTHORITY || note.code === Ede.NETWORK_ERROR)
  if (why !== undefined) cache.insertFailure(sname, qtype, why.code, why.text)
}
