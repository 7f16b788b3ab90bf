/** Servers an operator has named: forwarders and stubs, for parts of the name space. */

import { expect } from 'chai'
import { makeConfig } from '../../src/config/load.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import { ServerAddress } from '../../src/io/address.ts'
import { policyFromConfig } from '../../src/policy-from-config.ts'
import { Flag } from '../../src/wire/types.ts'
import {
  always,
  authority,
  failing,
  gist,
  ROOT_ADDRESS,
  reply,
  type Server,
  Story,
  silent,
} from '../scenarios/own/story.ts'
import { ROUND_TRIP_MS } from '../scenarios/simulated-network.ts'
import { question } from '../support/messages.ts'

const FORWARDER = '192.0.2.53'
const OTHER = '192.0.2.54'
const ORG = '192.0.2.1'

const resolver =
  (address: string): Server =>
  ({ query }) => ({ packets: [reply(query, { aa: false, ra: true, answer: [`${nameOf(query)} A ${address}`] })] })

function nameOf(query: Parameters<Server>[0]['query']): string {
  const { name } = query.question!
  let text = ''
  for (let at = 0; name[at] > 0; at += name[at] + 1)
    text += `${Buffer.from(name.subarray(at + 1, at + 1 + name[at])).toString('latin1')}.`
  return text
}

const WORLD: Record<string, Server> = {
  [ROOT_ADDRESS]: authority({ '.': `org NS ns.org\nns.org A ${ORG}` }),
  [ORG]: authority({ 'org.': `@ NS ns\nns A ${ORG}\nwww A 203.0.113.1\npublic.corp A 203.0.113.2` }),
}

function tell(config: ConfigInput, servers: Record<string, Server>): Story {
  return new Story({ ...WORLD, ...servers }, { settings: policyFromConfig(makeConfig(config)) })
}

describe('forward', () => {
  const corp = { subtree: 'corp.org', servers: [FORWARDER] }

  it('asks its servers for the whole question with RD, and nobody else', () => {
    const flags: number[] = []
    const server: Server = (incoming) => {
      flags.push(incoming.query.flags)
      return resolver('198.51.100.1')(incoming)
    }
    const story = tell({ forward: [corp] }, { [FORWARDER]: server })
    expect(gist(story.ask('a.b.corp.org.'))).to.deep.equal(['NOERROR', 'a.b.corp.org. A 198.51.100.1'])
    expect(story.news()).to.deep.equal([`${FORWARDER} udp a.b.corp.org. A`])
    expect(flags[0] & Flag.RD).to.equal(Flag.RD)
  })

  it('leaves names outside the subtree alone', () => {
    const story = tell({ forward: [corp] }, { [FORWARDER]: resolver('198.51.100.1') })
    expect(gist(story.ask('www.org.'))).to.deep.equal(['NOERROR', 'www.org. A 203.0.113.1'])
  })

  it('makes an exception where a rule further down says so', () => {
    const forward = [corp, { subtree: 'public.corp.org', servers: 'recurse' as const }]
    const story = tell({ forward }, { [FORWARDER]: resolver('198.51.100.1') })
    expect(gist(story.ask('public.corp.org.'))).to.deep.equal(['NOERROR', 'public.corp.org. A 203.0.113.2'])
    expect(story.timesAsked(FORWARDER)).to.equal(0)
  })

  it('believes nothing its servers say of names outside the subtree', () => {
    const server = always({
      aa: false,
      ra: true,
      answer: ['x.corp.org. CNAME www.org.', 'www.org. A 198.51.100.66'],
    })
    const story = tell({ forward: [corp] }, { [FORWARDER]: server })
    expect(gist(story.ask('x.corp.org.'))).to.deep.equal([
      'NOERROR',
      'x.corp.org. CNAME www.org.',
      'www.org. A 203.0.113.1',
    ])
  })

  it('goes on to another server when one is silent or refuses', () => {
    const forward = [{ subtree: 'corp.org', servers: [FORWARDER, OTHER] }]
    for (const broken of [silent, failing('refused'), always({ rcode: 5 })]) {
      const story = tell({ forward }, { [FORWARDER]: broken, [OTHER]: resolver('198.51.100.2') })
      expect(gist(story.ask('x.corp.org.'))).to.deep.equal(['NOERROR', 'x.corp.org. A 198.51.100.2'])
    }
  })

  it('fails when none helps, and does not ask the world instead', () => {
    const story = tell({ forward: [corp] }, { [FORWARDER]: silent })
    expect(gist(story.ask('x.corp.org.'))).to.deep.equal(['SERVFAIL'])
    expect(story.timesAsked(ROOT_ADDRESS)).to.equal(0)
  })

  it('speaks TCP where told to', () => {
    const servers = [{ address: `${FORWARDER}@5353`, transport: 'tcp' as const }]
    const story = tell({ forward: [{ subtree: '.', servers }] }, { [FORWARDER]: resolver('198.51.100.1') })
    story.ask('x.example.')
    expect(story.news()).to.deep.equal([`${FORWARDER} tcp x.example. A`])
  })

  it('goes before special names and locally served zones', () => {
    const forward = [{ subtree: '10.in-addr.arpa', servers: [FORWARDER] }]
    const server = always({ aa: false, ra: true, answer: ['1.0.0.10.in-addr.arpa. PTR host.corp.'] })
    const settings = { ...policyFromConfig(makeConfig({ forward })), specialNames: true }
    const story = new Story({ ...WORLD, [FORWARDER]: server }, { settings })
    expect(gist(story.ask('1.0.0.10.in-addr.arpa.', 'PTR'))[1]).to.equal('1.0.0.10.in-addr.arpa. PTR host.corp.')
  })
})

