import { expect } from 'chai'
import fc from 'fast-check'
import { type AlgorithmPolicy, DEFAULT_ALGORITHM_POLICY, type DnsKey } from '../../src/dnssec/keys.ts'
import { MAX_SIGNATURES, signedData, verifyRRset } from '../../src/dnssec/signature.ts'
import { ancestorWith, countLabels, isAtOrBelow, type Name, nameFromText, nameToText } from '../../src/wire/name.ts'
import { type RRset, rrset, rrsigFields } from '../../src/wire/rrset.ts'
import { parseZoneText, rdataFromText } from '../../src/wire/text.ts'
import { Type } from '../../src/wire/types.ts'
import { anyName } from '../wire/arbitraries.ts'
import { FREE } from './signed-zone.ts'
import { makeKey, NOW, name, parsed, REVOKED, set, signatureOver, signed, withFlags, ZONE_KEY } from './support.ts'

const zone = name('example.org')
const key = makeKey()
const www = set('www.example.org', 'A', '192.0.2.1')

function verify(rrset: RRset, keys: DnsKey[] = [key.dnsKey], now = NOW, price = FREE, asked: Name = zone) {
  return verifyRRset(rrset, asked, keys, now, DEFAULT_ALGORITHM_POLICY, price)
}

const reasonOf = (verdict: ReturnType<typeof verify>) => (verdict.security === 'bogus' ? verdict.reason : 'secure')

describe('verifyRRset: published examples', () => {
  const examples: Record<string, string> = {
    'RSA/SHA-256, RFC 5702 §6.1': `
example.net. 3600 IN DNSKEY 256 3 8 AwEAAcFcGsaxxdgiuuGmCkVImy4h99CqT7jwY3pexPGcnUFtR2Fh36BponcwtkZ4cAgtvd4Qs8PkxUdp6p/DlUmObdk=
www.example.net. 3600 IN A 192.0.2.91
www.example.net. 3600 IN RRSIG A 8 3 3600 20300101000000 20000101000000 9033 example.net. kRCOH6u7l0QGy9qpC9l1sLncJcOKFLJ7GhiUOibu4teYp5VE9RncriShZNz85mwlMgNEacFYK/lPtPiVYP4bwg==`,
    'RSA/SHA-512, RFC 5702 §6.2': `
example.net. 3600 IN DNSKEY 256 3 10 AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X0O6pnWnjJQujX/AyhqFDxj13tOnD9u/1kTg7cV6rklMrZDtJCQ5PCl/D7QNPsgVsMu1J2Q8gpMpztNFLpPBz1bWXjDtaR7ZQBlZ3PFY12ZTSncorffcGmhOL
www.example.net. 3600 IN A 192.0.2.91
www.example.net. 3600 IN RRSIG A 10 3 3600 20300101000000 20000101000000 3740 example.net. tsb4wnjRUDnB1BUi+t6TMTXThjVnG+eCkWqjvvjhzQL1d0YRoOe0CbxrVDYd0xDtsuJRaeUw1ep94PzEWzr0iGYgZBWm/zpq+9fOuagYJRfDqfReKBzMweOLDiNa8iP5g9vMhpuv6OPlvpXwm9Sa9ZXIbNl1MBGk0fthPgxdDLw=`,
    'ECDSA P-256, RFC 6605 §6.1': `
example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==
www.example.net. 3600 IN A 192.0.2.1
www.example.net. 3600 IN RRSIG A 13 3 3600 20100909100439 20100812100439 55648 example.net. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==`,
    'ECDSA P-384, RFC 6605 §6.2': `
example.net. 3600 IN DNSKEY 257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40
www.example.net. 3600 IN A 192.0.2.1
www.example.net. 3600 IN RRSIG A 14 3 3600 20100909102025 20100812102025 10771 example.net. /L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm`,
    'Ed25519, RFC 8080 §6.1 with erratum 4935': `
example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=
example.com. 3600 IN MX 10 mail.example.com.
example.com. 3600 IN RRSIG MX 15 2 3600 20150819220000 20150729220000 3613 example.com. oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==`,
    'Ed448, RFC 8080 §6.2 with erratum 4935': `
example.com. 3600 IN DNSKEY 257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA
example.com. 3600 IN MX 10 mail.example.com.
example.com. 3600 IN RRSIG MX 16 2 3600 20150819220000 20150729220000 9713 example.com. 3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6SKiwZSAxGILn/NBtOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA`,
  }
  for (const [title, text] of Object.entries(examples)) {
    it(`accepts ${title}`, () => {
      const [dnskey, data, rrsig] = parseZoneText(text)
      const example = rrset(data.owner, data.type, data.ttl, [data.rdata], [rrsig.rdata])
      const { inception, keyTag } = rrsigFields(rrsig.rdata)
      const published = parsed(dnskey.rdata)
      expect(published.tag).to.equal(keyTag)
      expect(verify(example, [published], inception + 3600, FREE, dnskey.owner)).to.include({ security: 'secure' })
    })
  }
})

