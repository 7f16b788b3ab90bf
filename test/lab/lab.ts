/** The lab: a whole internet on loopback addresses. Starts every server of the world (world.ts), Debian's where they
 *  are installed and our own for the rest, and tells a resolver where the root is.
 *  With DNSSEC the zones are signed when they are first needed: by ourselves, and some by the tools of others. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ServerAddress } from '../../src/io/address.ts'
import { nameFromText, nameToText } from '../../src/wire/name.ts'
import { parseZoneText } from '../../src/wire/text.ts'
import { typeText } from '../../src/wire/types.ts'
import { findPeer } from '../peers.ts'
import { Authority, readQuery, type ZoneSource } from './authority.ts'
import { Contents } from './contents.ts'
import { isDebianSoftware, PROGRAMS, type RunningServer, startDebianServers } from './debian.ts'
import { type Incoming, Listener } from './listener.ts'
import { behaviours, Encounter } from './misbehaving.ts'
import { Oracle } from './oracle.ts'
import { dsLines } from './signing.ts'
import { signFile } from './signing-tools.ts'
import { POISON_ADDRESS, type Trouble } from './troubles.ts'
import { type Host, type Part, World, type Zone, zoneText } from './world.ts'

export interface LabOptions {
  /** 53 without it, or a high port where 53 is not to be had. */
  port?: number
  /** Parts of the world besides root and TLDs; all of them without it. */
  only?: Part[]
  /** Sign the root and much of what is below it; without it nothing is signed. */
  dnssec?: boolean
  /** `auto`: Debian's servers as far as they are here; `debian`: fail without them; `typescript`: ours only. */
  engine?: 'auto' | 'typescript' | 'debian'
  /** Say nothing about what is missing. */
  quiet?: boolean
}

/** A query that reached one of our own servers. */
export interface LoggedQuery {
  /** Host of the world, or the behaviour of a misbehaving server. */
  host: string
  address: string
  protocol: 'udp' | 'tcp'
  qname: string
  qtype: string
}

export interface Lab {
  world: World
  oracle: Oracle
  troubles: Trouble[]
  port: number
  /** Addresses of the root servers. */
  roots: string[]
  /** A hints file as resolvers want it. It knows no ports: where `port` is not 53 the resolver has to be told. */
  rootHintsFile: string
  /** The root's DS record, as text and in a file; undefined where nothing is signed. */
  trustAnchor: { text: string; file: string } | undefined
  /** Which program plays each host. */
  engines: Map<string, string>
  /** What could not be had, in sentences. */
  shortcomings: string[]
  /** Queries that passed through our own hands (servers of ours, and relays to named), since the start or the last call of forgetQueries(). */
  queryLog(): LoggedQuery[]
  forgetQueries(): void
  stop(): Promise<void>
}

const HIGH_PORT = 10053
/** Second octets the lab may use, each held by one lab at a time. */
const BLOCKS = Array.from({ length: 16 }, (_, index) => 53 + index)

export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const starting = new StartingLab(options)
  try {
    return await starting.start()
  } catch (failure) {
    await starting.stop()
    throw failure
  }
}

class StartingLab {
  private readonly options: LabOptions
  private readonly log: LoggedQuery[] = []
  private readonly shortcomings: string[] = []
  private readonly engines = new Map<string, string>()
  private listeners: { host: string; listener: Listener }[] = []
  private readonly servers: RunningServer[] = []
  private claim: Server | undefined
  private folder: string | undefined
  private readonly contents = new Contents(Math.floor(Date.now() / 1000))

  constructor(options: LabOptions) {
    this.options = options
  }

