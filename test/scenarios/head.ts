/** What the head of a scenario file asks of the resolver under test, as typed values with the format's defaults. */

import { parse } from 'yaml'
import { ServerAddress } from '../../src/io/address.ts'
import { type Name, nameFromText } from '../../src/wire/name.ts'
import { Type } from '../../src/wire/types.ts'
import type { ScriptRecord } from './message.ts'
import { parseRecord, type Scenario, ScenarioError } from './parse-rpl.ts'

export interface Head {
  /** The only root hint; undefined: IANA's hints. */
  stub: { name: Name; address: ServerAddress } | undefined
  forwardTo: ServerAddress | undefined
  /** DS and DNSKEY records; none: no validation. */
  trustAnchors: ScriptRecord[]
  negativeTrustAnchors: Name[]
  /** Wall clock at the start. */
  startMs: number
  /** Whether to play with QNAME minimisation, without, or both ways. */
  minimise: boolean[]
  doIpv4: boolean
  doIpv6: boolean
  queryLoopback: boolean
  hardenGlue: boolean
  /** `name = value` pairs of `features`. */
  features: Map<string, string>
  policies: string[]
  /** Ours alone: sections of a configuration, one line of YAML each, and the address that queries come from. */
  config: Record<string, unknown> | undefined
  client: ServerAddress | undefined
}

/** The start for files that set no clock: none of them minds when that is. */
const ANY_DAY_MS = Date.UTC(2026, 0, 1)
const DEFAULT_STUB_NAME = 'k.root-servers.net.'

/** Reads the head lines of `scenario`. Throws ScenarioError for a key the format does not know. */
export function readHead(scenario: Scenario): Head {
  const head: Head = {
    stub: undefined,
    forwardTo: undefined,
    trustAnchors: [],
    negativeTrustAnchors: [],
    startMs: ANY_DAY_MS,
    minimise: [false, true],
    doIpv4: true,
    doIpv6: true,
    queryLoopback: false,
    hardenGlue: true,
    features: new Map(),
    policies: [],
    config: undefined,
    client: undefined,
  }
  let stubName = DEFAULT_STUB_NAME
  let stubAddress: ServerAddress | undefined
  for (const { key, value, line } of scenario.head) {
    try {
      switch (key) {
        case 'stub-addr':
          stubAddress = readAddress(value)
          break
        case 'stub-name':
          stubName = value
          break
        case 'forward-addr':
          head.forwardTo = readAddress(value)
          break
        case 'trust-anchor':
          head.trustAnchors.push(readAnchor(value))
          break
        case 'domain-insecure':
          head.negativeTrustAnchors.push(nameFromText(value))
          break
        case 'val-override-date':
          head.startMs = readDate(value)
          break
        case 'val-override-timestamp':
          head.startMs = Number(value) * 1000
          break
        case 'query-minimization':
          head.minimise = [isTrue(value)]
          break
        case 'do-ip4':
          head.doIpv4 = isTrue(value)
          break
        case 'do-ip6':
          head.doIpv6 = isTrue(value)
          break
        case 'do-not-query-localhost':
          head.queryLoopback = !isTrue(value)
          break
        case 'harden-glue':
          head.hardenGlue = isTrue(value)
          break
        case 'features':
          readPairs(value, head.features)
          break
        case 'bowline':
          head.config = { ...head.config, ...parse(value) }
          break
        case 'client-addr':
          head.client = readAddress(value)
          break
        case 'feature-list':
          head.policies.push(value.replace(/^policy\s*=\s*/, ''))
          break
        default:
          throw new Error(`"${key}" is no setting`)
      }
    } catch (error) {
      throw new ScenarioError(scenario.path, line, (error as Error).message)
    }
  }
  if (stubAddress) head.stub = { name: nameFromText(stubName), address: stubAddress }
  return head
}

function isTrue(value: string): boolean {
  return /^(yes|true|on|1)$/i.test(value)
}

function readAddress(value: string): ServerAddress {
  const address = ServerAddress.fromText(value)
  if (!address) throw new Error(`"${value}" is no address`)
  return address
}

function readAnchor(value: string): ScriptRecord {
  const record = parseRecord(value)
  if (record.type !== Type.DS && record.type !== Type.DNSKEY) throw new Error('a trust anchor is DS or DNSKEY')
  return record
}

/** `YYYYMMDDHHMMSS`, UTC. */
function readDate(value: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(value)
  if (!parts) throw new Error(`"${value}" is no date`)
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number)
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

function readPairs(value: string, pairs: Map<string, string>): void {
  for (const pair of value.split(';')) {
    const [name, text] = pair.split('=').map((part) => part.trim())
    if (text !== undefined) pairs.set(name, text) // without `=` it is a leftover comment
  }
}
