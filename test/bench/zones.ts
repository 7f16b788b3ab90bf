/** The zones the benchmarks ask for: root and two TLDs, one with unsigned zones that answer to every name by a wildcard,
 *  one with signed zones that hold each name with a signature of its own. */

import { execFile } from 'node:child_process'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findPeer } from '../peers.ts'

const execute = promisify(execFile)

export const ROOT_ADDRESS = '127.99.0.1'
export const TLD_ADDRESS = '127.99.0.2'
/** Both serve all zones below the TLDs. */
export const LEAF_ADDRESSES = ['127.99.0.3', '127.99.0.4']

export const UNSIGNED_ZONES = 100
export const SIGNED_ZONES = 4
/** Each with an RRSIG made with ECDSA P-256 (RFC 6605). */
export const NAMES_PER_SIGNED_ZONE = 30_000

const ALGORITHM = 'ECDSAP256SHA256'
/** Signatures last a year; zones older than this are signed anew. */
const SIGNED_FOR_MS = 30 * 24 * 3600 * 1000
/** Seconds. */
const TTL = 86_400

export function unsignedName(number: number): string {
  return `n${number}.z${number % UNSIGNED_ZONES}.bench`
}

export function signedName(number: number): string {
  return `n${Math.floor(number / SIGNED_ZONES) % NAMES_PER_SIGNED_ZONE}.s${number % SIGNED_ZONES}.signed`
}

/** Where each server's zones lie: origin to file. */
export interface ZoneFiles {
  root: Map<string, string>
  tlds: Map<string, string>
  leaves: Map<string, string>
  hints: string
  /** DS of the root's key, as a record in text; undefined when nothing is signed. */
  anchor: string | undefined
}

/** Whether zones can be signed here. */
export function canSign(): boolean {
  return findPeer('dnssec-signzone') !== undefined && findPeer('dnssec-keygen') !== undefined
}

/** Writes the unsigned zones into `folder`; signed ones are kept from one run to the next, as signing takes a while. */
export async function writeZones(folder: string, signed: boolean): Promise<ZoneFiles> {
  const file = async (name: string, text: string) => {
    const path = join(folder, name)
    await writeFile(path, text)
    return path
  }
  const leafFile = await file('leaf.zone', leafText(['* A 192.0.2.1']))
  const leaves = new Map(range(UNSIGNED_ZONES).map((i) => [`z${i}.bench`, leafFile]))
  const tlds = new Map([['bench', await file('bench.zone', tldText([...leaves.keys()], 'bench'))]])
  const root = new Map<string, string>()
  const hints = await file('root.hints', `. 3600000 NS a.servers.\na.servers. 3600000 A ${ROOT_ADDRESS}\n`)
  if (!signed) {
    root.set('.', await file('root.zone', rootText(['bench'])))
    return { root, tlds, leaves, hints, anchor: undefined }
  }
  const store = await signedZones()
  for (const i of range(SIGNED_ZONES)) leaves.set(`s${i}.signed`, join(store, `s${i}.signed.zone`))
  tlds.set('signed', join(store, 'signed.zone'))
  root.set('.', join(store, 'root.zone'))
  return { root, tlds, leaves, hints, anchor: (await readFile(join(store, 'root.ds'), 'utf8')).trim() }
}

/** The folder with the signed zones, made when it is missing or old. */
async function signedZones(): Promise<string> {
  const store = join(tmpdir(), `bowline-bench-signed-${SIGNED_ZONES}x${NAMES_PER_SIGNED_ZONE}`)
  const age = await stat(join(store, 'root.ds')).then(
    (found) => Date.now() - found.mtimeMs,
    () => Number.POSITIVE_INFINITY,
  )
  if (age < SIGNED_FOR_MS) return store
  const draft = `${store}.${process.pid}`
  await rm(store, { recursive: true, force: true })
  await mkdir(draft, { recursive: true })
  try {
    const names = range(NAMES_PER_SIGNED_ZONE).map((n) => `n${n} A 192.0.2.1`)
    const origins = range(SIGNED_ZONES).map((i) => `s${i}.signed`)
    const dsRecords = await Promise.all(origins.map((origin) => sign(draft, origin, `${origin}.zone`, leafText(names))))
    const tldDs = await sign(draft, 'signed', 'signed.zone', tldText(origins, 'signed', dsRecords))
    const rootDs = await sign(draft, '.', 'root.zone', rootText(['bench', 'signed'], [tldDs]))
    await writeFile(join(draft, 'root.ds'), rootDs)
    await rename(draft, store)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return store
}

/** Signs `text` with a new key, which also signs itself, and writes it. Gives the DS record for the parent. */
async function sign(folder: string, origin: string, file: string, text: string): Promise<string> {
  const inFolder = { cwd: folder }
  const { stdout } = await execute(findPeer('dnssec-keygen')!, ['-q', '-a', ALGORITHM, '-f', 'KSK', origin], inFolder)
  const key = stdout.trim()
  const plain = join(folder, `${file}.plain`)
  await writeFile(plain, text + (await readFile(join(folder, `${key}.key`), 'utf8')))
  const validity = ['-s', '-3600', '-e', '+31536000']
  await execute(findPeer('dnssec-signzone')!, ['-P', '-z', ...validity, '-o', origin, '-f', file, plain, key], inFolder)
  await rm(plain)
  const ds = await readFile(join(folder, `dsset-${origin === '.' ? '' : origin}.`), 'utf8')
  return ds.replace(/\s+/g, ' ').trim()
}

function rootText(tlds: string[], dsRecords: string[] = []): string {
  const delegations = tlds.flatMap((tld) => [`${tld}. NS ns.${tld}.`, `ns.${tld}. A ${TLD_ADDRESS}`])
  return zoneText(['@ NS a.servers.', `a.servers. A ${ROOT_ADDRESS}`, ...delegations, ...dsRecords], 'a.servers.')
}

function tldText(zones: string[], tld: string, dsRecords: string[] = []): string {
  const delegations = zones.flatMap((zone) =>
    LEAF_ADDRESSES.flatMap((address, i) => [`${zone}. NS ns${i}.${zone}.`, `ns${i}.${zone}. A ${address}`]),
  )
  return zoneText([`@ NS ns.${tld}.`, `ns.${tld}. A ${TLD_ADDRESS}`, ...delegations, ...dsRecords], `ns.${tld}.`)
}

function leafText(lines: string[]): string {
  const servers = LEAF_ADDRESSES.flatMap((address, i) => [`@ NS ns${i}`, `ns${i} A ${address}`])
  return zoneText([...servers, ...lines], 'ns0')
}

function zoneText(lines: string[], server: string): string {
  return `$TTL ${TTL}\n@ SOA ${server} admin ( 1 3600 600 86400 300 )\n${lines.join('\n')}\n`
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}
