import { expect } from 'chai'
import fc from 'fast-check'
import { equalNames, nameFromText, ROOT } from '../../src/wire/name.ts'
import { Reader } from '../../src/wire/reader.ts'
import { MAX_COMPRESSED_NAMES, Writer } from '../../src/wire/writer.ts'
import { anyName } from './arbitraries.ts'
import { hex, octets, wireErrorOf } from './octets.ts'

const name = nameFromText

/** A Writer that stands behind an empty header. */
function afterHeader(size = 65535): Writer {
  const writer = new Writer(new Uint8Array(size))
  writer.octets(new Uint8Array(12))
  return writer
}

function written(writer: Writer): string {
  return hex(writer.buffer.subarray(12, writer.offset))
}

describe('Writer', () => {
  it('writes numbers in network order', () => {
    const writer = new Writer(new Uint8Array(7))
    writer.u8(0xfe)
    writer.u16(0xfffe)
    writer.u32(0xfffffffe)
    expect(hex(writer.buffer)).to.equal('fefffefffffffe')
  })
  it('copies octets, few or many', () => {
    const writer = new Writer(new Uint8Array(300))
    const many = Uint8Array.from({ length: 200 }, (_, i) => i)
    writer.octets(octets('0102'))
    writer.octets(many)
    expect(hex(writer.buffer.subarray(0, writer.offset))).to.equal(`0102${hex(many)}`)
  })
  it('never passes its limit, nor the buffer', () => {
    for (const writer of [new Writer(new Uint8Array(9), 3), new Writer(new Uint8Array(3), 9)]) {
      expect(wireErrorOf(() => writer.u32(0))).to.equal('no-room')
      expect(wireErrorOf(() => writer.octets(new Uint8Array(4)))).to.equal('no-room')
      expect(wireErrorOf(() => writer.name(name('abc')))).to.equal('no-room')
      writer.u16(0)
      expect(wireErrorOf(() => writer.u16(0))).to.equal('no-room')
      writer.u8(0)
      expect(wireErrorOf(() => writer.u8(0))).to.equal('no-room')
    }
  })
})

describe('Writer.name (RFC 1035 §4.1.4)', () => {
  it('writes a name once, and points at it from then on', () => {
    const writer = afterHeader()
    writer.name(name('www.example.org'))
    writer.name(name('www.example.org'))
    writer.name(name('mail.example.org'))
    writer.name(name('org'))
    expect(written(writer)).to.equal(hex(octets('<www.example.org> c00c 04 "mail" c010 c018')))
  })
  it('never points at the root: it is shorter itself', () => {
    const writer = afterHeader()
    writer.name(name('org'))
    writer.name(ROOT)
    expect(written(writer)).to.equal(hex(octets('<org> 00')))
  })
  it('matches whatever the case, so that answers repeat the case of the question', () => {
    const writer = afterHeader()
    writer.name(name('wWw.eXample.org'))
    writer.name(name('www.example.org'))
    expect(written(writer)).to.equal(hex(octets('<wWw.eXample.org> c00c')))
  })
  it('heeds where labels end', () => {
    const writer = afterHeader()
    writer.name(name('a\\.b'))
    writer.name(name('a.b'))
    expect(written(writer)).to.equal(hex(octets('<a\\.b> <a.b>')))
  })
  it('writes a name whole when told so, and points at it later', () => {
    const writer = afterHeader()
    writer.name(name('example.org'))
    writer.name(name('b.example.org'), false)
    writer.name(name('a.b.example.org'))
    expect(written(writer)).to.equal(hex(octets('<example.org> <b.example.org> 0161 c019')))
  })
  it('points as far as 14 bits reach, and no further', () => {
    const writer = afterHeader()
    writer.octets(new Uint8Array(0x3fff - 12))
    writer.name(name('b'))
    writer.name(name('c'))
    const start = writer.offset
    writer.name(name('a.b'))
    writer.name(name('a.c'))
    expect(hex(writer.buffer.subarray(start, writer.offset))).to.equal(hex(octets('0161 ffff <a.c>')))
  })
  it('remembers only the first names', () => {
    const writer = afterHeader()
    for (let i = 0; i < MAX_COMPRESSED_NAMES; i++) writer.name(name(`n${i}`))
    writer.name(name('late'))
    const before = writer.offset
    writer.name(name('late'))
    writer.name(name('n0'))
    expect(hex(writer.buffer.subarray(before, writer.offset))).to.equal(hex(octets('<late> c00c')))
  })
  it('makes no chains of more than three pointers', () => {
    const writer = afterHeader()
    const names = Array.from({ length: 40 }, (_, i) => name('x.'.repeat(i + 1)))
    for (const deeper of names) writer.name(deeper)
    for (const deeper of names) writer.name(deeper)
    const reader = new Reader(writer.buffer, 12, writer.offset)
    reader.hopsLeft = 0 // so that not one beyond the free ones is allowed
    for (const deeper of [...names, ...names]) expect(reader.name()).to.deep.equal(deeper)
    expect(writer.offset).to.be.below(12 + 80 * 48)
  })
  it('forgets with reset', () => {
    const writer = afterHeader()
    writer.name(name('example.org'))
    writer.reset(new Uint8Array(100))
    writer.octets(new Uint8Array(12))
    writer.name(name('example.org'))
    expect(written(writer)).to.equal(hex(octets('<example.org>')))
  })
  it('is undone by rollback, memory included', () => {
    const writer = afterHeader()
    writer.name(name('example.org'))
    const mark = writer.mark()
    writer.name(name('a.example.org'))
    writer.name(name('example.net'))
    writer.rollback(mark)
    writer.name(name('b.a.example.org'))
    writer.name(name('example.net'))
    expect(written(writer)).to.equal(hex(octets('<example.org> 01 "b" 01 "a" c00c <example.net>')))
  })
  it('is read back to equal names, with and without rollbacks', () => {
    const step = fc.record({ name: anyName, compress: fc.boolean(), undo: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const writer = afterHeader()
        const kept: Uint8Array[] = []
        for (const { name, compress, undo } of steps) {
          const mark = writer.mark()
          writer.name(name, compress)
          if (undo) writer.rollback(mark)
          else kept.push(name)
        }
        const reader = new Reader(writer.buffer, 12, writer.offset)
        reader.hopsLeft = 0 // none beyond those every name may have
        for (const name of kept) expect(equalNames(reader.name(), name)).to.equal(true)
        expect(reader.remaining).to.equal(0)
      }),
      { seed: 1, numRuns: 300 },
    )
  })
})
