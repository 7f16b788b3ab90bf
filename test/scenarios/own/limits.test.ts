/** No question costs without bound, and no failure is repeated without pause. */

import { expect } from 'chai'
import { DEFAULT_LIMITS } from '../../../src/ledger.ts'
import { nameToText } from '../../../src/wire/name.ts'
import { Rcode } from '../../../src/wire/types.ts'
import { always, authority, gist, ROOT_ADDRESS, reply, type Server, Story, silent } from './story.ts'

const ORG = '192.0.2.1'
const EXAMPLE = '192.0.2.10'
const VICTIM = '192.0.2.30'

function world(rest: Record<string, Server>): Record<string, Server> {
  return {
    [ROOT_ADDRESS]: authority({ '.': `org. NS ns.org.\nns.org. A ${ORG}` }),
    [ORG]: authority({
      'org.': `@ NS ns\nns A ${ORG}\nexample NS ns1.example\nns1.example A ${EXAMPLE}\nvictim NS ns.victim\nns.victim A ${VICTIM}`,
    }),
    [EXAMPLE]: authority({ 'example.org.': `@ NS ns1\nns1 A ${EXAMPLE}\nwww A 203.0.113.1` }),
    [VICTIM]: authority({ 'victim.org.': `@ NS ns\nns A ${VICTIM}` }),
    ...rest,
  }
}

describe('NXNSAttack', () => {
  it('buys no more than a few look-ups of servers without address', () => {
    const servers = Array.from({ length: 100 }, (_, i) => `sub.example.org. NS a${i}.victim.org.`)
    const attacker: Server = ({ query }) => ({ packets: [reply(query, { aa: false, authority: servers })] })
    const story = new Story(world({ [EXAMPLE]: attacker }))
    expect(story.ask('www.sub.example.org.').rcode).to.equal(Rcode.SERVFAIL)
    expect(story.timesAsked(VICTIM)).to.be.at.most(DEFAULT_LIMITS['address-lookups'])
  })

  it('buys no more when the delegations are nested', () => {
    const attacker: Server = ({ query }) => {
      const name = nameToText(query.question!.name)
      const servers = Array.from({ length: 20 }, (_, i) => `${name} NS a${i}.b${i}.${name}`.slice(0, 250))
      return { packets: [reply(query, { aa: false, authority: servers })] }
    }
    const story = new Story(world({ [EXAMPLE]: attacker }))
    expect(story.ask('sub.example.org.').rcode).to.equal(Rcode.SERVFAIL)
    expect(story.asked.length).to.be.at.most(DEFAULT_LIMITS['upstream-queries'])
  })
})

describe('one client question', () => {
  it('costs at most a fixed number of queries, whatever the servers do', () => {
    const story = new Story(
      world({
        // Delegates on and on, one label at a time, each zone to servers elsewhere that must be looked up.
        [EXAMPLE]: ({ query }) => {
          const name = nameToText(query.question!.name)
          return {
            packets: [
              reply(query, { aa: false, authority: [`${name} NS x.${name}`], additional: [`x.${name} A ${EXAMPLE}`] }),
            ],
          }
        },
      }),
    )
    story.ask(`${'a.'.repeat(90)}example.org.`)
    expect(story.asked.length).to.be.at.most(DEFAULT_LIMITS['upstream-queries'])
  })

  it('is answered in time even if nobody answers us', () => {
    const many = Array.from({ length: 13 }, (_, i) => `example NS n${i}.example\nn${i}.example A 192.0.2.${100 + i}`)
    const org = authority({ 'org.': `@ NS ns\n${many.join('\n')}` })
    const story = new Story(world({ [ORG]: org }))
    const before = story.clock.monotonicMs()
    expect(story.ask('www.example.org.').rcode).to.equal(Rcode.SERVFAIL)
    expect(story.clock.monotonicMs() - before).to.be.at.most(DEFAULT_LIMITS.time + 1)
  })

  it('costs the many clients that ask it no more than one', () => {
    const story = new Story(world({ [EXAMPLE]: silent }))
    const answers = Array.from({ length: 80 }, () => story.send('www.example.org.'))
    story.settle()
    for (const [answer] of answers) expect(answer.rcode).to.equal(Rcode.SERVFAIL)
    expect(story.timesAsked(EXAMPLE)).to.be.below(10)
  })
})

