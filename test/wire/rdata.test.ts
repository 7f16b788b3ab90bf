import { expect } from 'chai'
import * as dnsPacket from 'dns-packet'
import fc from 'fast-check'
import { nameFromText, nameToText } from '../../src/wire/name.ts'
import { canonicalRdata, checkRdata, decodeRdata, namesIn, writeRdata } from '../../src/wire/rdata.ts'
import { Reader } from '../../src/wire/reader.ts'
import { rdataFromText, rdataToText } from '../../src/wire/text.ts'
import { Type, typeText } from '../../src/wire/types.ts'
import { Writer } from '../../src/wire/writer.ts'
import { EXAMPLES } from './rdata-examples.ts'
import { hexOf, octetsOf, wireError } from './support.ts'

const origin = nameFromText('example.org.')
const SEED = 20240101

/** A reader at RDATA that follows a header and the name Example.org, which pointers reach as c00c. */
function readerAt(rdata: Uint8Array, trailing = 0): Reader {
  const before = octetsOf(`${'00'.repeat(12)} 074578616d706c65036f726700`)
  return new Reader(Uint8Array.of(...before, ...rdata, ...new Uint8Array(trailing)), before.length)
}

function decodeHex(type: number, hex: string): string {
  const rdata = octetsOf(hex)
  return hexOf(decodeRdata(readerAt(rdata), type, rdata.length))
}

