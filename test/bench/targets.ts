/** The resolvers that are measured, each with one thread (Bowline: one worker) unless told otherwise, a cache that holds
 *  everything, no log, leave to ask loopback addresses, and QNAME minimisation (RFC 9156), which all have on by default.
 *  In all else they are as they come: 0x20 is on in Bowline and Knot Resolver, off in the others. */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from '../lab/child.ts'
import { findPeer } from '../peers.ts'
import { type ModuleSet, withModules } from './module-sets.ts'
import { Daemon, TARGET_CORE } from './processes.ts'

const execute = promisify(execFile)

export interface Place {
  folder: string
  port: number
  hints: string
  /** DS of the root's key: validate. Undefined: do not. */
  anchor: string | undefined
  workers: number
  /** Bowline's main file. */
  program: string
  /** Which modules Bowline has; undefined: those it comes with. */
  modules: ModuleSet | undefined
}

interface Recipe {
  command: string
  /** Parameters that make it print a line with its version. */
  version: string[]
  /** Writes what it needs into the folder; gives its parameters. */
  prepare(place: Place): Promise<string[]>
}

export interface Target {
  /** `bowline`, `bowline x4`, `bowline other`, `unbound` … */
  name: string
  recipe: string
  /** Processes or threads that answer. */
  workers: number
  /** Bowline's main file where it is not that of this checkout. */
  program?: string
  modules?: ModuleSet
}

export interface RunningTarget extends Target {
  daemon: Daemon
  port: number
}

/** A constant answer written in C: what the kernel alone costs. */
export const FLOOR = 'floor'
export const BOWLINE = 'bowline'
const MEMORY_MB = 512

const ownFolder = fileURLToPath(new URL('../..', import.meta.url))
/** Runs what is compiled, unless a source is newer. */
const launcher = fileURLToPath(new URL('../../supervisor/launch.js', import.meta.url))
const builtProgram = fileURLToPath(new URL('../../dist/supervisor/bowline.js', import.meta.url))
let bowlineProgram = launcher
const floorSource = fileURLToPath(new URL('floor.c', import.meta.url))

