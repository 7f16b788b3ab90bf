/** Scenarios that Bowline does not pass, and why that is so. The list stays true: a scenario that is listed and does
 *  better, or worse, than it says here fails the test. */

import type { Verdict } from './replay.ts'

export interface Expectation {
  verdict: Exclude<Verdict, 'pass'> | 'unsupported'
  reason: string
}

/** By path inside the shared folder. */
export const EXPECTATIONS: Record<string, Expectation> = {
  'deckard/val_nsec3_nods_badsig.rpl': {
    verdict: 'undefined',
    reason:
      'keys are fetched when they are needed, not on entering a zone: one shortened name is asked before they fail',
  },
  'modules/view-module_view_tsig.rpl': {
    verdict: 'unsupported',
    reason: 'goes by the name of a TSIG key without checking its signature: anybody could write that name',
  },
}
