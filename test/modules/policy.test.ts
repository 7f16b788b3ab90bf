/** What clients get of names and addresses that the operator has a word on: local data, views, rebinding, renumbering. */

import { expect } from 'chai'
import { makeConfig } from '../../src/config/load.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import { startModules } from '../../src/modules/index.ts'
import { policyFromConfig } from '../../src/policy-from-config.ts'
import { defaultSettings } from '../../src/settings.ts'
import { Flag } from '../../src/wire/types.ts'
import { authority, gist, ROOT_ADDRESS, type Server, Story } from '../scenarios/own/story.ts'
import { ManualClock } from '../support/clock.ts'
import { SeededRandom } from '../support/random.ts'

const WORLD: Record<string, Server> = {
  [ROOT_ADDRESS]: authority({
    '.': `www.org A 203.0.113.1
          www.org TXT here
          alias.org CNAME ads.org
          ads.org A 203.0.113.2
          inside.org A 10.0.0.1
          inside.org AAAA ::ffff:10.0.0.1
          nat.org AAAA 64:ff9b::10.0.0.1
          mixed.org A 203.0.113.3`,
  }),
}

function tell(config: ConfigInput): Story {
  return new Story(WORLD, { settings: policyFromConfig(makeConfig(config)) })
}

describe('local-data', () => {
  it('gives addresses and their reverse names, and denies other types', () => {
    const story = tell({ 'local-data': { addresses: { 'www.org': ['192.0.2.9', '2001:db8::9'] } } })
    expect(gist(story.ask('WWW.org.'))[1]).to.equal('WWW.org. A 192.0.2.9')
    expect(gist(story.ask('www.org.', 'AAAA'))[1]).to.equal('www.org. AAAA 2001:db8::9')
    expect(gist(story.ask('9.2.0.192.in-addr.arpa.', 'PTR'))[1]).to.equal('9.2.0.192.in-addr.arpa. PTR www.org.')
    expect(gist(story.ask('www.org.', 'TXT'))).to.deep.equal(['NOERROR'])
    expect(story.asked).to.deep.equal([])
  })

  it('looks other types up where nodata is off', () => {
    const story = tell({ 'local-data': { nodata: false, addresses: { 'www.org': '192.0.2.9' } } })
    expect(gist(story.ask('www.org.', 'TXT'))[1]).to.contain('TXT')
  })

  it('follows an alias in local records to the world', () => {
    const story = tell({ 'local-data': { records: 'here.org. CNAME www.org.' } })
    expect(gist(story.ask('here.org.'))).to.deep.equal([
      'NOERROR',
      'here.org. CNAME www.org.',
      'www.org. A 203.0.113.1',
    ])
  })

  it('counts which of its rules are met, and what is done then', () => {
    const story = tell({
      'local-data': {
        addresses: { 'here.org': '192.0.2.9' },
        records: 'there.org. CNAME www.org.',
        nodata: false,
        rules: [
          { name: 'ads.org', subtree: 'nxdomain' },
          { name: 'www.org', subtree: 'pass' },
          { name: 'inside.org', block: 'AAAA' },
        ],
      },
    })
    story.ask('here.org.')
    story.ask('here.org.', 'TXT') // no matter of ours
    story.ask('there.org.') // and its target, of which nobody has asked
    for (let i = 0; i < 2; i++) story.ask('alias.org.')
    story.ask('www.org.')
    for (const type of ['A', 'AAAA']) story.ask('inside.org.', type)
    expect(story.ruleHits.all().map(({ list, action, times }) => [list, action, times])).to.have.deep.members([
      ['local-data', 'data', 2],
      ['local-data/rules/0', 'nxdomain', 2],
      ['local-data/rules/1', 'pass', 1],
      ['local-data/rules/2', 'block', 1],
    ])
    expect(story.ruleHits.localNames).to.equal(6) // with the name of the address
  })

  it('does not let an alias in the world lead around a rule, cached or not', () => {
    const story = tell({ 'local-data': { rules: [{ name: 'ads.org', subtree: 'nxdomain' }] } })
    for (let i = 0; i < 2; i++)
      expect(gist(story.ask('alias.org.'))).to.deep.equal(['NXDOMAIN', 'alias.org. CNAME ads.org.'])
  })

  const verdicts: [ConfigInput['local-data'], string, string[]][] = [
    [{ rules: [{ name: 'org', subtree: 'nxdomain' }] }, 'www.org.', ['NXDOMAIN']],
    [{ rules: [{ name: 'org', subtree: 'empty' }] }, 'www.org.', ['NOERROR']],
    [{ rules: [{ name: 'org', subtree: 'refused' }] }, 'www.org.', ['REFUSED']],
    [{ rules: [{ name: 'org', subtree: 'servfail' }] }, 'www.org.', ['SERVFAIL']],
    [{ rules: [{ name: 'org', exact: 'nxdomain' }] }, 'www.org.', ['NOERROR', 'www.org. A 203.0.113.1']],
    [
      { rules: [{ name: 'org', subtree: 'redirect', address: '192.0.2.80' }] },
      'x.y.org.',
      ['NOERROR', 'x.y.org. A 192.0.2.80'],
    ],
    [
      {
        rules: [
          { name: 'org', subtree: 'nxdomain' },
          { name: 'www.org', subtree: 'pass' },
        ],
      },
      'www.org.',
      ['NOERROR', 'www.org. A 203.0.113.1'],
    ],
  ]
  for (const [data, name, expected] of verdicts)
    it(`${JSON.stringify(data?.rules?.at(-1))}: ${name} is ${expected[0]}`, () =>
      expect(gist(tell({ 'local-data': data }).ask(name))).to.deep.equal(expected))

  it('drops without any answer', () => {
    const story = tell({ 'local-data': { rules: [{ name: 'org', subtree: 'drop' }] } })
    const answers = story.send('www.org.')
    story.settle()
    expect([answers.length, story.core.inFlight]).to.deep.equal([0, 0])
  })

  it('makes clients come again over TCP', () => {
    const answer = tell({ 'local-data': { rules: [{ name: 'org', subtree: 'truncate' }] } }).ask('www.org.')
    expect(answer.flags & Flag.TC).to.equal(Flag.TC)
    expect(answer.answer).to.deep.equal([])
  })

  it('tells the log who asks, and lets them, also where the answer is cached', () => {
    const story = tell({ 'local-data': { rules: [{ name: 'org', subtree: 'log', message: 'look' }] } })
    for (let i = 0; i < 2; i++)
      expect(gist(story.askFrom(Uint8Array.of(192, 0, 2, 7), 'www.org.'))[1]).to.equal('www.org. A 203.0.113.1')
    const match = { event: 'local-data-match', name: 'www.org.', type: 1, client: '192.0.2.7', message: 'look' }
    expect(story.events.filter(({ event }) => event === match.event)).to.deep.equal([match, match])
  })

  it('tells file and line of what it cannot use', () => {
    const tools = { clock: new ManualClock(), random: new SeededRandom(), log: () => {} }
    const file = [{ path: 'block.txt', read: () => Buffer.from('# list\nads.example\nbad..name\n') }]
    const rule = { name: [], file, subtree: 'nxdomain' as const, block: [], address: [], tags: [] }
    const data = { ttl: 300, nodata: true, addresses: {}, 'addresses-files': [], rules: [rule] }
    const settings = { ...defaultSettings, sections: { 'local-data': data } }
    expect(() => startModules(settings, tools)).to.throw(
      /local-data\/rules\/0\/file: block\.txt:3: .*; correct the line/,
    )
  })
})

