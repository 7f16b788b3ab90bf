/** `node test/bench/cache-soak.ts`: Bowline and Unbound with the same memory for their caches, which holds about a tenth of the
 *  names asked for. How many questions does the cache answer, is every answer right, and what does eviction cost?
 *
 *    known    the most popular names are asked for, so that they are in the cache and all code has run
 *    calm     those and new names, at a fixed rate, while there is room: nothing is evicted
 *    soak     names by Zipf's law, as fast as answers come; hits count in the second half
 *    full     as calm, in a cache that has long been full */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Command, InvalidArgumentError } from 'commander'
import { askService } from '../../supervisor/control/client.ts'
import { freePort } from '../lab/child.ts'
import { findPeer } from '../peers.ts'
import { seededChance, zipf } from './numbers.ts'
import { Daemon, LOAD_CORE, pinSelf, TARGET_CORE } from './processes.ts'
import { SOAK_HINTS, SoakInternet } from './soak-internet.ts'
import { type HitLatencies, type SoakCounts, SoakLoad } from './soak-load.ts'
import { unboundServer, write } from './targets.ts'

interface Options {
  queries: number
  names: number
  memory?: number
  rate: number
  seconds: number
  targets: string[]
  json?: string
}

interface Result {
  target: string
  /** Of the questions of the soak's second half, and of all. */
  hitRatio: number
  hitRatioOverall: number
  soak: SoakCounts
  calm: HitLatencies
  full: HitLatencies
  /** Of all phases. */
  wrong: number
  servfail: number
  servfailReasons: Record<string, number>
  lost: number
  /** Of every query of the soak, CPU time of all processes. */
  cpuUs: number
  anonymousMb: number
  /** RRsets in the cache at the end, and what each takes with all that belongs to it; the message, for Unbound. */
  rrsets: number
  octetsPerRrset: number
  /** As the server itself counts. */
  cache: Record<string, number>
}

/** Octets of the cache for one name in ten: what an A record and its key take in the file, with the room that pages and
 *  eviction need. */
const OCTETS_PER_NAME = 200
const execute = promisify(execFile)
/** Bowline's worker keeps ready answers in memory besides; Unbound gets as much on top. */
const READY_ANSWERS_MB = 40
const KNOWN_SHARE = 1 / 100
const NEW_SHARE = 0.2
const MB = 1024 * 1024
const launcher = fileURLToPath(new URL('../../supervisor/launch.js', import.meta.url))

const options = new Command('cache-soak')
  .description('Hit ratio, wrong answers and latency of a cache much too small, beside Unbound with as much memory.')
  .option('--queries <number>', 'in the soak', whole, 30_000_000)
  .option('--names <number>', 'that are asked for', whole, 5_000_000)
  .option('--memory <megabytes>', 'for each cache; otherwise for a tenth of the names', whole)
  .option('--rate <number>', 'queries a second while latency is measured', whole, 4000)
  .option('--seconds <number>', 'how long it is measured, each time', whole, 10)
  .option('--targets <targets>', 'of bowline, unbound', (text) => text.split(','), ['bowline', 'unbound'])
  .option('--json <file>', 'write all numbers there')
  .parse()
  .opts<Options>()

const memoryMb = options.memory ?? Math.max(1, Math.ceil(((options.names / 10) * OCTETS_PER_NAME) / MB))
const unboundMb = memoryMb + READY_ANSWERS_MB
const knownNames = Math.max(100, Math.floor(options.names * KNOWN_SHARE))
/** Of each of the two phases at a fixed rate; their numbers follow those of the soak. */
const newNames = Math.ceil(options.rate * options.seconds * NEW_SHARE * 1.2)

