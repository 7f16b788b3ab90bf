/** The validator: is what a reply taught us what the zone's owner signed? Answers, referrals and denials are judged, each by
 *  its kind; whose keys count is found by chain-of-trust.ts, whether they fit by signatures.ts. What does not hold is asked
 *  of another server, or fails. RFC 4035 §5, RFC 6840, RFC 5155 §8, RFC 8914 (why not). */

import { proveExpansion, proveNoData, proveNoDs, proveNoName } from '../dnssec/denial.ts'
import { usableDs } from '../dnssec/ds.ts'
import {
  type Bogus,
  bogus,
  edeFor,
  edeForInsecure,
  insecure,
  isValidationFailure,
  SECURE,
  type Verdict,
} from '../dnssec/verdict.ts'
import type { Arrival, BogusEvidence, Layer, Learned, LearnedDenial, Query, Request, Step } from '../request.ts'
import { ancestorWith, countLabels, equalNames, isAtOrBelow, type Name, nameToText } from '../wire/name.ts'
import type { RRset } from '../wire/rrset.ts'
import { Ede, Type, typeText } from '../wire/types.ts'
import { asVerdict, ChainOfTrust, type ChainOptions } from './chain-of-trust.ts'
import { showProofs } from './proofs.ts'
import { isLater, isProof, type Pending, type SignatureChecks, Signatures, signerOf } from './signatures.ts'

export interface ValidatorOptions extends ChainOptions {
  /** Told of every reply that does not hold, also when another server is tried. */
  onBogus?: (evidence: BogusEvidence) => void
  /** Where verifications are counted. */
  checks?: SignatureChecks
}

/** Other servers tried when one gives what does not validate. */
const MAX_BOGUS_REPLIES = 3

export function createValidator(options: ValidatorOptions): Layer {
  return new Validator(options)
}

class Validator implements Layer {
  readonly name = 'validator'
  readonly #options: ValidatorOptions
  readonly #signatures: Signatures
  readonly #chain: ChainOfTrust

  constructor(options: ValidatorOptions) {
    this.#options = options
    this.#signatures = new Signatures(options)
    this.#chain = new ChainOfTrust(options, this.#signatures)
  }