describe('a rule that blocks types', () => {
  it('tells which one is none', () =>
    expect(() => tell({ 'local-data': { rules: [{ name: 'org', block: 'AAAAA' }] } })).to.throw(
      'local-data/rules/0/block: AAAAA is no record type',
    ))

  it('does nothing else', () =>
    expect(() => makeConfig({ 'local-data': { rules: [{ name: 'org', block: 'AAAA', subtree: 'empty' }] } })).to.throw(
      /make two rules of it/,
    ))
})

describe('views', () => {
  const rules = [{ name: 'ads.org', subtree: 'nxdomain' as const, tags: 'filter' }]
  const ask = (views: ConfigInput['views']) => tell({ views, 'local-data': { rules } }).ask('ads.org.')

  it('give clients the tags that rules go by', () => {
    expect(gist(ask([{ subnets: '127.0.0.0/8', tags: 'filter' }]))[0]).to.equal('NXDOMAIN')
    expect(gist(ask([{ subnets: '127.0.0.0/8', tags: 'others' }]))[0]).to.equal('NOERROR')
    expect(gist(ask([{ subnets: '192.0.2.0/24', tags: 'filter' }]))[0]).to.equal('NOERROR')
  })

  it('are chosen by the longest prefix', () => {
    const wide = { subnets: '127.0.0.0/8', tags: 'filter' }
    expect(gist(ask([wide, { subnets: '127.0.0.1' }]))[0]).to.equal('NOERROR')
    expect(gist(ask([{ subnets: '0.0.0.0/0' }, wide]))[0]).to.equal('NXDOMAIN')
  })

  it('go by protocol', () => {
    expect(gist(ask([{ subnets: '127.0.0.0/8', protocols: 'tcp', tags: 'filter' }]))[0]).to.equal('NOERROR')
    expect(gist(ask([{ subnets: '127.0.0.0/8', protocols: ['udp53'], tags: 'filter' }]))[0]).to.equal('NXDOMAIN')
  })

  it('refuse, or say nothing', () => {
    expect(gist(ask([{ subnets: '127.0.0.0/8', answer: 'refused' }]))).to.deep.equal(['REFUSED'])
    const story = tell({ views: [{ subnets: '127.0.0.0/8', answer: 'noanswer' }] })
    expect(story.send('www.org.')).to.deep.equal([])
    expect(story.core.inFlight).to.equal(0)
  })
})

describe('rebinding', () => {
  const options = { 'rebinding-protection': true }

  it('refuses addresses of special networks, also behind the prefix of translators', () => {
    for (const [name, type] of [
      ['inside.org.', 'A'],
      ['inside.org.', 'AAAA'],
      ['nat.org.', 'AAAA'],
    ])
      expect(gist(tell({ options }).ask(name, type)), `${name} ${type}`).to.deep.equal(['REFUSED'])
    expect(gist(tell({ options }).ask('www.org.'))[0]).to.equal('NOERROR')
  })

  it('lets them pass where they are expected, and in local data', () => {
    const allowed = { ...options, 'rebinding-allowed': 'org' }
    expect(gist(tell({ options: allowed }).ask('inside.org.'))[1]).to.equal('inside.org. A 10.0.0.1')
    const story = tell({ options, 'local-data': { addresses: { 'printer.org': '10.0.0.2' } } })
    expect(gist(story.ask('printer.org.'))[1]).to.equal('printer.org. A 10.0.0.2')
  })
})

describe('renumber', () => {
  it('replaces the leading bits of addresses', () => {
    const renumbering = [{ source: '203.0.113.0/30', destination: '10.1.2.128' }]
    const story = tell({ network: { 'address-renumbering': renumbering } })
    expect(gist(story.ask('mixed.org.'))[1]).to.equal('mixed.org. A 10.1.2.131')
    expect(gist(story.ask('inside.org.'))[1]).to.equal('inside.org. A 10.0.0.1')
  })
})
