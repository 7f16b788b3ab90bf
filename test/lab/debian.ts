/** Debian's authoritative servers as hosts of the lab: writes their configuration, starts them as child processes,
 *  waits until they answer and ends them by process id. One knotd or nsd a host; one named with a view a host.
 *
 *  named binds only to addresses it finds on an interface, and of 127.0.0.0/8 that is 127.0.0.1 alone. So it listens
 *  there, and relays of ours stand at its hosts' addresses; they ask from the host's address, which tells the view. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { findPeer } from '../peers.ts'
import { exchange, isAnswering } from './ask.ts'
import type { Incoming } from './listener.ts'
import type { Host, Software } from './world.ts'

/** The program that plays a host of this software. */
export const PROGRAMS = { knot: 'knotd', nsd: 'nsd', bind: 'named' } as const
export type DebianSoftware = keyof typeof PROGRAMS

export interface RunningServer {
  software: Software
  hosts: Host[]
  pid: number | undefined
  stop(): Promise<void>
}

export interface ServerFiles {
  /** Where configurations and the servers' own state go. */
  folder: string
  /** The zone file of an origin. */
  zoneFile(origin: string): string
  port: number
  /** Opens a listener of ours, which the caller closes. */
  listen(host: string, address: string, handle: (incoming: Incoming) => void): Promise<void>
}

export function isDebianSoftware(software: Software): software is DebianSoftware {
  return software in PROGRAMS
}

/** Starts what plays `hosts`, all of one software. Throws, with what the server said, when it does not come up. */
export async function startDebianServers(
  software: DebianSoftware,
  hosts: Host[],
  files: ServerFiles,
): Promise<RunningServer[]> {
  if (software === 'bind') return [await startNamed(hosts, files)]
  const start = software === 'knot' ? startKnot : startNsd
  const starting = await Promise.allSettled(hosts.map((host) => start(host, files)))
  const running = starting.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const failure = starting.find((result) => result.status === 'rejected')
  if (failure === undefined) return running
  await Promise.all(running.map((server) => server.stop()))
  throw failure.reason
}

async function startKnot(host: Host, files: ServerFiles): Promise<RunningServer> {
  const folder = join(files.folder, host.name)
  await mkdir(folder, { recursive: true })
  const config = `server:
  rundir: "${folder}"
  listen: [ ${host.addresses.map((address) => `${address}@${files.port}`).join(', ')} ]
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: error
database:
  storage: "${folder}"
template:
  - id: default
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
zone:
${host.zones.map((origin) => `  - domain: "${origin}"\n    file: "${files.zoneFile(origin)}"\n`).join('')}`
  const path = join(folder, 'knot.conf')
  await writeFile(path, config)
  return run('knot', [host], ['-c', path], files.port)
}

async function startNsd(host: Host, files: ServerFiles): Promise<RunningServer> {
  const folder = join(files.folder, host.name)
  await mkdir(folder, { recursive: true })
  const config = `server:
${host.addresses.map((address) => `  ip-address: ${address}@${files.port}\n`).join('')}  server-count: 1
  username: ""
  chroot: ""
  database: ""
  zonesdir: "${folder}"
  xfrdir: "${folder}"
  xfrdfile: "${folder}/xfrd.state"
  zonelistfile: "${folder}/zone.list"
  pidfile: ""
  refuse-any: no
  rrl-ratelimit: 0
remote-control:
  control-enable: no
${host.zones.map((origin) => `zone:\n  name: "${origin}"\n  zonefile: "${files.zoneFile(origin)}"\n`).join('')}`
  const path = join(folder, 'nsd.conf')
  await writeFile(path, config)
  return run('nsd', [host], ['-d', '-c', path], files.port)
}

async function startNamed(hosts: Host[], files: ServerFiles): Promise<RunningServer> {
  const folder = join(files.folder, 'named')
  await mkdir(folder, { recursive: true })
  const port = await freePort()
  const config = `options {
  directory "${folder}";
  pid-file none;
  session-keyfile none;
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion no;
  dnssec-validation no;
  notify no;
  empty-zones-enable no;
  check-names primary ignore;
  check-integrity no;
};
controls { };
logging { channel said { stderr; severity warning; }; category default { said; }; };
${hosts.map((host) => namedView(host, files)).join('')}`
  const path = join(folder, 'named.conf')
  await writeFile(path, config)
  for (const host of hosts)
    for (const address of host.addresses)
      await files.listen(host.name, address, async ({ packet, protocol, send }) => {
        const reply = await exchange('127.0.0.1', packet, { port, protocol, localAddress: address })
        if (reply !== undefined) send(reply)
      })
  return run('bind', hosts, ['-f', '-n', '1', '-c', path], files.port)
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function namedView(host: Host, files: ServerFiles): string {
  const zones = host.zones.map((origin) => `  zone "${origin}" { type primary; file "${files.zoneFile(origin)}"; };\n`)
  return `view "${host.name}" {
  match-clients { ${host.addresses.map((address) => `${address};`).join(' ')} };
${zones.join('')}};
`
}

async function run(
  software: DebianSoftware,
  hosts: Host[],
  parameters: string[],
  port: number,
): Promise<RunningServer> {
  const server = new Server(software, hosts, parameters)
  try {
    for (const host of hosts) await server.untilAnswering(host, port)
  } catch (failure) {
    await server.stop()
    throw failure
  }
  return server
}

/** How long a server may take to load its zones, and to end. */
const START_MS = 20_000
const STOP_MS = 3_000

class Server implements RunningServer {
  readonly software: DebianSoftware
  readonly hosts: Host[]
  private readonly child: ChildProcess
  private readonly ended: Promise<void>
  private said = ''

  constructor(software: DebianSoftware, hosts: Host[], parameters: string[]) {
    this.software = software
    this.hosts = hosts
    this.child = spawnBound(findPeer(PROGRAMS[software])!, parameters)
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (text: Buffer) => {
        this.said = (this.said + text.toString()).slice(-4000)
      })
    this.ended = new Promise((resolve) => {
      this.child.once('exit', () => resolve())
      this.child.once('error', (error) => {
        this.said += error.message
        resolve()
      })
    })
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  private get hasEnded(): boolean {
    return this.child.pid === undefined || this.child.exitCode !== null || this.child.signalCode !== null
  }

  async untilAnswering(host: Host, port: number): Promise<void> {
    const deadline = performance.now() + START_MS
    for (const address of host.addresses) {
      while (!(await isAnswering(address, port, host.zones.at(-1) ?? '.'))) {
        if (this.hasEnded || performance.now() > deadline)
          throw new Error(
            `${PROGRAMS[this.software]} for ${host.name} does not answer at ${address}:${port}. It said:\n${this.said}`,
          )
      }
    }
  }

  async stop(): Promise<void> {
    if (!this.hasEnded) this.child.kill('SIGTERM')
    const impatience = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS)
    await this.ended
    clearTimeout(impatience)
  }
}

/** A child that is told to end when this process dies, however it dies, where util-linux has `setpriv`. */
export function spawnBound(program: string, parameters: string[]): ChildProcess {
  const setpriv = findPeer('setpriv')
  const options = { stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'] }
  if (setpriv === undefined) return spawn(program, parameters, options)
  return spawn(setpriv, ['--pdeathsig', 'TERM', '--', program, ...parameters], options)
}
