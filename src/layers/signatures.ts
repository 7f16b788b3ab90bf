/** Do the signatures of an RRset hold? Each set is verified once, on the budget of the request, and with others getting their
 *  turn in between (KeyTrap). RFC 4035 §5.3; the verification itself is in src/dnssec/signature.ts. */

import { type Proofs, readProofs } from '../dnssec/denial.ts'
import { type AlgorithmPolicy, type DnsKey, MAX_KEYS_PER_TAG } from '../dnssec/keys.ts'
import { MAX_SIGNATURES, type Price, verifyRRset } from '../dnssec/signature.ts'
import { withTimeOff } from '../dnssec/time-off.ts'
import { SECURE, type Verdict } from '../dnssec/verdict.ts'
import type { Clock } from '../io/interfaces.ts'
import type { Request } from '../request.ts'
import { isAtOrBelow, isBelow, type Name } from '../wire/name.ts'
import { type RRset, rrsigFields } from '../wire/rrset.ts'
import { Type } from '../wire/types.ts'

export interface SignaturesOptions {
  clock: Clock
  policy: AlgorithmPolicy
  /** NSEC3 with more iterations makes its zone insecure, RFC 9276 §3.2. */
  maxIterations: number
  /** Where verifications are counted. */
  checks?: SignatureChecks
}

/** Signatures verified, by algorithm. */
export interface SignatureChecks {
  good: Record<number, number>
  failed: Record<number, number>
}

/** What is not known yet. `wait`: a sub-request has to end first; `pause`: others have to have their turn first. */
export type Later = 'wait' | 'pause'
export type Pending<T> = T | Later

/** Signatures verified for one client in a row, before others have their turn: a millisecond's work (KeyTrap). */
const MAX_IN_A_ROW = 8

export class Signatures {
  readonly #options: SignaturesOptions
  /** What verification has found, so that nothing is verified twice while waiting for something else. */
  readonly #verified = new WeakMap<RRset, { verdict: Verdict; wildcard: Name | undefined }>()

  constructor(options: SignaturesOptions) {
    this.#options = options
  }

  /** Verifies once; caps the set's TTL by what its signature allows (RFC 4035 §5.3.3). */
  verify(request: Request, rrset: RRset, zone: Name, keys: readonly DnsKey[]): Pending<Verdict> {
    const known = this.#verified.get(rrset)
    if (known !== undefined) return known.verdict
    const inARow = request.ledger.checkedInARow
    if (inARow > 0 && inARow + mostVerifications(rrset, keys) > MAX_IN_A_ROW) return 'pause'
    const nowSeconds = Math.floor(this.#options.clock.wallMs() / 1000)
    const outcome = verifyRRset(rrset, zone, keys, nowSeconds, this.#options.policy, this.#priceFor(request))
    const wildcard = outcome.security === 'secure' ? outcome.wildcard : undefined
    if (outcome.security === 'secure') rrset.ttl = outcome.ttl
    const verdict = outcome.security === 'secure' ? SECURE : withTimeOff(outcome, rrset, nowSeconds)
    if (outcome.security === 'bogus' && outcome.reason === 'limit reached') return verdict // of this request only
    this.#verified.set(rrset, { verdict, wildcard })
    return verdict
  }

  /** Verified NSEC and NSEC3 sets of `sets`, ready to prove something. */
  readProofs(request: Request, sets: readonly RRset[], zone: Name, keys: readonly DnsKey[]): Pending<Proofs> {
    const proofs = sets.filter((set) => isProof(set) && set.rdatas.length > 0)
    for (const set of proofs) {
      const verdict = this.verify(request, set, zone, keys)
      if (isLater(verdict)) return verdict
    }
    // A denial that was itself expanded from a wildcard denies nothing about this name.
    const holding = proofs.filter((set) => this.holds(set) && this.wildcardOf(set) === undefined)
    if (holding.length > 0) request.learnedProofs = { zone, sets: holding, soa: undefined }
    return readProofs(holding, zone, this.#options.maxIterations, (blocks) => request.ledger.charge('hashes', blocks))
  }

  /** Whether verify() has found it secure. */
  holds(set: RRset): boolean {
    return this.#verified.get(set)?.verdict.security === 'secure'
  }

  /** Of a set that holds and was expanded from a wildcard: the name that the wildcard stands below. */
  wildcardOf(set: RRset): Name | undefined {
    return this.#verified.get(set)?.wildcard
  }

  /** Of a proof that does not hold, a signature that failed says more than "missing". */
  firstFailure(sets: readonly RRset[]): Verdict | undefined {
    for (const set of sets) {
      const verdict = this.#verified.get(set)?.verdict
      if (verdict?.security === 'bogus') return verdict
    }
    return undefined
  }

  #priceFor({ ledger }: Request): Price {
    return {
      verification: () => ledger.charge('signatures'),
      failure: () => ledger.charge('failed-signatures'),
      verified: (algorithm, good) => {
        const counts = this.#options.checks?.[good ? 'good' : 'failed']
        if (counts !== undefined) counts[algorithm] = (counts[algorithm] ?? 0) + 1
      },
    }
  }
}

/** Who signed the set: a zone at or above its owner, at or below the asked one. Undefined: nobody who may. */
export function signerOf(rrset: RRset, cut: Name): Name | undefined {
  for (const rdata of rrset.signatures) {
    const { signer } = rrsigFields(rdata)
    if (isAtOrBelow(rrset.owner, signer) && isAtOrBelow(signer, cut)) {
      // A zone does not vouch for its own DS.
      if (rrset.type !== Type.DS || isBelow(rrset.owner, signer)) return signer
    }
  }
  return undefined
}

export function isLater<T>(outcome: Pending<T>): outcome is Later {
  return typeof outcome === 'string'
}

/** Whether it is there to deny something. */
export function isProof(set: RRset): boolean {
  return set.type === Type.NSEC || set.type === Type.NSEC3
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