  async start(): Promise<Lab> {
    const { port, block, claim } = await claimPlace(this.options.port)
    this.claim = claim
    if (port !== 53 && this.options.port === undefined)
      this.lack(`Port 53 is not to be had here: the lab is at port ${port}.`)
    const { only, dnssec } = this.options
    const world = new World({ block, only, dnssec, ipv6: await isFree('::1', port) })
    this.folder = await mkdtemp(join(tmpdir(), 'bowline-lab-'))

    const ours: Host[] = []
    const theirs = this.planHosts([...world.hosts.values()], ours)
    const files = await this.writeZones(world, [...theirs.values()].flat())
    const zoneFile = (origin: string) => files.get(origin)!
    const signingOf = (origin: string) => {
      const signing = world.zones.get(origin)!.signing
      return signing?.by === 'knotd' ? signing : undefined
    }
    await Promise.all([
      ...[...theirs].map(async ([software, hosts]) => {
        try {
          const listen = (host: string, address: string, handle: (incoming: Incoming) => void) =>
            this.listen(host, address, port, handle)
          this.servers.push(
            ...(await startDebianServers(software, hosts, { folder: this.folder!, zoneFile, signingOf, port, listen })),
          )
          for (const host of hosts) this.engines.set(host.name, PROGRAMS[software])
        } catch (failure) {
          if (this.options.engine === 'debian') throw failure
          this.lack(
            `${PROGRAMS[software]} did not start, our own server takes its place. ${(failure as Error).message}`,
          )
          for (const host of hosts) await this.replace(host, world, port)
        }
      }),
      ...ours.map((host) => this.playHost(host, world, port)),
      ...world.troubles.map((trouble) => this.playTrouble(trouble, world, port)),
      this.playEvil(world, port),
    ])
    const rootHintsFile = join(this.folder, 'root.hints')
    await writeFile(
      rootHintsFile,
      world.roots.map(({ name, address }) => `. 3600000 NS ${name}\n${name} 3600000 A ${address}\n`).join(''),
    )
    return {
      world,
      oracle: new Oracle(world),
      troubles: world.troubles,
      port,
      roots: world.roots.map((root) => root.address),
      rootHintsFile,
      trustAnchor: await this.writeTrustAnchor(world),
      engines: this.engines,
      shortcomings: this.shortcomings,
      queryLog: () => [...this.log],
      forgetQueries: () => {
        this.log.length = 0
      },
      stop: () => this.stop(),
    }
  }

