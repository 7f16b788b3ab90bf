/** From the section `local-data` to rules. What cannot be used is told with the setting, or file and line, it stands in. */

import { BowlineError } from '../../config/error.ts'
import type { ListFile, LocalData, LocalRule } from '../../settings.ts'
import { addressFromText } from '../../wire/ip-address.ts'
import { isWildcard, type Name, nameFromText, parentName, ROOT } from '../../wire/name.ts'
import { type RRset, rrset } from '../../wire/rrset.ts'
import { parseZoneText, type ZoneRecord } from '../../wire/text.ts'
import { Type, typeFromText } from '../../wire/types.ts'
import { readHosts, readNames } from './lists.ts'
import { type Rule, Rules } from './rules.ts'

const NO_DATA: ReadonlyMap<number, RRset> = new Map()
/** Names that one address leads back to; a list that gives a million names the address 0.0.0.0 means none of them. */
const MAX_REVERSE = 16

/** All rules, from configuration and files. */
export function compileRules(data: LocalData): Rules {
  const rules = new Rules(kindsOf(data))
  const plain = new Adder(rules, PLAIN)
  for (const [name, addresses] of Object.entries(data.addresses))
    for (const address of addresses)
      plain.addHost(nameAt(`local-data/addresses/${name}`, name), octetsOf(address), data.ttl)
  for (const file of data['addresses-files']) plain.addHosts(file, 'local-data/addresses-files', data.ttl)
  for (const record of recordsOf('local-data/records', data.records)) plain.add(record)
  for (const [index, rule] of data.rules.entries())
    addRule(new Adder(rules, kindOfRule(index)), rule, `local-data/rules/${index}`, data.ttl)
  rules.complete()
  return rules
}

/** What rules there are, whatever names they are for: this the files have no part in. Behind each stands the same for
 *  wildcards. */
export function kindsOf(data: LocalData): Rule[] {
  const plain: Rule = {
    list: 'local-data',
    verdict: undefined,
    data: NO_DATA,
    nodata: data.nodata,
    tags: [],
    ttl: data.ttl,
    message: undefined,
  }
  const kinds = data.rules.map((rule, index) => kindOf(rule, `local-data/rules/${index}`, data))
  return [plain, ...kinds].flatMap((kind) => [kind, { ...kind, wildcard: true }])
}

const PLAIN = 0

function kindOfRule(index: number): number {
  return 2 * (index + 1)
}

function kindOf(rule: LocalRule, setting: string, defaults: LocalData): Rule {
  const { tags, message } = rule
  const ttl = rule.ttl ?? defaults.ttl
  const common = { list: setting, data: NO_DATA, nodata: rule.nodata ?? defaults.nodata, tags, ttl, message }
  if (rule.block.length > 0) {
    const blocked = new Set(rule.block.map((text) => typeAt(`${setting}/block`, text)))
    return { ...common, verdict: 'pass', blocked }
  }
  const verdict = rule.subtree ?? rule.exact
  return verdict === undefined ? { ...common, verdict } : { ...common, verdict, data: commonData(rule, setting, ttl) }
}

/** All its data, whatever the owner: each of its names has them. */
function commonData(rule: LocalRule, setting: string, ttl: number): Map<number, RRset> {
  const data = new Map<number, RRset>()
  const add = (type: number, ttl: number, rdata: Uint8Array) => {
    const set = data.get(type)
    if (set === undefined) data.set(type, rrset(ROOT, type, ttl, [rdata]))
    else if (!set.rdatas.some((known) => Buffer.compare(known, rdata) === 0)) set.rdatas.push(rdata)
  }
  for (const { type, ttl, rdata } of recordsOf(`${setting}/records`, rule.records)) add(type, ttl, rdata)
  for (const octets of rule.address.map(octetsOf)) add(addressType(octets), ttl, octets)
  return data
}

/** Says of the names of one rule what is to be said. A list of a million costs a million names and nothing else. */
function addRule(adder: Adder, rule: LocalRule, setting: string, defaultTtl: number): void {
  const names = rule.name.map((text) => nameAt(`${setting}/name`, text))
  const ttl = rule.ttl ?? defaultTtl
  if (rule.block.length > 0) {
    for (const name of names) adder.addName(name, 'subtree')
    return
  }
  if (rule.subtree === undefined && rule.exact === undefined) {
    for (const record of recordsOf(`${setting}/records`, rule.records)) adder.add(record)
    for (const name of names) for (const address of rule.address) adder.addHost(name, octetsOf(address), ttl)
    for (const file of rule.file) adder.addHosts(file, `${setting}/file`, ttl)
    return
  }
  const scope = rule.subtree === undefined ? 'exact' : 'subtree'
  for (const name of names) adder.addName(name, scope)
  for (const file of rule.file) adder.addNames(file, `${setting}/file`, scope)
}

