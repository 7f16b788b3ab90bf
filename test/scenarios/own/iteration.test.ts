/** Finding the way down the tree, and around servers that are in the way. */

import { expect } from 'chai'
import { nameToText } from '../../../src/wire/name.ts'
import { Flag, Rcode } from '../../../src/wire/types.ts'
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
  switching,
} from './story.ts'

const ORG = '192.0.2.1'
const EXAMPLE = '192.0.2.10'
const EXAMPLE_2 = '192.0.2.11'

/** A root and an org. that delegate example.org. to two servers with glue. */
function world(servers: Record<string, Server> = {}): Record<string, Server> {
  return {
    [ROOT_ADDRESS]: authority({
      '.': `org. NS ns.org.\nns.org. A ${ORG}\nnet. NS ns.net.\nns.net. A 192.0.2.2`,
    }),
    [ORG]: authority({
      'org.': `@ NS ns\nns A ${ORG}\nexample NS ns1.example\nexample NS ns2.example\nns1.example A ${EXAMPLE}\nns2.example A ${EXAMPLE_2}`,
    }),
    [EXAMPLE]: authority(exampleZone),
    [EXAMPLE_2]: authority(exampleZone),
    '192.0.2.2': authority({ 'net.': '@ NS ns\nns A 192.0.2.2\nhost A 203.0.113.9' }),
    ...servers,
  }
}

const exampleZone = {
  'example.org.': `@ NS ns1\n@ NS ns2\nns1 A ${EXAMPLE}\nns2 A ${EXAMPLE_2}\nwww 60 A 203.0.113.1\nb A 203.0.113.2\na.ent A 203.0.113.3
    alias CNAME www\naway CNAME host.net.\nloop1 CNAME loop2\nloop2 CNAME loop1\ntree DNAME www\nwww MX 10 www`,
}

const WWW = ['NOERROR', 'www.example.org. A 203.0.113.1']

describe('iteration (RFC 1034 §5.3.3)', () => {
  it('goes from the root down, asking one server of each cut once', () => {
    const story = new Story(world())
    expect(gist(story.ask('www.example.org.'))).to.deep.equal(WWW)
    const asked = story.news()
    expect(asked.slice(0, 2)).to.deep.equal([`${ROOT_ADDRESS} udp www.example.org. A`, `${ORG} udp www.example.org. A`])
    expect(asked).to.have.length(3)
  })

  it('starts at the deepest cut it knows, and asks nothing at all for what it knows', () => {
    const story = new Story(world())
    story.ask('www.example.org.')
    story.news()
    story.ask('www.example.org.')
    expect(story.news()).to.deep.equal([])
    story.ask('b.example.org.')
    expect(story.news()).to.have.length(1)
  })

  it('lets cached records age, and asks again when their time is over', () => {
    const story = new Story(world())
    story.ask('www.example.org.')
    story.elapse(50)
    expect(story.ask('www.example.org.').answer[0].ttl).to.be.within(8, 10)
    story.news()
    story.elapse(15)
    expect(gist(story.ask('www.example.org.'))).to.deep.equal(WWW)
    expect(story.news()).to.have.length(1)
  })

  it('asks the parent for DS (RFC 4035 §3.1.4.1)', () => {
    const story = new Story(world())
    expect(story.ask('example.org.', 'DS').rcode).to.equal(Rcode.NOERROR)
    expect(story.news().at(-1)).to.equal(`${ORG} udp example.org. DS`)
  })

  it('looks up the address of a server that comes without glue', () => {
    const story = new Story(
      world({
        [ORG]: authority({ 'org.': '@ NS ns\nexample NS host.net.' }),
        '203.0.113.9': authority(exampleZone),
      }),
    )
    expect(gist(story.ask('www.example.org.'))).to.deep.equal(WWW)
    expect(story.news()).to.include('192.0.2.2 udp host.net. A').and.include('203.0.113.9 udp www.example.org. A')
  })

  it('gives up at once on delegations that depend on each other', () => {
    const story = new Story(
      world({
        [ORG]: authority({ 'org.': '@ NS ns\none NS ns.two.org.\ntwo NS ns.one.org.' }),
      }),
    )
    const before = story.clock.monotonicMs()
    expect(story.ask('www.one.org.').rcode).to.equal(Rcode.SERVFAIL)
    expect(story.clock.monotonicMs() - before, 'milliseconds').to.be.below(100)
    expect(story.news().length).to.be.below(12)
  })
})