describe('decodeRdata', () => {
  for (const { type, text } of EXAMPLES) {
    it(`gives ${typeText(type)} ${text.slice(0, 40)} as it came, and stops behind it`, () => {
      const rdata = rdataFromText(type, text, origin)
      const reader = readerAt(rdata, 40)
      const start = reader.offset
      expect(hexOf(decodeRdata(reader, type, rdata.length))).to.equal(hexOf(rdata))
      expect(reader.offset - start).to.equal(rdata.length)
    })
  }

  it('gives a copy', () => {
    const reader = readerAt(octetsOf('c0000201'))
    const rdata = decodeRdata(reader, Type.A, 4)
    reader.packet.fill(0)
    expect(hexOf(rdata)).to.equal('c0000201')
  })

  const example = '074578616d706c65036f726700'
  describe('takes pointers off where RFC 3597 §4 expects them', () => {
    const cases: [number, string, string][] = [
      [Type.NS, '026e73c00c', `026e73${example}`],
      [Type.CNAME, 'c00c', example],
      [Type.PTR, 'c00c', example],
      [Type.MB, 'c00c', example],
      [Type.MX, '000ac00c', `000a${example}`],
      [
        Type.SOA,
        'c00c0161c00c00000001000000020000000300000004 00000005',
        `${example}0161${example}0000000100000002000000030000000400000005`,
      ],
      [Type.MINFO, 'c00cc00c', example + example],
      [Type.RP, 'c00c00', `${example}00`],
      [Type.AFSDB, '0001c00c', `0001${example}`],
      [Type.RT, '0001c00c', `0001${example}`],
      [Type.PX, '0001c00cc00c', `0001${example}${example}`],
      [Type.SRV, '000100020003c00c', `000100020003${example}`],
      [Type.NAPTR, '00010002000000c00c', `00010002000000${example}`],
      [Type.KX, '0001c00c', `0001${example}`],
      [Type.NXT, 'c00c40', `${example}40`],
      [Type.SIG, '0001050200000e1000000002000000010001c00cabcd', `0001050200000e1000000002000000010001${example}abcd`],
    ]
    for (const [type, hex, whole] of cases) it(typeText(type), () => expect(decodeHex(type, hex)).to.equal(whole))
  })

  describe('refuses them anywhere else', () => {
    const cases: [number, string][] = [
      [Type.DNAME, 'c00c'],
      [Type.RRSIG, '0001050200000e1000000002000000010001c00cabcd'],
      [Type.NSEC, 'c00c000140'],
      [Type.SVCB, '0001c00c'],
      [Type.HTTPS, '0001c00c'],
      [Type.LP, '0001c00c'],
      [Type.TALINK, 'c00cc00c'],
      [Type.DSYNC, '003b0114b4c00c'],
      [Type.HIP, '00020000c00c'],
      [Type.IPSECKEY, '0a0302c00c'],
      [Type.AMTRELAY, '0a03c00c'],
      [Type.A6, '80c00c'],
      [Type['NSAP-PTR'], 'c00c'],
      [Type.TSIG, 'c00c000000000000000000000000000000000000'],
    ]
    for (const [type, hex] of cases)
      it(typeText(type), () => expect(wireError(() => decodeHex(type, hex))).to.equal('bad-rdata'))
  })

  describe('refuses RDATA that does not fit', () => {
    const cases: [string, number, string][] = [
      ['an address of three octets', Type.A, 'c00002'],
      ['an address of five octets', Type.A, 'c000020100'],
      ['an IPv6 address of four octets', Type.AAAA, 'c0000201'],
      ['a name with octets behind it', Type.NS, '00 00'],
      ['no name at all', Type.SVCB, '0001'],
      ['an MX without name', Type.MX, '000a'],
      ['an MX with octets behind it', Type.MX, '000a 00 00'],
      ['a SOA without MINIMUM', Type.SOA, '00 00 00000001000000020000000300000004'],
      ['a NAPTR whose string passes the end', Type.NAPTR, '0001 0002 ff'],
      ['an RRSIG cut within its numbers', Type.RRSIG, '000105'],
      ['a signer that does not end', Type.RRSIG, '0001050200000e1000000002000000010001 0161'],
      ['a DNSKEY without algorithm', Type.DNSKEY, '010003'],
      ['a DS without digest type', Type.DS, 'ec4505'],
      ['an NSEC3 whose salt passes the end', Type.NSEC3, '01000000ff'],
      ['an NSEC3 without next hash', Type.NSEC3, '0100000000'],
      ['an NSEC3PARAM with octets behind it', Type.NSEC3PARAM, '010000000000'],
      ['a bitmap window without length', Type.NSEC, '00 00'],
      ['a bitmap window of no octets', Type.NSEC, '00 0000'],
      ['a bitmap window of 33 octets', Type.NSEC, `00 0021${'01'.repeat(33)}`],
      ['a bitmap window that passes the end', Type.NSEC, '00 000240'],
      ['bitmap windows out of order', Type.NSEC, '00 010140 000140'],
      ['the same bitmap window twice', Type.NSEC, '00 000140 000140'],
      ['an NXT bitmap with type 0', Type.NXT, '00 80'],
      ['SvcParams out of order', Type.SVCB, '0001 00 0003 0002 0035 0001 0003 026832'],
      ['a SvcParam twice', Type.SVCB, '0001 00 0003 0002 0035 0003 0002 0035'],
      ['a SvcParam cut in its value', Type.SVCB, '0001 00 0003 0002 00'],
      ['a SvcParam cut in its length', Type.SVCB, '0001 00 0003 00'],
      ['an A6 prefix of 129 bits', Type.A6, '81 00'],
    ]
    for (const [what, type, hex] of cases) {
      it(what, () => {
        expect(wireError(() => decodeHex(type, hex))).to.equal('bad-rdata')
        expect(wireError(() => checkRdata(type, octetsOf(hex)))).to.equal('bad-rdata')
      })
    }
  })

  it('does not let a name run on into the record that follows', () => {
    const rdata = octetsOf('000a 0161')
    expect(wireError(() => decodeRdata(readerAt(rdata, 1), Type.MX, 4))).to.equal('bad-rdata')
    expect(wireError(() => decodeRdata(readerAt(rdata, 1), Type.LP, 4))).to.equal('bad-rdata')
    expect(wireError(() => decodeRdata(readerAt(octetsOf('0161'), 1), Type.NS, 2))).to.equal('bad-rdata')
  })

  it("throws 'short' when the packet ends first", () => {
    for (const type of [Type.A, Type.TXT, Type.NS, Type.MX, Type.RRSIG, Type.NSEC, 65280])
      expect(wireError(() => decodeRdata(readerAt(octetsOf('0000')), type, type === Type.A ? 4 : 40))).to.equal('short')
  })

  it('leaves what only users read unjudged', () => {
    expect(decodeHex(Type.TXT, '05616263')).to.equal('05616263')
    expect(decodeHex(Type.CAA, '')).to.equal('')
    expect(decodeHex(65280, 'c00c')).to.equal('c00c')
  })

  it('answers any octets with RDATA that fits or a WireError, and text with neither', () => {
    const types = [...new Set(EXAMPLES.map(({ type }) => type))]
    const codes = [undefined, 'bad-rdata', 'bad-name', 'short', 'limit']
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 64 }), (type, octets) => {
        const reader = readerAt(octets, 8)
        const end = reader.offset + octets.length
        expect(codes).to.include(
          wireError(() => {
            const rdata = decodeRdata(reader, type, octets.length)
            expect(reader.offset).to.equal(end)
            expect(rdataToText(type, rdata)).to.be.a('string')
          }),
        )
        expect(codes).to.include(wireError(() => rdataToText(type, octets)))
      }),
      { numRuns: 20_000, seed: SEED },
    )
  })
})

