/** What is a kresd.conf, the Lua of Knot Resolver up to 5, in Bowline? Calls and assignments that are well known are taken; of
 *  all others the report says that they were not. Nothing of the file is executed. */

import { resolve } from 'node:path'
import { ConfigError } from '../mistake.ts'
import { sizeText, timeText } from '../units.ts'
import { takeManagedAnchors } from './anchor-file.ts'
import { Draft } from './draft.ts'
import type { Statement } from './finding.ts'
import { isLoopback, takeDefaultListeners, tellWhoIsServed } from './knot-clients.ts'
import { takeModules, unloadModule } from './kresd-modules.ts'
import { takePolicy, takeView } from './kresd-policy.ts'
import { isName, isTable, LuaError, type LuaStatement, type LuaValue, readLua } from './lua.ts'

/** Does what a call or an assignment says; false when its values are not of the known kind. */
export type KresdRule = (draft: Draft, from: Statement, args: LuaValue[]) => boolean

/** Where kresd's relative paths start, as Debian starts it. */
const FOLDER = '/var/lib/knot-resolver'

/** Throws a ConfigError when the text is not Lua. */
export function kresdDraft(text: string, file: string): Draft {
  const draft = new Draft()
  for (const statement of statementsOf(text, file)) {
    const setting = statement.name === '' ? 'Lua' : statement.name
    const value = statement.text.startsWith(setting) ? statement.text.slice(setting.length).trim() : statement.text
    const from = { place: { file, line: statement.line }, setting, value }
    const rule = ruleFor(statement)
    if (rule === undefined && isVariable(statement)) continue // its value is taken where it is used
    if (rule === undefined) draft.leaveOut(from, unknownText(statement))
    else if (!rule(draft, from, statement.args)) draft.leaveOut(from, 'its values are of a kind not known here')
  }
  takeDefaultListeners(draft, 'net.listen')
  tellWhoIsServed(draft)
  return draft
}

function statementsOf(text: string, file: string): LuaStatement[] {
  try {
    return readLua(text)
  } catch (error) {
    if (!(error instanceof LuaError)) throw error
    const place = { file, line: error.line }
    const mistake = { place, path: '', found: error.message, allowed: 'Lua', remedy: 'correct the line' }
    throw new ConfigError([mistake])
  }
}

function ruleFor({ kind, name }: LuaStatement): KresdRule | undefined {
  if (kind === 'other') return undefined
  const table = kind === 'call' ? CALLS : ASSIGNMENTS
  return Object.hasOwn(table, name) ? table[name] : undefined
}

function isVariable({ kind, name }: LuaStatement): boolean {
  return kind === 'assign' && /^\w+$/.test(name)
}

function unknownText({ kind }: LuaStatement): string {
  if (kind === 'other') return 'a program, which is not executed; docs/modules.md is about programs of one’s own'
  return 'not known here; look for what it is for in docs/configuration.md'
}

const taken = (path: string, check: (value: LuaValue) => unknown): KresdRule => {
  return (draft, from, [value]) => {
    const written = check(value ?? null)
    if (written === undefined) return false
    draft.take(from, path, written)
    return true
  }
}

const appended = (path: string, check: (value: LuaValue) => unknown): KresdRule => {
  return (draft, from, [value]) => {
    const written = check(value ?? null)
    if (written === undefined) return false
    draft.append(from, path, written)
    return true
  }
}

const notNeeded = (why: string): KresdRule => {
  return (draft, from) => {
    draft.notNeeded(from, why)
    return true
  }
}

const notThere = (instead: string): KresdRule => {
  return (draft, from) => {
    draft.leaveOut(from, instead)
    return true
  }
}

export const text = (value: LuaValue) => (typeof value === 'string' ? value : undefined)
const flag = (value: LuaValue) => (typeof value === 'boolean' ? value : undefined)
const size = (value: LuaValue) => (typeof value === 'number' ? sizeText(value) : undefined)
const seconds = (value: LuaValue) => (typeof value === 'number' ? timeText(value * 1_000_000) : undefined)
const milliseconds = (value: LuaValue) => (typeof value === 'number' ? timeText(value * 1000) : undefined)
const path = (value: LuaValue) => (typeof value === 'string' ? wholePath(value) : undefined)

export function wholePath(written: string): string {
  return resolve(FOLDER, written)
}

