/** Not being fooled: forged packets, poison beside the answer, and zones that speak of what is not theirs. */

import { expect } from 'chai'
import { nameToText } from '../../../src/wire/name.ts'
import { Rcode } from '../../../src/wire/types.ts'
import { composeScript, readScript } from '../message.ts'
import { authority, gist, ROOT_ADDRESS, reply, type Server, Story } from './story.ts'

const ORG = '192.0.2.1'
const EXAMPLE = '192.0.2.10'
const EVIL = '198.51.100.66'
const VICTIM = '192.0.2.30'

const zone = { 'example.org.': `@ NS ns1\nns1 A ${EXAMPLE}\nwww A 203.0.113.1\nb A 203.0.113.2` }
const WWW = ['NOERROR', 'www.example.org. A 203.0.113.1']

function world(example: Server, rest: Record<string, Server> = {}): Record<string, Server> {
  return {
    [ROOT_ADDRESS]: authority({ '.': `org. NS ns.org.\nns.org. A ${ORG}` }),
    [ORG]: authority({
      'org.': `@ NS ns\nns A ${ORG}\nexample NS ns1.example\nns1.example A ${EXAMPLE}\nvictim NS ns.victim\nns.victim A ${VICTIM}`,
    }),
    [EXAMPLE]: example,
    [VICTIM]: authority({ 'victim.org.': `@ NS ns\nns A ${VICTIM}\nwww A 203.0.113.30` }),
    [EVIL]: ({ query }) => ({ packets: [reply(query, { answer: [`${nameToText(query.question!.name)} A ${EVIL}`] })] }),
    ...rest,
  }
}

/** A server that answers rightly about www and adds what it likes. */
function adding(parts: { answer?: string[]; authority?: string[]; additional?: string[] }): Server {
  return ({ query }) => ({
    packets: [reply(query, { ...parts, answer: ['www.example.org. A 203.0.113.1', ...(parts.answer ?? [])] })],
  })
}

describe('bailiwick (RFC 2181 §5.4.1, RFC 5452 §6)', () => {
  const poison: Record<string, Parameters<typeof adding>[0]> = {
    'records of another zone in the answer': { answer: [`www.victim.org. A ${EVIL}`] },
    'NS records of another zone': {
      authority: ['victim.org. NS evil.example.org.'],
      additional: [`evil.example.org. A ${EVIL}`],
    },
    'NS records of the parent zone': {
      authority: ['org. NS evil.example.org.'],
      additional: [`evil.example.org. A ${EVIL}`],
    },
    'NS records of the root': { authority: ['. NS evil.example.org.'], additional: [`evil.example.org. A ${EVIL}`] },
    'the address of another zone’s server': { additional: [`ns.victim.org. A ${EVIL}`] },
    'the address of the parent’s server': { additional: [`ns.org. A ${EVIL}`] },
  }
  for (const [what, parts] of Object.entries(poison)) {
    it(`ignores ${what}`, () => {
      const story = new Story(world(adding(parts)))
      expect(gist(story.ask('www.example.org.'))).to.deep.equal(WWW)
      expect(gist(story.ask('www.victim.org.'))).to.deep.equal(['NOERROR', 'www.victim.org. A 203.0.113.30'])
      expect(gist(story.ask('nothing.org.'))).to.deep.equal(['NXDOMAIN'])
      expect(story.timesAsked(EVIL)).to.equal(0)
    })
  }

  it('does not take the word of a zone on where its CNAME leads', () => {
    const lying: Server = ({ query }) => ({
      packets: [reply(query, { answer: ['www.example.org. CNAME www.victim.org.', `www.victim.org. A ${EVIL}`] })],
    })
    const story = new Story(world(lying))
    expect(gist(story.ask('www.example.org.'))).to.deep.equal([
      'NOERROR',
      'www.example.org. CNAME www.victim.org.',
      'www.victim.org. A 203.0.113.30',
    ])
  })

  it('does not believe glue for servers outside the zone that gives it', () => {
    const servers = world(authority(zone), {
      [EXAMPLE]: ({ query }) => ({
        packets: [
          reply(query, {
            aa: false,
            authority: ['sub.example.org. NS ns.victim.org.'],
            additional: [`ns.victim.org. A ${EVIL}`],
          }),
        ],
      }),
      [VICTIM]: authority({
        'victim.org.': `@ NS ns\nns A ${VICTIM}`,
        'sub.example.org.': '@ NS ns.victim.org.\nwww A 203.0.113.4',
      }),
    })
    const story = new Story(servers)
    expect(gist(story.ask('www.sub.example.org.'))).to.deep.equal(['NOERROR', 'www.sub.example.org. A 203.0.113.4'])
    expect(story.timesAsked(EVIL)).to.equal(0)
  })

  it('never asks loopback, unspecified or multicast addresses, whatever glue says', () => {
    for (const address of ['127.0.0.1', '0.0.0.0', '224.0.0.251', '255.255.255.255']) {
      const org = authority({ 'org.': `@ NS ns\nexample NS ns1.example\nns1.example A ${address}` })
      const story = new Story(world(authority(zone), { [ORG]: org }))
      expect(story.ask('www.example.org.').rcode, address).to.equal(Rcode.SERVFAIL)
      expect(story.timesAsked(address)).to.equal(0)
    }
  })
})

