/** The packets fuzzing begins with: one text file each, its first lines saying what it is, the rest in the notation of
 *  test/wire/octets.ts. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hex, octets } from '../wire/octets.ts'

const FOLDER = join(import.meta.dirname, 'corpus')

export interface CorpusEntry {
  file: string
  packet: Uint8Array
}

/** All packets, in order of their files' names. */
export function readCorpus(): CorpusEntry[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.txt'))
    .sort()
    .map((file) => ({ file, packet: octets(readFileSync(join(FOLDER, file), 'utf8').replace(/^#.*$/gm, '')) }))
}

/** Adds a packet that broke something, with the reason. Gives the path of its file. */
export function writeCrasher(packet: Uint8Array, reason: string): string {
  let digest = 0
  for (const octet of packet) digest = (Math.imul(digest, 31) + octet) >>> 0
  const path = join(FOLDER, `crash-${digest.toString(16).padStart(8, '0')}.txt`)
  const lines = hex(packet).match(/.{1,96}/g) ?? []
  if (!existsSync(path)) writeFileSync(path, `# ${reason.split('\n')[0]}\n${lines.join('\n')}\n`)
  return path
}
