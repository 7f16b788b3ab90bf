import { expect } from 'chai'
import { subRequest } from '../../src/driver/sub-requests.ts'
import { Ledger } from '../../src/ledger.ts'
import { type Purpose, Request } from '../../src/request.ts'
import { defaultSettings } from '../../src/settings.ts'
import { nameToText } from '../../src/wire/name.ts'
import { Class, Type } from '../../src/wire/types.ts'
import { question } from '../support/messages.ts'

function parentOf({ cd = false, mustValidate = true } = {}): Request {
  const ledger = new Ledger(defaultSettings.limits, 'enforce', 0)
  return new Request(question('www.example.org.'), { rd: true, cd, ad: true, do: false }, ledger, {}, mustValidate)
}

const wanted = (purpose: Purpose) => ({ key: 'key', name: question('ns.example.org.').name, type: Type.AAAA, purpose })

describe('subRequest', () => {
  it('asks for what is needed, for the sake of its parent and on its ledger', () => {
    const parent = parentOf()
    parent.view = { key: 'kids', tags: new Set(['kids']), options: {} }
    const sub = subRequest(parent, wanted('server-address'))
    expect([nameToText(sub.qname), sub.qtype, sub.question.class]).to.deep.equal([
      'ns.example.org.',
      Type.AAAA,
      Class.IN,
    ])
    expect([sub.parent, sub.ledger, sub.view]).to.deep.equal([parent, parent.ledger, parent.view])
    expect([sub.purpose, sub.depth]).to.deep.equal(['server-address', 1])
  })

  it('wants DNSSEC records, and what the client of its parent said of checking', () => {
    expect(subRequest(parentOf(), wanted('answer')).wishes).to.deep.equal({ rd: true, cd: false, ad: false, do: true })
    expect(subRequest(parentOf({ cd: true }), wanted('answer')).wishes.cd).to.equal(true)
  })

  it('is validated where it proves something or is part of an answer that must be; addresses of servers are not', () => {
    const validated = (purpose: Purpose, mustValidate: boolean) =>
      subRequest(parentOf({ mustValidate }), wanted(purpose)).mustValidate
    expect((['answer', 'proof', 'server-address', 'priming'] as const).map((purpose) => validated(purpose, true)))
      .to //
      .deep.equal([true, true, false, false])
    expect((['answer', 'proof'] as const).map((purpose) => validated(purpose, false))).to.deep.equal([false, true])
  })

  it('is no deeper for a link of a chain of trust, which is as long as names are', () => {
    expect(subRequest(parentOf(), wanted('proof')).depth).to.equal(0)
  })
})
