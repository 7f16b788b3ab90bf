/** How much of a name is shown to the servers on the way down? QNAME minimisation, RFC 9156. */

import { ancestorWith, countLabels, type Name } from '../wire/name.ts'

/** Most queries with a shortened name for one `sname`; then the whole name is shown. RFC 9156 §2.3 (MAX_MINIMISE_COUNT). */
export const MAX_MINIMISED_QUERIES = 10
/** How many of them add just one label; later ones share out what is left. RFC 9156 §2.3 (MINIMISE_ONE_LAB). */
export const ONE_LABEL_STEPS = 4

const UNDERSCORE = 0x5f

/** How many labels of `sname` to show next, when servers already saw `revealed` of them in `spent` minimised queries.
 *  At least one more than `revealed`; all of them when minimising has come to its end. */
export function labelsToReveal(sname: Name, revealed: number, spent: number): number {
  const total = countLabels(sname)
  const left = total - revealed
  if (left <= 1 || spent >= MAX_MINIMISED_QUERIES) return total
  let labels = revealed + 1
  if (spent >= ONE_LABEL_STEPS) labels = revealed + Math.max(1, Math.ceil(left / (MAX_MINIMISED_QUERIES - spent)))
  // Names like _dmarc or _tcp are nobody's zone cut, and some servers deny them: step over (RFC 9156 §5 warns of such servers).
  while (labels < total && ancestorWith(sname, labels)[1] === UNDERSCORE) labels++
  return Math.min(labels, total)
}