/** A text, or a table of texts. */
export function textsOf(value: LuaValue | undefined): string[] | undefined {
  const list = isTable(value) ? value.list : [value]
  return list.every((item) => typeof item === 'string') ? (list as string[]) : undefined
}

/** `net.listen({'192.0.2.53', net.eth0}, 53, {kind = 'dns'})`. */
const listen: KresdRule = (draft, from, [where, port, more]) => {
  const options = isTable(port) ? port : isTable(more) ? more : undefined
  const addresses = (isTable(where) ? where.list : [where]).map((item) =>
    isName(item) ? item.name.replace(/^net\./, '') : item,
  )
  if (!addresses.every((item) => typeof item === 'string')) return false
  const kind = options?.named.get('kind') ?? (port === 853 ? 'tls' : 'dns')
  if (kind !== 'dns') {
    draft.leaveOut(from, 'clients are not served over TLS or HTTPS yet; put a proxy in front')
    return true
  }
  const suffix = `@${typeof port === 'number' ? port : 53}`
  const free = options?.named.get('freebind') === true && !addresses.every(isLoopback)
  const note = free ? 'the addresses must be there (no freebind)' : undefined
  draft.append(
    from,
    'network/listen',
    { interface: addresses.map((host) => (host.includes('@') ? host : host + suffix)) },
    note,
  )
  return true
}

const listenList: KresdRule = (draft, from, [value]) => {
  const addresses = textsOf(value)
  if (addresses === undefined || addresses.length === 0) return false
  draft.append(from, 'network/listen', { interface: addresses })
  return true
}

const openCache: KresdRule = (draft, from, [octets, storage]) => {
  const limit = size(octets)
  if (limit === undefined) return false
  draft.take(from, 'cache/size-max', limit)
  return storage === undefined || cacheFolder(draft, from, [storage])
}

