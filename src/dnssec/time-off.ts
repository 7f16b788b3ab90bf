/** By how much is a signature out of its time? Minutes may be a matter of clocks, days are not. */

import { type RRset, rrsigFields } from '../wire/rrset.ts'
import type { Bogus } from './verdict.ts'

/** The verdict on `rrset`, with how far the clock is outside the time of the signature, if that is what is wrong. */
export function withTimeOff(verdict: Bogus, rrset: RRset, nowSeconds: number): Bogus {
  const isExpired = verdict.reason === 'signature expired'
  if (!isExpired && verdict.reason !== 'signature not yet valid') return verdict
  const signatures = rrset.signatures.map((rdata) => rrsigFields(rdata)).filter((s) => s.keyTag === verdict.keyTag)
  const offs = signatures.map((s) => (isExpired ? nowSeconds - s.expiration : s.inception - nowSeconds) | 0)
  const past = offs.filter((seconds) => seconds >= 0)
  return past.length === 0 ? verdict : { ...verdict, offBySeconds: Math.min(...past) }
}