describe('servers in the way', () => {
  const lame: Record<string, Server> = {
    'refuses (RFC 8906 §2)': always({ rcode: Rcode.REFUSED, aa: false }),
    fails: always({ rcode: Rcode.SERVFAIL, aa: false }),
    'has nothing and is not authoritative': always({ aa: false }),
    'refers upwards': always({ aa: false, authority: ['. NS a.root-servers.net.'] }),
    'refers to the zone itself': always({ aa: false, authority: ['example.org. NS ns1.example.org.'] }),
    'refers sideways': always({ aa: false, authority: ['net. NS ns.net.'] }),
    'answers with NXDOMAIN and no authority': always({ aa: false, rcode: Rcode.NXDOMAIN }),
    'is silent': silent,
    'is closed (ICMP)': failing('refused'),
    'is out of reach': failing('unreachable'),
    'truncates, and its TCP is closed': ({ query, protocol }) =>
      protocol === 'udp' ? { packets: [reply(query, { tc: true })] } : { failure: 'refused' },
    'truncates over TCP too': always({ tc: true }),
    'sends garbage': ({ packet }) => ({
      packets: [Uint8Array.of(packet[0], packet[1], 0x84, 0, 0, 1, 0, 9, 0, 0, 0, 0)],
    }),
  }
  for (const [deed, server] of Object.entries(lame)) {
    it(`are passed over: one that ${deed}`, () => {
      for (const broken of [EXAMPLE, EXAMPLE_2]) {
        const story = new Story(world({ [broken]: server }))
        expect(gist(story.ask('www.example.org.')), `${broken} is broken`).to.deep.equal(WWW)
        expect(story.faults).to.deep.equal([])
      }
    })
    it(`end in SERVFAIL with a reason when there is no other: one that ${deed}`, () => {
      const story = new Story(world({ [EXAMPLE]: server, [EXAMPLE_2]: server }))
      const before = story.clock.monotonicMs()
      const answer = story.ask('www.example.org.')
      expect(gist(answer)).to.deep.equal(['SERVFAIL'])
      expect(answer.edes, 'RFC 8914').to.have.length.greaterThan(0)
      expect(story.clock.monotonicMs() - before, 'milliseconds').to.be.below(8000)
      expect(story.news().length, 'queries').to.be.below(30)
      expect(story.faults).to.deep.equal([])
    })
  }

  it('are passed over but better than nothing: one that answers out of a cache', () => {
    const caching = always({ aa: false, ra: true, answer: ['www.example.org. A 198.51.100.66'] })
    for (const other of [EXAMPLE, EXAMPLE_2]) {
      const story = new Story(world({ [EXAMPLE]: caching, [EXAMPLE_2]: caching, [other]: authority(exampleZone) }))
      expect(gist(story.ask('www.example.org.'))).to.deep.equal(WWW)
    }
    const story = new Story(world({ [EXAMPLE]: caching, [EXAMPLE_2]: caching }))
    expect(gist(story.ask('www.example.org.'))).to.deep.equal(['NOERROR', 'www.example.org. A 198.51.100.66'])
  })

  it('costs the client little time while another server answers', () => {
    const story = new Story(world({ [EXAMPLE]: silent }))
    for (let i = 0; i < 20; i++) story.ask(`n${i}.example.org.`)
    expect(story.clock.monotonicMs() / 20, 'milliseconds a question').to.be.below(150)
    expect(story.timesAsked(EXAMPLE), 'a dead server is let alone').to.be.below(10)
  })

  it('tries again when the first packet is lost', () => {
    const story = new Story(world({ [EXAMPLE]: silent, [EXAMPLE_2]: switching(1, silent, authority(exampleZone)) }))
    expect(gist(story.ask('www.example.org.'))).to.deep.equal(WWW)
  })

  it('asks the parent again when a remembered cut has moved', () => {
    const moved = '192.0.2.20'
    const servers = world({ [moved]: authority(exampleZone) })
    const story = new Story(servers)
    story.ask('www.example.org.')
    servers[EXAMPLE] = servers[EXAMPLE_2] = always({ rcode: Rcode.REFUSED, aa: false })
    servers[ORG] = authority({ 'org.': `@ NS ns\nexample NS ns9.example\nns9.example A ${moved}` })
    expect(gist(story.ask('b.example.org.'))).to.deep.equal(['NOERROR', 'b.example.org. A 203.0.113.2'])
  })
})

