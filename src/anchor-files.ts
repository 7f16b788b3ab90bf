/** Which trust anchors does a configuration name, and which of them are kept up to date (RFC 5011)? */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAnchorState } from './anchors/state-text.ts'
import { BowlineError } from './config/error.ts'
import type { Config } from './config/schema.ts'
import { anchorOf, type ManagedZone } from './dnssec/rfc5011.ts'
import { parseTrustAnchors, ROOT_ANCHORS, type TrustAnchor } from './dnssec/trust-anchors.ts'
import { WireError } from './wire/error.ts'
import { nameKey, ROOT } from './wire/name.ts'

/** Where the anchors of the root are kept unless the configuration says so itself. */
const ROOT_FILE = 'root.keys'

export type ManagedFile =
  | { file: string; state: 'read'; zone: ManagedZone }
  | { file: string; state: 'missing' | 'damaged' | 'unreadable'; reason: string }

/** The files whose anchors are kept up to date, as they are now. Without any for the root, and with no other word on its
 *  anchors, the built-in ones are managed in a file beside the cache. Unknown times are taken for `nowMs`. */
export function managedFiles(config: Config, nowMs: number): ManagedFile[] {
  if (!config.dnssec.enable) return []
  const named = config.dnssec['trust-anchors-files'].filter((entry) => !entry['read-only'])
  const files = named.map(({ file }) => readManaged(file, nowMs))
  const hasRoot =
    files.some((found) => isOfRoot(found)) ||
    fixedAnchors(config.dnssec).some(({ zone }) => zone.length === ROOT.length)
  return hasRoot ? files : [...files, readManaged(join(config.cache.storage, ROOT_FILE), nowMs)]
}

/** A file that tells no zone will be the root's. */
export function isOfRoot(found: ManagedFile): boolean {
  return found.state !== 'read' || found.zone.zone.length === ROOT.length
}

function readManaged(file: string, nowMs: number): ManagedFile {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { file, state: code === 'ENOENT' ? 'missing' : 'unreadable', reason: message }
  }
  try {
    return { file, state: 'read', zone: parseAnchorState(text, nowMs) }
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    return { file, state: 'damaged', reason: error.message }
  }
}

/** All anchors in force: those an operator gave, those kept up to date, and for zones without either the built-in ones.
 *  Throws a BowlineError when what was given cannot be used. */
export function trustAnchorsFrom(config: Config): readonly TrustAnchor[] {
  const { dnssec } = config
  const known = new Map<string, TrustAnchor>()
  const add = ({ zone, ds, keys }: TrustAnchor) => {
    const before = known.get(nameKey(zone))
    known.set(nameKey(zone), { zone, ds: [...(before?.ds ?? []), ...ds], keys: [...(before?.keys ?? []), ...keys] })
  }
  fixedAnchors(dnssec).forEach(add)
  const managed = managedFiles(config, 0).flatMap((found) => (found.state === 'read' ? [found.zone] : []))
  for (const zone of managed) {
    const anchor = anchorOf(zone)
    if (anchor !== undefined) add(anchor)
  }
  // A zone whose managed keys are all revoked has no anchor any more, RFC 5011 §5.
  const settled = new Set([...known.keys(), ...managed.map(({ zone }) => nameKey(zone))])
  return [...ROOT_ANCHORS.filter(({ zone }) => !settled.has(nameKey(zone))), ...known.values()]
}

/** Anchors that stay as they were given. */
function fixedAnchors(dnssec: Config['dnssec']): TrustAnchor[] {
  const anchors = dnssec['trust-anchors'].flatMap((text, index) =>
    readAnchors(`dnssec/trust-anchors/${index}`, text, () => text),
  )
  const files = dnssec['trust-anchors-files'].flatMap(({ file, 'read-only': isFixed }, index) =>
    isFixed ? readAnchors(`dnssec/trust-anchors-files/${index}/file`, file, () => readFileSync(file, 'utf8')) : [],
  )
  return [...anchors, ...files]
}

function readAnchors(setting: string, found: string, read: () => string): TrustAnchor[] {
  const refuse = (reason: string) =>
    new BowlineError('trust-anchors', `${setting}: ${found} ${reason}; write DS or DNSKEY records as in a zone file`)
  let anchors: TrustAnchor[]
  try {
    anchors = parseTrustAnchors(read())
  } catch (error) {
    throw refuse(`cannot be used (${(error as Error).message})`)
  }
  if (anchors.length === 0) throw refuse('holds no trust anchor')
  return anchors
}
