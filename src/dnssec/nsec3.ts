/** What do NSEC3 records prove to be absent? RFC 5155 §8, RFC 6840 §4 and §5, RFC 9276 (iterations). Names are hidden
 *  behind hashes, so every claim costs hashing; the price is asked for before each hash. */

import { hash as digest } from 'node:crypto'
import { base32HexOctets } from '../wire/base32.ts'
import {
  ancestorWith,
  countLabels,
  equalNames,
  firstLabel,
  foldName,
  isAtOrBelow,
  isBelow,
  MAX_NAME,
  type Name,
  nameKey,
  parentName,
} from '../wire/name.ts'
import type { RRset } from '../wire/rrset.ts'
import { Type } from '../wire/types.ts'
import { belongsTo, isParentSide, lacks, nsecHas, saysNoName } from './nsec.ts'
import { wildcardOf } from './wildcard.ts'

export interface Nsec3 {
  /** Hash of the owner, from its first label. */
  hash: Uint8Array
  nextHash: Uint8Array
  optOut: boolean
  iterations: number
  salt: Uint8Array
  bitmap: Uint8Array
}

/** Asked before `blocks` SHA-1 blocks are computed; false: not granted. */
export type HashPrice = (blocks: number) => boolean

/** RFC 5155 §11: the only hash algorithm there is. */
const SHA1 = 1
const SHA1_OCTETS = 20
const OPT_OUT = 0x01
/** Of one reply; more are only sent to make us work. */
export const MAX_NSEC3 = 8

/** The NSEC3 of a verified set; undefined if it is none we understand, or its owner is not a hash right below `zone`. */
export function readNsec3(rrset: RRset, zone: Name): Nsec3 | undefined {
  const { owner, rdatas } = rrset
  if (rdatas.length !== 1 || !belongsTo(rrset, zone)) return undefined
  if (owner.length === 1 || !equalNames(parentName(owner), zone)) return undefined
  const rdata = rdatas[0]
  if (rdata.length < 6 || rdata[0] !== SHA1) return undefined // §8.1: unknown algorithms are as if absent
  if (rdata[1] & ~OPT_OUT) return undefined // §8.2: unknown flags likewise
  const saltEnd = 5 + rdata[4]
  const hashEnd = saltEnd + 1 + rdata[saltEnd]
  if (!(hashEnd <= rdata.length)) return undefined
  const hash = decodeHash(firstLabel(owner))
  const nextHash = rdata.subarray(saltEnd + 1, hashEnd)
  if (hash?.length !== SHA1_OCTETS || nextHash.length !== SHA1_OCTETS) return undefined
  return {
    hash,
    nextHash,
    optOut: (rdata[1] & OPT_OUT) !== 0,
    iterations: (rdata[2] << 8) | rdata[3],
    salt: rdata.subarray(5, saltEnd),
    bitmap: rdata.subarray(hashEnd),
  }
}

function decodeHash(label: Uint8Array): Uint8Array | undefined {
  try {
    return base32HexOctets(Buffer.from(label).toString('latin1'))
  } catch {
    return undefined
  }
}

/** How an NSEC3 proof came out. `opt-out`: the gap may hide unsigned delegations, so nothing is proven to be absent, and
 *  nothing to be there (RFC 5155 §6, §9.2). `too-costly`: the price was not granted. */
export type Nsec3Proof = 'proven' | 'opt-out' | 'unproven' | 'too-costly'

/** Records of one zone with one set of parameters (RFC 5155 §8.2), and the hashes already computed. */
export class Nsec3Chain {
  readonly records: readonly Nsec3[]
  readonly #zone: Name
  readonly #price: HashPrice
  readonly #hashes: Map<string, Uint8Array>
  #tooCostly = false

  /** `records` is not empty, and shares salt and iterations. `hashes`: what is computed already, by nameKey(). */
  constructor(records: readonly Nsec3[], zone: Name, price: HashPrice, hashes = new Map<string, Uint8Array>()) {
    this.records = records
    this.#zone = zone
    this.#price = price
    this.#hashes = hashes
  }

