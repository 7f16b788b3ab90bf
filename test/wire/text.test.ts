import { expect } from 'chai'
import { nameFromText, nameToText } from '../../src/wire/name.ts'
import { FALLBACK_TTL, parseZoneText, rdataFromText, rdataToText, recordToText } from '../../src/wire/text.ts'
import { Class, Type, typeText } from '../../src/wire/types.ts'
import { EXAMPLES } from './rdata-examples.ts'
import { hexOf, octetsOf, wireError } from './support.ts'

const origin = nameFromText('example.org.')

describe('RDATA as text (RFC 1035 §5, RFC 3597 §5)', () => {
  for (const { type, text, hex, also = [] } of EXAMPLES) {
    it(`reads and writes ${typeText(type)} ${text}`, () => {
      const rdata = rdataFromText(type, text, origin)
      if (hex !== undefined) expect(hexOf(rdata)).to.equal(hex.replaceAll(' ', ''))
      expect(rdataToText(type, rdata)).to.equal(text)
      for (const other of also) expect(hexOf(rdataFromText(type, other, origin)), other).to.equal(hexOf(rdata))
    })
  }

  it('has an example for every type that a zone can hold', () => {
    const shown = new Set(EXAMPLES.map(({ type }) => type))
    const meta: number[] = [Type.OPT, Type.NXNAME, Type.IXFR, Type.AXFR, Type.MAILA, Type.MAILB, Type.ANY]
    const missing = Object.values(Type).filter((type) => !shown.has(type) && !meta.includes(type))
    expect(missing.map(typeText)).to.deep.equal([])
  })

  it('takes the generic form for types it knows, and checks it', () => {
    expect(rdataToText(Type.MX, rdataFromText(Type.MX, '\\# 3 000a 00'))).to.equal('10 .')
    expect(wireError(() => rdataFromText(Type.A, '\\# 3 c00002'))).to.equal('bad-text')
    expect(wireError(() => rdataFromText(Type.MX, '\\# 4 000a c00c'))).to.equal('bad-text')
  })

  it('writes the generic form when octets do not fit their type', () => {
    expect(rdataToText(Type.A, octetsOf('c00002'))).to.equal('\\# 3 C00002')
    expect(rdataToText(Type.TXT, octetsOf('05616263'))).to.equal('\\# 4 05616263')
    expect(rdataToText(Type.TXT, octetsOf(''))).to.equal('\\# 0')
    expect(rdataToText(Type.SVCB, octetsOf('0001 00 0003 0001 35'))).to.equal('\\# 8 0001000003000135')
  })

  it('does not escape what quotes protect, and escapes what they do not', () => {
    expect(rdataToText(Type.TXT, octetsOf('0a 22 5c 3b 20 40 28 00 0a 7f ff'))).to.equal(
      '"\\"\\\\; @(\\000\\010\\127\\255"',
    )
  })

  it('completes relative names with the origin, and takes them as absolute without one', () => {
    expect(hexOf(rdataFromText(Type.NS, 'ns', origin))).to.equal(hexOf(nameFromText('ns.example.org.')))
    expect(hexOf(rdataFromText(Type.NS, '@', origin))).to.equal(hexOf(origin))
    expect(hexOf(rdataFromText(Type.NS, 'a\\.', origin))).to.equal(hexOf(nameFromText('a\\..example.org.')))
    expect(hexOf(rdataFromText(Type.NS, 'a\\\\.', origin))).to.equal(hexOf(nameFromText('a\\\\.')))
    expect(hexOf(rdataFromText(Type.NS, 'ns'))).to.equal(hexOf(nameFromText('ns.')))
    expect(wireError(() => rdataFromText(Type.NS, '@'))).to.equal('bad-text')
    const longest = `${'a.'.repeat(122)}`.slice(0, -1)
    expect(wireError(() => rdataFromText(Type.NS, longest, origin))).to.equal('bad-text')
  })

  const refused: [number, string][] = [
    [Type.A, ''],
    [Type.A, '192.0.2'],
    [Type.A, '192.0.2.1 192.0.2.2'],
    [Type.A, '0300.0.2.1'],
    [Type.A, '2001:db8::1'],
    [Type.AAAA, '192.0.2.1'],
    [Type.AAAA, '2001:db8::1::2'],
    [Type.AAAA, 'fe80::1%eth0'],
    [Type.MX, '65536 mail'],
    [Type.MX, '-1 mail'],
    [Type.MX, 'ten mail'],
    [Type.MX, '10'],
    [Type.TXT, ''],
    [Type.TXT, '"no end'],
    [Type.TXT, '"\\256"'],
    [Type.TXT, '\\12'],
    [Type.TXT, `"${'x'.repeat(256)}"`],
    [Type.TXT, 'two\nlines'],
    [Type.TXT, '( open'],
    [Type.TXT, 'shut )'],
    [Type.DS, '60485 5 1 2BB'],
    [Type.DS, '60485 NOSUCH 1 2BB1'],
    [Type.DNSKEY, '256 3 8 AQID='],
    [Type.RRSIG, 'A 8 2 3600 20240230000000 20240101000000 1 . AQID'],
    [Type.RRSIG, 'A 8 2 3600 20241301000000 20240101000000 1 . AQID'],
    [Type.RRSIG, 'NOSUCH 8 2 3600 20240201000000 20240101000000 1 . AQID'],
    [Type.NSEC, 'next NOSUCH'],
    [Type.NSEC3, '1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3w'],
    [Type.NXT, 'next TYPE128'],
    [Type.LOC, '91 N 0 E 0m'],
    [Type.LOC, '90 0 0.001 N 0 E 0m'],
    [Type.LOC, '42 60 N 0 E 0m'],
    [Type.LOC, '42 N 181 E 0m'],
    [Type.LOC, '42 N 18 E -100001m'],
    [Type.APL, '3:192.0.2.0/24'],
    [Type.APL, '1:192.0.2.0/33'],
    [Type.APL, '1:2001:db8::/32'],
    [Type.IPSECKEY, '10 4 2 . AQID'],
    [Type.IPSECKEY, '10 0 2 gw AQID'],
    [Type.A6, '129 :: .'],
    [Type.AMTRELAY, '10 2 0 .'],
    [Type.EUI48, '00-00-5e-00-53'],
    [Type.EUI48, '00:00:5e:00:53:2a'],
    [Type.NSAP, '47.0005'],
    [Type.IPN, '18446744073709551616'],
    [Type.SVCB, '1 . port'],
    [Type.SVCB, '1 . port=65536'],
    [Type.SVCB, '1 . port=53 port=54'],
    [Type.SVCB, '1 . mandatory=alpn'],
    [Type.SVCB, '1 . mandatory=mandatory'],
    [Type.SVCB, '1 . mandatory=port,port port=53'],
    [Type.SVCB, '1 . no-default-alpn'],
    [Type.SVCB, '1 . alpn=h2 no-default-alpn=yes'],
    [Type.SVCB, '1 . alpn="h2,,h3"'],
    [Type.SVCB, '1 . ipv4hint=2001:db8::1'],
    [Type.SVCB, '1 . nosuch=1'],
    [Type.SVCB, '1 . key65535=1'],
    [Type.SVCB, '1 . key007=1'],
    [Type.SVCB, '1 . "alpn=h2" =x'],
    [65280, 'plain'],
    [65280, '\\# 2 00'],
    [65280, '\\# 1 zz'],
    [65280, '\\# 65536 00'],
  ]
  for (const [type, text] of refused) {
    it(`refuses ${typeText(type)} ${JSON.stringify(text.slice(0, 60))}`, () =>
      expect(wireError(() => rdataFromText(type, text, origin))).to.equal('bad-text'))
  }
})

