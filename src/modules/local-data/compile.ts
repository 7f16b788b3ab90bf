/** From the section `local-data` to rules. What cannot be used is told with the setting, or file and line, it stands in. */

import { BowlineError } from '../../config/error.ts'
import type { LocalData, LocalRule, TextFile } from '../../settings.ts'
import { addressFromText } from '../../wire/ip-address.ts'
import { firstLabel, type Name, nameFromText, nameKey, parentName } from '../../wire/name.ts'
import { type RRset, rrset } from '../../wire/rrset.ts'
import { parseZoneText } from '../../wire/text.ts'
import { Type, typeFromText } from '../../wire/types.ts'
import { type Rule, Rules } from './rules.ts'

const NO_DATA: ReadonlyMap<number, RRset> = new Map()

export function compileRules(data: LocalData): Rules {
  const rules = new Rules()
  const plain = new Collection()
  for (const [name, addresses] of Object.entries(data.addresses))
    for (const address of addresses)
      plain.addHost(nameAt(`local-data/addresses/${name}`, name), octetsOf(address), data.ttl)
  for (const file of data['addresses-files'])
    readHosts(file, 'local-data/addresses-files', (name, address) => plain.addHost(name, address, data.ttl))
  addRecords(plain, 'local-data/records', data.records)
  plain.addTo(rules, { verdict: undefined, nodata: data.nodata, tags: [], ttl: data.ttl, message: undefined })
  for (const [index, rule] of data.rules.entries()) addRule(rules, rule, `local-data/rules/${index}`, data)
  rules.complete()
  return rules
}

function addRule(rules: Rules, rule: LocalRule, setting: string, defaults: LocalData): void {
  const ttl = rule.ttl ?? defaults.ttl
  const verdict = rule.subtree ?? rule.exact
  const common = { verdict, nodata: rule.nodata ?? defaults.nodata, tags: rule.tags, ttl, message: rule.message }
  const names = rule.name.map((text) => nameAt(`${setting}/name`, text))
  const own = new Collection()
  addRecords(own, `${setting}/records`, rule.records)
  if (rule.block.length > 0) {
    const blocked = new Set(rule.block.map((text) => typeAt(`${setting}/block`, text)))
    for (const name of names) rules.addSubtree(name, { ...common, verdict: 'pass', data: NO_DATA, blocked })
    return
  }
  if (verdict === undefined) {
    for (const name of names) for (const address of rule.address) own.addHost(name, octetsOf(address), ttl)
    for (const file of rule.file) readHosts(file, `${setting}/file`, (name, address) => own.addHost(name, address, ttl))
    own.addTo(rules, common)
    return
  }
  // One rule for all its names: a list of a million costs a million names and nothing else.
  const shared: Rule = { ...common, data: own.merged(rule.address.map(octetsOf), ttl) }
  const add = (name: Name) =>
    rule.subtree === undefined ? rules.addExact(name, shared) : rules.addSubtree(name, shared)
  for (const name of names) add(name)
  for (const file of rule.file) readNames(file, `${setting}/file`, add)
}

/** Data by name and type, gathered from several places. */
class Collection {
  readonly #names = new Map<string, { name: Name; data: Map<number, RRset> }>()

  add(owner: Name, type: number, ttl: number, rdata: Uint8Array): void {
    const key = nameKey(owner)
    let entry = this.#names.get(key)
    if (entry === undefined) {
      entry = { name: owner, data: new Map() }
      this.#names.set(key, entry)
    }
    const set = entry.data.get(type)
    if (set === undefined) entry.data.set(type, rrset(owner, type, ttl, [rdata]))
    else if (!set.rdatas.some((known) => Buffer.compare(known, rdata) === 0)) set.rdatas.push(rdata)
  }

  /** The address of a name, and the name of the address. */
  addHost(name: Name, address: Uint8Array, ttl: number): void {
    this.add(name, address.length === 4 ? Type.A : Type.AAAA, ttl, address)
    this.add(reverseName(address), Type.PTR, ttl, name)
  }

  addTo(rules: Rules, common: Omit<Rule, 'data'>): void {
    for (const { name, data } of this.#names.values()) {
      if (firstLabel(name).length === 1 && name[1] === WILDCARD)
        rules.addSubtree(parentName(name), { ...common, data, below: name.length - 2 })
      else rules.addExact(name, { ...common, data })
    }
  }

  /** All data, whatever its name, and `addresses`. */
  merged(addresses: readonly Uint8Array[], ttl: number): Map<number, RRset> {
    const all = new Collection()
    for (const { data } of this.#names.values())
      for (const set of data.values()) for (const rdata of set.rdatas) all.add(ANY_NAME, set.type, set.ttl, rdata)
    for (const octets of addresses) all.add(ANY_NAME, octets.length === 4 ? Type.A : Type.AAAA, ttl, octets)
    return all.#names.get(nameKey(ANY_NAME))?.data ?? new Map()
  }
}

const ANY_NAME = nameFromText('.')
const WILDCARD = 0x2a // RFC 4592 §2.1.1

function addRecords(collection: Collection, setting: string, text: string | undefined): void {
  if (text === undefined) return
  try {
    for (const { owner, type, ttl, rdata } of parseZoneText(text)) collection.add(owner, type, ttl, rdata)
  } catch (error) {
    throw unusable(setting, (error as Error).message, 'write records as in a zone file')
  }
}

/** Lines of an address and the names that have it. */
function readHosts(file: TextFile, setting: string, add: (name: Name, address: Uint8Array) => void): void {
  forEachLine(file, setting, (words) => {
    const address = addressFromText(words[0])
    if (address === undefined) throw new Error(`"${words[0]}" is no IP address`)
    for (const text of words.slice(1)) add(nameFromText(text), address)
  })
}

/** Lines of a name each; in those of hosts files, which many blocklists are, the address does not matter. */
function readNames(file: TextFile, setting: string, add: (name: Name) => void): void {
  forEachLine(file, setting, (words) => {
    const first = words.length > 1 && addressFromText(words[0]) !== undefined ? 1 : 0
    for (let at = first; at < words.length; at++) add(nameFromText(words[at]))
  })
}

function forEachLine({ path, text }: TextFile, setting: string, read: (words: string[]) => void): void {
  let number = 0
  for (let from = 0; from < text.length; ) {
    const newline = text.indexOf('\n', from)
    const to = newline < 0 ? text.length : newline
    const line = text.slice(from, to)
    from = to + 1
    number++
    const comment = line.indexOf('#')
    const content = (comment < 0 ? line : line.slice(0, comment)).trim()
    if (content === '') continue
    try {
      read(content.split(/\s+/))
    } catch (error) {
      throw unusable(setting, `${path}:${number}: ${(error as Error).message}`, 'correct the line or take it out')
    }
  }
}

function reverseName(address: Uint8Array): Name {
  if (address.length === 4) return nameFromText(`${[...address].reverse().join('.')}.in-addr.arpa.`)
  const nibbles = [...address].flatMap((octet) => [octet >> 4, octet & 15])
  return nameFromText(
    `${nibbles
      .reverse()
      .map((nibble) => nibble.toString(16))
      .join('.')}.ip6.arpa.`,
  )
}

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
