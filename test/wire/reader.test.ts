import { expect } from 'chai'
import { nameToText, ROOT } from '../../src/wire/name.ts'
import { MAX_HOPS_PER_MESSAGE, Reader } from '../../src/wire/reader.ts'
import { hex, octets, wireErrorOf } from './octets.ts'

const HEADER = '00'.repeat(12)

/** The name at `offset` in a packet of a header and `body`. */
function nameAt(offset: number, body: string): string {
  return nameToText(new Reader(octets(HEADER + body), offset).name())
}

describe('Reader', () => {
  it('reads numbers in network order, unsigned', () => {
    const reader = new Reader(octets('fe fffe fffffffe'))
    expect([reader.u8(), reader.u16(), reader.u32()]).to.deep.equal([0xfe, 0xfffe, 0xfffffffe])
    expect(reader.remaining).to.equal(0)
  })
  it('hands out views and copies', () => {
    const packet = octets('0102030405')
    const reader = new Reader(packet, 1)
    const view = reader.view(2)
    const copy = reader.copy(2)
    packet.fill(0xff)
    expect(hex(view)).to.equal('ffff')
    expect(hex(copy)).to.equal('0405')
  })
  it('copies long runs too', () => {
    const packet = Uint8Array.from({ length: 5000 }, (_, i) => i)
    for (const length of [0, 64, 65, 2048, 2049, 5000]) {
      expect(new Reader(packet).copy(length)).to.deep.equal(packet.slice(0, length))
    }
  })
  it('never passes the end', () => {
    const packet = octets('01020304')
    for (const read of [
      (reader: Reader) => reader.u32(),
      (reader: Reader) => reader.view(4),
      (reader: Reader) => reader.copy(4),
      (reader: Reader) => reader.skip(4),
      (reader: Reader) => reader.name(),
      (reader: Reader) => reader.skipName(),
    ]) {
      const reader = new Reader(packet, 1)
      expect(wireErrorOf(() => read(reader))).to.equal('short')
    }
  })
  it('stays before an end of its own', () => {
    const reader = new Reader(octets('0001 0002'), 0, 3)
    expect(reader.u16()).to.equal(1)
    expect(wireErrorOf(() => reader.u16())).to.equal('short')
    expect(reader.u8()).to.equal(0)
  })
})

