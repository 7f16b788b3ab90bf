/** Zones signed by other people's programs: ldns, BIND and Knot DNS. Each zone takes a tenth of a second. */

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findPeer, needPeer } from '../peers.ts'

export type SignerProgram = 'ldns' | 'bind' | 'knot'

export interface Signing {
  program: SignerProgram
  algorithm: (typeof ALGORITHMS)[number]
  /** Absent: NSEC. */
  nsec3?: { iterations: number; salt: string; optOut: boolean }
}

export interface SignerOutput {
  zoneText: string
  /** DNSKEY records of the files the keys were kept in; none for Knot. */
  keyTexts: string[]
}

export const ALGORITHMS = [
  'RSASHA1',
  'RSASHA1-NSEC3-SHA1',
  'RSASHA256',
  'RSASHA512',
  'ECDSAP256SHA256',
  'ECDSAP384SHA384',
  'ED25519',
  'ED448',
] as const

const programs: Record<SignerProgram, string[]> = {
  ldns: ['ldns-keygen', 'ldns-signzone'],
  bind: ['dnssec-keygen', 'dnssec-signzone'],
  knot: ['kzonesign'],
}

export function needSigner(context: Mocha.Context, program: SignerProgram): void {
  needPeer(context, ...programs[program])
}

let folder: string | undefined
const signed = new Map<string, SignerOutput>()

/** Removes what the programs wrote. */
export function removeSignedZones(): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  folder = undefined
  signed.clear()
}

/** The zone, signed; the same call gives the same zone. Signatures are good for some years from now, if not from 2025. */
export function signZone(signing: Signing, origin: string, zoneText: string): SignerOutput {
  const key = JSON.stringify([signing, origin, zoneText])
  let output = signed.get(key)
  if (output === undefined) {
    folder ??= mkdtempSync(join(tmpdir(), 'bowline-signed-'))
    const own = mkdtempSync(join(folder, 'zone-'))
    writeFileSync(join(own, 'zone'), zoneText)
    output = sign[signing.program](signing, origin, own)
    signed.set(key, output)
  }
  return output
}

const sign: Record<SignerProgram, (signing: Signing, origin: string, folder: string) => SignerOutput> = {
  ldns({ algorithm, nsec3 }, origin, folder) {
    const bits = algorithm.startsWith('RSA') ? ['-b', '1024'] : []
    const zsk = run(folder, 'ldns-keygen', '-a', algorithm, ...bits, origin).trim()
    const ksk = run(folder, 'ldns-keygen', '-k', '-a', algorithm, ...bits, origin).trim()
    const denial = nsec3 === undefined ? [] : ['-n', '-t', String(nsec3.iterations)]
    if (nsec3?.salt) denial.push('-s', nsec3.salt)
    if (nsec3?.optOut) denial.push('-p')
    const times = ['-i', '20250101', '-e', '20400101']
    run(folder, 'ldns-signzone', ...denial, ...times, '-o', origin, '-f', 'signed', 'zone', zsk, ksk)
    return { zoneText: readFileSync(join(folder, 'signed'), 'latin1'), keyTexts: readKeys(folder) }
  },
  bind({ algorithm, nsec3 }, origin, folder) {
    const bits = algorithm.startsWith('RSA') ? ['-b', '1024'] : []
    const bindName = algorithm === 'RSASHA1-NSEC3-SHA1' ? 'NSEC3RSASHA1' : algorithm
    run(folder, 'dnssec-keygen', '-q', '-a', bindName, ...bits, origin)
    run(folder, 'dnssec-keygen', '-q', '-f', 'KSK', '-a', bindName, ...bits, origin)
    const denial = nsec3 === undefined ? [] : ['-3', nsec3.salt || '-', '-H', String(nsec3.iterations)]
    if (nsec3?.optOut) denial.push('-A')
    const times = ['-s', '20250101000000', '-e', '20400101000000']
    run(folder, 'dnssec-signzone', '-P', '-x', '-S', ...denial, ...times, '-o', origin, '-f', 'signed', 'zone')
    return { zoneText: readFileSync(join(folder, 'signed'), 'latin1'), keyTexts: readKeys(folder) }
  },
  knot({ algorithm, nsec3 }, origin, folder) {
    const size = algorithm.startsWith('RSA') ? '    ksk-size: 1024\n    zsk-size: 1024\n' : ''
    const denial =
      nsec3 === undefined
        ? ''
        : `    nsec3: on\n    nsec3-iterations: ${nsec3.iterations}\n    nsec3-opt-out: ${nsec3.optOut ? 'on' : 'off'}\n` +
          `    nsec3-salt-length: ${nsec3.salt.length / 2}\n`
    const config =
      `server:\n    rundir: "${folder}"\ndatabase:\n    storage: "${folder}"\n` +
      `policy:\n  - id: p\n    algorithm: ${algorithm.toLowerCase()}\n    rrsig-lifetime: 3650d\n    rrsig-refresh: 10d\n` +
      `${size}${denial}zone:\n  - domain: "${origin}"\n    storage: "${folder}"\n    file: zone\n    dnssec-signing: on\n` +
      '    dnssec-policy: p\n'
    writeFileSync(join(folder, 'knot.conf'), config)
    mkdirSync(join(folder, 'out'))
    run(folder, 'kzonesign', '-c', 'knot.conf', '-o', 'out', origin)
    const [file] = readdirSync(join(folder, 'out'))
    return { zoneText: readFileSync(join(folder, 'out', file), 'latin1'), keyTexts: [] }
  },
}

/** A folder with the one key file in it. */
export function keyFolder(base: string, keyText: string): string {
  folder ??= mkdtempSync(join(tmpdir(), 'bowline-signed-'))
  const own = mkdtempSync(join(folder, 'key-'))
  writeFileSync(join(own, `${base}.key`), keyText)
  return own
}

function readKeys(folder: string): string[] {
  const files = readdirSync(folder).filter((file) => file.startsWith('K') && file.endsWith('.key'))
  return files.map((file) => readFileSync(join(folder, file), 'latin1'))
}

/** What the program prints. */
export function run(folder: string, command: string, ...args: string[]): string {
  const program = findPeer(command) ?? command
  return execFileSync(program, args, { cwd: folder, encoding: 'latin1', stdio: ['ignore', 'pipe', 'pipe'] })
}
