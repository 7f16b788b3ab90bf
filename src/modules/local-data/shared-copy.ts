/** Long lists are compiled once, by the worker that comes first, into a file of `rundir`; all workers map it into their
 *  memory, which has it once. Its name tells what it was made of: who finds it need not look into the lists. Made anew when
 *  configuration or lists have changed; who still maps the old one keeps it.
 *
 *    head    Uint32Array   MAGIC, then the lengths of what follows and the numbers of names, see lengthsOf()
 *    depths of both tables · slots of both · octets of both · pool */

import { createHash } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { mapWholeFile } from '../../io/shared-memory.ts'
import type { ListFile, LocalData } from '../../settings.ts'
import { compileRules, kindsOf } from './compile.ts'
import { Rules, type RulesParts } from './rules.ts'

const FILE = 'local-data-'
/** Another for another layout; read in the order of octets of the machine. */
const MAGIC = 0x4c6f6301
const HEAD_WORDS = 16

export interface OpenedRules {
  rules: Rules
  /** `found`: another worker had compiled them; `made`: this one has, for all; `own`: there was nothing to share. */
  copy: 'found' | 'made' | 'own'
}

/** The rules; those of lists shared with all who name the same `folder`. `warn` hears why that cannot be. */
export function openRules(data: LocalData, folder: string | undefined, warn: (why: string) => void): OpenedRules {
  const files = [...data['addresses-files'], ...data.rules.flatMap(({ file }) => file)]
  if (folder === undefined || files.length === 0) return { rules: compileRules(data), copy: 'own' }
  const name = nameFor(data, files)
  const path = join(folder, name)
  const found = readCopy(data, path)
  if (found !== undefined) return { rules: found, copy: 'found' }
  const compiled = compileRules(data)
  try {
    if (nameFor(data, files) !== name) return { rules: compiled, copy: 'own' } // a list has changed meanwhile
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeCopy(compiled.parts, path)
    for (const other of readdirSync(folder))
      if (other.startsWith(FILE) && other !== name) rmSync(join(folder, other), { force: true })
  } catch (error) {
    warn(`${path} cannot be written: ${(error as Error).message}`)
    return { rules: compiled, copy: 'own' }
  }
  const made = readCopy(data, path)
  return made === undefined ? { rules: compiled, copy: 'own' } : { rules: made, copy: 'made' }
}

/** Of the configuration and of what tells that a file is still the one it was. */
function nameFor(data: LocalData, files: readonly ListFile[]): string {
  const stamps = files.map(({ path }) => {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
    return [path, dev, ino, size, mtimeNs, ctimeNs].join(' ')
  })
  const digest = createHash('sha256')
    .update(JSON.stringify([MAGIC, data, stamps]))
    .digest('hex')
  return `${FILE}${digest.slice(0, 32)}`
}

function readCopy(data: LocalData, path: string): Rules | undefined {
  const memory = mapWholeFile(path)
  const parts = memory === undefined ? undefined : partsOf(memory)
  return parts === undefined ? undefined : new Rules(kindsOf(data), parts)
}

/** Octets of what stands behind the head, in order. */
function lengthsOf({ exact, subtree, pool }: RulesParts): number[] {
  const parts = [exact.depths, subtree.depths, exact.slots, subtree.slots, exact.octets, subtree.octets, pool]
  return parts.map(({ byteLength }) => byteLength)
}

/** In full on the disk before it has its name: after a crash of the machine it is whole, or not there. */
function writeCopy(parts: RulesParts, path: string): void {
  const { exact, subtree, pool } = parts
  const head = new Uint32Array(HEAD_WORDS)
  head.set([MAGIC, exact.size, subtree.size, ...lengthsOf(parts)])
  const unfinished = `${path}.${process.pid}`
  const fd = openSync(unfinished, 'w', 0o600)
  try {
    const chunks = [head, exact.depths, subtree.depths, exact.slots, subtree.slots, exact.octets, subtree.octets, pool]
    for (const { buffer, byteOffset, byteLength } of chunks)
      writeAll(fd, new Uint8Array(buffer, byteOffset, byteLength))
    fsyncSync(fd)
    renameSync(unfinished, path)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
}

function writeAll(fd: number, octets: Uint8Array): void {
  for (let done = 0; done < octets.length; ) done += writeSync(fd, octets, done)
}

/** undefined: this is none, or one of another kind. */
function partsOf(memory: ArrayBuffer): RulesParts | undefined {
  if (memory.byteLength < HEAD_WORDS * 4) return undefined
  const [magic, exactSize, subtreeSize, ...lengths] = new Uint32Array(memory, 0, HEAD_WORDS)
  if (magic !== MAGIC) return undefined
  let end = HEAD_WORDS * 4
  const [exactDepths, subtreeDepths, exactSlots, subtreeSlots, exactOctets, subtreeOctets, pool] = lengths.map(
    (length) => {
      const from = end
      end += length
      return { from, length }
    },
  )
  if (end !== memory.byteLength) return undefined
  const octets = ({ from, length }: { from: number; length: number }) => new Uint8Array(memory, from, length)
  const words = ({ from, length }: { from: number; length: number }) => new Uint32Array(memory, from, length / 4)
  return {
    exact: { slots: words(exactSlots), octets: octets(exactOctets), depths: octets(exactDepths), size: exactSize },
    subtree: {
      slots: words(subtreeSlots),
      octets: octets(subtreeOctets),
      depths: octets(subtreeDepths),
      size: subtreeSize,
    },
    pool: octets(pool),
  }
}