describe('rdataToText and rdataFromText', () => {
  it('undo each other for any octets of any type', () => {
    const types = [...new Set(EXAMPLES.map(({ type }) => type))]
    let generic = 0
    const runs = fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 40 }), (type, octets) => {
      if (wireError(() => checkRdata(type, octets)) !== undefined) return
      const text = rdataToText(type, octets)
      if (text.startsWith('\\#')) generic++
      const back = rdataFromText(type, text)
      // An APL may hold address octets that are zero or cut, a bitmap empty octets: text has one way to say each.
      if (![Type.APL, Type.NSEC, Type.NSEC3, Type.CSYNC, Type.NXT, Type.WKS, Type.A6].includes(type as never))
        expect(hexOf(back)).to.equal(hexOf(octets), text)
      expect(rdataToText(type, back)).to.equal(text)
    })
    fc.assert(runs, { numRuns: 20_000, seed: SEED })
    expect(generic).to.be.greaterThan(0)
  })
})

describe('writeRdata (RFC 3597 §4)', () => {
  const compresses = [
    Type.NS,
    Type.MD,
    Type.MF,
    Type.CNAME,
    Type.SOA,
    Type.MB,
    Type.MG,
    Type.MR,
    Type.PTR,
    Type.MINFO,
    Type.MX,
  ]
  const inside = (type: number, rdata: Uint8Array) => {
    const writer = new Writer(new Uint8Array(1024))
    writer.octets(new Uint8Array(12))
    writer.name(origin)
    const start = writer.offset
    writeRdata(writer, type, rdata)
    return {
      octets: writer.buffer.slice(start, writer.offset),
      reader: new Reader(writer.buffer, start, writer.offset),
    }
  }

  for (const { type, text } of EXAMPLES) {
    const rdata = rdataFromText(type, text, origin)
    const points = compresses.includes(type as never) && text.includes('example.org.')
    it(`${points ? 'compresses' : 'leaves whole'} ${typeText(type)} ${text.slice(0, 40)}`, () => {
      const { octets, reader } = inside(type, rdata)
      if (points) expect(octets.length).to.be.lessThan(rdata.length)
      else expect(hexOf(octets)).to.equal(hexOf(rdata))
      expect(hexOf(decodeRdata(reader, type, octets.length)).toLowerCase()).to.have.length(rdata.length * 2)
      expect(
        rdataToText(
          type,
          decodeRdata(new Reader(reader.packet, reader.offset - octets.length), type, octets.length),
        ).toLowerCase(),
      ) //
        .to.equal(text.toLowerCase())
    })
  }
})