describe('ghost domains', () => {
  it('end with the parent’s delegation, however often the child renews its own NS records', () => {
    const org = authority({
      'org.': `@ NS ns\nns A ${ORG}\nexample 600 NS ns1.example\nns1.example 600 A ${EXAMPLE}`,
    })
    const child: Server = ({ query }) => ({
      packets: [
        reply(query, {
          answer:
            query.question!.type === 2
              ? ['example.org. 86400 NS ns1.example.org.']
              : [`${nameToText(query.question!.name)} 86400 A ${EVIL}`],
          authority: ['example.org. 86400 NS ns1.example.org.'],
          additional: [`ns1.example.org. 86400 A ${EXAMPLE}`],
        }),
      ],
    })
    const servers = world(child, { [ORG]: org })
    const story = new Story(servers)
    story.ask('a.example.org.')
    servers[ORG] = authority({ 'org.': '@ NS ns' }) // the domain is taken away
    story.elapse(300)
    expect(story.ask('example.org.', 'NS').rcode).to.equal(Rcode.NOERROR)
    expect(story.ask('b.example.org.').rcode, 'within the lease').to.equal(Rcode.NOERROR)
    story.elapse(400)
    expect(story.ask('c.example.org.').rcode, 'after the lease').to.equal(Rcode.NXDOMAIN)
    expect(story.ask('a.example.org.').rcode, 'the old answers are gone as well').to.equal(Rcode.NXDOMAIN)
  })
})

describe('forged replies (RFC 5452 §9.1)', () => {
  const inner = authority(zone)
  /** The true reply, preceded by packets made from it. */
  function preceded(count: number, forge: (packet: Uint8Array, i: number) => Uint8Array): Server {
    return (incoming) => {
      const reaction = inner(incoming)
      if ('failure' in reaction || incoming.protocol === 'tcp') return reaction
      const lie = reply(incoming.query, { answer: [`${nameToText(incoming.query.question!.name)} A ${EVIL}`] })
      return { packets: [...Array.from({ length: count }, (_, i) => forge(lie.slice(), i)), ...reaction.packets] }
    }
  }
  const forgeries: Record<string, (packet: Uint8Array, i: number) => Uint8Array> = {
    'another ID': (packet, i) => {
      packet[1] ^= i + 1
      return packet
    },
    'another question': (packet) => {
      packet[13] ^= 0x01
      return packet
    },
    'another type': (packet) => {
      const message = readScript(packet)
      return composeScript({ ...message, question: { ...message.question!, type: 28 } })
    },
    'the question in other letter case': (packet) => {
      packet[13] ^= 0x20
      return packet
    },
    'QR clear': (packet) => {
      packet[2] &= 0x7f
      return packet
    },
    'no question': (packet) => composeScript({ ...readScript(packet), question: undefined }),
    'another opcode': (packet) => {
      packet[2] |= 0x10
      return packet
    },
    'fewer octets than a header': (packet) => packet.subarray(0, 11),
    'records that end too early': (packet) => packet.subarray(0, packet.length - 15),
  }
  for (const [what, forge] of Object.entries(forgeries)) {
    it(`are ignored while the true one is awaited: with ${what}`, () => {
      const story = new Story(world(preceded(3, forge)))
      expect(gist(story.ask('www.example.org.'))).to.deep.equal(WWW)
      expect(story.faults).to.deep.equal([])
    })
  }

  it('in great number end the attempt: the question moves to TCP, where nobody can guess', () => {
    const story = new Story(world(preceded(50, forgeries['another ID'])))
    expect(gist(story.ask('www.example.org.'))).to.deep.equal(WWW)
    expect(story.news().at(-1)).to.equal(`${EXAMPLE} tcp www.example.org. A`)
  })

  it('have a letter case to guess (0x20): names go out in mixed case, never twice the same', () => {
    const story = new Story(world(authority(zone)))
    for (let i = 0; i < 8; i++) story.ask(`abcdefghijklmnop${i}.example.org.`)
    const spellings = story.spelled.filter((name) => /^abc/i.test(name)).map((name) => name.slice(0, 16))
    expect(new Set(spellings).size).to.be.greaterThan(6)
    expect(spellings.filter((spelling) => /[a-z]/.test(spelling) && /[A-Z]/.test(spelling)).length).to.be.greaterThan(6)
  })

  it('are told from servers that lose the case: TCP settles it, and it is remembered', () => {
    const losing: Server = (incoming) => {
      const question = incoming.query.question!
      const name = question.name.map((octet) => (octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet))
      const query = { ...incoming.query, question: { ...question, name } }
      return inner({ ...incoming, query, packet: composeScript(query) })
    }
    const story = new Story(world(losing))
    expect(gist(story.ask('www.example.org.'))).to.deep.equal(WWW)
    story.ask('b.example.org.')
    story.news()
    for (let i = 0; i < 5; i++) expect(story.ask(`n${i}.example.org.`).rcode).to.equal(Rcode.NXDOMAIN)
    expect(story.news(), 'one query each').to.have.length(5)
  })
})