describe('verifyRRset: whose signature (RFC 4035 §5.3.1)', () => {
  it('needs a signature, and something signed', () => {
    expect(verify(www)).to.deep.include({ security: 'bogus', reason: 'signature missing' })
    const nothing = { ...www, rdatas: [] }
    expect(reasonOf(verify(signed(nothing, key, zone)))).to.equal('signature missing')
  })

  it('is for the type of the set', () => {
    const other = signatureOver(www, key, zone, { typeCovered: Type.AAAA })
    expect(reasonOf(verify({ ...www, signatures: [other] }))).to.equal('signature missing')
  })

  it('is by the zone that is asked about, at or above the owner', () => {
    for (const signer of ['org.', '.', 'www.example.org', 'example.net', 'xexample.org']) {
      expect(reasonOf(verify(signed(www, key, name(signer))))).to.equal('signer outside the zone')
    }
    const foreign = set('www.example.net', 'A', '192.0.2.1')
    expect(reasonOf(verify(signed(foreign, key, zone)))).to.equal('signer outside the zone')
  })

  it('may name its signer in any case', () => {
    expect(verify(signed(www, key, name('EXAMPLE.Org')))).to.include({ security: 'secure' })
  })

  it('is not by a zone over its own DS (RFC 4035 §2.4)', () => {
    const digest = `1 15 2 ${'00'.repeat(32)}`
    expect(reasonOf(verify(signed(set('example.org', 'DS', digest), key, zone)))).to.equal('signer outside the zone')
    expect(reasonOf(verify(signed(set('sub.example.org', 'DS', digest), key, zone)))).to.equal('secure')
  })
})

describe('verifyRRset: labels (RFC 4034 §3.1.3, RFC 4035 §5.3.4)', () => {
  it('takes what lies between the signer and the owner, and tells the wildcard', () => {
    const deep = set('a.b.c.example.org', 'A', '192.0.2.1')
    for (let labels = 0; labels <= 255; labels++) {
      const verdict = verify(signed(deep, key, zone, { labels }))
      if (labels < 2) expect(reasonOf(verdict)).to.equal('too few labels in signature')
      else if (labels > 5) expect(reasonOf(verdict)).to.equal('too many labels in signature')
      else {
        if (verdict.security !== 'secure') throw new Error(verdict.reason)
        const encloser = verdict.wildcard && nameToText(verdict.wildcard)
        expect(encloser).to.equal(labels === 5 ? undefined : nameToText(ancestorWith(deep.owner, labels)))
      }
    }
  })

  it('does not count the asterisk of an owner that is a wildcard itself', () => {
    const wildcard = set('*.b.example.org', 'A', '192.0.2.1')
    expect(verify(signed(wildcard, key, zone, { labels: 3 }))).to.deep.include({ wildcard: undefined })
    expect(reasonOf(verify(signed(wildcard, key, zone, { labels: 4 })))).to.equal('too many labels in signature')
    expect(verify(signed(wildcard, key, zone, { labels: 2 }))).to.deep.include({ wildcard: zone })
  })

  it('verifies an expanded set by the name of its wildcard', () => {
    const wildcard = set('*.example.org', 'TXT', '"x"')
    const signature = signatureOver(wildcard, key, zone)
    const expanded = { ...wildcard, owner: name('Any.Thing.example.org'), signatures: [signature] }
    expect(verify(expanded)).to.deep.include({ security: 'secure', wildcard: zone })
    expect(reasonOf(verify({ ...expanded, owner: zone }))).to.equal('signature wrong') // labels fit, the name does not
  })

  it('lets no wildcard make delegations or hashed owners', () => {
    const ds = set('x.example.org', 'DS', `1 15 2 ${'00'.repeat(32)}`)
    expect(reasonOf(verify(signed(ds, key, zone, { labels: 2 })))).to.equal('too few labels in signature')
    const nsec3 = set(
      '0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.org',
      'NSEC3',
      '1 0 0 - 35mthgpgcu1qg68fab165klnsnk3dpvl A',
    )
    expect(reasonOf(verify(signed(nsec3, key, zone, { labels: 2 })))).to.equal('too few labels in signature')
  })

  it('holds for any names: signer labels ≤ RRSIG labels ≤ owner labels', () => {
    fc.assert(
      fc.property(anyName, anyName, fc.nat(8), (owner, signer, labels) => {
        const text = rrset(owner, Type.TXT, 300, [Uint8Array.of(1, 65)])
        const verdict = verify(signed(text, key, signer, { labels }), [key.dnsKey], NOW, FREE, signer)
        if (verdict.security === 'bogus') return
        expect(isAtOrBelow(owner, signer)).to.equal(true)
        expect(labels).to.be.at.least(countLabels(signer))
        expect(labels).to.be.at.most(countLabels(owner))
      }),
      { numRuns: 300, seed: 1 },
    )
  })
})

