import { expect } from 'chai'
import {
  type Edns,
  edeOption,
  findOption,
  MAX_OPTION_OCTETS,
  MAX_OPTIONS,
  type OutgoingEdns,
  optOctets,
  paddingOctets,
  parseEde,
  readOpt,
  writeOpt,
} from '../../src/wire/edns.ts'
import { Reader } from '../../src/wire/reader.ts'
import { EdnsOption } from '../../src/wire/types.ts'
import { Writer } from '../../src/wire/writer.ts'
import { hex, octets, wireErrorOf } from './octets.ts'

/** What an OPT record with these options says. */
function read(options: string, ttl = 0): Edns {
  const rdata = octets(options)
  const reader = new Reader(rdata)
  const edns = readOpt(reader, 1232, ttl, rdata.length)
  expect(reader.remaining).to.equal(0)
  return edns
}

function write(edns: OutgoingEdns, rcode = 0, padding?: number): string {
  const writer = new Writer(new Uint8Array(1000))
  writeOpt(writer, edns, rcode, padding)
  return hex(writer.buffer.subarray(0, writer.offset))
}

const codes = (edns: Edns) => edns.options.map(({ code }) => code)

describe('readOpt (RFC 6891 §6.1)', () => {
  it('finds size, upper response code, version and DO in CLASS and TTL', () => {
    const { udpSize, extendedRcode, version, do: wantsDnssec } = read('', 0x01008000)
    expect({ udpSize, extendedRcode, version, wantsDnssec }).to.deep.equal({
      udpSize: 1232,
      extendedRcode: 1,
      version: 0,
      wantsDnssec: true,
    })
    expect(read('', 0xff007fff)).to.include({ extendedRcode: 255, version: 0, do: false })
  })
  it('gives options in order', () => {
    const { options } = read('0003 0000 fde9 0002 abcd')
    expect(options).to.deep.equal([
      { code: EdnsOption.NSID, data: octets('') },
      { code: 65001, data: octets('abcd') },
    ])
  })
  it('shares one empty list among all that have no options, which nobody can add to', () => {
    expect(read('').options).to.equal(read('').options)
    expect(read('').options).to.be.frozen
  })
  it('knows nothing of the options of another version', () => expect(read('ffff', 0x00010000).options).to.be.empty)
  for (const [why, options] of [
    ['an option without a length', '0003 00'],
    ['an option that runs past the record', '0003 0001'],
    ['an option that leaves an octet over', '0003 0000 00'],
  ]) {
    it(`refuses ${why}`, () => expect(wireErrorOf(() => read(options))).to.equal('bad-rdata'))
  }
  it('refuses a record that runs past the packet', () => {
    expect(wireErrorOf(() => readOpt(new Reader(octets('0003 0000')), 1232, 0, 5))).to.equal('bad-rdata')
    expect(wireErrorOf(() => readOpt(new Reader(octets('0003 0004 00')), 1232, 0, 8))).to.equal('short')
  })
  it(`keeps ${MAX_OPTIONS} options and ignores the rest`, () => {
    expect(read('fde9 0000'.repeat(100)).options).to.have.length(MAX_OPTIONS)
  })
  it(`keeps ${MAX_OPTION_OCTETS} octets of options and ignores what passes them`, () => {
    const fits = `fde9 01fc ${'00'.repeat(508)}`
    expect(codes(read(fits))).to.deep.equal([65001])
    expect(codes(read(`${fits} 0003 0000`))).to.deep.equal([65001])
    expect(codes(read(`fde9 01fd ${'00'.repeat(509)} 0003 0000`))).to.deep.equal([EdnsOption.NSID])
  })
  it('keeps the first NSID, cookie and padding only (RFC 7873 §5.2)', () => {
    const edns = read('000a 0008 0101010101010101 000a 0008 0202020202020202 0003 0000 0003 0000 000c 0000 000c 0000')
    expect(codes(edns)).to.deep.equal([EdnsOption.COOKIE, EdnsOption.NSID, EdnsOption.PADDING])
    expect(hex(edns.options[0].data)).to.equal('0101010101010101')
  })
  it('keeps several Extended DNS Errors (RFC 8914 §2), but none too short to be one', () => {
    expect(read('000f 0002 0016 000f 0001 00 000f 0002 0017').options).to.deep.equal([edeOption(22), edeOption(23)])
  })
  it('keeps of padding only that it was there', () => {
    const { options } = read(`000c 0200 ${'00'.repeat(512)} 0003 0000`)
    expect(options.map(({ code, data }) => [code, data.length])).to.deep.equal([
      [EdnsOption.PADDING, 0],
      [EdnsOption.NSID, 0],
    ])
  })
  it('copies', () => {
    const rdata = octets('fde9 0002 abcd')
    const { options } = readOpt(new Reader(rdata), 1232, 0, rdata.length)
    rdata.fill(0)
    expect(hex(options[0].data)).to.equal('abcd')
  })
})

