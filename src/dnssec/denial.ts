/** Is an absence proven? One door to both kinds of proof, NSEC and NSEC3, for the claims a validator has to check. */

import { isAtOrBelow, isBelow, type Name } from '../wire/name.ts'
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
  saysNoName,
} from './nsec.ts'
import { type HashPrice, MAX_NSEC3, type Nsec3, Nsec3Chain, type Nsec3Proof, readNsec3 } from './nsec3.ts'
import { bogus, InsecureReason, insecure, SECURE, type Verdict } from './verdict.ts'

/** The verified NSEC and NSEC3 sets of one reply, all signed by `zone`. */
export interface Proofs {
  zone: Name
  nsecs: Nsec[]
  /** One for each set of parameters: while a zone changes them, it has two chains. */
  chains: Nsec3Chain[]
  /** NSEC3 records with more iterations than we care to compute: the zone is treated as unsigned, RFC 9276 §3.2. */
  tooManyIterations: boolean
}

export const { OPT_OUT, ITERATIONS } = InsecureReason

/** Sorts verified sets into proofs. Records that break the rules of their kind are left out. */
export function readProofs(sets: readonly RRset[], zone: Name, maxIterations: number, price: HashPrice): Proofs {
  const nsecs: Nsec[] = []
  const hashed: Nsec3[] = []
  let tooManyIterations = false
  for (const set of sets) {
    if (set.type === Type.NSEC) {
      const nsec = readNsec(set, zone)
      if (nsec !== undefined) nsecs.push(nsec)
    } else if (set.type === Type.NSEC3) {
      const nsec3 = readNsec3(set, zone)
      if (nsec3 === undefined) continue
      if (nsec3.iterations > maxIterations) tooManyIterations = true
      else if (hashed.length < MAX_NSEC3) hashed.push(nsec3)
    }
  }
  const chains = byParameters(hashed).map((records) => new Nsec3Chain(records, zone, price))
  return { zone, nsecs, chains, tooManyIterations }
}

/** RFC 5155 §8.2: only records with one salt and one number of iterations prove something together. */
function byParameters(records: readonly Nsec3[]): Nsec3[][] {
  const groups = new Map<string, Nsec3[]>()
  for (const record of records) {
    const parameters = `${record.iterations} ${Buffer.from(record.salt).toString('hex')}`
    const group = groups.get(parameters)
    if (group === undefined) groups.set(parameters, [record])
    else group.push(record)
  }
  return [...groups.values()]
}

/** `qname` does not exist. */
export function proveNoName(proofs: Proofs, qname: Name): Verdict {
  if (!isBelow(qname, proofs.zone)) return bogus('denial missing') // the apex of a zone is always there
  if (nsecProvesNoName(proofs.nsecs, qname)) return SECURE
  return byChains(proofs, (chain) => chain.provesNoName(qname))
}

/** `qname` exists, or a wildcard stands in for it, but has no `qtype`. */
export function proveNoData(proofs: Proofs, qname: Name, qtype: number): Verdict {
  if (!isAtOrBelow(qname, proofs.zone) || isOwnDs(proofs.zone, qname, qtype)) return bogus('denial missing')
  if (nsecProvesNoData(proofs.nsecs, qname, qtype)) return SECURE
  return byChains(proofs, (chain) => chain.provesNoData(qname, qtype))
}

/** A zone knows nothing of the DS set above it (RFC 6840 §4.4); above the root there is none. */
function isOwnDs(zone: Name, qname: Name, qtype: number): boolean {
  return qtype === Type.DS && qname.length === zone.length && zone.length > 1
}

/** The answer for `qname` was rightly expanded from the wildcard of `encloser`: there is nothing closer. */
export function proveExpansion(proofs: Proofs, qname: Name, encloser: Name): Verdict {
  if (!isBelow(qname, encloser) || !isAtOrBelow(encloser, proofs.zone)) return bogus('denial missing')
  if (nsecProvesExpansion(proofs.nsecs, qname, encloser)) return SECURE
  return byChains(proofs, (chain) => chain.provesExpansion(qname, encloser))
}

/** What the parent's proofs say of the name of a delegation. `cut`: it is one, without DS, so the child is unsigned;
 *  `no-cut`: there is no delegation at this name; `unproven`: neither is shown. */
export function proveNoDs(proofs: Proofs, name: Name): 'cut' | 'no-cut' | 'unproven' | 'too-costly' {
  // The child's own record at its apex says nothing about DS, RFC 6840 §4.4.
  if (!isBelow(name, proofs.zone)) return 'unproven'
  const record = recordAt(proofs, name)
  if (record !== undefined) {
    if (nsecHas(record, Type.DS) || nsecHas(record, Type.SOA)) return 'unproven'
    return nsecHas(record, Type.NS) ? 'cut' : 'no-cut'
  }
  if (nsecProvesNoData(proofs.nsecs, name, Type.DS) || nsecProvesNoName(proofs.nsecs, name)) return 'no-cut'
  const noData = best(proofs, (chain) => chain.provesNoData(name, Type.DS))
  const noName = noData === 'unproven' ? best(proofs, (chain) => chain.provesNoName(name)) : noData
  if (noName === 'proven') return 'no-cut'
  if (noName === 'opt-out') return 'cut' // RFC 5155 §8.9: an unsigned delegation may be there, so it may be believed
  if (noName === 'too-costly') return 'too-costly'
  return proofs.tooManyIterations ? 'cut' : 'unproven'
}

/** Whether the zone says by compact denial that `qname` does not exist, though the reply's RCODE was NOERROR: RFC 9824 §5. */
export function provesNoNameCompactly(proofs: Proofs, qname: Name): boolean {
  const record = recordAt(proofs, qname)
  return record !== undefined && saysNoName(record)
}

/** The record that matches `name` itself. */
function recordAt(proofs: Proofs, name: Name): Pick<Nsec, 'bitmap'> | undefined {
  const nsec = nsecAt(proofs.nsecs, name)
  if (nsec !== undefined) return nsec
  for (const chain of proofs.chains) {
    const nsec3 = chain.at(name)
    if (nsec3 !== undefined) return nsec3
  }
  return undefined
}

function byChains(proofs: Proofs, prove: (chain: Nsec3Chain) => Nsec3Proof): Verdict {
  switch (best(proofs, prove)) {
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

const worth: readonly Nsec3Proof[] = ['unproven', 'too-costly', 'opt-out', 'proven']

/** The most that one of the chains proves. */
function best(proofs: Proofs, prove: (chain: Nsec3Chain) => Nsec3Proof): Nsec3Proof {
  let most: Nsec3Proof = 'unproven'
  for (const chain of proofs.chains) {
    const outcome = prove(chain)
    if (worth.indexOf(outcome) > worth.indexOf(most)) most = outcome
    if (most === 'proven') break
  }
  return most
}
