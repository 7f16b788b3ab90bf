/** DNS cookies towards the servers we ask: RFC 7873 §5.3, RFC 9018. */

import { expect } from 'chai'
import { optionIn } from '../../../src/wire/peek.ts'
import { EdnsOption, Rcode, Type } from '../../../src/wire/types.ts'
import { authority, gist, ROOT_ADDRESS, reply, type Server, Story } from './story.ts'

const EVIL = '203.0.113.66'
const inner = authority({ '.': 'www A 203.0.113.1\n*.wild A 203.0.113.2' })
const GOOD = ['NOERROR', 'www. A 203.0.113.1']

/** The replies of `inner`, with a COOKIE option in their OPT record. */
function withCookie(packets: readonly Uint8Array[], cookie: Uint8Array, rcode?: number): Uint8Array[] {
  return packets.map((packet) => {
    const opt = packet.length - 11
    expect([packet[opt], packet[opt + 2]], 'OPT stands last').to.deep.equal([0, Type.OPT])
    const whole = Uint8Array.from([...packet, 0, EdnsOption.COOKIE, 0, cookie.length, ...cookie])
    whole[opt + 10] = 4 + cookie.length
    if (rcode === undefined) return whole
    whole[3] = (whole[3] & 0xf0) | (rcode & 0x0f)
    whole[opt + 5] = rcode >> 4
    whole.fill(0, 6, 8) // no answer
    return Uint8Array.from([...whole.subarray(0, 12), ...questionOf(whole), ...whole.subarray(opt)])
  })
}
function questionOf(packet: Uint8Array): Uint8Array {
  return packet.subarray(12, packet.indexOf(0, 12) + 5)
}
const cookieIn = (packet: Uint8Array) => optionIn(packet, EdnsOption.COOKIE)

interface CookieServer {
  server: Server
  /** What it was shown, in hexadecimal digits; `-` for no cookie. */
  shown: string[]
  /** Its own part of the cookie. */
  own: Uint8Array
  demanding: boolean
  silent: boolean
}

function cookieServer(): CookieServer {
  const it: CookieServer = {
    shown: [],
    own: new Uint8Array(16).fill(7),
    demanding: false,
    silent: false,
    server: (incoming) => {
      const cookie = cookieIn(incoming.packet)
      it.shown.push(`${incoming.protocol} ${cookie === undefined ? '-' : Buffer.from(cookie).toString('hex')}`)
      const reaction = inner(incoming)
      if (cookie === undefined || it.silent || 'failure' in reaction) return reaction
      const ours = Uint8Array.from([...cookie.subarray(0, 8), ...it.own])
      const isGood = Buffer.from(cookie).equals(Buffer.from(ours))
      const bad = it.demanding && !isGood && incoming.protocol === 'udp'
      return { packets: withCookie(reaction.packets, ours, bad ? Rcode.BADCOOKIE : undefined) }
    },
  }
  return it
}

const tell = (server: Server) => new Story({ [ROOT_ADDRESS]: server }, { settings: { upstreamCookies: true } })

