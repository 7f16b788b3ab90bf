import { expect } from 'chai'
import { Flag, Rcode } from '../../src/wire/types.ts'
import { gist, ROOT_ADDRESS, Story } from '../scenarios/own/story.ts'
import { SignedZone } from '../support/signed-zone.ts'

const zone = new SignedZone('.', '')
const ours = String(zone.key.tag).padStart(5, '0')
const other = '00007'

function sentinelStory(settings = {}): Story {
  const labels = [ours, other].flatMap((tag) => [`is-ta-${tag}`, `not-ta-${tag}`])
  const body = labels.map((label) => `root-key-sentinel-${label} A 192.0.2.1`).join('\n')
  const server = new SignedZone('.', `${body}\nroot-key-sentinel-is-ta-7 A 192.0.2.1`).server()
  return new Story(
    { [ROOT_ADDRESS]: server },
    { settings: { validate: true, trustAnchors: [zone.anchor()], ...settings } },
  )
}

function rcodes(story: Story, flags: number = Flag.RD): Record<string, string> {
  const ask = (label: string) => gist(story.ask(`root-key-sentinel-${label}.`, 'A', flags))[0]
  return {
    'is ours': ask(`is-ta-${ours}`),
    'not ours': ask(`not-ta-${ours}`),
    'is other': ask(`is-ta-${other}`),
    'not other': ask(`not-ta-${other}`),
  }
}

const ALL_ANSWERED = { 'is ours': 'NOERROR', 'not ours': 'NOERROR', 'is other': 'NOERROR', 'not other': 'NOERROR' }

describe('sentinel (RFC 8509)', () => {
  it('fails the question that says what is not so, from the network and from the cache', () => {
    const story = sentinelStory()
    for (let i = 0; i < 2; i++)
      expect(rcodes(story)).to.deep.equal({
        'is ours': 'NOERROR',
        'not ours': 'SERVFAIL',
        'is other': 'SERVFAIL',
        'not other': 'NOERROR',
      })
  })

  it('says why', () => {
    const { edes } = sentinelStory().ask(`root-key-sentinel-is-ta-${other}.`)
    expect(edes).to.deep.equal(['Other Error: root key 7 is not a trust anchor (RFC 8509)'])
  })

  it('does not care for letter case', () => {
    expect(sentinelStory().ask(`ROOT-Key-sentinel-IS-ta-${other}.`).rcode).to.equal(Rcode.SERVFAIL)
  })

  it('knows labels of five digits only', () => {
    expect(sentinelStory().ask('root-key-sentinel-is-ta-7.').rcode).to.equal(Rcode.NOERROR)
  })

  it('is silent for other types, for clients with CD, where nothing is secure, and when switched off', () => {
    expect(sentinelStory().ask(`root-key-sentinel-is-ta-${other}.`, 'TXT').rcode).to.equal(Rcode.NOERROR)
    expect(rcodes(sentinelStory(), Flag.RD | Flag.CD)).to.deep.equal(ALL_ANSWERED)
    expect(rcodes(sentinelStory({ validate: false }))).to.deep.equal(ALL_ANSWERED)
    expect(rcodes(sentinelStory({ sentinel: false }))).to.deep.equal(ALL_ANSWERED)
  })

  it('goes by the anchors in force', () => {
    const story = sentinelStory()
    const more = zone.anchor()
    more.ds.push(Uint8Array.of(0, 7, 15, 2, ...new Uint8Array(32)))
    story.core.replaceAnchors([more])
    expect(rcodes(story)).to.deep.equal({
      'is ours': 'NOERROR',
      'not ours': 'SERVFAIL',
      'is other': 'NOERROR',
      'not other': 'SERVFAIL',
    })
  })
})