  consume(request: Request, query: Query, arrival: Arrival): Step {
    if (arrival.kind !== 'reply' || !request.mustValidate) return 'pass'
    this.#chain.followAnchors()
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
    const trust = this.#chain.trustIn(request, cut)
    if (isLater(trust)) return trust
    if (trust.kind === 'bogus') return asVerdict(trust) // whose keys do not hold cannot hand anything on
    if (trust.kind !== 'secure') {
      request.learned = []
      if (!this.#chain.anchors.hasIslandBelow(cut)) delegation.signed = 'no'
      return SECURE
    }
    const ds = request.learned.find((item) => item.rrset.type === Type.DS)
    if (ds !== undefined) {
      const verdict = this.#signatures.verify(request, ds.rrset, cut, trust.keys)
      if (isLater(verdict)) return verdict
      if (verdict.security !== 'secure') request.learned = []
      else {
        ds.security = 'secure'
        // Signed in ways unknown to us: why it is insecure is told by the DS set, which the cache keeps.
        if (usableDs(ds.rrset.rdatas, this.#options.policy).length > 0) delegation.signed = 'yes'
      }
      return SECURE
    }
    const proofs = this.#signatures.readProofs(request, authority, cut, trust.keys)
    if (isLater(proofs)) return proofs
    if (proveNoDs(proofs, delegation.zone) === 'cut') {
      delegation.signed = 'no'
      const sets = authority.filter((set) => isProof(set) && this.#signatures.holds(set))
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

  #judgeAnswer(request: Request, item: Learned, cut: Name, authority: readonly RRset[]): Pending<Verdict> {
    const { rrset } = item
    if (rrset.type === Type.RRSIG) return insecure('signatures are not signed')
    if (rrset.type === Type.DNSKEY) return this.#chain.judgeKeys(request, rrset)
    const signer = signerOf(rrset, cut)
    if (signer === undefined) return this.#judgeUnsigned(request, rrset.owner, rrset.type, cut)
    const trust = this.#chain.trustIn(request, signer)
    if (isLater(trust)) return trust
    if (trust.kind !== 'secure') return asVerdict(trust)
    const verdict = this.#signatures.verify(request, rrset, signer, trust.keys)
    if (isLater(verdict)) return verdict
    const wildcard = this.#signatures.wildcardOf(rrset)
    if (verdict.security !== 'secure' || wildcard === undefined) return verdict
    // RFC 4035 §5.3.4: expanded from a wildcard, so the name itself has to be denied.
    const proofs = this.#signatures.readProofs(request, authority, signer, trust.keys)
    if (isLater(proofs)) return proofs
    // What the zone says beside it, its NS set included, goes to this client with it as far as it is signed too.
    const companions = authority.filter((set) => set.type === Type.NS && equalNames(set.owner, signer))
    for (const set of companions) {
      const beside = set.signatures.length > 0 ? this.#signatures.verify(request, set, signer, trust.keys) : SECURE
      if (isLater(beside)) return beside
    }
    const expansion = proveExpansion(proofs, rrset.owner, wildcard)
    if (expansion.security === 'bogus') return expansion
    item.proofs = authority.filter((set) => isProof(set) && this.#signatures.holds(set))
    showProofs(request, [...item.proofs, ...companions.filter((set) => this.#signatures.holds(set))]) // RFC 4035 §3.1.3.3
    return expansion
  }

  #judgeDenial(request: Request, denial: LearnedDenial, cut: Name): Pending<Verdict> {
    const signed = denial.authority.filter((set) => signerOf(set, cut) !== undefined)
    const first = signed.find(isProof) ?? signed[0]
    if (first === undefined) return this.#judgeUnsigned(request, denial.owner, denial.type, cut)
    const signer = signerOf(first, cut) as Name
    if (!isAtOrBelow(denial.owner, signer)) return bogus('signer outside the zone')
    const trust = this.#chain.trustIn(request, signer)
    if (isLater(trust)) return trust
    if (trust.kind !== 'secure') return asVerdict(trust)
    const soa = denial.authority.find((set) => set.type === Type.SOA)
    if (soa !== undefined && equalNames(soa.owner, signer)) {
      const verdict = this.#signatures.verify(request, soa, signer, trust.keys)
      if (isLater(verdict) || verdict.security === 'bogus') return verdict
    }
    const proofs = this.#signatures.readProofs(request, denial.authority, signer, trust.keys)
    if (isLater(proofs)) return proofs
    if (
      request.learnedProofs !== undefined &&
      soa !== undefined &&
      equalNames(soa.owner, signer) &&
      this.#signatures.holds(soa)
    )
      request.learnedProofs.soa = soa
    const verdict =
      denial.kind === 'nxdomain' ? proveNoName(proofs, denial.owner) : proveNoData(proofs, denial.owner, denial.type)
    if (verdict.security === 'bogus') return this.#signatures.firstFailure(denial.authority) ?? verdict
    // Only what holds is kept and shown.
    denial.authority = denial.authority.filter((set) => !isProof(set) || this.#signatures.holds(set))
    if (!request.query?.minimised) request.authority = denial.authority
    return verdict
  }

  /** Nobody signed this. Right only in an unsigned zone; which zone `owner` is in is found by looking for the cut
   *  between a signed zone and an unsigned one, RFC 4035 §5.2. */
  #judgeUnsigned(request: Request, owner: Name, type: number, cut: Name): Pending<Verdict> {
    const trust = this.#chain.trustIn(request, cut)
    if (isLater(trust)) return trust
    if (trust.kind !== 'secure') return asVerdict(trust)
    // DS of a name is on the parent's side: the cut at the name itself does not matter.
    const deepest = countLabels(owner) - (type === Type.DS ? 1 : 0)
    for (let labels = countLabels(cut) + 1; labels <= deepest; labels++) {
      const child = this.#chain.delegationAt(request, ancestorWith(owner, labels))
      if (isLater(child)) return child
      if (child.kind === 'insecure' || child.kind === 'bogus') return asVerdict(child)
    }
    return bogus('signature missing')
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
      iteration.setback = 'bogus'
      return 'produce'
    }
    request.security = 'bogus'
    request.bogus ??= evidence
    // A link of the chain that failed has said why; and what the ledger refused, the driver tells.
    if (request.edes.some(({ code }) => isValidationFailure(code))) return 'fail'
    if (reason === 'limit reached' && request.ledger.exceeded !== undefined) return 'fail'
    return request.failWith(edeFor(reason), describe(evidence))
  }

  /** Extended errors for what is insecure by our own limits: RFC 8914 §4.2 and §4.3, RFC 9276 §3.2. */
  #note(request: Request, verdict: Verdict): void {
    const code = verdict.security === 'insecure' ? edeForInsecure(verdict.why) : undefined
    if (code !== undefined) request.addEde(code)
  }
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
