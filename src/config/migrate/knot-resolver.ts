/** A file of Knot Resolver 6, or of Bowline: the names are the same, so the file is kept, with its comments, and only what
 *  differs is changed. */

import { type Draft, keysOf } from './draft.ts'
import { takeDefaultListeners, tellWhoIsServed } from './knot-clients.ts'
import { KnotFile } from './knot-file.ts'
import { KNOT_SETTINGS, NOTHING } from './knot-settings.ts'

/** Throws a ConfigError when the text is not YAML. */
export function knotDraft(text: string, file: string): Draft {
  const knot = new KnotFile(text, file)
  for (const path of knot.emptySettings()) NOTHING(knot, path, null, knot.statementAt(keysOf(path)))
  // From the last to the first: items of lists may go.
  for (const [pattern, rule] of KNOT_SETTINGS)
    for (const path of knot.matching(pattern).reverse())
      rule(knot, path, knot.value(path), knot.statementAt(keysOf(path)))
  const { draft } = knot
  takeDefaultListeners(draft, 'network/listen')
  knot.finish()
  tellWhoIsServed(draft)
  return draft
}

/** A file in Bowline's own words: what it no longer takes is reported. */
export function bowlineDraft(text: string, file: string): Draft {
  const own = new KnotFile(text, file)
  own.finish()
  return own.draft
}
