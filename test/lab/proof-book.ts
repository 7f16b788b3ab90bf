/** Which records of a signed zone show that something is not there? What an authoritative server adds to its answers for
 *  clients that set DO: RFC 4035 §3.1.3 and §3.1.4 (NSEC), RFC 5155 §7.2 (NSEC3). */

import { nsec3Hash } from '../../src/dnssec/nsec3.ts'
import { base32HexText } from '../../src/wire/base32.ts'
import {
  ancestorWith,
  compareCanonical,
  countLabels,
  firstLabel,
  type Name,
  nameKey,
  parentName,
  prependLabel,
} from '../../src/wire/name.ts'
import type { RRset } from '../../src/wire/rrset.ts'
import { Type } from '../../src/wire/types.ts'

export interface ProofBook {
  /** `qname` is not there, nor a wildcard right below `encloser`. */
  noName(qname: Name, encloser: Name): RRset[]
  /** `qname` is there, and without the type that was asked for. */
  noData(qname: Name): RRset[]
  /** The wildcard of `encloser` stands in for `qname`, without the type that was asked for. */
  wildcardNoData(qname: Name, encloser: Name): RRset[]
  /** `qname` is not there, so the wildcard of `encloser` is right to answer. */
  expansion(qname: Name, encloser: Name): RRset[]
}

/** From the NSEC and NSEC3 sets of a zone; of an unsigned one, a book without proofs. */
export function proofBook(apex: Name, sets: readonly RRset[]): ProofBook {
  const hashed = sets.filter((set) => set.type === Type.NSEC3)
  if (hashed.length > 0) return new HashedBook(apex, hashed)
  return new PlainBook(sets.filter((set) => set.type === Type.NSEC))
}

class PlainBook implements ProofBook {
  private readonly sets: RRset[]

  constructor(sets: RRset[]) {
    this.sets = [...sets].sort((a, b) => compareCanonical(a.owner, b.owner))
  }

  noName(qname: Name, encloser: Name): RRset[] {
    return [...this.before(qname), ...this.before(wildcardBelow(encloser))]
  }

  noData(qname: Name): RRset[] {
    return this.before(qname) // its own, or at an empty non-terminal the one before
  }

  wildcardNoData(qname: Name, encloser: Name): RRset[] {
    return this.noName(qname, encloser)
  }

  expansion(qname: Name): RRset[] {
    return this.before(qname)
  }

  /** The set at a name, or the one whose gap the name is in. */
  private before(name: Name): RRset[] {
    const found = this.sets.findLast((set) => compareCanonical(set.owner, name) <= 0) ?? this.sets.at(-1)
    return found === undefined ? [] : [found]
  }
}

class HashedBook implements ProofBook {
  private readonly apex: Name
  private readonly sets: { hash: string; set: RRset }[]
  private readonly hashOf: (name: Name) => string

  constructor(apex: Name, sets: RRset[]) {
    this.apex = apex
    this.sets = sets.map((set) => ({ hash: Buffer.from(firstLabel(set.owner)).toString('latin1').toLowerCase(), set }))
    this.sets.sort((a, b) => (a.hash < b.hash ? -1 : 1))
    const [rdata] = sets[0].rdatas
    const iterations = (rdata[2] << 8) | rdata[3]
    const salt = rdata.subarray(5, 5 + rdata[4])
    const known = new Map<string, string>()
    this.hashOf = (name) => {
      const key = nameKey(name)
      const hash = known.get(key) ?? base32HexText(nsec3Hash(name, salt, iterations))
      known.set(key, hash)
      return hash
    }
  }

  noName(qname: Name, encloser: Name): RRset[] {
    const provable = this.provable(encloser)
    return [...this.enclosing(qname, provable), ...this.covering(wildcardBelow(provable))]
  }

  noData(qname: Name): RRset[] {
    const own = this.at(qname)
    return own.length > 0 ? own : this.enclosing(qname, this.provable(parentName(qname))) // RFC 5155 §7.2.4
  }

  wildcardNoData(qname: Name, encloser: Name): RRset[] {
    return [...this.enclosing(qname, encloser), ...this.at(wildcardBelow(encloser))]
  }

  expansion(qname: Name, encloser: Name): RRset[] {
    return this.covering(nextCloser(qname, encloser))
  }

  /** RFC 5155 §7.2.1: the deepest name at or above that the chain has. Opt-out hides what leads to unsigned cuts only. */
  private provable(name: Name): Name {
    let above = name
    while (this.at(above).length === 0 && above.length > this.apex.length) above = parentName(above)
    return above
  }

  /** RFC 5155 §7.2.1: the closest encloser proof. */
  private enclosing(qname: Name, encloser: Name): RRset[] {
    return [...this.at(encloser), ...this.covering(nextCloser(qname, encloser))]
  }

  private at(name: Name): RRset[] {
    const hash = this.hashOf(name)
    const found = this.sets.find((known) => known.hash === hash)
    return found === undefined ? [] : [found.set]
  }

  private covering(name: Name): RRset[] {
    const hash = this.hashOf(name)
    return [(this.sets.findLast((known) => known.hash <= hash) ?? this.sets.at(-1)!).set]
  }
}

function nextCloser(qname: Name, encloser: Name): Name {
  return ancestorWith(qname, countLabels(encloser) + 1)
}

/** Too long a wildcard cannot exist; the name above proves as much. */
function wildcardBelow(encloser: Name): Name {
  return prependLabel(Uint8Array.of(0x2a), encloser) ?? encloser
}
