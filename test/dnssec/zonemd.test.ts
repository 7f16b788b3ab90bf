import { expect } from 'chai'
import { arrangeZone, findSet, type ZoneCopy } from '../../src/dnssec/zone-copy.ts'
import { checkZoneDigest, digestOf, parseZoneDigest } from '../../src/dnssec/zonemd.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { parseZoneText } from '../../src/wire/text.ts'
import { Type } from '../../src/wire/types.ts'

// RFC 8976 appendix A
const SIMPLE = `
example.      86400  IN  SOA     ns1 admin 2018031900 1800 900 604800 86400
              86400  IN  NS      ns1
              86400  IN  NS      ns2
              86400  IN  ZONEMD  2018031900 1 1 (
    c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c )
ns1           3600   IN  A       203.0.113.63
ns2           3600   IN  AAAA    2001:db8::63
`
const COMPLEX = `
example.      86400  IN  SOA     ns1 admin 2018031900 1800 900 604800 86400
              86400  IN  NS      ns1
              86400  IN  NS      ns2
              86400  IN  ZONEMD  2018031900 1 1 (
    a3b69bad980a3504e1cffcb0fd6397f93848071c93151f552ae2f6b1711d4bd2d8b39808226d7b9db71e34b72077f8fe )
ns1           3600   IN  A       203.0.113.63
NS2           3600   IN  AAAA    2001:db8::63
occluded.sub  7200   IN  TXT     "I'm occluded but must be digested"
sub           7200   IN  NS      ns1
duplicate     300    IN  TXT     "I must be digested just once"
duplicate     300    IN  TXT     "I must be digested just once"
foo.test.     555    IN  TXT     "out-of-zone data must be excluded"
UPPERCASE     3600   IN  TXT     "canonicalize uppercase owner names"
*             777    IN  PTR     dont-forget-about-wildcards
mail          3600   IN  MX      20 MAIL1
mail          3600   IN  MX      10 Mail2.Example.
sortme        3600   IN  AAAA    2001:db8::5:61
sortme        3600   IN  AAAA    2001:db8::3:62
sortme        3600   IN  AAAA    2001:db8::4:63
sortme        3600   IN  AAAA    2001:db8::1:65
sortme        3600   IN  AAAA    2001:db8::2:64
non-apex      900    IN  ZONEMD  2018031900 1 1 (
    616c6c6f776564206275742069676e6f7265642e20616c6c6f776564206275742069676e6f7265642e20616c6c6f7765 )
`
const MULTIPLE = `
example.      86400  IN  SOA     ns1 admin 2018031900 1800 900 604800 86400
example.      86400  IN  NS      ns1.example.
example.      86400  IN  NS      ns2.example.
example.      86400  IN  ZONEMD  2018031900 1 1 (
    62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493daaf401c92c279dd10f0edb1c56f8080211f8480ee306 )
example.      86400  IN  ZONEMD  2018031900 1 2 (
    08cfa1115c7b948c4163a901270395ea226a930cd2cbcf2fa9a5e6eb85f37c8a4e114d884e66f176eab121cb02db7d65
    2e0cc4827e7a3204f166b47e5613fd27 )
example.      86400  IN  ZONEMD  2018031900 1 240 ( e2d523f654b9422a96c5a8f44607bbee )
example.      86400  IN  ZONEMD  2018031900 241 1 ( e1846540e33a9e4189792d18d5d131f605fc283e )
ns1.example.  3600   IN  A       203.0.113.63
ns2.example.  86400  IN  TXT     "This example has multiple digests"
NS2.EXAMPLE.  3600   IN  AAAA    2001:db8::63
`

function zoneOf(text: string): ZoneCopy {
  const origin = nameFromText('example')
  const zone = arrangeZone(parseZoneText(text, origin), origin)
  if ('kind' in zone) throw new Error(zone.reason)
  return zone
}

function check(text: string) {
  const zone = zoneOf(text)
  return checkZoneDigest(zone, findSet(zone.nodes[0], Type.ZONEMD))
}

describe('the digest of a zone (RFC 8976)', () => {
  for (const [name, text] of Object.entries({ SIMPLE, COMPLEX, MULTIPLE }))
    it(`is that of the example ${name}`, () => expect(check(text)).to.deep.equal({ kind: 'verified' }))

  it('is computed with SHA-384 and SHA-512', () => {
    const zone = zoneOf(MULTIPLE)
    const claims = findSet(zone.nodes[0], Type.ZONEMD)!.rdatas.map((rdata) => parseZoneDigest(rdata)!)
    for (const hash of [1, 2]) {
      const claim = claims.find(({ scheme, hashAlgorithm }) => scheme === 1 && hashAlgorithm === hash)!
      expect(Buffer.from(digestOf(zone, hash))).to.deep.equal(Buffer.from(claim.digest))
    }
  })

  it('holds when one of several records does', () => {
    expect(check(MULTIPLE.replace('62e6cf51', '00000000'))).to.deep.equal({ kind: 'verified' })
    expect(check(MULTIPLE.replace('62e6cf51', '00000000').replace('08cfa111', '00000000'))).to.deep.equal({
      kind: 'wrong',
      reason: 'the digest is another',
    })
  })

  it('differs when any record, TTL included, is another', () => {
    for (const [from, to] of [
      ['203.0.113.63', '203.0.113.64'],
      ['ns1           3600', 'ns1           3601'],
      ['2001:db8::63', '2001:db8::63\nns3 3600 IN A 203.0.113.65'],
    ])
      expect(check(SIMPLE.replace(from, to)), from).to.deep.equal({ kind: 'wrong', reason: 'the digest is another' })
  })

  it('has to be for the serial of the zone', () =>
    expect(check(SIMPLE.replace('ZONEMD  2018031900', 'ZONEMD  2018031901'))).to.deep.equal({
      kind: 'wrong',
      reason: 'is for serial 2018031901, the zone has 2018031900',
    }))

  it('does not count twice with one scheme and hash', () =>
    expect(check(`${SIMPLE}example. 86400 IN ZONEMD 2018031900 1 1 ${'00'.repeat(48)}\n`)).to.deep.equal({
      kind: 'wrong',
      reason: 'two records have the same scheme and hash',
    }))

  it('cannot be told without a record, or with none of a known scheme and hash', () => {
    expect(check(SIMPLE.replace(/ZONEMD/, 'TYPE65500 \\# 4 00000000 ;').replace(/\n +c680.*/, ''))).to.deep.equal({
      kind: 'unverifiable',
    })
    expect(check(SIMPLE.replace('2018031900 1 1', '2018031900 1 240'))).to.deep.equal({ kind: 'unverifiable' })
    expect(check(SIMPLE.replace('2018031900 1 1', '2018031900 240 1'))).to.deep.equal({ kind: 'unverifiable' })
  })

  it('is none when too short', () => expect(parseZoneDigest(new Uint8Array(17))).to.equal(undefined))
})
