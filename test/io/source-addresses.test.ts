import { expect } from 'chai'
import { SourceAddresses } from '../../src/io/source-addresses.ts'
import { SeededRandom } from '../support/random.ts'

describe('SourceAddresses', () => {
  it('leaves the choice to the kernel when nothing is configured for a family', () => {
    const sources = new SourceAddresses(['192.0.2.1'], new SeededRandom())
    expect(sources.pick(6)).to.equal(undefined)
    expect(sources.pick(4)).to.equal('192.0.2.1')
  })

  it('draws from a list, each about as often', () => {
    const sources = new SourceAddresses(['192.0.2.1', '2001:db8::1', '192.0.2.2', '192.0.2.3'], new SeededRandom())
    const counts = new Map<string, number>()
    for (let i = 0; i < 3000; i++) {
      const source = sources.pick(4)!
      counts.set(source, (counts.get(source) ?? 0) + 1)
    }
    expect([...counts.keys()].sort()).to.deep.equal(['192.0.2.1', '192.0.2.2', '192.0.2.3'])
    for (const count of counts.values()) expect(count).to.be.within(900, 1100)
  })

  it('draws from all of a prefix, and from nothing else', () => {
    const sources = new SourceAddresses(['2001:db8:1:2::/64'], new SeededRandom())
    const drawn = new Set(Array.from({ length: 200 }, () => sources.pick(6)!))
    expect(drawn.size).to.equal(200)
    for (const source of drawn) expect(source).to.match(/^2001:db8:1:2:/)
    const odd = new SourceAddresses(['192.0.2.192/27'], new SeededRandom())
    const lastOctets = Array.from({ length: 500 }, () => Number(odd.pick(4)!.split('.')[3]))
    expect(Math.min(...lastOctets)).to.equal(192)
    expect(Math.max(...lastOctets)).to.equal(223)
  })

  it('refuses what is neither address nor prefix', () => {
    for (const text of ['eth0', '192.0.2.1/33', '2001:db8::/129', '192.0.2.1/', '192.0.2.1/x', ''])
      expect(() => new SourceAddresses([text], new SeededRandom()), text).to.throw(RangeError)
  })
})
