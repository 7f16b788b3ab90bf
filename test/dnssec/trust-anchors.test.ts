import { expect } from 'chai'
import { DEFAULT_ALGORITHM_POLICY } from '../../src/dnssec/keys.ts'
import {
  anchoredKeys,
  isUsable,
  negativeAnchors,
  parseTrustAnchors,
  ROOT_ANCHORS,
  TrustAnchors,
} from '../../src/dnssec/trust-anchors.ts'
import { nameToText, ROOT } from '../../src/wire/name.ts'
import { rdataFromText, recordToText } from '../../src/wire/text.ts'
import { Type } from '../../src/wire/types.ts'
import { makeKey, name, parsed, REVOKED, SEP, withFlags, ZONE_KEY } from './support.ts'

const policy = DEFAULT_ALGORITHM_POLICY

describe('ROOT_ANCHORS', () => {
  it('are KSK-2017 and KSK-2024', () => {
    expect(ROOT_ANCHORS).to.have.length(1)
    expect(ROOT_ANCHORS[0].zone).to.deep.equal(ROOT)
    expect(ROOT_ANCHORS[0].ds.map((rdata) => (rdata[0] << 8) | rdata[1])).to.deep.equal([20326, 38696])
    expect(isUsable(ROOT_ANCHORS[0], policy)).to.equal(true)
  })

  it('vouch for the keys of the root', () => {
    const ksk2017 =
      '257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU='
    const key = parsed(rdataFromText(Type.DNSKEY, ksk2017))
    expect(key.tag).to.equal(20326)
    const revoked = parsed(rdataFromText(Type.DNSKEY, ksk2017.replace('257', '385')))
    expect(anchoredKeys(ROOT_ANCHORS[0], [makeKey().dnsKey, key, revoked])).to.deep.equal([key])
  })
})

describe('parseTrustAnchors', () => {
  const { rdata } = makeKey(ZONE_KEY | SEP).dnsKey
  const keyText = recordToText(name('example.org'), 0, 1, Type.DNSKEY, rdata)
  const dsText = `Example.ORG. DS 1 13 2 ${'00'.repeat(32)}`

  it('gathers DS and DNSKEY records by zone', () => {
    const anchors = parseTrustAnchors(
      `${keyText}\n${dsText}\n. DS 2 8 2 ${'11'.repeat(32)}\nexample.org. A 192.0.2.1\n`,
    )
    expect(anchors.map((anchor) => [nameToText(anchor.zone), anchor.ds.length, anchor.keys.length])).to.deep.equal([
      ['example.org.', 1, 1],
      ['.', 1, 0],
    ])
  })

  it('takes the key itself for an anchor, but not once it is revoked', () => {
    const key = makeKey(ZONE_KEY | SEP)
    const [anchor] = parseTrustAnchors(recordToText(name('example.org'), 0, 1, Type.DNSKEY, key.dnsKey.rdata))
    const revoked = withFlags(key, ZONE_KEY | SEP | REVOKED)
    expect(anchoredKeys(anchor, [key.dnsKey, makeKey().dnsKey])).to.deep.equal([key.dnsKey])
    expect(anchoredKeys(anchor, [revoked.dnsKey])).to.deep.equal([])
    const [gone] = parseTrustAnchors(recordToText(name('example.org'), 0, 1, Type.DNSKEY, revoked.dnsKey.rdata))
    expect(anchoredKeys(gone, [revoked.dnsKey])).to.deep.equal([])
  })

  it('tells anchors of no use', () => {
    const usable = (text: string) => isUsable(parseTrustAnchors(text)[0], policy)
    expect(usable(dsText)).to.equal(true)
    expect(usable(keyText)).to.equal(true)
    expect(usable(`example.org. DS 1 99 2 ${'00'.repeat(32)}`)).to.equal(false)
    expect(usable(`example.org. DS 1 13 3 ${'00'.repeat(32)}`)).to.equal(false)
    expect(usable('example.org. DNSKEY 257 3 99 AAAA')).to.equal(false)
  })
})

describe('TrustAnchors (RFC 4035 §4.4, RFC 7646 §2)', () => {
  const anchors = parseTrustAnchors(`. DS 1 13 2 ${'00'.repeat(32)}\nsub.example.org. DS 1 13 2 ${'00'.repeat(32)}\n`)
  const held = new TrustAnchors(anchors, negativeAnchors(['example.org', 'b.sub.example.org']))

  it('lets the closest anchor decide', () => {
    for (const text of ['.', 'org', 'example.net', 'sub.example.org', 'a.sub.example.org', 'xexample.org'])
      expect([held.covers(name(text)), held.isSuspended(name(text))], text).to.deep.equal([true, false])
    for (const text of ['example.org', 'WWW.Example.ORG', 'b.sub.example.org', 'c.b.sub.example.org'])
      expect([held.covers(name(text)), held.isSuspended(name(text))], text).to.deep.equal([false, true])
  })

  it('prefers the negative one of two at a name', () => {
    const both = new TrustAnchors(anchors, negativeAnchors(['sub.example.org']))
    expect(both.covers(name('sub.example.org'))).to.equal(false)
    expect(new TrustAnchors(anchors, [ROOT]).covers(name('org'))).to.equal(false)
  })

  it('trusts nothing without anchors', () => {
    const none = new TrustAnchors([])
    expect([none.covers(name('org')), none.isSuspended(name('org')), none.at(ROOT)]).to.deep.equal([
      false,
      false,
      undefined,
    ])
  })

  it('finds anchors by name, and islands below one', () => {
    expect(held.at(name('SUB.example.org'))).to.equal(anchors[1])
    expect(held.at(name('org'))).to.equal(undefined)
    expect(held.hasIslandBelow(name('org'))).to.equal(true)
    expect(held.hasIslandBelow(name('sub.example.org'))).to.equal(false)
    expect(held.hasIslandBelow(name('net'))).to.equal(false)
  })
})
