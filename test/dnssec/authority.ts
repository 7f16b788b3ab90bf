/** Which denial records does an authoritative server take from its signed zone to answer a question? RFC 4035 §3.1.3,
 *  RFC 5155 §7.2. Written from those, apart from the code that judges proofs. */

import { nsec3Hash } from '../../src/dnssec/nsec3.ts'
import { base32HexText } from '../../src/wire/base32.ts'
import {
  ancestorWith,
  compareCanonical,
  countLabels,
  equalNames,
  type Name,
  nameToText,
  parentName,
} from '../../src/wire/name.ts'
import type { RRset } from '../../src/wire/rrset.ts'
import { Type } from '../../src/wire/types.ts'
import type { SignedZone } from './signed-zone.ts'
import type { Truth } from './truth.ts'

/** Finds the record that matches a name, or the one whose gap the name is in. */
export interface DenialRecords {
  all: RRset[]
  matching(name: Name): RRset | undefined
  covering(name: Name): RRset
}

export function denialRecords(zone: SignedZone): DenialRecords {
  const nsecs = zone.ofType(Type.NSEC).sort((a, b) => compareCanonical(a.owner, b.owner))
  return nsecs.length > 0 ? byName(nsecs) : byHash(zone)
}

function byName(nsecs: RRset[]): DenialRecords {
  return {
    all: nsecs,
    matching: (name) => nsecs.find((set) => equalNames(set.owner, name)),
    covering: (name) => nsecs.findLast((set) => compareCanonical(set.owner, name) < 0) as RRset,
  }
}

function byHash(zone: SignedZone): DenialRecords {
  const all = zone.ofType(Type.NSEC3)
  const [{ rdatas }] = all
  const salt = rdatas[0].subarray(5, 5 + rdatas[0][4])
  const iterations = (rdatas[0][2] << 8) | rdatas[0][3]
  const hashes = new Map(all.map((set) => [nameToText(set.owner).split('.')[0].toLowerCase(), set]))
  const order = [...hashes.keys()].sort()
  const hashOf = (name: Name) => base32HexText(nsec3Hash(name, salt, iterations))
  return {
    all,
    matching: (name) => hashes.get(hashOf(name)),
    covering(name) {
      const hash = hashOf(name)
      return hashes.get(order.findLast((other) => other < hash) ?? (order.at(-1) as string)) as RRset
    },
  }
}

const wildcardAt = (encloser: Name): Name => Uint8Array.of(1, 0x2a, ...encloser)

/** The records a server sends with its answer of kind `truth`, none twice. */
export function minimalProof(records: DenialRecords, hashed: boolean, qname: Name, truth: Truth): RRset[] {
  const proof = new Set(hashed ? hashedProof(records, qname, truth) : namedProof(records, qname, truth))
  return [...proof]
}

function namedProof({ matching, covering }: DenialRecords, qname: Name, truth: Truth): RRset[] {
  switch (truth.kind) {
    case 'no-data':
      return [matching(qname) ?? covering(qname)]
    case 'no-name':
      return [covering(qname), covering(wildcardAt(truth.encloser))]
    case 'expanded':
      return [covering(qname)]
    case 'expanded-no-data': {
      const wildcard = wildcardAt(truth.encloser)
      return [covering(qname), matching(wildcard) ?? covering(wildcard)]
    }
    default:
      return []
  }
}

function hashedProof({ matching, covering }: DenialRecords, qname: Name, truth: Truth): RRset[] {
  if (truth.kind !== 'no-data' && !('encloser' in truth)) return []
  const own = matching(qname)
  if (truth.kind === 'no-data' && own !== undefined) return [own]
  // What opt-out leaves out of the chain cannot be the closest encloser that is shown.
  let encloser = qname
  do {
    if (encloser.length === 1) throw new Error(`${nameToText(qname)} has no encloser in the chain`)
    encloser = parentName(encloser)
  } while (matching(encloser) === undefined)
  const nextCloser = covering(ancestorWith(qname, countLabels(encloser) + 1))
  const wildcard = wildcardAt(encloser)
  switch (truth.kind) {
    case 'no-data':
      return [matching(encloser) as RRset, nextCloser]
    case 'no-name':
      return [matching(encloser) as RRset, nextCloser, covering(wildcard)]
    case 'expanded':
      return [nextCloser]
    case 'expanded-no-data':
      return [matching(encloser) as RRset, nextCloser, matching(wildcard) ?? covering(wildcard)]
    default:
      return []
  }
}
