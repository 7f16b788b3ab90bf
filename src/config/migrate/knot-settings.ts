/** The settings of Knot Resolver 6 that Bowline does not have, or has in another shape: what becomes of each. All others have
 *  the same name and the same meaning. */

import type { Statement } from './finding.ts'
import { isLoopback } from './knot-clients.ts'
import type { KnotFile } from './knot-file.ts'

/** `path` is where it stands: `network/listen/0/freebind`. */
export type KnotRule = (file: KnotFile, path: string, value: unknown, from: Statement) => void

const notNeeded = (why: string): KnotRule => {
  return (file, path, _, from) => file.notNeeded(path, from, why)
}

const notThere = (instead: string): KnotRule => {
  return (file, path, _, from) => file.leaveOut(path, from, instead)
}

const unless = (harmless: unknown, otherwise: KnotRule, why = 'it is always so'): KnotRule => {
  return (file, path, value, from) =>
    value === harmless ? file.notNeeded(path, from, why) : otherwise(file, path, value, from)
}

const renamed = (to: string): KnotRule => {
  return (file, path, value, from) => file.move(path, to, value, from, `it is called ${to} here`)
}

/** A section that could be written as true or false, or that was on as soon as it was there. */
const switched: KnotRule = (file, path, value, from) => {
  if (typeof value === 'boolean') return file.replace(path, { enable: value }, from, 'it is `enable` of the section')
  if (typeof value !== 'object' || value === null || 'enable' in value || 'enabled' in value) return
  file.replace(`${path}/enable`, true, from, 'the section is off without it')
}

/** Two programs must not share a folder. */
const ownFolder: KnotRule = (file, path, value, from) => {
  if (typeof value !== 'string' || !value.includes('knot-resolver')) return
  file.replace(path, value.replaceAll('knot-resolver', 'bowline'), from, 'Knot Resolver keeps its own folder')
}

/** Relative ones start in the run folder, which may be another one now. */
const wholePath: KnotRule = (file, path, value, from) => {
  const replace = (text: unknown) => (typeof text === 'string' ? file.inRundir(text) : text)
  const whole = Array.isArray(value) ? value.map(replace) : replace(value)
  if (JSON.stringify(whole) !== JSON.stringify(value)) file.replace(path, whole, from, 'the path is written out')
}

const maxWorkers: KnotRule = (file, path, value, from) => {
  if (file.value('workers') !== 'auto' || typeof value !== 'number')
    return file.notNeeded(path, from, 'workers has the number')
  file.move(path, 'workers', { min: 1, max: value }, from, 'the most that auto may start')
}

/** What is spoken there decides whether Bowline can listen. */
const listener: KnotRule = (file, path, value, from) => {
  const { kind, 'unix-socket': socket } = (value ?? {}) as { kind?: unknown; 'unix-socket'?: unknown }
  if (socket !== undefined) return file.leaveOut(path, from, 'queries are not taken on unix sockets')
  if (kind === undefined || kind === 'dns') return
  if (kind === 'xdp') return file.leaveOut(path, from, 'there is no XDP; listen with kind: dns')
  file.leaveOut(path, from, 'clients are not served over TLS, HTTPS or QUIC yet; put a proxy in front')
}

const freebind: KnotRule = (file, path, value, from) => {
  const addresses = [file.value(path.replace(/freebind$/, 'interface'))].flat()
  if (value === false || addresses.every((address) => isLoopback(String(address))))
    file.notNeeded(path, from, 'its addresses are there')
  else file.leaveOut(path, from, 'listen on 0.0.0.0 and ::, which need no address to be there')
}

const protocols: KnotRule = (file, path, value, from) => {
  const known = ['udp', 'tcp', 'udp53', 'tcp53']
  const wanted = [value].flat()
  const kept = wanted.filter((name) => known.includes(String(name)))
  if (kept.length === wanted.length) return
  const why = 'nobody can come over TLS, HTTPS or QUIC'
  if (kept.length === 0) return file.leaveOut(path.replace(/\/protocols$/, ''), from, why)
  file.replace(path, kept, from, why)
}

/** Groups of its log that have another name here. */
const GROUPS: Record<string, string> = {
  supervisord: 'supervisor',
  prefil: 'cache',
  primin: 'iterat',
  srvstl: 'cache',
  wtchdg: 'worker',
  timesk: 'valdtr',
  timejm: 'worker',
  taupd: 'ta',
  tasent: 'ta',
  tasign: 'ta',
  gnutls: 'tls',
  tls_cl: 'tls',
  rules: 'policy',
  renum: 'policy',
  nsid: 'module',
  exterr: 'module',
  http: 'manager',
  contrl: 'manager',
}

const logGroups: KnotRule = (file, path, value, from) => {
  if (!Array.isArray(value)) return
  const groups = [...new Set(value.map((group) => (Object.hasOwn(GROUPS, group) ? GROUPS[group] : group)))]
  if (groups.join() !== value.join()) file.replace(path, groups, from, 'some groups have other names')
}

