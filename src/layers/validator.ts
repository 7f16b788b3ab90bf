/** The validator: is what a reply taught us what the zone's owner signed? Follows the chain of trust from the anchors
 *  down; keys (DNSKEY) and what vouches for them (DS) are fetched as sub-requests through the same machine, and what
 *  they find is in the cache for the next. RFC 4035 §5, RFC 6840, RFC 5155 §8, RFC 8914 (why not). */

import { type Proofs, proveExpansion, proveNoData, proveNoDs, proveNoName, readProofs } from '../dnssec/denial.ts'
import { usableDs, vouchedKeys, whyUnusable } from '../dnssec/ds.ts'
import { type AlgorithmPolicy, type DnsKey, MAX_KEYS_PER_TAG, parseDnsKey, supportsAlgorithm } from '../dnssec/keys.ts'
import { MAX_SIGNATURES, type Price, verifyRRset } from '../dnssec/signature.ts'
import { withTimeOff } from '../dnssec/time-off.ts'
import { anchoredKeys, isUsable, type TrustAnchors } from '../dnssec/trust-anchors.ts'
import {
  type Bogus,
  type BogusReason,
  bogus,
  edeFor,
  edeForInsecure,
  InsecureReason,
  insecure,
  isValidationFailure,
  reasonOf,
  SECURE,
  type Verdict,
} from '../dnssec/verdict.ts'
import type { Clock } from '../io/interfaces.ts'
import type { Arrival, BogusEvidence, Layer, Learned, LearnedDenial, Query, Request, Step } from '../request.ts'
import {
  ancestorWith,
  countLabels,
  equalNames,
  isAtOrBelow,
  isBelow,
  type Name,
  nameKey,
  nameToText,
} from '../wire/name.ts'
import { type RRset, rrsigFields } from '../wire/rrset.ts'
import { Ede, Type, typeText } from '../wire/types.ts'
import { showProofs } from './proofs.ts'

export interface ValidatorOptions {
  clock: Clock
  anchors: () => TrustAnchors
  policy: AlgorithmPolicy
  /** NSEC3 with more iterations makes its zone insecure, RFC 9276 §3.2. */
  maxIterations: number
  /** Told of every reply that does not hold, also when another server is tried. */
  onBogus?: (evidence: BogusEvidence) => void
}

/** How it stands with a zone. `secure`: these keys speak for it. */
type ZoneTrust =
  | { kind: 'secure'; keys: readonly DnsKey[] }
  | { kind: 'insecure'; why: string }
  | { kind: 'bogus'; reason: BogusReason }

/** What is not known yet. `wait`: a sub-request has to end first; `pause`: others have to have their turn first. */
type Later = 'wait' | 'pause'
type Pending<T> = T | Later

/** Other servers tried when one gives what does not validate. */
const MAX_BOGUS_REPLIES = 3
/** Zones whose keys are at hand; the least recently used go first. */
const MAX_ZONES = 10_000
/** Signatures verified for one client in a row, before others have their turn: a millisecond's work (KeyTrap). */
const MAX_IN_A_ROW = 8

export function createValidator(options: ValidatorOptions): Layer {
  return new Validator(options)
}

class Validator implements Layer {
  readonly name = 'validator'
  readonly #options: ValidatorOptions
  /** Keys of secure zones by name, and until when. */
  readonly #zones = new Map<string, { keys: readonly DnsKey[]; untilMs: number }>()
  #anchors: TrustAnchors | undefined
  /** What verification has found, so that nothing is verified twice while waiting for something else. */
  readonly #verified = new WeakMap<RRset, { verdict: Verdict; wildcard: Name | undefined }>()

  constructor(options: ValidatorOptions) {
    this.#options = options
  }

  consume(request: Request, query: Query, arrival: Arrival): Step {
    if (arrival.kind !== 'reply' || !request.mustValidate) return 'pass'
    this.#forgetOnNewAnchors()
    const cut = query.zoneCut
    const verdict = this.#judgeReply(request, cut, arrival.reply.authority)
    if (isLater(verdict)) return verdict
    if (verdict.security === 'bogus') {
      if (query.minimised && request.learnedDelegation === undefined) return ignoreHint(request) // it was only to show the way; the whole name will be asked for
      return this.#reject(request, query, verdict)
    }
    return request.iteration === undefined ? 'produce' : 'pass'
  }

