/** What is learned for the clients of one view, and what for others: cache partitions and forward rules by view. */

import { expect } from 'chai'
import { makeConfig } from '../src/config/load.ts'
import type { ConfigInput } from '../src/config/schema.ts'
import { forwardByPartition } from '../src/partitions.ts'
import { policyFromConfig } from '../src/policy-from-config.ts'
import { defaultSettings } from '../src/settings.ts'
import { nameToText } from '../src/wire/name.ts'
import { Rcode } from '../src/wire/types.ts'
import { always, authority, gist, ROOT_ADDRESS, type Server, Story, silent } from './scenarios/own/story.ts'

const settingsOf = (config: ConfigInput) => ({ ...defaultSettings, ...policyFromConfig(makeConfig(config)) })
const rulesOf = (config: ConfigInput) =>
  [...forwardByPartition(settingsOf(config))].map(([partition, rules]) => [
    partition,
    rules.map(({ subtree, servers }) => `${nameToText(subtree)} ${servers[0]?.address.hostText ?? 'recurse'}`),
  ])

const KIDS = { subnets: '192.0.2.0/24', tags: 'kids', options: { 'cache-partition': 1 } }

describe('forwardByPartition', () => {
  const forward = [
    { subtree: '.', servers: '10.0.0.1' },
    { subtree: '.', servers: '10.0.0.2', tags: 'kids' },
    { subtree: 'corp.org', servers: '10.0.0.3', tags: ['staff', 'kids'] },
  ]

  it('gives each partition the rules for all, and those for the tags of its views', () => {
    expect(rulesOf({ forward, views: [KIDS] })).to.deep.equal([
      [0, ['. 10.0.0.1']],
      [1, ['. 10.0.0.1', '. 10.0.0.2', 'corp.org. 10.0.0.3']],
    ])
  })

  it('refuses different rules for one partition, and says whose they are', () => {
    expect(() => rulesOf({ forward, views: [{ subnets: '192.0.2.0/24', tags: 'kids' }] })).to.throw(
      'views/0/options/cache-partition: 0 is also that of clients of no view, for whom other forward rules hold, by their tags; ' +
        'give the view a cache-partition of its own',
    )
    const staff = { subnets: '198.51.100.0/24', tags: 'staff', options: { 'cache-partition': 1 } }
    expect(() => rulesOf({ forward, views: [KIDS, staff] })).to.throw(
      'views/1/options/cache-partition: 1 is also that of views/0',
    )
  })

  it('takes no notice of views whose clients are refused', () => {
    expect(rulesOf({ forward, views: [{ subnets: '192.0.2.0/24', tags: 'kids', answer: 'refused' }] }).length).to.equal(
      1,
    )
  })
})