await main()

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bowline-cache-soak-'))
  const internet = await SoakInternet.start(options.names + 2 * newNames)
  const results: Result[] = []
  try {
    await pinSelf(LOAD_CORE)
    const hints = join(folder, 'root.hints')
    await writeFile(hints, SOAK_HINTS)
    for (const target of options.targets) {
      if (target === 'unbound' && findPeer('unbound') === undefined) {
        console.error('unbound is not installed')
        continue
      }
      results.push(await measure(target, internet, join(folder, target), hints))
    }
  } finally {
    internet.stop()
    await rm(folder, { recursive: true, force: true })
  }
  console.log(tableOf(results))
  if (options.json !== undefined) {
    const { queries, names, rate, seconds } = options
    const report = { date: new Date(), cpu: cpus()[0]?.model, queries, names, memoryMb, rate, seconds, results }
    await writeFile(options.json, `${JSON.stringify(report, undefined, 2)}\n`)
  }
  if (results.some(({ wrong, servfail }) => wrong + servfail > 0)) process.exitCode = 1
}

async function measure(target: string, internet: SoakInternet, folder: string, hints: string): Promise<Result> {
  await mkdir(folder, { recursive: true })
  const port = await freePort()
  const daemon = await start(target, folder, port, hints)
  const load = await SoakLoad.open(internet, port)
  const say = (text: string) => console.error(`  ${target}: ${text}`)
  try {
    await daemon.untilAnswering('127.0.0.1', '.', { port, recursion: true })
    const known = await load.runFast(knownNames * 4, inTurn(0, knownNames))
    say(`${knownNames} names known in ${known.seconds.toFixed(1)} s`)
    const calm = await load.runAtRate(options.seconds, options.rate, mixed(1, options.names))
    say(`calm: p99 of hits ${calm.hits.p99Ms.toFixed(2)} ms`)

    const draw = zipf(options.names, seededChance(2))
    const half = Math.floor(options.queries / 2)
    const before = cpuUsOf(daemon)
    const askedFirst = internet.asked
    const first = await load.runFast(half, draw)
    const askedMiddle = internet.asked
    say(`half of the soak in ${first.seconds.toFixed(0)} s, ${ratio(half, askedMiddle - askedFirst)} % hits`)
    const second = await load.runFast(options.queries - half, draw)
    const askedLast = internet.asked
    const cpuUs = (cpuUsOf(daemon) - before) / options.queries
    const soak = sum(first, second)
    say(`all in ${soak.seconds.toFixed(0)} s, ${ratio(second.sent, askedLast - askedMiddle)} % hits in the second half`)

    const full = await load.runAtRate(options.seconds, options.rate, mixed(3, options.names + newNames))
    if (Object.keys(load.reasons).length > 0) say(`SERVFAIL: ${JSON.stringify(load.reasons)}`)
    say(`full: p99 of hits ${full.hits.p99Ms.toFixed(2)} ms`)
    const all = sum(known, calm.counts, soak, full.counts)
    const holds = await contents(target, folder)
    return {
      target,
      hitRatio: 1 - (askedLast - askedMiddle) / second.sent,
      hitRatioOverall: 1 - (askedLast - askedFirst) / soak.sent,
      soak,
      calm: calm.hits,
      full: full.hits,
      wrong: all.wrong + all.refused,
      servfail: all.servfail,
      servfailReasons: load.reasons,
      lost: all.lost,
      cpuUs,
      anonymousMb: daemon.usage().reduce((octets, { anonymousKb }) => octets + anonymousKb / 1024, 0),
      ...holds,
    }
  } finally {
    load.close()
    await daemon.stop()
  }
}

async function start(target: string, folder: string, port: number, hints: string): Promise<Daemon> {
  if (target === 'bowline') {
    const lines = [
      `rundir: ${join(folder, 'run')}`,
      'workers: 1',
      `network: { listen: [{ interface: 127.0.0.1@${port} }] }`,
      `cache: { storage: ${join(folder, 'cache')}, size-max: ${memoryMb}M }`,
      `options: { root-hints-file: ${hints}, query-loopback: true }`,
      'dnssec: { enable: false }',
      'logging: { level: warning }',
    ]
    const config = await write(folder, 'bowline.yaml', lines)
    return new Daemon(target, TARGET_CORE, process.execPath, [launcher, 'run', '-c', config])
  }
  const lines = [
    ...unboundServer({ folder, port, hints, workers: 1 }),
    // its documentation wants twice as much for RRsets as for messages
    `msg-cache-size: ${Math.round((unboundMb * 1024) / 3)}k`,
    `rrset-cache-size: ${Math.round((unboundMb * 1024 * 2) / 3)}k`,
    'module-config: "iterator"',
    'extended-statistics: yes',
    'remote-control:',
    'control-enable: yes',
    `control-interface: ${join(folder, 'control')}`,
    'control-use-cert: no',
  ]
  return new Daemon(target, TARGET_CORE, 'unbound', ['-d', '-c', await write(folder, 'unbound.conf', lines)])
}

