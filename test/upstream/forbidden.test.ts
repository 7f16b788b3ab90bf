import { expect } from 'chai'
import { ServerAddress } from '../../src/io/address.ts'
import { whyForbidden } from '../../src/upstream/forbidden.ts'

function judge(text: string, options: { queryLoopback?: boolean; listening?: string[] } = {}): string | undefined {
  return whyForbidden(address(text), {
    queryLoopback: options.queryLoopback ?? false,
    listening: (options.listening ?? []).map(address),
  })
}

function address(text: string): ServerAddress {
  return ServerAddress.fromText(text)!
}

describe('whyForbidden', () => {
  it('allows the addresses of the internet, private ones included', () => {
    for (const text of ['192.0.2.1', '10.0.0.1', '223.255.255.255', '1.0.0.0', '2001:db8::1', 'fd00::1', 'fe80::1'])
      expect(judge(text), text).to.equal(undefined)
  })

  it('forbids this host, loopback, multicast and broadcast', () => {
    expect(judge('0.0.0.0')).to.equal('unspecified')
    expect(judge('0.1.2.3')).to.equal('unspecified')
    expect(judge('127.0.0.1')).to.equal('loopback')
    expect(judge('127.255.0.9')).to.equal('loopback')
    expect(judge('::')).to.equal('unspecified')
    expect(judge('::1')).to.equal('loopback')
    expect(judge('224.0.0.251')).to.equal('multicast')
    expect(judge('239.1.1.1')).to.equal('multicast')
    expect(judge('255.255.255.255')).to.equal('broadcast')
    expect(judge('ff02::fb')).to.equal('multicast')
  })

  it('sees through IPv4-mapped IPv6, which the kernel sends to the IPv4 address', () => {
    expect(judge('::ffff:127.0.0.1')).to.equal('loopback')
    expect(judge('::ffff:0.0.0.0')).to.equal('unspecified')
    expect(judge('::ffff:224.0.0.1')).to.equal('multicast')
    expect(judge('::ffff:192.0.2.1')).to.equal(undefined)
  })

  it('forbids port 0', () => expect(judge('192.0.2.1@0')).to.equal('port-zero'))

  it('allows loopback where the operator says so, and multicast not even then', () => {
    expect(judge('127.0.0.1', { queryLoopback: true })).to.equal(undefined)
    expect(judge('::1@5300', { queryLoopback: true })).to.equal(undefined)
    expect(judge('224.0.0.1', { queryLoopback: true })).to.equal('multicast')
  })

  it('forbids asking ourselves, on the port we listen on', () => {
    expect(judge('192.0.2.1', { listening: ['192.0.2.1@53'] })).to.equal('own-address')
    expect(judge('192.0.2.1@5300', { listening: ['192.0.2.1@53'] })).to.equal(undefined)
    expect(judge('::ffff:192.0.2.1', { listening: ['192.0.2.1@53'] })).to.equal('own-address')
  })

  it('takes a listener on the unspecified address for one on all of loopback', () => {
    const options = { queryLoopback: true, listening: ['0.0.0.0@53'] }
    expect(judge('127.0.0.5', options)).to.equal('own-address')
    expect(judge('127.0.0.5@5300', options)).to.equal(undefined)
    expect(judge('::1', { queryLoopback: true, listening: ['::@53'] })).to.equal('own-address')
  })
})
