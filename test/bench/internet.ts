/** The authoritative servers the targets ask on a miss: cheap ones, on the load's core. knotd or nsd; our own from the
 *  lab only where neither is installed, as it would cost more than the resolvers that are measured. */

import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { nameFromText } from '../../src/wire/name.ts'
import { parseZoneText } from '../../src/wire/text.ts'
import { Authority } from '../lab/authority.ts'
import { KNOT_TEMPLATE, knotConfig, nsdConfig } from '../lab/debian-config.ts'
import { Listener } from '../lab/listener.ts'
import { findPeer } from '../peers.ts'
import { Daemon, LOAD_CORE } from './processes.ts'
import { LEAF_ADDRESSES, ROOT_ADDRESS, TLD_ADDRESS, writeZones, type ZoneFiles } from './zones.ts'

const execute = promisify(execFile)
const PORT = 53

export interface Internet {
  /** `knotd`, `nsd` or `own`. */
  engine: string
  hints: string
  anchor: string | undefined
  /** Queries that reached the servers so far; undefined where they do not count. */
  queries(): Promise<number | undefined>
  stop(): Promise<void>
}

interface Host {
  name: string
  addresses: string[]
  zones: Map<string, string>
}

/** Starts root, TLDs and the zones below. Rejects when port 53 of 127.99.0.x cannot be had. */
export async function startInternet(folder: string, signed: boolean): Promise<Internet> {
  const place = join(folder, 'internet')
  await mkdir(place, { recursive: true })
  const files = await writeZones(place, signed)
  const hosts: Host[] = [
    { name: 'root', addresses: [ROOT_ADDRESS], zones: files.root },
    { name: 'tlds', addresses: [TLD_ADDRESS], zones: files.tlds },
    { name: 'leaves', addresses: LEAF_ADDRESSES, zones: files.leaves },
  ]
  if (findPeer('knotd') !== undefined) return startDaemons('knotd', hosts, files, place)
  if (findPeer('nsd') !== undefined) return startDaemons('nsd', hosts, files, place)
  return startOwn(hosts, files)
}

async function startDaemons(
  engine: 'knotd' | 'nsd',
  hosts: Host[],
  files: ZoneFiles,
  place: string,
): Promise<Internet> {
  const running: Daemon[] = []
  const stop = async () => {
    await Promise.all(running.map((daemon) => daemon.stop()))
  }
  try {
    for (const host of hosts) {
      const folder = join(place, host.name)
      await mkdir(folder, { recursive: true })
      const config = join(folder, `${engine}.conf`)
      await writeFile(config, configOf(engine, host, folder))
      const parameters = engine === 'knotd' ? ['-c', config] : ['-d', '-c', config]
      const daemon = new Daemon(`${engine} (${host.name})`, LOAD_CORE, engine, parameters)
      running.push(daemon)
      for (const address of host.addresses)
        await daemon.untilAnswering(address, [...host.zones.keys()].at(-1)!, { port: PORT })
    }
  } catch (failure) {
    await stop()
    throw failure
  }
  const sockets = hosts.map(({ name }) => join(place, name, 'knot.sock'))
  const queries = engine === 'knotd' ? () => countQueries(sockets) : async () => undefined
  return { engine, hints: files.hints, anchor: files.anchor, queries, stop }
}

function configOf(engine: 'knotd' | 'nsd', { addresses, zones }: Host, folder: string): string {
  const place = { folder, addresses, port: PORT }
  if (engine === 'nsd') return nsdConfig(place, zones)
  const entries = [...zones].map(([origin, file]) => `  - domain: "${origin}"\n    file: "${file}"\n`)
  return knotConfig(place, KNOT_TEMPLATE, '    global-module: mod-stats\nzone:\n', ...entries)
}

/** What mod-stats of each knotd has counted. */
async function countQueries(sockets: string[]): Promise<number> {
  const counts = await Promise.all(
    sockets.map(async (socket) => {
      const { stdout } = await execute(findPeer('knotc')!, ['-s', socket, 'stats', 'mod-stats.server-operation'])
      return Number(/\[query\] = (\d+)/.exec(stdout)?.[1] ?? 0)
    }),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

async function startOwn(hosts: Host[], files: ZoneFiles): Promise<Internet> {
  if (files.anchor !== undefined) throw new Error('signed zones need knotd or nsd')
  const listeners: Listener[] = []
  let queries = 0
  const stop = async () => {
    await Promise.all(listeners.map((listener) => listener.close()))
  }
  try {
    for (const { addresses, zones } of hosts) {
      const texts = await Promise.all(
        [...zones].map(async ([origin, file]) => ({ origin, text: await readFile(file, 'utf8') })),
      )
      const authority = new Authority(
        texts.map(({ origin, text }) => ({ origin, records: () => parseZoneText(text, nameFromText(origin)) })),
      )
      for (const address of addresses)
        listeners.push(
          await Listener.open(address, PORT, ({ packet, protocol, send }) => {
            queries++
            const reply = authority.respond(packet, protocol)
            if (reply !== undefined) send(reply)
          }),
        )
    }
  } catch (failure) {
    await stop()
    throw failure
  }
  return { engine: 'own', hints: files.hints, anchor: undefined, queries: async () => queries, stop }
}