describe('the source of an answer', () => {
  /** Of A records of the name. */
  const sourceOf = (story: Story, name: string) => {
    const sources: string[] = []
    const wishes = { rd: true, cd: false, ad: false, do: false }
    story.core.pursue(question(name), wishes, {}, ({ source }) => sources.push(source))
    story.settle()
    return sources.join()
  }

  it('is a forwarder, or resolution as everywhere else, also by servers that the operator has named', () => {
    const forward = [
      { subtree: 'corp.org', servers: [FORWARDER] },
      { subtree: 'lab.org', servers: [OTHER], options: { authoritative: true } },
    ]
    const alias = always({ aa: false, ra: true, answer: ['alias.corp.org. CNAME www.org.'] })
    const forwarder: Server = (incoming) =>
      nameOf(incoming.query).toLowerCase().startsWith('alias') ? alias(incoming) : resolver('198.51.100.1')(incoming)
    const lab = authority({ 'lab.org.': `@ NS ns\nns A ${OTHER}\nwww A 198.51.100.3` })
    const story = tell({ forward }, { [FORWARDER]: forwarder, [OTHER]: lab })
    expect(['x.corp.org.', 'www.lab.org.', 'www.org.'].map((name) => sourceOf(story, name))).to.deep.equal([
      'forward',
      'recursion',
      'recursion',
    ])
    expect(sourceOf(tell({ forward }, { [FORWARDER]: forwarder }), 'alias.corp.org.')).to.equal('recursion') // the end counts
    expect(sourceOf(story, 'x.corp.org.')).to.equal('cache')
    expect(story.ruleHits.all()).to.deep.equal([
      { list: 'forward/corp.org.', action: 'forward', times: 1 },
      { list: 'forward/lab.org.', action: 'stub', times: 1 },
    ])
  })

  it('is a fallback server, or a failure', () => {
    const fallback = { enable: true, servers: [OTHER], after: '1s' }
    const broken = { [ROOT_ADDRESS]: always({ rcode: 5 }) }
    const story = tell({ fallback }, { ...broken, [OTHER]: resolver('198.51.100.4') })
    expect(sourceOf(story, 'www.example.')).to.equal('fallback')
    expect(sourceOf(tell({ fallback }, broken), 'www.example.')).to.equal('failure')
  })
})

