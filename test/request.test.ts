import { expect } from 'chai'
import { Rank } from '../src/cache/rank.ts'
import { Ledger } from '../src/ledger.ts'
import { type ClientView, type Purpose, Request, subKey } from '../src/request.ts'
import { defaultSettings } from '../src/settings.ts'
import { nameToText } from '../src/wire/name.ts'
import { Ede, Rcode, Type } from '../src/wire/types.ts'
import { question, sets } from './support/messages.ts'

const WISHES = { rd: true, cd: false, ad: false, do: false }
const ledger = () => new Ledger(defaultSettings.limits, 'enforce', 0)

function request(
  name = 'www.example.org.',
  type: number = Type.A,
  origin: { parent?: Request; purpose?: Purpose } = {},
) {
  return new Request(question(name, type), WISHES, ledger(), origin)
}

const KEY = question('example.org.').name

describe('Request.isFor', () => {
  it('is so for the same question, in whatever case, from whoever would be answered alike', () => {
    const one = request()
    expect(one.isFor(request('WWW.Example.org.'))).to.equal(true)
    expect(one.isFor(request('mail.example.org.'))).to.equal(false)
    expect(one.isFor(request('www.example.org.', Type.AAAA))).to.equal(false)
    expect(one.isFor(request('www.example.org.', Type.A, { purpose: 'server-address' }))).to.equal(false)
    expect(one.isFor(new Request(one.question, { ...WISHES, cd: true }, ledger()))).to.equal(false)
    expect(one.isFor(new Request({ ...one.question, class: 3 }, WISHES, ledger()))).to.equal(false)
    const seen = request()
    seen.view = { key: 'kids', tags: new Set(), options: {} }
    expect([one.isFor(seen), seen.isFor(one)]).to.deep.equal([false, false])
  })
})

describe('Request, for another', () => {
  it('has its view and its trace, and is one deeper unless it is a link of the chain of trust', () => {
    const view: ClientView = { key: 'kids', tags: new Set(), options: {} }
    const parent = new Request(question('www.example.org.'), WISHES, ledger(), { trace: () => {} })
    parent.view = view
    const address = request('ns.example.org.', Type.A, { parent, purpose: 'server-address' })
    expect([address.view, address.trace, address.depth]).to.deep.equal([view, parent.trace, 1])
    expect(request('example.org.', Type.DS, { parent: address, purpose: 'proof' }).depth).to.equal(1)
  })

  it('knows which questions wait for it', () => {
    const parent = request()
    parent.sname = question('web.example.org.').name // it has followed an alias
    const child = request('ns.example.org.', Type.A, { parent })
    const isAfter = (name: string, type: number = Type.A) => child.isAfter(question(name).name, type)
    expect(['NS.example.org.', 'www.example.org.', 'web.example.org.'].map((name) => isAfter(name))).to.deep.equal([
      true,
      true,
      true,
    ])
    expect([isAfter('ns.example.org.', Type.AAAA), isAfter('mail.example.org.')]).to.deep.equal([false, false])
  })
})

describe('Request.need', () => {
  it('asks once for what is not known, and then knows it', () => {
    const one = request()
    expect(one.need(KEY, Type.DNSKEY, 'proof')).to.equal(undefined)
    expect(one.need(KEY, Type.DNSKEY, 'proof')).to.equal(undefined)
    one.need(KEY, Type.DS, 'proof')
    const wanted = one.takeWanted()
    expect(wanted.map(({ name, type, purpose }) => [nameToText(name), type, purpose])).to.deep.equal([
      ['example.org.', Type.DNSKEY, 'proof'],
      ['example.org.', Type.DS, 'proof'],
    ])
    expect(one.takeWanted()).to.deep.equal([])

    one.expect(wanted[0].key)
    one.need(KEY, Type.DNSKEY, 'proof')
    expect([one.takeWanted(), one.isPending(KEY, Type.DNSKEY), one.isExpecting]).to.deep.equal([[], true, true])

    const ended = request('example.org.', Type.DNSKEY)
    one.find(subKey(KEY, Type.DNSKEY), ended)
    expect([one.need(KEY, Type.DNSKEY), one.finding(KEY, Type.DNSKEY)]).to.deep.equal([ended, ended])
    expect([one.foundCount, one.isPending(KEY, Type.DNSKEY), one.isExpecting]).to.deep.equal([1, false, false])
    expect(one.finding(KEY, Type.DS)).to.equal(undefined)
  })
})