describe('verifyRRset: times (RFC 4034 §3.1.5, RFC 4035 §5.3.3)', () => {
  const between = (inception: number, expiration: number, now: number) =>
    reasonOf(verify(signed(www, key, zone, { inception, expiration }), [key.dnsKey], now))

  it('counts both ends of the validity as within it', () => {
    expect(between(NOW, NOW + 10, NOW)).to.equal('secure')
    expect(between(NOW - 10, NOW, NOW)).to.equal('secure')
    expect(between(NOW + 1, NOW + 10, NOW)).to.equal('signature not yet valid')
    expect(between(NOW - 10, NOW - 1, NOW)).to.equal('signature expired')
    expect(between(NOW + 1, NOW - 1, NOW)).to.equal('signature expired before valid')
  })

  it('wraps around in 2106, by serial number arithmetic', () => {
    const end = 2 ** 32
    expect(between(end - 100, end + 100, end - 1)).to.equal('secure')
    expect(between(end - 100, end + 100, end + 1)).to.equal('secure')
    expect(between(end - 100, end + 100, end + 101)).to.equal('signature expired')
    expect(between(end + 10, end + 100, end - 1)).to.equal('signature not yet valid')
  })

  it('keeps a set no longer than its original TTL and its signature', () => {
    const ttlOf = (ttl: number, originalTtl: number, left: number) =>
      verify(signed({ ...www, ttl }, key, zone, { originalTtl, expiration: NOW + left }))
    expect(ttlOf(300, 300, 9000)).to.include({ ttl: 300 })
    expect(ttlOf(900, 300, 9000)).to.include({ ttl: 300 })
    expect(ttlOf(200, 300, 9000)).to.include({ ttl: 200 })
    expect(ttlOf(200, 300, 20)).to.include({ ttl: 20 })
    expect(ttlOf(200, 300, 0)).to.include({ ttl: 0 })
  })
})