  /** `qname` does not exist, and no wildcard stands in for it: RFC 5155 §8.4. */
  provesNoName(qname: Name): Nsec3Proof {
    if (this.records.some(saysNoName)) {
      const own = this.at(qname)
      if (own !== undefined) return saysNoName(own) ? 'proven' : 'unproven' // RFC 9824 §4
    }
    const encloser = this.#closestEncloser(qname)
    if (encloser === undefined) return this.#unproven()
    if (this.#covering(wildcardOf(encloser.name)) === undefined) return this.#unproven()
    return encloser.nextCloser.optOut ? 'opt-out' : 'proven'
  }

  /** There is no `qtype` at `qname`: RFC 5155 §8.5 to §8.7. */
  provesNoData(qname: Name, qtype: number): Nsec3Proof {
    const own = this.at(qname)
    if (own !== undefined) return lacks(own, qname, qtype) ? 'proven' : 'unproven'
    const encloser = this.#closestEncloser(qname)
    if (encloser === undefined) return this.#unproven()
    const { optOut } = encloser.nextCloser
    const wildcard = wildcardOf(encloser.name)
    const standIn = this.at(wildcard)
    if (standIn !== undefined) {
      if (!lacks(standIn, wildcard, qtype)) return 'unproven'
      return optOut ? 'opt-out' : 'proven' // §8.7, §9.2
    }
    // §8.6: no DS in an opt-out gap. The same gap may hide an empty non-terminal above such delegations.
    return optOut ? 'opt-out' : this.#unproven()
  }

  /** `qname` is not there itself, so that the wildcard of `encloser` answered rightly: RFC 5155 §8.8. */
  provesExpansion(qname: Name, encloser: Name): Nsec3Proof {
    if (!isBelow(qname, encloser)) return 'unproven'
    const nextCloser = this.#covering(ancestorWith(qname, countLabels(encloser) + 1))
    if (nextCloser === undefined) return this.#unproven()
    return nextCloser.optOut ? 'opt-out' : 'proven'
  }

  /** What is known at `name` itself. */
  at(name: Name): Nsec3 | undefined {
    const hash = this.#hash(name)
    return hash && this.records.find((record) => compareHashes(record.hash, hash) === 0)
  }

  /** The deepest ancestor of `name` that exists, with the gap in which the next deeper one would be: RFC 5155 §8.3. */
  #closestEncloser(name: Name): { name: Name; nextCloser: Nsec3 } | undefined {
    const zoneLabels = countLabels(this.#zone)
    for (let labels = countLabels(name) - 1; labels >= zoneLabels; labels--) {
      const candidate = ancestorWith(name, labels)
      const record = this.at(candidate)
      if (record === undefined) {
        if (this.#tooCostly) return undefined
        continue
      }
      // What is below a cut or a DNAME is not this zone's to deny (RFC 5155 §8.3, RFC 6840 §4.1), nor is there anything
      // below a name that is said not to exist.
      if (isParentSide(record) || nsecHas(record, Type.DNAME) || saysNoName(record)) return undefined
      const nextCloser = this.#covering(ancestorWith(name, labels + 1))
      return nextCloser && { name: candidate, nextCloser }
    }
    return undefined
  }

  #covering(name: Name): Nsec3 | undefined {
    const hash = this.#hash(name)
    return hash && this.records.find((record) => isBetween(record, hash))
  }

  #hash(name: Name): Uint8Array | undefined {
    if (!isAtOrBelow(name, this.#zone)) return undefined
    const key = nameKey(name)
    const known = this.#hashes.get(key)
    if (known !== undefined) return known
    const { salt, iterations } = this.records[0]
    if (this.#tooCostly || !this.#price(hashBlocks(name.length, salt.length, iterations))) {
      this.#tooCostly = true
      return undefined
    }
    const hash = nsec3Hash(name, salt, iterations)
    this.#hashes.set(key, hash)
    return hash
  }

  #unproven(): Nsec3Proof {
    return this.#tooCostly ? 'too-costly' : 'unproven'
  }
}

/** A name or a hash, and a salt. */
const hashInput = Buffer.alloc(MAX_NAME + 255)

/** RFC 5155 §5: hash of the name in lower case and the salt, hashed again with the salt `iterations` times. */
export function nsec3Hash(name: Name, salt: Uint8Array, iterations: number): Uint8Array {
  hashInput.set(foldName(name))
  hashInput.set(salt, name.length)
  // As a string, because Node makes one in a quarter of the time that a Buffer takes it.
  let hash = digest('sha1', hashInput.subarray(0, name.length + salt.length), 'binary')
  hashInput.set(salt, SHA1_OCTETS)
  const again = hashInput.subarray(0, SHA1_OCTETS + salt.length)
  for (let i = 0; i < iterations; i++) {
    hashInput.write(hash, 'binary')
    hash = digest('sha1', again, 'binary')
  }
  return Buffer.from(hash, 'binary')
}

/** SHA-1 blocks of 64 octets, padding included, that such a hash takes. */
export function hashBlocks(nameOctets: number, saltOctets: number, iterations: number): number {
  const blocks = (octets: number) => Math.ceil((octets + 9) / 64)
  return blocks(nameOctets + saltOctets) + iterations * blocks(SHA1_OCTETS + saltOctets)
}

function isBetween(record: Nsec3, hash: Uint8Array): boolean {
  const afterOwner = compareHashes(record.hash, hash) < 0
  const beforeNext = compareHashes(hash, record.nextHash) < 0
  // The last record of the chain points back to the first.
  return compareHashes(record.hash, record.nextHash) < 0 ? afterOwner && beforeNext : afterOwner || beforeNext
}

function compareHashes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < SHA1_OCTETS; i++) if (a[i] !== b[i]) return a[i] - b[i]
  return 0
}
