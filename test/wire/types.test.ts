import { expect } from 'chai'
import {
  Class,
  classFromText,
  classText,
  Ede,
  edeText,
  isMetaType,
  Opcode,
  opcodeText,
  Rcode,
  rcodeText,
  Type,
  typeFromText,
  typeText,
} from '../../src/wire/types.ts'

describe('typeText and typeFromText (RFC 3597 §5)', () => {
  it('undo each other for all numbers', () => {
    for (let type = 0; type <= 0xffff; type++) expect(typeFromText(typeText(type))).to.equal(type)
  })

  it('take mnemonics in any case, and numbers for types that have one', () => {
    expect(typeFromText('aaaa')).to.equal(Type.AAAA)
    expect(typeFromText('nsap-ptr')).to.equal(23)
    expect(typeFromText('Type1')).to.equal(Type.A)
    expect(typeText(65280)).to.equal('TYPE65280')
  })

  it('are undefined for what is no type', () => {
    for (const text of ['', 'TYPE', 'TYPE65536', 'TYPE-1', 'TYPE1x', 'constructor', 'toString', 'IN'])
      expect(typeFromText(text), text).to.equal(undefined)
  })
})

describe('the other mnemonics', () => {
  it('read as the registries have them, numbers where there is none', () => {
    expect([classText(Class.CH), classText(32), classFromText('class255'), classFromText('XX')]) //
      .to.deep.equal(['CH', 'CLASS32', Class.ANY, undefined])
    expect([rcodeText(Rcode.NXDOMAIN), rcodeText(12), opcodeText(Opcode.NOTIFY), opcodeText(3)]) //
      .to.deep.equal(['NXDOMAIN', 'RCODE12', 'NOTIFY', 'OPCODE3'])
    expect([edeText(Ede.DNSSEC_BOGUS), edeText(Ede.INVALID_QUERY_TYPE), edeText(4711)]) //
      .to.deep.equal(['DNSSEC Bogus', 'Invalid Query Type', 'EDE4711'])
  })

  it('has words for every Extended DNS Error it has a name for', () => {
    for (const [name, code] of Object.entries(Ede))
      expect(
        edeText(code)
          .replace(/[^A-Z0-9]/gi, '_')
          .toUpperCase(),
        name,
      ).to.match(new RegExp(`^${name}`))
  })
})

describe('isMetaType (RFC 6895 §3.1)', () => {
  it('is true of OPT and of 128 to 255 only', () => {
    const meta = Object.values(Type).filter(isMetaType).map(typeText)
    expect(meta.join(' ')).to.equal('OPT NXNAME TKEY TSIG IXFR AXFR MAILB MAILA ANY')
    expect(isMetaType(128) && isMetaType(255) && !isMetaType(127) && !isMetaType(256)).to.equal(true)
  })
})
