/** Whose keys speak for a zone? From the anchors down, each zone's keys are vouched for by the DS set in the zone above; where
 *  that is proven to have none, all below is insecure. Keys and DS sets are fetched as sub-requests, and what they find is in
 *  the cache for the next. RFC 4035 §5.2, RFC 6840 §5.2 (what is signed in ways unknown to us). */

import { proveNoDs, readProofs } from '../dnssec/denial.ts'
import { usableDs, vouchedKeys, whyUnusable } from '../dnssec/ds.ts'
import { type DnsKey, parseDnsKey, supportsAlgorithm } from '../dnssec/keys.ts'
import { anchoredKeys, isUsable, type TrustAnchors } from '../dnssec/trust-anchors.ts'
import { type BogusReason, bogus, InsecureReason, insecure, reasonOf, type Verdict } from '../dnssec/verdict.ts'
import type { Request } from '../request.ts'
import { equalNames, type Name, nameKey } from '../wire/name.ts'
import { type RRset, rrsigFields } from '../wire/rrset.ts'
import { Ede, Type } from '../wire/types.ts'
import { isLater, type Pending, type Signatures, type SignaturesOptions } from './signatures.ts'

export interface ChainOptions extends SignaturesOptions {
  /** Those in force at the moment. */
  anchors: () => TrustAnchors
}

/** How it stands with a zone. `secure`: these keys speak for it. */
export type ZoneTrust =
  | { kind: 'secure'; keys: readonly DnsKey[] }
  | { kind: 'insecure'; why: string }
  | { kind: 'bogus'; reason: BogusReason }

/** What the zone above says of a name. `secure`: it has signed this DS set for it; `no-cut`: it is not that of a zone. */
export type ParentsWord =
  | { kind: 'secure'; ds: readonly Uint8Array[] }
  | { kind: 'no-cut' }
  | (ZoneTrust & { kind: 'insecure' | 'bogus' })

/** Zones whose keys are at hand; those remembered first go first. */
const MAX_ZONES = 10_000

export class ChainOfTrust {
  readonly #options: ChainOptions
  readonly #signatures: Signatures
  /** Keys of secure zones by name, and until when. */
  readonly #zones = new Map<string, { keys: readonly DnsKey[]; untilMs: number }>()
  #anchors: TrustAnchors | undefined

  constructor(options: ChainOptions, signatures: Signatures) {
    this.#options = options
    this.#signatures = signatures
  }

  /** From now on it begins at the anchors that are in force; under others, other keys may have been believed. */
  followAnchors(): void {
    const anchors = this.#options.anchors()
    if (anchors === this.#anchors) return
    this.#anchors = anchors
    this.#zones.clear()
  }

  /** As of the last followAnchors(). */
  get anchors(): TrustAnchors {
    return this.#anchors as TrustAnchors
  }

  /** The keys that speak for `zone`, or why there are none. */
  trustIn(request: Request, zone: Name): Pending<ZoneTrust> {
    const anchors = this.anchors
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
        const delegation = this.delegationAt(request, zone)
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
    inherit(request, finding)
    return { kind: 'bogus', reason: whyFailed(finding) }
  }

  /** Verifies a DNSKEY set by the keys that an anchor or the parent's DS vouches for: RFC 4035 §5.2. */
  judgeKeys(request: Request, keySet: RRset): Pending<Verdict> {
    const zone = keySet.owner
    const { policy } = this.#options
    const anchors = this.anchors
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
    const delegation = this.delegationAt(request, zone)
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
    const verdict = this.#signatures.verify(request, keySet, keySet.owner, vouched)
    if (isLater(verdict)) return verdict
    if (verdict.security === 'secure')
      this.#remember(nameKey(keySet.owner), keys, this.#options.clock.wallMs() + keySet.ttl * 1000)
    return verdict
  }

  /** What the parent says of the zone `name`: its DS set, that it is unsigned, or that there is no zone of that name. */
  delegationAt(request: Request, name: Name): Pending<ParentsWord> {
    if (request.isAfter(name, Type.DS)) return { kind: 'bogus', reason: 'delegation unproven' }
    const finding = request.need(name, Type.DS, 'proof')
    if (finding === undefined) return 'wait'
    const dsSet = finding.answer.find((set) => set.type === Type.DS && equalNames(set.owner, name))
    if (finding.security === 'insecure') {
      const isOurLimit = finding.edes.some(({ code }) => code === Ede.UNSUPPORTED_NSEC3_ITERATIONS)
      return { kind: 'insecure', why: isOurLimit ? InsecureReason.ITERATIONS : '' }
    }
    if (finding.security !== 'secure') {
      inherit(request, finding)
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
}

/** What follows for data from a zone that no keys speak for. */
export function asVerdict(trust: ZoneTrust & { kind: 'insecure' | 'bogus' }): Verdict {
  return trust.kind === 'insecure' ? insecure(trust.why) : bogus(trust.reason)
}

/** The reasons of a failed sub-request are reasons of this one. */
function inherit(request: Request, finding: Request): void {
  for (const note of finding.edes) request.addEde(note.code, note.text)
  request.bogus ??= finding.bogus
}

/** Why a link of the chain failed, now or, if that is remembered, then. */
function whyFailed(finding: Request): BogusReason {
  const remembered = finding.edes.map(({ code }) => reasonOf(code)).find((reason) => reason !== undefined)
  return finding.bogus?.reason ?? remembered ?? 'delegation unproven'
}