describe('writeOpt (RFC 6891 §6.1.2)', () => {
  it('writes owner, type, size, upper response code, version, DO and no options', () => {
    expect(write({ udpSize: 1232, do: true }, 16)).to.equal(hex(octets('00 0029 04d0 01 00 8000 0000')))
  })
  it('writes options in order, as many octets as optOctets says', () => {
    const edns = { udpSize: 512, do: false, options: [edeOption(3), { code: EdnsOption.NSID, data: octets('"ns1"') }] }
    const written = write(edns)
    expect(written).to.equal(hex(octets('00 0029 0200 00 00 0000 000d 000f 0002 0003 0003 0003 "ns1"')))
    expect(optOctets(edns)).to.equal(written.length / 2)
  })
  it('adds padding of zeros at the end (RFC 7830 §3)', () => {
    expect(write({ udpSize: 1232, do: false }, 0, 3)).to.equal(
      hex(octets('00 0029 04d0 00 00 0000 0007 000c 0003 000000')),
    )
    expect(write({ udpSize: 1232, do: false }, 0, 0)).to.equal(hex(octets('00 0029 04d0 00 00 0000 0004 000c 0000')))
  })
})

describe('paddingOctets (RFC 8467 §4.1)', () => {
  it('fills up to the next multiple, the option itself counted', () => {
    expect(paddingOctets(100, 128, 65535)).to.equal(24)
    expect(paddingOctets(124, 128, 65535)).to.equal(0)
    expect(paddingOctets(125, 128, 65535)).to.equal(127)
  })
  it('stays within the limit, and gives up when there is no room for the option', () => {
    expect(paddingOctets(500, 468, 512)).to.equal(8)
    expect(paddingOctets(508, 468, 512)).to.equal(0)
    expect(paddingOctets(509, 468, 512)).to.equal(-1)
  })
})

describe('edeOption and parseEde (RFC 8914 §2)', () => {
  it('carry code and text', () => {
    expect(hex(edeOption(22, 'no réply').data)).to.equal(hex(octets('0016 "no r" c3a9 "ply"')))
    expect(parseEde(edeOption(22, 'no réply'))).to.deep.equal({ code: 22, text: 'no réply' })
    expect(parseEde(edeOption(65535))).to.deep.equal({ code: 65535, text: '' })
  })
  it('do without a final zero, and bear one', () => {
    expect(parseEde({ code: EdnsOption.EDE, data: octets('0001 "text" 00') })).to.deep.equal({ code: 1, text: 'text' })
    expect(parseEde({ code: EdnsOption.EDE, data: octets('0100') })).to.deep.equal({ code: 256, text: '' })
  })
  it('bear broken UTF-8 and options that are too short', () => {
    expect(parseEde({ code: EdnsOption.EDE, data: octets('0001 ff') }).text).to.equal('\ufffd')
    expect(parseEde({ code: EdnsOption.EDE, data: octets('01') })).to.deep.equal({ code: 0, text: '' })
  })
})

describe('findOption', () => {
  it('gives the first of a code', () => {
    const options = [edeOption(1), edeOption(2)]
    expect(findOption(options, EdnsOption.EDE)).to.equal(options[0])
    expect(findOption(options, EdnsOption.NSID)).to.equal(undefined)
  })
})
