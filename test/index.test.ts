import { expect } from 'chai'
import { Cache } from '../src/cache/cache.ts'
import { Rank } from '../src/cache/rank.ts'
import { makeConfig } from '../src/config/load.ts'
import { defineModule, MemoryStore, nameFromText, Resolver, rootHint } from '../src/index.ts'
import { systemClock } from '../src/io/clock.ts'
import { composeQuery } from '../src/wire/compose.ts'
import { parseReply } from '../src/wire/message.ts'
import { Class, Flag, Type } from '../src/wire/types.ts'
import { composeScript, readScript } from './scenarios/message.ts'
import { ROOT_ADDRESS } from './scenarios/own/story.ts'
import { SimulatedNetwork } from './scenarios/simulated-network.ts'
import { ManualClock } from './support/clock.ts'
import { sets } from './support/messages.ts'
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

describe('Resolver with views and modules', () => {
  const silence = { exchange: () => ({ cancel() {} }) }

  it('keeps what is learned for the clients of a view in its partition', async () => {
    const { views } = makeConfig({ views: [{ subnets: '192.0.2.0/24', options: { 'cache-partition': 1 } }] })
    const store = new MemoryStore()
    const settings = { validate: false, sections: { views } }
    const resolver = new Resolver({ transport: silence, store, settings })
    const others = new Cache(store, systemClock, { ttlMin: 0, ttlMax: 60, negativeTtlMax: 60, partition: 1 })
    for (const [cache, address] of [[resolver.cache, '192.0.2.10'] as const, [others, '192.0.2.20'] as const])
      for (const set of sets(`www.example.org. 60 A ${address}`))
        cache.insert(set, { rank: Rank.ANSWER, security: 'insecure' })
    const question = { name: nameFromText('www.example.org.'), type: Type.A, class: Class.IN }
    const packet = new Uint8Array(512)
    const octets = composeQuery(packet, { id: 1, flags: Flag.RD, question })
    const last = async (...address: number[]) => {
      const client = { overUdp: true, address: Uint8Array.from(address) }
      const response = (await resolver.handle(packet.subarray(0, octets), client)) as Uint8Array
      return parseReply(response).answer[0].rdatas[0][3]
    }
    expect([await last(192, 0, 2, 1), await last(127, 0, 0, 1)]).to.deep.equal([20, 10])
    await resolver.close()
  })

  it('stops its modules when it is closed', async () => {
    let stopped = 0
    const module = defineModule({ name: 'stopping', stop: () => void stopped++ })
    await new Resolver({ transport: silence, modules: [{ module, config: {} }] }).close()
    expect(stopped).to.equal(1)
  })
})