async function contents(target: string, folder: string): Promise<Pick<Result, 'rrsets' | 'octetsPerRrset' | 'cache'>> {
  if (target === 'bowline') {
    const socket = join(folder, 'run', 'control.sock')
    const { body } = await askService(socket, { method: 'GET', path: '/v1/cache/stats' })
    const cache = body as Record<string, number>
    return { rrsets: cache.entries, octetsPerRrset: cache.fileBytes / cache.entries, cache }
  }
  const program = findPeer('unbound-control')
  if (program === undefined) return { rrsets: Number.NaN, octetsPerRrset: Number.NaN, cache: {} }
  const { stdout } = await execute(program, ['-c', join(folder, 'unbound.conf'), 'stats_noreset'])
  const cache = Object.fromEntries(
    ['rrset.cache.count', 'msg.cache.count', 'mem.cache.rrset', 'mem.cache.message'].map((name) => [
      name,
      Number(new RegExp(`^${name.replaceAll('.', '\\.')}=(\\d+)`, 'm').exec(stdout)?.[1]),
    ]),
  )
  const rrsets = cache['rrset.cache.count']
  return { rrsets, octetsPerRrset: (cache['mem.cache.rrset'] + cache['mem.cache.message']) / rrsets, cache }
}

function tableOf(results: Result[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`
  const ms = (value: number) => value.toFixed(2)
  const lines = [
    `${options.queries} queries, Zipf over ${options.names} names, ${memoryMb} MB of cache; ready answers, or as much more for Unbound: ${READY_ANSWERS_MB} MB`,
    '',
    '| | hits, second half | hits, all | wrong | SERVFAIL | lost | µs CPU a query | p99 of hits, calm → full (ms) | octets an RRset | MB of its own |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...results.map(
      (one) =>
        `| ${one.target} | ${percent(one.hitRatio)} | ${percent(one.hitRatioOverall)} | ${one.wrong} | ${one.servfail} | ${one.lost} | ` +
        `${one.cpuUs.toFixed(1)} | ${ms(one.calm.p99Ms)} → ${ms(one.full.p99Ms)} | ${one.octetsPerRrset.toFixed(0)} | ${one.anonymousMb.toFixed(0)} |`,
    ),
  ]
  return lines.join('\n')
}

/** `from`, `from` + 1 … and again. */
function inTurn(from: number, count: number): () => number {
  let next = 0
  return () => from + (next++ % count)
}

/** Names that are known, and among them new ones from number `firstNew` on. */
function mixed(seed: number, firstNew: number): () => number {
  const chance = seededChance(seed)
  let next = firstNew
  return () => (chance() < NEW_SHARE ? next++ : Math.floor(chance() * knownNames))
}

function cpuUsOf(daemon: Daemon): number {
  return daemon.usage().reduce((total, { userUs, systemUs }) => total + userUs + systemUs, 0)
}

function ratio(queries: number, asked: number): string {
  return (100 * (1 - asked / queries)).toFixed(2)
}

function sum(...all: SoakCounts[]): SoakCounts {
  const total: SoakCounts = { sent: 0, answered: 0, wrong: 0, servfail: 0, refused: 0, lost: 0, seconds: 0 }
  for (const counts of all) for (const key of Object.keys(total) as (keyof SoakCounts)[]) total[key] += counts[key]
  return total
}

function whole(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('must be a whole number above 0')
  return number
}
