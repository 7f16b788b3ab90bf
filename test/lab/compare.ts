/** Do resolvers agree? Starts the lab and every resolver this machine has, asks each the same questions, and prints
 *  where response codes or answers differ from the truth or from each other. `node test/lab/compare.ts --help`. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { ServerAddress } from '../../src/io/address.ts'
import { WireError } from '../../src/wire/error.ts'
import { parseReply } from '../../src/wire/message.ts'
import { nameFromText } from '../../src/wire/name.ts'
import type { RRset } from '../../src/wire/rrset.ts'
import { rcodeText, typeFromText, typeText } from '../../src/wire/types.ts'
import { findPeer } from '../peers.ts'
import { ask } from './ask.ts'
import { compareDnssec } from './compare-dnssec.ts'
import { type Lab, startLab } from './lab.ts'
import { PEER_NAMES, type Resolver, startBowline, startBowlineLibrary, startPeer } from './resolvers.ts'
import { comparable, printTable, shorten } from './side-by-side.ts'
import type { Fate, WorldQuestion } from './world.ts'

/** What a resolver made of a question: response code, and its answer section in a form that compares. */
export interface Outcome {
  rcode: string
  /** Owner, type and records of each RRset, all sorted; TTLs and order do not count. */
  answer: string[]
  /** What to show of it in one line. */
  summary: string
  elapsedMs: number
}

interface Comparison extends WorldQuestion {
  /** `fine` and `broken` have a true answer; with `moot` resolvers may differ. */
  fate: Fate
  /** The misbehaviour this is about, if it is. */
  behaviour?: string
  /** Asked for the second time: the answer may come from the cache. */
  again?: boolean
  truth: { rcodes: string[]; answer: string[] | undefined; summary: string }
  outcomes: Record<string, Outcome>
}

const QUESTION_MS = 15_000
const AT_ONCE = 16

export function chooseQuestions(lab: Lab, count: number): WorldQuestion[] {
  const { questions } = lab.world
  if (questions.length <= count) return questions
  // the cases come first in the list and are all taken; the ordinary zones fill up
  const ordinary = questions.findIndex((question) => question.qname.includes('anchor-bend.com.'))
  const cases = ordinary < 0 ? questions : questions.slice(0, ordinary)
  const rest = ordinary < 0 ? [] : questions.slice(ordinary)
  const wanted = Math.max(count - cases.length, 0)
  return [
    ...cases,
    ...rest.filter(
      (_, index) => Math.floor((index * wanted) / rest.length) !== Math.floor(((index + 1) * wanted) / rest.length),
    ),
  ]
}

/** Asks over UDP, and over TCP when the answer was cut. */
export async function askResolver(resolver: Resolver, { qname, qtype }: WorldQuestion): Promise<Outcome> {
  const asked = performance.now()
  const name = nameFromText(qname)
  const options = { port: resolver.port, recursion: true, timeoutMs: QUESTION_MS }
  let packet = await ask(resolver.address, name, typeFromText(qtype)!, options)
  if (packet !== undefined && (packet[2] & 2) !== 0)
    packet = await ask(resolver.address, name, typeFromText(qtype)!, { ...options, protocol: 'tcp' })
  const elapsedMs = Math.round(performance.now() - asked)
  if (packet === undefined) return { rcode: 'none', answer: [], summary: 'no answer', elapsedMs }
  return { ...readOutcome(packet), elapsedMs }
}

function readOutcome(packet: Uint8Array): Omit<Outcome, 'elapsedMs'> {
  try {
    const { rcode, answer } = parseReply(packet)
    return { rcode: rcodeText(rcode), answer: comparable(answer), summary: summarise(rcodeText(rcode), answer) }
  } catch (failure) {
    if (!(failure instanceof WireError)) throw failure
    const rcode = rcodeText(packet[3] & 15)
    return { rcode, answer: [`unreadable: ${failure.code}`], summary: `${rcode} (${failure.code})` }
  }
}

function summarise(rcode: string, answer: RRset[]): string {
  const counts = new Map<string, number>()
  for (const { type, rdatas } of answer) counts.set(typeText(type), (counts.get(typeText(type)) ?? 0) + rdatas.length)
  return [rcode, ...[...counts].map(([type, count]) => (count === 1 ? type : `${type}×${count}`))].join(' ')
}