describe('forward over TLS', () => {
  const secured = { address: [FORWARDER, OTHER], transport: 'tls' as const, hostname: 'dns.example.net' }

  it('never asks otherwise, whatever the servers say or do not say (RFC 8310 §5)', () => {
    const truncating = always({ tc: true })
    for (const server of [
      silent,
      failing('refused'),
      failing('untrusted'),
      failing('closed'),
      truncating,
      always({ rcode: 1 }),
    ]) {
      const story = tell({ forward: [{ subtree: '.', servers: [secured] }] }, { [FORWARDER]: server, [OTHER]: server })
      expect(gist(story.ask('x.example.'))).to.deep.equal(['SERVFAIL'])
      const asked = story.news()
      expect(asked).to.include(`${FORWARDER} tls x.example. A`)
      expect(asked.filter((line) => !line.includes(' tls '))).to.deep.equal([])
    }
  })

  it('goes on to another server when one is not the one that is meant, and tells the client when none is', () => {
    const forward = [{ subtree: '.', servers: [secured] }]
    const story = tell({ forward }, { [FORWARDER]: failing('untrusted'), [OTHER]: resolver('198.51.100.2') })
    expect(gist(story.ask('x.example.'))).to.deep.equal(['NOERROR', 'x.example. A 198.51.100.2'])
    const { edes } = tell({ forward }, { [FORWARDER]: failing('untrusted'), [OTHER]: silent }).ask('x.example.')
    expect(edes?.join()).to.include(`${FORWARDER} untrusted`)
  })

  it('sends all names in small letters or as they came, as nobody can forge', () => {
    const story = tell({ forward: [{ subtree: '.', servers: [secured] }] }, { [OTHER]: resolver('198.51.100.2') })
    story.ask('averylongnamewithmanyletters.example.')
    expect(new Set(story.spelled)).to.deep.equal(new Set(['averylongnamewithmanyletters.example.']))
  })

  it('asks authoritative servers, too', () => {
    const servers = [
      { address: OTHER, transport: 'tls' as const, 'pin-sha256': 'OLzhpgEZsWqJu6Lc1aRPGqjXVGGoG+gM44Cok/rAUqM=' },
    ]
    const corp = authority({ 'corp.org.': `@ NS ns\nns A ${OTHER}\nwww A 198.51.100.3` })
    const story = tell(
      { forward: [{ subtree: 'corp.org', servers, options: { authoritative: true } }] },
      { [OTHER]: corp },
    )
    expect(gist(story.ask('www.corp.org.'))).to.deep.equal(['NOERROR', 'www.corp.org. A 198.51.100.3'])
    expect(story.news()).to.deep.equal([`${OTHER} tls www.corp.org. A`])
  })
})

describe('forward to several servers', () => {
  for (const transport of ['udp', 'tcp', 'tls'] as const)
    it(`asks the fastest most, ${transport}`, () => {
      const slow: Server = (incoming) => ({ ...resolver('198.51.100.1')(incoming), delayMs: 90 })
      const fast: Server = (incoming) => ({ ...resolver('198.51.100.1')(incoming), delayMs: 9 })
      const identity = transport === 'tls' ? { hostname: 'dns.example.net' } : {}
      const servers = [{ address: [FORWARDER, OTHER], transport, ...identity }]
      const story = tell({ forward: [{ subtree: '.', servers }] }, { [FORWARDER]: slow, [OTHER]: fast })
      for (let i = 0; i < 100; i++) story.ask(`name-${i}.example.`)
      expect(story.timesAsked(OTHER)).to.be.above(80)
    })
})

describe('forward to authoritative servers (stub zones)', () => {
  it('asks without RD, and follows what they delegate', () => {
    const forward = [{ subtree: 'corp.org', servers: [FORWARDER], options: { authoritative: true } }]
    const flags: number[] = []
    const corp = authority({ 'corp.org.': `@ NS ns\nns A ${FORWARDER}\nlab NS ns.lab\nns.lab A ${OTHER}` })
    const story = tell(
      { forward },
      {
        [FORWARDER]: (incoming) => {
          flags.push(incoming.query.flags & Flag.RD)
          return corp(incoming)
        },
        [OTHER]: authority({ 'lab.corp.org.': `@ NS ns\nns A ${OTHER}\nwww A 198.51.100.3` }),
      },
    )
    expect(gist(story.ask('www.lab.corp.org.'))).to.deep.equal(['NOERROR', 'www.lab.corp.org. A 198.51.100.3'])
    expect(flags).to.deep.equal([0])
    expect(story.timesAsked(ROOT_ADDRESS)).to.equal(0)
  })
})

