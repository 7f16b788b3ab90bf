import { expect } from 'chai'
import { parseZoneText } from '../../src/wire/text.ts'
import { Authority } from '../lab/authority.ts'
import { queryFor } from '../workers/fake-resolver.ts'
import { nameOf } from './internet.ts'
import { mistakeIn } from './prober.ts'

function answerFor(index: number, address: string): Buffer {
  const zone = `. 60 IN SOA ns.net. admin.net. 1 3600 600 86400 60\n. 60 IN NS ns.net.\n${nameOf(index)}. 60 IN A ${address}\n`
  const authority = new Authority([{ origin: '.', records: () => parseZoneText(zone) }])
  return Buffer.from(authority.respond(queryFor(nameOf(index)), 'udp')!)
}

describe('mistakeIn, of the soak', () => {
  it('has nothing against the right answer', () =>
    expect(mistakeIn(answerFor(300, '198.18.1.44'), 300)).to.equal(undefined))

  it('finds the answer to another question', () =>
    expect(mistakeIn(answerFor(300, '198.18.1.45'), 300)).to.equal('the address 198.18.1.45'))

  it('finds a failure, and what is no message', () => {
    const failed = answerFor(1, '198.18.0.1')
    failed[3] |= 2
    expect(mistakeIn(failed, 1)).to.equal('rcode 2')
    expect(mistakeIn(failed.subarray(0, 20), 1)).to.contain('no DNS message')
  })
})