  /** RFC 7646 §6: let the client see that somebody has switched validation off here. */
  answer(request: Request): Step {
    if (!request.mustValidate || request.security !== 'insecure') return 'pass'
    const anchors = this.#options.anchors()
    if (anchors.isSuspended(request.qname) || anchors.isSuspended(request.sname))
      request.addEde(Ede.NEGATIVE_TRUST_ANCHOR)
    return 'pass'
  }

  #forgetOnNewAnchors(): void {
    const anchors = this.#options.anchors()
    if (anchors === this.#anchors) return
    this.#anchors = anchors
    this.#zones.clear()
  }

  // --- one reply ----------------------------------------------------------------------------------------------------

  /** The weakest verdict over all that was learned; sets the security of each piece. */
  #judgeReply(request: Request, cut: Name, authority: readonly RRset[]): Pending<Verdict> {
    const { learned, learnedDelegation, learnedDenial } = request
    if (learnedDelegation !== undefined) return this.#judgeReferral(request, cut, authority)
    for (const item of learned) {
      if (item.security !== 'indeterminate') continue
      const verdict = this.#judgeAnswer(request, item, cut, authority)
      if (isLater(verdict)) return verdict
      if (verdict.security === 'bogus') return verdict
      this.#note(request, verdict)
      item.security = verdict.security
      if (!request.query?.minimised) request.judge(verdict.security)
    }
    if (learnedDenial !== undefined && learnedDenial.security === 'indeterminate') {
      const verdict = this.#judgeDenial(request, learnedDenial, cut)
      if (isLater(verdict)) return verdict
      if (
        verdict.security === 'bogus' &&
        !equalNames(learnedDenial.owner, request.query?.qname ?? learnedDenial.owner)
      ) {
        request.distrustDenial()
        return SECURE
      }
      if (verdict.security === 'bogus') return verdict
      this.#note(request, verdict)
      learnedDenial.security = verdict.security
      if (!request.query?.minimised) request.judge(verdict.security)
    }
    return SECURE
  }

  /** A referral tells whether the child is signed (RFC 4035 §5.2). What it fails to prove is asked for when it matters. */
  #judgeReferral(request: Request, cut: Name, authority: readonly RRset[]): Pending<Verdict> {
    const delegation = request.learnedDelegation
    if (delegation === undefined || delegation.signed === 'no') return SECURE
    const trust = this.#trustIn(request, cut)
    if (isLater(trust)) return trust
    if (trust.kind === 'bogus') return asVerdict(trust) // whose keys do not hold cannot hand anything on
    if (trust.kind !== 'secure') {
      request.learned = []
      if (!this.#anchorsNow.hasIslandBelow(cut)) delegation.signed = 'no'
      return SECURE
    }
    const ds = request.learned.find((item) => item.rrset.type === Type.DS)
    if (ds !== undefined) {
      const verdict = this.#verify(request, ds.rrset, cut, trust.keys)
      if (isLater(verdict)) return verdict
      if (verdict.security !== 'secure') request.learned = []
      else {
        ds.security = 'secure'
        // Signed in ways unknown to us: why it is insecure is told by the DS set, which the cache keeps.
        if (usableDs(ds.rrset.rdatas, this.#options.policy).length > 0) delegation.signed = 'yes'
      }
      return SECURE
    }
    const proofs = this.#readProofs(request, authority, cut, trust.keys)
    if (isLater(proofs)) return proofs
    if (proveNoDs(proofs, delegation.zone) === 'cut') {
      delegation.signed = 'no'
      const sets = authority.filter((set) => isProof(set) && this.#holds(set))
      const ttl = Math.min(...sets.map((set) => set.ttl))
      request.learnedDenial = {
        kind: 'nodata',
        owner: delegation.zone,
        type: Type.DS,
        authority: sets,
        ttl: Number.isFinite(ttl) ? ttl : 0,
        // RFC 5155 §9.2: where opt-out hides the cut, that there is no DS is believed but not proven.
        security: proveNoData(proofs, delegation.zone, Type.DS).security === 'secure' ? 'secure' : 'insecure',
      }
    }
    return SECURE
  }

  get #anchorsNow(): TrustAnchors {
    return this.#anchors as TrustAnchors
  }

  #judgeAnswer(request: Request, item: Learned, cut: Name, authority: readonly RRset[]): Pending<Verdict> {
    const { rrset } = item
    if (rrset.type === Type.RRSIG) return insecure('signatures are not signed')
    if (rrset.type === Type.DNSKEY) return this.#judgeKeys(request, rrset)
    const signer = this.#signerOf(rrset, cut)
    if (signer === undefined) return this.#judgeUnsigned(request, rrset.owner, rrset.type, cut)
    const trust = this.#trustIn(request, signer)
    if (isLater(trust)) return trust
    if (trust.kind !== 'secure') return asVerdict(trust)
    const verdict = this.#verify(request, rrset, signer, trust.keys)
    if (isLater(verdict)) return verdict
    const wildcard = this.#verified.get(rrset)?.wildcard
    if (verdict.security !== 'secure' || wildcard === undefined) return verdict
    // RFC 4035 §5.3.4: expanded from a wildcard, so the name itself has to be denied.
    const proofs = this.#readProofs(request, authority, signer, trust.keys)
    if (isLater(proofs)) return proofs
    // What the zone says beside it, its NS set included, goes to this client with it as far as it is signed too.
    const companions = authority.filter((set) => set.type === Type.NS && equalNames(set.owner, signer))
    for (const set of companions) {
      const beside = set.signatures.length > 0 ? this.#verify(request, set, signer, trust.keys) : SECURE
      if (isLater(beside)) return beside
    }
    const expansion = proveExpansion(proofs, rrset.owner, wildcard)
    if (expansion.security === 'bogus') return expansion
    item.proofs = authority.filter((set) => isProof(set) && this.#holds(set))
    showProofs(request, [...item.proofs, ...companions.filter((set) => this.#holds(set))]) // RFC 4035 §3.1.3.3
    return expansion
  }

  #holds(set: RRset): boolean {
    return this.#verified.get(set)?.verdict.security === 'secure'
  }

  #judgeDenial(request: Request, denial: LearnedDenial, cut: Name): Pending<Verdict> {
    const signed = denial.authority.filter((set) => this.#signerOf(set, cut) !== undefined)
    const first = signed.find(isProof) ?? signed[0]
    if (first === undefined) return this.#judgeUnsigned(request, denial.owner, denial.type, cut)
    const signer = this.#signerOf(first, cut) as Name
    if (!isAtOrBelow(denial.owner, signer)) return bogus('signer outside the zone')
    const trust = this.#trustIn(request, signer)
    if (isLater(trust)) return trust
    if (trust.kind !== 'secure') return asVerdict(trust)
    const soa = denial.authority.find((set) => set.type === Type.SOA)
    if (soa !== undefined && equalNames(soa.owner, signer)) {
      const verdict = this.#verify(request, soa, signer, trust.keys)
      if (isLater(verdict) || verdict.security === 'bogus') return verdict
    }
    const proofs = this.#readProofs(request, denial.authority, signer, trust.keys)
    if (isLater(proofs)) return proofs
    if (request.learnedProofs !== undefined && soa !== undefined && equalNames(soa.owner, signer) && this.#holds(soa))
      request.learnedProofs.soa = soa
    const verdict =
      denial.kind === 'nxdomain' ? proveNoName(proofs, denial.owner) : proveNoData(proofs, denial.owner, denial.type)
    if (verdict.security === 'bogus') return this.#firstFailure(denial.authority) ?? verdict
    // Only what holds is kept and shown.
    denial.authority = denial.authority.filter((set) => !isProof(set) || this.#holds(set))
    if (!request.query?.minimised) request.authority = denial.authority
    return verdict
  }

  /** Of a proof that does not hold, a signature that failed says more than "missing". */
  #firstFailure(sets: readonly RRset[]): Verdict | undefined {
    for (const set of sets) {
      const verdict = this.#verified.get(set)?.verdict
      if (verdict?.security === 'bogus') return verdict
    }
    return undefined
  }

  /** Nobody signed this. Right only in an unsigned zone; which zone `owner` is in is found by looking for the cut
   *  between a signed zone and an unsigned one, RFC 4035 §5.2. */
  #judgeUnsigned(request: Request, owner: Name, type: number, cut: Name): Pending<Verdict> {
    const trust = this.#trustIn(request, cut)
    if (isLater(trust)) return trust
    if (trust.kind !== 'secure') return asVerdict(trust)
    // DS of a name is on the parent's side: the cut at the name itself does not matter.
    const deepest = countLabels(owner) - (type === Type.DS ? 1 : 0)
    for (let labels = countLabels(cut) + 1; labels <= deepest; labels++) {
      const child = this.#delegationAt(request, ancestorWith(owner, labels))
      if (isLater(child)) return child
      if (child.kind === 'insecure' || child.kind === 'bogus') return asVerdict(child)
    }
    return bogus('signature missing')
  }

  // --- the chain of trust -------------------------------------------------------------------------------------------

  /** The keys that speak for `zone`, or why there are none. */
  #trustIn(request: Request, zone: Name): Pending<ZoneTrust> {
    const anchors = this.#anchorsNow
    if (!anchors.covers(zone)) return { kind: 'insecure', why: '' }
    const nowMs = this.#options.clock.wallMs()
    const key = nameKey(zone)
    const known = this.#zones.get(key)
    if (known !== undefined && known.untilMs > nowMs) return { kind: 'secure', keys: known.keys }
    if (anchors.at(zone) === undefined) {
      const cut = request.iteration?.cut
      const signed = cut !== undefined && equalNames(cut.zone, zone) ? cut.signed : undefined
      if (signed === 'no') return { kind: 'insecure', why: '' }
      if (signed !== 'yes') {
        const delegation = this.#delegationAt(request, zone)
        if (isLater(delegation)) return delegation
        if (delegation.kind === 'insecure' || delegation.kind === 'bogus') return delegation
        if (delegation.kind === 'no-cut') return { kind: 'bogus', reason: 'delegation unproven' }
      }
    }
    if (request.isAfter(zone, Type.DNSKEY)) return { kind: 'bogus', reason: 'no key for signature' } // they are no answer
    const finding = request.need(zone, Type.DNSKEY, 'proof')
    if (finding === undefined) return 'wait'
    const keySet = finding.answer.find((set) => set.type === Type.DNSKEY && equalNames(set.owner, zone))
    if (finding.security === 'secure' && keySet !== undefined) {
      const keys = this.#readKeys(keySet)
      this.#remember(key, keys, nowMs + keySet.ttl * 1000)
      return { kind: 'secure', keys }
    }
    if (finding.security === 'insecure') return { kind: 'insecure', why: '' }
    if (finding.security === 'secure') {
      // There are no keys. Right if there is no zone here: then the cut above speaks for the name.
      return { kind: 'bogus', reason: 'no key for signature' }
    }
    this.#inherit(request, finding)
    return { kind: 'bogus', reason: whyFailed(finding) }
  }

  /** Verifies a DNSKEY set by the keys that an anchor or the parent's DS vouches for: RFC 4035 §5.2. */
  #judgeKeys(request: Request, keySet: RRset): Pending<Verdict> {
    const zone = keySet.owner
    const { policy } = this.#options
    const anchors = this.#anchorsNow
    if (!anchors.covers(zone)) return insecure('')
    const keys = this.#readKeys(keySet)
    const anchor = anchors.at(zone)
    if (anchor !== undefined) {
      // The operator wants this zone validated and gave nothing to do it with: better no answer than an unchecked one.
      if (!isUsable(anchor, policy)) return bogus('trust anchor unusable')
      return this.#verifyKeySet(request, keySet, anchoredKeys(anchor, keys), keys)
    }
    const { iteration } = request
    if (iteration?.cut.signed === 'no' && equalNames(iteration.cut.zone, zone)) return insecure('')
    const delegation = this.#delegationAt(request, zone)
    if (isLater(delegation)) return delegation
    switch (delegation.kind) {
      case 'insecure':
        return insecure(delegation.why)
      case 'bogus':
        return bogus(delegation.reason)
      case 'no-cut':
        return bogus('delegation unproven')
      default: {
        const vouched = vouchedKeys(usableDs(delegation.ds, policy), zone, keys)
        return this.#verifyKeySet(request, keySet, vouched, keys)
      }
    }
  }

  #verifyKeySet(
    request: Request,
    keySet: RRset,
    vouched: readonly DnsKey[],
    keys: readonly DnsKey[],
  ): Pending<Verdict> {
    if (vouched.length === 0) return bogus('key set not vouched for')
    const verdict = this.#verify(request, keySet, keySet.owner, vouched)
    if (isLater(verdict)) return verdict
    if (verdict.security === 'secure')
      this.#remember(nameKey(keySet.owner), keys, this.#options.clock.wallMs() + keySet.ttl * 1000)
    return verdict
  }

  /** What the parent says of the zone `name`: its DS set, that it is unsigned, or that there is no zone of that name. */
  #delegationAt(
    request: Request,
    name: Name,
  ): Pending<
    { kind: 'secure'; ds: readonly Uint8Array[] } | { kind: 'no-cut' } | (ZoneTrust & { kind: 'insecure' | 'bogus' })
  > {
    if (request.isAfter(name, Type.DS)) return { kind: 'bogus', reason: 'delegation unproven' }
    const finding = request.need(name, Type.DS, 'proof')
    if (finding === undefined) return 'wait'
    const dsSet = finding.answer.find((set) => set.type === Type.DS && equalNames(set.owner, name))
    if (finding.security === 'insecure') {
      const isOurLimit = finding.edes.some(({ code }) => code === Ede.UNSUPPORTED_NSEC3_ITERATIONS)
      return { kind: 'insecure', why: isOurLimit ? InsecureReason.ITERATIONS : '' }
    }
    if (finding.security !== 'secure') {
      this.#inherit(request, finding)
      return { kind: 'bogus', reason: whyFailed(finding) }
    }
    if (dsSet !== undefined) {
      const why = whyUnusable(dsSet.rdatas, this.#options.policy)
      return why === undefined ? { kind: 'secure', ds: dsSet.rdatas } : { kind: 'insecure', why }
    }
    // Proven to have no DS. Is it an unsigned delegation, or no delegation at all?
    const sets = finding.authority
    const zone = sets.map((set) => set.signatures[0]).find((rdata) => rdata !== undefined)
    const proofs = readProofs(
      sets,
      zone === undefined ? name : rrsigFields(zone).signer,
      this.#options.maxIterations,
      (blocks) => request.ledger.charge('hashes', blocks),
    )
    return proveNoDs(proofs, name) === 'cut' ? { kind: 'insecure', why: '' } : { kind: 'no-cut' }
  }

  #readKeys(keySet: RRset): DnsKey[] {
    const keys = keySet.rdatas.map(parseDnsKey).filter((key) => key !== undefined)
    return keys.filter((key) => supportsAlgorithm(key.algorithm, this.#options.policy))
  }

  #remember(zoneKey: string, keys: readonly DnsKey[], untilMs: number): void {
    this.#zones.delete(zoneKey)
    if (this.#zones.size >= MAX_ZONES) this.#zones.delete(this.#zones.keys().next().value as string)
    this.#zones.set(zoneKey, { keys, untilMs })
  }

  // --- signatures ---------------------------------------------------------------------------------------------------

  /** Verifies once; caps the set's TTL by what its signature allows (RFC 4035 §5.3.3). */
  #verify(request: Request, rrset: RRset, zone: Name, keys: readonly DnsKey[]): Pending<Verdict> {
    const known = this.#verified.get(rrset)
    if (known !== undefined) return known.verdict
    const inARow = request.ledger.checkedInARow
    if (inARow > 0 && inARow + mostVerifications(rrset, keys) > MAX_IN_A_ROW) return 'pause'
    const nowSeconds = Math.floor(this.#options.clock.wallMs() / 1000)
    const outcome = verifyRRset(rrset, zone, keys, nowSeconds, this.#options.policy, priceOf(request))
    const wildcard = outcome.security === 'secure' ? outcome.wildcard : undefined
    if (outcome.security === 'secure') rrset.ttl = outcome.ttl
    const verdict = outcome.security === 'secure' ? SECURE : withTimeOff(outcome, rrset, nowSeconds)
    if (outcome.security === 'bogus' && outcome.reason === 'limit reached') return verdict // of this request only
    this.#verified.set(rrset, { verdict, wildcard })
    return verdict
  }

  /** Verified NSEC and NSEC3 sets of `sets`, ready to prove something. */
  #readProofs(request: Request, sets: readonly RRset[], zone: Name, keys: readonly DnsKey[]): Pending<Proofs> {
    const proofs = sets.filter((set) => isProof(set) && set.rdatas.length > 0)
    for (const set of proofs) {
      const verdict = this.#verify(request, set, zone, keys)
      if (isLater(verdict)) return verdict
    }
    // A denial that was itself expanded from a wildcard denies nothing about this name.
    const holding = proofs.filter((set) => this.#holds(set) && this.#verified.get(set)?.wildcard === undefined)
    if (holding.length > 0) request.learnedProofs = { zone, sets: holding, soa: undefined }
    return readProofs(holding, zone, this.#options.maxIterations, (blocks) => request.ledger.charge('hashes', blocks))
  }

  /** Who signed the set: a zone at or above its owner, at or below the asked one. Undefined: nobody who may. */
  #signerOf(rrset: RRset, cut: Name): Name | undefined {
    for (const rdata of rrset.signatures) {
      const { signer } = rrsigFields(rdata)
      if (isAtOrBelow(rrset.owner, signer) && isAtOrBelow(signer, cut)) {
        // A zone does not vouch for its own DS.
        if (rrset.type !== Type.DS || isBelow(rrset.owner, signer)) return signer
      }
    }
    return undefined
  }

  // --- when it does not hold ----------------------------------------------------------------------------------------

  /** Another server may serve the true data: a few are tried before the request fails. */
  #reject(request: Request, query: Query, verdict: Bogus): Step {
    const { reason, keyTag, offBySeconds } = verdict
    const { qname, qtype, zoneCut } = query
    const server = query.server.hostText
    const evidence: BogusEvidence = { qname, qtype, zoneCut, server, reason, keyTag, offBySeconds }
    this.#options.onBogus?.(evidence)
    request.rollBack()
    request.bogusReplies++
    const { iteration } = request
    const ownFault = verdict.reason !== 'limit reached' && request.bogusReplies < MAX_BOGUS_REPLIES
    const others =
      iteration !== undefined &&
      (iteration.lookups.length > 0 || iteration.candidates.some((address) => !iteration.tried.has(address.key)))
    if (iteration !== undefined && ownFault && others) {
      iteration.troubles.push(`${query.server.hostText} bogus`)
      return 'produce'
    }
    request.security = 'bogus'
    request.bogus ??= evidence
    // A link of the chain that failed has said why; and what the ledger refused, the driver tells.
    if (request.edes.some(({ code }) => isValidationFailure(code))) return 'fail'
    if (reason === 'limit reached' && request.ledger.exceeded !== undefined) return 'fail'
    return request.failWith(edeFor(reason), describe(evidence))
  }

  /** The reasons of a failed sub-request are reasons of this one. */
  #inherit(request: Request, finding: Request): void {
    for (const note of finding.edes) request.addEde(note.code, note.text)
    request.bogus ??= finding.bogus
  }

  /** Extended errors for what is insecure by our own limits: RFC 8914 §4.2 and §4.3, RFC 9276 §3.2. */
  #note(request: Request, verdict: Verdict): void {
    const code = verdict.security === 'insecure' ? edeForInsecure(verdict.why) : undefined
    if (code !== undefined) request.addEde(code)
  }
}