describe('EDNS trouble (RFC 6891 §7)', () => {
  const withoutEdns =
    (rcode: Rcode, inner: Server): Server =>
    (incoming) =>
      incoming.query.edns ? { packets: [reply(incoming.query, { rcode, aa: false, edns: false })] } : inner(incoming)

  for (const rcode of [Rcode.FORMERR, Rcode.NOTIMP] as const) {
    it(`asks again without OPT after RCODE ${rcode} without OPT, and remembers what helped`, () => {
      const old = withoutEdns(rcode, authority(exampleZone))
      const story = new Story(world({ [EXAMPLE]: old, [EXAMPLE_2]: old }))
      expect(gist(story.ask('www.example.org.'))).to.deep.equal(WWW)
      for (let i = 0; i < 20; i++) story.ask(`m${i}.example.org.`) // both have been met by now
      story.news()
      for (let i = 0; i < 5; i++) story.ask(`n${i}.example.org.`)
      expect(story.news(), 'one query each').to.have.length(5)
    })
  }

  it('keeps EDNS with a server that merely has a bad day', () => {
    let sawPlain = false
    const inner = authority(exampleZone)
    const server: Server = (incoming) => {
      if (incoming.count > 3 && !incoming.query.edns) sawPlain = true
      return incoming.count <= 3 // with a cookie, without, and without OPT
        ? { packets: [reply(incoming.query, { rcode: Rcode.FORMERR, edns: false })] }
        : inner(incoming)
    }
    const story = new Story(world({ [EXAMPLE]: server, [EXAMPLE_2]: silent }))
    story.ask('www.example.org.')
    story.elapse(60)
    story.ask('b.example.org.')
    expect(sawPlain).to.equal(false)
  })
})

describe('truncation (RFC 7766 §5)', () => {
  it('moves the question to TCP', () => {
    const inner = authority(exampleZone)
    const truncating: Server = (incoming) =>
      incoming.protocol === 'udp'
        ? { packets: [reply(incoming.query, { tc: true, answer: ['www.example.org. A 203.0.113.66'] })] }
        : inner(incoming)
    const story = new Story(world({ [EXAMPLE]: truncating, [EXAMPLE_2]: truncating }))
    expect(gist(story.ask('www.example.org.')), 'nothing of the truncated reply is used').to.deep.equal(WWW)
    expect(
      story
        .news()
        .slice(-2)
        .map((line) => line.split(' ')[1]),
    ).to.deep.equal(['udp', 'tcp'])
  })
})

describe('QNAME minimisation (RFC 9156)', () => {
  const settings = { minimise: true }

  it('shows each server one label more than its own zone', () => {
    const story = new Story(world(), { settings })
    expect(gist(story.ask('a.ent.example.org.'))).to.deep.equal(['NOERROR', 'a.ent.example.org. A 203.0.113.3'])
    const shown = story.news().map((line) => line.split(' '))
    expect(shown.filter(([address]) => address === ROOT_ADDRESS).map(([, , name]) => name)).to.deep.equal(['org.'])
    expect(shown.filter(([address]) => address === ORG).map(([, , name]) => name)).to.deep.equal(['example.org.'])
  })

  it('survives servers that deny empty non-terminals (against RFC 8020)', () => {
    const inner = authority(exampleZone)
    const denying: Server = (incoming) => {
      return nameToText(incoming.query.question!.name).toLowerCase() === 'ent.example.org.'
        ? {
            packets: [
              reply(incoming.query, { rcode: Rcode.NXDOMAIN, authority: ['example.org. SOA a. b. 1 2 3 4 5'] }),
            ],
          }
        : inner(incoming)
    }
    const story = new Story(world({ [EXAMPLE]: denying, [EXAMPLE_2]: denying }), { settings })
    expect(gist(story.ask('a.ent.example.org.'))).to.deep.equal(['NOERROR', 'a.ent.example.org. A 203.0.113.3'])
  })

  it('survives servers that refuse shortened names (§2.3)', () => {
    const inner = authority(exampleZone)
    const picky: Server = (incoming) =>
      nameToText(incoming.query.question!.name).toLowerCase() === 'ent.example.org.'
        ? { packets: [reply(incoming.query, { rcode: Rcode.REFUSED, aa: false })] }
        : inner(incoming)
    const story = new Story(world({ [EXAMPLE]: picky, [EXAMPLE_2]: picky }), { settings })
    expect(gist(story.ask('a.ent.example.org.'))).to.deep.equal(['NOERROR', 'a.ent.example.org. A 203.0.113.3'])
  })

  it('bounds the queries that a long name costs (§2.3)', () => {
    const deep = `${'a.'.repeat(100)}ent.example.org.`
    const story = new Story(world(), { settings })
    expect(story.ask(deep).rcode).to.equal(Rcode.NXDOMAIN)
    expect(story.news().length).to.be.at.most(2 + 11)
  })
})

