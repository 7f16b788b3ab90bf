import { expect } from 'chai'
import type { Settings } from '../../../src/settings.ts'
import { Ede, edeText, Flag, Rcode } from '../../../src/wire/types.ts'
import { SignedZone } from '../../support/signed-zone.ts'
import type { ScriptMessage } from '../message.ts'
import { always, authority, gist, ROOT_ADDRESS, reply, type Server, Story, silent } from './story.ts'

const STALE = { clientTimeoutMs: 1800, maxAgeMs: 86_400_000, replyTtl: 30 }

const STALE_ANSWER = edeText(Ede.STALE_ANSWER)

const root = authority({ '.': 'org. NS ns.org.\nns.org. A 192.0.2.1' })
const org = (lease = 86_400) =>
  authority({ 'org.': `@ NS ns\nns A 192.0.2.1\nexample ${lease} NS ns.example\nns.example ${lease} A 192.0.2.2` })
const example = authority({
  'example.org.': `@ NS ns
    ns A 192.0.2.2
    www 60 A 192.0.2.10
    alias 60 CNAME www`,
})

/** The world, with a server of example.org that can be silenced, or made to say something else. */
function world(settings: Partial<Settings> = {}, lease?: number) {
  const servers: Record<string, Server> = {
    [ROOT_ADDRESS]: root,
    '192.0.2.1': org(lease),
    '192.0.2.2': example,
  }
  const story = new Story(
    {
      [ROOT_ADDRESS]: (incoming) => servers[ROOT_ADDRESS](incoming),
      '192.0.2.1': (incoming) => servers['192.0.2.1'](incoming),
      '192.0.2.2': (incoming) => servers['192.0.2.2'](incoming),
    },
    { settings: { serveStale: STALE, ...settings } },
  )
  return { story, servers }
}

const edes = (message: ScriptMessage) => (message.edes ?? []).map((text) => text.split(':')[0])
const ttls = (message: ScriptMessage) => message.answer.map((record) => record.ttl)

