/** Where every Knot Resolver listens and whom it serves when its file does not say: otherwise than Bowline. */

import type { ConfigInput } from '../schema.ts'
import type { Draft } from './draft.ts'

/** Bowline listens on port 5300 by itself. `setting` is what the file would have said. */
export function takeDefaultListeners(draft: Draft, setting: string): void {
  if (draft.document.hasIn(['network', 'listen'])) return
  const addresses = ['127.0.0.1@53', '::1@53']
  const from = { setting: `${setting} (not in the file)`, value: addresses.join(' ') }
  const note = 'Knot Resolver listens there by itself, and Bowline does not'
  draft.take(from, 'network/listen', [{ interface: addresses }], note)
}

/** It answers everybody who reaches it, unless a view says otherwise. */
export function tellWhoIsServed(draft: Draft): void {
  const { network, views } = draft.value as ConfigInput
  const listeners = Array.isArray(network?.listen) ? network.listen : []
  const addresses = listeners.flatMap((listener) => listener?.interface ?? [])
  const served = (views ?? []).flatMap((view) => view?.subnets ?? [])
  if (served.includes('0.0.0.0/0') || addresses.every(isLoopback)) return
  draft.findings.push({
    setting: 'views (not in the file)',
    value: '',
    outcome: 'translated',
    note: 'everybody was served; here only clients in local networks are, and those for whom you write views',
  })
}

/** True for `::1@53` and the like, which is there on every machine. */
export function isLoopback(address: string): boolean {
  return /^(127\.|::1(@|$)|lo(@|$))/.test(address)
}
