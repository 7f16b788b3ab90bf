/** What happened on the way to an answer, a line for each step, or plain data for JSON. */

import type { Arrival, Query, TraceStep } from '../src/request.ts'
import { nameToText } from '../src/wire/name.ts'
import { rcodeText, typeText } from '../src/wire/types.ts'

/** One line. Sub-questions, for the address of a server say, stand further in than the question they serve. */
export function stepText(step: TraceStep): string {
  return `;; ${'  '.repeat(step.depth)}${describeStep(step)}`
}

function describeStep(step: TraceStep): string {
  switch (step.kind) {
    case 'cut':
      return `cut      ${nameToText(step.zoneCut)} for ${nameToText(step.sname)}, ${count(step.servers, 'server address', 'server addresses')}`
    case 'query':
      return `ask      ${whom(step.query)} ${what(step.query)}`
    case 'arrival':
      return `reply    ${whom(step.query)} ${came(step.arrival)}: ${step.finding}`
    case 'lookup':
      return `look up  ${nameToText(step.name)} ${typeText(step.type)}, a server's address`
    case 'alias':
      return `follow   ${nameToText(step.target)}`
    case 'answer':
      return `answer   ${rcodeText(step.request.rcode)} for ${nameToText(step.request.qname)} ${typeText(step.request.qtype)}`
  }
}

export function stepJson(step: TraceStep) {
  const { kind, depth } = step
  switch (step.kind) {
    case 'cut':
      return { kind, depth, zoneCut: nameToText(step.zoneCut), sname: nameToText(step.sname), servers: step.servers }
    case 'query':
      return { kind, depth, ...queryJson(step.query) }
    case 'arrival':
      return { kind, depth, ...queryJson(step.query), ...arrivalJson(step.arrival), finding: step.finding }
    case 'lookup':
      return { kind, depth, name: nameToText(step.name), type: typeText(step.type) }
    case 'alias':
      return { kind, depth, target: nameToText(step.target) }
    case 'answer': {
      const { rcode, qname, qtype, security } = step.request
      return { kind, depth, name: nameToText(qname), type: typeText(qtype), rcode: rcodeText(rcode), security }
    }
  }
}

function queryJson(query: Query) {
  return {
    server: query.server.toString(),
    protocol: query.protocol,
    zoneCut: nameToText(query.zoneCut),
    qname: nameToText(query.qname),
    qtype: typeText(query.qtype),
    minimised: query.minimised,
  }
}

function arrivalJson(arrival: Arrival) {
  if (arrival.kind === 'silence') return { silence: arrival.reason }
  const { reply, rttMs } = arrival
  return { rttMs, rcode: rcodeText(reply.rcode), octets: reply.octets }
}

function whom(query: Query): string {
  return `${query.server} ${query.protocol}`
}

function what(query: Query): string {
  const shortened = query.minimised ? ', name shortened' : ''
  return `${nameToText(query.qname)} ${typeText(query.qtype)} (cut ${nameToText(query.zoneCut)}${shortened})`
}

function came(arrival: Arrival): string {
  if (arrival.kind === 'silence') return arrival.reason
  return `${rcodeText(arrival.reply.rcode)} in ${arrival.rttMs.toFixed(1)} ms`
}

function count(amount: number, one: string, many: string): string {
  return `${amount} ${amount === 1 ? one : many}`
}