describe('Serving stale data (RFC 8767)', () => {
  it('gives the old answer, marked and short-lived, when all servers are silent', () => {
    const { story, servers } = world()
    story.ask('www.example.org')
    story.elapse(100)
    servers['192.0.2.2'] = silent
    const answer = story.ask('www.example.org')
    expect(gist(answer)).to.deep.equal(['NOERROR', 'www.example.org. A 192.0.2.10'])
    expect(ttls(answer)).to.deep.equal([30])
    expect(edes(answer)).to.deep.equal([STALE_ANSWER])
  })

  it('waits for client-timeout and no longer', () => {
    const { story, servers } = world()
    story.ask('www.example.org')
    story.elapse(100)
    servers['192.0.2.2'] = silent
    const startMs = story.clock.monotonicMs()
    story.ask('www.example.org')
    expect(story.clock.monotonicMs() - startMs).to.equal(1800)
  })

  it('goes on asking after the client has its answer', () => {
    const { story, servers } = world()
    story.ask('www.example.org')
    story.elapse(100)
    servers['192.0.2.2'] = silent
    story.ask('www.example.org')
    servers['192.0.2.2'] = authority({ 'example.org.': '@ NS ns\nns A 192.0.2.2\nwww 60 A 192.0.2.99' })
    story.elapse(5)
    story.news()
    expect(gist(story.ask('www.example.org'))).to.deep.equal(['NOERROR', 'www.example.org. A 192.0.2.99'])
    expect(story.news()).to.deep.equal([])
  })

  it('answers at once while a search others gave up waiting for is under way, and while its failure is remembered', () => {
    const { story, servers } = world()
    story.ask('www.example.org')
    story.elapse(100)
    servers['192.0.2.2'] = silent
    story.ask('www.example.org')
    for (const waitSeconds of [0, 1, 3]) {
      story.elapse(waitSeconds)
      const startMs = story.clock.monotonicMs()
      expect(edes(story.ask('www.example.org'))).to.include(STALE_ANSWER)
      expect(story.clock.monotonicMs() - startMs, `after ${waitSeconds} s`).to.equal(0)
    }
  })

  it('serves each of many waiting clients', () => {
    const { story, servers } = world()
    story.ask('www.example.org')
    story.elapse(100)
    servers['192.0.2.2'] = silent
    const waiting = Array.from({ length: 20 }, () => story.send('www.example.org'))
    story.elapse(1.9)
    for (const answers of waiting) expect(answers.map(edes)).to.deep.equal([[STALE_ANSWER]])
    story.elapse(20)
    expect(story.core.inFlight).to.equal(0)
  })

  it('follows old aliases', () => {
    const { story, servers } = world()
    story.ask('alias.example.org')
    story.elapse(100)
    servers['192.0.2.2'] = always({ rcode: Rcode.SERVFAIL })
    expect(gist(story.ask('alias.example.org'))).to.deep.equal([
      'NOERROR',
      'alias.example.org. CNAME www.example.org.',
      'www.example.org. A 192.0.2.10',
    ])
  })

  it('tells an old NXDOMAIN apart (RFC 8914 §4.20)', () => {
    const { story, servers } = world()
    story.ask('nothing.example.org')
    story.elapse(400)
    servers['192.0.2.2'] = always({ rcode: Rcode.REFUSED })
    const answer = story.ask('nothing.example.org')
    expect(answer.rcode).to.equal(Rcode.NXDOMAIN)
    expect(edes(answer)).to.include(edeText(Ede.STALE_NXDOMAIN_ANSWER))
  })

  it('believes a new answer, also one that denies', () => {
    const { story, servers } = world()
    story.ask('www.example.org')
    story.elapse(100)
    servers['192.0.2.2'] = authority({ 'example.org.': '@ NS ns\nns A 192.0.2.2' })
    expect(gist(story.ask('www.example.org'))).to.deep.equal(['NXDOMAIN'])
    story.elapse(400)
    servers['192.0.2.2'] = silent
    expect(story.ask('www.example.org').rcode).to.equal(Rcode.NXDOMAIN)
  })

  it('never beyond max-age', () => {
    const { story, servers } = world({ serveStale: { ...STALE, maxAgeMs: 600_000 } })
    story.ask('www.example.org')
    servers['192.0.2.2'] = silent
    story.elapse(650)
    expect(story.ask('www.example.org').rcode).to.equal(Rcode.NOERROR)
    story.elapse(600)
    expect(story.ask('www.example.org').rcode).to.equal(Rcode.SERVFAIL)
  })

  it('never beyond what the parent lets the zone have: nobody lives on as a ghost', () => {
    const { story, servers } = world({}, 200)
    story.ask('www.example.org')
    servers['192.0.2.2'] = silent
    servers['192.0.2.1'] = silent
    story.elapse(100)
    expect(story.ask('www.example.org').rcode).to.equal(Rcode.NOERROR)
    story.elapse(101)
    expect(story.ask('www.example.org').rcode).to.equal(Rcode.SERVFAIL)
  })

  it('never in place of what is found bogus', () => {
    let isForged = false
    const zone = new SignedZone('.', 'www 60 A 192.0.2.10', {
      sign: (set, signatures) =>
        isForged && set.type === 1
          ? signatures.map((octets) => Uint8Array.from(octets, (o, i) => (i > 30 ? o ^ 1 : o)))
          : signatures,
    })
    const story = new Story(
      { [ROOT_ADDRESS]: zone.server() },
      { settings: { serveStale: STALE, validate: true, trustAnchors: [zone.anchor()] } },
    )
    expect(story.ask('www.', 'A', Flag.RD | Flag.AD).flags & Flag.AD).to.not.equal(0)
    story.elapse(100)
    isForged = true
    expect(story.ask('www.').rcode).to.equal(Rcode.SERVFAIL)
    story.elapse(10)
    expect(story.ask('www.').rcode, 'while that is remembered').to.equal(Rcode.SERVFAIL)
  })

  it('is off unless switched on', () => {
    const { story, servers } = world({ serveStale: undefined })
    story.ask('www.example.org')
    story.elapse(100)
    servers['192.0.2.2'] = silent
    expect(story.ask('www.example.org').rcode).to.equal(Rcode.SERVFAIL)
  })

  it('does not count against a client that hears nothing at all', () => {
    const { story, servers } = world()
    servers['192.0.2.2'] = ({ query }) => ({ packets: [reply(query, { rcode: Rcode.SERVFAIL })] })
    expect(story.ask('www.example.org').rcode).to.equal(Rcode.SERVFAIL)
    expect(story.core.counters.cache.staleAfterFailure).to.equal(0)
  })
})
