/** Resolvers to ask the lab through: Debian's, each told where the lab's root is, not to validate, and that loopback
 *  addresses may be asked. They know of no other port than 53, so the lab has to be there. And Bowline. */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Child, freePort } from './child.ts'
import type { Lab } from './lab.ts'
import { Listener } from './listener.ts'

export interface Resolver {
  name: string
  address: string
  port: number
  stop(): Promise<void>
}

export const PEER_NAMES = ['unbound', 'kresd', 'named', 'pdns_recursor'] as const
export type PeerName = (typeof PEER_NAMES)[number]

interface Recipe {
  /** Configuration, and the file it goes to. */
  file: string
  config(place: Settings): string
  parameters(file: string, place: Settings): string[]
}

interface Settings {
  folder: string
  port: number
  hints: string
}

const recipes: Record<PeerName, Recipe> = {
  unbound: {
    file: 'unbound.conf',
    config: ({ folder, port, hints }) => `server:
  interface: 127.0.0.1@${port}
  port: ${port}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  do-not-query-localhost: no
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: ""
  use-syslog: no
  module-config: "iterator"
  root-hints: "${hints}"
remote-control:
  control-enable: no
`,
    parameters: (file) => ['-d', '-c', file],
  },
  kresd: {
    file: 'kresd.conf',
    config: ({ folder, port, hints }) => `log_level('err')
net.listen('127.0.0.1', ${port}, { kind = 'dns' })
cache.open(64 * MB, 'lmdb://${folder}')
modules = { 'hints > iterate' }
hints.root_file('${hints}')
trust_anchors.remove('.')
option('ALLOW_LOCAL', true)
`,
    parameters: (file, { folder }) => ['-n', '-c', file, folder],
  },
  named: {
    file: 'named.conf',
    config: ({ folder, port, hints }) => `options {
  directory "${folder}";
  pid-file none;
  session-keyfile none;
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion yes;
  allow-recursion { 127.0.0.0/8; };
  dnssec-validation no;
  empty-zones-enable no;
};
controls { };
logging { channel said { stderr; severity error; }; category default { said; }; };
zone "." { type hint; file "${hints}"; };
`,
    parameters: (file) => ['-f', '-n', '1', '-c', file],
  },
  pdns_recursor: {
    file: 'recursor.conf',
    config: ({ folder, port, hints }) => `local-address=127.0.0.1
local-port=${port}
allow-from=127.0.0.0/8
hint-file=${hints}
dnssec=off
dont-query=
query-local-address=0.0.0.0,::
socket-dir=${folder}
write-pid=no
daemon=no
threads=1
loglevel=3
disable-syslog=yes
security-poll-suffix=
serve-rfc1918=no
`,
    parameters: (_file, { folder }) => [`--config-dir=${folder}`],
  },
}

/** Starts an installed resolver on a free port of 127.0.0.1. Rejects when it does not get to resolve the lab's root. */
export async function startPeer(name: PeerName, lab: Lab, folder: string): Promise<Resolver> {
  if (lab.port !== 53) throw new Error(`${name} can only ask port 53, and the lab is at port ${lab.port}`)
  const { file, config, parameters } = recipes[name]
  const place: Settings = { folder: join(folder, name), port: await freePort(), hints: lab.rootHintsFile }
  await mkdir(place.folder, { recursive: true })
  await writeFile(join(place.folder, file), config(place))
  return start(name, new Child(name, parameters(join(place.folder, file), place)), place.port)
}

async function start(name: string, child: Child, port: number): Promise<Resolver> {
  try {
    await child.untilAnswering('127.0.0.1', '.', { port, recursion: true })
  } catch (failure) {
    await child.stop()
    throw failure
  }
  return { name, address: '127.0.0.1', port, stop: () => child.stop() }
}

const bowlineProgram = fileURLToPath(new URL('../../supervisor/bowline.ts', import.meta.url))

/** The configuration of a Bowline that lives in the lab, whose root is not signed. */
export function bowlineConfig(lab: Lab, folder: string, port: number): string {
  return `rundir: ${join(folder, 'run')}
workers: 1
network:
  listen:
    - interface: 127.0.0.1@${port}
cache:
  storage: ${join(folder, 'cache')}
options:
  root-hints-file: ${lab.rootHintsFile}
  query-loopback: true
dnssec:
  enable: false
logging:
  level: warning
`
}

export interface Bowline extends Resolver {
  configFile: string
}

/** Starts the daemon with a configuration of its own. Rejects, with what it said, when it does not get to resolve. */
export async function startBowline(lab: Lab, folder: string, wantedPort?: number): Promise<Bowline> {
  if (lab.port !== 53) throw new Error(`the lab is at port ${lab.port}, and the daemon asks port 53 only`)
  const place = join(folder, 'bowline')
  await mkdir(place, { recursive: true })
  const configFile = join(place, 'bowline.yaml')
  const port = await freePort(wantedPort)
  await writeFile(configFile, bowlineConfig(lab, place, port))
  const child = new Child(process.execPath, [bowlineProgram, 'run', '-c', configFile])
  return { ...(await start('bowline', child, port)), configFile }
}

/** Bowline as a library, inside this process: it can ask any port, so it lives in a lab at high ports too. */
export async function startBowlineLibrary(lab: Lab, wantedPort?: number): Promise<Resolver> {
  const { parseRootHints, Resolver: Library } = await import('../../src/index.ts') // only who uses it waits for it
  const rootHints = parseRootHints(await readFile(lab.rootHintsFile, 'utf8'))
  const library = new Library({ settings: { rootHints, queryLoopback: true, upstreamPort: lab.port, validate: false } })
  const port = await freePort(wantedPort)
  const listener = await Listener.open('127.0.0.1', port, async ({ packet, protocol, send }) => {
    const reply = await library.handle(packet, { overUdp: protocol === 'udp' })
    if (reply !== undefined) send(reply)
  })
  const stop = async () => {
    await listener.close()
    await library.close()
  }
  return { name: 'bowline (library)', address: '127.0.0.1', port, stop }
}
