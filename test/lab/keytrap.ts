/** What do attacks on a validator's time cost it, and do its other clients notice? `npm run attack`: each resolver on this
 *  machine is asked for names in zones built to be dear (forgeries.ts: KeyTrap, NSEC3 closest enclosers, malformed keys),
 *  some at a time, while a client in a thread of its own asks for one cached name at a steady pace. */

import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Command } from 'commander'
import { findPeer } from '../peers.ts'
import { askValidator, type Validated } from './compare-dnssec.ts'
import { type Lab, startLab } from './lab.ts'
import { PEER_NAMES, type Resolver, startBowline, startPeer } from './resolvers.ts'
import { printTable } from './side-by-side.ts'

interface Attack {
  label: string
  /** The nth question; no two are the same, so that no cache helps. */
  qname(turn: number): string
}

const deep = Array.from({ length: 100 }, (_, index) => index % 10).join('.')
const below = (label: string): Attack => ({ label, qname: (turn) => `x${turn}.${label}.bogus.cz.` })
const deepBelow = (label: string): Attack => ({ label, qname: (turn) => `${deep}.x${turn}.${label}.bogus.cz.` })

/** The first is no attack: what an ordinary answer costs that has to be fetched and validated. */
const attacks: Attack[] = [
  below('any-name'),
  below('key-trap'),
  below('key-trap-key-set'),
  below('malformed-keys'),
  deepBelow('deep-nsec3'),
  deepBelow('deep-nsec3-150'),
]

/** A name that is in the cache, and asked for throughout. */
const CACHED = 'www.sound.bogus.cz.'

/** Milliseconds, sorted; undefined stands for a lost question. */
export interface Latencies {
  answered: number[]
  lost: number
}

interface Measurement {
  attack: string
  questions: number
  rcodes: string[]
  answerMs: number[]
  cpuMs: number
  before: Latencies
  during: Latencies
}

const AT_ONCE = 4
const NO_FLAGS = { do: true, cd: false }

async function measure(resolver: Resolver, attack: Attack, seconds: number): Promise<Measurement> {
  await askValidator(resolver, { qname: CACHED, qtype: 'A' }, NO_FLAGS)
  const before = await probe(resolver, seconds / 2)
  const cpuBefore = cpuMsOf(resolver.pid!)
  const during = probe(resolver, seconds)
  const outcomes: Validated[] = []
  const end = performance.now() + seconds * 1000
  let turn = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (performance.now() < end)
        outcomes.push(await askValidator(resolver, { qname: attack.qname(turn++), qtype: 'A' }, NO_FLAGS))
    }),
  )
  const latencies = await during
  return {
    attack: attack.label,
    questions: outcomes.length,
    rcodes: [...new Set(outcomes.map((outcome) => outcome.rcode))],
    answerMs: outcomes.map((outcome) => outcome.elapsedMs).sort((a, b) => a - b),
    cpuMs: cpuMsOf(resolver.pid!) - cpuBefore,
    before,
    during: latencies,
  }
}

/** Asks for the cached name at a steady pace, from another thread, so that this one's work does not count. */
function probe(resolver: Resolver, seconds: number): Promise<Latencies> {
  const { address, port } = resolver
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('probe.ts', import.meta.url), {
      workerData: { address, port, seconds, qname: CACHED },
    })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

const TICK_MS = 10

/** CPU time of a process and all below it. */
function cpuMsOf(pid: number): number {
  const parents = new Map<number, number>()
  const ticks = new Map<number, number>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const fields = readFileSync(`/proc/${entry}/stat`, 'latin1')
        .replace(/^.*\) /, '')
        .split(' ')
      parents.set(Number(entry), Number(fields[1]))
      ticks.set(Number(entry), Number(fields[11]) + Number(fields[12]))
    } catch {
      // it has just ended
    }
  }
  const isOurs = (id: number): boolean => id === pid || (id > 1 && isOurs(parents.get(id) ?? 0))
  let sum = 0
  for (const [id, used] of ticks) if (isOurs(id)) sum += used
  return sum * TICK_MS
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

function latencyText({ answered, lost }: Latencies): string {
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => percentile(answered, share).toFixed(1))
  return `${p50} / ${p99} / ${max}${lost === 0 ? '' : `, ${lost} lost`}`
}

function report(name: string, measurements: Measurement[]): void {
  printTable([
    [
      name,
      'questions',
      'codes',
      'until answered p50/max ms',
      'CPU ms each',
      'cached before p50/p99/max ms',
      'cached during',
    ],
    ...measurements.map(({ attack, questions, rcodes, answerMs, cpuMs, before, during }) => [
      attack,
      `${questions}`,
      rcodes.join(' '),
      `${percentile(answerMs, 0.5)} / ${percentile(answerMs, 1)}`,
      (cpuMs / Math.max(questions, 1)).toFixed(2),
      latencyText(before),
      latencyText(during),
    ]),
  ])
  console.log()
}

/** Has the zones made and signed before anybody's time is taken. */
async function warmUp(lab: Lab, wanted: Attack[]): Promise<void> {
  const address = lab.world.hosts.get('forger')!.addresses[0]
  for (const { qname } of wanted)
    await askValidator({ address, port: lab.port }, { qname: qname(0), qtype: 'A' }, NO_FLAGS)
}

async function startResolver(name: string, lab: Lab, folder: string): Promise<Resolver> {
  if (name === 'bowline') return startBowline(lab, folder)
  const peer = PEER_NAMES.find((known) => known === name)
  if (peer === undefined) throw new Error(`no resolver of that name: ${name}`)
  if (findPeer(peer) === undefined) throw new Error(`${peer} is not installed`)
  return startPeer(peer, lab, folder)
}

if (import.meta.main) {
  const options = new Command('attack')
    .description('Attacks validators with zones that are dear to validate, and measures what it does to them.')
    .option('--resolvers <names>', 'which, one after the other', ['bowline', ...PEER_NAMES].join(','))
    .option('--seconds <number>', 'length of each attack', '4')
    .option(
      '--attacks <labels>',
      'which, by the first label of their zone',
      attacks.map(({ label }) => label).join(','),
    )
    .parse()
    .opts<{ resolvers: string; seconds: string; attacks: string }>()
  const wanted = attacks.filter(({ label }) => options.attacks.split(',').includes(label))
  const lab = await startLab({ dnssec: true, only: ['forgeries'], engine: 'typescript' })
  const folder = await mkdtemp(join(tmpdir(), 'bowline-attack-'))
  await warmUp(lab, wanted)
  console.log(`${AT_ONCE} questions at a time, for ${options.seconds} s each; a cached name is asked for every 2 ms.\n`)
  for (const name of options.resolvers.split(',')) {
    try {
      const measurements: Measurement[] = []
      for (const attack of wanted) {
        const resolver = await startResolver(name, lab, await mkdtemp(join(folder, `${name}-`))) // none pays for the one before
        try {
          measurements.push(await measure(resolver, attack, Number(options.seconds)))
        } finally {
          await resolver.stop()
        }
      }
      report(name, measurements)
    } catch (failure) {
      console.log(`${name}: left out. ${(failure as Error).message}\n`)
    }
  }
  await lab.stop()
  await rm(folder, { recursive: true, force: true })
}