  async stop(): Promise<void> {
    await Promise.all([
      ...this.servers.map((server) => server.stop()),
      ...this.listeners.map(({ listener }) => listener.close()),
    ])
    if (this.claim !== undefined) await new Promise((resolve) => this.claim!.close(resolve))
    if (this.folder !== undefined) await rm(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  /** Writes a master file for each zone of these hosts, signed where it has to be; gives the path by origin. */
  private async writeZones(world: World, hosts: Host[]): Promise<Map<string, string>> {
    const zones = new Map<string, { zone: Zone; host: string }>()
    for (const host of hosts)
      for (const origin of host.zones) zones.set(origin, { zone: world.zones.get(origin)!, host: host.name })
    const paths = new Map<string, string>()
    for (const origin of zones.keys()) paths.set(origin, join(this.folder!, `${paths.size}.zone`))
    await Promise.all(
      [...zones].map(async ([origin, { zone, host }]) => {
        const path = paths.get(origin)!
        const byTool = zone.signing !== undefined && zone.signing.by !== 'signer'
        await writeFile(path, byTool ? zoneText(zone) : this.contents.text(zone, host))
        if (!byTool || zone.signing!.by === 'knotd' || (await signFile(path, zone, this.folder!))) return
        this.lack(`${zone.signing!.by} did not sign ${origin}, so our signer did.`)
        await writeFile(path, this.contents.text(zone, host))
      }),
    )
    return paths
  }

  private async writeTrustAnchor(world: World): Promise<Lab['trustAnchor']> {
    const { signing } = world.zones.get('.')!
    if (signing === undefined) return undefined
    const [text] = dsLines('.', signing)
    const file = join(this.folder!, 'root.anchor')
    await writeFile(file, `${text.replace('DS', 'IN DS')}\n`)
    return { text, file }
  }

  /** Hosts for Debian's servers, by software; the others go to `ours`. */
  private planHosts(hosts: Host[], ours: Host[]): Map<keyof typeof PROGRAMS, Host[]> {
    const theirs = new Map<keyof typeof PROGRAMS, Host[]>()
    const { engine = 'auto' } = this.options
    for (const host of hosts) {
      const { software } = host
      if (!isDebianSoftware(software) || engine === 'typescript') ours.push(host)
      else if (findPeer(PROGRAMS[software]) !== undefined) theirs.set(software, [...(theirs.get(software) ?? []), host])
      else if (engine === 'debian') throw new Error(`the lab needs ${PROGRAMS[software]}, which is not installed`)
      else {
        this.lack(`${PROGRAMS[software]} is not installed: our own server plays ${host.name}.`)
        ours.push(host)
      }
    }
    return theirs
  }

  /** Plays a host whose own server failed, in place of what was opened for it. */
  private async replace(host: Host, world: World, port: number): Promise<void> {
    const useless = this.listeners.filter((listening) => listening.host === host.name)
    this.listeners = this.listeners.filter((listening) => !useless.includes(listening))
    await Promise.all(useless.map(({ listener }) => listener.close()))
    await this.playHost(host, world, port)
  }

  private async playHost(host: Host, world: World, port: number): Promise<void> {
    const zones = host.zones.map((origin) => world.zones.get(origin)!)
    const authority = new Authority(zones.map((zone) => this.source(zone, host.name)))
    await Promise.all(
      host.addresses.map((address) =>
        this.listen(host.name, address, port, (incoming) => {
          const reply = authority.respond(incoming.packet, incoming.protocol)
          if (reply !== undefined) incoming.send(reply)
        }),
      ),
    )
    this.engines.set(host.name, 'authority.ts')
  }

  private source(zone: Zone, host: string): ZoneSource {
    return {
      origin: zone.origin,
      records: () => this.contents.records(zone, host),
      retell: zone.tampering?.answer,
    }
  }

  private async playTrouble(trouble: Trouble, world: World, port: number): Promise<void> {
    const zone = world.zones.get(trouble.origin)!
    const authority = new Authority([this.source(zone, trouble.behaviour)])
    const evilAddress = ServerAddress.fromText(evilServer(world))!.octets
    const memory = { depth: 0 }
    for (const [server, address] of trouble.addresses.entries()) {
      const place = { zone: nameFromText(trouble.origin), server, evilAddress, authority, memory }
      await this.listen(trouble.behaviour, address, port, (incoming) => {
        const query = readQuery(incoming.packet)
        if (query === undefined || query === 'malformed' || query.question === undefined) return
        behaviours[trouble.behaviour](new Encounter(incoming, query, place))
      })
    }
  }

  /** Where poison leads: a server that has all the answers, and all of them false. */
  private async playEvil(world: World, port: number): Promise<void> {
    if (world.troubles.length === 0) return
    const sources = ['com.', 'victim.com.', 'trouble.com.'].map((origin) => ({
      origin,
      records: () => {
        const text = `@ 3600 SOA ns.evil.${origin} hostmaster 1 2 3 4 5\n@ 3600 NS ns.evil.${origin}\n* 3600 A ${POISON_ADDRESS}`
        return parseZoneText(text, nameFromText(origin))
      },
    }))
    const authority = new Authority(sources)
    await this.listen('evil', evilServer(world), port, (incoming) => {
      const reply = authority.respond(incoming.packet, incoming.protocol)
      if (reply !== undefined) incoming.send(reply)
    })
  }

  private async listen(
    host: string,
    address: string,
    port: number,
    handle: (incoming: Incoming) => void,
  ): Promise<void> {
    const listener = await Listener.open(address, port, (incoming) => {
      const query = readQuery(incoming.packet)
      if (query !== undefined && query !== 'malformed' && query.question !== undefined) {
        const { name, type } = query.question
        this.log.push({ host, address, protocol: incoming.protocol, qname: nameToText(name), qtype: typeText(type) })
      }
      handle(incoming)
    })
    this.listeners.push({ host, listener })
  }

  private lack(sentence: string): void {
    this.shortcomings.push(sentence)
    if (!this.options.quiet) console.error(sentence)
  }
}

export function evilServer(world: World): string {
  return world.address('68.1')
}

/** A port, and a block of addresses that no other lab on this machine has. */
async function claimPlace(wantedPort: number | undefined): Promise<{ port: number; block: number; claim: Server }> {
  for (const port of wantedPort === undefined ? [53, HIGH_PORT] : [wantedPort]) {
    for (const block of BLOCKS) {
      const claim = await hold(`127.${block}.255.254`, port)
      if (claim === 'forbidden') break
      if (claim === 'taken') continue
      const samples = ['0.1', '0.2', '1.1', '1.2', '2.1', '3.1'].map((tail) => `127.${block}.${tail}`)
      const free = await Promise.all(samples.map((address) => isFree(address, port)))
      if (free.every((isIt) => isIt)) return { port, block, claim } // nothing is left of a lab that ended badly
      await new Promise((resolve) => claim.close(resolve))
    }
  }
  throw new Error(
    `no addresses for a lab: port ${wantedPort ?? `53 and ${HIGH_PORT}`} of 127.${BLOCKS[0]}.0.1 and its likes are taken`,
  )
}

async function isFree(address: string, port: number): Promise<boolean> {
  try {
    const listener = await Listener.open(address, port, () => {})
    await listener.close()
    return true
  } catch {
    return false
  }
}

function hold(address: string, port: number): Promise<Server | 'taken' | 'forbidden'> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE' ? 'taken' : 'forbidden'))
    server.listen({ host: address, port, exclusive: true }, () => resolve(server))
  })
}

if (import.meta.main) {
  const lab = await startLab({ dnssec: process.argv.includes('--dnssec') })
  const stop = () => void lab.stop().then(() => process.exit())
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop)
  console.log(`Root servers: ${lab.roots.join(', ')}, port ${lab.port}. Hints: ${lab.rootHintsFile}. Ctrl-C ends it.`)
  if (lab.trustAnchor !== undefined) console.log(`Trust anchor: ${lab.trustAnchor.text}`)
}
