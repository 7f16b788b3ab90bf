/** How do the claims of DNSSEC come out? Every proof in this folder gives one of these. RFC 4035 §4.3. */

import { Ede } from '../wire/types.ts'

/** Why something is not shown to be true, in words that RFC 8914 has codes for. */
export type BogusReason =
  | 'signature missing'
  | 'signature expired'
  | 'signature not yet valid'
  | 'signature expired before valid'
  | 'signature wrong'
  | 'no key for signature'
  | 'key is no zone key'
  | 'key set not vouched for'
  | 'denial missing'
  | 'signer outside the zone'
  | 'too many labels in signature'
  | 'too few labels in signature'
  | 'limit reached'
  | 'delegation unproven'
  | 'trust anchor unusable'

/** Why something is not to be shown at all. The last three are limits of ours, not the owner's wish to be unsigned. */
export const InsecureReason = {
  OPT_OUT: 'opt-out', // RFC 5155 §9.2
  NEGATIVE_ANCHOR: 'negative trust anchor', // RFC 7646
  ITERATIONS: 'too many NSEC3 iterations', // RFC 9276 §3.2
  ALGORITHM: 'unsupported algorithm', // RFC 4035 §5.2
  DIGEST: 'unsupported digest', // RFC 4509 §4
} as const

export type Bogus = {
  security: 'bogus'
  reason: BogusReason
  keyTag?: number
  /** How long ago a signature has expired, or until one is valid: minutes may be a matter of clocks. */
  offBySeconds?: number
}
export type Verdict = { security: 'secure' } | { security: 'insecure'; why: string } | Bogus

export const SECURE: Verdict = { security: 'secure' }

export function insecure(why: string): Verdict {
  return { security: 'insecure', why }
}

export function bogus(reason: BogusReason, keyTag?: number): Bogus {
  return { security: 'bogus', reason, keyTag }
}

const codes: Record<BogusReason, Ede> = {
  'signature missing': Ede.RRSIGS_MISSING,
  'signature expired': Ede.SIGNATURE_EXPIRED,
  'signature not yet valid': Ede.SIGNATURE_NOT_YET_VALID,
  'signature expired before valid': Ede.SIGNATURE_EXPIRED_BEFORE_VALID,
  'signature wrong': Ede.DNSSEC_BOGUS,
  'no key for signature': Ede.DNSKEY_MISSING,
  'key is no zone key': Ede.NO_ZONE_KEY_BIT_SET,
  'key set not vouched for': Ede.DNSKEY_MISSING,
  'denial missing': Ede.NSEC_MISSING,
  'signer outside the zone': Ede.DNSSEC_BOGUS,
  'too many labels in signature': Ede.DNSSEC_BOGUS,
  'too few labels in signature': Ede.DNSSEC_BOGUS,
  'limit reached': Ede.OTHER,
  'delegation unproven': Ede.DNSSEC_INDETERMINATE,
  'trust anchor unusable': Ede.UNSUPPORTED_DNSKEY_ALGORITHM,
}

/** The Extended DNS Error that says `reason`, RFC 8914 §4. */
export function edeFor(reason: BogusReason): Ede {
  return codes[reason]
}

/** The reason that a remembered Extended DNS Error stands for, as near as its code tells. */
export function reasonOf(code: number): BogusReason | undefined {
  if (!isValidationFailure(code)) return undefined
  return (Object.keys(codes) as BogusReason[]).find((reason) => codes[reason] === code)
}

/** Whether an Extended DNS Error says that validation failed. */
export function isValidationFailure(code: number): boolean {
  return failureCodes.has(code)
}

/** Without those that also go with insecure answers. */
const failureCodes: ReadonlySet<number> = new Set(
  Object.values(codes).filter((code) => code !== Ede.OTHER && code !== Ede.UNSUPPORTED_DNSKEY_ALGORITHM),
)

const insecureCodes: Readonly<Record<string, Ede>> = {
  [InsecureReason.NEGATIVE_ANCHOR]: Ede.NEGATIVE_TRUST_ANCHOR,
  [InsecureReason.ITERATIONS]: Ede.UNSUPPORTED_NSEC3_ITERATIONS,
  [InsecureReason.ALGORITHM]: Ede.UNSUPPORTED_DNSKEY_ALGORITHM,
  [InsecureReason.DIGEST]: Ede.UNSUPPORTED_DS_DIGEST_TYPE,
}

/** The Extended DNS Error that goes with an insecure answer; undefined where being unsigned is nothing to report. */
export function edeForInsecure(why: string): Ede | undefined {
  return insecureCodes[why]
}
