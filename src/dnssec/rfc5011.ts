/** When does a new key of a zone become a trust anchor, and when does an old one cease to be? The states of RFC 5011 §4, as
 *  a pure function of what was known, the zone's present key set and the time. */

import { equalNames, type Name } from '../wire/name.ts'
import { type RRset, rrsigFields } from '../wire/rrset.ts'
import { parseDs, usableDs, vouchedKeys } from './ds.ts'
import {
  type AlgorithmPolicy,
  checkSignature,
  type DnsKey,
  isEntryPoint,
  isRevoked,
  isZoneKey,
  parseDnsKey,
  supportsAlgorithm,
} from './keys.ts'
import { type Price, signedData, verifyRRset } from './signature.ts'
import { withTimeOff } from './time-off.ts'
import type { TrustAnchor } from './trust-anchors.ts'
import { type Bogus, bogus } from './verdict.ts'

/** RFC 5011 §4.2. `add-pending`: seen, but not for long enough; `missing`: trusted, though no longer in the zone;
 *  `revoked`: by its owner, and never to be trusted again; `removed`: that is long ago. */
export type KeyState = 'add-pending' | 'valid' | 'missing' | 'revoked' | 'removed'

export interface ManagedKey {
  /** RDATA of the DNSKEY as it was before any revocation. */
  rdata: Uint8Array
  state: KeyState
  /** Wall milliseconds at which it came into its state. */
  sinceMs: number
  /** For `add-pending`: until when it has to be seen before it is trusted. */
  untilMs?: number
}

/** All that is known of the anchors of a zone. */
export interface ManagedZone {
  zone: Name
  /** RDATA of trusted DS records whose keys have not been seen yet. */
  ds: readonly Uint8Array[]
  keys: readonly ManagedKey[]
}

export interface KeyChange {
  rdata: Uint8Array
  tag: number
  from: KeyState | 'unknown'
  to: KeyState | 'unknown'
}

export type Observation =
  | { kind: 'observed'; zone: ManagedZone; changes: KeyChange[]; refreshMs: number; retryMs: number }
  | { kind: 'refused'; zone: ManagedZone; changes: KeyChange[]; why: Bogus }

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** RFC 5011 §2.4.1 and §2.4.2. */
export const HOLD_DOWN_MS = 30 * DAY_MS
/** RFC 5011 §2.3: no look-up that has failed is repeated sooner. */
export const SHORTEST_RETRY_MS = HOUR_MS
/** Keys that are watched for one zone. */
const MAX_KEYS = 32

/** Checking an anchor's key set is the resolver's own wish, a few signatures a day. */
const FREE: Price = { verification: () => true, failure: () => true }

/** Where management begins: what the operator, or IANA, says is trusted. */
export function unmanaged({ zone, ds, keys }: TrustAnchor, nowMs: number): ManagedZone {
  return { zone, ds, keys: keys.map((rdata) => ({ rdata, state: 'valid', sinceMs: nowMs })) }
}

/** The anchor for validation; undefined when none is left: all were revoked, and the zone counts as one without anchor
 *  (RFC 5011 §5). */
export function anchorOf({ zone, ds, keys }: ManagedZone): TrustAnchor | undefined {
  const trusted = keys.filter((key) => isTrusted(key.state)).map((key) => key.rdata)
  return ds.length + trusted.length === 0 ? undefined : { zone, ds: [...ds], keys: trusted }
}

function isTrusted(state: KeyState): boolean {
  return state === 'valid' || state === 'missing'
}

/** What follows from seeing `keySet`, the DNSKEY set of the zone with its signatures, now. */
export function observeKeys(known: ManagedZone, keySet: RRset, nowMs: number, policy: AlgorithmPolicy): Observation {
  if (!equalNames(keySet.owner, known.zone))
    return { kind: 'refused', zone: known, changes: [], why: bogus('signer outside the zone') }
  const seen = keySet.rdatas.map(parseDnsKey).filter((key) => key !== undefined)
  const ledger = new Changes(known.keys, nowMs)
  revoke(ledger, known, seen, keySet, nowMs)
  const ds = known.ds.filter((rdata) => !ledger.keys.some((key) => key.state === 'revoked' && isOf(rdata, known, key)))
  const afterRevocation = { zone: known.zone, ds, keys: ledger.keys }
  const trusted = trustedKeys(afterRevocation, seen, policy)
  const nowSeconds = Math.floor(nowMs / 1000)
  const verdict =
    trusted.length === 0
      ? bogus('key set not vouched for')
      : verifyRRset(keySet, known.zone, trusted, nowSeconds, policy, FREE)
  if (verdict.security === 'bogus')
    return {
      kind: 'refused',
      zone: afterRevocation,
      changes: ledger.changes,
      why: withTimeOff(verdict, keySet, nowSeconds),
    }

  const { originalTtl, expiration } = verdict.signature
  const lifeMs = ((expiration - nowSeconds) | 0) * 1000
  const ttlMs = originalTtl * 1000
  const entryPoints = seen.filter(
    (key) => isEntryPoint(key) && isZoneKey(key) && !isRevoked(key) && supportsAlgorithm(key.algorithm, policy),
  )
  const vouched = vouchedKeys(usableDs(ds, policy), known.zone, entryPoints)
  for (const key of vouched) ledger.move(key.rdata, 'valid')
  for (const key of ledger.keys) age(ledger, key, entryPoints, nowMs)
  for (const key of entryPoints) {
    if (ledger.find(key.rdata) !== undefined || ledger.keys.length >= MAX_KEYS) continue
    ledger.move(key.rdata, 'add-pending', nowMs + Math.max(HOLD_DOWN_MS, ttlMs))
  }
  const unseen = ds.filter((rdata) => !vouched.some((key) => isAbout(rdata, known.zone, key)))
  return {
    kind: 'observed',
    zone: { zone: known.zone, ds: unseen, keys: ledger.keys },
    changes: ledger.changes,
    // RFC 5011 §2.3
    refreshMs: Math.max(HOUR_MS, Math.min(15 * DAY_MS, ttlMs / 2, lifeMs / 2)),
    retryMs: Math.max(HOUR_MS, Math.min(DAY_MS, ttlMs / 10, lifeMs / 10)),
  }
}

