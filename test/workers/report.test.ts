import { expect } from 'chai'
import { coreCounters } from '../../src/driver/counters.ts'
import { Counter, Counters } from '../../src/metrics/counters.ts'
import { type Table, Tables } from '../../src/metrics/tables.ts'
import type { Settings } from '../../src/settings.ts'
import { type Parts, reportCounters } from '../../workers/report.ts'
import { always, authority, ROOT_ADDRESS, type Server, Story, silent, switching } from '../scenarios/own/story.ts'

const FIRST = '192.0.2.1'
const SECOND = '192.0.2.2'
const ORG = authority({
  'org.': `@ NS ns1\n@ NS ns2\nns1 A ${FIRST}\nns2 A ${SECOND}\na.b.c A 203.0.113.1\nloop CNAME pool\npool CNAME loop`,
})

/** What a worker would tell of a story in which `org.` has these two servers, once the names are asked for. */
function reportOf(first: Server, second: Server, names: string[], settings: Partial<Settings> = {}): Counters {
  const root = authority({ '.': `org NS ns1.org\norg NS ns2.org\nns1.org A ${FIRST}\nns2.org A ${SECOND}` })
  const story = new Story({ [ROOT_ADDRESS]: root, [FIRST]: first, [SECOND]: second }, { settings })
  for (const name of names) story.ask(name)
  const counters = new Counters()
  reportCounters({ ...NOTHING, core: story.partitions } as unknown as Parts, counters)
  return counters
}

/** Parts that have counted nothing. */
const NOTHING = {
  store: { stats: () => ({ readErrors: 0 }) },
  transport: { counters: { udp: {}, tcp: {}, tls: {}, handshakes: {} } },
  measured: { values: new Counters().values },
  index: { hits: 0, misses: 0, types: new Float64Array(257) },
  link: { counted: {} },
}

/** The cells of a table that are not 0, by their labels. */
function told({ values }: Counters, table: Table): unknown[] {
  return Array.from({ length: table.length }, (_, cell) => cell)
    .filter((cell) => values[table.start + cell] > 0)
    .map((cell) => [...Object.values(table.labelsOf(cell)), values[table.start + cell]])
}

describe('reportCounters', () => {
  it('tells why queries had to be sent again, each once', () => {
    const retries = (server: Server) => told(reportOf(server, server, ['a.b.c.org.']), Tables.RETRIES)
    expect(retries(ORG)).to.deep.equal([])
    expect(retries(switching(1, silent, ORG))).to.deep.equal([['timeout', 2]]) // each server once
    expect(retries(switching(1, always({ tc: true }), ORG))).to.deep.equal([['truncated', 1]])
    expect(retries(always({ rcode: 2 }))).to.deep.equal([['rcode', 1]]) // that of the second is the end
  })

  it('tells what QNAME minimisation took, and where it was given up (RFC 9156)', () => {
    const minimising = (server: Server) => {
      const counters = reportOf(server, server, ['a.b.c.org.'], { minimise: true })
      return [Counter.MINIMISED, Counter.MINIMISING_GIVEN_UP].map((counter) => counters.get(counter))
    }
    expect(minimising(ORG)).to.deep.equal([3, 0]) // org., c.org., b.c.org.
    const denying: Server = (incoming) => (incoming.count === 1 ? always({ rcode: 3 }) : ORG)(incoming)
    expect(minimising(denying)).to.deep.equal([2, 1])
  })

  it('tells what was verified, by algorithm', () => {
    const core = { counters: coreCounters(new Story({}).core.counters.exchanges) }
    core.counters.signatures = { good: { 13: 3, 8: 1 }, failed: { 16: 2 } }
    const counters = new Counters()
    reportCounters({ ...NOTHING, core } as unknown as Parts, counters)
    expect(told(counters, Tables.SIGNATURES)).to.deep.equal([
      ['RSASHA256', 'good', 1],
      ['ECDSAP256SHA256', 'good', 3],
      ['ED448', 'failed', 2],
    ])
  })

  it('tells of questions that depend on themselves', () => {
    const loops = (name: string) => reportOf(ORG, ORG, [name]).get(Counter.LOOPS)
    expect(['a.b.c.org.', 'loop.org.'].map(loops)).to.deep.equal([0, 1])
  })
})