/** The folder stays Knot Resolver's; one that has its name gets ours. */
const cacheFolder: KresdRule = (draft, from, [storage]) => {
  if (typeof storage !== 'string') return false
  const folder = storage.replace(/^lmdb:\/\//, '')
  const note = 'Bowline’s cache needs a folder of its own'
  if (folder.startsWith('/')) draft.take(from, 'cache/storage', folder.replaceAll('knot-resolver', 'bowline'), note)
  return true
}

const bufferSizes: KresdRule = (draft, from, [down, up = down]) => {
  if (typeof down !== 'number' || typeof up !== 'number') return false
  draft.take(from, 'network/edns-buffer-size/downstream', `${down}B`)
  draft.take(from, 'network/edns-buffer-size/upstream', `${up}B`)
  return true
}

const addAnchorFile: KresdRule = (draft, from, [file, readOnly]) => {
  if (typeof file !== 'string') return false
  const whole = wholePath(file)
  if (readOnly === true) draft.append(from, 'dnssec/trust-anchors-files', { file: whole, 'read-only': true })
  else takeManagedAnchors(draft, from, whole)
  return true
}

const removeAnchor: KresdRule = (draft, from, [zone]) => {
  if (zone !== '.') return false
  draft.take(from, 'dnssec/enable', false, 'nothing is validated')
  return true
}

const insecureNames: KresdRule = (draft, from, [names]) => {
  const texts = textsOf(names)
  if (texts !== undefined) draft.take(from, 'dnssec/negative-trust-anchors', texts)
  return texts !== undefined
}

const hint: KresdRule = (draft, from, args) => {
  const words = args.length === 1 ? String(args[0]).trim().split(/\s+/) : args
  const [name, address] = words
  if (typeof name !== 'string' || typeof address !== 'string' || words.length !== 2) return false
  draft.append(from, `local-data/addresses/${name}`, address)
  return true
}

/** What a flag of kresd's `option()` is, and whether it means the contrary. */
const OPTIONS: Record<string, [path: string, contrary: boolean]> = {
  NO_MINIMIZE: ['options/minimize', true],
  NO_0X20: ['options/query-case-randomization', true],
  NO_IPV4: ['network/do-ipv4', true],
  NO_IPV6: ['network/do-ipv6', true],
  ALLOW_LOCAL: ['options/query-loopback', false],
  REORDER_RR: ['options/reorder-rrset', false],
}

const option: KresdRule = (draft, from, [name, value]) => {
  const known = typeof name === 'string' && Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined
  if (known === undefined || typeof value !== 'boolean') return false
  draft.take(from, known[0], known[1] ? !value : value)
  return true
}

const logTarget: KresdRule = (draft, from, [target]) => {
  if (target === 'syslog') draft.notNeeded(from, 'lines go to standard error, and under systemd to the journal')
  else draft.take(from, 'logging/target', text(target))
  return true
}

const TLS = 'clients are not served over TLS or HTTPS yet; put a proxy in front'
const RFC5011 = 'RFC 5011 says how long keys wait, and which are kept'

const CALLS: Record<string, KresdRule> = {
  // Who is served, and where
  'net.listen': listen,
  'net.ipv4': taken('network/do-ipv4', flag),
  'net.ipv6': taken('network/do-ipv6', flag),
  'net.outgoing_v4': taken('network/out-interface-v4', text),
  'net.outgoing_v6': taken('network/out-interface-v6', text),
  'net.bufsize': bufferSizes,
  'net.tcp_pipeline': notNeeded('100 queries may wait on one TCP connection'),
  'net.tls': notThere(TLS),
  'net.tls_padding': notThere(TLS),
  'net.tls_sticket_secret': notThere(TLS),
  'net.tls_sticket_secret_file': notThere(TLS),
  'net.tls_client': notThere('write forward[]/servers with `transport: tls`'),
  'net.proxy_allowed': notThere('there is no PROXY protocol'),
  'view:addr': takeView,
  hostname: taken('hostname', text),
  'nsid.name': taken('nsid', text),
  user: notNeeded('systemd starts the service as a user of its own; elsewhere `user` names it'),

  // The cache
  'cache.open': openCache,
  'cache.min_ttl': taken('cache/ttl-min', seconds),
  'cache.max_ttl': taken('cache/ttl-max', seconds),
  'cache.ns_tout': taken('cache/ns-timeout', milliseconds),

  // Resolving
  mode: taken('options/glue-checking', text),
  option,
  reorder_RR: taken('options/reorder-rrset', flag),
  'policy.add': takePolicy,
  'modules.load': (draft, from, args) => takeModules(draft, from, { kind: 'table', list: args, named: new Map() }),
  'modules.unload': unloadModule,
  'dns64.config': (draft, from, [config]) => takeModules(draft, from, configured('dns64', config)),
  'prefill.config': (draft, from, [config]) => takeModules(draft, from, configured('prefill', config)),
  'predict.config': (draft, from, [config]) => takeModules(draft, from, configured('predict', config)),
  'renumber.config': (draft, from, [config]) => takeModules(draft, from, configured('renumber', config)),
  'http.config': notThere('the control API (docs/api.md) and `bowline top` are what there is'),

  // Validation
  'trust_anchors.add': appended('dnssec/trust-anchors', text),
  'trust_anchors.add_file': addAnchorFile,
  'trust_anchors.config': addAnchorFile,
  'trust_anchors.remove': removeAnchor,
  'trust_anchors.set_insecure': insecureNames,

  // Names that are answered from here
  'hints.set': hint,
  'hints.config': appended('local-data/addresses-files', path),
  'hints.add_hosts': appended('local-data/addresses-files', path),
  'hints.ttl': taken('local-data/ttl', seconds),
  'hints.use_nodata': taken('local-data/nodata', flag),
  'hints.root_file': taken('options/root-hints-file', path),
  'hints.root': notThere('write them into a zone file, and name it in options/root-hints-file'),

  // The log
  verbose: taken('logging/level', (value) => (value === true ? 'debug' : 'notice')),
  log_level: taken('logging/level', text),
  log_groups: taken('logging/groups', textsOf),
  log_target: logTarget,
}

const ASSIGNMENTS: Record<string, KresdRule> = {
  net: listenList,
  modules: (draft, from, [value]) => isTable(value) && takeModules(draft, from, value),
  'net.ipv4': taken('network/do-ipv4', flag),
  'net.ipv6': taken('network/do-ipv6', flag),
  'cache.size': taken('cache/size-max', size),
  'cache.storage': cacheFolder,
  'trust_anchors.file': addAnchorFile,
  'trust_anchors.negative': insecureNames,
  'trust_anchors.hold_down_time': notNeeded(RFC5011),
  'trust_anchors.refresh_time': notNeeded(RFC5011),
  'trust_anchors.keep_removed': notNeeded(RFC5011),
  'hints[]': hint,
}

function configured(name: string, config: LuaValue | undefined) {
  return { kind: 'table' as const, list: [], named: new Map([[name, config ?? true]]) }
}