function isLater<T>(outcome: Pending<T>): outcome is Later {
  return typeof outcome === 'string'
}

/** How many verifications verifyRRset() may need. */
function mostVerifications(rrset: RRset, keys: readonly DnsKey[]): number {
  let most = 0
  for (const rdata of rrset.signatures.slice(0, MAX_SIGNATURES)) {
    const { keyTag, algorithm } = rrsigFields(rdata)
    const fitting = keys.filter((key) => key.tag === keyTag && key.algorithm === algorithm)
    most += Math.min(fitting.length, MAX_KEYS_PER_TAG)
  }
  return most
}

/** Why a link of the chain failed, now or, if that is remembered, then. */
function whyFailed(finding: Request): BogusReason {
  const remembered = finding.edes.map(({ code }) => reasonOf(code)).find((reason) => reason !== undefined)
  return finding.bogus?.reason ?? remembered ?? 'delegation unproven'
}

/** One line for the client: reason, how far off, which key, of what. */
function describe({ qname, qtype, reason, keyTag, offBySeconds }: BogusEvidence): string {
  const about = `${nameToText(qname)} ${typeText(qtype)}`
  const time = offBySeconds === undefined ? '' : ` ${timeText(offBySeconds, reason === 'signature expired')}`
  return `${reason}${time}${keyTag === undefined ? '' : `, key tag ${keyTag}`}: ${about}`
}

function timeText(seconds: number, isPast: boolean): string {
  const [amount, unit] = seconds < 120 ? [seconds, 's'] : seconds < 7200 ? [seconds / 60, 'min'] : [seconds / 3600, 'h']
  const text = `${Math.round(amount)} ${unit}`
  return isPast ? `${text} ago` : `for another ${text}`
}

/** What a reply to a shortened name said did not hold: it is not kept, and no more names are shortened here. */
function ignoreHint(request: Request): Step {
  request.learned = []
  request.learnedDenial = undefined
  if (request.iteration !== undefined) request.iteration.minimise = false
  return 'pass'
}

function isProof(set: RRset): boolean {
  return set.type === Type.NSEC || set.type === Type.NSEC3
}

function asVerdict(trust: ZoneTrust & { kind: 'insecure' | 'bogus' }): Verdict {
  return trust.kind === 'insecure' ? insecure(trust.why) : bogus(trust.reason)
}

function priceOf(request: Request): Price {
  return {
    verification: () => request.ledger.charge('signatures'),
    failure: () => request.ledger.charge('failed-signatures'),
  }
}
