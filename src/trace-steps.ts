/** The steps on the way to an answer as plain data, which can leave the process. */

import type { Arrival, Query, TraceStep } from './request.ts'
import { nameToText } from './wire/name.ts'
import { rcodeText, typeText } from './wire/types.ts'

export type StepFacts = ReturnType<typeof stepFacts>

export function stepFacts(step: TraceStep) {
  const { depth } = step
  switch (step.kind) {
    case 'cut': {
      const { zoneCut, sname, servers } = step
      return { kind: step.kind, depth, zoneCut: nameToText(zoneCut), sname: nameToText(sname), servers }
    }
    case 'query':
      return { kind: step.kind, depth, ...queryFacts(step.query) }
    case 'arrival':
      return {
        kind: step.kind,
        depth,
        ...queryFacts(step.query),
        ...arrivalFacts(step.arrival),
        finding: step.finding,
      }
    case 'lookup':
      return { kind: step.kind, depth, name: nameToText(step.name), type: typeText(step.type) }
    case 'alias':
      return { kind: step.kind, depth, target: nameToText(step.target) }
    case 'answer': {
      const { rcode, qname, qtype, security } = step.request
      return {
        kind: step.kind,
        depth,
        name: nameToText(qname),
        type: typeText(qtype),
        rcode: rcodeText(rcode),
        security,
      }
    }
  }
}

function queryFacts(query: Query) {
  return {
    server: query.server.toString(),
    protocol: query.protocol,
    zoneCut: nameToText(query.zoneCut),
    qname: nameToText(query.qname),
    qtype: typeText(query.qtype),
    minimised: query.minimised,
  }
}

function arrivalFacts(arrival: Arrival): { silence?: string; rttMs?: number; rcode?: string; octets?: number } {
  if (arrival.kind === 'silence') return { silence: arrival.reason }
  const { reply, rttMs } = arrival
  return { rttMs, rcode: rcodeText(reply.rcode), octets: reply.octets }
}
