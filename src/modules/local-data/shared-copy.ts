/** Long lists are compiled once, by the worker that comes first, into a file of `rundir`; all workers map it into their
 *  memory, which has it once. Its name tells what it was made of: who finds it need not look into the lists. Made anew when
 *  configuration or lists have changed; who still maps the old one keeps it.
 *
 *    head    Uint32Array   MAGIC, then the numbers of names of both tables, then the lengths of what follows
 *    depths of both tables · slots of both · octets of both · pool */

import { createHash } from 'node:crypto'
import { SharedFiles, stampOf } from '../../io/shared-files.ts'
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
  const shared = new SharedFiles(folder, FILE)
  const key = keyOf(data, files)
  const found = readCopy(data, shared.find(key))
  if (found !== undefined) return { rules: found, copy: 'found' }
  const compiled = compileRules(data)
  try {
    if (keyOf(data, files) !== key) return { rules: compiled, copy: 'own' } // a list has changed meanwhile
    shared.make(key, chunksOf(compiled.parts))
  } catch (error) {
    warn(`${shared.pathOf(key)} cannot be written: ${(error as Error).message}`)
    return { rules: compiled, copy: 'own' }
  }
  const made = readCopy(data, shared.find(key))
  return made === undefined ? { rules: compiled, copy: 'own' } : { rules: made, copy: 'made' }
}

/** Of the configuration and of what tells that a file is still the one it was. */
function keyOf(data: LocalData, files: readonly ListFile[]): string {
  const stamps = files.map(({ path }) => stampOf(path))
  const digest = createHash('sha256')
  return digest
    .update(JSON.stringify([MAGIC, data, stamps]))
    .digest('hex')
    .slice(0, 32)
}

function readCopy(data: LocalData, memory: ArrayBuffer | undefined): Rules | undefined {
  const parts = memory === undefined ? undefined : partsOf(memory)
  return parts === undefined ? undefined : new Rules(kindsOf(data), parts)
}

function chunksOf({ exact, subtree, pool }: RulesParts): ArrayBufferView[] {
  const parts = [exact.depths, subtree.depths, exact.slots, subtree.slots, exact.octets, subtree.octets, pool]
  const head = new Uint32Array(HEAD_WORDS)
  head.set([MAGIC, exact.size, subtree.size, ...parts.map(({ byteLength }) => byteLength)])
  return [head, ...parts]
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
