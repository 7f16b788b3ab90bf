/** Answers names from the operator's own data and rules, and not from the world: hosts, records, and what is not to be
 *  had. Also where an alias leads to such a name. */

import type { RuleHits } from '../../metrics/rule-hits.ts'
import type { Request, Step } from '../../request.ts'
import type { LocalData } from '../../settings.ts'
import { addressText } from '../../wire/ip-address.ts'
import { type Name, nameFromText, nameToText } from '../../wire/name.ts'
import { cnameTarget, type RRset, rrset } from '../../wire/rrset.ts'
import { Class, Ede, Rcode, Type } from '../../wire/types.ts'
import { explanation } from '../explanation.ts'
import { defineModule, type ModuleLog } from '../module.ts'
import type { Rule, Rules } from './rules.ts'
import { openRules } from './shared-copy.ts'

const NO_TAGS: ReadonlySet<string> = new Set()

/** `folder`: where what has been compiled of long lists is shared with other workers. `hits`: where is counted which
 *  rules questions meet. */
export const localData = (config: LocalData, folder?: string, hits?: RuleHits) =>
  defineModule({
    name: 'local-data',
    about: 'Answers names from the operator’s own data and rules.',
    metrics: { answered: 'Queries answered by a rule or with local data' },
    subRequests: true,
    start({ log }) {
      const { rules, copy } = openRules(config, folder, (reason) => log('warning', 'local-data-apart', { reason }))
      if (hits !== undefined) hits.localNames = rules.size
      log('info', 'local-data', { names: rules.size, octets: rules.octets, copy })
      return rules
    },
    begin(request, { state, count, log }) {
      const rule = ruleFor(state, request)
      if (rule?.verdict === 'log') tell(rule, request, log)
      if ((rule?.verdict === 'log' || rule?.verdict === 'pass') && rule.blocked === undefined)
        hits?.count(rule.list, rule.verdict)
      const step = apply(rule, request, hits)
      if (step !== 'pass') count('answered')
      return step
    },
    produce(request, { state, count }) {
      const { sname, qname } = request
      if (request.iteration !== undefined || sname === qname) return 'pass' // begin() has seen it
      const step = apply(ruleFor(state, request), request, hits)
      if (step !== 'pass') count('answered')
      return request.sname === sname ? step : 'produce'
    },
    /** Servers tell whole chains of aliases at once: nobody has asked for what lies on the way. */
    answer(request, { state, count }) {
      if (request.source !== 'local' && cutChain(state, request, hits)) count('answered')
      return 'pass'
    },
  })

/** Ends a chain of aliases at the first name that a rule is about. */
function cutChain(rules: Rules, request: Request, hits: RuleHits | undefined): boolean {
  for (const [at, link] of request.answer.entries()) {
    if (link.type !== Type.CNAME || request.qtype === Type.CNAME) continue
    const target = cnameTarget(link.rdatas[0])
    const rule = findRule(rules, request, target)
    if (rule === undefined || rule.verdict === 'log' || (rule.verdict === 'pass' && !rule.blocked?.has(request.qtype)))
      continue
    if (rule.verdict === undefined && !rule.data.has(request.qtype)) continue
    request.answer = request.answer.slice(0, at + 1)
    request.sname = target
    apply(rule, request, hits)
    return true
  }
  return false
}

/** Does what the rule says, and counts it if that is something. */
function apply(rule: Rule | undefined, request: Request, hits: RuleHits | undefined): Step {
  const { sname } = request
  const step = answerBy(rule, request)
  if (rule !== undefined && (step !== 'pass' || request.sname !== sname))
    hits?.count(rule.list, rule.blocked === undefined ? (rule.verdict ?? 'data') : 'block')
  return step
}

function ruleFor(rules: Rules, request: Request): Rule | undefined {
  return isAnswered(request) ? findRule(rules, request, request.sname) : undefined
}

/** The log is to hear of all who ask: the answer is kept for nobody else. */
function tell({ message }: Rule, request: Request, log: ModuleLog): void {
  if (request.client === undefined) return
  request.personal = true
  const { address } = request.client
  const client = address === undefined ? undefined : addressText(address)
  log('notice', 'local-data-match', { name: nameToText(request.qname), type: request.qtype, client, message })
}

