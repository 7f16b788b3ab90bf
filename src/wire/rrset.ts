/** What is an RRset, and what is in its records? RFC 2181 §5 (RRsets are the unit), RFC 1035 §3.3, RFC 2782 (SRV),
 *  RFC 4034 §3.1 (RRSIG). The fields are read from RDATA as decodeRdata gives it: layout checked, names decompressed. */

import { WireError } from './error.ts'
import type { Name } from './name.ts'
import { Class } from './types.ts'

/** All records of one owner, type and class, with the signatures over them. */
export interface RRset {
  owner: Name
  type: number
  class: number
  /** Seconds, 0 to 2^31 - 1; the same for all records and their signatures (RFC 2181 §5.2, RFC 4034 §3). */
  ttl: number
  /** Each RDATA in wire form, names decompressed, case kept. */
  rdatas: Uint8Array[]
  /** RDATA of the RRSIGs covering this set. With `rdatas` empty, only the signatures arrived. */
  signatures: Uint8Array[]
}

/** The most records one RRset may have, and the most signatures. */
export const MAX_RECORDS = 256
/** The most octets of RDATA one RRset may have. */
export const MAX_RRSET_OCTETS = 65536

/** An RRset of class IN. */
export function rrset(
  owner: Name,
  type: number,
  ttl: number,
  rdatas: Uint8Array[],
  signatures: Uint8Array[] = [],
): RRset {
  return { owner, type, class: Class.IN, ttl, rdatas, signatures }
}

/** The server an NS record names: the RDATA itself. */
export function nsName(rdata: Uint8Array): Name {
  return rdata
}

/** Where a CNAME or DNAME leads, or what a PTR names: the RDATA itself. */
export function cnameTarget(rdata: Uint8Array): Name {
  return rdata
}

/** The host of an MX record, as a view. RFC 1035 §3.3.9. */
export function mxExchange(rdata: Uint8Array): Name {
  return nameAt(rdata, 2)
}

/** The host of an SRV record, as a view. RFC 2782. */
export function srvTarget(rdata: Uint8Array): Name {
  return nameAt(rdata, 6)
}

/** Fields of an SOA record. Names are views; times are seconds. RFC 1035 §3.3.13. */
export interface SoaFields {
  mname: Name
  rname: Name
  serial: number
  refresh: number
  retry: number
  expire: number
  minimum: number
}

/** The fields of an SOA's RDATA. Throws WireError 'bad-rdata' when it is not one. */
export function parseSoa(rdata: Uint8Array): SoaFields {
  const mname = nameAt(rdata, 0)
  const rname = nameAt(rdata, mname.length)
  const at = mname.length + rname.length
  if (rdata.length !== at + 20) throw new WireError('bad-rdata', 'an SOA is of wrong length')
  return {
    mname,
    rname,
    serial: u32At(rdata, at),
    refresh: u32At(rdata, at + 4),
    retry: u32At(rdata, at + 8),
    expire: u32At(rdata, at + 12),
    minimum: u32At(rdata, at + 16),
  }
}

/** Fields of an RRSIG record. `signer` and `signature` are views; times are seconds modulo 2^32. RFC 4034 §3.1. */
export interface RrsigFields {
  typeCovered: number
  algorithm: number
  labels: number
  originalTtl: number
  expiration: number
  inception: number
  keyTag: number
  signer: Name
  signature: Uint8Array
}

/** The fields of an RRSIG's RDATA. Throws WireError 'bad-rdata' when it is not one. */
export function rrsigFields(rdata: Uint8Array): RrsigFields {
  const signer = nameAt(rdata, 18)
  return {
    typeCovered: u16At(rdata, 0),
    algorithm: rdata[2],
    labels: rdata[3],
    originalTtl: u32At(rdata, 4),
    expiration: u32At(rdata, 8),
    inception: u32At(rdata, 12),
    keyTag: u16At(rdata, 16),
    signer,
    signature: rdata.subarray(18 + signer.length),
  }
}

/** The name that begins at `offset`, as a view. */
function nameAt(rdata: Uint8Array, offset: number): Name {
  let at = offset
  while (rdata[at] !== 0) {
    if (!(rdata[at] < 0x40)) throw new WireError('bad-rdata', 'RDATA ends before a name in it does')
    at += rdata[at] + 1
  }
  return offset === 0 && at + 1 === rdata.length ? rdata : rdata.subarray(offset, at + 1)
}

function u16At(rdata: Uint8Array, at: number): number {
  return (rdata[at] << 8) | rdata[at + 1]
}

function u32At(rdata: Uint8Array, at: number): number {
  return ((rdata[at] << 24) | (rdata[at + 1] << 16) | (rdata[at + 2] << 8) | rdata[at + 3]) >>> 0
}