describe('recordToText', () => {
  it('writes one line with tabs, unknown types and classes by number', () => {
    const owner = nameFromText('www.Example.org.')
    expect(recordToText(owner, 300, Class.IN, Type.A, octetsOf('c0000201'))).to.equal(
      'www.Example.org.\t300\tIN\tA\t192.0.2.1',
    )
    expect(recordToText(owner, 0, 32, 731, octetsOf('abcdef'))).to.equal(
      'www.Example.org.\t0\tCLASS32\tTYPE731\t\\# 3 ABCDEF',
    )
  })
})

describe('parseZoneText (RFC 1035 §5.1)', () => {
  const lines = (text: string, from = origin) =>
    parseZoneText(text, from).map((r) => recordToText(r.owner, r.ttl, r.class, r.type, r.rdata).replaceAll('\t', ' '))

  it('reads the example of RFC 1035 §5.3', () => {
    const text = `
@   IN  SOA     VENERA      Action\\.domains (
                                 20     ; SERIAL
                                 7200   ; REFRESH
                                 600    ; RETRY
                                 3600000; EXPIRE
                                 60)    ; MINIMUM

        NS      A.ISI.EDU.
        NS      VENERA
        MX      10      VENERA
        MX      20      VAXA

A       A       26.3.0.103

VENERA  A       10.1.0.52
        A       128.9.0.32
`
    expect(lines(text, nameFromText('ISI.EDU.'))).to.deep.equal([
      'ISI.EDU. 3600 IN SOA VENERA.ISI.EDU. Action\\.domains.ISI.EDU. 20 7200 600 3600000 60',
      'ISI.EDU. 3600 IN NS A.ISI.EDU.',
      'ISI.EDU. 3600 IN NS VENERA.ISI.EDU.',
      'ISI.EDU. 3600 IN MX 10 VENERA.ISI.EDU.',
      'ISI.EDU. 3600 IN MX 20 VAXA.ISI.EDU.',
      'A.ISI.EDU. 3600 IN A 26.3.0.103',
      'VENERA.ISI.EDU. 3600 IN A 10.1.0.52',
      'VENERA.ISI.EDU. 3600 IN A 128.9.0.32',
    ])
  })

  it('takes TTL and class in either order, or neither', () => {
    const record = 'a.example.org. 5400 IN A 192.0.2.1'
    expect(lines('a 5400 IN A 192.0.2.1\na IN 5400 A 192.0.2.1\na 1h30m A 192.0.2.1\na in 1H30M a 192.0.2.1'))
      .to.deep //
      .equal([record, record, record, record])
    expect(lines('a A 192.0.2.1')).to.deep.equal([`a.example.org. ${FALLBACK_TTL} IN A 192.0.2.1`])
    expect(lines('a ANY A 192.0.2.1\nb CLASS3 TYPE16 x')).to.deep.equal([
      `a.example.org. ${FALLBACK_TTL} ANY A 192.0.2.1`,
      `b.example.org. ${FALLBACK_TTL} CH TXT "x"`,
    ])
  })

  it('hands a TTL left out on from the record before, unless $TTL says better (RFC 2308 §4)', () => {
    expect(lines('a 60 A 192.0.2.1\n A 192.0.2.2').map((line) => line.split(' ')[1])).to.deep.equal(['60', '60'])
    expect(lines('$TTL 1d\na 60 A 192.0.2.1\n A 192.0.2.2').map((line) => line.split(' ')[1]))
      .to //
      .deep.equal(['60', '86400'])
  })

  it('follows $ORIGIN, itself relative, and takes owners named like types', () => {
    expect(lines('$ORIGIN sub\n@ A 192.0.2.1\nmx MX 0 @\n$origin .\nin IN A 192.0.2.2')).to.deep.equal([
      'sub.example.org. 3600 IN A 192.0.2.1',
      'mx.sub.example.org. 3600 IN MX 0 sub.example.org.',
      'in. 3600 IN A 192.0.2.2',
    ])
  })

  it('lets parentheses join lines anywhere, and keeps comments and parentheses in quotes', () => {
    expect(lines('a ( 60 ; (not this\n IN ) TXT ( "(;" ;)\n\n b ) ; end\n\n; more\nc A 192.0.2.1 ; x')).to.deep.equal([
      'a.example.org. 60 IN TXT "(;" "b"',
      'c.example.org. 60 IN A 192.0.2.1',
    ])
  })

  it('takes Windows line ends and a last line without any', () => {
    expect(lines('a A 192.0.2.1\r\n\r\n  A 192.0.2.2')).to.have.length(2)
  })

  it('takes signatures with blanks inside and remarks behind, mnemonic algorithms and both kinds of time', () => {
    const [{ owner, rdata }] = parseZoneText(
      'www.example.net. 3600 IN RRSIG A RSASHA1 3 3600 20070926134150 1188388910 30899 example.net. AAAA BBBB ;{id = 30899}',
    )
    expect(nameToText(owner)).to.equal('www.example.net.')
    expect(rdataToText(Type.RRSIG, rdata)).to.equal(
      'A 5 3 3600 20070926134150 20070829120150 30899 example.net. AAAABBBB',
    )
  })

  it('gives nothing for nothing', () => expect(parseZoneText('\n ; only this\n\t\n')).to.deep.equal([]))

  const refused: [string, string, number][] = [
    ['a first record without owner', '  A 192.0.2.1', 1],
    ['$INCLUDE', 'a A 192.0.2.1\n$INCLUDE other.zone', 2],
    ['$GENERATE', '$GENERATE 1-2 a$ A 192.0.2.$', 1],
    ['a type nobody knows', '\n\na NOSUCH x', 3],
    ['a record without RDATA', 'a A', 1],
    ['a record without type', 'a 60 IN', 1],
    ['words left over', 'a A 192.0.2.1\nb A 192.0.2.1 x', 2],
    ['two TTLs', 'a 60 60 A 192.0.2.1', 1],
    ['a parenthesis that never closes', 'a A 192.0.2.1\nb A (192.0.2.1\n\n', 2],
    ['a parenthesis that never opened', 'a A 192.0.2.1 )', 1],
    ['a quote that never closes', 'a TXT (\n "x\n )', 1],
    ['a TTL that is none', 'a 1x A 192.0.2.1', 1],
    ['a TTL of more than 32 bits', 'a 4294967296 A 192.0.2.1', 1],
    ['a label of 64 octets', `${'x'.repeat(64)} A 192.0.2.1`, 1],
  ]
  for (const [what, text, line] of refused) {
    it(`refuses ${what}, naming line ${line}`, () => {
      expect(wireError(() => parseZoneText(text, origin))).to.equal('bad-text')
      expect(() => parseZoneText(text, origin)).to.throw(new RegExp(`^line ${line}: `))
    })
  }
})