describe('verifyRRset: which keys (RFC 4034 §2.1, RFC 5011 §2.1)', () => {
  const by = (flags: number, protocol = 3) => {
    const other = makeKey(flags, protocol)
    return reasonOf(verify(signed(www, other, zone), [other.dnsKey]))
  }

  it('needs the zone bit and protocol 3, and no revocation', () => {
    expect(by(ZONE_KEY)).to.equal('secure')
    expect(by(ZONE_KEY | 1)).to.equal('secure')
    expect(by(0)).to.equal('key is no zone key')
    expect(by(ZONE_KEY, 2)).to.equal('key is no zone key')
    expect(by(ZONE_KEY | REVOKED)).to.equal('no key for signature')
  })

  it('needs the key itself', () => {
    expect(reasonOf(verify(signed(www, key, zone), []))).to.equal('no key for signature')
    expect(reasonOf(verify(signed(www, key, zone), [makeKey().dnsKey]))).to.equal('no key for signature')
    const impostor = { ...makeKey().dnsKey, tag: key.dnsKey.tag }
    expect(reasonOf(verify(signed(www, key, zone), [impostor]))).to.equal('signature wrong')
    const elsewhere = { ...key.dnsKey, algorithm: 13 }
    expect(reasonOf(verify(signed(www, key, zone), [elsewhere]))).to.equal('no key for signature')
  })

  it('tries another key of the same tag, but not many', () => {
    const impostor = () => ({ ...makeKey().dnsKey, tag: key.dnsKey.tag })
    expect(reasonOf(verify(signed(www, key, zone), [impostor(), key.dnsKey]))).to.equal('secure')
    expect(reasonOf(verify(signed(www, key, zone), [impostor(), impostor(), key.dnsKey]))).to.equal('signature wrong')
  })

  it('fails by a key that matches and is none, at a price (CVE-2025-8677)', () => {
    let failures = 0
    const price = { verification: () => true, failure: () => ++failures < 2 }
    const broken = { ...key.dnsKey, material: key.dnsKey.material.subarray(0, 31) }
    broken.rdata = key.dnsKey.rdata.subarray(0, 35)
    expect(reasonOf(verify(signed(www, key, zone), [broken], NOW, price))).to.equal('signature wrong')
    expect(failures).to.equal(1)
    expect(reasonOf(verify(signed(www, key, zone), [broken, key.dnsKey], NOW, price))).to.equal('limit reached')
  })

  it('ignores algorithms we cannot check, and those the policy forbids', () => {
    const unknown = { ...key.dnsKey, algorithm: 99 }
    const signature = signatureOver(www, key, zone, { algorithm: 99 })
    const both = { ...www, signatures: [signature, signatureOver(www, key, zone)] }
    expect(reasonOf(verify(both, [unknown, key.dnsKey]))).to.equal('secure')
    expect(reasonOf(verify({ ...www, signatures: [signature] }, [unknown]))).to.equal('signature missing')
    const rsa = { ...key.dnsKey, algorithm: 5 }
    const old = { ...www, signatures: [signatureOver(www, key, zone, { algorithm: 5 })] }
    const under = (policy: AlgorithmPolicy) => reasonOf(verifyRRset(old, zone, [rsa], NOW, policy, FREE))
    expect(under({ sha1: false })).to.equal('signature missing')
    expect(under({ sha1: true })).to.equal('signature wrong')
  })
})

describe('verifyRRset: limits (KeyTrap)', () => {
  const wrong = () => {
    const signature = signatureOver(www, key, zone)
    signature[signature.length - 1] ^= 1
    return signature
  }

  it('tries few signatures, not counting those without a key', () => {
    const good = signatureOver(www, key, zone)
    const keyless = signatureOver(www, key, zone, { keyTag: key.dnsKey.tag ^ 1 })
    const behind = (first: () => Uint8Array, count: number) =>
      reasonOf(verify({ ...www, signatures: [...Array.from({ length: count }, first), good] }))
    expect(behind(wrong, MAX_SIGNATURES - 1)).to.equal('secure')
    expect(behind(wrong, MAX_SIGNATURES)).to.equal('limit reached')
    expect(behind(() => keyless, 50)).to.equal('secure')
  })

  it('asks before it works', () => {
    let asked = 0
    const price = { verification: () => ++asked > 1, failure: () => true }
    expect(reasonOf(verify(signed(www, key, zone), [key.dnsKey], NOW, price))).to.equal('limit reached')
    expect(reasonOf(verify(signed(www, key, zone), [key.dnsKey], NOW, price))).to.equal('secure')
  })

  it('tells the most telling reason', () => {
    const expired = signatureOver(www, key, zone, { expiration: NOW - 1 })
    const keyless = signatureOver(www, key, zone, { keyTag: 1 })
    for (const signatures of [
      [expired, wrong(), keyless],
      [keyless, wrong(), expired],
    ]) {
      expect(verify({ ...www, signatures })).to.deep.include({ reason: 'signature expired', keyTag: key.dnsKey.tag })
    }
    expect(reasonOf(verify({ ...www, signatures: [keyless, wrong()] }))).to.equal('signature wrong')
  })

  it('accepts the one signature that holds among others', () => {
    const revoked = withFlags(key, ZONE_KEY | REVOKED)
    const signatures = [signatureOver(www, revoked, zone), wrong(), signatureOver(www, key, zone)]
    expect(reasonOf(verify({ ...www, signatures }, [revoked.dnsKey, key.dnsKey]))).to.equal('secure')
  })
})