const recipes: Record<string, Recipe> = {
  [BOWLINE]: {
    command: process.execPath,
    version: [launcher, '--version'],
    prepare: async ({ folder, port, hints, anchor, workers, program, modules }) => {
      const validation = anchor === undefined ? 'enable: false' : `trust-anchors: ["${anchor}"]`
      const settings = [
        `rundir: ${join(folder, 'run')}`,
        `workers: ${workers}`,
        'network:',
        `  listen: [{ interface: 127.0.0.1@${port} }]`,
        `cache: { storage: ${join(folder, 'cache')}, size-max: ${MEMORY_MB}M }`,
        `options: { root-hints-file: ${hints}, query-loopback: true, minimize: true }`,
        `dnssec: { ${validation} }`,
        'logging: { level: warning }',
      ].join('\n')
      return [program, 'run', '-c', await write(folder, 'bowline.yaml', [withModules(settings, modules)])]
    },
  },
  unbound: {
    command: 'unbound',
    version: ['-V'],
    prepare: async ({ folder, port, hints, anchor, workers }) => [
      '-d',
      '-c',
      await write(folder, 'unbound.conf', [
        ...unboundServer({ folder, port, hints, workers }),
        `msg-cache-size: ${MEMORY_MB}m`,
        `rrset-cache-size: ${MEMORY_MB}m`,
        'incoming-num-tcp: 1000',
        ...(anchor === undefined
          ? ['module-config: "iterator"']
          : ['module-config: "validator iterator"', `trust-anchor: "${anchor}"`]),
        'remote-control:',
        'control-enable: no',
      ]),
    ],
  },
  kresd: {
    command: 'kresd',
    version: ['-V'],
    prepare: async ({ folder, port, hints, anchor, workers }) => [
      '-n',
      ...(workers === 1 ? [] : ['-f', String(workers)]),
      '-c',
      await write(folder, 'kresd.conf', [
        `log_level('err')`,
        `net.listen('127.0.0.1', ${port}, { kind = 'dns' })`,
        `cache.open(${MEMORY_MB} * MB, 'lmdb://${folder}')`,
        `modules = { 'hints > iterate' }`,
        `hints.root_file('${hints}')`,
        `trust_anchors.remove('.')`,
        ...(anchor === undefined ? [] : [`trust_anchors.add('${anchor}')`]),
        `option('ALLOW_LOCAL', true)`,
      ]),
      folder,
    ],
  },
  named: {
    command: 'named',
    version: ['-v'],
    prepare: async ({ folder, port, hints, anchor, workers }) => [
      '-f',
      '-n',
      String(workers),
      '-c',
      await write(folder, 'named.conf', [
        'options {',
        `directory "${folder}"; pid-file none; session-keyfile none;`,
        `listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };`,
        'recursion yes; allow-recursion { 127.0.0.0/8; };',
        `dnssec-validation ${anchor === undefined ? 'no' : 'yes'};`,
        'empty-zones-enable no; qname-minimization relaxed;',
        `max-cache-size ${MEMORY_MB}M; recursive-clients 10000; tcp-clients 1000; tcp-listen-queue 128;`,
        '};',
        'controls { };',
        'logging { category default { null; }; };',
        `zone "." { type hint; file "${hints}"; };`,
        ...(anchor === undefined ? [] : [`trust-anchors { . static-ds ${quotedDigest(anchor)}; };`]),
      ]),
    ],
  },
  pdns_recursor: {
    command: 'pdns_recursor',
    version: ['--version'],
    prepare: async ({ folder, port, hints, anchor, workers }) => {
      const lines = [
        'local-address=127.0.0.1',
        `local-port=${port}`,
        'allow-from=127.0.0.0/8',
        `hint-file=${hints}`,
        'dont-query=',
        `socket-dir=${folder}`,
        'write-pid=no',
        'daemon=no',
        `threads=${workers}`,
        'pdns-distributes-queries=no',
        'reuseport=yes',
        'qname-minimization=yes',
        'max-cache-entries=4000000',
        'max-packetcache-entries=4000000',
        'max-tcp-clients=1000',
        'max-concurrent-requests-per-tcp-connection=100',
        'loglevel=3',
        'quiet=yes',
        'disable-syslog=yes',
        'statistics-interval=0',
        'security-poll-suffix=',
        `dnssec=${anchor === undefined ? 'off' : 'validate'}`,
      ]
      if (anchor !== undefined) {
        const ds = anchor.slice(anchor.indexOf('DS ') + 3)
        lines.push(`lua-config-file=${await write(folder, 'anchors.lua', ['clearTA(".")', `addTA(".", "${ds}")`])}`)
      }
      await write(folder, 'recursor.conf', lines)
      return [`--config-dir=${folder}`]
    },
  },
}

export const PEERS = ['unbound', 'kresd', 'pdns_recursor', 'named']

/** What can be measured on this machine: `bowline`, once for each number of workers, also as it is in the checkout
 *  `other`; and the peers, with `alike` just as often. */
export function availableTargets(workers: number[], { alike, other }: { alike?: boolean; other?: string }): Target[] {
  const targets = inAllSizes(BOWLINE, workers)
  if (other !== undefined) {
    const program = join(other, relative(ownFolder, bowlineProgram))
    if (!existsSync(program)) throw new Error(`there is no ${program}`)
    for (const target of inAllSizes(BOWLINE, workers))
      targets.push({ ...target, name: target.name.replace(BOWLINE, `${BOWLINE} other`), program })
  }
  const peers = PEERS.filter((name) => findPeer(name) !== undefined)
  if (findPeer('cc') !== undefined) peers.push(FLOOR)
  for (const name of peers) targets.push(...inAllSizes(name, alike ? workers : [1]))
  return targets
}

