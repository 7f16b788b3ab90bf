import { expect } from 'chai'
import type { Delegation } from '../../src/cache/cache.ts'
import {
  addCandidate,
  type CutOptions,
  delegationFrom,
  enterCut,
  glueAnswer,
  hintedRoot,
  MAX_ADDRESSES,
  MAX_NAMESERVERS,
} from '../../src/layers/zone-cut.ts'
import { rootHint } from '../../src/root-hints.ts'
import { defaultSettings } from '../../src/settings.ts'
import { nameFromText, nameToText } from '../../src/wire/name.ts'
import { Type } from '../../src/wire/types.ts'
import { sets } from '../support/messages.ts'
import { SeededRandom } from '../support/random.ts'

const NOW = 1_000_000
const ORG: Delegation = { zone: nameFromText('org.'), leaseUntilMs: NOW + 7_200_000, nameservers: [] }
const ZONE = nameFromText('example.org.')

function options(parts: Partial<CutOptions['settings']> = {}): CutOptions {
  const settings = { ...defaultSettings, ...parts }
  return { settings, random: new SeededRandom(1), forbidden: { queryLoopback: false, listening: [] } }
}

function delegation(ns: string, glue: string, checking: 'normal' | 'strict' | 'permissive' = 'normal', parent = ORG) {
  return delegationFrom(ZONE, sets(ns)[0], sets(glue), parent, checking, NOW)
}

const addressesOf = (cut: Delegation) =>
  cut.nameservers.map((server) => server.addresses.map(({ octets }) => octets[3]))

describe('delegationFrom', () => {
  const ns = ['ns.example.org.', 'ns.other.org.', 'ns.example.net.'].map((name) => `example.org. NS ${name}`).join('\n')
  const glue = 'ns.example.org. A 192.0.2.1\nns.other.org. A 192.0.2.2\nns.example.net. A 192.0.2.3'

  it('believes glue for servers inside the zone that refers', () => {
    expect(addressesOf(delegation(ns, glue))).to.deep.equal([[1], [2], []])
  })

  it('believes glue inside the delegated zone only when strict, and all when permissive', () => {
    expect(addressesOf(delegation(ns, glue, 'strict'))).to.deep.equal([[1], [], []])
    expect(addressesOf(delegation(ns, glue, 'permissive'))).to.deep.equal([[1], [2], [3]])
  })

  it('leases for the TTL of the NS set, never beyond the lease of the parent (ghost domains)', () => {
    expect(delegation('example.org. 60 NS ns.example.org.', '').leaseUntilMs).to.equal(NOW + 60_000)
    const ending = { ...ORG, leaseUntilMs: NOW + 1000 }
    const cut = delegation('example.org. 60 NS ns.example.org.', 'ns.example.org. 50 A 192.0.2.1', 'normal', ending)
    expect(cut.leaseUntilMs).to.equal(NOW + 1000)
    expect(cut.nameservers[0].addresses[0].untilMs).to.equal(NOW + 1000)
  })

  it('takes a bounded number of servers and addresses', () => {
    const many = Array.from({ length: 20 }, (_, i) => `example.org. NS ns${i}.example.org.`).join('\n')
    const addresses = Array.from({ length: 20 }, (_, i) => `ns0.example.org. A 192.0.2.${i}`).join('\n')
    const cut = delegation(many, addresses)
    expect(cut.nameservers).to.have.length(MAX_NAMESERVERS)
    expect(cut.nameservers[0].addresses).to.have.length(MAX_ADDRESSES)
  })

  it('knows that below an unsigned zone all is unsigned', () => {
    expect(delegation('example.org. NS ns.example.org.', '', 'normal', { ...ORG, signed: 'no' }).signed).to.equal('no')
    expect(delegation('example.org. NS ns.example.org.', '', 'normal', { ...ORG, signed: 'yes' }).signed).to.equal(
      'unknown',
    )
  })
})

describe('enterCut', () => {
  const cut = delegation(
    'example.org. NS ns1.example.org.\nexample.org. NS ns2.example.net.',
    'ns1.example.org. A 192.0.2.1\nns1.example.org. AAAA 2001:db8::1',
  )

  it('has the known addresses as candidates and the other names to look up, IPv4 first', () => {
    const iteration = enterCut(cut, false, NOW, options())
    expect(iteration.candidates.map((address) => address.hostText)).to.deep.equal(['192.0.2.1', '2001:db8::1'])
    expect(iteration.lookups.map(({ name, type }) => [nameToText(name), type])).to.deep.equal([
      ['ns2.example.net.', Type.A],
      ['ns2.example.net.', Type.AAAA],
    ])
  })

  it('leaves out the family that is switched off', () => {
    const iteration = enterCut(cut, false, NOW, options({ doIpv4: false }))
    expect(iteration.candidates.map((address) => address.family)).to.deep.equal([6])
    expect(iteration.lookups.map(({ type }) => type)).to.deep.equal([Type.AAAA])
  })

  it('does not use glue whose time is over', () => {
    expect(enterCut(cut, true, NOW + 3_600_000, options()).candidates).to.deep.equal([])
  })

  it('asks no forbidden address, unless the operator named it as a root server', () => {
    const lab = hintedRoot([rootHint('ns.lab.', ['127.0.0.53'])])
    expect(enterCut(lab, false, NOW, options()).candidates).to.have.length(1)
    const { configured: _, ...learned } = lab
    const iteration = enterCut(learned, false, NOW, options())
    expect(iteration.candidates).to.deep.equal([])
    expect(iteration.troubles).to.deep.equal(['127.0.0.53 must not be asked'])
  })

  it('takes an address that two names share once', () => {
    const iteration = enterCut(cut, false, NOW, options())
    expect(addCandidate(iteration, Uint8Array.of(192, 0, 2, 1), options())).to.equal(true)
    expect(iteration.candidates).to.have.length(2)
  })
})

describe('glueAnswer', () => {
  it('gives the glue for the very server asked for, as long as it lives', () => {
    const cut = delegation('example.org. NS ns.example.org.', 'ns.example.org. 60 A 192.0.2.1')
    const name = nameFromText('ns.example.org.')
    expect(glueAnswer(cut, name, Type.A, NOW)?.rdatas.map((rdata) => [...rdata])).to.deep.equal([[192, 0, 2, 1]])
    expect(glueAnswer(cut, name, Type.A, NOW + 10_000)?.ttl).to.equal(50)
    expect(glueAnswer(cut, name, Type.A, NOW + 60_000)).to.equal(undefined)
    expect(glueAnswer(cut, name, Type.AAAA, NOW)).to.equal(undefined)
    expect(glueAnswer(cut, nameFromText('www.example.org.'), Type.A, NOW)).to.equal(undefined)
  })
})
