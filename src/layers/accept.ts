/** What does a reply that says something true add to the request? Answers, aliases and denials: what the client is given, and
 *  what was learned, for the validator to judge and the cache to keep. RFC 1034 §5.3.3, RFC 2308, RFC 6672. */

import { Rank } from '../cache/rank.ts'
import type { Learned, Request, Step } from '../request.ts'
import type { RRset } from '../wire/rrset.ts'
import { Rcode, Type } from '../wire/types.ts'
import { aliasLoop, hasAlias, tooManyAliases } from './aliases.ts'
import { denialTtl, type Finding } from './classify.ts'

/** The RRset asked for, at the end of however many aliases. */
export function acceptAnswer(request: Request, finding: Finding & { kind: 'answer' }): Step {
  const end = takeChain(request, finding.chain, finding.authoritative)
  if (end !== undefined) return end
  if (!isSynthetic(finding.rrset, finding.chain.at(-1)))
    request.learned.push(learned(finding.rrset, finding.authoritative))
  request.answer.push(finding.rrset)
  return 'done'
}

/** The search goes on at the alias's target. */
export function followAlias(request: Request, finding: Finding & { kind: 'alias' }): Step {
  const end = takeChain(request, finding.chain, finding.authoritative)
  if (end !== undefined) return end
  request.trace?.({ kind: 'alias', depth: request.depth, target: finding.target })
  request.sname = finding.target
  request.iteration = undefined
  request.minimisedQueries = 0
  return 'produce' // RFC 1034 §5.3.3 step 4c
}

/** A DNAME makes a name that is too long, RFC 6672 §2.2. */
export function acceptOverflow(request: Request, chain: RRset[]): Step {
  const end = takeChain(request, chain, true)
  if (end !== undefined) return end
  request.rcode = Rcode.YXDOMAIN
  return 'done'
}

/** There is no such name, or nothing of that type at it. */
export function acceptDenial(request: Request, finding: Finding & { kind: 'denial' }): Step {
  const end = takeChain(request, finding.chain, true)
  if (end !== undefined) return end
  request.sname = finding.name
  if (finding.denial === 'nxdomain') request.rcode = Rcode.NXDOMAIN
  learnDenial(request, finding, request.qtype)
  request.authority = request.learnedDenial?.authority ?? []
  return 'done'
}

/** For the cache to keep, if the validator agrees: RFC 2308 §5. */
export function learnDenial(request: Request, finding: Finding & { kind: 'denial' }, type: number): void {
  const { soa, apex, proofs } = finding
  const ttl = denialTtl(soa)
  const authority = soa === undefined ? proofs : [{ ...soa, ttl }, ...apex, ...proofs]
  request.learnedDenial = {
    kind: finding.denial,
    owner: finding.name,
    type,
    authority,
    ttl,
    security: 'indeterminate',
  }
}

/** Adds aliases to the answer. The step that ends the request if they lead in circles or too far, else undefined. */
function takeChain(request: Request, chain: RRset[], authoritative: boolean): Step | undefined {
  for (const [i, link] of chain.entries()) {
    if (hasAlias(request.answer, link)) {
      if (link.type === Type.DNAME) continue // one DNAME may serve several names of a chain
      return aliasLoop(request, link.owner)
    }
    if (!isSynthetic(link, chain[i - 1])) request.learned.push(learned(link, authoritative))
    request.answer.push(link)
    if (link.type === Type.CNAME && !request.ledger.charge('aliases')) return tooManyAliases(request)
  }
  return undefined
}

/** As it stands until the validator has judged it. */
export function learned(rrset: RRset, authoritative: boolean): Learned {
  return { rrset, rank: authoritative ? Rank.ANSWER : Rank.ANSWER_NONAUTH, security: 'indeterminate' }
}

/** A CNAME that we made of the DNAME before it. */
function isSynthetic(link: RRset, before: RRset | undefined): boolean {
  return link.type === Type.CNAME && before?.type === Type.DNAME
}
