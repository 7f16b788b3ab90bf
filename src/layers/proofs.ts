/** Proofs that go to the client beside a positive answer, RFC 4035 §3.1.3.3. */

import type { Request } from '../request.ts'
import { equalNames } from '../wire/name.ts'
import type { RRset } from '../wire/rrset.ts'

/** Adds NSEC and NSEC3 sets to the authority section, none twice. */
export function showProofs(request: Request, proofs: readonly RRset[]): void {
  for (const proof of proofs) {
    const shown = request.authority.some((set) => set.type === proof.type && equalNames(set.owner, proof.owner))
    if (!shown) request.authority.push(proof)
  }
}
