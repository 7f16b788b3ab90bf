/** Where Unbound listens and whom it serves, as `network/listen` and `views`. What its file does not say is written out,
 *  since Bowline does otherwise: it listens on port 5300, and serves all local networks. */

import ipaddr from 'ipaddr.js'
import type { Draft } from './draft.ts'
import type { Statement } from './finding.ts'
import type { Attribute } from './unbound-text.ts'

/** What `views[]/answer` is for an action of `access-control`, and what differs. */
const ACTIONS: Record<string, { answer: 'allow' | 'refused' | 'noanswer'; note?: string }> = {
  allow: { answer: 'allow' },
  deny: { answer: 'noanswer' },
  refuse: { answer: 'refused' },
  deny_non_local: { answer: 'noanswer', note: 'local data is not answered either' },
  refuse_non_local: { answer: 'refused', note: 'local data is not answered either' },
  allow_setrd: { answer: 'allow', note: 'queries without RD are refused (options/refuse-no-rd)' },
  allow_snoop: { answer: 'allow', note: 'for queries without RD, set options/refuse-no-rd: false' },
  allow_cookie: { answer: 'allow', note: 'clients without a cookie are served, too' },
}

/** Unbound's own, before those of its file. */
const DEFAULT_ACCESS: readonly [subnet: string, action: string][] = [
  ['0.0.0.0/0', 'refuse'],
  ['::/0', 'refuse'],
  ['127.0.0.0/8', 'allow'],
  ['::1/128', 'allow'],
]

export function takeClients(draft: Draft, server: readonly Attribute[]): void {
  takeInterfaces(draft, server)
  takeAccess(draft, server)
}

function takeInterfaces(draft: Draft, server: readonly Attribute[]): void {
  const last = (name: string) => server.findLast((attribute) => attribute.name === name)
  const named = server.filter(({ name }) => name === 'interface' || name === 'ip-address')
  const port = last('port')
  const portText = port?.value ?? '53'
  if (port !== undefined && named.every(({ value }) => value.includes('@')) && named.length > 0)
    draft.notNeeded(port, 'each interface names its own')
  else if (port !== undefined) draft.findings.push({ ...port, outcome: 'taken', into: 'network/listen' })
  for (const attribute of named) takeInterface(draft, attribute, portText, server)
  if (named.length > 0) return
  const families = [last('do-ip4')?.value === 'no' ? [] : ['127.0.0.1'], last('do-ip6')?.value === 'no' ? [] : ['::1']]
  const addresses = families.flat().map((address) => `${address}@${portText}`)
  draft.append(unsaid('server/interface', addresses.join(' ')), 'network/listen', { interface: addresses }, OWN_DEFAULT)
}

const OWN_DEFAULT = 'what Unbound does by itself, and Bowline does not'

const SECURE_PORTS = ['tls-port', 'ssl-port', 'https-port', 'quic-port']

function takeInterface(draft: Draft, from: Attribute, port: string, server: readonly Attribute[]): void {
  const [address, ownPort = port] = from.value.split('@')
  const secure = ['853', '443', ...server.filter(({ name }) => SECURE_PORTS.includes(name)).map(({ value }) => value)]
  if (secure.includes(ownPort)) draft.leaveOut(from, 'clients are not served over TLS or HTTPS yet')
  else draft.append(from, 'network/listen', { interface: `${address === '::0' ? '::' : address}@${ownPort}` })
}

function takeAccess(draft: Draft, server: readonly Attribute[]): void {
  const own = server.filter(({ name }) => name === 'access-control')
  const statements = new Map<string, { from: Statement; action: string }>()
  for (const [subnet, action] of DEFAULT_ACCESS)
    statements.set(subnet, { from: unsaid('server/access-control', `${subnet} ${action}`), action })
  for (const from of own) {
    const [written = '', action = ''] = from.values
    const subnet = subnetOf(written)
    if (/^::ffff:/i.test(written)) draft.notNeeded(from, 'clients over IPv4 have IPv4 addresses')
    else if (subnet === undefined || !Object.hasOwn(ACTIONS, action))
      draft.leaveOut(from, `write a network and one of ${Object.keys(ACTIONS).join(', ')}`)
    else statements.set(subnet, { from, action })
  }
  const views: string[] = []
  for (const [subnet, { from, action }] of statements) {
    const { answer } = ACTIONS[action]
    const note = from.place === undefined ? OWN_DEFAULT : ACTIONS[action].note
    const known = views.indexOf(`${answer} ${note}`)
    if (known >= 0) draft.append(from, `views/${known}/subnets`, subnet, note, true)
    else views[views.length] = `${answer} ${note}`
    if (known < 0) draft.append(from, 'views', { subnets: [subnet], answer }, note)
  }
}

function unsaid(setting: string, value: string): Statement {
  return { setting: `${setting} (not in the file)`, value }
}

/** As Unbound reads it: bits after the prefix do not matter. */
function subnetOf(text: string): string | undefined {
  const [address, length] = text.split('/')
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) return undefined
  const parsed = ipaddr.parse(address)
  const bits = parsed.kind() === 'ipv4' ? 32 : 128
  const prefix = length === undefined ? bits : Number(length)
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > bits) return undefined
  const family = parsed.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6
  return `${family.networkAddressFromCIDR(`${parsed}/${prefix}`)}/${prefix}`
}
