import { expect } from 'chai'
import { Flag } from '../../src/wire/types.ts'
import { ROOT_ADDRESS, Story } from '../scenarios/own/story.ts'
import { SignedZone, type SignedZoneOptions } from '../support/signed-zone.ts'

const CHILD = '192.0.2.1'
const stripped: SignedZoneOptions['sign'] = (set, list) => (set.type === 1 ? [] : list)

function brokenStory(options: SignedZoneOptions = { sign: stripped }): Story {
  const names = Array.from({ length: 60 }, (_, i) => `n${i} A 192.0.2.80`).join('\n')
  const child = new SignedZone('example.', `www A 192.0.2.80\n${names}`, options)
  const root = new SignedZone('.', `example NS ns.example.\nns.example A ${CHILD}\n${child.ds}\ngood TXT fine`)
  return new Story(
    { [ROOT_ADDRESS]: root.server(), [CHILD]: child.server() },
    { settings: { validate: true, trustAnchors: [root.anchor()] } },
  )
}

describe('bogus-log', () => {
  it('tells what failed, where and why', () => {
    const story = brokenStory()
    story.ask('www.example.')
    expect(story.events).to.deep.equal([
      {
        event: 'bogus',
        qname: 'www.example.',
        qtype: 'A',
        reason: 'signature missing',
        failed: 'www.example. A',
        zoneCut: 'example.',
        server: CHILD,
        ede: [10],
      },
    ])
  })

  it('names the link of the chain that failed', () => {
    const story = brokenStory({ alter: (draft) => ({ ...draft, expiration: draft.inception + 3600 }) })
    story.ask('www.example.')
    const { failed, reason, offBySeconds } = story.events[0]
    expect({ failed, reason, offBySeconds }).to.deep.equal({
      failed: 'example. DNSKEY',
      reason: 'signature expired',
      offBySeconds: 23 * 3600,
    })
  })

  it('still knows why when the failure of that link is remembered', () => {
    const story = brokenStory({ alter: (draft) => ({ ...draft, expiration: draft.inception + 3600 }) })
    story.ask('www.example.')
    story.ask('n1.example.')
    expect(story.events[1]).to.include({ qname: 'n1.example.', reason: 'signature expired' })
    expect(story.events[1].ede).to.deep.equal([7, 13])
  })

  it('says nothing of what is well, nor to whom validates by himself, nor twice of what is remembered', () => {
    const story = brokenStory()
    story.ask('good.', 'TXT')
    story.ask('www.example.', 'A', Flag.RD | Flag.CD)
    expect(story.events).to.deep.equal([])
    for (let i = 0; i < 3; i++) story.ask('www.example.')
    expect(story.events).to.have.length(1)
  })

  it('logs no more than a log can bear, and how much it left out', () => {
    const story = brokenStory()
    story.ask('www.example.', 'TXT') // the keys are at hand
    for (let i = 0; i < 50; i++) story.send(`n${i}.example.`)
    story.settle()
    expect(story.events).to.have.length(20)
    story.elapse(1)
    story.ask('n50.example.')
    expect(story.events).to.have.length(21)
    expect(story.events[20]).to.include({ qname: 'n50.example.', suppressed: 30 })
  })

  it('counts the names that fail most often, remembered failures too', () => {
    const story = brokenStory()
    for (let i = 0; i < 3; i++) story.ask('WWW.example.')
    story.ask('n1.example.')
    expect(story.bogusLog.frequent()).to.deep.equal([
      { key: 'www.example. A', count: 3, error: 0 },
      { key: 'n1.example. A', count: 1, error: 0 },
    ])
    expect(story.bogusLog.frequent(1)).to.have.length(1)
  })

  it('warns once when the signatures of the root are out of time: that is our clock', () => {
    const root = new SignedZone('.', '', { alter: (draft) => ({ ...draft, inception: draft.inception + 100_000 }) })
    const story = new Story(
      { [ROOT_ADDRESS]: root.server() },
      { settings: { validate: true, trustAnchors: [root.anchor()] } },
    )
    for (const name of ['a.', 'b.']) story.ask(name)
    expect(story.events.filter(({ event }) => event === 'clock-skew')).to.deep.equal([
      { event: 'clock-skew', reason: 'signature not yet valid', offBySeconds: 13_600 },
    ])
  })
})
