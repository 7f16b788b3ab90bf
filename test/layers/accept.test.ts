import { expect } from 'chai'
import { Rank } from '../../src/cache/rank.ts'
import {
  acceptAnswer,
  acceptDenial,
  acceptOverflow,
  followAlias,
  learnDenial,
  learned,
} from '../../src/layers/accept.ts'
import { classifyReply, type Finding } from '../../src/layers/classify.ts'
import type { Request } from '../../src/request.ts'
import { nameFromText, nameToText } from '../../src/wire/name.ts'
import { Rcode, Type, typeText } from '../../src/wire/types.ts'
import { question, type ReplyText, reply, sets } from '../support/messages.ts'
import { requestFor } from '../support/stepping.ts'

const ZONE = nameFromText('example.org.')

/** What a server of example.org says when it is asked for `name`; the test knows the kind. */
function finding<Kind extends Finding['kind']>(kind: Kind, name: string, parts: ReplyText): Finding & { kind: Kind } {
  const asked = question(name)
  const found = classifyReply({ qname: asked.name, qtype: asked.type, zoneCut: ZONE, edns: true }, reply(asked, parts))
  expect(found.kind).to.equal(kind)
  return found as Finding & { kind: Kind }
}

const shown = ({ answer }: Request) => answer.map((set) => `${nameToText(set.owner)} ${typeText(set.type)}`)
const kept = ({ learned }: Request) =>
  learned.map(({ rrset, rank, security }) => [`${nameToText(rrset.owner)} ${typeText(rrset.type)}`, rank, security])

describe('acceptAnswer', () => {
  it('gives it to the client, and to the cache as nobody has judged it yet', () => {
    const request = requestFor('www.example.org.')
    const step = acceptAnswer(
      request,
      finding('answer', 'www.example.org.', { answer: 'www.example.org. A 192.0.2.1' }),
    )
    expect([step, shown(request)]).to.deep.equal(['done', ['www.example.org. A']])
    expect(kept(request)).to.deep.equal([['www.example.org. A', Rank.ANSWER, 'indeterminate']])
  })

  it('shows the aliases on the way', () => {
    const request = requestFor('www.example.org.')
    const answer = 'www.example.org. CNAME web.example.org.\nweb.example.org. A 192.0.2.1'
    acceptAnswer(request, finding('answer', 'www.example.org.', { answer }))
    expect(shown(request)).to.deep.equal(['www.example.org. CNAME', 'web.example.org. A'])
    expect(kept(request)).to.have.length(2)
  })

  it('keeps a DNAME, and not the CNAME that we made of it (RFC 6672 §3.1)', () => {
    const request = requestFor('www.old.example.org.')
    const answer = 'old.example.org. DNAME new.example.org.\nwww.new.example.org. A 192.0.2.1'
    acceptAnswer(request, finding('answer', 'www.old.example.org.', { answer }))
    expect(shown(request)).to.deep.equal([
      'old.example.org. DNAME',
      'www.old.example.org. CNAME',
      'www.new.example.org. A',
    ])
    expect(kept(request).map(([what]) => what)).to.deep.equal(['old.example.org. DNAME', 'www.new.example.org. A'])
  })

  it('ends with what it has where an alias was passed before', () => {
    const request = requestFor('www.example.org.')
    request.answer = sets('web.example.org. CNAME www.example.org.')
    const answer =
      'www.example.org. CNAME web.example.org.\nweb.example.org. CNAME end.example.org.\nend.example.org. A 192.0.2.1'
    expect(acceptAnswer(request, finding('answer', 'www.example.org.', { answer }))).to.equal('done')
    expect(request.rcode).to.equal(Rcode.SERVFAIL)
    expect(shown(request)).to.deep.equal(['web.example.org. CNAME', 'www.example.org. CNAME'])
  })
})

