/** `npm run bench`: Bowline and the resolvers installed on this machine, under the same load in turns. Target on one core,
 *  everything else on another; CPU time per query from the process accounts; medians of ratios. See docs/performance.md. */

import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Command, InvalidArgumentError } from 'commander'
import { findPeer } from '../peers.ts'
import { startInternet } from './internet.ts'
import { measureWorkload, type WorkloadResult } from './measure.ts'
import { LOAD_CORE, pinSelf } from './processes.ts'
import { gatherProfiles } from './profile.ts'
import { machine, tableOf, toJson } from './report.ts'
import { availableTargets, BOWLINE, FLOOR, moduleTargets, type Target, useBuilt, versionOf } from './targets.ts'
import { type Plan, WORKLOADS, type Workload } from './workloads.ts'
import { canSign } from './zones.ts'

interface Options {
  only?: string[]
  targets?: string[]
  rounds: number
  seconds: number
  latencySeconds: number
  workers: number[]
  alike?: boolean
  against?: string
  modules?: boolean
  built?: boolean
  quick?: boolean
  json?: string
  profile?: string
}

const FOLDER_PREFIX = 'bowline-bench-run-'
const QUICK_TARGETS = [BOWLINE, 'unbound', 'kresd', FLOOR]

const command = new Command('bench')
  .description('Measure Bowline beside other resolvers: CPU time, throughput, latency and memory.')
  .option('--only <workloads>', `of ${WORKLOADS.map(({ name }) => name).join(', ')}`, list)
  .option('--targets <targets>', 'of bowline, unbound, kresd, pdns_recursor, named, floor', list)
  .option('--rounds <number>', 'how often each target is measured', whole, 3)
  .option('--seconds <number>', 'how long each time under full load', whole, 3)
  .option('--latency-seconds <number>', 'how long each time at a fixed rate, where latency is measured', whole, 2)
  .option('--workers <numbers>', 'workers of Bowline; the second and later ones only in `cached`', numbers, [1, 2, 4])
  .option('--alike', 'the others, too, with as many threads or processes as Bowline has workers')
  .option('--against <folder>', 'another checkout of Bowline takes part as `bowline other`', (folder) =>
    resolve(folder),
  )
  .option(
    '--modules',
    'only Bowline, and only `cached` unless told otherwise: with no module, with those it comes with, with all',
  )
  .option('--built', 'only Bowline as `npm run build` made it; else the sources where one of them is newer')
  .option('--quick', 'one to two minutes: fewer targets, one second each, no latency')
  .option('--json <file>', 'write all numbers there')
  .option('--profile <folder>', 'CPU profiles of all processes of Bowline go there; slows it down a little')
const options = command.parse().opts<Options>()
if (options.quick) quicken(options)
if (options.built) useBuilt()

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    say('ending everything …')
    interrupted.abort()
  })

try {
  process.exitCode = await bench(options)
} catch (failure) {
  if (!interrupted.signal.aborted) throw failure
  process.exitCode = 130
}