/** Bowline three times: without modules that can be switched off, as it comes, and with every module. */
export function moduleTargets(): Target[] {
  const target = { recipe: BOWLINE, workers: 1 }
  return [
    { ...target, name: `${BOWLINE} no module`, modules: 'none' },
    { ...target, name: BOWLINE },
    { ...target, name: `${BOWLINE} all modules`, modules: 'all' },
  ]
}

function inAllSizes(recipe: string, workers: number[]): Target[] {
  return workers.map((count, i) => ({ name: i === 0 ? recipe : `${recipe} x${count}`, recipe, workers: count }))
}

/** Measures what `npm run build` made, which is what an installed package runs, and not the sources. */
export function useBuilt(): void {
  if (!existsSync(builtProgram)) throw new Error('there is no dist/: npm run build')
  bowlineProgram = builtProgram
}

export interface StartOptions {
  folder: string
  hints: string
  anchor: string | undefined
  /** Added to Bowline's environment. */
  env?: NodeJS.ProcessEnv
}

/** Starts a target on its core and waits until it resolves. */
export async function startTarget(target: Target, options: StartOptions): Promise<RunningTarget> {
  const folder = join(options.folder, target.name.replaceAll(' ', '-'))
  await mkdir(folder, { recursive: true })
  const port = await freePort()
  const { workers, program = bowlineProgram, modules } = target
  const daemon = await launch(target, { ...options, folder, port, workers, program, modules }, options.env)
  try {
    await daemon.untilAnswering('127.0.0.1', '.', { port, recursion: true })
  } catch (failure) {
    await daemon.stop()
    throw failure
  }
  return { ...target, daemon, port }
}

async function launch(target: Target, place: Place, env: NodeJS.ProcessEnv | undefined): Promise<Daemon> {
  if (target.recipe === FLOOR) {
    const program = join(place.folder, 'floor')
    await execute(findPeer('cc')!, ['-O2', '-o', program, floorSource])
    return new Daemon(target.name, TARGET_CORE, program, [String(place.port), String(place.workers)])
  }
  const { command, prepare } = recipes[target.recipe]
  const parameters = await prepare(place)
  const isOurs = target.recipe === BOWLINE
  return new Daemon(target.name, TARGET_CORE, command, parameters, isOurs ? { ...process.env, ...env } : undefined)
}

/** The first line a program says of its version; undefined when it says nothing. */
export async function versionOf(recipe: string): Promise<string | undefined> {
  if (recipe === FLOOR) return undefined
  const { command, version } = recipes[recipe]
  const { stdout, stderr } = await execute(findPeer(command) ?? command, version).catch((failure) => failure)
  const line = `${stdout ?? ''}\n${stderr ?? ''}`.split('\n').find((text) => /\d+\.\d+/.test(text))
  return line?.trim().replace(/^\w{3} \d+ [\d:]+ /, '') // PowerDNS says it as a line of a log
}

/** What Unbound is told whatever is measured; the beginning of its configuration. */
export function unboundServer({ folder, port, hints, workers }: Pick<Place, 'folder' | 'port' | 'hints' | 'workers'>) {
  return [
    'server:',
    `interface: 127.0.0.1@${port}`,
    'access-control: 127.0.0.0/8 allow',
    `num-threads: ${workers}`,
    'do-daemonize: no',
    'do-not-query-localhost: no',
    'username: ""',
    'chroot: ""',
    `directory: "${folder}"`,
    'pidfile: ""',
    'use-syslog: no',
    'log-servfail: no',
    'qname-minimisation: yes',
    `root-hints: "${hints}"`,
  ]
}

export async function write(folder: string, name: string, lines: string[]): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, `${lines.join('\n')}\n`)
  return path
}

/** named wants `12345 13 2 "digest"`. */
function quotedDigest(anchor: string): string {
  const [tag, algorithm, digestType, ...digest] = anchor.slice(anchor.indexOf('DS ') + 3).split(' ')
  return `${tag} ${algorithm} ${digestType} "${digest.join('')}"`
}
