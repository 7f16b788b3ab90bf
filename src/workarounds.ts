/** Zones whose servers do not bear what all others do, known to many resolvers (`options/violators-workarounds`). Data, and
 *  nothing else. A server that loses the case is found out by itself as well (0x20); this spares it the attempt. */

/** Their servers answer otherwise, or not at all, when the name is in mixed case. */
export const MIXED_CASE_VIOLATORS: readonly string[] = [
  'avqs.mcafee.com.', // DVE-2017-0003: the name carries data, and its case counts
  'avts.mcafee.com.',
]