async function bench(wanted: Options): Promise<number> {
  const missing = ['taskset', 'dnsperf'].filter((program) => findPeer(program) === undefined)
  if (missing.length > 0) throw new Error(`needs ${missing.join(' and ')} (Debian: util-linux, dnsperf)`)
  if (availableParallelism() < 2) throw new Error('needs two cores: one for the target, one for the load')
  const workloads = choose(WORKLOADS, wanted.only ?? (wanted.modules ? ['cached'] : undefined), ({ name }) => name)
  const { workers, alike, against: other } = wanted
  const available = wanted.modules ? moduleTargets() : availableTargets(workers, { alike, other })
  const targets = choose(available, wanted.targets, ({ recipe }) => recipe)
  const plan: Plan = { rounds: wanted.rounds, seconds: wanted.seconds, latencySeconds: wanted.latencySeconds }
  const signed = canSign() && (findPeer('knotd') ?? findPeer('nsd')) !== undefined
  const needsSigning = workloads.some((workload) => workload.signed)

  const claim = await claimMachine()
  await pinSelf(LOAD_CORE)
  const folder = await makeFolder()
  const results: WorkloadResult[] = []
  try {
    if (signed && needsSigning) say('signed zones: kept from an earlier run, or signed now, which takes some seconds')
    const internet = await startInternet(folder, signed && needsSigning)
    try {
      for (const workload of workloads) {
        if (workload.signed && !signed) {
          console.log(`${workload.name}: left out, needs dnssec-signzone, and knotd or nsd\n`)
          continue
        }
        const chosen = targets.filter((target) => takesPart(target, workload))
        if (chosen.length === 0) continue
        const profiles = wanted.profile === undefined ? undefined : join(wanted.profile, workload.name)
        const env = profiles === undefined ? undefined : profilingEnvironment(profiles)
        const progress = (text: string) => say(`${workload.name}: ${text}`)
        const { signal } = interrupted
        const result = await measureWorkload(workload, {
          folder,
          internet,
          plan,
          targets: chosen,
          env,
          signal,
          progress,
        })
        results.push(result)
        console.log(tableOf(result))
        if (profiles !== undefined) console.log(await gatherProfiles(profiles))
      }
    } finally {
      await internet.stop()
    }
    if (wanted.json !== undefined)
      await writeFile(wanted.json, toJson(results, { options: wanted, versions: await versions(targets) }))
  } finally {
    await rm(folder, { recursive: true, force: true })
    claim.close()
  }
  const { cpu, cores, kernel, node } = machine()
  console.log(`${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}`)
  for (const [name, version] of Object.entries(await versions(targets))) console.log(`${name}: ${version}`)
  return results.some(({ targets: measured }) => measured.some(({ faults }) => faults.length > 0)) ? 1 : 0
}

function takesPart(target: Target, workload: Workload): boolean {
  if (target.recipe === FLOOR) return workload.withFloor
  return workload.withMoreWorkers || options.modules || target.workers === options.workers[0]
}

/** Node writes a profile of each process that has these options when it ends in good order. */
function profilingEnvironment(folder: string): NodeJS.ProcessEnv {
  return { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --cpu-prof --cpu-prof-dir=${folder}`.trim() }
}

async function versions(targets: Target[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const { recipe } of targets) {
    const version = recipe in found ? undefined : await versionOf(recipe)
    if (version !== undefined) found[recipe] = version
  }
  return found
}

function quicken(wanted: Options): void {
  const isOwn = (name: string) => command.getOptionValueSource(name) === 'cli'
  if (!isOwn('targets')) wanted.targets = QUICK_TARGETS
  if (!isOwn('seconds')) wanted.seconds = 1
  if (!isOwn('latencySeconds')) wanted.latencySeconds = 0
  if (!isOwn('workers')) wanted.workers = [1]
}

function choose<T>(all: T[], names: string[] | undefined, nameOf: (item: T) => string): T[] {
  const unknown = names?.filter((name) => !all.some((item) => nameOf(item) === name)) ?? []
  if (unknown.length > 0)
    throw new Error(`not here: ${unknown.join(', ')}; there are ${[...new Set(all.map(nameOf))].join(', ')}`)
  return all.filter((item) => names?.includes(nameOf(item)) ?? true)
}

/** Holds what only one run at a time can have, the cores and the addresses; waits until another one ends. The kernel
 *  takes the claim back however this process ends. */
async function claimMachine(): Promise<Server> {
  for (let waited = false; ; waited = true) {
    const server = createServer()
    try {
      await once(server.listen({ host: '127.99.0.1', port: 9953, exclusive: true }), 'listening')
      return server
    } catch (failure) {
      if ((failure as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw failure
    }
    if (!waited) say('another benchmark runs on this machine: waiting until it has ended')
    await setTimeout(1000, undefined, { signal: interrupted.signal })
  }
}

/** In memory, for all targets alike: none of them makes its cache safe against a crash of the machine. What a run that
 *  was killed has left is removed; only who holds the claim may come here. */
async function makeFolder(): Promise<string> {
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  for (const name of await readdir(parent))
    if (name.startsWith(FOLDER_PREFIX)) await rm(join(parent, name), { recursive: true, force: true })
  return mkdtemp(join(parent, FOLDER_PREFIX))
}

function say(text: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)} ${text}`)
}

function list(text: string): string[] {
  return text.split(',').map((item) => item.trim())
}

function numbers(text: string): number[] {
  return list(text).map(whole)
}

function whole(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('a whole number is wanted')
  return value
}
