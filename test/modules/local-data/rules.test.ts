import { expect } from 'chai'
import { compileRules } from '../../../src/modules/local-data/compile.ts'
import type { LocalData, LocalRule } from '../../../src/settings.ts'
import { addressText } from '../../../src/wire/ip-address.ts'
import { nameFromText } from '../../../src/wire/name.ts'
import { Type } from '../../../src/wire/types.ts'

const NO_TAGS: ReadonlySet<string> = new Set()

function data(more: Partial<LocalData>): LocalData {
  return { ttl: 300, nodata: true, addresses: {}, 'addresses-files': [], rules: [], ...more }
}

function rule(more: Partial<LocalRule>): LocalRule {
  return { name: [], file: [], block: [], address: [], tags: [], ...more }
}

describe('a wildcard in local records (RFC 4592)', () => {
  const records = [
    '*.org. A 192.0.2.1',
    'host.org. A 192.0.2.2',
    'deep.empty.org. A 192.0.2.3',
    '*.sub.org. A 192.0.2.4',
  ].join('\n')
  const rules = compileRules(data({ records }))
  const addressOf = (name: string) => {
    const set = rules.find(nameFromText(name), NO_TAGS)?.data.get(Type.A)
    return set && addressText(set.rdatas[0])
  }
  for (const [name, address, why] of [
    ['www.org', '192.0.2.1', 'holds for what does not exist'],
    ['a.b.org', '192.0.2.1', 'also further down'],
    ['org', undefined, 'is not for the name it stands below'],
    ['host.org', '192.0.2.2', 'gives way to names with data'],
    ['www.host.org', undefined, 'holds for nothing below a name that exists'],
    ['empty.org', undefined, 'gives way to names that exist as others below them do (§2.2.2)'],
    ['other.empty.org', undefined, 'holds for nothing below these'],
    ['deep.empty.org', '192.0.2.3', 'leaves names further down as they are'],
    ['www.sub.org', '192.0.2.4', 'gives way to one nearer to the name'],
    ['sub.org', undefined, 'makes the name it stands below exist, too'],
  ] as const)
    it(`${why}: ${name}`, () => expect(addressOf(name)).to.equal(address))
})

describe('rules for one name', () => {
  it('count in their order, and by tags', () => {
    const rules = compileRules(
      data({
        addresses: { 'both.org': ['192.0.2.9'] },
        rules: [
          rule({ name: ['a.org', 'b.org'], subtree: 'refused', tags: ['one'] }),
          rule({ name: ['a.org'], subtree: 'empty', tags: ['two'] }),
          rule({ name: ['a.org', 'a.org'], subtree: 'nxdomain' }),
          rule({ name: ['both.org'], exact: 'drop' }),
        ],
      }),
    )
    const verdict = (name: string, ...tags: string[]) => rules.find(nameFromText(name), new Set(tags))?.verdict
    expect(verdict('a.org', 'one')).to.equal('refused')
    expect(verdict('x.a.org', 'two')).to.equal('empty')
    expect(verdict('a.org', 'two', 'one')).to.equal('refused')
    expect(verdict('a.org')).to.equal('nxdomain')
    expect(verdict('b.org')).to.equal(undefined)
    expect(rules.find(nameFromText('both.org'), NO_TAGS)?.data.size).to.equal(1)
  })
})

describe('hosts', () => {
  it('give a name all its addresses once, and an address no more than 16 names', () => {
    const lines = Array.from({ length: 40 }, (_, i) => `0.0.0.0 host${i}.net host0.net\n`).join('')
    const file = { path: 'hosts', read: () => Buffer.from(`${lines}::1 host0.net\n`) }
    const rules = compileRules(data({ 'addresses-files': [file] }))
    const found = rules.find(nameFromText('host0.net'), NO_TAGS)?.data
    expect(found?.get(Type.A)?.rdatas).to.have.lengthOf(1)
    expect(found?.get(Type.AAAA)?.rdatas).to.have.lengthOf(1)
    const reverse = rules.find(nameFromText('0.0.0.0.in-addr.arpa'), NO_TAGS)?.data.get(Type.PTR)
    expect(reverse?.rdatas).to.have.lengthOf(16)
  })
})
