/** Do validators agree? `node test/lab/compare.ts --dnssec`: the same questions of the signed lab to every resolver, each
 *  with DO, with CD, with both and with neither, judged by response code, AD and answer; then the zones that are wrong,
 *  with the Extended DNS Errors each resolver gives (RFC 8914). */

import { parseEde } from '../../src/wire/edns.ts'
import { WireError } from '../../src/wire/error.ts'
import { parseReply } from '../../src/wire/message.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { EdnsOption, Flag, rcodeText, Type, typeFromText } from '../../src/wire/types.ts'
import { ask } from './ask.ts'
import type { Forgery } from './forgeries.ts'
import type { Lab } from './lab.ts'
import type { ClientFlags, Expectation } from './oracle.ts'
import type { Resolver } from './resolvers.ts'
import { comparable, printTable, shorten } from './side-by-side.ts'
import type { WorldQuestion } from './world.ts'

/** What a validator made of a question. */
export interface Validated {
  rcode: string
  ad: boolean
  answer: string[]
  /** Which RRsets of the answer section have signatures. */
  signed: 'all' | 'some' | 'none'
  /** Extended DNS Errors, in order. */
  edes: number[]
  /** Their texts. */
  because: string[]
  elapsedMs: number
}

interface Comparison extends WorldQuestion {
  flags: ClientFlags
  truth: Expectation
  outcomes: Record<string, Validated>
}

const QUESTION_MS = 15_000
const AT_ONCE = 16

export const FLAG_SETS: ClientFlags[] = [
  { do: false, cd: false },
  { do: true, cd: false },
  { do: false, cd: true },
  { do: true, cd: true },
]

export function flagsText(flags: ClientFlags): string {
  return [flags.do ? 'DO' : '', flags.cd ? 'CD' : ''].filter((flag) => flag !== '').join(' ') || 'neither'
}

/** Asks over UDP, and over TCP when the answer was cut. */
export async function askValidator(
  resolver: Pick<Resolver, 'address' | 'port'>,
  { qname, qtype }: WorldQuestion,
  flags: ClientFlags,
): Promise<Validated> {
  const asked = performance.now()
  const options = { port: resolver.port, recursion: true, timeoutMs: QUESTION_MS, ...flags }
  const [name, type] = [nameFromText(qname), typeFromText(qtype)!]
  let packet = await ask(resolver.address, name, type, options)
  if (packet !== undefined && (packet[2] & (Flag.TC >> 8)) !== 0)
    packet = await ask(resolver.address, name, type, { ...options, protocol: 'tcp' })
  const elapsedMs = Math.round(performance.now() - asked)
  return { ...(packet === undefined ? SILENCE : readOutcome(packet)), elapsedMs }
}

const SILENCE: Omit<Validated, 'elapsedMs'> = {
  rcode: 'none',
  ad: false,
  answer: [],
  signed: 'none',
  edes: [],
  because: [],
}

function readOutcome(packet: Uint8Array): Omit<Validated, 'elapsedMs'> {
  try {
    const reply = parseReply(packet)
    const answer = reply.answer.filter((set) => set.rdatas.length > 0)
    const bare = answer.filter((set) => set.signatures.length === 0)
    const edes = (reply.edns?.options ?? []).filter((option) => option.code === EdnsOption.EDE).map(parseEde)
    return {
      rcode: rcodeText(reply.rcode),
      ad: (reply.flags & Flag.AD) !== 0,
      answer: comparable(answer),
      signed: bare.length === answer.length ? 'none' : bare.every((set) => isSynthesised(set, answer)) ? 'all' : 'some',
      edes: edes.map((ede) => ede.code),
      because: edes.map((ede) => ede.text),
    }
  } catch (failure) {
    if (!(failure instanceof WireError)) throw failure
    return { ...SILENCE, rcode: rcodeText(packet[3] & 15), ad: (packet[3] & Flag.AD) !== 0, answer: [failure.code] }
  }
}