describe('failures (RFC 9520)', () => {
  it('are kept for 5 s at least: asked again at once, nobody is bothered (§3.2)', () => {
    const story = new Story(world({ [EXAMPLE]: always({ rcode: Rcode.REFUSED, aa: false }) }))
    story.ask('www.example.org.')
    story.news()
    const again = story.ask('www.example.org.')
    expect(again.rcode).to.equal(Rcode.SERVFAIL)
    expect(again.edes?.join(), 'Extended DNS Error 13').to.match(/Cached Error/i)
    expect(story.news()).to.deep.equal([])
    story.elapse(6)
    story.ask('www.example.org.')
    expect(story.news().length).to.be.greaterThan(0)
  })

  it('that last are kept for longer and longer, at most 5 minutes', () => {
    const story = new Story(world({ [EXAMPLE]: always({ rcode: Rcode.REFUSED, aa: false }) }))
    let attempts = 0
    for (let second = 0; second < 3600; second++) {
      story.ask('www.example.org.')
      if (story.news().length > 0) attempts++
      story.elapse(1)
    }
    expect(attempts).to.be.within(12, 25) // 5, 10, 20 … 300 s, then every 5 minutes
  })

  it('are forgotten when the server recovers', () => {
    const servers = world({ [EXAMPLE]: always({ rcode: Rcode.REFUSED, aa: false }) })
    const story = new Story(servers)
    story.ask('www.example.org.')
    servers[EXAMPLE] = world({})[EXAMPLE]
    story.elapse(6)
    expect(gist(story.ask('www.example.org.'))).to.deep.equal(['NOERROR', 'www.example.org. A 203.0.113.1'])
  })
})

describe('how long things are kept', () => {
  it('lets denials live for the lower of the SOA’s TTL and its MINIMUM (RFC 2308 §5)', () => {
    for (const [ttl, minimum, lives] of [
      [600, 60, 60],
      [60, 600, 60],
    ]) {
      for (const rcode of [Rcode.NXDOMAIN, Rcode.NOERROR]) {
        const denying = always({ rcode, authority: [`example.org. ${ttl} SOA a. b. 1 2 3 4 ${minimum}`] })
        const story = new Story(world({ [EXAMPLE]: denying }))
        const first = story.ask('no.example.org.')
        expect(first.rcode).to.equal(rcode)
        expect(first.authority[0].ttl).to.equal(lives)
        story.news()
        story.elapse(lives - 2)
        expect(story.ask('no.example.org.').authority[0].ttl).to.be.within(1, 2)
        expect(story.news()).to.deep.equal([])
        story.elapse(4)
        story.ask('no.example.org.')
        expect(story.news()).to.have.length(1)
      }
    }
  })

  it('takes an NXDOMAIN for all types, and a NODATA for one (RFC 2308 §5)', () => {
    const story = new Story(world({}))
    story.ask('no.example.org.')
    story.ask('www.example.org.', 'MX')
    story.news()
    expect(story.ask('no.example.org.', 'TXT').rcode).to.equal(Rcode.NXDOMAIN)
    expect(story.news()).to.deep.equal([])
    expect(story.ask('www.example.org.').rcode).to.equal(Rcode.NOERROR)
    expect(story.news()).to.have.length(1)
  })

  it('does not keep what has TTL 0 (RFC 1035 §3.2.1), nor a denial without SOA (RFC 2308 §5)', () => {
    for (const server of [always({ answer: ['www.example.org. 0 A 203.0.113.1'] }), always({})]) {
      const story = new Story(world({ [EXAMPLE]: server }))
      story.ask('www.example.org.')
      story.news()
      story.ask('www.example.org.')
      expect(story.news()).to.have.length(1)
    }
  })

  it('takes a TTL with its top bit set for 0 (RFC 2181 §8)', () => {
    const story = new Story(world({ [EXAMPLE]: always({ answer: ['www.example.org. 2147483649 A 203.0.113.1'] }) }))
    expect(story.ask('www.example.org.').answer[0].ttl).to.equal(0)
  })

  it('takes the lowest TTL of a set for all of it (RFC 2181 §5.2)', () => {
    const answer = ['www.example.org. 60 A 203.0.113.1', 'www.example.org. 600 A 203.0.113.2']
    const story = new Story(world({ [EXAMPLE]: always({ answer }) }))
    expect(story.ask('www.example.org.').answer.map(({ ttl }) => ttl)).to.deep.equal([60, 60])
  })

  it('keeps nothing longer than the ceiling', () => {
    const story = new Story(world({ [EXAMPLE]: always({ answer: ['www.example.org. 99999 A 203.0.113.1'] }) }), {
      ttlMax: 300,
    })
    expect(story.ask('www.example.org.').answer[0].ttl).to.be.at.most(300)
  })
})
