import { expect } from 'chai'
import { Resolver, rootHint } from '../src/index.ts'
import { composeScript, readScript } from './scenarios/message.ts'
import { ROOT_ADDRESS } from './scenarios/own/story.ts'
import { SimulatedNetwork } from './scenarios/simulated-network.ts'
import { ManualClock } from './support/clock.ts'
import { SeededRandom } from './support/random.ts'
import { SignedZone } from './support/signed-zone.ts'

describe('Resolver.frequentBogus', () => {
  it('tells which names failed validation most often, and the log is told of each if that is wanted', async () => {
    const clock = new ManualClock()
    const zone = new SignedZone('.', 'bad A 192.0.2.1\ngood A 192.0.2.2', {
      sign: (set, signatures) => (set.owner[1] === 0x62 ? [] : signatures),
    })
    const events: string[] = []
    const resolver = new Resolver({
      clock,
      random: new SeededRandom(),
      transport: new SimulatedNetwork(clock, (_server, _protocol, packet) => ({
        packets: [composeScript(zone.answer(readScript(packet)))],
      })),
      settings: {
        rootHints: [rootHint('a.root-servers.net.', [ROOT_ADDRESS])],
        priming: false,
        minimise: false,
        trustAnchors: [zone.anchor()],
        logBogus: true,
      },
      log: (_level, event) => void events.push(event),
    })
    for (const name of ['bad', 'good', 'bad']) {
      const answer = resolver.query(name)
      while (clock.advanceToNext()) await null
      expect((await answer).rcode).to.equal(name === 'bad' ? 'SERVFAIL' : 'NOERROR')
    }
    expect(resolver.frequentBogus()).to.deep.equal([{ key: 'bad. A', count: 2, error: 0 }])
    expect(events.filter((event) => event === 'bogus')).to.have.length(1)
    await resolver.close()
  })
})
