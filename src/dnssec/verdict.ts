/** How do the claims of DNSSEC come out? Every proof in this folder gives one of these. RFC 4035 §4.3. */

import { Ede } from '../wire/types.ts'

/** Why something is not shown to be true, in words that RFC 8914 has codes for. */
export type BogusReason =
  | 'signature missing'
  | 'signature expired'
  | 'signature not yet valid'
  | 'signature wrong'
  | 'no key for signature'
  | 'key is no zone key'
  | 'key set not vouched for'
  | 'denial missing'
  | 'signer outside the zone'
  | 'too many labels in signature'
  | 'limit reached'
  | 'delegation unproven'

export type Verdict =
  | { security: 'secure' }
  | { security: 'insecure'; why: string }
  | { security: 'bogus'; reason: BogusReason; keyTag?: number }

export const SECURE: Verdict = { security: 'secure' }

export function insecure(why: string): Verdict {
  return { security: 'insecure', why }
}

export function bogus(reason: BogusReason, keyTag?: number): Verdict {
  return { security: 'bogus', reason, keyTag }
}

const codes: Record<BogusReason, Ede> = {
  'signature missing': Ede.RRSIGS_MISSING,
  'signature expired': Ede.SIGNATURE_EXPIRED,
  'signature not yet valid': Ede.SIGNATURE_NOT_YET_VALID,
  'signature wrong': Ede.DNSSEC_BOGUS,
  'no key for signature': Ede.DNSKEY_MISSING,
  'key is no zone key': Ede.NO_ZONE_KEY_BIT_SET,
  'key set not vouched for': Ede.DNSKEY_MISSING,
  'denial missing': Ede.NSEC_MISSING,
  'signer outside the zone': Ede.DNSSEC_BOGUS,
  'too many labels in signature': Ede.DNSSEC_BOGUS,
  'limit reached': Ede.OTHER,
  'delegation unproven': Ede.DNSSEC_INDETERMINATE,
}

/** The Extended DNS Error that says `reason`, RFC 8914 §4. */
export function edeFor(reason: BogusReason): Ede {
  return codes[reason]
}
