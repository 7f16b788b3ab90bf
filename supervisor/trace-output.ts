/** What happened on the way to an answer, a line for each step. */

import type { StepFacts } from '../src/trace-steps.ts'

/** One line. Sub-questions, for the address of a server say, stand further in than the question they serve. */
export function stepText(step: StepFacts): string {
  return `;; ${'  '.repeat(step.depth)}${describeStep(step)}`
}

function describeStep(step: StepFacts): string {
  switch (step.kind) {
    case 'cut':
      return `cut      ${step.zoneCut} for ${step.sname}, ${count(step.servers, 'server address', 'server addresses')}`
    case 'query':
      return `ask      ${whom(step)} ${what(step)}`
    case 'arrival':
      return `reply    ${whom(step)} ${came(step)}: ${step.finding}`
    case 'lookup':
      return `look up  ${step.name} ${step.type}, a server's address`
    case 'alias':
      return `follow   ${step.target}`
    case 'answer':
      return `answer   ${step.rcode} for ${step.name} ${step.type}`
  }
}

type Asked = Extract<StepFacts, { kind: 'query' | 'arrival' }>

function whom({ server, protocol }: Asked): string {
  return `${server} ${protocol}`
}

function what({ qname, qtype, zoneCut, minimised }: Asked): string {
  return `${qname} ${qtype} (cut ${zoneCut}${minimised ? ', name shortened' : ''})`
}

function came({ silence, rcode, rttMs = 0 }: Extract<StepFacts, { kind: 'arrival' }>): string {
  return silence ?? `${rcode} in ${rttMs.toFixed(1)} ms`
}

function count(amount: number, one: string, many: string): string {
  return `${amount} ${amount === 1 ? one : many}`
}