/** A CNAME made from a DNAME has no signature of its own, RFC 6672 §5.3.1. */
function isSynthesised(set: { type: number }, answer: { type: number }[]): boolean {
  return set.type === Type.CNAME && answer.some((other) => other.type === Type.DNAME)
}

/** What is wrong with an outcome, in words; undefined: nothing is, or nothing can be. */
export function fault(truth: Expectation, outcome: Validated): string | undefined {
  if (outcome.rcode === 'none') return 'no answer'
  if (truth.fate === 'moot') return undefined
  if (outcome.rcode !== truth.rcode) return `${outcome.rcode}, not ${truth.rcode}`
  if (truth.ad !== undefined && outcome.ad !== truth.ad) return truth.ad ? 'no AD' : 'AD'
  if (outcome.rcode !== 'SERVFAIL' && JSON.stringify(comparable(truth.answer)) !== JSON.stringify(outcome.answer))
    return 'another answer'
  return undefined
}

export async function compareDnssec(lab: Lab, resolvers: Resolver[], questions: WorldQuestion[]): Promise<object> {
  const comparisons: Comparison[] = questions.flatMap((question, index) =>
    // the first to come finds the cache empty: each combination of flags has its turn
    FLAG_SETS.map((_, turn) => FLAG_SETS[(index + turn) % FLAG_SETS.length]).map((flags) => ({
      ...question,
      flags,
      truth: lab.oracle.expect(question.qname, question.qtype, flags),
      outcomes: {},
    })),
  )
  await askAll(comparisons, resolvers)
  reportAgreement(comparisons, resolvers)
  const forged = await askForgeries(lab.world.forgeries, resolvers)
  reportForgeries(forged, resolvers)
  return { comparisons: comparisons.map(withoutOctets), forgeries: forged }
}

function withoutOctets({ truth, ...rest }: Comparison): object {
  return { ...rest, truth: { ...truth, answer: comparable(truth.answer) } }
}

