import { expect } from 'chai'
import { arrangeZone } from '../../src/dnssec/zone-copy.ts'
import { nameFromText, nameToText, ROOT } from '../../src/wire/name.ts'
import { parseZoneText, type ZoneRecord } from '../../src/wire/text.ts'
import { Type } from '../../src/wire/types.ts'
import { WholeZone, type WholeZoneOptions } from '../support/whole-zone.ts'

const BODY = `
. 3600 IN SOA a.root. admin.root. 7 3600 600 86400 600
. 3600 IN NS a.root.
a.root. 3600 IN A 192.0.2.1
com. 7200 IN NS ns.com.
com. 3600 IN DS 1 15 2 ${'00'.repeat(32)}
ns.com. 7200 IN A 192.0.2.2
deep.ns.com. 7200 IN NS ns.com.
org. 7200 IN NS ns.com.
`
const nsec3 = { kind: 'nsec3', iterations: 0, salt: new Uint8Array(), optOut: true } as const
const make = (options?: WholeZoneOptions) => new WholeZone('.', BODY, options)
const reason = (options: WholeZoneOptions) => {
  const found = make(options).verify()
  return found.kind === 'unfit' ? found.reason : found.digest.kind
}
const without = (zone: WholeZone, isGone: (record: ZoneRecord) => boolean) => {
  const copy = arrangeZone(
    zone.records.filter((record) => !isGone(record)),
    zone.origin,
  )
  return 'kind' in copy ? copy : zone.verify(copy)
}

describe('a copy of a zone', () => {
  it('is put in canonical order, and what belongs to children told apart', () =>
    expect(make().copy.nodes.map(({ name, place }) => `${nameToText(name)} ${place}`)).to.deep.equal([
      '. inside',
      'com. cut',
      'ns.com. below-cut',
      'deep.ns.com. below-cut',
      'org. cut',
      'a.root. inside',
    ]))

  it('has nothing of other zones in it', () => {
    const text = `com. 60 IN SOA ns.com. a.com. 1 1 1 1 1\nwww.org. 60 IN A 192.0.2.1\nx.com. 60 CH TXT "y"\n`
    const copy = arrangeZone(parseZoneText(text), nameFromText('com.'))
    expect(copy).to.include({ strangers: 2, serial: 1 })
  })

  it('has one SOA', () => {
    const com = nameFromText('com.')
    expect(arrangeZone([], ROOT)).to.deep.equal({ kind: 'unfit', reason: 'there is no SOA record of .' })
    const twice = 'com. 60 IN SOA ns.com. a.com. 1 1 1 1 1\ncom. 60 IN SOA ns.com. a.com. 2 1 1 1 1\n'
    expect(arrangeZone(parseZoneText(twice), com)).to.deep.equal({
      kind: 'unfit',
      reason: 'there is more than one SOA record of com.',
    })
  })
})

describe('a whole zone is what its owner signed', () => {
  for (const [what, options] of Object.entries<WholeZoneOptions>({
    'SHA-384': {},
    'SHA-512': { digest: 2 },
    'NSEC3 with opt-out': { denial: nsec3 },
  }))
    it(`with a digest that holds: ${what}`, () => expect(reason(options)).to.equal('verified'))

  it('whether it has a digest or not, if it says so (RFC 8976 §4)', () => {
    expect(reason({ digest: 0 })).to.equal('unverifiable')
    expect(reason({ digest: 0, denial: nsec3 })).to.equal('unverifiable')
    expect(reason({ digest: 240 })).to.equal('unverifiable')
  })

  it('unless its digest is missing though it says that there is one', () => {
    for (const denial of [{ kind: 'nsec' }, nsec3] as const)
      expect(without(make({ denial }), ({ type }) => type === Type.ZONEMD)).to.deep.include({
        reason: 'ZONEMD: there is none, though the zone says there is',
      })
  })

  it('unless its digest is wrong', () =>
    expect(reason({ alterDigest: (digest) => Buffer.from(digest).fill(1, 0, 1) })).to.equal(
      'ZONEMD: the digest is another',
    ))

  it('unless a record is missing, also one without signature', () => {
    expect(without(make(), ({ owner }) => nameToText(owner) === 'ns.com.')).to.deep.include({
      reason: 'ZONEMD: the digest is another',
    })
  })

  it('unless some signature is wrong, has expired, or is missing', () => {
    const ofDs = (change: (draft: { expiration: number; labels: number }) => object) =>
      reason({ alter: (draft) => ({ ...draft, ...(draft.typeCovered === Type.DS ? change(draft) : {}) }) })
    expect(ofDs(({ expiration }) => ({ expiration: expiration - 11 * 86_400 }))).to.equal('com. DS: signature expired')
    expect(ofDs(() => ({ keyTag: 1 }))).to.equal('com. DS: no key for signature')
    const unsigned = make({ digest: 0 })
    const isOfNsec = ({ type, rdata }: ZoneRecord) => type === Type.RRSIG && rdata[1] === Type.NSEC
    expect(without(unsigned, isOfNsec)).to.deep.include({ reason: '. NSEC: signature missing' })
  })

  it('unless its own signatures have expired', () => {
    const zone = make()
    expect(zone.verify(zone.copy, zone.nowSeconds + 11 * 86_400)).to.deep.include({
      reason: '. DNSKEY: signature expired',
    })
  })

  it('unless its keys are not trusted, or there are none', () => {
    const zone = make()
    Object.assign(zone.anchor, { ds: [] })
    expect(zone.verify()).to.deep.include({ reason: 'DNSKEY: no key is one that is trusted' })
    expect(without(make(), ({ type }) => type === Type.DNSKEY)).to.deep.include({
      reason: '. has no keys: the zone is not signed',
    })
  })

  it('for no longer than its signatures hold', () => {
    const zone = make()
    const copy = zone.copy
    const found = zone.verify(copy, zone.nowSeconds + 10 * 86_400 - 100)
    if (found.kind === 'unfit') throw new Error(found.reason)
    expect([...found.ttls.values()]).to.include(100)
    expect(Math.max(...found.ttls.values())).to.equal(100)
  })
})
