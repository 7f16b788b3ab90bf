/** Signatures are dear: while one client's are verified, others must not wait. */

import { expect } from 'chai'
import { DEFAULT_LIMITS } from '../../../src/ledger.ts'
import { Flag } from '../../../src/wire/types.ts'
import { SignedZone } from '../../support/signed-zone.ts'
import { composeScript, type ScriptMessage } from '../message.ts'
import { gist, ROOT_ADDRESS, type Server, Story } from './story.ts'

const ALIASES = 10

/** One reply with a chain of aliases, each signed by itself. */
function chainStory(limits = DEFAULT_LIMITS): Story {
  const links = Array.from({ length: ALIASES }, (_, i) => `c${i} CNAME c${i + 1}.`).join('\n')
  const zone = new SignedZone('.', `${links}\nc${ALIASES} A 192.0.2.1\nother A 192.0.2.2`)
  const chain: Server = ({ query }) => {
    const reply = zone.answer(query)
    for (let i = 1; i <= ALIASES && query.question!.name[1] === 0x63; i++)
      reply.answer.push(...follow(zone, query, `c${i}.`))
    return { packets: [composeScript(reply)] }
  }
  return new Story(
    { [ROOT_ADDRESS]: chain },
    {
      settings: { validate: true, trustAnchors: [zone.anchor()], limits, caseRandomization: false },
    },
  )
}

/** From now on the event loop turns by hand: what is to happen when it does. */
function loopTurns(story: Story): (() => void)[] {
  const turns: (() => void)[] = []
  story.clock.soon = (action) => void turns.push(action)
  return turns
}

function follow(zone: SignedZone, query: ScriptMessage, name: string) {
  const labels = Uint8Array.from([name.length - 1, ...Buffer.from(name.slice(0, -1)), 0])
  return zone.answer({ ...query, question: { ...query.question!, name: labels } }).answer
}

describe('a request with many signatures', () => {
  it('is answered as any other', () => {
    const story = chainStory()
    const answer = story.ask('c0.', 'A', Flag.RD | Flag.AD)
    expect(answer.flags & Flag.AD).to.equal(Flag.AD)
    expect(gist(answer)).to.have.length(ALIASES + 2)
    expect(story.core.counters.pauses).to.equal(1) // after the eighth
  })

  it('lets those be answered first who come meanwhile', () => {
    const story = chainStory()
    story.ask('other.')
    const turns = loopTurns(story)
    const slow = story.send('c0.')
    story.clock.advance(1000)
    expect(slow).to.deep.equal([])
    expect(turns).to.have.length(1)
    expect(gist(story.send('other.')[0])).to.deep.equal(['NOERROR', 'other. A 192.0.2.2']) // at once, from the cache
    turns.shift()!()
    expect(gist(slow[0]).at(-1)).to.equal(`c${ALIASES}. A 192.0.2.1`)
  })

  it('goes on one after the other, however many there are', () => {
    const story = chainStory()
    const turns = loopTurns(story)
    const clients = [story.send('c0.'), story.send('c1.'), story.send('c2.')]
    story.clock.advance(1000)
    const answered = () => clients.filter((answers) => answers.length > 0).length
    const progress = [answered()]
    while (turns.length > 0) {
      expect(turns).to.have.length(1)
      turns.shift()!()
      progress.push(answered())
    }
    expect(progress).to.deep.equal([0, 1, 2, 3])
  })

  it('ends in time even while it pauses', () => {
    const story = chainStory({ ...DEFAULT_LIMITS, signatures: 5 })
    expect(gist(story.ask('c0.'))).to.deep.equal(['SERVFAIL'])
  })
})
