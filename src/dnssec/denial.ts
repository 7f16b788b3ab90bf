/** Is an absence proven? One door to both kinds of proof, NSEC and NSEC3, for the claims a validator has to check. */

import { equalNames, type Name } from '../wire/name.ts'
import type { RRset } from '../wire/rrset.ts'
import { Type } from '../wire/types.ts'
import {
  type Nsec,
  nsecAt,
  nsecHas,
  nsecProvesExpansion,
  nsecProvesNoData,
  nsecProvesNoName,
  readNsec,
} from './nsec.ts'
import { type HashPrice, MAX_NSEC3, type Nsec3, Nsec3Chain, type Nsec3Proof, readNsec3 } from './nsec3.ts'
import { bogus, insecure, SECURE, type Verdict } from './verdict.ts'

/** The verified NSEC and NSEC3 sets of one reply, all signed by `zone`. */
export interface Proofs {
  zone: Name
  nsecs: Nsec[]
  chain: Nsec3Chain | undefined
  /** NSEC3 records with more iterations than we care to compute: the zone is treated as unsigned, RFC 9276 §3.2. */
  tooManyIterations: boolean
}

export const OPT_OUT = 'opt-out'
export const ITERATIONS = 'too many NSEC3 iterations'

/** Sorts verified sets into proofs. Records that break the rules of their kind are left out. */
export function readProofs(sets: readonly RRset[], zone: Name, maxIterations: number, price: HashPrice): Proofs {
  const nsecs: Nsec[] = []
  const hashed: Nsec3[] = []
  let tooManyIterations = false
  for (const set of sets) {
    if (set.rdatas.length === 0) continue
    if (set.type === Type.NSEC) {
      const nsec = readNsec(set, zone)
      if (nsec !== undefined) nsecs.push(nsec)
    } else if (set.type === Type.NSEC3) {
      const nsec3 = readNsec3(set, zone)
      if (nsec3 === undefined || hashed.length >= MAX_NSEC3) continue
      if (nsec3.iterations > maxIterations) tooManyIterations = true
      else hashed.push(nsec3)
    }
  }
  // RFC 5155 §8.2: one chain has one salt and one number of iterations.
  const alike = hashed.filter(
    (nsec3) => nsec3.iterations === hashed[0].iterations && Buffer.compare(nsec3.salt, hashed[0].salt) === 0,
  )
  const chain = alike.length > 0 ? new Nsec3Chain(alike, zone, price) : undefined
  return { zone, nsecs, chain, tooManyIterations }
}

/** `qname` does not exist. */
export function proveNoName(proofs: Proofs, qname: Name): Verdict {
  if (nsecProvesNoName(proofs.nsecs, qname)) return SECURE
  return byChain(proofs, (chain) => chain.provesNoName(qname))
}

/** `qname` exists, or a wildcard stands in for it, but has no `qtype`. */
export function proveNoData(proofs: Proofs, qname: Name, qtype: number): Verdict {
  if (nsecProvesNoData(proofs.nsecs, qname, qtype)) return SECURE
  return byChain(proofs, (chain) => chain.provesNoData(qname, qtype))
}

/** The answer for `qname` was rightly expanded from the wildcard of `encloser`: there is nothing closer. */
export function proveExpansion(proofs: Proofs, qname: Name, encloser: Name): Verdict {
  if (nsecProvesExpansion(proofs.nsecs, qname, encloser)) return SECURE
  return byChain(proofs, (chain) => chain.provesExpansion(qname, encloser))
}

/** What the parent's proofs say of the name of a delegation. `cut`: it is one, without DS, so the child is unsigned;
 *  `no-cut`: there is no delegation at this name; `unproven`: neither is shown. */
export function proveNoDs(proofs: Proofs, name: Name): 'cut' | 'no-cut' | 'unproven' | 'too-costly' {
  if (proofs.tooManyIterations) return 'cut'
  const record = nsecAt(proofs.nsecs, name) ?? proofs.chain?.at(name)
  if (record !== undefined) {
    // The child's own record at its apex says nothing about DS, RFC 6840 §4.4.
    if (nsecHas(record, Type.DS) || nsecHas(record, Type.SOA) || equalNames(name, proofs.zone)) return 'unproven'
    return nsecHas(record, Type.NS) ? 'cut' : 'no-cut'
  }
  if (nsecProvesNoData(proofs.nsecs, name, Type.DS) || nsecProvesNoName(proofs.nsecs, name)) return 'no-cut'
  const hidden = proofs.chain?.provesNoData(name, Type.DS)
  if (hidden === 'opt-out') return 'cut' // RFC 5155 §8.9: an unsigned delegation may be there, so it may be believed
  if (hidden === 'too-costly') return 'too-costly'
  return hidden === 'proven' || proofs.chain?.provesNoName(name) === 'proven' ? 'no-cut' : 'unproven'
}

function byChain(proofs: Proofs, prove: (chain: Nsec3Chain) => Nsec3Proof): Verdict {
  const outcome = proofs.chain === undefined ? 'unproven' : prove(proofs.chain)
  switch (outcome) {
    case 'proven':
      return SECURE
    case 'opt-out':
      return insecure(OPT_OUT)
    case 'too-costly':
      return bogus('limit reached')
    default:
      return proofs.tooManyIterations ? insecure(ITERATIONS) : bogus('denial missing')
  }
}