describe('Reader.name (RFC 1035 §3.1 and §4.1.4)', () => {
  it('reads a plain name and stops behind it', () => {
    const reader = new Reader(octets('<Www.example.org> ff'))
    expect(nameToText(reader.name())).to.equal('Www.example.org.')
    expect(reader.u8()).to.equal(0xff)
  })
  it('gives the one ROOT for the root', () => expect(new Reader(octets('00')).name()).to.equal(ROOT))
  it('follows a pointer, and goes on behind it', () => {
    const reader = new Reader(octets(`${HEADER}<example.org> 03 "www" c00c ff`), 25)
    expect(nameToText(reader.name())).to.equal('www.example.org.')
    expect(reader.u8()).to.equal(0xff)
  })
  it('follows pointers to pointers', () => expect(nameAt(21, '<org> 0161 c00c 0162 c011')).to.equal('b.a.org.'))
  it('reads a lone pointer many times as one and the same name', () => {
    const reader = new Reader(octets(`${HEADER}<example.org>${'c00c'.repeat(1000)}`), 12)
    const name = reader.name()
    for (let i = 0; i < 1000; i++) expect(reader.name()).to.equal(name)
  })
  it('does not mistake the names of another packet for its own', () => {
    const one = new Reader(octets(`${HEADER}<one> c00c`), 12)
    const two = new Reader(octets(`${HEADER}<two> c00c`), 12)
    one.name()
    two.name()
    expect(nameToText(one.name())).to.equal('one.')
    expect(nameToText(two.name())).to.equal('two.')
  })
  it('gives copies', () => {
    const packet = octets('<example.org>')
    const name = new Reader(packet).name()
    packet.fill(0)
    expect(nameToText(name)).to.equal('example.org.')
  })
  it('takes 255 octets and no more', () => {
    const labels = (first: number) => `${`3f${'61'.repeat(63)}`.repeat(3)}${first.toString(16)}${'62'.repeat(first)}00`
    expect(new Reader(octets(labels(61))).name()).to.have.length(255)
    expect(wireErrorOf(() => new Reader(octets(labels(62))).name())).to.equal('bad-name')
  })
  it('takes 255 octets and no more behind pointers', () => {
    const long = `${HEADER}${`3f${'61'.repeat(63)}`.repeat(3)}3b${'62'.repeat(59)}00`
    const at = octets(long).length
    expect(new Reader(octets(`${long}0161 c00c`), at).name()).to.have.length(255)
    expect(wireErrorOf(() => new Reader(octets(`${long}026161 c00c`), at).name())).to.equal('bad-name')
  })

  for (const [why, offset, body, code] of [
    ['a pointer to itself', 12, 'c00c', 'bad-name'],
    ['a pointer forward', 12, 'c00e 00', 'bad-name'],
    ['a pointer into its own labels', 12, '0161 c00c', 'bad-name'],
    ['a loop of two pointers', 14, 'c00e c00c', 'bad-name'],
    ['a pointer into the header', 12, 'c000', 'bad-name'],
    ['a pointer past the end', 12, 'ffff', 'bad-name'],
    ['half a pointer', 12, 'c0', 'short'],
    ['an extended label (RFC 6891 §5)', 12, '41 00', 'bad-name'],
    ['a label of type 10', 12, '80 00', 'bad-name'],
    ['a label past the end', 12, '05 "abc"', 'short'],
    ['no final zero', 12, '03 "abc"', 'short'],
  ] as const) {
    it(`refuses ${why}`, () => {
      expect(wireErrorOf(() => new Reader(octets(HEADER + body), offset).name())).to.equal(code)
    })
  }

  it('follows 16 pointers in a name and no more', () => {
    // At 12 the root; each pointer at 13 + 2i leads to the one before.
    let chain = '00 c00c'
    for (let i = 1; i < 17; i++) chain += (0xc000 | (13 + 2 * (i - 1))).toString(16)
    const packet = octets(HEADER + chain)
    expect(new Reader(packet, 13 + 2 * 15).name()).to.equal(ROOT)
    expect(wireErrorOf(() => new Reader(packet, 13 + 2 * 16).name())).to.equal('limit')
  })
  it('follows a bounded number of pointers to pointers in a message', () => {
    // A chain of four: 'a' and the root, 'b' and a pointer to that, and so on; then 'x' and a pointer to 'd', often.
    const chain = '0161 00 0162 c00c 0163 c00f 0164 c013'
    const reader = new Reader(octets(`${HEADER} ${chain} ${'0178 c017'.repeat(1000)}`), 12)
    for (let i = 0; i < 4; i++) reader.name()
    let read = 0
    const code = wireErrorOf(() => {
      for (; read < 1000; read++) reader.name()
    })
    expect(code).to.equal('limit')
    expect(read).to.equal(MAX_HOPS_PER_MESSAGE)
  })
  it('expands names to 64 KiB in all and no more', () => {
    const long = `${HEADER}${`3f${'61'.repeat(63)}`.repeat(3)}3b${'62'.repeat(59)}00`
    const reader = new Reader(octets(long + '0178 c00c'.repeat(1000)), 12)
    reader.name()
    let read = 0
    const code = wireErrorOf(() => {
      for (; read < 1000; read++) reader.name()
    })
    expect(code).to.equal('limit')
    expect(read).to.equal(Math.floor(65536 / 255))
  })
})

describe('Reader.skipName', () => {
  it('steps over labels and a final zero', () => {
    const reader = new Reader(octets('<www.example.org> ff'))
    reader.skipName()
    expect(reader.u8()).to.equal(0xff)
  })
  it('stops behind the first pointer without following it', () => {
    const reader = new Reader(octets('0161 ffff ee'))
    reader.skipName()
    expect(reader.u8()).to.equal(0xee)
  })
  it('refuses unknown label types', () => {
    expect(wireErrorOf(() => new Reader(octets('41 00')).skipName())).to.equal('bad-name')
  })
})
