import { expect } from 'chai'
import { factsBetween, screenText } from '../../supervisor/commands/top-screen.ts'
import { queryFor } from '../workers/fake-resolver.ts'
import { freePort, UdpClient } from '../workers/sockets.ts'
import { bowline } from './command.ts'
import { Service } from './service.ts'

const counter = (name: string, labels: Record<string, string>, value: number) => ({ name, labels, value })

describe('factsBetween, of bowline top', () => {
  const before = [
    counter('bowline_queries_total', { transport: 'udp', family: 'ipv4' }, 1000),
    counter('bowline_cache_lookups_total', { layer: 'answer-index', result: 'hit' }, 500),
    counter('bowline_responses_total', { source: 'cache', rcode: 'NOERROR' }, 800),
    counter('bowline_dropped_total', { reason: 'malformed' }, 5),
  ]
  const now = [
    counter('bowline_queries_total', { transport: 'udp', family: 'ipv4' }, 2000),
    counter('bowline_queries_total', { transport: 'tcp', family: 'ipv6' }, 200),
    counter('bowline_cache_lookups_total', { layer: 'answer-index', result: 'hit' }, 1300),
    counter('bowline_cache_lookups_total', { layer: 'answer-index', result: 'miss' }, 400), // the cache is asked next
    counter('bowline_cache_lookups_total', { layer: 'cache', result: 'hit' }, 100),
    counter('bowline_cache_lookups_total', { layer: 'cache', result: 'miss' }, 100),
    counter('bowline_responses_total', { source: 'cache', rcode: 'NOERROR' }, 1600),
    counter('bowline_responses_total', { source: 'recursion', rcode: 'NXDOMAIN' }, 1000),
    counter('bowline_dropped_total', { reason: 'malformed' }, 5),
    counter('bowline_overload_refused_total', { what: 'joins' }, 20),
  ]

  it('tells what happened in a second', () =>
    expect(factsBetween({ ms: 0, counters: before }, { ms: 2000, counters: now })).to.deep.equal({
      queriesPerSecond: 600,
      hitRatio: 0.9,
      responsesPerSecond: { NXDOMAIN: 500, NOERROR: 400 },
      refusedPerSecond: { joins: 10 },
    }))

  it('knows no ratio of nothing', () => {
    const facts = factsBetween({ ms: 0, counters: [] }, { ms: 1000, counters: [] })
    expect(facts.hitRatio).to.equal(undefined)
    expect(screenText({ ...facts, workers: [] })).to.match(/^queries\/s {2}0; from the cache -\nanswers\/s {2}none\n/)
  })
})

describe('bowline top', () => {
  it('shows one screen with --once, as text or as data', async () => {
    const port = await freePort()
    const service = new Service({ port, workers: 2 })
    const client = new UdpClient()
    const asking = setInterval(() => client.send(queryFor('now.example'), port), 5)
    try {
      await service.says('started')
      const { code, stdout } = await bowline('top', '--once', '-s', service.socket)
      expect({ code, first: stdout.split('\n')[0] }).to.deep.include({ code: 0 })
      expect(Number(/^queries\/s +(\d+);/.exec(stdout)?.[1])).to.be.above(0)
      expect(stdout).to.contain('worker').and.contain('stats/enable')
      const screen = JSON.parse((await bowline('top', '--once', '--json', '-s', service.socket)).stdout)
      expect(screen.queriesPerSecond).to.be.above(0)
      expect(screen.workers).to.have.length(2)
    } finally {
      clearInterval(asking)
      client.close()
      await service.clean()
    }
  })
})
