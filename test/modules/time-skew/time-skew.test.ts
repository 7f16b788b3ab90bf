import { expect } from 'chai'
import { ROOT_ADDRESS, Story } from '../../scenarios/own/story.ts'
import { SignedZone, type SignedZoneOptions } from '../../support/signed-zone.ts'

const DAY = 86_400

function tell(options: SignedZoneOptions = {}): Story {
  const root = new SignedZone('.', '', options)
  const sections = { clock: { jump: false, skew: true } }
  return new Story(
    { [ROOT_ADDRESS]: root.server() },
    { settings: { validate: true, trustAnchors: [root.anchor()], sections } },
  )
}
const told = (story: Story) => story.events.filter(({ event }) => event === 'time-skew')
const counts = (story: Story) => story.modules.running.find(({ name }) => name === 'time-skew')!.counts

describe('time-skew', () => {
  it('asks for the root, and is silent when the clock is within the time of its signatures', () => {
    const story = tell()
    story.elapse(31)
    expect(story.asked).to.include(`${ROOT_ADDRESS} udp . SOA`)
    expect(told(story)).to.deep.equal([])
    expect(counts(story)).to.deep.equal({ looks: 1, wrong: 0 })
    story.elapse(3600)
    expect(counts(story).looks).to.equal(2)
  })

  it('tells by how many seconds the clock is behind, each hour', () => {
    const story = tell({ alter: (draft) => ({ ...draft, inception: draft.inception + 2 * DAY }) })
    story.elapse(31)
    const [first] = told(story)
    // half a minute has passed; a signature is made some time before
    expect(first.offBySeconds).to.be.within(DAY - 3600, 2 * DAY)
    story.elapse(3600)
    expect(told(story)).to.have.length(2)
    expect(told(story)[1].offBySeconds).to.equal((first.offBySeconds as number) - 3600)
    expect(counts(story).wrong).to.equal(2)
  })

  it('tells by how many it is ahead, also of what is in the cache already', () => {
    const story = tell()
    story.elapse(31)
    story.clock.jumpWall(365 * DAY * 1000)
    story.elapse(3600)
    expect(told(story)).to.have.length(1)
    expect(told(story)[0].offBySeconds).to.be.greaterThan(300 * DAY)
  })

  it('says nothing when nobody answers', () => {
    const root = new SignedZone('.', '')
    const sections = { clock: { jump: false, skew: true } }
    const story = new Story({}, { settings: { validate: true, trustAnchors: [root.anchor()], sections } })
    story.elapse(60)
    expect(told(story)).to.deep.equal([])
    expect(counts(story)).to.deep.equal({ looks: 0, wrong: 0 })
  })
})