async function askAll(comparisons: Comparison[], resolvers: Resolver[]): Promise<void> {
  const groups = Array.from({ length: comparisons.length / FLAG_SETS.length }, (_, index) =>
    comparisons.slice(index * FLAG_SETS.length, (index + 1) * FLAG_SETS.length),
  )
  const work = async () => {
    for (let group = groups.shift(); group !== undefined; group = groups.shift())
      for (const comparison of group)
        await Promise.all(
          resolvers.map(async (resolver) => {
            comparison.outcomes[resolver.name] = await askValidator(resolver, comparison, comparison.flags)
          }),
        )
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

function reportAgreement(comparisons: Comparison[], resolvers: Resolver[]): void {
  const names = resolvers.map((resolver) => resolver.name)
  const binding = comparisons.filter((comparison) => comparison.truth.fate !== 'moot')
  const differing = comparisons.filter(
    ({ truth, outcomes }) =>
      names.some((name) => fault(truth, outcomes[name]) !== undefined) ||
      (truth.fate !== 'moot' && new Set(names.map((name) => likeness(truth, outcomes[name]))).size > 1),
  )
  printTable([
    ['question', 'flags', 'truth', ...names],
    ...differing.map(({ qname, qtype, flags, truth, outcomes }) => [
      `${shorten(qname, 44)} ${qtype}`,
      flagsText(flags),
      `${truth.fate === 'moot' ? '(moot) ' : ''}${truth.rcode}${truth.ad === undefined ? ' AD?' : truth.ad ? ' AD' : ''}`,
      ...names.map((name) => {
        const { rcode, ad, elapsedMs } = outcomes[name]
        const wrong = fault(truth, outcomes[name])
        const time = elapsedMs > 2000 ? ` ${elapsedMs} ms` : ''
        return `${wrong === undefined ? '' : '! '}${rcode}${ad ? ' AD' : ''}${wrong === 'another answer' ? ' (answer)' : ''}${time}`
      }),
    ]),
  ])
  console.log(
    `\n${comparisons.length / FLAG_SETS.length} names and types × ${FLAG_SETS.length} combinations of flags;` +
      ` ${differing.length} where resolvers differ from the truth or each other (! untrue)\n`,
  )
  const agreement = (name: string, flags: ClientFlags): string => {
    const asked = binding.filter((comparison) => comparison.flags === flags)
    const sound = asked.filter(({ truth, outcomes }) => fault(truth, outcomes[name]) === undefined)
    return `${sound.length} of ${asked.length}`
  }
  const alike = (name: string, other: string): string => {
    const both = binding.filter(
      ({ truth, outcomes }) => likeness(truth, outcomes[name]) === likeness(truth, outcomes[other]),
    )
    return `${both.length} of ${binding.length}`
  }
  printTable([
    ['as the truth is', ...names],
    ...FLAG_SETS.map((flags) => [flagsText(flags), ...names.map((name) => agreement(name, flags))]),
    [`code and AD as ${names[0]}`, ...names.map((name) => alike(names[0], name))],
  ])
  console.log()
}

/** Response code, and AD where it is not left open. */
function likeness(truth: Expectation, { rcode, ad }: Validated): string {
  return `${rcode} ${truth.ad === undefined || ad}`
}

type ForgeryOutcomes = Forgery & { outcomes: Record<string, Validated> }

/** One after the other: some of them cost their validator much time. */
async function askForgeries(forgeries: Forgery[], resolvers: Resolver[]): Promise<ForgeryOutcomes[]> {
  const done: ForgeryOutcomes[] = []
  for (const forgery of [...forgeries].sort((a, b) => Number(a.attack) - Number(b.attack))) {
    const outcomes: Record<string, Validated> = {}
    await Promise.all(
      resolvers.map(async (resolver) => {
        outcomes[resolver.name] = await askValidator(resolver, forgery, { do: true, cd: false })
      }),
    )
    done.push({ ...forgery, outcomes })
  }
  return done
}

/** Whether a validator made of a forgery what it should. */
export function isSound({ rcodes, ad }: Forgery, outcome: Validated): boolean {
  return rcodes.includes(outcome.rcode) && outcome.ad === (ad && outcome.rcode !== 'SERVFAIL')
}

/** Whether it said why, as well as the best Extended DNS Error for it, or one that is true too. */
export function isTelling({ edes }: Forgery, outcome: Validated): boolean {
  return edes.length === 0 ? outcome.edes.length === 0 : outcome.edes.some((code) => edes.includes(code))
}

function reportForgeries(forged: ForgeryOutcomes[], resolvers: Resolver[]): void {
  const names = resolvers.map((resolver) => resolver.name)
  printTable([
    ['zone', 'what is wrong', 'expected', ...names],
    ...forged.map((forgery) => [
      forgery.label,
      shorten(forgery.about, 56),
      `${forgery.rcodes.join('/')}${forgery.ad ? ' AD' : ''} ${forgery.edes.join('/')}`.trim(),
      ...names.map((name) => {
        const outcome = forgery.outcomes[name]
        const time = outcome.elapsedMs > 1000 ? ` ${outcome.elapsedMs} ms` : ''
        const text = `${outcome.rcode}${outcome.ad ? ' AD' : ''} ${outcome.edes.join(',')}`.trim()
        return `${isSound(forgery, outcome) ? '' : '! '}${text}${time}`
      }),
    ]),
  ])
  printTable([
    ['', ...names],
    [
      'sound',
      ...names.map((name) => `${forged.filter((f) => isSound(f, f.outcomes[name])).length} of ${forged.length}`),
    ],
    [
      'telling',
      ...names.map((name) => `${forged.filter((f) => isTelling(f, f.outcomes[name])).length} of ${forged.length}`),
    ],
  ])
}