describe('canonicalRdata (RFC 4034 §6.2, RFC 6840 §5.1)', () => {
  const canonicalText = (type: number, text: string) => {
    const rdata = rdataFromText(type, text)
    const before = hexOf(rdata)
    const canonical = rdataToText(type, canonicalRdata(rdata, type))
    expect(hexOf(rdata), 'the RDATA itself stays').to.equal(before)
    return canonical
  }
  const folded: [number, string][] = [
    [Type.NS, 'NS.Example.ORG.'],
    [Type.MD, 'M.Example.'],
    [Type.MF, 'M.Example.'],
    [Type.CNAME, 'C.Example.'],
    [Type.SOA, 'NS.Example. HostMaster.Example. 1 2 3 4 5'],
    [Type.MB, 'M.Example.'],
    [Type.MG, 'M.Example.'],
    [Type.MR, 'M.Example.'],
    [Type.PTR, 'P.Example.'],
    [Type.MINFO, 'A.Example. B.Example.'],
    [Type.MX, '10 Mail.Example.'],
    [Type.RP, 'A.Example. B.Example.'],
    [Type.AFSDB, '1 A.Example.'],
    [Type.RT, '1 A.Example.'],
    [Type.PX, '1 A.Example. B.Example.'],
    [Type.KX, '1 A.Example.'],
    [Type.SRV, '1 2 3 A.Example.'],
    [Type.DNAME, 'D.Example.'],
    [Type.A6, '0 2001:db8::1'],
    [Type.A6, '128 A.Example.'],
  ]
  for (const [type, text] of folded)
    it(`lowers the names of ${typeText(type)} ${text}`, () =>
      expect(canonicalText(type, text)).to.equal(text.toLowerCase()))

  it('lowers names only: the strings of NAPTR, the types and base 64 of SIG, RRSIG and NXT stay', () => {
    expect(canonicalText(Type.NAPTR, '1 2 "U" "E2U+Sip" "!X!Y!" R.Example.')).to.equal(
      '1 2 "U" "E2U+Sip" "!X!Y!" r.example.',
    )
    const signature = 'A 8 2 3600 20240201000000 20240101000000 1'
    expect(canonicalText(Type.RRSIG, `${signature} Sig.Example. QUJD`)).to.equal(`${signature} sig.example. QUJD`)
    expect(canonicalText(Type.SIG, `${signature} Sig.Example. QUJD`)).to.equal(`${signature} sig.example. QUJD`)
    expect(canonicalText(Type.NXT, 'N.Example. A MX')).to.equal('n.example. A MX')
  })

  const kept: [number, string][] = [
    [Type.NSEC, 'Next.Example. A'], // RFC 6840 §5.1
    [Type.HINFO, '"CPU" "OS"'], // RFC 6840 §5.1: no names in it
    [Type.TXT, '"ABC"'],
    [Type.SVCB, '1 Svc.Example. alpn="H2"'],
    [Type.HTTPS, '1 Svc.Example.'],
    [Type.LP, '1 Lp.Example.'],
    [Type.TALINK, 'A.Example. B.Example.'],
    [Type.HIP, '2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p9+LrV4e1 Rvs.Example.'],
    [Type.IPSECKEY, '10 3 2 Gw.Example. AQID'],
    [Type.AMTRELAY, '10 0 3 Relay.Example.'],
    [Type['NSAP-PTR'], 'Foo.Example.'],
    [Type.DSYNC, 'CDS NOTIFY 53 Scan.Example.'],
    [65280, '\\# 3 014100'],
  ]
  for (const [type, text] of kept) {
    it(`keeps ${typeText(type)} ${text.slice(0, 30)}`, () => {
      expect(canonicalText(type, text)).to.equal(text)
      const rdata = rdataFromText(type, text)
      expect(canonicalRdata(rdata, type)).to.equal(rdata)
    })
  }

  it('gives RDATA itself when there is nothing to lower', () => {
    const rdata = rdataFromText(Type.MX, '10 mail.example.')
    expect(canonicalRdata(rdata, Type.MX)).to.equal(rdata)
  })
})

describe('namesIn', () => {
  const names = (type: number, text: string) => namesIn(type, rdataFromText(type, text)).map(nameToText)
  it('finds them all', () => {
    expect(names(Type.SOA, 'a. b.c. 1 2 3 4 5')).to.deep.equal(['a.', 'b.c.'])
    expect(names(Type.NAPTR, '1 2 "a" "b" "c" d.e.')).to.deep.equal(['d.e.'])
    expect(names(Type.NSEC, 'next. A')).to.deep.equal(['next.'])
    expect(names(Type.SVCB, '0 .')).to.deep.equal(['.'])
    expect(names(Type.A6, '0 ::1')).to.deep.equal([])
    expect(names(Type.TXT, 'a.b.')).to.deep.equal([])
  })
})