function findRule(rules: Rules, request: Request, name: Name): Rule | undefined {
  return rules.find(name, request.view?.tags ?? NO_TAGS, (rule) => {
    if (rule.verdict !== 'truncate' || request.client?.overUdp) return true
    request.personal = true // over UDP it would have been sent here
    return false
  })
}

/** Servers, and proofs, are found as the zones have them: they are not the client's question. */
function isAnswered({ question, purpose }: Request): boolean {
  return purpose === 'answer' && question.class === Class.IN
}

function answerBy(rule: Rule | undefined, request: Request): Step {
  switch (rule?.verdict) {
    case undefined:
      return rule === undefined ? 'pass' : giveData(rule, request)
    case 'pass':
    case 'log':
      return rule.blocked?.has(request.qtype) ? deny(rule, request, Rcode.NOERROR) : 'pass'
    case 'redirect':
      return giveData(rule, request)
    case 'empty':
      return rule.data.size > 0 ? giveData(rule, request) : deny(rule, request, Rcode.NOERROR)
    case 'nxdomain':
      return deny(rule, request, Rcode.NXDOMAIN)
    case 'refused':
      return refuse(rule, request, Rcode.REFUSED)
    case 'servfail':
      return refuse(rule, request, Rcode.SERVFAIL)
    case 'drop':
      request.silent = true
      return request.answerWith(Rcode.REFUSED)
    case 'truncate':
      request.truncated = true
      return request.answerWith(Rcode.NOERROR)
    default:
      return unknown(rule?.verdict as never)
  }
}

function giveData(rule: Rule, request: Request): Step {
  const { sname, qtype } = request
  const cname = rule.data.get(Type.CNAME)
  const set = rule.data.get(qtype) ?? cname
  if (set === undefined) {
    if (!rule.nodata) return 'pass'
    return request.answerWith(Rcode.NOERROR, request.answer, [soaFor(sname, rule.ttl)])
  }
  if (rule.verdict === 'redirect') explain(rule, request, Ede.FORGED_ANSWER)
  const owned: RRset = { ...set, owner: sname }
  if (set !== cname || qtype === Type.CNAME) return request.answerWith(Rcode.NOERROR, [...request.answer, owned])
  if (!request.ledger.charge('aliases')) return request.failWith(Ede.OTHER, 'too many aliases')
  request.answer.push(owned)
  request.judge('insecure')
  request.sname = cnameTarget(owned.rdatas[0])
  return 'pass' // resolving goes on at the target
}

/** There is no such data; cached for the rule's TTL by those who ask. */
function deny(rule: Rule, request: Request, rcode: Rcode): Step {
  const step = request.answerWith(rcode, request.answer, [soaFor(request.sname, rule.ttl)])
  request.authoritative = rcode === Rcode.NXDOMAIN
  explain(rule, request, Ede.BLOCKED)
  return step
}

function refuse(rule: Rule, request: Request, rcode: Rcode): Step {
  const step = request.answerWith(rcode)
  explain(rule, request, Ede.BLOCKED)
  return step
}

function explain({ message }: Rule, request: Request, code: Ede): void {
  request.addEde(code, message ?? '')
  if (message !== undefined) request.additional.push(explanation(message))
}

const NOBODY = nameFromText('nobody.invalid.')
const NUMBERS = [1, 3600, 1200, 604_800, 10_800]

/** As RFC 6303 §3 has it for zones that are nobody's. */
function soaFor(owner: Name, ttl: number): RRset {
  const rdata = new Uint8Array(owner.length + NOBODY.length + NUMBERS.length * 4)
  rdata.set(owner)
  rdata.set(NOBODY, owner.length)
  const numbers = new DataView(rdata.buffer, owner.length + NOBODY.length)
  for (const [at, number] of NUMBERS.entries()) numbers.setUint32(4 * at, number)
  return rrset(owner, Type.SOA, ttl, [rdata])
}

function unknown(verdict: never): never {
  throw new Error(`unknown verdict ${verdict}`)
}
