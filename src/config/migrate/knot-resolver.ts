/** A file of Knot Resolver 6, or of Bowline: the names are the same, so the file is kept, with its comments, and only what
 *  differs is changed. */

import type { ConfigInput } from '../schema.ts'
import { type Draft, keysOf } from './draft.ts'
import { KnotFile } from './knot-file.ts'
import { KNOT_SETTINGS, NOTHING } from './knot-settings.ts'

/** Where Knot Resolver listens by itself; Bowline does so on port 5300. */
const LISTEN = [{ interface: ['127.0.0.1@53', '::1@53'] }]

/** Throws a ConfigError when the text is not YAML. */
export function knotDraft(text: string, file: string): Draft {
  const knot = new KnotFile(text, file)
  for (const path of knot.emptySettings()) NOTHING(knot, path, null, knot.statementAt(keysOf(path)))
  // From the last to the first: items of lists may go.
  for (const [pattern, rule] of KNOT_SETTINGS)
    for (const path of knot.matching(pattern).reverse())
      rule(knot, path, knot.value(path), knot.statementAt(keysOf(path)))
  const { draft } = knot
  if (!draft.document.hasIn(['network', 'listen'])) {
    const from = { setting: 'network/listen (not in the file)', value: '127.0.0.1@53 ::1@53' }
    draft.take(from, 'network/listen', LISTEN, 'Knot Resolver listens there by itself, and Bowline does not')
  }
  knot.finish()
  tellWhoIsServed(draft)
  return draft
}

/** Knot Resolver answers everybody who reaches it, unless a view says otherwise. */
export function tellWhoIsServed(draft: Draft): void {
  const { network, views } = draft.value as ConfigInput
  const listeners = Array.isArray(network?.listen) ? network.listen : []
  const addresses = listeners.flatMap((listener) => listener?.interface ?? [])
  const served = (views ?? []).flatMap((view) => view?.subnets ?? [])
  if (served.includes('0.0.0.0/0') || addresses.every((address) => /^(127\.|::1(@|$)|lo(@|$))/.test(address))) return
  draft.findings.push({
    setting: 'views (not in the file)',
    value: '',
    outcome: 'translated',
    note: 'everybody was served; here only clients in local networks are, and those for whom you write views',
  })
}

/** A file in Bowline's own words: what it no longer takes is reported. */
export function bowlineDraft(text: string, file: string): Draft {
  const own = new KnotFile(text, file)
  own.finish()
  return own.draft
}