/** Whether an outcome is what the world's description says. Moot questions have no wrong outcome but silence. */
export function isTrue(comparison: Comparison, outcome: Outcome): boolean {
  const { rcodes, answer } = comparison.truth
  if (comparison.fate === 'moot' && comparison.behaviour === undefined) return outcome.rcode !== 'none'
  if (!rcodes.includes(outcome.rcode)) return false
  return (
    answer === undefined || outcome.rcode === 'SERVFAIL' || JSON.stringify(answer) === JSON.stringify(outcome.answer)
  )
}

async function compare(lab: Lab, resolvers: Resolver[], { count, troubles, twice }: Options): Promise<Comparison[]> {
  const comparisons: Comparison[] = chooseQuestions(lab, Number(count)).map((question) => {
    const { rcode, answer, fate } = lab.oracle.truth(question.qname, question.qtype)
    return {
      ...question,
      fate,
      truth: { rcodes: [rcode], answer: comparable(answer), summary: summarise(rcode, answer) },
      outcomes: {},
    }
  })
  if (troubles)
    for (const { behaviour, qname, qtype, rcodes } of lab.troubles)
      comparisons.push({
        qname,
        qtype,
        fate: 'moot',
        behaviour,
        truth: { rcodes, answer: undefined, summary: rcodes.join('/') },
        outcomes: {},
      })
  await askAll(comparisons, resolvers)
  const again: Comparison[] = twice
    ? comparisons
        .filter(({ behaviour }) => behaviour === undefined)
        .map((comparison) => ({ ...comparison, again: true, outcomes: {} }))
    : []
  await askAll(again, resolvers)
  // what the poisoning servers tried to replace is asked when they all have had their chance
  const afterwards = troubles
    ? lab.troubles.flatMap((trouble) => trouble.unharmed.map((qname) => ({ qname, trouble })))
    : []
  const harm: Comparison[] = afterwards.map(({ qname, trouble }) => {
    const { rcode, answer } = lab.oracle.truth(qname, 'A')
    const truth = { rcodes: [rcode as string], answer: comparable(answer), summary: summarise(rcode, answer) }
    return { qname, qtype: 'A', fate: 'fine', behaviour: trouble.behaviour, truth, outcomes: {} }
  })
  await askAll(harm, resolvers)
  return [...comparisons, ...again, ...harm]
}

async function askAll(comparisons: Comparison[], resolvers: Resolver[]): Promise<void> {
  const queue = [...comparisons]
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const question = next
        await Promise.all(
          resolvers.map(async (resolver) => {
            question.outcomes[resolver.name] = await askResolver(resolver, question)
          }),
        )
      }
    }),
  )
}

function report(comparisons: Comparison[], resolvers: Resolver[]): void {
  const names = resolvers.map((resolver) => resolver.name)
  const differing = comparisons.filter(
    (comparison) =>
      new Set([...names.map((name) => outcomeKey(comparison.outcomes[name]))]).size > 1 ||
      names.some((name) => !isTrue(comparison, comparison.outcomes[name])),
  )
  const header = ['question', 'fate', 'truth', ...names]
  const rows = differing.map((comparison) => [
    `${shorten(comparison.qname, 44)} ${comparison.qtype}${comparison.again ? ' (again)' : ''}`,
    comparison.behaviour === undefined ? comparison.fate : 'trouble',
    shorten(comparison.truth.summary, 24),
    ...names.map((name) => mark(comparison, comparison.outcomes[name])),
  ])
  printTable([header, ...rows])
  console.log(
    `\n${comparisons.length} questions; ${differing.length} where resolvers differ from the truth or each other (! untrue)\n`,
  )
  printTable([
    ['', ...names],
    ...(['fine', 'broken', 'moot'] as const).map((fate) => [
      `${fate}, true`,
      ...names.map((name) => {
        const ofFate = comparisons.filter(
          (comparison) => comparison.fate === fate && comparison.behaviour === undefined,
        )
        return `${ofFate.filter((comparison) => isTrue(comparison, comparison.outcomes[name])).length} of ${ofFate.length}`
      }),
    ]),
    [
      'trouble, sound',
      ...names.map((name) => {
        const troubles = comparisons.filter((comparison) => comparison.behaviour !== undefined)
        return `${troubles.filter((comparison) => isTrue(comparison, comparison.outcomes[name])).length} of ${troubles.length}`
      }),
    ],
    [
      'no answer',
      ...names.map(
        (name) => `${comparisons.filter((comparison) => comparison.outcomes[name].rcode === 'none').length}`,
      ),
    ],
  ])
}

