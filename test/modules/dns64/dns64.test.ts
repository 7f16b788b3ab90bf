import { expect } from 'chai'
import { makeConfig } from '../../../src/config/load.ts'
import { parseSubnet, type Subnet } from '../../../src/config/policy-kinds.ts'
import type { ConfigInput } from '../../../src/config/schema.ts'
import { embed, extract } from '../../../src/modules/dns64/translate.ts'
import { policyFromConfig } from '../../../src/policy-from-config.ts'
import { addressText } from '../../../src/wire/ip-address.ts'
import { Flag } from '../../../src/wire/types.ts'
import { always, authority, gist, ROOT_ADDRESS, Story } from '../../scenarios/own/story.ts'

const PREFIX = '2001:db8:64::/96'

function tell(dns64: ConfigInput['dns64'] = {}, root = authority({ '.': ZONE })): Story {
  const settings = policyFromConfig(makeConfig({ dns64: { enable: true, prefix: PREFIX, ...dns64 } }))
  return new Story({ [ROOT_ADDRESS]: root }, { settings })
}

const ZONE = `v4.org A 192.0.2.33
              both.org A 192.0.2.33
              both.org AAAA 2001:db8::1
              mapped.org A 192.0.2.33
              mapped.org AAAA ::ffff:192.0.2.33
              private.org A 10.0.0.1
              alias.org CNAME v4.org
              none.org TXT x
              33.2.0.192.in-addr.arpa PTR v4.org.`

describe('dns64 (RFC 6147)', () => {
  it('makes AAAA records of A records where there are none', () =>
    expect(gist(tell().ask('v4.org.', 'AAAA'))).to.deep.equal(['NOERROR', 'v4.org. AAAA 2001:db8:64::c000:221']))

  it('also at the end of an alias (§5.1.5)', () =>
    expect(gist(tell().ask('alias.org.', 'AAAA'))).to.deep.equal([
      'NOERROR',
      'alias.org. CNAME v4.org.',
      'v4.org. AAAA 2001:db8:64::c000:221',
    ]))

  it('not where there are AAAA records that count (§5.1.4)', () => {
    expect(gist(tell().ask('both.org.', 'AAAA'))).to.deep.equal(['NOERROR', 'both.org. AAAA 2001:db8::1'])
    expect(gist(tell().ask('mapped.org.', 'AAAA'))).to.deep.equal(['NOERROR', 'mapped.org. AAAA 2001:db8:64::c000:221'])
  })

  it('not of nothing, of what does not exist, or of what fails', () => {
    expect(gist(tell().ask('none.org.', 'AAAA'))).to.deep.equal(['NOERROR'])
    expect(gist(tell().ask('gone.org.', 'AAAA'))).to.deep.equal(['NXDOMAIN'])
    expect(gist(tell({}, always({ rcode: 2 })).ask('v4.org.', 'AAAA'))).to.deep.equal(['SERVFAIL'])
  })

  it('not for clients that validate by themselves (§5.5)', () =>
    expect(gist(tell().ask('v4.org.', 'AAAA', Flag.RD | Flag.CD))).to.deep.equal(['NOERROR']))

  it('not of private addresses with the well-known prefix (RFC 6052 §3.1)', () => {
    expect(gist(tell({ prefix: '64:ff9b::/96' }).ask('private.org.', 'AAAA'))).to.deep.equal(['NOERROR'])
    expect(gist(tell().ask('private.org.', 'AAAA'))[1]).to.equal('private.org. AAAA 2001:db8:64::a00:1')
  })

  it('leads reverse names to those of IPv4 (§5.3.1)', () => {
    const nibbles = '1.2.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa.'
    expect(gist(tell().ask(nibbles, 'PTR'))).to.deep.equal([
      'NOERROR',
      `${nibbles} CNAME 33.2.0.192.in-addr.arpa.`,
      '33.2.0.192.in-addr.arpa. PTR v4.org.',
    ])
  })

  it('tells the prefix by ipv4only.arpa (RFC 7050)', () =>
    expect(gist(tell().ask('ipv4only.arpa.', 'AAAA')).slice(1)).to.have.members([
      'ipv4only.arpa. AAAA 2001:db8:64::c000:aa',
      'ipv4only.arpa. AAAA 2001:db8:64::c000:ab',
    ]))
})

describe('addresses inside addresses (RFC 6052 §2.4)', () => {
  const ipv4 = Uint8Array.of(192, 0, 2, 33)
  for (const [prefix, expected] of [
    ['2001:db8::/32', '2001:db8:c000:221::'],
    ['2001:db8:100::/40', '2001:db8:1c0:2:21::'],
    ['2001:db8:122::/48', '2001:db8:122:c000:2:2100::'],
    ['2001:db8:122:300::/56', '2001:db8:122:3c0:0:221::'],
    ['2001:db8:122:344::/64', '2001:db8:122:344:c0:2:2100:0'],
    ['2001:db8:122:344::/96', '2001:db8:122:344::c000:221'],
  ])
    it(`of ${prefix}`, () => {
      const subnet = parseSubnet(prefix) as Subnet
      const ipv6 = embed(ipv4, subnet)
      expect(addressText(ipv6)).to.equal(expected)
      expect(extract(ipv6, subnet)).to.deep.equal(ipv4)
    })
})