describe('aliases', () => {
  it('follows a CNAME in the same reply and across zones (RFC 1034 §3.6.2)', () => {
    const story = new Story(world())
    expect(gist(story.ask('alias.example.org.'))).to.deep.equal([
      'NOERROR',
      'alias.example.org. CNAME www.example.org.',
      'www.example.org. A 203.0.113.1',
    ])
    expect(gist(story.ask('away.example.org.'))).to.deep.equal([
      'NOERROR',
      'away.example.org. CNAME host.net.',
      'host.net. A 203.0.113.9',
    ])
  })

  it('answers a question for the CNAME itself with it alone', () => {
    const story = new Story(world())
    expect(gist(story.ask('away.example.org.', 'CNAME'))).to.deep.equal([
      'NOERROR',
      'away.example.org. CNAME host.net.',
    ])
  })

  it('synthesises the CNAME of a DNAME, from the wire and from the cache (RFC 6672 §3)', () => {
    const story = new Story(world())
    for (const name of ['x.tree.example.org.', 'y.tree.example.org.', 'x.tree.example.org.'])
      expect(gist(story.ask(name))).to.deep.equal([
        'NXDOMAIN',
        'tree.example.org. DNAME www.example.org.',
        `${name} CNAME ${name[0]}.www.example.org.`,
      ])
  })

  it('answers YXDOMAIN when a DNAME makes the name too long (RFC 6672 §2.2)', () => {
    const target = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.net.`
    const dname = authority({ 'example.org.': `@ NS ns1\ntree DNAME ${target}` })
    const story = new Story(world({ [EXAMPLE]: dname, [EXAMPLE_2]: dname }))
    expect(story.ask(`${'x'.repeat(63)}.${'y'.repeat(40)}.tree.example.org.`).rcode).to.equal(Rcode.YXDOMAIN)
  })

  it('end when they go in circles, from the wire and from the cache', () => {
    const story = new Story(world())
    for (let i = 0; i < 2; i++) {
      const answer = story.ask('loop1.example.org.')
      expect(answer.answer.filter(({ type }) => type === 1)).to.deep.equal([])
      expect(answer.answer.length).to.be.at.most(3)
    }
    expect(story.news().length).to.be.below(12)
  })

  it('end after a bounded number of steps', () => {
    const zone = Array.from({ length: 40 }, (_, i) => `c${i} CNAME c${i + 1}`).join('\n')
    const inner = authority({ 'example.org.': `@ NS ns1\n${zone}\nc40 A 203.0.113.1` })
    const story = new Story(world({ [EXAMPLE]: inner, [EXAMPLE_2]: inner }))
    const answer = story.ask('c0.example.org.')
    expect(answer.rcode).to.equal(Rcode.SERVFAIL)
    expect(answer.edes?.join()).to.match(/alias/)
    expect(story.news().length).to.be.below(30)
  })
})

describe('client packets', () => {
  it('are refused without RD, so that nobody looks into the cache', () => {
    const story = new Story(world())
    expect(story.ask('www.example.org.', 'A', 0).rcode).to.equal(Rcode.REFUSED)
    expect(story.news()).to.deep.equal([])
  })

  it('get NOTIMP for other opcodes, FORMERR for half a question and silence for answers', () => {
    const story = new Story(world())
    expect(story.ask('www.example.org.', 'A', Flag.RD | (4 << 11)).rcode).to.equal(Rcode.NOTIMP)
    const half = Uint8Array.of(0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0x77)
    expect(story.sendPacket(half)[0]).to.include({ id: 7, rcode: Rcode.FORMERR })
    expect(story.sendPacket(Uint8Array.of(0, 7, 0x81, 0, 0, 0, 0, 0, 0, 0, 0, 0))).to.deep.equal([])
    expect(story.sendPacket(Uint8Array.of(0, 7, 1))).to.deep.equal([])
    expect(story.faults).to.deep.equal([])
  })

  it('join an identical question in flight', () => {
    const story = new Story(world())
    const many = Array.from({ length: 50 }, () => story.send('www.example.org.'))
    story.settle()
    for (const [answer] of many) expect(gist(answer)).to.deep.equal(WWW)
    expect(story.news()).to.have.length(3)
  })
})
