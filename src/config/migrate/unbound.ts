/** What is an unbound.conf in Bowline? The clauses are read here; what each setting of `server:` becomes stands in
 *  unbound-server.ts, and what several make together in unbound-clients.ts, unbound-zones.ts and unbound-names.ts. */

import { resolve } from 'node:path'
import { Draft } from './draft.ts'
import { takeClients } from './unbound-clients.ts'
import { takeNames } from './unbound-names.ts'
import { SERVER } from './unbound-server.ts'
import type { Attribute, Clause } from './unbound-text.ts'
import { takeZones } from './unbound-zones.ts'

/** Clauses of which nothing is taken, and what to do instead. */
const ELSEWHERE: Record<string, { needed: boolean; note: string }> = {
  'remote-control': { needed: false, note: 'the service is managed over a unix socket (`management/unix-socket`)' },
  view: { needed: true, note: 'write `views` with `tags`, and `local-data/rules` with the same tags' },
  rpz: { needed: true, note: 'there are no response policy zones; `local-data/rules` with `file` take lists of names' },
  python: { needed: true, note: 'modules are written in TypeScript (docs/modules.md)' },
  dynlib: { needed: true, note: 'modules are written in TypeScript (docs/modules.md)' },
  dnscrypt: { needed: true, note: 'there is no DNSCrypt' },
  cachedb: { needed: false, note: 'the cache is a file that outlives restarts' },
  dnstap: { needed: true, note: 'there is no dnstap' },
  ipset: { needed: true, note: 'there are no ipsets' },
}

export function unboundDraft(clauses: readonly Clause[]): Draft {
  const draft = new Draft()
  const server = withWholePaths(clauses.filter(({ name }) => name === 'server').flatMap(({ attributes }) => attributes))
  takeClients(draft, server)
  for (const attribute of server) takeServerSetting(draft, attribute)
  takeZones(draft, clauses, server)
  takeNames(draft, clauses, server)
  for (const clause of clauses) leaveClause(draft, clause)
  return draft
}

/** Where Unbound's relative paths start unless `directory:` says so. */
const FOLDER = '/etc/unbound'
const PATHS = ['root-hints', 'trust-anchor-file', 'auto-trust-anchor-file', 'tls-cert-bundle', 'ssl-cert-bundle']

function withWholePaths(server: readonly Attribute[]): Attribute[] {
  const folder = server.findLast(({ name }) => name === 'directory')?.value ?? ''
  return server.map((attribute) => {
    if (!PATHS.includes(attribute.name) || attribute.value === '') return attribute
    const value = resolve(FOLDER, folder, attribute.value)
    return { ...attribute, value, values: [value] }
  })
}

function takeServerSetting(draft: Draft, attribute: Attribute): void {
  const rule = Object.hasOwn(SERVER, attribute.name) ? SERVER[attribute.name] : undefined
  if (rule === undefined) draft.leaveOut(attribute, 'not known here; look for what it is for in docs/configuration.md')
  else if (attribute.values.length === 0) draft.leaveOut(attribute, 'it has no value')
  else if (attribute.value === '') draft.notNeeded(attribute, 'it is empty: nothing is set')
  else rule(draft, attribute)
}

function leaveClause(draft: Draft, { name, place, attributes }: Clause): void {
  const told = Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : undefined
  if (told === undefined || attributes.length === 0) return
  const from = { place, setting: name, value: attributes.find((attribute) => attribute.name === 'name')?.value ?? '' }
  if (told.needed) draft.leaveOut(from, told.note)
  else draft.notNeeded(from, told.note)
}