describe('cache partitions', () => {
  const world = (address: string): Server => authority({ '.': `www.org A ${address}\ncorp.org A ${address}` })
  const config: ConfigInput = {
    views: [KIDS, { subnets: '198.51.100.0/24', options: { 'cache-partition': 2 } }],
    forward: [{ subtree: 'org', servers: '10.0.0.2', tags: 'kids' }],
  }
  const kid = Uint8Array.of(192, 0, 2, 1)
  const apart = Uint8Array.of(198, 51, 100, 1)

  it('hold what their own servers said, and nothing else', () => {
    const servers = { [ROOT_ADDRESS]: world('203.0.113.1'), '10.0.0.2': world('203.0.113.2') }
    const story = new Story(servers, { settings: policyFromConfig(makeConfig(config)) })
    for (let time = 0; time < 2; time++) {
      expect(gist(story.askFrom(kid, 'www.org.'))[1]).to.equal('www.org. A 203.0.113.2')
      expect(gist(story.ask('www.org.'))[1]).to.equal('www.org. A 203.0.113.1')
      expect(gist(story.askFrom(apart, 'www.org.'))[1]).to.equal('www.org. A 203.0.113.1')
    }
    expect(story.asked).to.deep.equal([
      '10.0.0.2 udp www.org. A',
      `${ROOT_ADDRESS} udp www.org. A`,
      `${ROOT_ADDRESS} udp www.org. A`,
    ])
  })

  it('share neither failures nor questions under way', () => {
    const servers = { [ROOT_ADDRESS]: world('203.0.113.1'), '10.0.0.2': always({ rcode: Rcode.SERVFAIL }) }
    const story = new Story(servers, { settings: policyFromConfig(makeConfig(config)) })
    const both = [story.sendFrom(kid, 'www.org.'), story.send('www.org.')]
    story.settle()
    expect(both.map(([answer]) => gist(answer)[0])).to.deep.equal(['SERVFAIL', 'NOERROR'])
    expect(gist(story.ask('corp.org.'))[0]).to.equal('NOERROR')
    expect(gist(story.askFrom(kid, 'corp.org.'))[0]).to.equal('SERVFAIL')
  })

  it('share no old answers where there is nothing better', () => {
    let isSilent = false
    const fickle: Server = (incoming) => (isSilent ? silent : world('203.0.113.2'))(incoming)
    const serveStale = { clientTimeoutMs: 1800, maxAgeMs: 86_400_000, replyTtl: 30 }
    const settings = { ...policyFromConfig(makeConfig(config)), serveStale }
    const story = new Story({ [ROOT_ADDRESS]: fickle, '10.0.0.2': fickle }, { settings })
    story.askFrom(kid, 'www.org.')
    story.elapse(4000)
    isSilent = true
    expect(gist(story.askFrom(kid, 'www.org.'))).to.deep.equal(['NOERROR', 'www.org. A 203.0.113.2'])
    for (const client of [apart, Uint8Array.of(127, 0, 0, 1)])
      expect(gist(story.askFrom(client, 'www.org.'))).to.deep.equal(['SERVFAIL'])
  })

  it('keep a failure to themselves', () => {
    const servers = { [ROOT_ADDRESS]: world('203.0.113.1'), '10.0.0.2': always({ rcode: Rcode.SERVFAIL }) }
    const story = new Story(servers, { settings: policyFromConfig(makeConfig(config)) })
    story.askFrom(kid, 'www.org.')
    story.news()
    expect(gist(story.askFrom(kid, 'www.org.'))[0], 'remembered').to.equal('SERVFAIL')
    expect(story.news()).to.deep.equal([])
    expect(gist(story.ask('www.org.'))[0]).to.equal('NOERROR')
    expect(gist(story.askFrom(apart, 'www.org.'))[0]).to.equal('NOERROR')
  })

  it('refresh what expires by their own servers, for themselves', () => {
    const short = (address: string): Server => authority({ '.': `www.org 100 A ${address}` })
    const servers = { [ROOT_ADDRESS]: short('203.0.113.1'), '10.0.0.2': short('203.0.113.2') }
    const story = new Story(servers, { settings: policyFromConfig(makeConfig(config)) })
    for (let i = 0; i < 3; i++) for (const client of [kid, apart]) story.askFrom(client, 'www.org.')
    story.elapse(95)
    story.news()
    story.askFrom(kid, 'www.org.')
    story.elapse(1)
    expect(story.news()).to.deep.equal(['10.0.0.2 udp www.org. A'])
    story.elapse(20)
    expect(gist(story.askFrom(kid, 'www.org.'))[1]).to.equal('www.org. A 203.0.113.2')
    expect(story.news(), 'of the partition that was refreshed').to.deep.equal([])
    story.askFrom(apart, 'www.org.')
    expect(story.news(), 'of the other').to.deep.equal([`${ROOT_ADDRESS} udp www.org. A`])
  })

  it('are counted together', () => {
    const servers = { [ROOT_ADDRESS]: world('203.0.113.1'), '10.0.0.2': world('203.0.113.2') }
    const story = new Story(servers, { settings: policyFromConfig(makeConfig(config)) })
    story.askFrom(kid, 'www.org.')
    story.ask('www.org.')
    expect(story.partitions.counters.exchanges.upstreamUdp).to.equal(2)
    expect(story.partitions.counters.cache.misses).to.equal(2)
    expect(story.partitions.inFlight).to.equal(0)
  })
})
