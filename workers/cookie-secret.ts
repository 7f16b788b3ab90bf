/** The secret that all workers of this service make DNS cookies with, when the operator gives none: made once, and kept
 *  beside the cache, so that cookies outlive a restart. */

import { closeSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../src/io/interfaces.ts'

const OCTETS = 32

/** Hexadecimal digits; the same for all who ask with the same folder. */
export function cookieSecret(folder: string, random: Random): string {
  const path = join(folder, 'cookie.secret')
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return makeSecret(folder, path, random)
  }
}

/** Several workers may be about it at once: the first to link its file wins, and nobody reads a half-written one. */
function makeSecret(folder: string, path: string, random: Random): string {
  const secret = new Uint8Array(OCTETS)
  random.fill(secret)
  const own = `${path}.${process.pid}`
  mkdirSync(folder, { recursive: true })
  const fd = openSync(own, 'w', 0o600)
  writeSync(fd, Buffer.from(secret).toString('hex'))
  closeSync(fd)
  try {
    linkSync(own, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(own, { force: true })
  }
  return readFileSync(path, 'latin1')
}
