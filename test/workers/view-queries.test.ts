import { expect } from 'chai'
import { makeConfig } from '../../src/config/load.ts'
import { Policies } from '../../src/modules/views/policies.ts'
import type { AnswerIndex } from '../../workers/answer-index.ts'
import { answersAtOnce } from '../../workers/answers-at-once.ts'
import { ViewQueries } from '../../workers/view-queries.ts'

describe('ViewQueries', () => {
  const { views } = makeConfig({
    views: [
      { subnets: ['192.0.2.0/24', '2001:db8::/32'] },
      { subnets: '192.0.2.128/25', answer: 'refused' },
      { subnets: '198.51.100.0/24', protocols: ['tcp'] },
    ],
  })
  const near = Uint8Array.of(192, 0, 2, 1)
  const refused = Uint8Array.of(192, 0, 2, 129)
  const farther = Uint8Array.of(198, 51, 100, 1)
  const nobody = Uint8Array.of(203, 0, 113, 1)
  const six = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)

  it('counts the queries of each view, whether answers are ready or not, and those of no view not at all', () => {
    const counts = new ViewQueries(views.length)
    let asked = 0
    const index = { answer: () => (asked++ % 2 === 0 ? 20 : 0) } as unknown as AnswerIndex
    const answerAtOnce = answersAtOnce(index, new Policies(views), counts)!
    const ask = (address: Uint8Array, overUdp = true) =>
      answerAtOnce(new Uint8Array(20), new Uint8Array(512), overUdp, address, undefined)
    for (const address of [near, near, six, refused, farther, nobody]) ask(address)
    for (const address of [near, six, farther, nobody]) ask(address, false)
    expect(counts.counts().map(({ labels, value }) => [...Object.values(labels!), value])).to.deep.equal([
      ['udp', 'ipv4', '0', 2],
      ['udp', 'ipv6', '0', 1],
      ['tcp', 'ipv4', '0', 1],
      ['tcp', 'ipv6', '0', 1],
      ['udp', 'ipv4', '1', 1],
      ['tcp', 'ipv4', '2', 1],
    ])
  })
})
