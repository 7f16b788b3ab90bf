import { expect } from 'chai'
import { answerSpecialName } from '../src/special-names.ts'
import { SPECIAL_ZONES } from '../src/special-names-table.ts'
import { nameFromText, nameToText } from '../src/wire/name.ts'
import { keepHashesSecret } from '../src/wire/name-table.ts'
import { parseSoa } from '../src/wire/rrset.ts'
import { Rcode, Type } from '../src/wire/types.ts'
import { SeededRandom } from './support/random.ts'

describe('answerSpecialName (RFC 6761, RFC 6303)', () => {
  it('knows them whatever hashes of names begin with', () => {
    keepHashesSecret(new SeededRandom(9))
    expect(answerSpecialName(nameFromText('LOCALHOST.'), Type.A)?.kind).to.equal('answer')
  })

  const ask = (name: string, type: number) => answerSpecialName(nameFromText(name), type)
  const outcome = (name: string, type: number) => ask(name, type)?.kind ?? 'ordinary'

  it('leaves ordinary names alone', () => {
    for (const name of ['.', 'org.', 'www.example.org.', 'arpa.', 'in-addr.arpa.', '8.8.8.8.in-addr.arpa.', 'xlocal.'])
      expect(outcome(name, Type.A), name).to.equal('ordinary')
  })

  it('leaves names alone that are special to others than resolvers', () => {
    for (const name of [
      'www.example.',
      'example.com.',
      'ipv4only.arpa.',
      '170.0.0.192.in-addr.arpa.',
      'eap-noob.arpa.',
    ])
      expect(outcome(name, Type.A), name).to.equal('ordinary')
  })

  it('says that localhost and all below it is this machine (RFC 6761 §6.3)', () => {
    for (const name of ['localhost.', 'LocalHost.', 'db.localhost.']) {
      const ipv4 = ask(name, Type.A)!
      expect(ipv4.kind).to.equal('answer')
      expect(nameToText(ipv4.answer[0].owner), 'the owner keeps the case asked for').to.equal(name)
      expect([...ipv4.answer[0].rdatas[0]]).to.deep.equal([127, 0, 0, 1])
      expect([...ask(name, Type.AAAA)!.answer[0].rdatas[0]]).to.deep.equal([...Array(15).fill(0), 1])
      expect(outcome(name, Type.MX)).to.equal('nodata')
      expect(outcome(name, Type.DS)).to.equal('nodata')
    }
  })

  it('denies top-level names that are none', () => {
    for (const zone of ['test.', 'invalid.', 'local.', 'onion.', 'alt.']) {
      expect(outcome(`www.${zone}`, Type.A), zone).to.equal('nxdomain')
      expect(outcome(zone, Type.A), zone).to.equal('nodata')
      expect(outcome(zone, Type.DS), `${zone} DS must not leak`).to.equal('nodata')
    }
  })

  it('answers denials with the SOA of RFC 6303 §3', () => {
    const denial = ask('1.2.3.10.in-addr.arpa.', Type.PTR)!
    expect(denial.rcode).to.equal(Rcode.NXDOMAIN)
    expect(denial.answer).to.deep.equal([])
    const [soa] = denial.authority
    expect(nameToText(soa.owner)).to.equal('10.in-addr.arpa.')
    expect(soa.ttl).to.equal(10_800)
    const { mname, rname, ...times } = parseSoa(soa.rdatas[0])
    expect(nameToText(mname)).to.equal('10.in-addr.arpa.')
    expect(nameToText(rname)).to.equal('nobody.invalid.')
    expect(times).to.deep.equal({ serial: 1, refresh: 3600, retry: 1200, expire: 604_800, minimum: 10_800 })
  })

  it('serves the SOA and NS of each empty zone (RFC 6303 §3)', () => {
    for (const type of [Type.SOA, Type.NS]) {
      const { kind, answer } = ask('d.f.ip6.arpa.', type)!
      expect(kind).to.equal('answer')
      expect(answer[0].type).to.equal(type)
    }
  })

  it('names the loopback addresses (RFC 6303 §4.2, §4.3)', () => {
    const loopbackIpv6 = `1.${'0.'.repeat(31)}ip6.arpa.`
    for (const name of ['1.0.0.127.in-addr.arpa.', loopbackIpv6]) {
      const { kind, answer } = ask(name, Type.PTR)!
      expect(kind, name).to.equal('answer')
      expect(nameToText(answer[0].rdatas[0])).to.equal('localhost.')
      expect(outcome(name, Type.A), name).to.equal('nodata')
    }
    expect(outcome('2.0.0.127.in-addr.arpa.', Type.PTR)).to.equal('nxdomain')
    expect(outcome('0.0.127.in-addr.arpa.', Type.PTR), 'an empty non-terminal, RFC 8020').to.equal('nodata')
    expect(outcome('0.127.in-addr.arpa.', Type.PTR), 'another').to.equal('nodata')
  })

  it('knows all of 172.16/12, 100.64/10 and fe80::/10, and not one network more', () => {
    for (const n of [16, 31]) expect(outcome(`1.1.${n}.172.in-addr.arpa.`, Type.PTR), `${n}`).to.equal('nxdomain')
    for (const n of [15, 32]) expect(outcome(`1.1.${n}.172.in-addr.arpa.`, Type.PTR), `${n}`).to.equal('ordinary')
    for (const n of [64, 127]) expect(outcome(`1.1.${n}.100.in-addr.arpa.`, Type.PTR), `${n}`).to.equal('nxdomain')
    for (const n of [63, 128]) expect(outcome(`1.1.${n}.100.in-addr.arpa.`, Type.PTR), `${n}`).to.equal('ordinary')
    for (const digit of ['8', '9', 'a', 'B']) expect(outcome(`1.${digit}.e.f.ip6.arpa.`, Type.PTR)).to.equal('nxdomain')
    for (const digit of ['7', 'c']) expect(outcome(`1.${digit}.e.f.ip6.arpa.`, Type.PTR)).to.equal('ordinary')
  })

  it('says that there is no designated resolver (RFC 9462 §4)', () => {
    expect(outcome('_dns.resolver.arpa.', Type.SVCB)).to.equal('nodata')
  })

  it('lets DS questions for delegated zones through, so that validators see them unsigned (RFC 8375 §4)', () => {
    expect(outcome('home.arpa.', Type.DS)).to.equal('ordinary')
    expect(outcome('10.in-addr.arpa.', Type.DS)).to.equal('ordinary')
    expect(outcome('printer.home.arpa.', Type.DS)).to.equal('nxdomain')
  })

  it('keeps its table free of doubles, each row with the document that asks for it', () => {
    expect(new Set(SPECIAL_ZONES.map(({ zone }) => zone)).size).to.equal(SPECIAL_ZONES.length)
    for (const { zone, source } of SPECIAL_ZONES) expect(source, zone).to.match(/^RFC \d{4}/)
  })
})
