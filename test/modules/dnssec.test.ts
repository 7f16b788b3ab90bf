/** No module, and no server an operator has named, turns what is bogus into an answer. */

import { expect } from 'chai'
import { makeConfig } from '../../src/config/load.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import { policyFromConfig } from '../../src/policy-from-config.ts'
import { Flag, Type } from '../../src/wire/types.ts'
import { composeScript } from '../scenarios/message.ts'
import { gist, ROOT_ADDRESS, type Server, Story } from '../scenarios/own/story.ts'
import { SignedZone } from '../support/signed-zone.ts'

const FORWARDER = '192.0.2.53'
const zone = new SignedZone('.', 'www A 203.0.113.1\nv4 A 203.0.113.2\nv4 TXT x')

const honest: Server = ({ query }) => ({ packets: [composeScript(zone.answer(query))] })

/** Puts another address into what the zone signed. */
const forging: Server = ({ query }) => {
  const answer = zone.answer(query)
  for (const record of answer.answer) if (record.type === Type.A) record.rdata = Uint8Array.of(10, 6, 6, 6)
  return { packets: [composeScript(answer)] }
}

function tell(config: ConfigInput, servers: Record<string, Server>): Story {
  const settings = { validate: true, trustAnchors: [zone.anchor()], caseRandomization: false }
  return new Story(servers, { settings: { ...settings, ...policyFromConfig(makeConfig(config)) } })
}

describe('a forwarder in a signed world', () => {
  const forward = [{ subtree: '.', servers: [FORWARDER] }]

  it('is asked with CD, and what it says is validated (RFC 6840 §5.9)', () => {
    const flags: number[] = []
    const server: Server = (incoming) => {
      flags.push(incoming.query.flags & (Flag.RD | Flag.CD))
      return honest(incoming)
    }
    const answer = tell({ forward }, { [FORWARDER]: server }).ask('www.', 'A', Flag.RD | Flag.AD)
    expect(gist(answer)).to.deep.equal(['NOERROR', 'www. A 203.0.113.1'])
    expect(answer.flags & Flag.AD).to.equal(Flag.AD)
    expect(new Set(flags)).to.deep.equal(new Set([Flag.RD | Flag.CD]))
  })

  it('cannot forge', () =>
    expect(gist(tell({ forward }, { [FORWARDER]: forging }).ask('www.'))).to.deep.equal(['SERVFAIL']))

  it('is believed where the operator says so', () => {
    const trusted = [{ ...forward[0], options: { dnssec: false } }]
    const answer = tell({ forward: trusted }, { [FORWARDER]: forging }).ask('www.', 'A', Flag.RD | Flag.AD)
    expect(gist(answer)).to.deep.equal(['NOERROR', 'www. A 10.6.6.6'])
    expect(answer.flags & Flag.AD).to.equal(0)
  })
})

describe('what is bogus', () => {
  const configs: [string, ConfigInput][] = [
    ['dns64', { dns64: { enable: true } }],
    ['rebinding', { options: { 'rebinding-protection': true } }],
    ['renumber', { network: { 'address-renumbering': [{ source: '10.0.0.0/8', destination: '192.0.2.0' }] } }],
    ['local-data', { 'local-data': { nodata: false, records: 'www. TXT "local"' } }],
    ['views', { views: [{ subnets: '127.0.0.0/8', tags: 'x' }] }],
    ['fallback', { fallback: { enable: true, servers: [FORWARDER] } }],
  ]
  for (const [name, config] of configs)
    it(`stays so with ${name}`, () => {
      const story = tell(config, { [ROOT_ADDRESS]: forging, [FORWARDER]: forging })
      expect(gist(story.ask('www.'))).to.deep.equal(['SERVFAIL'])
      expect(gist(story.ask('www.', 'AAAA')).slice(1)).to.deep.equal([])
    })

  it('is no ground for DNS64 to build on', () => {
    const story = tell({ dns64: { enable: true } }, { [ROOT_ADDRESS]: forging })
    expect(gist(story.ask('v4.', 'AAAA'))).to.deep.equal(['NOERROR']) // that there is none is proven; an address is not made up
    const sound = tell({ dns64: { enable: true } }, { [ROOT_ADDRESS]: honest })
    const answer = sound.ask('v4.', 'AAAA', Flag.RD | Flag.AD)
    expect(gist(answer)).to.deep.equal(['NOERROR', 'v4. AAAA 64:ff9b::cb00:7102'])
    expect(answer.flags & Flag.AD).to.equal(0)
  })
})
