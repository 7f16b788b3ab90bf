/** Debian's authoritative servers as hosts of the lab: writes their configuration, starts them as child processes,
 *  waits until they answer and ends them by process id. One knotd or nsd a host; one named with a view a host.
 *
 *  named binds only to addresses it finds on an interface, and of 127.0.0.0/8 that is 127.0.0.1 alone. So it listens
 *  there, and relays of ours stand at its hosts' addresses; they ask from the host's address, which tells the view. */

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exchange } from './ask.ts'
import { Child, freePort } from './child.ts'
import { KNOT_TEMPLATE, knotConfig, nsdConfig } from './debian-config.ts'
import type { Incoming } from './listener.ts'
import type { DenialKind } from './signer.ts'
import type { Signing } from './signing.ts'
import { runTool, writeKeyFiles } from './signing-tools.ts'
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
  /** How knotd is to sign the zone; undefined: the file is as it should be. */
  signingOf(origin: string): Signing | undefined
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
  const config = knotConfig(
    { folder, addresses: host.addresses, port: files.port },
    KNOT_TEMPLATE,
    knotPolicies(host, files),
    'zone:\n',
    ...host.zones.map((origin) => knotZone(origin, files)),
  )
  const path = join(folder, 'knot.conf')
  await writeFile(path, config)
  for (const origin of host.zones) {
    const signing = files.signingOf(origin)
    if (signing !== undefined) await importKeys(path, folder, origin, signing)
  }
  return run('knot', [host], ['-c', path], files.port)
}

/** One policy a zone: keys are those we import, and no others are made. */
function knotPolicies(host: Host, files: ServerFiles): string {
  const policies = host.zones.flatMap((origin) => {
    const denial = files.signingOf(origin)?.denial
    if (denial === undefined) return []
    const settings = [
      'manual: on',
      'cds-cdnskey-publish: none',
      ...(denial.kind === 'nsec' ? [] : nsec3Settings(denial)),
    ]
    return [`  - id: "${origin}"`, ...settings.map((setting) => `    ${setting}`)]
  })
  return policies.length === 0 ? '' : `policy:\n${policies.join('\n')}\n`
}

function nsec3Settings({ iterations, salt, optOut }: DenialKind & { kind: 'nsec3' }): string[] {
  const flag = optOut ? 'on' : 'off'
  return ['nsec3: on', `nsec3-iterations: ${iterations}`, `nsec3-salt-length: ${salt.length}`, `nsec3-opt-out: ${flag}`]
}

function knotZone(origin: string, files: ServerFiles): string {
  const lines = [`  - domain: "${origin}"`, `    file: "${files.zoneFile(origin)}"`]
  if (files.signingOf(origin) !== undefined) lines.push('    dnssec-signing: on', `    dnssec-policy: "${origin}"`)
  return `${lines.join('\n')}\n`
}

async function importKeys(config: string, folder: string, origin: string, signing: Signing): Promise<void> {
  for (const keyFile of await writeKeyFiles(folder, origin, signing))
    await runTool('keymgr', ['-c', config, origin, 'import-bind', keyFile])
}

async function startNsd(host: Host, files: ServerFiles): Promise<RunningServer> {
  const folder = join(files.folder, host.name)
  await mkdir(folder, { recursive: true })
  const config = nsdConfig(
    { folder, addresses: host.addresses, port: files.port },
    host.zones.map((origin) => [origin, files.zoneFile(origin)] as const),
    '  refuse-any: no\n',
  )
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
  const child = new Child(PROGRAMS[software], parameters)
  try {
    for (const { addresses, zones } of hosts)
      for (const address of addresses) await child.untilAnswering(address, zones.at(-1) ?? '.', { port })
  } catch (failure) {
    await child.stop()
    throw failure
  }
  return { software, hosts, pid: child.pid, stop: () => child.stop() }
}
