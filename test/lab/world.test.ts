import { expect } from 'chai'
import { nameToText } from '../../src/wire/name.ts'
import { rdataToText } from '../../src/wire/text.ts'
import { typeText } from '../../src/wire/types.ts'
import { Oracle } from './oracle.ts'
import { World, zoneText } from './world.ts'

describe('World', () => {
  it('is the same at every run', () => {
    const texts = (world: World) => [...world.zones.values()].map(zoneText)
    expect(texts(new World())).to.deep.equal(texts(new World()))
    expect(new World().questions).to.deep.equal(new World().questions)
  })

  it('moves to other addresses as a whole', () => {
    const [here, there] = [new World({ block: 53 }), new World({ block: 60 })]
    for (const [origin, zone] of here.zones)
      expect(zoneText(there.zones.get(origin)!)).to.equal(zoneText(zone).replaceAll('127.53.', '127.60.'))
  })

  it('has root and TLDs whatever else is left out', () => {
    const bare = new World({ only: [] })
    for (const origin of ['.', 'com.', 'net.', 'org.', 'cz.', 'info.'])
      expect(bare.zones.has(origin), origin).to.equal(true)
    expect(bare.zones.size).to.be.below(20)
    expect(bare.troubles).to.deep.equal([])
  })

  it('delegates each zone from the deepest one above it', () => {
    const world = new World()
    for (const zone of world.zones.values()) {
      const parent = world.zoneAbove(zone.origin)
      for (const nsName of parent === undefined ? [] : zone.nameservers)
        expect(parent!.delegations.has(`${zone.origin} NS ${nsName}`), zone.origin).to.equal(true)
    }
  })

  it('has no two servers at one address', () => {
    const world = new World({ ipv6: true })
    const addresses = [
      ...[...world.hosts.values()].flatMap((host) => host.addresses),
      ...world.troubles.flatMap((trouble) => trouble.addresses),
    ]
    expect(new Set(addresses).size).to.equal(addresses.length)
  })
})

describe('Oracle', () => {
  const oracle = new Oracle(new World())
  const truth = (qname: string, qtype = 'A') => {
    const { rcode, answer, fate } = oracle.truth(qname, qtype)
    const records = answer.flatMap(({ owner, type, rdatas }) =>
      rdatas.map((rdata) => `${nameToText(owner)} ${typeText(type)} ${rdataToText(type, rdata)}`),
    )
    return { rcode, records, fate }
  }
  const fine = (rcode: string, ...records: string[]) => ({ rcode, records, fate: 'fine' })

  it('follows aliases through zones', () => {
    expect(truth('across.chains.com')).to.deep.equal(
      fine(
        'NOERROR',
        'across.chains.com. CNAME middle.chains.net.',
        'middle.chains.net. CNAME end.chains.org.',
        'end.chains.org. A 198.18.0.2',
      ),
    )
    expect(truth('to-nothing.chains.com')).to.deep.equal(
      fine('NXDOMAIN', 'to-nothing.chains.com. CNAME nothing.chains.com.'),
    )
    expect(truth('self.loops.com').fate).to.equal('moot')
  })

  it('synthesises from DNAME (RFC 6672), and fails when the name gets too long', () => {
    expect(truth('www.old.dname.org')).to.deep.equal(
      fine(
        'NOERROR',
        'old.dname.org. DNAME new.dname.org.',
        'www.old.dname.org. CNAME www.new.dname.org.',
        'www.new.dname.org. A 198.18.0.3',
      ),
    )
    expect(truth(`${'q'.repeat(60)}.long.dname-long.org`).rcode).to.equal('YXDOMAIN')
  })

  it('knows wildcards and empty non-terminals (RFC 4592)', () => {
    expect(truth('any.wild.net')).to.deep.equal(fine('NOERROR', 'any.wild.net. A 198.18.0.10'))
    expect(truth('very.deep.any.wild.net').records).to.deep.equal(['very.deep.any.wild.net. A 198.18.0.10'])
    expect(truth('b.wild.net')).to.deep.equal(fine('NOERROR')) // there is a.b
    expect(truth('x.b.wild.net')).to.deep.equal(fine('NXDOMAIN')) // *.wild.net does not reach below b
    expect(truth('x.e.wild-empty.org')).to.deep.equal(fine('NOERROR')) // *.e exists, above inner.*.e, without data
    expect(truth('explicit.wild.net', 'TXT')).to.deep.equal(fine('NOERROR'))
  })

  it('asks for DS above the cut', () => {
    expect(oracle.follow(new Uint8Array([4, 100, 101, 101, 112, 3, 99, 111, 109, 0]), 43).zones[0].origin).to.equal(
      'com.',
    )
  })

  it('gives up on what cannot be reached, and on what leads there', () => {
    for (const qname of ['www.cyclic-one.com', 'to-broken.chains.com', 'www.all-lame.net', 'www.no-glue.org'])
      expect(truth(qname), qname).to.deep.equal({ rcode: 'SERVFAIL', records: [], fate: 'broken' })
  })
})
