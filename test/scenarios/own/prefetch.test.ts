import { expect } from 'chai'
import { authority, gist, ROOT_ADDRESS, Story } from './story.ts'

function world(prefetchExpiring = true): Story {
  const zone = '@ NS ns\nns A 198.41.0.4\nwww 100 A 192.0.2.1\nalias 1000 CNAME www'
  return new Story({ [ROOT_ADDRESS]: authority({ '.': zone }) }, { settings: { prefetchExpiring } })
}

describe('Prefetch of what is about to expire', () => {
  it('asks again in the last tenth of the time, once, and nobody waits', () => {
    const story = world()
    for (let i = 0; i < 3; i++) story.ask('www.')
    story.news()
    story.elapse(89)
    story.ask('www.')
    expect(story.news(), 'before the last tenth').to.deep.equal([])
    story.elapse(2)
    const startMs = story.clock.monotonicMs()
    for (let i = 0; i < 5; i++) expect(gist(story.ask('www.'))).to.deep.equal(['NOERROR', 'www. A 192.0.2.1'])
    expect(story.clock.monotonicMs() - startMs).to.equal(0)
    story.elapse(1)
    expect(story.news()).to.deep.equal([`${ROOT_ADDRESS} udp www. A`])
    story.elapse(20)
    expect(story.ask('www.').answer[0].ttl).to.be.within(70, 80)
    expect(story.news()).to.deep.equal([])
  })

  it('not for names that only one client asked for', () => {
    const story = world()
    story.ask('www.')
    story.elapse(95)
    story.news()
    story.ask('www.')
    story.elapse(1)
    expect(story.news()).to.deep.equal([])
  })

  it('also at the end of a chain of aliases', () => {
    const story = world()
    for (let i = 0; i < 3; i++) story.ask('alias.')
    story.elapse(95)
    story.news()
    story.ask('alias.')
    story.elapse(1)
    expect(story.news()).to.deep.equal([`${ROOT_ADDRESS} udp www. A`])
  })

  it('can be switched off', () => {
    const story = world(false)
    for (let i = 0; i < 3; i++) story.ask('www.')
    story.elapse(95)
    story.news()
    story.ask('www.')
    story.elapse(1)
    expect(story.news()).to.deep.equal([])
  })

  it('is capped: a burst of expiring names does not become a burst of questions', () => {
    const hosts = Array.from({ length: 60 }, (_, i) => `h${i} 100 A 192.0.2.${i}`).join('\n')
    const story = new Story({ [ROOT_ADDRESS]: authority({ '.': `@ NS ns\nns A 198.41.0.4\n${hosts}` }) })
    for (let times = 0; times < 3; times++) for (let i = 0; i < 60; i++) story.ask(`h${i}.`)
    story.elapse(95)
    story.news()
    for (let i = 0; i < 60; i++) story.ask(`h${i}.`)
    story.elapse(1)
    expect(story.news().length).to.be.within(20, 25)
    expect(story.core.counters.cache.prefetchesPutOff).to.be.above(30)
  })
})
