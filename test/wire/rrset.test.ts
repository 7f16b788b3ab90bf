import { expect } from 'chai'
import { nameFromText, nameToText } from '../../src/wire/name.ts'
import { cnameTarget, mxExchange, nsName, parseSoa, rrset, rrsigFields, srvTarget } from '../../src/wire/rrset.ts'
import { Class, Type } from '../../src/wire/types.ts'
import { hex, octets, wireErrorOf } from './octets.ts'

const soa = '<ns.example.org> <admin.example.org> fffffffe 00000e10 00000384 00093a80 0000012c'

describe('rrset', () => {
  it('is of class IN and unsigned unless told otherwise', () => {
    const owner = nameFromText('example.org')
    expect(rrset(owner, Type.A, 300, [octets('c0000201')])).to.deep.equal({
      owner,
      type: Type.A,
      class: Class.IN,
      ttl: 300,
      rdatas: [octets('c0000201')],
      signatures: [],
    })
  })
})

describe('names inside RDATA', () => {
  it('are the RDATA itself for NS, CNAME, DNAME and PTR', () => {
    const rdata = octets('<ns.example.org>')
    expect(nsName(rdata)).to.equal(rdata)
    expect(cnameTarget(rdata)).to.equal(rdata)
  })
  it('stand behind the preference of an MX, and the three numbers of an SRV', () => {
    expect(nameToText(mxExchange(octets('000a <mx.example.org>')))).to.equal('mx.example.org.')
    expect(nameToText(srvTarget(octets('0001 0002 0035 <dns.example.org>')))).to.equal('dns.example.org.')
  })
  it('may be cut short in RDATA that nobody checked', () => {
    expect(wireErrorOf(() => mxExchange(octets('000a 03 "mx"')))).to.equal('bad-rdata')
    expect(wireErrorOf(() => mxExchange(octets('00')))).to.equal('bad-rdata')
    expect(wireErrorOf(() => srvTarget(octets('0001 0002 0035 c00c')))).to.equal('bad-rdata')
  })
})

describe('parseSoa (RFC 1035 §3.3.13)', () => {
  it('gives all seven fields, numbers unsigned', () => {
    const { mname, rname, ...numbers } = parseSoa(octets(soa))
    expect(nameToText(mname)).to.equal('ns.example.org.')
    expect(nameToText(rname)).to.equal('admin.example.org.')
    const expected = { serial: 0xfffffffe, refresh: 3600, retry: 900, expire: 604800, minimum: 300 }
    expect(numbers).to.deep.equal(expected)
  })
  it('refuses RDATA of another length', () => {
    expect(wireErrorOf(() => parseSoa(octets(`${soa} 00`)))).to.equal('bad-rdata')
    expect(wireErrorOf(() => parseSoa(octets(soa).subarray(0, -1)))).to.equal('bad-rdata')
    expect(wireErrorOf(() => parseSoa(octets('<ns.example.org>')))).to.equal('bad-rdata')
  })
})

describe('rrsigFields (RFC 4034 §3.1)', () => {
  const rrsig = '0001 0d 03 00000e10 fffffffe 5f000000 abcd <example.org> 0102030405'
  it('gives all nine fields, numbers unsigned', () => {
    const { signer, signature, ...numbers } = rrsigFields(octets(rrsig))
    expect(nameToText(signer)).to.equal('example.org.')
    expect(hex(signature)).to.equal('0102030405')
    expect(numbers).to.deep.equal({
      typeCovered: Type.A,
      algorithm: 13,
      labels: 3,
      originalTtl: 3600,
      expiration: 0xfffffffe,
      inception: 0x5f000000,
      keyTag: 0xabcd,
    })
  })
  it('refuses RDATA that ends before or within the signer', () => {
    expect(wireErrorOf(() => rrsigFields(octets('0001 0d 03')))).to.equal('bad-rdata')
    expect(wireErrorOf(() => rrsigFields(octets(rrsig).subarray(0, 22)))).to.equal('bad-rdata')
  })
})
