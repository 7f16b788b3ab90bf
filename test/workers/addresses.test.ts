import { expect } from 'chai'
import { addressOctets, type Interfaces, listenPoints, ownAddresses } from '../../workers/addresses.ts'

const shared = { mac: '00:00:00:00:00:00', internal: false }
const interfaces: Interfaces = {
  lo: [{ ...shared, address: '127.0.0.1', netmask: '255.0.0.0', family: 'IPv4', cidr: '127.0.0.1/8', internal: true }],
  eth0: [
    { ...shared, address: '192.0.2.9', netmask: '255.255.255.0', family: 'IPv4', cidr: '192.0.2.9/24' },
    { ...shared, address: '2001:db8::9', netmask: 'ffff:ffff::', family: 'IPv6', cidr: '2001:db8::9/64', scopeid: 0 },
    { ...shared, address: 'fe80::9', netmask: 'ffff:ffff::', family: 'IPv6', cidr: 'fe80::9/64', scopeid: 2 },
  ],
}

describe('listenPoints', () => {
  it('takes the port from the address, then from the item, then 53', () => {
    const points = listenPoints(
      [{ interface: ['127.0.0.1@5300', '::1'], port: 54 }, { interface: '0.0.0.0' }],
      interfaces,
    )
    expect(points).to.deep.equal([
      { address: '127.0.0.1', port: 5300, setting: 'network/listen[0]' },
      { address: '::1', port: 54, setting: 'network/listen[0]' },
      { address: '0.0.0.0', port: 53, setting: 'network/listen[1]' },
    ])
  })

  it('takes every address of an interface, link-local ones with their zone (RFC 4007 §11)', () => {
    const points = listenPoints([{ interface: ['eth0@5300'] }], interfaces)
    expect(points.map((point) => point.address)).to.deep.equal(['192.0.2.9', '2001:db8::9', 'fe80::9%eth0'])
    expect(points.every((point) => point.port === 5300)).to.equal(true)
  })

  it('says which interfaces there are when it does not know one', () => {
    expect(() => listenPoints([{ interface: ['eth7'] }], interfaces)).to.throw(/listen\[0\].*"eth7".*lo, eth0/)
  })

  it('takes an address that is meant twice once', () => {
    expect(listenPoints([{ interface: ['lo'] }, { interface: ['127.0.0.1'] }], interfaces)).to.have.length(1)
  })
})

describe('ownAddresses', () => {
  it('gives one family', () => {
    expect(ownAddresses(4, interfaces)).to.deep.equal(['127.0.0.1', '192.0.2.9'])
    expect(ownAddresses(6, interfaces)).to.deep.equal(['2001:db8::9', 'fe80::9%eth0'])
  })
})

describe('addressOctets', () => {
  it('reads both families, cuts the zone off and unmaps IPv4', () => {
    expect([...addressOctets('192.0.2.1')!]).to.deep.equal([192, 0, 2, 1])
    expect(addressOctets('fe80::1%eth0')).to.have.length(16)
    expect([...addressOctets('::ffff:192.0.2.1')!]).to.deep.equal([192, 0, 2, 1])
    expect(addressOctets('nonsense')).to.equal(undefined)
  })
})
