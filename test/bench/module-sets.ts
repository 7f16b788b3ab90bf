/** Bowline with no module that can be switched off, as it comes, and with every module: what does each cost a cached answer? */

import { parse, stringify } from 'yaml'
import { makeConfig } from '../../src/config/load.ts'
import type { ConfigInput } from '../../src/config/schema.ts'

export type ModuleSet = 'none' | 'all'

type Sections = Record<string, Record<string, unknown> | unknown[] | string>

const SETTINGS: Record<ModuleSet, ConfigInput> = {
  none: {
    options: { 'refuse-no-rd': false, 'reorder-rrset': false },
    network: { 'edns-tcp-keepalive': false },
    dnssec: { sentinel: false },
    cookies: { enable: false },
  },
  all: {
    hostname: 'ns1.example.net',
    nsid: 'ns1',
    views: [
      { subnets: ['127.0.0.0/8', '::1/128'], tags: ['customers', 'children'] },
      { subnets: ['192.0.2.0/24', '198.51.100.0/25', '2001:db8::/32'], tags: 'staff' },
      { subnets: '203.0.113.0/24', answer: 'refused' },
    ],
    'local-data': {
      addresses: { 'printer.example.net': '192.0.2.9' },
      rules: [
        { name: 'ads.example.net', subtree: 'nxdomain', tags: 'customers' },
        { name: 'gambling.example.net', subtree: 'refused', tags: 'children' },
      ],
    },
    dns64: { enable: true },
    options: { 'rebinding-protection': true, 'rebinding-allowed': '.', 'serve-stale': { enable: true } },
    network: { 'address-renumbering': [{ source: '203.0.113.0/24', destination: '192.0.2.0' }] },
    fallback: { enable: true, servers: '127.0.0.253' },
    'rate-limiting': { enable: true, 'rate-limit': 1_000_000, 'instant-limit': 1_000_000 },
  },
}

/** A configuration in YAML, with the settings of the set beside those it has. */
export function withModules(base: string, set: ModuleSet | undefined): string {
  if (set === undefined) return base
  const merged = { ...(parse(base) as Sections) }
  for (const [section, settings] of Object.entries(SETTINGS[set] as Sections)) {
    const known = merged[section]
    const both = typeof known === 'object' && !Array.isArray(known) && !Array.isArray(settings)
    merged[section] = both ? { ...known, ...(settings as object) } : settings
  }
  makeConfig(merged as ConfigInput) // throws when a setting is none any more
  return stringify(merged)
}
