/** What do wildcards look like to DNSSEC? RFC 4034 §3.1.3 (labels of an RRSIG), RFC 4592 §2.1 and §3.3.1. */

import { countLabels, isWildcard, type Name } from '../wire/name.ts'

/** `*.encloser`. It cannot be too long for a name where the encloser is that of a longer one. */
export function wildcardOf(encloser: Name): Name {
  const wildcard = new Uint8Array(encloser.length + 2)
  wildcard[0] = 1
  wildcard[1] = 0x2a
  wildcard.set(encloser, 2)
  return wildcard
}

/** Labels as an RRSIG counts them: without a leading asterisk. */
export function signedLabels(owner: Name): number {
  return countLabels(owner) - (isWildcard(owner) ? 1 : 0)
}