describe('RDATA beside dns-packet', () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/)
  const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
  const octets = (minLength: number, maxLength = minLength) =>
    fc.uint8Array({ minLength, maxLength }).map((bytes) => Buffer.from(bytes))
  const number = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 })
  const ascii = fc.stringMatching(/^[ -~]{0,40}$/)
  const bitmap = fc.uniqueArray(
    fc.constantFrom('A', 'NS', 'SOA', 'MX', 'TXT', 'AAAA', 'RRSIG', 'NSEC', 'DNSKEY', 'CAA'),
    {
      minLength: 1,
    },
  )
  const data: Record<string, fc.Arbitrary<unknown>> = {
    A: fc.ipV4(),
    AAAA: octets(16).map((bytes) => bytes.toString('hex').match(/.{4}/g)?.join(':')),
    NS: name,
    CNAME: name,
    PTR: name,
    DNAME: name,
    TXT: fc.array(octets(0, 255), { minLength: 1, maxLength: 3 }),
    NULL: octets(0, 40),
    HINFO: fc.record({ cpu: ascii, os: ascii }),
    MX: fc.record({ preference: number(16), exchange: name }),
    SRV: fc.record({ priority: number(16), weight: number(16), port: number(16), target: name }),
    RP: fc.record({ mbox: name, txt: name }),
    SOA: fc.record({
      mname: name,
      rname: name,
      serial: number(32),
      refresh: number(32),
      retry: number(32),
      expire: number(32),
      minimum: number(32),
    }),
    CAA: fc.record({ flags: fc.constantFrom(0, 128), tag: fc.constantFrom('issue', 'iodef'), value: ascii }),
    DNSKEY: fc.record({ flags: fc.constantFrom(256, 257), algorithm: number(8), key: octets(1, 60) }),
    DS: fc.record({ keyTag: number(16), algorithm: number(8), digestType: number(8), digest: octets(1, 48) }),
    RRSIG: fc.record({
      typeCovered: fc.constantFrom('A', 'SOA', 'DNSKEY'),
      algorithm: number(8),
      labels: number(8),
      originalTTL: number(32),
      expiration: number(32),
      inception: number(32),
      keyTag: number(16),
      signersName: name,
      signature: octets(1, 64),
    }),
    NSEC: fc.record({ nextDomain: name, rrtypes: bitmap }),
    NSEC3: fc.record({
      algorithm: number(8),
      flags: number(8),
      iterations: number(16),
      salt: octets(0, 20),
      nextDomain: octets(20),
      rrtypes: bitmap,
    }),
    SSHFP: fc.record({
      algorithm: number(8),
      hash: fc.constant(1),
      fingerprint: octets(20).map((b) => b.toString('hex')),
    }),
    NAPTR: fc.record({
      order: number(16),
      preference: number(16),
      flags: ascii,
      services: ascii,
      regexp: ascii,
      replacement: name,
    }),
    TLSA: fc.record({ usage: number(8), selector: number(8), matchingType: number(8), certificate: octets(1, 60) }),
  }

  interface Codec {
    encode(value: unknown): Buffer
    decode(octets: Buffer): unknown
  }
  const codecOf = (dnsPacket as unknown as { record(mnemonic: string): Codec }).record

  for (const [mnemonic, values] of Object.entries(data)) {
    it(`reads what it writes, and it reads what we make of text: ${mnemonic}`, () => {
      const type = Type[mnemonic as keyof typeof Type]
      const codec = codecOf(mnemonic)
      fc.assert(
        fc.property(values, (value) => {
          const theirs = new Uint8Array(codec.encode(value)).subarray(2) // behind their RDLENGTH
          const ours = decodeRdata(readerAt(theirs), type, theirs.length)
          expect(hexOf(ours)).to.equal(hexOf(theirs))
          const text = rdataToText(type, ours)
          if (type !== Type.NULL) expect(text).not.to.match(/^\\#/)
          const reread = rdataFromText(type, text)
          expect(hexOf(reread), text).to.equal(hexOf(ours))
          expect(codec.decode(Buffer.of(reread.length >> 8, reread.length & 0xff, ...reread))).to.deep.equal(
            codec.decode(Buffer.from(codec.encode(value))),
          )
        }),
        { numRuns: 100, seed: SEED },
      )
    })
  }
})