describe('Request.hold', () => {
  it('expects something until it is let go, which wakes it once', () => {
    const one = request()
    let woken = 0
    one.stepper = { wake: () => woken++ }
    const [first, second] = [one.hold(), one.hold()]
    first()
    first()
    expect([woken, one.isExpecting]).to.deep.equal([1, true])
    second()
    expect([woken, one.isExpecting]).to.deep.equal([2, false])
  })
})

describe('Request.rollBack', () => {
  it('is as before the last arrival, and has learned nothing from it', () => {
    const one = request()
    one.answer = sets('www.example.org. CNAME web.example.org.')
    one.sname = question('web.example.org.').name
    one.judge('secure')
    one.beginArrival()

    one.answer.push(...sets('web.example.org. CNAME end.example.org.'))
    one.authority = sets('example.org. NS ns.example.org.')
    one.sname = question('end.example.org.').name
    one.rcode = Rcode.NXDOMAIN
    one.learned.push({ rrset: one.answer[1], rank: Rank.ANSWER, security: 'indeterminate' })
    one.judge('bogus')
    one.rollBack()
    expect([one.answer.length, one.authority.length, one.learned.length]).to.deep.equal([1, 0, 0])
    expect([nameToText(one.sname), one.rcode, one.security]).to.deep.equal([
      'web.example.org.',
      Rcode.NOERROR,
      'secure',
    ])
    one.judge('insecure')
    expect(one.security).to.equal('insecure') // what was judged before still counts
  })

  it('does nothing before anything has arrived', () => {
    const one = request()
    one.answer = sets('www.example.org. A 192.0.2.1')
    one.rollBack()
    expect(one.answer).to.have.length(1)
  })
})

describe('Request.distrustDenial', () => {
  it('keeps the aliases, and asks for their end by itself', () => {
    const one = request()
    one.answer = sets('www.example.org. CNAME web.example.org.')
    one.authority = sets('example.org. NS ns.example.org.')
    one.rcode = Rcode.NXDOMAIN
    one.minimisedQueries = 4
    one.distrustDenial()
    expect([one.answer.length, one.authority.length, one.rcode]).to.deep.equal([1, 0, Rcode.NOERROR])
    expect([one.iteration, one.minimisedQueries, one.learnedDenial]).to.deep.equal([undefined, 0, undefined])
  })
})

describe('Request.judge', () => {
  it('is as secure as the weakest part of the answer (RFC 4035 §4.3)', () => {
    const one = request()
    expect(one.security).to.equal('indeterminate')
    one.judge('secure')
    expect(one.security).to.equal('secure')
    one.judge('insecure')
    one.judge('secure')
    expect(one.security).to.equal('insecure')
  })
})

describe('Request: its outcome', () => {
  it('may be given here and now, in place of all else', () => {
    const one = request()
    one.additional = sets('ns.example.org. A 192.0.2.53')
    one.judge('secure')
    const answer = sets('www.example.org. A 192.0.2.1')
    expect(one.answerWith(Rcode.NOERROR, answer)).to.equal('done')
    expect([one.answer, one.additional, one.source, one.security]).to.deep.equal([answer, [], 'local', 'insecure'])
  })

  it('may be to give up, for a reason that is told once', () => {
    const one = request()
    expect(one.failWith(Ede.OTHER, 'so')).to.equal('fail')
    one.addEde(Ede.OTHER, 'so')
    one.addEde(Ede.OTHER, 'otherwise')
    expect(one.edes.map(({ text }) => text)).to.deep.equal(['so', 'otherwise'])
  })

  it('may be that of another who asked the same; whatever is added later is for one of them', () => {
    const [one, other] = [request(), request()]
    Object.assign(other, { rcode: Rcode.NXDOMAIN, authoritative: true, source: 'cache', security: 'secure' })
    other.answer = sets('www.example.org. CNAME web.example.org.')
    other.addEde(Ede.STALE_ANSWER)
    one.adopt(other)
    expect(one).to.deep.include({ rcode: Rcode.NXDOMAIN, authoritative: true, source: 'cache', security: 'secure' })
    one.answer.push(...sets('web.example.org. A 192.0.2.1'))
    one.addEde(Ede.OTHER, 'mine')
    expect([other.answer.length, other.edes.length]).to.deep.equal([1, 1])
  })
})