type Scope = 'exact' | 'subtree'

/** Adds names and records to one kind of rules. */
class Adder {
  readonly #rules: Rules
  readonly #kind: number

  constructor(rules: Rules, kind: number) {
    this.#rules = rules
    this.#kind = kind
  }

  add({ owner, type, ttl, rdata }: ZoneRecord): void {
    this.#addRecord(owner, type, ttl, rdata)
  }

  /** The address of a name, and the name of the address. */
  addHost(name: Name, address: Uint8Array, ttl: number): void {
    this.#addRecord(name, addressType(address), ttl, address)
    this.#rules.addRecord(reverseName(address), this.#kind, Type.PTR, ttl, name, MAX_REVERSE)
  }

  addHosts(file: ListFile, setting: string, ttl: number): void {
    readHosts(file.read(), (name, address) => this.addHost(name, address, ttl), failIn(file, setting))
  }

  addName(name: Uint8Array, scope: Scope, length = name.length): void {
    if (scope === 'exact') this.#rules.addExact(name, this.#kind, length)
    else this.#rules.addSubtree(name, this.#kind, length)
  }

  addNames(file: ListFile, setting: string, scope: Scope): void {
    readNames(file.read(), (name, length) => this.addName(name, scope, length), failIn(file, setting))
  }

  #addRecord(owner: Name, type: number, ttl: number, rdata: Uint8Array): void {
    if (isWildcard(owner)) this.#rules.addRecord(parentName(owner), this.#kind + 1, type, ttl, rdata)
    else this.#rules.addRecord(owner, this.#kind, type, ttl, rdata)
  }
}

function addressType(address: Uint8Array): number {
  return address.length === 4 ? Type.A : Type.AAAA
}

function recordsOf(setting: string, text: string | undefined): ZoneRecord[] {
  if (text === undefined) return []
  try {
    return [...parseZoneText(text)]
  } catch (error) {
    throw unusable(setting, (error as Error).message, 'write records as in a zone file')
  }
}

function failIn({ path }: ListFile, setting: string): (line: number, why: string) => never {
  return (line, why) => {
    throw unusable(setting, `${path}:${line}: ${why}`, 'correct the line or take it out')
  }
}

/** RFC 1035 §3.5 and RFC 3596 §2.5. */
function reverseName(address: Uint8Array): Name {
  const [labels, zone] = address.length === 4 ? [DECIMALS, IN_ADDR_ARPA] : [NIBBLES, IP6_ARPA]
  let octets = zone.length
  for (const octet of address) octets += labels[octet].length
  const name = new Uint8Array(octets)
  let end = 0
  for (let at = address.length - 1; at >= 0; at--) {
    name.set(labels[address[at]], end)
    end += labels[address[at]].length
  }
  name.set(zone, end)
  return name
}

const IN_ADDR_ARPA = nameFromText('in-addr.arpa.')
const IP6_ARPA = nameFromText('ip6.arpa.')
/** The labels for each octet of an address. */
const DECIMALS = Array.from({ length: 256 }, (_, octet) => nameFromText(`${octet}.`).slice(0, -1))
const NIBBLES = Array.from({ length: 256 }, (_, octet) =>
  nameFromText(`${(octet & 15).toString(16)}.${(octet >> 4).toString(16)}.`).slice(0, -1),
)

function octetsOf(address: string): Uint8Array {
  return addressFromText(address) as Uint8Array
}

function nameAt(setting: string, text: string): Name {
  try {
    return nameFromText(text)
  } catch (error) {
    throw unusable(setting, (error as Error).message, 'correct the name')
  }
}

function typeAt(setting: string, text: string): number {
  const type = typeFromText(text.toUpperCase())
  if (type === undefined)
    throw unusable(setting, `${text} is no record type`, 'write it as in a zone file, as AAAA or TYPE65')
  return type
}

function unusable(setting: string, why: string, remedy: string): BowlineError {
  return new BowlineError('local-data', `${setting}: ${why}; ${remedy}`)
}
