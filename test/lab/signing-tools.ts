/** Zones signed by the tools of others: dnssec-signzone (BIND) and ldns-signzone, with the lab's own keys. Signatures
 *  and chains that did not come out of our signer are what a validator should meet. */

import { execFile } from 'node:child_process'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findPeer } from '../peers.ts'
import type { DenialKind } from './signer.ts'
import { type Signing, zoneKeys } from './signing.ts'
import type { Zone } from './world.ts'
import { bindKeyFiles } from './zone-keys.ts'

const run = promisify(execFile)

/** Signs a zone's file in place with the tool its signing names. False: that tool is not here. */
export async function signFile(path: string, zone: Zone, folder: string): Promise<boolean> {
  const { origin, signing } = zone
  const by = signing!.by
  if ((by !== 'dnssec-signzone' && by !== 'ldns-signzone') || findPeer(by) === undefined) return false
  const keyFiles = await writeKeyFiles(folder, origin, signing!)
  const output = `${path}.signed`
  const named = by === 'dnssec-signzone' ? bindParameters(signing!.denial) : ldnsParameters(signing!.denial)
  const files =
    by === 'dnssec-signzone' ? [path, ...keyFiles] : [path, ...keyFiles.map((file) => file.replace(/\.key$/, ''))]
  await runTool(by, [...named, '-o', origin, '-f', output, ...files], folder)
  await rename(output, path)
  return true
}

/** Key signing keys are known by their flags. */
function bindParameters(denial: DenialKind): string[] {
  const always = ['-x', '-P', '-Q', '-R']
  if (denial.kind === 'nsec') return always
  const salt = denial.salt.length === 0 ? '-' : Buffer.from(denial.salt).toString('hex')
  return [...always, '-3', salt, '-H', `${denial.iterations}`, ...(denial.optOut ? ['-A'] : [])]
}

function ldnsParameters(denial: DenialKind): string[] {
  if (denial.kind === 'nsec') return []
  const salt = denial.salt.length === 0 ? [] : ['-s', Buffer.from(denial.salt).toString('hex')]
  return ['-n', '-t', `${denial.iterations}`, ...salt, ...(denial.optOut ? ['-p'] : [])]
}

/** Writes a zone's key pairs as BIND's tools have them; gives the paths of the public halves. */
export async function writeKeyFiles(folder: string, origin: string, signing: Signing): Promise<string[]> {
  const files = zoneKeys(origin, signing).map(bindKeyFiles)
  for (const file of files) {
    await writeFile(join(folder, `${file.name}.key`), file.public)
    await writeFile(join(folder, `${file.name}.private`), file.private)
  }
  return files.map((file) => join(folder, `${file.name}.key`))
}

/** Runs an installed program to its end. Rejects, with what it said, when that is not a good one. */
export async function runTool(command: string, parameters: string[], folder?: string): Promise<string> {
  const program = findPeer(command)
  if (program === undefined) throw new Error(`${command} is not installed`)
  const { stdout } = await run(program, parameters, { cwd: folder, maxBuffer: 1 << 24 })
  return stdout
}
