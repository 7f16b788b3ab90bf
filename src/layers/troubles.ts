/** What does it say of a server that it is silent, lame or in trouble, and what is to be tried next? RFC 5452 §9 (forgeries),
 *  RFC 6891 §7 (EDNS), RFC 7766 §5 (truncation). How long that is remembered is the business of src/upstream. */

import type { Arrival, Iteration, Query, Request, Step } from '../request.ts'
import type { Servers } from '../upstream/servers.ts'
import { rcodeText } from '../wire/types.ts'
import { learned } from './accept.ts'
import type { Finding } from './classify.ts'

/** How often one address is asked at one cut before it counts as hopeless: 400 ms, twice and four times that find even
 *  a server behind a satellite. */
export const MAX_TRIES_PER_ADDRESS = 3

export class Troubles {
  readonly #servers: Pick<Servers, 'learn'>

  constructor(servers: Pick<Servers, 'learn'>) {
    this.#servers = servers
  }

  /** Nothing came that could be a reply. */
  hearSilence(iteration: Iteration, query: Query, reason: (Arrival & { kind: 'silence' })['reason']): Step {
    const { server, protocol, timeoutMs } = query
    iteration.setback = reason
    switch (reason) {
      case 'malformed': // over TCP nobody else can have sent it
        return this.#tryAnother(iteration, query, reason)
      case 'miscased':
      case 'spoofed':
        if (protocol !== 'udp') return this.#tryAnother(iteration, query, reason)
        this.#servers.learn(server, { kind: reason === 'miscased' ? 'case-mismatch' : 'bad-replies' })
        iteration.retry = { server, tcp: true }
        break
      case 'unproven': // no cookie where there should be one
        iteration.retry = { server, tcp: true }
        break
      case 'timeout':
        if (!query.cutShort) this.#servers.learn(server, { kind: reason, protocol, waitedMs: timeoutMs })
        break
      case 'unreachable':
        iteration.spent-- // there is no way there; that must not use up the tries of the others
        this.#servers.learn(server, { kind: reason, protocol })
        break
      default:
        this.#servers.learn(server, { kind: reason, protocol })
    }
    iteration.silences.push(`${server.hostText} ${reason}`)
    return 'produce'
  }

  /** Of no use, as long as there is another server. An answer out of some cache is better than none: when all have been
   *  asked, it is taken. Undefined: now; the reply is to be read once more. */
  hearLame(
    request: Request,
    iteration: Iteration,
    query: Query,
    finding: Finding & { kind: 'lame' },
  ): Step | undefined {
    if (finding.dname !== undefined) request.learned.push(learned(finding.dname, false))
    const others = iteration.candidates.some((address) => !iteration.tried.has(address.key))
    if (!finding.usable || others || iteration.lookups.length > 0) {
      iteration.setback = 'lame'
      return this.#tryAnother(iteration, query, finding.reason)
    }
    iteration.lastResort = true
    return undefined
  }

  /** An error code instead of an answer. */
  hearError(iteration: Iteration, query: Query, finding: Finding & { kind: 'error' }): Step {
    iteration.setback = finding.plain ? 'edns' : 'rcode'
    if (!finding.plain) return this.#tryAnother(iteration, query, rcodeText(finding.rcode))
    // It may not know EDNS: the same server again without. Only if that works it is remembered, RFC 6891 §7.
    this.#servers.learn(query.server, { kind: 'edns-refused' })
    iteration.retry = { server: query.server, tcp: query.protocol !== 'udp' }
    iteration.troubles.push(`${query.server.hostText} ${rcodeText(finding.rcode)}`)
    return 'produce'
  }

  hearTruncated(iteration: Iteration, query: Query): Step {
    iteration.setback = 'truncated'
    if (query.protocol !== 'udp') return this.#tryAnother(iteration, query, 'truncated over a connection')
    iteration.retry = { server: query.server, tcp: true } // RFC 7766 §5
    return 'produce'
  }

  #tryAnother(iteration: Iteration, query: Query, reason: string): Step {
    this.#servers.learn(query.server, { kind: 'lame' })
    iteration.tried.set(query.server.key, MAX_TRIES_PER_ADDRESS) // it will not say anything else the next time
    iteration.troubles.push(`${query.server.hostText} ${reason}`)
    return 'produce'
  }
}