describe('cookies towards servers (RFC 7873 §5.3)', () => {
  it('are remembered, and shown again', () => {
    const it = cookieServer()
    const story = tell(it.server)
    expect(gist(story.ask('www.'))).to.deep.equal(GOOD)
    story.ask('a.wild.')
    expect(it.shown[0]).to.match(/^udp [0-9a-f]{16}$/)
    expect(it.shown[1]).to.equal(`${it.shown[0]}${'07'.repeat(16)}`)
  })

  it('differ from day to day', () => {
    const it = cookieServer()
    const story = tell(it.server)
    story.ask('www.')
    story.elapse(86_401)
    story.ask('a.wild.')
    expect(it.shown[1]).to.match(/^udp [0-9a-f]{16}$/)
    expect(it.shown[1]).to.not.equal(it.shown[0])
  })

  it('are sent anew when the server wants another (BADCOOKIE)', () => {
    const it = cookieServer()
    it.demanding = true
    const story = tell(it.server)
    expect(gist(story.ask('www.'))).to.deep.equal(GOOD)
    expect(it.shown.map((line) => line.length)).to.deep.equal([4 + 16, 4 + 48])
    it.own = new Uint8Array(16).fill(9) // its secret has changed
    expect(gist(story.ask('a.wild.')).at(1)).to.equal('a.wild. A 203.0.113.2')
    expect(it.shown).to.have.length(4)
    expect(it.shown[3].endsWith('09'.repeat(16))).to.equal(true)
    expect(story.core.counters.exchanges.cookies.renewed).to.equal(2)
  })

  it('that are never good enough lead to TCP', () => {
    const it = cookieServer()
    it.demanding = true
    const fickle: Server = (incoming) => {
      it.own = new Uint8Array(16).fill(incoming.count)
      return it.server(incoming)
    }
    expect(gist(tell(fickle).ask('www.'))).to.deep.equal(GOOD)
    expect(it.shown.at(-1)).to.match(/^tcp/)
    expect(it.shown.length).to.be.at.most(4)
  })

  it('of somebody else make a reply a forgery, which is waited past', () => {
    const it = cookieServer()
    const forged: Server = (incoming) => {
      const reaction = it.server(incoming)
      if ('failure' in reaction) return reaction
      const lie = reply(incoming.query, { answer: [`www. A ${EVIL}`] })
      return { packets: [...withCookie([lie], new Uint8Array(24).fill(1)), ...reaction.packets] }
    }
    const story = tell(forged)
    expect(gist(story.ask('www.'))).to.deep.equal(GOOD)
    expect(story.core.counters.exchanges.cookies.forged).to.equal(1)
  })

  it('that are missing from a server that has shown them make a reply unbelievable; TCP tells', () => {
    const it = cookieServer()
    let attacked = false
    const story = tell((incoming) => {
      if (!attacked || incoming.protocol === 'tcp') return it.server(incoming)
      return { packets: [reply(incoming.query, { answer: [`b.wild. A ${EVIL}`] })] }
    })
    story.ask('www.')
    attacked = true
    expect(gist(story.ask('b.wild.')).at(1)).to.equal('b.wild. A 203.0.113.2')
    expect(it.shown.at(-1)).to.match(/^tcp/)
    expect(story.core.counters.exchanges.cookies.missing).to.equal(1)
  })

  it('are not insisted on when the server proves over TCP that it shows them at times only', () => {
    const it = cookieServer()
    const story = tell(it.server)
    story.ask('www.')
    it.silent = true
    story.ask('a.wild.')
    story.elapse(400)
    it.silent = false
    story.ask('c.wild.')
    it.silent = true
    story.news()
    story.ask('d.wild.')
    expect(story.news()).to.deep.equal([`${ROOT_ADDRESS} udp d.wild. A`])
  })

  it('are left out for servers that choke on them', () => {
    const chokes: Server = (incoming) =>
      cookieIn(incoming.packet) === undefined
        ? inner(incoming)
        : { packets: [reply(incoming.query, { rcode: Rcode.FORMERR, aa: false })] }
    const story = tell(chokes)
    expect(gist(story.ask('www.'))).to.deep.equal(GOOD)
    expect(story.news()).to.have.length(2)
    story.ask('a.wild.')
    expect(story.news(), 'and that is remembered').to.have.length(1)
  })

  it('are left out for servers that drop what they do not know', () => {
    const drops: Server = (incoming) => (cookieIn(incoming.packet) === undefined ? inner(incoming) : { packets: [] })
    const story = tell(drops)
    expect(gist(story.ask('www.'))).to.deep.equal(GOOD)
    expect(story.news()).to.have.length(2)
    story.ask('a.wild.')
    expect(story.news()).to.have.length(1)
  })

  it('are not sent when they are switched off, nor where OPT is not', () => {
    const it = cookieServer()
    const story = new Story({ [ROOT_ADDRESS]: it.server }, { settings: { upstreamCookies: false } })
    story.ask('www.')
    expect(it.shown).to.deep.equal(['udp -'])
  })
})
