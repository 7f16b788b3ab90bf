import { expect } from 'chai'
import { nsid } from '../../src/modules/nsid/index.ts'
import type { Request } from '../../src/request.ts'
import { EdnsOption } from '../../src/wire/types.ts'
import { ManualClock } from '../support/clock.ts'
import { SeededRandom } from '../support/random.ts'

describe('nsid (RFC 5001)', () => {
  const tools = { clock: new ManualClock(), random: new SeededRandom(), log: () => {} }

  function answer(text: string, asked: number[]): string[] {
    const options = asked.map((code) => ({ code, data: new Uint8Array() }))
    const request = { edns: { options }, options: [] as { code: number; data: Uint8Array }[] }
    nsid(text, 3)
      .start({}, tools)
      .answer?.(request as unknown as Request)
    return request.options.map(({ code, data }) => `${code} ${Buffer.from(data).toString()}`)
  }

  it('tells those who ask, with the number of the worker where it is wanted', () => {
    expect(answer('prague', [EdnsOption.NSID])).to.deep.equal(['3 prague'])
    expect(answer('prague.{worker}', [EdnsOption.NSID])).to.deep.equal(['3 prague.3'])
  })

  it('tells nobody else (§2.2)', () => expect(answer('prague', [EdnsOption.COOKIE])).to.deep.equal([]))
})
