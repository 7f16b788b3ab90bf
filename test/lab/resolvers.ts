/** Resolvers to ask the lab through: Debian's, each told where the lab's root is, that loopback addresses may be asked,
 *  and to validate if the lab is signed. They know of no other port than 53, so the lab has to be there. And Bowline. */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseTrustAnchors } from '../../src/dnssec/trust-anchors.ts'
import { Child, freePort } from './child.ts'
import type { Lab } from './lab.ts'
import { Listener } from './listener.ts'

export interface Resolver {
  name: string
  /** Of the process, if it is one of its own; of Bowline, the supervisor. */
  pid?: number
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
  /** Other files it reads. */
  more?(place: Settings): { file: string; text: string }[]
}

interface Settings {
  folder: string
  port: number
  hints: string
  /** DS record of the root, and the file it is in; undefined: nothing is to be validated. */
  anchor: Lab['trustAnchor']
}

const recipes: Record<PeerName, Recipe> = {
  unbound: {
    file: 'unbound.conf',
    config: ({ folder, port, hints, anchor }) => `server:
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
${anchor === undefined ? '  module-config: "iterator"' : `  module-config: "validator iterator"\n  trust-anchor-file: "${anchor.file}"\n  ede: yes`}
  root-hints: "${hints}"
remote-control:
  control-enable: no
`,
    parameters: (file) => ['-d', '-c', file],
  },
  kresd: {
    file: 'kresd.conf',
    config: ({ folder, port, hints, anchor }) => `log_level('err')
net.listen('127.0.0.1', ${port}, { kind = 'dns' })
cache.open(64 * MB, 'lmdb://${folder}')
modules = { 'hints > iterate' }
hints.root_file('${hints}')
trust_anchors.remove('.')
${anchor === undefined ? '' : `trust_anchors.add('${anchor.text}')`}
option('ALLOW_LOCAL', true)
`,
    parameters: (file, { folder }) => ['-n', '-c', file, folder],
  },
  named: {
    file: 'named.conf',
    config: ({ folder, port, hints, anchor }) => `options {
  directory "${folder}";
  pid-file none;
  session-keyfile none;
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion yes;
  allow-recursion { 127.0.0.0/8; };
  dnssec-validation ${anchor === undefined ? 'no' : 'yes'};
  empty-zones-enable no;
};
controls { };
${anchor === undefined ? '' : `trust-anchors { ${anchor.text.replace(/^(\S+) DS (\d+ \d+ \d+) (\S+)$/, '"$1" static-ds $2 "$3";')} };`}
logging { channel said { stderr; severity error; }; category default { said; }; };
zone "." { type hint; file "${hints}"; };
`,
    parameters: (file) => ['-f', '-n', '1', '-c', file],
  },
  pdns_recursor: {
    file: 'recursor.conf',
    config: ({ folder, port, hints, anchor }) => `local-address=127.0.0.1
local-port=${port}
allow-from=127.0.0.0/8
hint-file=${hints}
dnssec=${anchor === undefined ? 'off' : 'validate'}
${anchor === undefined ? '' : `extended-resolution-errors=yes\nlua-config-file=${luaFile(folder)}`}
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
    more: ({ folder, anchor }) => [
      {
        file: luaFile(folder),
        text: anchor === undefined ? '' : `addTA('.', '${anchor.text.replace(/^\. DS /, '')}')\n`,
      },
    ],
  },
}

function luaFile(folder: string): string {
  return join(folder, 'anchor.lua')
}

/** Starts an installed resolver on a free port of 127.0.0.1. Rejects when it does not get to resolve the lab's root. */
export async function startPeer(name: PeerName, lab: Lab, folder: string): Promise<Resolver> {
  if (lab.port !== 53) throw new Error(`${name} can only ask port 53, and the lab is at port ${lab.port}`)
  const { file, config, parameters } = recipes[name]
  const place = {
    folder: join(folder, name),
    port: await freePort(),
    hints: lab.rootHintsFile,
    anchor: lab.trustAnchor,
  }
  await mkdir(place.folder, { recursive: true })
  for (const { file: path, text } of recipes[name].more?.(place) ?? []) await writeFile(path, text)
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
  return { name, pid: child.pid, address: '127.0.0.1', port, stop: () => child.stop() }
}

const bowlineProgram = fileURLToPath(new URL('../../supervisor/bowline.ts', import.meta.url))

/** The configuration of a Bowline that lives in the lab. */
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
${lab.trustAnchor === undefined ? '  enable: false' : `  trust-anchors-files: [{ file: ${lab.trustAnchor.file} }]`}
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
  const trustAnchors = parseTrustAnchors(lab.trustAnchor?.text ?? '')
  const library = new Library({
    settings: {
      rootHints,
      queryLoopback: true,
      upstreamPort: lab.port,
      validate: trustAnchors.length > 0,
      trustAnchors,
    },
  })
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