describe('signedData (RFC 4034 §3.1.8.1 and §6)', () => {
  const hex = (octets: Uint8Array) => Buffer.from(octets).toString('hex')
  const dataOf = (rrset: RRset, fields: string) => {
    const rdata = rdataFromText(Type.RRSIG, `${fields} AAAA`)
    return hex(signedData(rrset, rrsigFields(rdata), rdata))
  }
  const nameHex = (text: string) => hex(nameFromText(text))

  it('is the RRSIG without its signature, then each record with the original TTL', () => {
    const fields = 'MX 8 3 3600 20300101000000 20000101000000 9033 Example.ORG.'
    const mx = set('WWW.Example.org', 'MX', '10 Mail.Example.ORG.')
    expect(dataOf(mx, fields)).to.equal(
      `000f080300000e1070dbd880386d43802349${nameHex('example.org')}` +
        `${nameHex('www.example.org')}000f000100000e100014000a${nameHex('mail.example.org')}`,
    )
  })

  it('has each record once, in the order of their octets', () => {
    const fields = 'TXT 8 3 300 20300101000000 20000101000000 1 example.org.'
    const sorted = dataOf(set('www.example.org', 'TXT', '"a"', '"a" "b"', '"b"', '""'), fields)
    const mixed = dataOf(set('www.example.org', 'TXT', '"b"', '"a"', '""', '"a" "b"', '"a"', '"b"'), fields)
    expect(mixed).to.equal(sorted)
    const rdatas = sorted.split(`${nameHex('www.example.org')}001000010000012c`).slice(1)
    expect(rdatas).to.deep.equal(['000100', '00020161', '000401610162', '00020162'])
  })

  it('keeps records that differ only in case once, where case does not matter', () => {
    const fields = 'NS 8 2 300 20300101000000 20000101000000 1 example.org.'
    const twice = dataOf(set('example.org', 'NS', 'NS.example.net.', 'ns.example.net.'), fields)
    expect(twice).to.equal(dataOf(set('example.org', 'NS', 'ns.example.net.'), fields))
  })

  it('leaves the next name of an NSEC in its case, and folds that of other types (RFC 6840 §5.1)', () => {
    const nsec = dataOf(
      set('example.org', 'NSEC', 'WWW.Example.org. A'),
      'NSEC 8 2 300 20300101000000 20000101000000 1 example.org.',
    )
    expect(nsec).to.contain(nameHex('WWW.Example.org'))
    const srv = dataOf(
      set('example.org', 'SRV', '1 2 3 WWW.Example.org.'),
      'SRV 8 2 300 20300101000000 20000101000000 1 example.org.',
    )
    expect(srv).to.contain(nameHex('www.example.org'))
    const svcb = dataOf(
      set('example.org', 'SVCB', '1 WWW.Example.org.'),
      'SVCB 8 2 300 20300101000000 20000101000000 1 example.org.',
    )
    expect(svcb).to.contain(nameHex('WWW.Example.org'))
  })

  it('has the wildcard for owner where labels say so', () => {
    const fields = (labels: number) => `A 8 ${labels} 300 20300101000000 20000101000000 1 example.org.`
    expect(dataOf(set('A.B.example.org', 'A', '192.0.2.1'), fields(2))).to.contain(nameHex('*.example.org'))
    expect(dataOf(set('A.B.example.org', 'A', '192.0.2.1'), fields(3))).to.contain(nameHex('*.b.example.org'))
    expect(dataOf(set('A.B.example.org', 'A', '192.0.2.1'), fields(4))).to.contain(nameHex('a.b.example.org'))
    expect(dataOf(set('*.B.example.org', 'A', '192.0.2.1'), fields(3))).to.contain(nameHex('*.b.example.org'))
    expect(dataOf(set('*.B.example.org', 'A', '192.0.2.1'), fields(2))).to.contain(nameHex('*.example.org'))
  })
})
