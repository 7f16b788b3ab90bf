import { expect } from 'chai'
import { composeRefusal, composeResponse } from '../src/answer.ts'
import { DEFAULT_LIMITS, Ledger } from '../src/ledger.ts'
import { Request } from '../src/request.ts'
import { defaultSettings, type Settings } from '../src/settings.ts'
import { parseEde } from '../src/wire/edns.ts'
import { type ClientQuery, parseReply } from '../src/wire/message.ts'
import { Ede, EdnsOption, Flag, Rcode, Type } from '../src/wire/types.ts'
import { question, sets } from './support/messages.ts'

interface Asked {
  type?: number
  flags?: number
  edns?: { udpSize: number; do: boolean; options?: { code: number; data: Uint8Array }[] }
  overUdp?: boolean
  settings?: Partial<Settings>
}

/** The response to a query for www.example.org., as `fill` makes the finished request. */
function respond(fill: (request: Request) => void, asked: Asked = {}) {
  const flags = asked.flags ?? Flag.RD
  const edns = asked.edns && { extendedRcode: 0, version: 0, options: [], ...asked.edns }
  const query: ClientQuery = {
    id: 0x4242,
    flags,
    opcode: 0,
    question: question('www.example.org.', asked.type),
    edns,
    tsig: false,
  }
  const wishes = { rd: true, cd: false, ad: false, do: edns?.do ?? false }
  const request = new Request(
    question('www.example.org.', asked.type),
    wishes,
    new Ledger(DEFAULT_LIMITS, 'enforce', 0),
  )
  fill(request)
  const buffer = new Uint8Array(65_535)
  const settings = { ...defaultSettings, ...asked.settings }
  const octets = composeResponse(buffer, request, { query, overUdp: asked.overUdp ?? true, settings })
  return { octets, reply: parseReply(buffer.slice(0, octets)) }
}

const address = (request: Request) => {
  request.answer = sets('www.example.org. A 192.0.2.1')
}
const EDNS = { udpSize: 4096, do: false }
const DO = { udpSize: 4096, do: true }

describe('composeResponse', () => {
  it('copies ID, RD and CD, sets QR and RA, and never AA (RFC 1035 §4.1.1)', () => {
    const { reply } = respond(address, { flags: Flag.RD | Flag.CD })
    expect(reply.id).to.equal(0x4242)
    expect(reply.flags & 0xfff0).to.equal(Flag.QR | Flag.RD | Flag.RA | Flag.CD)
    expect(reply.answer).to.have.length(1)
  })

  it('has OPT only for those who sent one (RFC 6891 §7)', () => {
    expect(respond(address).reply.edns).to.equal(undefined)
    expect(respond(address, { edns: EDNS }).reply.edns?.udpSize).to.equal(1232)
  })

  describe('AD (RFC 6840 §5.7, §5.8)', () => {
    const secure = (request: Request) => {
      address(request)
      request.judge('secure')
    }
    const ad = (asked: Asked, fill = secure) => (respond(fill, asked).reply.flags & Flag.AD) !== 0

    it('is for those who set DO or AD', () => {
      expect([ad({}), ad({ flags: Flag.RD | Flag.AD }), ad({ edns: DO })]).to.deep.equal([false, true, true])
    })

    it('is not set for data that is not secure, nor for who validates himself', () => {
      expect(ad({ edns: DO }, address)).to.equal(false)
      expect(ad({ edns: DO, flags: Flag.RD | Flag.CD })).to.equal(false)
    })

    it('needs every part of the answer to be secure', () => {
      const mixed = (request: Request) => {
        secure(request)
        request.judge('insecure')
      }
      expect(ad({ edns: DO }, mixed)).to.equal(false)
    })

    it('is never set on SERVFAIL', () => {
      const failed = (request: Request) => {
        secure(request)
        request.rcode = Rcode.SERVFAIL
      }
      expect(ad({ edns: DO }, failed)).to.equal(false)
    })
  })

  it('shows NSEC and NSEC3 to those who set DO only (RFC 4035 §3.2.1)', () => {
    const denied = (request: Request) => {
      request.authority = sets(
        'example.org. SOA ns.example.org. h.example.org. 1 2 3 4 5\nexample.org. NSEC www.example.org. NS SOA',
      )
    }
    const types = (asked: Asked) => respond(denied, asked).reply.authority.map((set) => set.type)
    expect(types({})).to.deep.equal([Type.SOA])
    expect(types({ edns: DO })).to.deep.equal([Type.SOA, Type.NSEC])
  })

  it('tells what went wrong (RFC 8914)', () => {
    const { reply } = respond((request) => request.addEde(Ede.NO_REACHABLE_AUTHORITY, 'example.org. is silent'), {
      edns: EDNS,
    })
    const options = reply.edns?.options ?? []
    expect(options.map(parseEde)).to.deep.equal([{ code: 22, text: 'example.org. is silent' }])
  })

  it('carries the EDNS options that modules want it to, for those who speak EDNS', () => {
    const tell = (request: Request) => {
      address(request)
      request.options.push({ code: EdnsOption.NSID, data: new TextEncoder().encode('dns1.prague') })
    }
    const told = (edns?: typeof EDNS) =>
      respond(tell, { edns }).reply.edns?.options.map(({ data }) => Buffer.from(data).toString())
    expect(told(EDNS)).to.deep.equal(['dns1.prague'])
    expect(told()).to.equal(undefined)
  })

  describe('size (RFC 1035 §4.2.1, RFC 6891 §6.2.3)', () => {
    const big = (request: Request) => {
      request.answer = sets(Array.from({ length: 60 }, (_, i) => `www.example.org. A 192.0.2.${i}`).join('\n'))
    }

    it('is 512 octets over UDP without EDNS, then TC', () => {
      const { octets, reply } = respond(big)
      expect(octets).to.be.at.most(512)
      expect(reply.flags & Flag.TC).to.equal(Flag.TC)
    })

    it('is the lower of what client and server can with EDNS, but at least 512', () => {
      expect(respond(big, { edns: EDNS }).reply.flags & Flag.TC).to.equal(0)
      expect(respond(big, { edns: { udpSize: 600, do: false } }).octets).to.be.at.most(600)
      expect(respond(address, { edns: { udpSize: 0, do: false } }).reply.answer).to.have.length(1)
    })

    it('is no matter over TCP', () => {
      expect(respond(big, { overUdp: false }).reply.answer[0].rdatas).to.have.length(60)
    })
  })
})

describe('composeRefusal', () => {
  it('gives the question back with the RCODE, and the OPT that BADVERS needs (RFC 6891 §6.1.3)', () => {
    const buffer = new Uint8Array(512)
    const edns = { udpSize: 1232, extendedRcode: 0, version: 1, do: false, options: [] }
    const query = { id: 7, flags: Flag.RD, opcode: 0, question: question('www.example.org.'), edns }
    const reply = parseReply(buffer.slice(0, composeRefusal(buffer, query, Rcode.BADVERS, defaultSettings)))
    expect([reply.id, reply.rcode, reply.edns?.version]).to.deep.equal([7, Rcode.BADVERS, 0])
  })
})
