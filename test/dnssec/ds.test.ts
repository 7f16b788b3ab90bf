import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { dsMatches, MAX_DS, parseDs, usableDs, vouchedKeys, whyUnusable } from '../../src/dnssec/ds.ts'
import type { DnsKey } from '../../src/dnssec/keys.ts'
import { rdataFromText } from '../../src/wire/text.ts'
import { Type } from '../../src/wire/types.ts'
import { makeKey, name, parsed } from './support.ts'

const zone = name('Example.org')
const digest = { 1: '11'.repeat(20), 2: '22'.repeat(32), 3: '33'.repeat(32), 4: '44'.repeat(48) }
const ds = (tag: number, algorithm: number, type: keyof typeof digest) =>
  rdataFromText(Type.DS, `${tag} ${algorithm} ${type} ${digest[type]}`)

function dsOf(key: DnsKey, digestType = 2, hash = 'sha256'): Uint8Array {
  const octets = createHash(hash).update(name('example.org')).update(key.rdata).digest()
  return new Uint8Array(Buffer.concat([Buffer.of(key.tag >> 8, key.tag, key.algorithm, digestType), octets]))
}

const lenient = { sha1: true }
const strict = { sha1: false }
const kinds = (rdatas: Uint8Array[], policy = lenient) =>
  usableDs(rdatas, policy).map((record) => `${record.algorithm}/${record.digestType}`)

describe('usableDs (RFC 4035 §5.2, RFC 4509 §3)', () => {
  it('keeps what can be checked', () => {
    expect(kinds([ds(1, 13, 2), ds(2, 99, 2), ds(3, 13, 3), ds(4, 8, 4)])).to.deep.equal(['13/2', '8/4'])
    expect(kinds([new Uint8Array(4)])).to.deep.equal([])
  })

  it('ignores SHA-1 beside better digests, unless those are of no use', () => {
    expect(kinds([ds(1, 13, 1), ds(1, 13, 2)])).to.deep.equal(['13/2'])
    expect(kinds([ds(1, 13, 1), ds(1, 13, 4)])).to.deep.equal(['13/4'])
    expect(kinds([ds(1, 13, 1), ds(1, 99, 2)])).to.deep.equal(['13/1'])
    expect(kinds([ds(1, 13, 1), ds(1, 13, 3)])).to.deep.equal(['13/1'])
  })

  it('follows the policy on SHA-1', () => {
    expect(kinds([ds(1, 5, 2), ds(2, 7, 1), ds(3, 13, 1)], strict)).to.deep.equal([])
    expect(kinds([ds(1, 5, 2), ds(2, 13, 2)], strict)).to.deep.equal(['13/2'])
  })

  it('looks at a few only', () => {
    expect(kinds(Array.from({ length: 100 }, (_, tag) => ds(tag, 13, 2)))).to.have.length(MAX_DS)
    const behindUnknown = [...Array.from({ length: 100 }, (_, tag) => ds(tag, 99, 2)), ds(1, 13, 2)]
    expect(kinds(behindUnknown)).to.deep.equal(['13/2'])
  })
})

describe('whyUnusable (RFC 8914 §4.2, §4.3)', () => {
  it('is undefined when some record will do', () => {
    expect(whyUnusable([ds(1, 99, 2), ds(1, 13, 2)], lenient)).to.equal(undefined)
  })

  it('tells digests from algorithms', () => {
    expect(whyUnusable([ds(1, 13, 3), ds(1, 99, 3)], lenient)).to.equal('unsupported digest')
    expect(whyUnusable([ds(1, 99, 2)], lenient)).to.equal('unsupported algorithm')
    expect(whyUnusable([ds(1, 99, 2), ds(1, 13, 3)], lenient)).to.equal('unsupported algorithm')
    expect(whyUnusable([ds(1, 13, 1)], strict)).to.equal('unsupported digest')
    expect(whyUnusable([ds(1, 5, 2)], strict)).to.equal('unsupported algorithm')
  })
})

describe('dsMatches (RFC 4034 §5.1.4)', () => {
  it('agrees with the example of RFC 4034 §5.4', () => {
    const key = parsed(
      rdataFromText(
        Type.DNSKEY,
        '256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==',
      ),
    )
    const owner = name('dskey.example.com')
    const matches = (text: string) => {
      const record = parseDs(rdataFromText(Type.DS, text))
      return record !== undefined && dsMatches(record, owner, key)
    }
    expect(matches('60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118')).to.equal(true)
    // RFC 4509 §2.3
    expect(matches('60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A')).to.equal(true)
    expect(matches('60485 8 1 2BB183AF5F22588179A53B0A98631FAD1A292118')).to.equal(false)
    expect(matches('60486 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118')).to.equal(false)
    expect(matches('60485 5 2 2BB183AF5F22588179A53B0A98631FAD1A292118')).to.equal(false)
    expect(matches('60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A2921')).to.equal(false)
  })

  it('takes the owner in lower case', () => {
    const { dnsKey } = makeKey()
    const record = parseDs(dsOf(dnsKey))
    if (record === undefined) throw new Error('no DS')
    expect(dsMatches(record, zone, dnsKey)).to.equal(true)
    expect(dsMatches(record, name('EXAMPLE.ORG'), dnsKey)).to.equal(true)
    expect(dsMatches(record, name('example.net'), dnsKey)).to.equal(false)
  })
})

describe('vouchedKeys', () => {
  it('gives the keys that some DS is about, each once', () => {
    const [a, b, c] = [makeKey().dnsKey, makeKey().dnsKey, makeKey().dnsKey]
    const records = usableDs([dsOf(a), dsOf(c, 4, 'sha384'), dsOf(c)], lenient)
    expect(vouchedKeys(records, zone, [a, b, c])).to.have.members([a, c])
    expect(vouchedKeys([], zone, [a, b, c])).to.deep.equal([])
  })

  it('does not hash every key of a tag', () => {
    const { dnsKey } = makeKey()
    const impostors = Array.from({ length: 2 }, () => ({ ...makeKey().dnsKey, tag: dnsKey.tag }))
    const records = usableDs([dsOf(dnsKey)], lenient)
    expect(vouchedKeys(records, zone, [impostors[0], dnsKey])).to.deep.equal([dnsKey])
    expect(vouchedKeys(records, zone, [...impostors, dnsKey])).to.deep.equal([])
  })
})