describe('fallback', () => {
  const fallback = { enable: true, servers: [OTHER], after: '1s' }

  it('answers where resolution has failed, and says so', () => {
    const story = tell({ fallback }, { [ROOT_ADDRESS]: always({ rcode: 5 }), [OTHER]: resolver('198.51.100.4') })
    const answer = story.ask('www.example.')
    expect(gist(answer)).to.deep.equal(['NOERROR', 'www.example. A 198.51.100.4'])
    expect(answer.edes).to.deep.equal(['Other Error: asked a fallback server'])
  })

  it('answers where resolution takes too long', () => {
    const story = tell({ fallback }, { [ROOT_ADDRESS]: silent, [OTHER]: resolver('198.51.100.4') })
    const startMs = story.clock.monotonicMs()
    expect(gist(story.ask('www.example.'))[0]).to.equal('NOERROR')
    expect(story.clock.monotonicMs() - startMs).to.be.within(1000, 1000 + ROUND_TRIP_MS)
  })

  it('answers to the millisecond also while a slow server is waited for, and does not hold that against it', () => {
    for (const after of ['100ms', '350ms']) {
      const story = tell(
        { fallback: { ...fallback, after } },
        { [ROOT_ADDRESS]: silent, [OTHER]: resolver('198.51.100.4') },
      )
      const startMs = story.clock.monotonicMs()
      expect(gist(story.ask('www.example.'))[0]).to.equal('NOERROR')
      expect(story.clock.monotonicMs() - startMs).to.equal(Number.parseInt(after, 10) + ROUND_TRIP_MS)
      expect(story.core.servers.describe(ServerAddress.fromText(ROOT_ADDRESS)!).timeouts).to.equal(0)
    }
  })

  it('is not there for clients of a view that does without', () => {
    const views = [{ subnets: '127.0.0.0/8', options: { fallback: false } }, { subnets: '198.51.100.0/24' }]
    const story = tell({ fallback, views }, { [ROOT_ADDRESS]: silent, [OTHER]: resolver('198.51.100.4') })
    expect(gist(story.ask('a.example.'))).to.deep.equal(['SERVFAIL'])
    expect(story.timesAsked(OTHER)).to.equal(0)
    expect(gist(story.askFrom(Uint8Array.of(198, 51, 100, 9), 'b.example.'))[0]).to.equal('NOERROR')
  })

  it('is asked over TLS where told to, and never otherwise', () => {
    const servers = [{ address: OTHER, transport: 'tls' as const, hostname: 'dns.example.net' }]
    const story = tell({ fallback: { ...fallback, servers } }, { [ROOT_ADDRESS]: always({ rcode: 5 }) })
    expect(gist(story.ask('www.example.'))).to.deep.equal(['SERVFAIL'])
    expect(new Set(story.news().filter((asked) => asked.startsWith(OTHER)))).to.deep.equal(
      new Set([`${OTHER} tls www.example. A`]),
    )
  })

  it('is not asked for what it asks us itself', () => {
    const story = tell({ fallback }, { [ROOT_ADDRESS]: always({ rcode: 5 }), [OTHER]: resolver('198.51.100.4') })
    const ours = Uint8Array.of(192, 0, 2, 54)
    const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...ours)
    for (const address of [ours, mapped])
      expect(gist(story.askFrom(address, 'www.example.'))).to.deep.equal(['SERVFAIL'])
    expect(story.timesAsked(OTHER)).to.equal(0)
    expect(gist(story.ask('other.example.'))[0]).to.equal('NOERROR')
  })

  it('is not asked otherwise', () => {
    const story = tell({ fallback }, { [OTHER]: resolver('198.51.100.4') })
    story.ask('www.org.')
    expect(story.timesAsked(OTHER)).to.equal(0)
  })
})