describe('followAlias', () => {
  const away = finding('alias', 'www.example.org.', { answer: 'www.example.org. CNAME www.example.net.' })

  it('goes on at the target, from wherever that is', () => {
    const request = requestFor('www.example.org.')
    request.minimisedQueries = 3
    expect(followAlias(request, away)).to.equal('produce')
    expect([nameToText(request.sname), request.iteration, request.minimisedQueries]).to.deep.equal([
      'www.example.net.',
      undefined,
      0,
    ])
    expect(nameToText(request.qname)).to.equal('www.example.org.')
  })

  it('takes so many aliases and no more', () => {
    const request = requestFor('www.example.org.', { aliases: 0 })
    expect(followAlias(request, away)).to.equal('fail')
    expect(request.edes.map(({ text }) => text)).to.deep.equal(['chain of aliases too long'])
  })

  it('shows a DNAME that serves several names once', () => {
    const request = requestFor('a.old.example.org.')
    const answer = 'old.example.org. DNAME example.net.'
    followAlias(request, finding('alias', 'a.old.example.org.', { answer }))
    followAlias(request, finding('alias', 'b.old.example.org.', { answer }))
    expect(shown(request)).to.deep.equal([
      'old.example.org. DNAME',
      'a.old.example.org. CNAME',
      'b.old.example.org. CNAME',
    ])
  })
})

describe('acceptOverflow (RFC 6672 §2.2)', () => {
  it('is YXDOMAIN, beside the DNAME that makes the name too long', () => {
    const request = requestFor('www.example.org.')
    const chain = sets('example.org. DNAME example.net.')
    expect([acceptOverflow(request, chain), request.rcode]).to.deep.equal(['done', Rcode.YXDOMAIN])
    expect(request.answer).to.deep.equal(chain)
  })
})

describe('acceptDenial', () => {
  const SOA = 'example.org. 900 SOA ns.example.org. admin.example.org. 1 7200 3600 604800 60'

  it('denies the name, or the type at it, and keeps that for no longer than the SOA says (RFC 2308 §5)', () => {
    const cases = [
      ['nxdomain', Rcode.NXDOMAIN],
      ['nodata', Rcode.NOERROR],
    ] as const
    for (const [kind, rcode] of cases) {
      const request = requestFor('www.example.org.')
      expect(acceptDenial(request, finding('denial', 'www.example.org.', { rcode, authority: SOA }))).to.equal('done')
      expect(request.rcode).to.equal(rcode)
      const { kind: learnt, type, ttl, security, owner } = request.learnedDenial!
      expect([learnt, type, ttl, security, nameToText(owner)]).to.deep.equal([
        kind,
        Type.A,
        60,
        'indeterminate',
        'www.example.org.',
      ])
      expect(request.authority.map((set) => [set.type, set.ttl])).to.deep.equal([[Type.SOA, 60]])
    }
  })

  it('is about the end of a chain of aliases (RFC 2308 §2.1)', () => {
    const request = requestFor('www.example.org.')
    const parts = { rcode: Rcode.NXDOMAIN, answer: 'www.example.org. CNAME gone.example.org.', authority: SOA }
    acceptDenial(request, finding('denial', 'www.example.org.', parts))
    expect([nameToText(request.sname), nameToText(request.learnedDenial!.owner)]).to.deep.equal([
      'gone.example.org.',
      'gone.example.org.',
    ])
    expect(shown(request)).to.deep.equal(['www.example.org. CNAME'])
  })

  it('is learned without being shown where it only told the way', () => {
    const request = requestFor('www.sub.example.org.')
    learnDenial(request, finding('denial', 'sub.example.org.', { authority: SOA }), Type.NS)
    expect([request.learnedDenial?.type, request.authority, request.rcode]).to.deep.equal([Type.NS, [], Rcode.NOERROR])
  })
})

describe('learned', () => {
  it('ranks lower what came without authority (RFC 2181 §5.4.1)', () => {
    const [set] = sets('www.example.org. A 192.0.2.1')
    expect([learned(set, true).rank, learned(set, false).rank]).to.deep.equal([Rank.ANSWER, Rank.ANSWER_NONAUTH])
  })
})
