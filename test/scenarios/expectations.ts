/** Scenarios that Bowline does not pass, and why that is so. The list stays true: a scenario that is listed and does
 *  better, or worse, than it says here fails the test. */

import type { Verdict } from './replay.ts'

export interface Expectation {
  verdict: Exclude<Verdict, 'pass'>
  reason: string
}

const DSA: Expectation = {
  verdict: 'fail',
  reason: 'the anchor is of algorithm DSA (3), which nobody should trust: the zone is insecure to us, RFC 4035 §5.2',
}

/** By path inside the shared folder. */
export const EXPECTATIONS: Record<string, Expectation> = {
  'deckard/val_nsec3_nods_badsig.rpl': DSA,
  'deckard/val_positive_nosigs.rpl': DSA,
  'deckard/val_secds_nosig.rpl': DSA,
  'deckard/nsec_aggr_cache.rpl': { verdict: 'fail', reason: 'needs aggressive use of cached denials, RFC 8198' },
}
