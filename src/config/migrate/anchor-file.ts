/** A file in which another program keeps trust anchors up to date (RFC 5011). Two programs must not write one file, and Bowline
 *  follows the keys of the root anyway, in a file of its own. */

import type { Draft } from './draft.ts'
import type { Statement } from './finding.ts'

export function takeManagedAnchors(draft: Draft, from: Statement, file: string): void {
  const name = file.slice(file.lastIndexOf('/') + 1)
  if (name.toLowerCase().includes('root'))
    draft.notNeeded(from, 'the keys of the root are followed (RFC 5011) in root.keys beside the cache')
  else draft.append(from, 'dnssec/trust-anchors-files', { file }, 'give it a copy: two programs cannot write one')
}
