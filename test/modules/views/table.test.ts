import { expect } from 'chai'
import fc from 'fast-check'
import { makeConfig } from '../../../src/config/load.ts'
import type { ConfigInput } from '../../../src/config/schema.ts'
import { chooseView, compileViews, covers } from '../../../src/modules/views/choose.ts'
import { COMMON_POLICY, NO_POLICY, Policies } from '../../../src/modules/views/policies.ts'
import { NO_VIEW, ViewTable } from '../../../src/modules/views/table.ts'

type ViewInput = NonNullable<ConfigInput['views']>[number]

const compile = (views: ViewInput[]) => compileViews(makeConfig({ views }).views)
const policies = (views: ViewInput[]) => new Policies(makeConfig({ views }).views)
const ip = (...octets: number[]) => Uint8Array.from(octets)

/** Addresses of few values, so that prefixes meet them. */
const ipv4 = fc.tuple(...[0, 1, 2, 3].map(() => fc.constantFrom(0, 1, 128, 255))).map((octets) => ip(...octets))
const ipv6 = fc
  .array(fc.constantFrom(0, 1, 0x20, 0xff), { minLength: 16, maxLength: 16 })
  .map((octets) => ip(...octets))
const mapped = ipv4.map((octets) => ip(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...octets))
const address = fc.oneof(ipv4, ipv6, mapped)

function subnetText(octets: Uint8Array, bits: number): string {
  const kept = octets.map((octet, at) => octet & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * at))) & 0xff)
  const text =
    kept.length === 4
      ? kept.join('.')
      : Array.from({ length: 8 }, (_, at) => ((kept[2 * at] << 8) | kept[2 * at + 1]).toString(16)).join(':')
  return `${text}/${bits}`
}

const subnet = fc.oneof(
  fc.tuple(ipv4, fc.nat(32)).map(([octets, bits]) => subnetText(octets, bits)),
  fc.tuple(ipv6, fc.nat(128)).map(([octets, bits]) => subnetText(octets, bits)),
)
const view = fc.record({
  subnets: fc.array(subnet, { maxLength: 4 }),
  'dst-subnet': fc.oneof({ weight: 3, arbitrary: fc.constant<string[]>([]) }, fc.array(subnet, { maxLength: 2 })),
  protocols: fc.subarray(['udp', 'tcp'] as ('udp' | 'tcp')[]),
})

describe('ViewTable', () => {
  it('finds the view that its plain twin finds, for any views and clients', () => {
    let found = 0
    fc.assert(
      fc.property(
        fc.array(view, { maxLength: 8 }),
        fc.array(
          fc.tuple(fc.option(address, { nil: undefined }), fc.option(address, { nil: undefined }), fc.boolean()),
          {
            minLength: 20,
          },
        ),
        (written, clients) => {
          const views = compile(written)
          const table = new ViewTable(views)
          for (const [from, destination, overUdp] of clients) {
            const chosen = chooseView(views, { address: from, destination, overUdp })
            if (chosen !== undefined) found++
            expect(table.find(from, destination, overUdp)).to.equal(chosen?.index ?? NO_VIEW)
            if (from !== undefined) expect(table.covers(from)).to.equal(covers(views, from))
          }
        },
      ),
      { numRuns: 300 },
    )
    expect(found).to.be.greaterThan(1000)
  })

  it('tells many prefixes of one length apart', () => {
    const views = Array.from({ length: 2000 }, (_, i) => ({ subnets: `10.${i >> 8}.${i & 255}.0/24` }))
    const table = new ViewTable(compile(views))
    for (let i = 0; i < 2000; i++) expect(table.find(ip(10, i >> 8, i & 255, 9), undefined, true)).to.equal(i)
    expect(table.find(ip(10, 8, 0, 9), undefined, true)).to.equal(NO_VIEW)
  })
})

describe('Policies', () => {
  it('are shared by views that say the same, and by all that say nothing', () => {
    const made = policies([
      { subnets: '192.0.2.0/24' },
      { subnets: '198.51.100.0/25', tags: ['a', 'b'] },
      { subnets: '198.51.100.128/25', tags: ['b', 'a'] },
      { subnets: '203.0.113.0/24', tags: ['b', 'a'], options: { 'cache-partition': 7 } },
    ])
    const of = (...octets: number[]) => made.of(ip(...octets), undefined, true)
    expect(of(192, 0, 2, 1)).to.equal(COMMON_POLICY)
    expect(of(10, 0, 0, 1)).to.equal(COMMON_POLICY)
    expect(of(198, 51, 100, 1)).to.equal(1)
    expect(of(198, 51, 100, 200)).to.equal(1)
    expect(made.partitionOf(of(203, 0, 113, 1))).to.equal(7)
    expect(made.partitionOf(of(198, 51, 100, 1))).to.equal(0)
  })

  it('has none for those who are refused, or may have to be', () => {
    const made = policies([
      { subnets: '192.0.2.0/24', answer: 'refused' },
      { subnets: '198.51.100.0/24', answer: 'noanswer' },
      { subnets: '203.0.113.0/24', protocols: 'tcp' },
    ])
    expect(made.of(ip(192, 0, 2, 1), undefined, true)).to.equal(NO_POLICY)
    expect(made.of(ip(198, 51, 100, 1), undefined, true)).to.equal(NO_POLICY)
    expect(made.of(ip(203, 0, 113, 1), undefined, true)).to.equal(NO_POLICY)
    expect(made.of(ip(203, 0, 113, 1), undefined, false)).to.equal(COMMON_POLICY)
    expect(made.partitionOf(NO_POLICY)).to.equal(0)
  })
})
