/** The modules of kresd: which setting switches each of them on here. */

import { timeText } from '../units.ts'
import type { Draft } from './draft.ts'
import type { Statement } from './finding.ts'
import { isTable, type LuaTable, type LuaValue } from './lua.ts'

/** Loads a module with its configuration, which is `true` when there is none. */
type Load = (draft: Draft, from: Statement, config: LuaValue) => void

const switchOn = (path: string, note?: string): Load => {
  return (draft, from) => draft.take(from, path, true, note)
}
const notNeeded = (why: string): Load => {
  return (draft, from) => draft.notNeeded(from, why)
}
const notThere = (instead: string): Load => {
  return (draft, from) => draft.leaveOut(from, instead)
}

const BUILT_IN = 'it is built in'

const dns64: Load = (draft, from, config) => {
  draft.take(from, 'dns64/enable', true)
  const prefix = isTable(config) ? config.named.get('prefix') : config
  if (typeof prefix === 'string') draft.take(from, 'dns64/prefix', prefix.includes('/') ? prefix : `${prefix}/96`)
  const ttl = isTable(config) ? config.named.get('rev_ttl') : undefined
  if (typeof ttl === 'number') draft.take(from, 'dns64/reverse-ttl', timeText(ttl * 1_000_000))
}

const prefill: Load = (draft, from, config) => {
  const zones = isTable(config) ? [...config.named] : []
  for (const [origin, zone] of zones) {
    const url = isTable(zone) ? zone.named.get('url') : undefined
    if (typeof url !== 'string' || !isTable(zone)) continue
    const interval = zone.named.get('interval')
    const caFile = zone.named.get('ca_file')
    draft.append(from, 'cache/prefill', {
      origin,
      url,
      ...(typeof interval === 'number' && { 'refresh-interval': timeText(interval * 1_000_000) }),
      ...(typeof caFile === 'string' && { 'ca-file': caFile }),
    })
  }
  if (zones.length === 0) draft.notNeeded(from, 'cache/prefill names the zones')
}

const renumber: Load = (draft, from, config) => {
  const pairs = isTable(config) ? config.list : []
  for (const pair of pairs) {
    const [source, destination] = isTable(pair) ? pair.list : []
    if (typeof source === 'string' && typeof destination === 'string')
      draft.append(from, 'network/address-renumbering', { source, destination })
    else draft.leaveOut(from, 'write a subnet and an address in network/address-renumbering')
  }
  if (pairs.length === 0) draft.notNeeded(from, 'network/address-renumbering has the addresses')
}

const MODULES: Record<string, Load> = {
  policy: notNeeded(BUILT_IN),
  view: notNeeded(BUILT_IN),
  hints: notNeeded(BUILT_IN),
  stats: notNeeded('figures are at http://127.0.0.1:9153/metrics (docs/metrics.md)'),
  watchdog: notNeeded('workers watch themselves (`watchdog`)'),
  extended_error: notNeeded(BUILT_IN),
  nsid: notNeeded('`nsid` says what is told'),
  iterate: notNeeded(BUILT_IN),
  validate: notNeeded(BUILT_IN),
  cache: notNeeded(BUILT_IN),
  ta_update: notNeeded('keys of the root are followed (RFC 5011)'),
  bogus_log: switchOn('dnssec/log-bogus'),
  detect_time_jump: switchOn('options/time-jump-detection'),
  detect_time_skew: switchOn('dnssec/time-skew-detection'),
  dns64,
  edns_keepalive: switchOn('network/edns-tcp-keepalive'),
  predict: switchOn('cache/prefetch/expiring', 'what is asked at the same time each day is not foreseen'),
  prefill,
  priming: switchOn('options/priming'),
  rebinding: switchOn('options/rebinding-protection'),
  refuse_nord: switchOn('options/refuse-no-rd'),
  renumber,
  serve_stale: switchOn('options/serve-stale/enable'),
  ta_sentinel: switchOn('dnssec/sentinel'),
  ta_signal_query: switchOn('dnssec/signal-query'),
  workarounds: switchOn('options/violators-workarounds'),
  daf: notThere('write `local-data/rules` and `views`'),
  dnstap: notThere('there is no dnstap'),
  etcd: notThere('the control API (docs/api.md) changes settings while the service runs'),
  experimental_dot_auth: notThere('authoritative servers are asked over UDP and TCP'),
  graphite: notThere('Prometheus reads the figures (docs/metrics.md)'),
  http: notThere('the control API (docs/api.md) and `bowline top` are what there is'),
}

/** Modules that are there from the start, and what switches them off. */
const UNLOADED: Record<string, string> = {
  detect_time_jump: 'options/time-jump-detection',
  detect_time_skew: 'dnssec/time-skew-detection',
  edns_keepalive: 'network/edns-tcp-keepalive',
  priming: 'options/priming',
  refuse_nord: 'options/refuse-no-rd',
  ta_sentinel: 'dnssec/sentinel',
  ta_signal_query: 'dnssec/signal-query',
}

/** `modules = {'hints > iterate', 'stats', predict = {…}}`: each is reported for itself. */
export function takeModules(draft: Draft, from: Statement, table: LuaTable): boolean {
  const wanted: [string, LuaValue][] = [
    ...table.list.map((name): [string, LuaValue] => [String(name), true]),
    ...table.named,
  ]
  for (const [written, config] of wanted) {
    const name = written.split(/[<>\s]/)[0]
    const load = Object.hasOwn(MODULES, name) ? MODULES[name] : undefined
    const module = { ...from, setting: 'modules', value: name }
    if (load === undefined) draft.leaveOut(module, 'not known here; docs/modules.md is about modules of one’s own')
    else load(draft, module, config)
  }
  return true
}

export function unloadModule(draft: Draft, from: Statement, [name]: LuaValue[]): boolean {
  const path = typeof name === 'string' && Object.hasOwn(UNLOADED, name) ? UNLOADED[name] : undefined
  if (path !== undefined) draft.take(from, path, false)
  return path !== undefined
}
