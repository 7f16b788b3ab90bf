/** What scenarios want done otherwise than the world has it: from rules in the words of Knot Resolver's Lua, and from what
 *  its module folders presume, to sections of a configuration. */

import type { ConfigInput } from '../../src/config/schema.ts'
import { isAtOrBelow, nameFromText as named } from '../../src/wire/name.ts'
import type { Head } from './head.ts'
import { ScenarioError } from './parse-rpl.ts'

type RuleInput = NonNullable<NonNullable<ConfigInput['local-data']>['rules']>[number]

/** Verdicts for Knot Resolver's actions. */
const VERDICTS: Record<string, RuleInput['subtree']> = {
  DENY: 'nxdomain',
  REFUSE: 'refused',
  DROP: 'servfail', // Knot Resolver answers SERVFAIL
  TC: 'truncate',
  PASS: 'pass',
}

/** Zones that come with the workarounds a scenario switches on. */
export function policyOf(head: Head): ConfigInput {
  const { features } = head
  const prefix = features.get('dns64_prefix')
  const hint = features.get('static_hint_name')
  const source = features.get('renumber_src')
  const policies = reachable(head.policies.map(takeApart))
  return {
    ...(prefix === undefined ? {} : { dns64: { enable: true, prefix: `${prefix}/96` } }),
    options: { 'violators-workarounds': features.has('workarounds') },
    network: {
      'address-renumbering':
        source === undefined ? [] : [{ source, destination: String(features.get('renumber_dst')).split('/')[0] }],
    },
    'local-data': {
      addresses: hint === undefined ? {} : { [hint]: String(features.get('static_hint_addr')) },
      rules: policies.flatMap(localRule),
    },
    forward: [
      ...policies.flatMap((policy, index) => forwardRule(policy, policies.slice(index + 1))),
      ...(head.forwardTo === undefined ? [] : [{ subtree: '.', servers: [String(head.forwardTo)] }]),
    ],
  }
}

const CALL = /^policy:add\(policy\.(\w+)\(policy\.(\w+)(?:\('([^']*)'\))?(.*)\)\)$/

interface Policy {
  action: string
  argument: string
  names: string[]
  /** Not what lies below the names. */
  exact: boolean
}

function takeApart(policy: string): Policy {
  const parts = CALL.exec(policy.trim())
  if (parts === null) throw new ScenarioError('feature-list', 0, `cannot read ${policy}`)
  const [, match, action, argument = '', rest] = parts
  const listed = match === 'suffix_common' ? rest.replace(/,[^,]*$/, '') : rest // the common suffix only speeds things up
  const written = [...listed.matchAll(/'([^']+)'/g)].map(([, name]) => name)
  const names = match === 'all' ? ['.'] : match === 'pattern' ? written.flatMap(namesOfPattern) : written
  return { action, argument, names, exact: match === 'domains' }
}

/** Knot Resolver takes the first rule that hits; ours is that for the longest name. So those behind a wider one go. */
function reachable(policies: Policy[]): Policy[] {
  const covered: string[] = []
  return policies.map((policy) => {
    const names = policy.names.filter((name) => !covered.some((other) => isAtOrBelow(named(name), named(other))))
    if (!policy.exact) covered.push(...names)
    return { ...policy, names }
  })
}

function localRule({ action, names, exact }: Policy): RuleInput[] {
  if (action === 'FORWARD' || names.length === 0) return []
  const verdict = VERDICTS[action]
  if (verdict === undefined) throw new ScenarioError('feature-list', 0, `unknown action ${action}`)
  return [exact ? { name: names, exact: verdict } : { name: names, subtree: verdict }]
}

/** Patterns are searched in names in wire form: `\\5host[0-9]\\4test`. Those with one set of digits stand for ten names. */
function namesOfPattern(pattern: string): string[] {
  const text = pattern.replace(/^\\\d+/, '').replace(/\\\d+/g, '.')
  return text.includes('[0-9]')
    ? Array.from({ length: 10 }, (_, digit) => text.replace('[0-9]', String(digit)))
    : [text]
}

/** What is passed is not forwarded by a wider rule that follows. */
function forwardRule({ action, argument, names }: Policy, following: Policy[]): NonNullable<ConfigInput['forward']> {
  if (names.length === 0) return []
  if (action === 'FORWARD') return [{ subtree: names, servers: [argument], options: { dnssec: true } }]
  const isNeeded = action === 'PASS' && following.some((policy) => policy.action === 'FORWARD')
  return isNeeded ? [{ subtree: names, servers: 'recurse' }] : []
}

/** What scenarios from Knot Resolver's module folders presume without saying so in their head. */
export function presumed(file: string): ConfigInput {
  const broken = { forward: [{ subtree: '.', servers: ['::1:2:3:4', '1.2.3.4'], options: { dnssec: false } }] }
  switch (file) {
    case 'policy-refuse.rpl':
      return {
        'local-data': {
          rules: [
            { name: 'example.com', exact: 'nxdomain' },
            { name: 'refuse.example.com', subtree: 'refused' },
          ],
        },
      }
    case 'policy-broken-ipv6.rpl':
      return { ...broken, network: { 'do-ipv6': false } }
    case 'policy-broken-ipvx.rpl':
      return { ...broken, network: { 'do-ipv4': false, 'do-ipv6': false } }
    case 'rebinding-module_rebinding.rpl':
      return { options: { 'rebinding-protection': true }, network: { 'do-ipv6': false } }
    case 'view-module_view_addr.rpl':
      return {
        views: [{ subnets: '127.127.0.0/16', tags: 'blocked' }],
        'local-data': {
          rules: ['com', 'net'].map((name) => ({
            name,
            subtree: 'nxdomain' as const,
            tags: 'blocked',
            message: `addr 127.127.0.0/16 matched ${name}`,
          })),
        },
        forward: [{ subtree: '.', servers: ['1.2.3.4'] }],
      }
    default:
      return {}
  }
}

/** Both together; of families to use, the caller takes care. */
export function joined(policy: ConfigInput, presumption: ConfigInput): ConfigInput {
  const { network: _, ...rest } = presumption
  return { ...policy, ...rest }
}