const rootFiles: KnotRule = (file, path, value, from) => {
  const [first, ...more] = [value].flat()
  if (typeof first !== 'string' || more.length > 0) return file.leaveOut(path, from, HINTS)
  file.move(path, 'options/root-hints-file', file.inRundir(first), from, 'it is options/root-hints-file here')
}

/** The value stays, and there is something to say about it. */
const noted = (note: string): KnotRule => {
  return (file, path, value, from) => file.replace(path, value, from, note)
}

/** Bowline would write it, too. */
const anchorFile: KnotRule = (file, path, value, from) => {
  const { 'read-only': isFixed } = (value ?? {}) as { 'read-only'?: unknown }
  if (isFixed !== true) file.replace(path, value, from, 'give it a copy: two programs cannot write one')
}

const nothing: KnotRule = (file, path, _, from) => file.notNeeded(path, from, 'null: it is not set')

const HINTS = 'write them into a zone file, and name it in options/root-hints-file'
const TLS = 'clients are not served over TLS, HTTPS or QUIC yet; put a proxy in front'
const LUA = 'there is no Lua; put the script into a file and see what `bowline config migrate --from kresd` makes of it'
const RFC5011 = 'RFC 5011 says how long keys wait, and which are kept'
const GC = 'the keeper of the cache removes what is of least use when room is needed'

/** In this order, so that a section is one before something is moved into it; `[]` stands for any item of a list. */
export const KNOT_SETTINGS: readonly (readonly [path: string, rule: KnotRule])[] = [
  ['dnssec', switchedOff],
  ['max-workers', maxWorkers],
  ['rundir', ownFolder],
  ['lua', notThere(LUA)],
  ['webmgmt', notThere('the control API (docs/api.md) and `bowline top` are what there is')],
  ['defer', notThere('`client-limits` and options/request-budget keep one client from taking the time of others')],
  ['management/unix-socket', ownFolder],
  ['management/interface', notThere('add `access-file`, which says who may do what there, and then this line')],
  ['monitoring/enabled', renamed('monitoring/metrics')],
  ['monitoring/graphite', unless(false, notThere('Prometheus reads the figures (docs/metrics.md)'))],
  ['network/listen[]', listener],
  ['network/listen[]/freebind', freebind],
  ['network/tls', notThere(TLS)],
  ['network/quic', notThere(TLS)],
  ['network/proxy-protocol', unless(false, notThere('there is no PROXY protocol'))],
  ['network/tcp-pipeline', unless(100, notThere('100 queries may wait on one TCP connection'))],
  ['cache/storage', ownFolder],
  ['cache/garbage-collector', notNeeded(GC)],
  ['cache/prediction', notThere('cache/prefetch/expiring is what there is')],
  ['cache/prefetch/prediction', notThere('cache/prefetch/expiring is what there is')],
  ['cache/prefill[]/ca-file', wholePath],
  ['views[]/protocols', protocols],
  ['local-data/addresses-files', wholePath],
  ['local-data/rules[]/file', wholePath],
  ['local-data/root-fallback-addresses', notThere(HINTS)],
  ['local-data/root-fallback-addresses-files', rootFiles],
  ['local-data/rpz', notThere('there are no response policy zones; local-data/rules[]/file takes lists of names')],
  ['forward[]/servers[]/ca-file', wholePath],
  ['forward[]/servers[]/pin-sha256', noted('compared with the key of the server itself, not with those of its CAs')],
  ['rate-limiting', switched],
  ['rate-limiting/enabled', renamed('rate-limiting/enable')],
  ['dns64', switched],
  ['dns64/enabled', renamed('dns64/enable')],
  ['dns64/rev-ttl', renamed('dns64/reverse-ttl')],
  ['logging/target', unless('syslog', () => {}, 'lines go to standard error, and under systemd to the journal')],
  ['logging/target', unless('from-env', () => {}, 'lines go to standard error, and under systemd to the journal')],
  ['logging/groups', logGroups],
  ['logging/dnssec-bogus', renamed('dnssec/log-bogus')],
  ['logging/dnstap', unless(false, notThere('there is no dnstap'))],
  ['logging/debugging', notNeeded('a fault ends one worker, with its stack in the log')],
  ['dnssec/enabled', renamed('dnssec/enable')],
  ['dnssec/keep-removed', notNeeded(RFC5011)],
  ['dnssec/trust-anchors-keep-removed', notNeeded(RFC5011)],
  ['dnssec/refresh-time', notNeeded(RFC5011)],
  ['dnssec/hold-down-time', notNeeded(RFC5011)],
  ['dnssec/trust-anchor-sentinel', renamed('dnssec/sentinel')],
  ['dnssec/trust-anchor-signal-query', renamed('dnssec/signal-query')],
  ['dnssec/trust-anchors-files[]/file', wholePath],
  ['dnssec/trust-anchors-files[]', anchorFile],
]

export const NOTHING: KnotRule = nothing

/** Unlike others, this section is on as long as nobody says otherwise. */
function switchedOff(file: KnotFile, path: string, value: unknown, from: Statement): void {
  if (typeof value === 'boolean') switched(file, path, value, from)
}
