import { expect } from 'chai'
import { addressOctets } from '../../workers/addresses.ts'
import { isLoopback, LocalClients } from '../../workers/local-clients.ts'

const shared = { mac: '00:00:00:00:00:00', internal: false }

describe('LocalClients (RFC 5358 §4)', () => {
  const clients = new LocalClients({
    eth0: [
      { ...shared, address: '203.0.113.9', netmask: '', family: 'IPv4', cidr: '203.0.113.9/28' },
      { ...shared, address: '2001:db8:1::9', netmask: '', family: 'IPv6', cidr: '2001:db8:1::9/64', scopeid: 0 },
    ],
  })
  const includes = (text: string) => clients.includes(addressOctets(text)!)

  for (const near of ['127.8.9.1', '10.255.0.1', '172.31.255.255', '192.168.4.4', '100.127.0.1', '169.254.1.1'])
    it(`includes ${near}`, () => expect(includes(near)).to.equal(true))
  for (const near of ['::1', 'fd12::1', 'fe80::1%eth0', '::ffff:10.0.0.1'])
    it(`includes ${near}`, () => expect(includes(near)).to.equal(true))
  for (const near of ['203.0.113.1', '203.0.113.15', '2001:db8:1::ffff'])
    it(`includes ${near}, which is in our own subnet`, () => expect(includes(near)).to.equal(true))
  for (const far of ['203.0.113.16', '198.51.100.1', '172.32.0.1', '100.128.0.1', '128.0.0.1', '2001:db8:2::1', '::2'])
    it(`does not include ${far}`, () => expect(includes(far)).to.equal(false))

  it('forgets a subnet that has gone', () => {
    const moving = new LocalClients({
      eth0: [{ ...shared, address: '203.0.113.9', netmask: '', family: 'IPv4', cidr: '203.0.113.9/28' }],
    })
    expect(moving.includes(addressOctets('203.0.113.1')!)).to.equal(true)
    moving.refresh({})
    expect(moving.includes(addressOctets('203.0.113.1')!)).to.equal(false)
    expect(moving.includes(addressOctets('127.0.0.1')!)).to.equal(true)
  })
})

describe('isLoopback', () => {
  it('is 127.0.0.0/8 and ::1', () => {
    const loopback = (text: string) => isLoopback(addressOctets(text)!)
    expect(loopback('127.3.2.1')).to.equal(true)
    expect(loopback('::1')).to.equal(true)
    expect(loopback('::2')).to.equal(false)
    expect(loopback('1::1')).to.equal(false)
    expect(loopback('126.0.0.1')).to.equal(false)
  })
})
