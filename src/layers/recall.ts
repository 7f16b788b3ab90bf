/** What of the cache may answer a request, and what is the old answer to its question, as a whole? RFC 2181 §5.4.1,
 *  RFC 8767 (data that has outlived its TTL). */

import type { Cache, CacheEntry } from '../cache/cache.ts'
import { Rank, type Security, weakerSecurity } from '../cache/rank.ts'
import type { Request } from '../request.ts'
import type { Name } from '../wire/name.ts'
import { cnameTarget, type RRset } from '../wire/rrset.ts'
import { Rcode, Type } from '../wire/types.ts'
import { hasAlias } from './aliases.ts'

export interface StaleOptions {
  /** How long after their end answers are still given. */
  maxAgeMs: number
  /** TTL of such answers, seconds. */
  replyTtl: number
}

export interface OldAnswer {
  rcode: Rcode
  answer: RRset[]
  authority: RRset[]
  security: Security
  sname: Name
}

/** Old chains of aliases are not followed further. */
const MAX_ALIASES = 11

/** Glue and referrals tell the way; they are no answer (RFC 2181 §5.4.1). Nor is what was never validated, where that is
 *  asked for: the data of clients that validate by themselves (CD) is in the same place. */
export function isGoodEnough(entry: CacheEntry, request: Request): boolean {
  if (request.mustValidate && entry.security === 'indeterminate') return false
  return entry.kind !== 'rrset' || entry.rank >= Rank.ANSWER_NONAUTH
}

/** The answer to the request's question from what is known, partly at least for longer than it should be; undefined when
 *  some part is not known at all. */
export function recall(cache: Cache, request: Request, options: StaleOptions): OldAnswer | undefined {
  const { qname, qtype } = request
  const old: OldAnswer = { rcode: Rcode.NOERROR, answer: [], authority: [], security: 'secure', sname: qname }
  const find = (type?: number): CacheEntry | undefined => {
    const found = findEntry(cache, old.sname, type, options)
    if (found === undefined || !isGoodEnough(found, request)) return undefined
    return found
  }
  for (let links = 0; links <= MAX_ALIASES; links++) {
    const alias = () => {
      const found = find(Type.CNAME)
      return found?.kind === 'rrset' ? found : undefined
    }
    const entry = find(qtype) ?? alias() ?? find()
    if (entry === undefined) return undefined
    old.security = weakerSecurity(old.security, entry.security)
    if (entry.kind !== 'rrset') {
      if (entry.kind === 'nxdomain') old.rcode = Rcode.NXDOMAIN
      old.authority.push(...entry.authority)
      return old
    }
    const { rrset, proofs } = entry
    if (hasAlias(old.answer, rrset)) return undefined
    old.answer.push(rrset)
    old.authority.push(...proofs)
    if (rrset.type === qtype) return old
    old.sname = cnameTarget(rrset.rdatas[0])
  }
  return undefined
}

function findEntry(
  cache: Cache,
  owner: Name,
  type: number | undefined,
  { maxAgeMs, replyTtl }: StaleOptions,
): CacheEntry | undefined {
  const live = type === undefined ? cache.lookupNxdomain(owner) : cache.lookup(owner, type)
  if (live !== undefined) return live
  const stale = cache.lookupStale(owner, type, maxAgeMs)
  if (stale === undefined) return undefined
  const renewed = (set: RRset): RRset => ({ ...set, ttl: replyTtl })
  return stale.kind === 'rrset'
    ? { ...stale, rrset: renewed(stale.rrset), proofs: stale.proofs.map(renewed) }
    : { ...stale, authority: stale.authority.map(renewed) }
}
