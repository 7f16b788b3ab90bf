/** kresd's `policy.add` and `view:addr`, as `forward`, `local-data/rules` and `views`. In kresd the first rule that fits counts,
 *  here the one for the longest name: who has rules within rules looks at them again. */

import type { Verdict } from '../policy.ts'
import type { Draft } from './draft.ts'
import type { Statement } from './finding.ts'
import { isCall, isName, isTable, type LuaValue } from './lua.ts'

/** Actions that answer by themselves. */
const VERDICTS: Record<string, Verdict> = {
  'policy.PASS': 'pass',
  'policy.DENY': 'nxdomain',
  'policy.DENY_MSG': 'nxdomain',
  'policy.REFUSE': 'refused',
  'policy.DROP': 'drop',
  'policy.NO_ANSWER': 'drop',
  'policy.TC': 'truncate',
}

const ANSWERS: Record<string, string> = {
  'policy.PASS': 'allow',
  'policy.REFUSE': 'refused',
  'policy.DROP': 'noanswer',
  'policy.NO_ANSWER': 'noanswer',
}

const FORWARDS = ['policy.FORWARD', 'policy.STUB', 'policy.TLS_FORWARD']

/** `policy.add(policy.suffix(ACTION, NAMES))`. */
export function takePolicy(draft: Draft, from: Statement, [rule]: LuaValue[]): boolean {
  if (!isCall(rule)) return false
  const [action, names] = rule.args
  const kind = rule.name
  if (kind === 'policy.rpz') {
    draft.leaveOut(from, 'there are no response policy zones; local-data/rules[]/file takes lists of names')
    return true
  }
  if (kind === 'policy.slice') {
    draft.leaveOut(from, 'write one rule of forward with all the servers: those that answer fastest are asked most')
    return true
  }
  if (kind !== 'policy.all' && kind !== 'policy.suffix' && kind !== 'policy.suffix_common' && kind !== 'policy.domains')
    return false
  const subtree = kind === 'policy.all' ? ['.'] : namesOf(names)
  if (subtree === undefined || action === undefined) return false
  if (isCall(action) && FORWARDS.includes(action.name) && kind !== 'policy.domains')
    return forwardTo(draft, from, subtree, action.name, action.args[0])
  const name = isCall(action) || isName(action) ? action.name : ''
  if (!Object.hasOwn(VERDICTS, name)) return false
  const message = isCall(action) && typeof action.args[0] === 'string' ? { message: action.args[0] } : {}
  const which = kind === 'policy.domains' ? 'exact' : 'subtree'
  draft.append(from, 'local-data/rules', { name: subtree, [which]: VERDICTS[name], ...message })
  return true
}

/** `view:addr('192.0.2.0/24', policy.all(policy.REFUSE))`. */
export function takeView(draft: Draft, from: Statement, [subnet, rule]: LuaValue[]): boolean {
  const action = isCall(rule) && rule.name === 'policy.all' ? rule.args[0] : rule
  const name = isName(action) ? action.name : ''
  if (typeof subnet !== 'string') return false
  if (Object.hasOwn(ANSWERS, name)) draft.append(from, 'views', { subnets: subnet, answer: ANSWERS[name] })
  else draft.leaveOut(from, 'write `views` with `tags`, and rules with the same tags')
  return true
}

function forwardTo(
  draft: Draft,
  from: Statement,
  subtree: string[],
  how: string,
  servers: LuaValue | undefined,
): boolean {
  const list = isTable(servers) ? servers.list : [servers]
  if (how === 'policy.TLS_FORWARD') {
    const known = list.map(tlsServer)
    if (known.includes(undefined)) {
      draft.leaveOut(from, 'each server needs hostname or pin_sha256: others could pretend to be it')
      return true
    }
    draft.append(from, 'forward', { subtree, servers: known }, pinNote(known))
    return true
  }
  if (list.length === 0 || !list.every((item) => typeof item === 'string')) return false
  const stub = how === 'policy.STUB'
  const note = stub ? 'for servers that hold the zone itself, write authoritative: true' : undefined
  draft.append(from, 'forward', { subtree, servers: list, ...(stub && { options: { dnssec: false } }) }, note)
  return true
}

type TlsServer = { address: string; transport: 'tls'; hostname?: string; 'ca-file'?: string; 'pin-sha256'?: string[] }

/** `{'192.0.2.1', hostname = 'dns.example.net', ca_file = '…'}`. */
function tlsServer(item: LuaValue | undefined): TlsServer | undefined {
  if (!isTable(item) || typeof item.list[0] !== 'string') return undefined
  const [hostname, caFile, pin] = ['hostname', 'ca_file', 'pin_sha256'].map((name) => item.named.get(name))
  const pins = (isTable(pin) ? pin.list : [pin]).filter((text) => typeof text === 'string')
  if (typeof hostname !== 'string' && pins.length === 0) return undefined
  return {
    address: item.list[0],
    transport: 'tls',
    ...(typeof hostname === 'string' && { hostname }),
    ...(typeof hostname === 'string' && typeof caFile === 'string' && { 'ca-file': caFile }),
    ...(pins.length > 0 && { 'pin-sha256': pins as string[] }),
  }
}

function pinNote(known: readonly (TlsServer | undefined)[]): string | undefined {
  const pinned = known.some((server) => server?.['pin-sha256'] !== undefined)
  return pinned ? 'a pin is compared with the key of the server itself, not with those of its CAs' : undefined
}

/** `policy.todnames({'a', 'b'})`, `{todname('a')}`, and names in wire form. */
function namesOf(value: LuaValue | undefined): string[] | undefined {
  const list = isCall(value) && value.name === 'policy.todnames' ? value.args[0] : value
  const items = isTable(list) ? list.list : [list]
  const names = items.map((item) => {
    const inner = isCall(item) && item.name === 'todname' ? item.args[0] : item
    return typeof inner === 'string' ? nameText(inner) : undefined
  })
  return names.length === 0 || names.includes(undefined) ? undefined : (names as string[])
}

/** `\7example\3org\0` as example.org. */
function nameText(written: string): string {
  if (!written.endsWith('\0')) return written
  const labels: string[] = []
  for (let at = 0; written.charCodeAt(at) > 0; at += written.charCodeAt(at) + 1)
    labels.push(written.slice(at + 1, at + 1 + written.charCodeAt(at)))
  return `${labels.join('.')}.`
}