/** One known key, with the zone's present ones: the transitions of RFC 5011 §4.1 but for revocation. */
function age(ledger: Changes, key: ManagedKey, present: readonly DnsKey[], nowMs: number): void {
  const isPresent = present.some((other) => isSameKey(other.rdata, key.rdata))
  switch (key.state) {
    case 'add-pending':
      if (!isPresent) ledger.forget(key.rdata)
      else if (nowMs >= (key.untilMs ?? key.sinceMs + HOLD_DOWN_MS)) ledger.move(key.rdata, 'valid')
      break
    case 'valid':
      if (!isPresent) ledger.move(key.rdata, 'missing')
      break
    case 'missing':
      if (isPresent) ledger.move(key.rdata, 'valid')
      break
    case 'revoked':
      if (nowMs - key.sinceMs >= HOLD_DOWN_MS) ledger.move(key.rdata, 'removed')
      break
    case 'removed':
      break
  }
}

/** RFC 5011 §2.1: a trusted key is revoked by its own signature over the key set, and nothing else is needed. */
function revoke(
  ledger: Changes,
  { zone, ds }: ManagedZone,
  seen: readonly DnsKey[],
  keySet: RRset,
  nowMs: number,
): void {
  for (const key of seen) {
    if (!isRevoked(key) || !isZoneKey(key)) continue
    const known = ledger.find(key.rdata)
    const isTrustedKey = known === undefined ? ds.some((rdata) => isAbout(rdata, zone, key)) : isTrusted(known.state)
    if (isTrustedKey && hasSigned(key, keySet, nowMs)) ledger.move(key.rdata, 'revoked')
  }
}

function hasSigned(key: DnsKey, keySet: RRset, nowMs: number): boolean {
  const now = Math.floor(nowMs / 1000)
  return keySet.signatures.some((rdata) => {
    const signature = rrsigFields(rdata)
    const { keyTag, algorithm, signer, inception, expiration } = signature
    if (keyTag !== key.tag || algorithm !== key.algorithm || !equalNames(signer, keySet.owner)) return false
    if (((expiration - now) | 0) < 0 || ((now - inception) | 0) < 0) return false
    return checkSignature(key, signedData(keySet, signature, rdata), signature.signature)
  })
}

/** Those of the zone's keys that are trusted already. */
function trustedKeys({ zone, ds, keys }: ManagedZone, seen: readonly DnsKey[], policy: AlgorithmPolicy): DnsKey[] {
  const trusted = keys.filter((key) => isTrusted(key.state))
  const known = seen.filter((key) => trusted.some(({ rdata }) => Buffer.compare(rdata, key.rdata) === 0))
  return [...new Set([...known, ...vouchedKeys(usableDs(ds, policy), zone, seen)])]
}

/** Whether the DS record is about this key, as it was before it was revoked. */
function isAbout(ds: Uint8Array, zone: Name, key: DnsKey): boolean {
  const record = parseDs(ds)
  const before = parseDnsKey(unrevoked(key.rdata))
  return record !== undefined && before !== undefined && vouchedKeys([record], zone, [before]).length > 0
}

function isOf(ds: Uint8Array, { zone }: ManagedZone, { rdata }: ManagedKey): boolean {
  const key = parseDnsKey(rdata)
  return key !== undefined && isAbout(ds, zone, key)
}

/** The same key, revoked or not: the bit changes RDATA and tag. */
function isSameKey(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(unrevoked(a), unrevoked(b)) === 0
}

const REVOKED_BIT = 0x80

function unrevoked(rdata: Uint8Array): Uint8Array {
  if ((rdata[1] & REVOKED_BIT) === 0) return rdata
  const copy = Uint8Array.from(rdata)
  copy[1] &= ~REVOKED_BIT
  return copy
}

/** The keys as they become, and what has changed. */
class Changes {
  keys: ManagedKey[]
  readonly changes: KeyChange[] = []
  readonly #nowMs: number

  constructor(keys: readonly ManagedKey[], nowMs: number) {
    this.keys = [...keys]
    this.#nowMs = nowMs
  }

  find(rdata: Uint8Array): ManagedKey | undefined {
    return this.keys.find((key) => isSameKey(key.rdata, rdata))
  }

  move(rdata: Uint8Array, to: KeyState, untilMs?: number): void {
    const known = this.find(rdata)
    if (known?.state === to || known?.state === 'removed') return
    const key = { rdata: unrevoked(rdata), state: to, sinceMs: this.#nowMs, ...(untilMs && { untilMs }) }
    this.keys = known === undefined ? [...this.keys, key] : this.keys.map((other) => (other === known ? key : other))
    this.#note(key.rdata, known?.state ?? 'unknown', to)
  }

  forget(rdata: Uint8Array): void {
    const known = this.find(rdata)
    if (known === undefined) return
    this.keys = this.keys.filter((key) => key !== known)
    this.#note(known.rdata, known.state, 'unknown')
  }

  #note(rdata: Uint8Array, from: KeyChange['from'], to: KeyChange['to']): void {
    this.changes.push({ rdata, tag: parseDnsKey(rdata)?.tag ?? 0, from, to })
  }
}