function outcomeKey(outcome: Outcome): string {
  return outcome.rcode + JSON.stringify(outcome.answer)
}

function mark(comparison: Comparison, outcome: Outcome): string {
  return `${isTrue(comparison, outcome) ? '' : '! '}${shorten(outcome.summary, 22)}`
}

interface Options {
  bowline?: string
  peers: string
  count: string
  json: string
  engine: 'auto' | 'typescript' | 'debian'
  troubles: boolean
  twice: boolean
  dnssec: boolean
}

async function startResolvers(lab: Lab, options: Options, folder: string): Promise<Resolver[]> {
  const starts: [string, () => Promise<Resolver>][] = []
  if (options.bowline === undefined) starts.push(['bowline', () => startBowline(lab, folder)])
  else if (options.bowline === 'library') starts.push(['bowline', () => startBowlineLibrary(lab)])
  else if (options.bowline !== 'none') {
    const address = ServerAddress.fromText(options.bowline)
    if (address === undefined) throw new Error(`--bowline: not an address: ${options.bowline}`)
    const { hostText, port } = address
    starts.push(['bowline', async () => ({ name: 'bowline', address: hostText, port, stop: async () => {} })])
  }
  for (const name of PEER_NAMES) {
    if (!options.peers.split(',').includes(name)) continue
    if (findPeer(name) === undefined) console.log(`${name}: not installed`)
    else starts.push([name, () => startPeer(name, lab, folder)])
  }
  const resolvers: Resolver[] = []
  for (const [name, start] of starts) {
    try {
      resolvers.push(await start())
    } catch (failure) {
      console.log(`${name}: left out. ${(failure as Error).message}`)
    }
  }
  return resolvers
}

async function main(options: Options): Promise<void> {
  const { engine, dnssec } = options
  const lab = await startLab({ engine, dnssec })
  const folder = await mkdtemp(join(tmpdir(), 'bowline-compare-'))
  let resolvers: Resolver[] = []
  try {
    resolvers = await startResolvers(lab, options, folder)
    if (resolvers.length === 0) throw new Error('no resolver to ask')
    const outcomes = await (dnssec ? compareSigned : compareUnsigned)(lab, resolvers, options)
    await writeFile(options.json, JSON.stringify(outcomes, undefined, 1))
    console.log(`\nAll outcomes: ${options.json}`)
  } finally {
    await Promise.all(resolvers.map((resolver) => resolver.stop()))
    await lab.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function compareUnsigned(lab: Lab, resolvers: Resolver[], options: Options): Promise<Comparison[]> {
  const comparisons = await compare(lab, resolvers, options)
  report(comparisons, resolvers)
  return comparisons
}

function compareSigned(lab: Lab, resolvers: Resolver[], { count }: Options): Promise<object> {
  return compareDnssec(lab, resolvers, chooseQuestions(lab, Number(count)))
}

if (import.meta.main) {
  const command = new Command('compare')
    .description('Asks every resolver here the same questions of the lab, and shows where they differ.')
    .option(
      '--bowline <where>',
      'address@port of a running one, `library`, or `none`; without it the daemon is started',
    )
    .option('--peers <names>', 'which others to ask', PEER_NAMES.join(','))
    .option('--count <questions>', 'how many; the corner cases come first', '1000')
    .option('--json <file>', 'where all outcomes go', 'compare.json')
    .option('--engine <engine>', 'who plays the authoritative servers: auto, typescript, debian', 'auto')
    .option('--twice', 'ask all but the misbehaving servers again, to see what comes from the caches', false)
    .option('--dnssec', 'sign the lab, validate, and compare AD too; then the zones that are wrong', false)
    .option('--no-troubles', 'leave out the misbehaving servers')
  await main(command.parse().opts<Options>())
}
